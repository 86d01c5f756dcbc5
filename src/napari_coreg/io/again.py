"""A registration's record as what repeats it: a Python script, a command line, a recipe file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def python_script(record: Mapping[str, Any], folder: str | Path | None = None) -> str:
    """Return a Python script that makes the result again."""
    raise NotImplementedError


def command_line(record: Mapping[str, Any], folder: str | Path | None = None) -> str:
    """Return a line for a POSIX shell that makes the result again."""
    raise NotImplementedError


def recipe_json(record: Mapping[str, Any]) -> str:
    """Return the recipe that was run as the text of a recipe file."""
    raise NotImplementedError
