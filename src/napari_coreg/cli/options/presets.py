"""What the command presets is called with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="print this recipe as JSON")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


COMMAND = Command(
    name="presets",
    title="list the recipes, or print one",
    description=("List the recipes that ship, or print one as JSON: a start for a recipe of your own."),
    add_options=_add_options,
    examples=("napari-coreg presets", "napari-coreg presets rigid > my.json"),
)
