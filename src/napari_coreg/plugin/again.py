"""how_to_repeat(): from a layer to what makes it again outside of napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Repeat:
    """What makes a result again.

    Attributes
    ----------
    script : str
        A Python script.
    command : str
        A line for a POSIX shell.
    recipe : str
        The recipe that was run, as the text of a recipe file.
    notes : tuple of str
        What must be done before they run, such as saving a volume that is in no file; empty where they run as they
        are.
    """

    script: str
    command: str
    recipe: str
    notes: tuple[str, ...] = ()


def repeat_of(layer: Any) -> Repeat | None:
    """Return what makes the result of a layer again; None where the layer is not of a registration."""
    raise NotImplementedError
