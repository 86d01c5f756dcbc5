"""Single settings of a recipe by their path: changed one at a time, and what differs between two recipes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from napari_coreg.core.recipe import Recipe
from napari_coreg.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_settings(recipe: Recipe, settings: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """Return the recipe with other values at some paths.

    Parameters
    ----------
    recipe : Recipe
        Where to begin.
    settings : mapping of str to JSON value
        Names and numbers (from 0) that lead to a value, joined by dots, and the value:
        "stages.0.metric.number_of_histogram_bins".
    source : str
        What an error calls the recipe.

    Raises
    ------
    RecipeError
        If a path leads nowhere, or the recipe with the values in it is not valid.

    Examples
    --------
    >>> from napari_coreg import load_preset
    >>> changed = with_settings(load_preset("rigid"), {"stages.0.sampling.minimum_samples": 9000})
    >>> changed.stages[0].sampling.minimum_samples
    9000
    """
    values = recipe.model_dump(mode="json")
    for path, value in settings.items():
        *way, last = path.split(".")
        place: Any = values
        for name in way:
            place = _inside(place, name, path)
        _inside(place, last, path)
        place[int(last) if isinstance(place, list) else last] = copy.deepcopy(value)
    return Recipe.from_mapping(values, source=source)


def changed_settings(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return the settings that make `after` of `before`; a part of another kind is one whole value.

    Examples
    --------
    >>> from napari_coreg import load_preset
    >>> preset = load_preset("rigid")
    >>> changed_settings(preset, preset.model_copy(update={"seed": 7}))
    {'seed': 7}
    """
    return _changes(before.model_dump(mode="json"), after.model_dump(mode="json"), "")


def _inside(place: Any, name: str, path: str) -> Any:
    if isinstance(place, list) and name.isdecimal() and int(name) < len(place):
        return place[int(name)]
    if isinstance(place, dict) and name in place:
        return place[name]
    found = ", ".join(place) if isinstance(place, dict) else f"0 to {len(place) - 1}" if isinstance(place, list) else ""
    there = f"; there are: {found}" if found else ""
    raise RecipeError(f"the recipe has no setting {path!r} (nothing is called {name!r} there{there})")


def _changes(old: Any, new: Any, path: str) -> dict[str, Any]:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        steps = [(name, old[name], new[name]) for name in new]
    elif _is_list_of_parts(old) and _is_list_of_parts(new) and len(old) == len(new):
        steps = [(str(index), *pair) for index, pair in enumerate(zip(old, new, strict=True))]
    else:
        return {} if old == new else {path: new}
    if isinstance(new, dict) and old.get("kind") != new.get("kind"):
        return {path: new}
    return {
        place: value
        for name, before, after in steps
        for place, value in _changes(before, after, f"{path}.{name}" if path else name).items()
    }


def _is_list_of_parts(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)
