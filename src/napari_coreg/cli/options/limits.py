"""What the command limits is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="limits to look at (the default ones)")
    parser.add_argument("--json", action="store_true", help="print them as JSON, to be edited")


COMMAND = Command(
    name="limits",
    title="show the limits that registrations are held against",
    description=(
        "Show the limits that 'evaluate' and 'report' hold numbers against, with where each comes from. To use\n"
        "others, print them as JSON, edit that, and give it as --limits; a measure without a limit is told, but\n"
        "not graded."
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg limits",
        "napari-coreg limits --json > limits.json",
        "napari-coreg evaluate out --limits limits.json",
    ),
)
