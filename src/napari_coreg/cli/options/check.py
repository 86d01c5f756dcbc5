"""What the command check is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command
from napari_coreg.cli.options.shared import settings, two_volumes

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    two_volumes(parser)
    parser.add_argument("-r", "--recipe", default="rigid", metavar="NAME|FILE", help="see 'presets' (default: rigid)")
    parser.add_argument("--fixed-mask", type=Path, metavar="FILE", help="mask that is to be used with FIXED")
    parser.add_argument("--moving-mask", type=Path, metavar="FILE", help="the same for MOVING")
    parser.add_argument("--initial", metavar="FILE|HOW", help="where the run is to start, as for 'register'")
    settings(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


COMMAND = Command(
    name="check",
    title="look for what is wrong before a registration",
    description=(
        "Look at two volumes and a recipe before they are registered: where they lie, units, values, masks, metric,\n"
        "levels, time and memory. Each finding comes with what would mend it. Nothing is changed.\n\n"
        "exit codes: 0 nothing speaks against the run (warnings and notes there may be), 2 it would be refused or fail"
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg check ct.nii.gz mr.nii.gz --recipe ct-mr-head",
        "napari-coreg check a.nii.gz b.nii.gz --recipe bspline --fixed-mask a_brain.nii.gz --json",
    ),
)
