"""What the command demo is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("napari-coreg-demo"), metavar="DIR", help="folder (%(default)s)"
    )
    parser.add_argument("--sample", default="ct-mr", metavar="KEY", help="which pair of volumes (%(default)s)")
    parser.add_argument("--no-gui", action="store_true", help="do not open napari at the end")


COMMAND = Command(
    name="demo",
    title="register two sample volumes and look at the result",
    description=(
        "Register a pair of sample volumes whose true transform is known, tell the error, and show the result\n"
        "in napari where there is a display."
    ),
    add_options=_add_options,
    examples=("napari-coreg demo", "napari-coreg demo --sample t1-t2 --no-gui -o out"),
)
