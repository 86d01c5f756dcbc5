"""The recipes that ship with the package, as JSON files in presets/."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from napari_coreg.core.recipe import Recipe
from napari_coreg.errors import RecipeError

_ORDER = (
    "rigid",
    "rigid-affine",
    "affine",
    "translation",
    "bspline",
    "fast-bspline",
    "mr-mr-same-person",
    "ct-mr-head",
    "pet-mr-head",
    "follow-up",
    "brain-to-atlas",
    "ct-lung",
)


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets, plain ones first.

    Examples
    --------
    >>> "rigid" in preset_names()
    True
    """
    found = {item.name.removesuffix(".json") for item in _folder().iterdir() if item.name.endswith(".json")}
    return tuple(name for name in _ORDER if name in found) + tuple(sorted(found - set(_ORDER)))


@cache
def load_preset(name: str) -> Recipe:
    """Return the preset of this name.

    Raises
    ------
    RecipeError
        If there is none, listing those there are.

    Examples
    --------
    >>> [stage.kind for stage in load_preset("rigid-affine").stages]
    ['rigid', 'affine']
    """
    if name not in preset_names():
        raise RecipeError(f"there is no recipe {name!r}; there are: {', '.join(preset_names())}")
    return Recipe.from_mapping(json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8")), source=name)


def find_recipe(recipe: Recipe | str | Path) -> Recipe:
    """Return `recipe` itself, or the preset of that name, or the recipe in that JSON file.

    Raises
    ------
    RecipeError
        If it is neither.
    """
    if isinstance(recipe, Recipe):
        return recipe
    path = Path(recipe)
    if path.suffix.lower() == ".json" or path.is_file():
        return Recipe.from_file(path)
    return load_preset(str(recipe))


def _folder() -> Path:
    return Path(str(files("napari_coreg") / "presets"))
