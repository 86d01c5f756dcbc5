"""The layers that show a result: the registered volume, its displacements, and in each how it was made."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import napari_coreg
from napari_coreg.core import transforms
from napari_coreg.core.geometry import Grid
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.field_layers import displacement_magnitude, displacement_vectors
from napari_coreg.plugin.layers import METADATA_KEY, make_layer, volume_to_layer_data

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.layer_run import Request
    from napari_coreg.plugin.layers import LayerData

_MOST_ARROWS = 4000


def layers_of(request: Request, result: RegistrationResult, is_cancelled: IsCancelled | None = None) -> tuple[Any, ...]:
    """Return the layers that show a result, ready made; the first is the registered volume.

    Of the request's volumes only their names and places are looked at, not their voxels.

    Raises
    ------
    RegistrationCancelled
        Where it was cancelled in between.
    """
    layers = []
    for make in (_registered_layer, _magnitude_layer, _vectors_layer):
        if is_cancelled is not None and is_cancelled():
            raise RegistrationCancelled("the registration was cancelled", result.transform)
        data = make(request, result)
        if data is not None:
            layers.append(make_layer(data))
    return tuple(layers)


def _registered_layer(request: Request, result: RegistrationResult) -> LayerData:
    name = f"{request.moving.name} registered to {request.fixed.name}{_outcome(result)}"
    kind: Any = "labels" if request.moving.kind == "labels" else "image"
    registered = result.resample(interpolator="nearest" if kind == "labels" else "linear")
    appearance = {} if kind == "labels" else dict(request.appearance)
    metadata = {METADATA_KEY: {"result": result, **_how_made(request, result)}}
    return volume_to_layer_data(
        registered, name, kind=kind, moved=request.fixed.moved, metadata=metadata, visible=True, **appearance
    )


def _magnitude_layer(request: Request, result: RegistrationResult) -> LayerData | None:
    if not request.magnitude:
        return None
    name = f"Displacement of {request.moving.name} (mm){_outcome(result)}"
    return displacement_magnitude(result.displacement_field(), name, moved=request.fixed.moved)


def _vectors_layer(request: Request, result: RegistrationResult) -> LayerData | None:
    """Arrows on a coarse grid; hidden for a linear transform, whose arrows say little and cover the image."""
    if not request.deformation:
        return None
    grid, _, _ = coarse_grid(Grid.of(result.fixed), _MOST_ARROWS)
    data, arguments, kind = displacement_vectors(
        transforms.displacement_field(result.transform, grid),
        f"Deformation of {request.moving.name}{_outcome(result)}",
        max_vectors=_MOST_ARROWS,
        moved=request.fixed.moved,
        visible=not result.is_linear,
    )
    own = arguments["metadata"][METADATA_KEY]
    arguments["metadata"] = {METADATA_KEY: {**own, **_how_made(request, result)}}
    return data, arguments, kind


def _outcome(result: RegistrationResult) -> str:
    """Return what the name of a layer ends with that is there to be looked at, but not to be used like any other."""
    early = " (taken early)" if result.ended_early else ""
    return early + (" (failed)" if result.verdict.state == "failed" else "")


def _how_made(request: Request, result: RegistrationResult) -> dict[str, Any]:
    """Return plain data on where a layer comes from."""
    return {
        "recipe": result.recipe.model_dump(mode="json"),
        "made_by": {
            "program": f"napari-coreg {napari_coreg.__version__}",
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "fixed": request.fixed.name,
            "moving": request.moving.name,
            "fixed_mask": request.fixed_mask.name if request.fixed_mask else None,
            "moving_mask": request.moving_mask.name if request.moving_mask else None,
            "metric_before": result.metric_before,
            "metric_after": result.metric_after,
            "seconds": result.seconds,
            "verdict": result.verdict.state,
            "ended_early": result.ended_early,
        },
    }
