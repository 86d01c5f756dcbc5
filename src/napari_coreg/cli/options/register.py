"""What the command register is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import DIRECTION, Command
from napari_coreg.cli.options.shared import settings, two_volumes
from napari_coreg.cli.options.values import seconds, seed, threads

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    two_volumes(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder for the result")
    parser.add_argument("-r", "--recipe", default="rigid", metavar="NAME|FILE", help="see 'presets' (default: rigid)")
    parser.add_argument("--fixed-mask", type=Path, metavar="FILE", help="look only where this volume is not 0")
    parser.add_argument("--moving-mask", type=Path, metavar="FILE", help="the same for the moving volume")
    parser.add_argument(
        "--initial",
        metavar="FILE|HOW",
        help="where to start: a transform file (fixed -> moving) or result folder, or 'given' (the positions in the "
        "headers), 'auto' (a search of all poses), 'centre', 'moments', 'principal_axes', 'phase_correlation', "
        "'fourier_mellin' or 'features'; default: what the recipe says",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="seed of the random choices (default: the recipe's)")
    settings(parser)
    parser.add_argument(
        "--symmetric", action="store_true", help="register both ways, and take the transform half-way between"
    )
    parser.add_argument(
        "--check-swap", action="store_true", help="also register the other way round; the verdict tells how it agrees"
    )
    parser.add_argument("--threads", type=threads, default=0, metavar="N", help="threads; 1 repeats bit for bit")
    parser.add_argument(
        "--upright",
        action="store_true",
        help="bring axes into the order of the world's first, as napari's layers have them: repeats a run of layers",
    )
    parser.add_argument(
        "--time-limit",
        type=seconds,
        metavar="SECONDS",
        help="end the run after so long, and take what there is: the verdict is then 'doubtful' at best",
    )
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="also draw a picture of before and after")
    parser.add_argument("--json", action="store_true", help="print the record as one JSON object, and nothing else")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


COMMAND = Command(
    name="register",
    title="align one volume with another",
    description=(
        f"Find the transform that aligns MOVING with FIXED, and write it with the aligned volume.\n{DIRECTION}\n\n"
        "OUT gets transform.h5 (and .tfm where linear), registered.nii.gz, displacement.nii.gz and\n"
        "result.json, and of a stationary velocity also inverse_transform.h5 and\n"
        "inverse_displacement.nii.gz: all of them or none. Ctrl-C stops cleanly; a second one at once."
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg register ct.nii.gz mr.nii.gz -o out",
        "napari-coreg register t1.nii.gz t2.nii.gz -o out --recipe rigid-affine --overlay out.png",
        "napari-coreg register dicom dicom --fixed-volume 0 --moving-volume 1 -o out",
        "napari-coreg register a.nii.gz b.nii.gz -o again --recipe out/result.json  (as before)",
    ),
)
