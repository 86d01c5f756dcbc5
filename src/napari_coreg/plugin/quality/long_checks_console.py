"""simulate_layer() and repeatability_of(): long checks as functions, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_coreg.core.presets import find_recipe
from napari_coreg.core.repeatability import repeatability
from napari_coreg.core.simulation import SimulatedMove, simulated_error
from napari_coreg.errors import RecipeError, VolumeError
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.deformation.source import result_of
from napari_coreg.plugin.layers import METADATA_KEY, mask_from_layer, read_layer
from napari_coreg.plugin.quality.long_checks_maps import map_layer, simulated_layer
from napari_coreg.plugin.quietly import add_beside

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.repeatability import Repeatability
    from napari_coreg.core.simulation import SimulationOutcome


def simulate_layer(
    viewer: Any,
    layer: Any,
    recipe: Recipe | str | Path = "rigid",
    *,
    mask: Any = None,
    threads: int = 0,
    add: bool = True,
    **move: Any,
) -> SimulationOutcome:
    """Move a layer's volume by a known amount, let a recipe find that, and show how far it is off.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is, and where the new ones go.
    layer : layer or str
        An image layer or its name; it is not changed.
    recipe : Recipe, str or path
        A recipe, the name of a preset, or a recipe's JSON file.
    mask : layer or str, optional
        A Labels layer or its name: where the error counts; the body when not given.
    threads : int
        As in `register_layers`.
    add : bool
        Whether to add the error as a layer, in mm, and the moved volume as a hidden one.
    **move
        What is done to the volume, as in `SimulatedMove`: rotation_degrees, shift_mm, deformation_mm, smoothness_mm,
        noise, intensity and seed.

    Returns
    -------
    SimulationOutcome
        With the error before and after, the map of it, the result and the truth.

    Raises
    ------
    CoregError
        One sentence on what cannot be used, or why no transform was found.

    Examples
    --------
    In napari's console::

        from napari_coreg import simulate_layer
        outcome = simulate_layer(viewer, "T1", "rigid", rotation_degrees=15, shift_mm=20, deformation_mm=0)
        print(outcome.after.p95_mm)
    """
    known = _move(move)
    volume = read_layer(find_layer(viewer, layer))
    marked = None if mask is None else mask_from_layer(find_layer(viewer, mask), volume).to_image()
    outcome = simulated_error(volume.to_image(), find_recipe(recipe), known, mask=marked, threads=threads)
    if add:
        add_beside(viewer, map_layer("simulation", outcome.map_mm, volume.name, volume.moved))
        add_beside(viewer, simulated_layer(outcome.simulated.moving, volume.name, volume.moved))
    return outcome


def repeatability_of(
    viewer: Any,
    layer: Any,
    *,
    runs: int = 5,
    jitter_mm: float = 5.0,
    jitter_degrees: float = 5.0,
    add: bool = True,
) -> Repeatability:
    """Run the recipe of a registered layer again from other seeds and starts, and show how much the runs differ.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is, and where the map goes.
    layer : layer or str
        A registered layer or its name.
    runs : int
        How often; at least two.
    jitter_mm, jitter_degrees : float
        The longest shift and turn of the start.
    add : bool
        Whether to add the spread as a layer, in mm.

    Returns
    -------
    Repeatability
        With the spread, the map of it, and each run.

    Raises
    ------
    CoregError
        One sentence on what cannot be repeated.

    Examples
    --------
    In napari's console::

        from napari_coreg import repeatability_of
        print(repeatability_of(viewer, "T2 registered to T1", runs=10).p95_mm)
    """
    registered = find_layer(viewer, layer)
    result = result_of(registered)
    if result is None:
        raise VolumeError(f"{registered.name!r} is not the result of a registration: choose a registered layer.")
    found = repeatability(
        result.fixed,
        result.moving,
        result.recipe,
        runs=runs,
        jitter_degrees=jitter_degrees,
        jitter_mm=jitter_mm,
        initial_transform=result.initial_transform,
        threads=result.threads,
    )
    if add:
        name = str(registered.metadata[METADATA_KEY].get("made_by", {}).get("moving") or registered.name)
        moved = read_layer(registered, min_voxels=1).moved
        add_beside(viewer, map_layer("repeatability", found.map_mm, name, moved))
    return found


def _move(settings: dict[str, Any]) -> SimulatedMove:
    try:
        return SimulatedMove.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{where}: {first['msg']}; there are {', '.join(SimulatedMove.model_fields)}.") from None
