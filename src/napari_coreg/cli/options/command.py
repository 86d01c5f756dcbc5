"""A command as its help tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DIRECTION = (
    "A transform maps points of the FIXED volume to points of the MOVING volume (LPS, mm),\n"
    "so it pulls the moving volume onto the fixed one's voxels."
)


@dataclass(frozen=True)
class Command:
    """One command of napari-coreg.

    Attributes
    ----------
    name : str
        The word that calls it; `cli.<name>` runs it.
    title : str
        One line for the list of commands.
    description : str
        For its own help.
    add_options : callable
        Adds its options to its parser.
    examples : tuple of str
        Lines to copy.
    """

    name: str
    title: str
    description: str
    add_options: Callable[[argparse.ArgumentParser], None]
    examples: tuple[str, ...]
