"""What the command fit is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import DIRECTION, Command
from napari_coreg.cli.options.values import number_or_name

if TYPE_CHECKING:
    import argparse

LANDMARK_MODELS = ("translation", "rigid", "similarity", "affine", "thin_plate")


def _add_options(parser: argparse.ArgumentParser) -> None:
    files = "landmarks: a .csv with the columns x,y,z and name, 3D Slicer's .mrk.json or .fcsv, or .pts, .txt or .vtk"
    parser.add_argument("fixed_points", type=Path, metavar="FIXED_POINTS", help=f"{files}; in the fixed volume")
    parser.add_argument("moving_points", type=Path, metavar="MOVING_POINTS", help="the same in the moving volume")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="transform file to write")
    parser.add_argument("--model", choices=LANDMARK_MODELS, default="rigid", help="what to fit (%(default)s)")
    parser.add_argument("--like", type=Path, metavar="FIXED", help="fixed volume: where a thin_plate is sampled")
    parser.add_argument("--like-volume", type=number_or_name, metavar="N|NAME", help="which volume of FIXED")
    parser.add_argument(
        "--smoothing",
        type=float,
        default=0.0,
        metavar="MM",
        help="let a thin_plate pass the landmarks by to bend less; 0 goes through all (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


COMMAND = Command(
    name="fit",
    title="fit a transform to landmarks set in both volumes",
    description=(
        f"Fit a transform to landmarks that were set in both volumes, and tell how far each is off.\n{DIRECTION}\n"
        "Landmarks are paired by name where the files share names, else by order. The table lists, worst first,\n"
        "the residual of each landmark, and its error when it is left out and the others alone are fitted."
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg fit on_ct.csv on_mr.csv -o start.tfm",
        "napari-coreg register ct.nii.gz mr.nii.gz -o out --initial start.tfm",
        "napari-coreg fit on_ct.mrk.json on_mr.mrk.json --model thin_plate --like ct.nii.gz -o bent.h5",
    ),
)
