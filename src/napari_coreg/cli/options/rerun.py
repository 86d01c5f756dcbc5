"""What the command rerun is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command
from napari_coreg.cli.options.values import millimetres, threads

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder of a result")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder for the new result; else none is kept")
    for role in ("fixed", "moving", "fixed-mask", "moving-mask"):
        what = f"{role.replace('-', ' ')}" if role.endswith("mask") else f"{role} volume"
        parser.add_argument(f"--{role}", type=Path, metavar="FILE", help=f"where the {what} is now")
    parser.add_argument("--initial", type=Path, metavar="FILE", help="where the transform is that the run began from")
    parser.add_argument("--threads", type=threads, metavar="N", help="threads (default: as recorded)")
    parser.add_argument("--anyway", action="store_true", help="run, too, where a file is not the one of the run")
    parser.add_argument(
        "--within",
        type=millimetres,
        default=0.01,
        metavar="MM",
        help="how far apart the two transforms may put a voxel of the fixed volume (%(default)s)",
    )
    parser.add_argument(
        "--show", choices=("script", "command", "recipe"), help="print what repeats the run, and run nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


COMMAND = Command(
    name="rerun",
    title="run a result again and compare",
    description=(
        "Run a result again from its record: the same files, masks, start, recipe, seed and threads. Files are held\n"
        "against their fingerprints first, so that another volume is refused. Tells whether the same transform comes\n"
        "of it, bit for bit, or how far apart the two put the voxels of the fixed volume.\n\n"
        "exit codes: 0 identical or within --within, 2 bad input, 3 further apart or failed, 130 cancelled"
    ),
    add_options=_add_options,
    examples=(
        "napari-coreg rerun out",
        "napari-coreg rerun out -o again --fixed moved/ct.nii.gz",
        "napari-coreg rerun out --show script > again.py",
    ),
)
