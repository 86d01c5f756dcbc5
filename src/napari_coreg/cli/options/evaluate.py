"""What the command evaluate is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command
from napari_coreg.cli.options.shared import subject

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    subject(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a line for each number to this file")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="also draw a picture of before and after")
    parser.add_argument("--json", action="store_true", help="print one JSON object, by the schema of quality")


COMMAND = Command(
    name="evaluate",
    title="measure a registration, and hold it against limits",
    description=(
        "Measure a registration in every way that what is known of it allows: the verdict that any transform\n"
        "gets from the two volumes, the error at landmarks, overlap and distance of structures, what the\n"
        "transform does to space, and how alike the intensities are, before and after. What is wrong comes first.\n\n"
        "Intensities and inverse consistency do not prove that a registration is accurate: without landmarks\n"
        "or labels it is 'look' at best.\n\n"
        "exit codes: 0 pass or look, 2 bad input, 3 fail, 130 cancelled"
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg evaluate out  (the folder of a result, with the volumes it was made of)",
        "napari-coreg evaluate ct.nii.gz mr.nii.gz -t other.tfm --fixed-points ct.csv --moving-points mr.csv",
        "napari-coreg evaluate a.nii.gz b.nii.gz -t out --fixed-labels a_seg.nii.gz --moving-labels b_seg.nii.gz",
        "napari-coreg evaluate out --check inverse-consistency --check repeatability --json > quality.json",
    ),
)
