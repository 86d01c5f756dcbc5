"""The Python lines that repeat a run of the dock widget."""

from __future__ import annotations

from pprint import pformat
from typing import TYPE_CHECKING

from napari_coreg.core.presets import load_preset, preset_names

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.plugin.layer_run import Request


def python_snippet(request: Request) -> str:
    """Return lines for napari's console, or for a script with a viewer, that repeat `request`."""
    recipe = request.recipe
    is_preset = recipe.name in preset_names() and load_preset(recipe.name) == recipe
    names = "register_layers" if is_preset else "Recipe, register_layers"
    if request.start_source:
        names = names.replace("register_layers", "read_transform, register_layers")
    lines = ["import napari", f"from napari_coreg import {names}", "", "viewer = napari.current_viewer()"]
    if request.start_source:
        lines.append(f"# The run started from: {' '.join(request.start_source.split())}. Save that transform first")
        lines.append("# (fixed -> moving, LPS, mm), and put the name of its file here:")
        lines.append("start = read_transform('start.h5')")
    if not is_preset:
        lines.append(f"recipe = Recipe.model_validate(\n{_written_out(recipe)}\n)")
    arguments = [
        "viewer",
        f"fixed={request.fixed.name!r}",
        f"moving={request.moving.name!r}",
        f"recipe={recipe.name!r}" if is_preset else "recipe=recipe",
    ]
    if request.start_source:
        arguments.append("initial_transform=start")
    for name in ("fixed_mask", "moving_mask"):
        mask = getattr(request, name)
        if mask is not None:
            arguments.append(f"{name}={mask.name!r}")
    if not request.deformation:
        arguments.append("deformation=False")
    if request.magnitude:
        arguments.append("magnitude=True")
    if request.check_swap:
        arguments.append("check_swap=True")
    call = "".join(f"    {argument},\n" for argument in arguments)
    lines.append(f"result = register_layers(\n{call})")
    return "\n".join(lines) + "\n"


def _written_out(recipe: Recipe) -> str:
    text = pformat(recipe.model_dump(mode="json"), width=100, sort_dicts=False)
    return "\n".join(f"    {line}" for line in text.splitlines())
