"""From layers to register() to new layers: the one path that the dock widget and the console share.

`request_from_layers` and `add_layers` belong to the GUI's thread and are quick; `read_volumes` and `carry_out` may take
long and touch neither the viewer nor a layer, so they may run in any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import napari_coreg
from napari_coreg.core import transforms
from napari_coreg.core.geometry import Grid
from napari_coreg.core.preflight import check_pair
from napari_coreg.core.register import register
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.errors import RegistrationCancelled, VolumeError
from napari_coreg.plugin.field_layers import displacement_magnitude, displacement_vectors
from napari_coreg.plugin.layers import (
    METADATA_KEY,
    LayerVolume,
    initial_transform_from,
    mask_from_layer,
    read_layer,
    volume_to_layer_data,
)

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import IsCancelled, IsEnough, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.layers import LayerData

Register = Callable[..., "RegistrationResult"]
Check = Callable[..., "tuple[Finding, ...]"]

_APPEARANCE = ("contrast_limits", "gamma", "interpolation2d", "interpolation3d", "rendering", "opacity", "blending")
_MOST_ARROWS = 4000


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be registered and what is to be shown afterwards.

    Attributes
    ----------
    fixed, moving : LayerVolume
        As read from the layers.
    recipe : Recipe
        What to do.
    fixed_mask, moving_mask : LayerVolume or None
        Where to look.
    initial_transform : SimpleITK.Transform or None
        Where to start, between the volumes' own frames, fixed -> moving, LPS mm; None leaves it to the recipe.
    appearance : mapping
        Layer arguments that make the result look like the moving layer.
    deformation, magnitude : bool
        Whether to add the arrows of the displacement, and its length as an image.
    check_swap : bool
        Whether to register the other way round, too, for the verdict.
    threads : int
        As in `register`.
    start_source : str
        Where `initial_transform` comes from, in a few words; empty where it is the layers' position in the viewer.
    """

    fixed: LayerVolume
    moving: LayerVolume
    recipe: Recipe
    fixed_mask: LayerVolume | None = None
    moving_mask: LayerVolume | None = None
    initial_transform: sitk.Transform | None = None
    appearance: Mapping[str, Any] = field(default_factory=dict)
    deformation: bool = True
    magnitude: bool = False
    check_swap: bool = False
    threads: int = 0
    start_source: str = ""


@dataclass(frozen=True, eq=False)
class Volumes:
    """The request's volumes as SimpleITK images, each in its own frame (LPS mm)."""

    fixed: sitk.Image
    moving: sitk.Image
    fixed_mask: sitk.Image | None
    moving_mask: sitk.Image | None


@dataclass(frozen=True, eq=False)
class Ready:
    """A finished run and the layers to add for it, ready made; the first is the registered volume."""

    result: RegistrationResult
    layers: tuple[Any, ...]


def request_from_layers(
    fixed: Any,
    moving: Any,
    recipe: Recipe,
    *,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    initial_transform: sitk.Transform | None = None,
    deformation: bool = True,
    magnitude: bool = False,
    check_swap: bool = False,
    threads: int = 0,
) -> Request:
    """Read layers into a request; cheap, and the layers stay as they are.

    Parameters
    ----------
    fixed, moving : napari.layers.Image or napari.layers.Labels
        The volumes.
    recipe : Recipe
        What to do.
    fixed_mask, moving_mask : napari.layers.Labels, optional
        Where to look.
    initial_transform : SimpleITK.Transform, optional
        Where to start; where the layers lie in the viewer when not given and one of them was moved by hand.
    deformation, magnitude, check_swap, threads
        See `Request`.

    Raises
    ------
    GeometryError, VolumeError
        One sentence on the layer that cannot be used.
    """
    if fixed is moving:
        raise VolumeError(f"{fixed.name!r} is chosen as fixed and as moving: choose two layers.")
    fixed_volume, moving_volume = read_layer(fixed), read_layer(moving)
    on_screen = initial_transform_from(fixed_volume, moving_volume)
    return Request(
        fixed=fixed_volume,
        moving=moving_volume,
        recipe=recipe,
        fixed_mask=None if fixed_mask is None else mask_from_layer(fixed_mask, fixed_volume),
        moving_mask=None if moving_mask is None else mask_from_layer(moving_mask, moving_volume),
        initial_transform=on_screen if initial_transform is None else initial_transform,
        appearance=_appearance_of(moving),
        deformation=deformation,
        magnitude=magnitude,
        check_swap=check_swap,
        threads=threads,
    )


def read_volumes(request: Request) -> Volumes:
    """Copy the layers' voxels into images; lazy arrays are computed here."""
    masks = (request.fixed_mask, request.moving_mask)
    fixed_mask, moving_mask = (None if mask is None else mask.to_image() for mask in masks)
    return Volumes(request.fixed.to_image(), request.moving.to_image(), fixed_mask, moving_mask)


def check_volumes(request: Request, volumes: Volumes, check: Check = check_pair) -> tuple[Finding, ...]:
    """Return what is, or may be, wrong with what `carry_out` would run, the gravest first."""
    return check(
        volumes.fixed,
        volumes.moving,
        request.recipe,
        fixed_mask=volumes.fixed_mask,
        moving_mask=volumes.moving_mask,
        initial_transform=request.initial_transform,
        fixed_modality=request.fixed.modality,
        moving_modality=request.moving.modality,
    )


def carry_out(
    request: Request,
    volumes: Volumes,
    *,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
    is_enough: IsEnough | None = None,
    findings: tuple[Finding, ...] | None = None,
    register: Register = register,
) -> Ready:
    """Register the volumes and make the layers that show the result.

    Raises
    ------
    CoregError
        As `napari_coreg.register`, RegistrationCancelled included.
    """
    result = register(
        volumes.fixed,
        volumes.moving,
        request.recipe,
        fixed_mask=volumes.fixed_mask,
        moving_mask=volumes.moving_mask,
        initial_transform=request.initial_transform,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
        is_enough=is_enough,
        threads=request.threads,
        check_swap=request.check_swap,
        findings=findings,
    )
    return Ready(result, layers_of(request, result, is_cancelled))


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
            layers.append(_made(data))
    return tuple(layers)


def add_layers(viewer: Any, ready: Ready) -> list[Any]:
    """Add the layers of a finished run to the viewer, and return them; the registered volume is the active one."""
    for job in adding(viewer, ready):
        job()
    return list(ready.layers)


def adding(viewer: Any, ready: Ready) -> list[Callable[[], None]]:
    """Return what `add_layers` does in portions, for a GUI that lives on in between."""

    def choose() -> None:
        if ready.layers[0] in viewer.layers:
            viewer.layers.selection.active = ready.layers[0]

    return [*(partial(viewer.add_layer, layer) for layer in ready.layers), choose]


def _made(data: LayerData) -> Any:
    from napari.layers import Layer  # noqa: PLC0415 - 2.6 s, and loaded already wherever a layer exists

    return Layer.create(*data)


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


def _appearance_of(layer: Any) -> dict[str, Any]:
    """Return the layer arguments that make another layer look like this image layer."""
    if not hasattr(layer, "colormap") or not hasattr(layer, "contrast_limits"):
        return {}
    return {"colormap": layer.colormap, **{name: getattr(layer, name) for name in _APPEARANCE}}
