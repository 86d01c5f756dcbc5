"""What the command simulate is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command
from napari_coreg.cli.options.shared import settings
from napari_coreg.cli.options.values import amount, number_or_name, repeats, seed, threads

if TYPE_CHECKING:
    import argparse

INTENSITIES = ("none", "gamma", "remap")

MOVES = (
    ("--rotation", "DEGREES", "turn about the centre of the body", 5),
    ("--shift", "MM", "shift in a random direction", 10),
    ("--deformation", "MM", "longest displacement of the smooth deformation", 5),
    ("--noise", "PART", "standard deviation of noise, as part of the range of values", 0.02),
)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fixed", type=Path, metavar="VOLUME", help="volume to be moved: a file or a DICOM folder")
    parser.add_argument("--volume", type=number_or_name, metavar="N|NAME", help="which volume of VOLUME")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder for what is made")
    parser.add_argument("-r", "--recipe", default="rigid", metavar="NAME|FILE", help="to be tried (default: rigid)")
    settings(parser)
    size = "(default: {}; 0 for none)"
    for word, unit, what, default in MOVES:
        parser.add_argument(word, type=amount, metavar=unit, help=f"{what} {size.format(default)}")
    parser.add_argument(
        "--smoothness", type=amount, metavar="MM", help="how far apart places move differently (default: 40)"
    )
    parser.add_argument(
        "--intensity",
        choices=INTENSITIES,
        help="how values change: not, brighter or darker by a power, or as another modality's (default: none)",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of what is random (%(default)s)")
    parser.add_argument(
        "--repeats", type=repeats, default=1, metavar="N", help="so many simulations, with seeds from --seed on"
    )
    parser.add_argument("--mask", type=Path, metavar="FILE", help="where the error counts (default: the body)")
    parser.add_argument("--threads", type=threads, default=0, metavar="N", help="threads; 1 repeats bit for bit")
    parser.add_argument("--json", action="store_true", help="print the record as one JSON object, and nothing else")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


COMMAND = Command(
    name="simulate",
    title="try a recipe on a volume that was moved by a known transform",
    description=(
        "Turn, shift and deform VOLUME by known amounts, change its values, add noise, register it with itself, and\n"
        "tell how far what was found is from the truth: what the recipe can do on this kind of image, at best.\n\n"
        "OUT gets moving.nii.gz, truth.h5, found.h5 (fixed -> moving), error.nii.gz (mm, on VOLUME's voxels) and\n"
        "simulation.json: all of them or none. With --repeats the seed is in the names of all but the last."
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg simulate mr.nii.gz -o out --recipe fast-bspline",
        "napari-coreg simulate mr.nii.gz -o out --deformation 0 --intensity remap --repeats 5",
    ),
)
