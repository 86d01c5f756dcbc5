"""Where a deformation comes from that is to be shown: a registered layer, a result, or a transform and a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.geometry import Grid
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.layers import METADATA_KEY, read_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk


@dataclass(frozen=True, eq=False)
class DeformationSource:
    """A transform, and the fixed volume that it deforms.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, between the volumes' own frames.
    grid : Grid
        The fixed volume's, in its own frame.
    name : str
        What is deformed, for the names of layers.
    moved : SimpleITK.AffineTransform or None
        The fixed layer's hand move, as in `LayerVolume.moved`.
    fixed : callable
        Returns the fixed volume; may take long.
    """

    transform: sitk.Transform
    grid: Grid
    name: str
    moved: sitk.AffineTransform | None = None
    fixed: Callable[[], sitk.Image] | None = field(default=None, repr=False)


def has_result(layer: Any) -> bool:
    """Whether a layer carries the result of a registration."""
    return result_of(layer) is not None


def result_of(layer: Any) -> Any:
    """Return the `RegistrationResult` that a registered layer carries, or None."""
    return layer.metadata.get(METADATA_KEY, {}).get("result")


def require_result(layer: Any) -> tuple[Any, dict[str, Any]]:
    """Return the `RegistrationResult` that a registered layer carries, and the names of the layers it was made of.

    Raises
    ------
    VolumeError
        The layer carries no result.
    """
    result = result_of(layer)
    if result is None:
        raise VolumeError(f"{layer.name!r} is not the result of a registration: choose a registered layer.")
    return result, layer.metadata[METADATA_KEY].get("made_by", {})


def source_of_result(result: Any, name: str = "", moved: sitk.AffineTransform | None = None) -> DeformationSource:
    """Return the deformation of a `RegistrationResult`."""
    grid = Grid.of(result.fixed)
    return DeformationSource(result.transform, grid, name or "the moving volume", moved, lambda: result.fixed)


def source_of_layer(layer: Any) -> DeformationSource:
    """Return the deformation of a registered layer; it is shown where that layer lies.

    Raises
    ------
    VolumeError
        The layer carries no result.
    GeometryError
        As `read_layer`.
    """
    result, made_by = require_result(layer)
    return source_of_result(result, str(made_by.get("moving") or layer.name), read_layer(layer, min_voxels=1).moved)


def source_of_transform(transform: sitk.Transform, fixed: Any, name: str) -> DeformationSource:
    """Return the deformation of a transform over a fixed layer.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, in the frame of the fixed layer's header.
    fixed : napari.layers.Image or napari.layers.Labels
        Over whose voxels it is shown.
    name : str
        What is deformed.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`; also where one is 2-D and the other 3-D.
    """
    volume = read_layer(fixed, min_voxels=2)
    require_axes(transform, volume.geometry)
    return DeformationSource(transform, volume.geometry, name, volume.moved, volume.to_image)
