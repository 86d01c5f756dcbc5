"""From layers to register() to new layers: the one path that the dock widget and the console share.

`request_from_layers` and `add_layers` belong to the GUI's thread and are quick; `read_volumes` and `carry_out` may take
long and touch neither the viewer nor a layer, so they may run in any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_coreg.core.preflight import check_pair
from napari_coreg.core.register import register
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.layers import (
    LayerVolume,
    initial_transform_from,
    mask_from_layer,
    read_layer,
)
from napari_coreg.plugin.origins import inputs_of
from napari_coreg.plugin.quietly import add_beside
from napari_coreg.plugin.result_layers import layers_of

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import IsCancelled, IsEnough, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult

Register = Callable[..., "RegistrationResult"]
Check = Callable[..., "tuple[Finding, ...]"]

_APPEARANCE = ("contrast_limits", "gamma", "interpolation2d", "interpolation3d", "rendering", "opacity", "blending")


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
    result = replace(result, inputs=inputs_of(request))
    return Ready(result, layers_of(request, result, is_cancelled))


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

    return [*(partial(add_beside, viewer, layer) for layer in ready.layers), choose]


def _appearance_of(layer: Any) -> dict[str, Any]:
    """Return the layer arguments that make another layer look like this image layer."""
    if not hasattr(layer, "colormap") or not hasattr(layer, "contrast_limits"):
        return {}
    return {"colormap": layer.colormap, **{name: getattr(layer, name) for name in _APPEARANCE}}
