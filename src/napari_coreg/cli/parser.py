"""The words of the command line: commands, options, help. Imports nothing heavy, so that --help is quick."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import napari_coreg

if TYPE_CHECKING:
    from collections.abc import Callable

INITIALIZATIONS = (
    "auto",
    "given",
    "centre",
    "moments",
    "principal_axes",
    "phase_correlation",
    "fourier_mellin",
    "features",
)
LANDMARK_MODELS = ("translation", "rigid", "similarity", "affine", "thin_plate")
CHECKS = ("inverse-consistency", "repeatability", "simulation")
INTENSITIES = ("none", "gamma", "remap")
INTERPOLATORS = ("nearest", "linear", "bspline", "windowed_sinc", "label")

_MOVES = (
    ("--rotation", "DEGREES", "turn about the centre of the body", 5),
    ("--shift", "MM", "shift in a random direction", 10),
    ("--deformation", "MM", "longest displacement of the smooth deformation", 5),
    ("--noise", "PART", "standard deviation of noise, as part of the range of values", 0.02),
)
_DIRECTION = (
    "A transform maps points of the FIXED volume to points of the MOVING volume (LPS, mm),\n"
    "so it pulls the moving volume onto the fixed one's voxels."
)
_EXIT_CODES = "exit codes: 0 done, 2 bad input, 3 the registration or its verdict is 'failed', 130 cancelled"


class _Parser(argparse.ArgumentParser):
    """Tells an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"napari-coreg: error: {' '.join(message.split())} (see {self.prog} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command napari-coreg; the chosen command stands in `command`."""
    parser = _Parser(
        prog="napari-coreg",
        description="Register medical volumes (NIfTI, DICOM folders, NRRD, MetaImage): CT, MRI, PET.",
        epilog=f"{_examples('napari-coreg demo', 'napari-coreg register ct.nii.gz mr.nii.gz -o out')}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"napari-coreg {napari_coreg.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, title, describe, fill, examples in _COMMANDS:
        command = commands.add_parser(
            name,
            help=title,
            description=describe,
            epilog=_examples(*examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        fill(command)
    return parser


def _examples(*lines: str) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


def _number_or_name(word: str) -> int | str:
    return int(word) if word.isdecimal() else word


def _seed(word: str) -> int:
    if not word.isdecimal() or int(word) >= 2**31:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 0 to {2**31 - 1}")
    return int(word)


def _threads(word: str) -> int:
    if not word.isdecimal() or int(word) > 1024:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 0 to 1024")
    return int(word)


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of seconds, 0 or more")
    return seconds


def _millimetres(word: str) -> float:
    try:
        distance = float(word)
    except ValueError:
        distance = math.nan
    if not 0 <= distance < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not a distance in mm, 0 or more")
    return distance


def _tolerance(word: str) -> float:
    try:
        length = float(word)
    except ValueError:
        length = math.nan
    if not 0 < length < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not a length in mm, more than 0")
    return length


def _amount(word: str) -> float:
    try:
        amount = float(word)
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number, 0 or more")
    return amount


def _repeats(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= 1000:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1 to 1000")
    return int(word)


def _two_volumes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fixed", type=Path, metavar="FIXED", help="volume that stays: a file or a DICOM folder")
    parser.add_argument("moving", type=Path, metavar="MOVING", help="volume that is aligned with it")
    choose = "which volume, where FIXED or MOVING holds several: its number (from 0) or a part of its name; see 'info'"
    parser.add_argument("--fixed-volume", type=_number_or_name, metavar="N|NAME", help=choose)
    parser.add_argument("--moving-volume", type=_number_or_name, metavar="N|NAME", help="the same for MOVING")


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="another value in the recipe, by its path: --set stages.0.metric.number_of_histogram_bins=32",
    )


def _register(parser: argparse.ArgumentParser) -> None:
    _two_volumes(parser)
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
    parser.add_argument("--seed", type=_seed, metavar="N", help="seed of the random choices (default: the recipe's)")
    _settings(parser)
    parser.add_argument(
        "--symmetric", action="store_true", help="register both ways, and take the transform half-way between"
    )
    parser.add_argument(
        "--check-swap", action="store_true", help="also register the other way round; the verdict tells how it agrees"
    )
    parser.add_argument("--threads", type=_threads, default=0, metavar="N", help="threads; 1 repeats bit for bit")
    parser.add_argument(
        "--upright",
        action="store_true",
        help="bring axes into the order of the world's first, as napari's layers have them: repeats a run of layers",
    )
    parser.add_argument(
        "--time-limit",
        type=_seconds,
        metavar="SECONDS",
        help="end the run after so long, and take what there is: the verdict is then 'doubtful' at best",
    )
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="also draw a picture of before and after")
    parser.add_argument("--json", action="store_true", help="print the record as one JSON object, and nothing else")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _rerun(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder of a result")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder for the new result; else none is kept")
    for role in ("fixed", "moving", "fixed-mask", "moving-mask"):
        what = f"{role.replace('-', ' ')}" if role.endswith("mask") else f"{role} volume"
        parser.add_argument(f"--{role}", type=Path, metavar="FILE", help=f"where the {what} is now")
    parser.add_argument("--initial", type=Path, metavar="FILE", help="where the transform is that the run began from")
    parser.add_argument("--threads", type=_threads, metavar="N", help="threads (default: as recorded)")
    parser.add_argument("--anyway", action="store_true", help="run, too, where a file is not the one of the run")
    parser.add_argument(
        "--within",
        type=_millimetres,
        default=0.01,
        metavar="MM",
        help="how far apart the two transforms may put a voxel of the fixed volume (%(default)s)",
    )
    parser.add_argument(
        "--show", choices=("script", "command", "recipe"), help="print what repeats the run, and run nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _check(parser: argparse.ArgumentParser) -> None:
    _two_volumes(parser)
    parser.add_argument("-r", "--recipe", default="rigid", metavar="NAME|FILE", help="see 'presets' (default: rigid)")
    parser.add_argument("--fixed-mask", type=Path, metavar="FILE", help="mask that is to be used with FIXED")
    parser.add_argument("--moving-mask", type=Path, metavar="FILE", help="the same for MOVING")
    parser.add_argument("--initial", metavar="FILE|HOW", help="where the run is to start, as for 'register'")
    _settings(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("transform", type=Path, metavar="TRANSFORM", help="transform file, or the folder of a result")
    parser.add_argument("image", type=Path, nargs="?", metavar="IMAGE", help="a volume in the moving volume's space")
    parser.add_argument("--volume", type=_number_or_name, metavar="N|NAME", help="which volume of IMAGE")
    parser.add_argument("--like", type=Path, metavar="FIXED", help="volume whose voxels the result shall have")
    parser.add_argument("--like-volume", type=_number_or_name, metavar="N|NAME", help="which volume of FIXED")
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
        help="the other way round: IMAGE lies in the fixed volume's space and --like is the moving volume; points go "
        "and surfaces from the moving volume to the fixed one. An inverse that is not closed (of a linear transform, "
        "or in the folder of a result) is found numerically, and its error is told",
    )
    parser.add_argument(
        "--inverse-tolerance",
        type=_tolerance,
        default=0.5,
        metavar="MM",
        help="refuse a numerical inverse whose error is larger anywhere (%(default)s)",
    )


def subject(parser: argparse.ArgumentParser) -> None:
    """Add the words that say what is judged; `evaluate` and `report` share them."""
    parser.add_argument(
        "fixed", type=Path, nargs="?", metavar="FIXED", help="volume that stays; with the folder of a result, its own"
    )
    parser.add_argument("moving", type=Path, nargs="?", metavar="MOVING", help="volume that is aligned with it")
    parser.add_argument("--fixed-volume", type=_number_or_name, metavar="N|NAME", help="which volume of FIXED")
    parser.add_argument("--moving-volume", type=_number_or_name, metavar="N|NAME", help="which volume of MOVING")
    parser.add_argument("-t", "--transform", type=Path, metavar="T", help="transform file or result folder to judge")
    parser.add_argument("--fixed-mask", type=Path, metavar="FILE", help="also look only where this volume is not 0")
    parser.add_argument("--moving-mask", type=Path, metavar="FILE", help="the same for MOVING")
    parser.add_argument("--fixed-labels", type=Path, metavar="A", help="volume of labels of structures in FIXED")
    parser.add_argument("--moving-labels", type=Path, metavar="B", help="the same structures in MOVING")
    parser.add_argument(
        "--label-names", type=Path, metavar="FILE", help="names of the labels: .csv (label,name) or a colour table"
    )
    parser.add_argument("--fixed-points", type=Path, metavar="P", help="landmarks, for the target registration error")
    parser.add_argument("--moving-points", type=Path, metavar="Q", help="the same landmarks in MOVING")
    parser.add_argument(
        "--backward", type=Path, metavar="T", help="transform or result of MOVING <- FIXED, for inverse consistency"
    )
    parser.add_argument(
        "--to-third", type=Path, metavar="T", help="transform or result, FIXED -> a third volume, for transitivity"
    )
    parser.add_argument("--from-third", type=Path, metavar="T", help="transform or result, that volume -> MOVING")
    parser.add_argument("--limits", type=Path, metavar="FILE", help="limits instead of the default ones; see 'limits'")
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        choices=CHECKS,
        help="also run the recipe again: the other way round, from other starts, on a known motion (takes minutes; "
        "can be given several times)",
    )


def _evaluate(parser: argparse.ArgumentParser) -> None:
    subject(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a line for each number to this file")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="also draw a picture of before and after")
    parser.add_argument("--json", action="store_true", help="print one JSON object, by the schema of quality")


def _report(parser: argparse.ArgumentParser) -> None:
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


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="limits to look at (the default ones)")
    parser.add_argument("--json", action="store_true", help="print them as JSON, to be edited")


def _simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fixed", type=Path, metavar="VOLUME", help="volume to be moved: a file or a DICOM folder")
    parser.add_argument("--volume", type=_number_or_name, metavar="N|NAME", help="which volume of VOLUME")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder for what is made")
    parser.add_argument("-r", "--recipe", default="rigid", metavar="NAME|FILE", help="to be tried (default: rigid)")
    _settings(parser)
    size = "(default: {}; 0 for none)"
    for word, unit, what, default in _MOVES:
        parser.add_argument(word, type=_amount, metavar=unit, help=f"{what} {size.format(default)}")
    parser.add_argument(
        "--smoothness", type=_amount, metavar="MM", help="how far apart places move differently (default: 40)"
    )
    parser.add_argument(
        "--intensity",
        choices=INTENSITIES,
        help="how values change: not, brighter or darker by a power, or as another modality's (default: none)",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="seed of what is random (%(default)s)")
    parser.add_argument(
        "--repeats", type=_repeats, default=1, metavar="N", help="so many simulations, with seeds from --seed on"
    )
    parser.add_argument("--mask", type=Path, metavar="FILE", help="where the error counts (default: the body)")
    parser.add_argument("--threads", type=_threads, default=0, metavar="N", help="threads; 1 repeats bit for bit")
    parser.add_argument("--json", action="store_true", help="print the record as one JSON object, and nothing else")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _fit(parser: argparse.ArgumentParser) -> None:
    files = "landmarks: a .csv with the columns x,y,z and name, 3D Slicer's .mrk.json or .fcsv, or .pts, .txt or .vtk"
    parser.add_argument("fixed_points", type=Path, metavar="FIXED_POINTS", help=f"{files}; in the fixed volume")
    parser.add_argument("moving_points", type=Path, metavar="MOVING_POINTS", help="the same in the moving volume")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="transform file to write")
    parser.add_argument("--model", choices=LANDMARK_MODELS, default="rigid", help="what to fit (%(default)s)")
    parser.add_argument("--like", type=Path, metavar="FIXED", help="fixed volume: where a thin_plate is sampled")
    parser.add_argument("--like-volume", type=_number_or_name, metavar="N|NAME", help="which volume of FIXED")
    parser.add_argument(
        "--smoothing",
        type=float,
        default=0.0,
        metavar="MM",
        help="let a thin_plate pass the landmarks by to bend less; 0 goes through all (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _presets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="print this recipe as JSON")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("napari-coreg-demo"), metavar="DIR", help="folder (%(default)s)"
    )
    parser.add_argument("--sample", default="ct-mr", metavar="KEY", help="which pair of volumes (%(default)s)")
    parser.add_argument("--no-gui", action="store_true", help="do not open napari at the end")


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="volume file, or folder of DICOM files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


_COMMANDS: tuple[tuple[str, str, str, Callable[[argparse.ArgumentParser], None], tuple[str, ...]], ...] = (
    (
        "register",
        "align one volume with another",
        f"Find the transform that aligns MOVING with FIXED, and write it with the aligned volume.\n{_DIRECTION}\n\n"
        "OUT gets transform.h5 (and .tfm where linear), registered.nii.gz, displacement.nii.gz and\n"
        "result.json, and of a stationary velocity also inverse_transform.h5 and\n"
        "inverse_displacement.nii.gz: all of them or none. Ctrl-C stops cleanly; a second one at once.",
        _register,
        (
            "napari-coreg register ct.nii.gz mr.nii.gz -o out",
            "napari-coreg register t1.nii.gz t2.nii.gz -o out --recipe rigid-affine --overlay out.png",
            "napari-coreg register dicom dicom --fixed-volume 0 --moving-volume 1 -o out",
            "napari-coreg register a.nii.gz b.nii.gz -o again --recipe out/result.json  (as before)",
        ),
    ),
    (
        "rerun",
        "run a result again and compare",
        "Run a result again from its record: the same files, masks, start, recipe, seed and threads. Files are held\n"
        "against their fingerprints first, so that another volume is refused. Tells whether the same transform comes\n"
        "of it, bit for bit, or how far apart the two put the voxels of the fixed volume.\n\n"
        "exit codes: 0 identical or within --within, 2 bad input, 3 further apart or failed, 130 cancelled",
        _rerun,
        (
            "napari-coreg rerun out",
            "napari-coreg rerun out -o again --fixed moved/ct.nii.gz",
            "napari-coreg rerun out --show script > again.py",
        ),
    ),
    (
        "check",
        "look for what is wrong before a registration",
        "Look at two volumes and a recipe before they are registered: where they lie, units, values, masks, metric,\n"
        "levels, time and memory. Each finding comes with what would mend it. Nothing is changed.\n\n"
        "exit codes: 0 nothing speaks against the run (warnings and notes there may be), 2 it would be refused or fail",
        _check,
        (
            "napari-coreg check ct.nii.gz mr.nii.gz --recipe ct-mr-head",
            "napari-coreg check a.nii.gz b.nii.gz --recipe bspline --fixed-mask a_brain.nii.gz --json",
        ),
    ),
    (
        "apply",
        "carry another volume, labels, points or a surface through a transform",
        f"Apply a transform to a volume, labels, points or a surface.\n{_DIRECTION}\n"
        "Points and surfaces go the way the transform maps: from the fixed volume to the moving one.\n"
        "--inverse turns both round.",
        _apply,
        (
            "napari-coreg apply out labels.nii.gz --like ct.nii.gz -o labels_on_ct.nii.gz --labels",
            "napari-coreg apply out/transform.tfm --points on_ct.csv -o on_mr.csv",
            "napari-coreg apply out --surface mr_cortex.gii -o cortex_on_ct.gii --inverse",
            "napari-coreg apply out ct_dose.nii.gz --like mr.nii.gz -o dose_on_mr.nii.gz --inverse",
        ),
    ),
    (
        "evaluate",
        "measure a registration, and hold it against limits",
        "Measure a registration in every way that what is known of it allows: the verdict that any transform\n"
        "gets from the two volumes, the error at landmarks, overlap and distance of structures, what the\n"
        "transform does to space, and how alike the intensities are, before and after. What is wrong comes first.\n\n"
        "Intensities and inverse consistency do not prove that a registration is accurate: without landmarks\n"
        "or labels it is 'look' at best.\n\n"
        "exit codes: 0 pass or look, 2 bad input, 3 fail, 130 cancelled",
        _evaluate,
        (
            "napari-coreg evaluate out  (the folder of a result, with the volumes it was made of)",
            "napari-coreg evaluate ct.nii.gz mr.nii.gz -t other.tfm --fixed-points ct.csv --moving-points mr.csv",
            "napari-coreg evaluate a.nii.gz b.nii.gz -t out --fixed-labels a_seg.nii.gz --moving-labels b_seg.nii.gz",
            "napari-coreg evaluate out --check inverse-consistency --check repeatability --json > quality.json",
        ),
    ),
    (
        "report",
        "write all that can be measured as one HTML file to hand over",
        "Measure a registration as 'evaluate' does, and write the report: one HTML file with pictures, numbers,\n"
        "limits, what the numbers can and cannot tell, and how the registration was made. It needs no network and\n"
        "prints on A4. FIXED alone may be the folder of a result, with the volumes it was made of.\n\n"
        "exit codes: 0 pass or look, 2 bad input, 3 fail, 130 cancelled",
        _report,
        (
            "napari-coreg report out -o report.html",
            "napari-coreg report out -o report.html --check inverse-consistency --signed-by 'A. Physicist'",
            "napari-coreg report ct.nii.gz mr.nii.gz -t other.tfm -o report.html --json quality.json --csv quality.csv",
        ),
    ),
    (
        "limits",
        "show the limits that registrations are held against",
        "Show the limits that 'evaluate' and 'report' hold numbers against, with where each comes from. To use\n"
        "others, print them as JSON, edit that, and give it as --limits; a measure without a limit is told, but\n"
        "not graded.",
        _limits,
        (
            "napari-coreg limits",
            "napari-coreg limits --json > limits.json",
            "napari-coreg evaluate out --limits limits.json",
        ),
    ),
    (
        "simulate",
        "try a recipe on a volume that was moved by a known transform",
        "Turn, shift and deform VOLUME by known amounts, change its values, add noise, register it with itself, and\n"
        "tell how far what was found is from the truth: what the recipe can do on this kind of image, at best.\n\n"
        "OUT gets moving.nii.gz, truth.h5, found.h5 (fixed -> moving), error.nii.gz (mm, on VOLUME's voxels) and\n"
        "simulation.json: all of them or none. With --repeats the seed is in the names of all but the last.",
        _simulate,
        (
            "napari-coreg simulate mr.nii.gz -o out --recipe fast-bspline",
            "napari-coreg simulate mr.nii.gz -o out --deformation 0 --intensity remap --repeats 5",
        ),
    ),
    (
        "fit",
        "fit a transform to landmarks set in both volumes",
        f"Fit a transform to landmarks that were set in both volumes, and tell how far each is off.\n{_DIRECTION}\n"
        "Landmarks are paired by name where the files share names, else by order. The table lists, worst first,\n"
        "the residual of each landmark, and its error when it is left out and the others alone are fitted.",
        _fit,
        (
            "napari-coreg fit on_ct.csv on_mr.csv -o start.tfm",
            "napari-coreg register ct.nii.gz mr.nii.gz -o out --initial start.tfm",
            "napari-coreg fit on_ct.mrk.json on_mr.mrk.json --model thin_plate --like ct.nii.gz -o bent.h5",
        ),
    ),
    (
        "presets",
        "list the recipes, or print one",
        "List the recipes that ship, or print one as JSON: a start for a recipe of your own.",
        _presets,
        ("napari-coreg presets", "napari-coreg presets rigid > my.json"),
    ),
    (
        "demo",
        "register two sample volumes and look at the result",
        "Register a pair of sample volumes whose true transform is known, tell the error, and show the result\n"
        "in napari where there is a display.",
        _demo,
        ("napari-coreg demo", "napari-coreg demo --sample t1-t2 --no-gui -o out"),
    ),
    (
        "info",
        "list the volumes in a file or DICOM folder",
        "List the volumes in a file or DICOM folder: number, name, voxels, orientation, modality, and what is special.",
        _info,
        ("napari-coreg info dicom_folder", "napari-coreg info scan.nii.gz --json"),
    ),
)
