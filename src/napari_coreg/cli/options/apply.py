"""What the command apply is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import DIRECTION, Command
from napari_coreg.cli.options.values import number_or_name, tolerance

if TYPE_CHECKING:
    import argparse

INTERPOLATORS = ("nearest", "linear", "bspline", "windowed_sinc", "label")


def _add_options(parser: argparse.ArgumentParser) -> None:
    _add_what_is_carried(parser)
    _add_how(parser)


def _add_what_is_carried(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("transform", type=Path, metavar="TRANSFORM", help="transform file, or the folder of a result")
    parser.add_argument("image", type=Path, nargs="?", metavar="IMAGE", help="a volume in the moving volume's space")
    parser.add_argument("--volume", type=number_or_name, metavar="N|NAME", help="which volume of IMAGE")
    parser.add_argument("--like", type=Path, metavar="FIXED", help="volume whose voxels the result shall have")
    parser.add_argument("--like-volume", type=number_or_name, metavar="N|NAME", help="which volume of FIXED")
    parser.add_argument("--points", type=Path, metavar="FILE", help="map these points of the fixed volume instead")
    parser.add_argument(
        "--surface",
        type=Path,
        metavar="FILE",
        help="map this surface of the fixed volume instead: GIFTI, FreeSurfer, .vtk, .ply, .stl or .obj",
    )
    parser.add_argument(
        "--frame",
        choices=("lps", "ras"),
        help="frame of the surface's vertices, where its file does not tell (lps; ras for GIFTI)",
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="volume (or points, or surface) to write"
    )
    parser.add_argument(
        "--labels", action="store_true", help="IMAGE holds labels: no new values (nearest, 0 where there is no voxel)"
    )
    parser.add_argument(
        "--interpolator", choices=INTERPOLATORS, help="default: linear, nearest for --labels, which takes label as well"
    )
    parser.add_argument("--background", type=float, metavar="V", help="value where there is no voxel (its minimum)")
    parser.add_argument(
        "--inverse",
        action="store_true",
        help="the other way round: IMAGE lies in the fixed volume's space and --like is the moving volume; points and "
        "surfaces go from the moving volume to the fixed one. An inverse that is not closed (of a linear transform, "
        "or in the folder of a result) is found numerically, and its error is told",
    )
    parser.add_argument(
        "--inverse-tolerance",
        type=tolerance,
        default=0.5,
        metavar="MM",
        help="refuse a numerical inverse whose error is larger anywhere (%(default)s)",
    )


COMMAND = Command(
    name="apply",
    title="carry another volume, labels, points or a surface through a transform",
    description=(
        f"Apply a transform to a volume, labels, points or a surface.\n{DIRECTION}\n"
        "Points and surfaces go the way the transform maps: from the fixed volume to the moving one.\n"
        "--inverse turns both round."
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg apply out labels.nii.gz --like ct.nii.gz -o labels_on_ct.nii.gz --labels",
        "napari-coreg apply out/transform.tfm --points on_ct.csv -o on_mr.csv",
        "napari-coreg apply out --surface mr_cortex.gii -o cortex_on_ct.gii --inverse",
        "napari-coreg apply out ct_dose.nii.gz --like mr.nii.gz -o dose_on_mr.nii.gz --inverse",
    ),
)
