"""Records of results that earlier versions wrote, brought to the schema of this one, one version after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.core.result import SCHEMA_VERSION
from napari_coreg.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

UNKNOWN_START = "the record was written by an earlier version, which kept neither the start nor its fingerprint"


def migrated(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return a record in the schema of this version; what was read is not changed.

    Parameters
    ----------
    record : mapping
        As it was read from result.json.
    path : Path
        Where, for errors.

    Raises
    ------
    FileError
        If a later version wrote it, or it does not tell its version, or it is damaged.
    """
    version = record.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FileError(f"{path}: has the schema version {version!r}, which is none; it is damaged")
    if version > SCHEMA_VERSION:
        raise FileError(
            f"{path}: has the schema version {version}, and this program reads those up to {SCHEMA_VERSION}; update "
            "napari-coreg"
        )
    values = dict(record)
    try:
        for step in range(version, SCHEMA_VERSION):
            values = {**_STEPS[step](values), "schema_version": step + 1}
    except (AttributeError, TypeError, ValueError) as error:
        raise FileError(f"{path}: not a readable record of a registration ({error})") from error
    return values


def _from_1(record: dict[str, Any]) -> dict[str, Any]:
    """Version 1 told neither the start, nor whether the other way round was registered, nor which volume of a file."""
    recipe, measures = record.get("recipe") or {}, record.get("verdict_measures") or {}
    inputs = {role: _origin_from_1(origin) for role, origin in (record.get("inputs") or {}).items()}
    was_given = record.get("initialization") == "given" and recipe.get("initialization") != "given"
    has_start = was_given or "initial_transform" in inputs
    return {
        **record,
        "time_limit": None,
        "check_swap": measures.get("swap_mm") is not None and not recipe.get("symmetric", False),
        "initial_transform": {"fingerprint": None, "parts": None, "why": UNKNOWN_START} if has_start else None,
        "inputs": inputs,
    }


def _origin_from_1(origin: Any) -> dict[str, Any]:
    """Return what a volume was; version 1 of projects and of napari wrote its path or its name, as mere text."""
    if isinstance(origin, str):
        is_path = "/" in origin or "\\" in origin
        return {"path": origin if is_path else None, "name": None if is_path else origin}
    return dict(origin)


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
