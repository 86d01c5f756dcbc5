"""The command presets: the recipes that ship, as a list or one as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.cli.terminal import say, say_json
from napari_coreg.core.presets import load_preset, preset_names

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if options.name is not None:
        say(load_preset(options.name).to_json().rstrip())
        return
    recipes = [load_preset(name) for name in preset_names()]
    if options.json:
        say_json(
            [
                {
                    "name": recipe.name,
                    "title": recipe.title,
                    "description": recipe.description,
                    "stages": [stage.kind for stage in recipe.stages],
                }
                for recipe in recipes
            ]
        )
        return
    width = max(len(recipe.name) for recipe in recipes)
    for recipe in recipes:
        say(f"{recipe.name:{width}}  {recipe.title or recipe.description}")
