"""The command limits: shows the limits that numbers are held against, and prints them to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.cli.quality_table import limits_text
from napari_coreg.cli.terminal import say
from napari_coreg.core.quality.limits import DEFAULT_LIMITS
from napari_coreg.io.quality_files import limits_json, read_limits

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    limits = DEFAULT_LIMITS if options.file is None else read_limits(options.file)
    say(limits_json(limits).rstrip("\n") if options.json else limits_text(limits))
