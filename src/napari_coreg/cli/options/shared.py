"""Options that several commands share: the two volumes, changes to a recipe, what is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.values import number_or_name

if TYPE_CHECKING:
    import argparse

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
CHECKS = ("inverse-consistency", "repeatability", "simulation")


def two_volumes(parser: argparse.ArgumentParser) -> None:
    """Add the volumes, and which one where a file holds several."""
    parser.add_argument("fixed", type=Path, metavar="FIXED", help="volume that stays: a file or a DICOM folder")
    parser.add_argument("moving", type=Path, metavar="MOVING", help="volume that is aligned with it")
    choose = "which volume, where FIXED or MOVING holds several: its number (from 0) or a part of its name; see 'info'"
    parser.add_argument("--fixed-volume", type=number_or_name, metavar="N|NAME", help=choose)
    parser.add_argument("--moving-volume", type=number_or_name, metavar="N|NAME", help="the same for MOVING")


def settings(parser: argparse.ArgumentParser) -> None:
    """Add what changes values of a recipe."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="another value in the recipe, by its path: --set stages.0.metric.number_of_histogram_bins=32",
    )


def subject(parser: argparse.ArgumentParser) -> None:
    """Add the words that say what is judged; `evaluate` and `report` share them."""
    parser.add_argument(
        "fixed", type=Path, nargs="?", metavar="FIXED", help="volume that stays; with the folder of a result, its own"
    )
    parser.add_argument("moving", type=Path, nargs="?", metavar="MOVING", help="volume that is aligned with it")
    parser.add_argument("--fixed-volume", type=number_or_name, metavar="N|NAME", help="which volume of FIXED")
    parser.add_argument("--moving-volume", type=number_or_name, metavar="N|NAME", help="which volume of MOVING")
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
