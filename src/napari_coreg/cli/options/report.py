"""What the command report is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command
from napari_coreg.cli.options.shared import subject

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    subject(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="HTML", help="report to write, .html")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to this file as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a line for each number to this file")
    parser.add_argument(
        "--signed-by",
        action="append",
        default=[],
        metavar="NAME",
        help="name on a signature line: the first made it, the second checked it, the third approved it; may be given "
        "up to three times",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


COMMAND = Command(
    name="report",
    title="write all that can be measured as one HTML file to hand over",
    description=(
        "Measure a registration as 'evaluate' does, and write the report: one HTML file with pictures, numbers,\n"
        "limits, what the numbers can and cannot tell, and how the registration was made. It needs no network and\n"
        "prints on A4. FIXED alone may be the folder of a result, with the volumes it was made of.\n\n"
        "exit codes: 0 pass or look, 2 bad input, 3 fail, 130 cancelled"
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg report out -o report.html",
        "napari-coreg report out -o report.html --check inverse-consistency --signed-by 'A. Physicist'",
        "napari-coreg report ct.nii.gz mr.nii.gz -t other.tfm -o report.html --json quality.json --csv quality.csv",
    ),
)
