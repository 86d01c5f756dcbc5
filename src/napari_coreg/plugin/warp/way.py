"""The way from one volume's space into another's: a transform, which way it is gone, and where both volumes lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import to_matrix
from napari_coreg.errors import GeometryError
from napari_coreg.plugin.deformation.source import require_result, result_of
from napari_coreg.plugin.layers import LayerVolume, read_layer
from napari_coreg.plugin.placement import displayed_matrix, move_between, to_grid, trusted_header
from napari_coreg.plugin.voxels import check_layer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import SimpleITK as sitk

    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Space:
    """A volume's space.

    Attributes
    ----------
    name : str
        Of the volume's layer.
    grid : Grid
        The volume's, in its own frame, LPS mm.
    moved : SimpleITK.AffineTransform or None
        Own frame -> displayed world (LPS mm); None where the volume is shown where its header says.
    """

    name: str
    grid: Grid
    moved: sitk.AffineTransform | None = None

    @property
    def to_display(self) -> FloatArray:
        """Own frame -> displayed world, homogeneous, LPS mm."""
        return np.eye(self.grid.dimension + 1) if self.moved is None else to_matrix(self.moved)

    def from_layer(self, layer: Any) -> FloatArray:
        """Return the map from a layer's data (xyz, in data units) into this frame (LPS mm), homogeneous.

        Raises
        ------
        GeometryError
            The layer has more or fewer axes, or units that are no lengths.
        """
        self._require_axes(layer)
        return np.asarray(np.linalg.inv(self.to_display) @ displayed_matrix(layer), dtype=float)

    def volume_of(self, layer: Any) -> LayerVolume:
        """Return an Image or Labels layer as a volume in this frame, without a copy of its voxels.

        One that lies where its own header says is in the scanner's frame, as this volume's header is, and stays there.
        Any other was put over what is on screen, and follows this volume's hand move back.

        Raises
        ------
        VolumeError, GeometryError
            As `read_layer`; also where the layer has more or fewer axes.
        """
        kind = check_layer(layer, 1)
        self._require_axes(layer)
        grid = trusted_header(layer)
        if grid is None or move_between(grid, displayed_matrix(layer)) is not None:
            grid = to_grid(self.from_layer(layer), layer)
        return LayerVolume(layer.data, grid, layer.name, kind)

    def _require_axes(self, layer: Any) -> None:
        n = self.grid.dimension
        if layer.ndim != n:
            raise GeometryError(f"{layer.name!r} is {layer.ndim}-D and {self.name!r} is {n}-D: choose {n}-D layers.")


@dataclass(frozen=True, eq=False)
class Way:
    """From one space to another.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, between the volumes' own frames.
    fixed, moving : Space
        Between which it leads.
    inverse : bool
        Whether layers go from fixed to moving, by the inverse; else from moving to fixed, as in a registration.
    """

    transform: sitk.Transform = field(repr=False)
    fixed: Space
    moving: Space
    inverse: bool = False

    @property
    def source(self) -> Space:
        """Where layers come from."""
        return self.fixed if self.inverse else self.moving

    @property
    def target(self) -> Space:
        """Where layers go."""
        return self.moving if self.inverse else self.fixed


def way_through_layer(layers: Iterable[Any], registered: Any, *, inverse: bool = False) -> Way:
    """Return the way that a registered layer has come, or back.

    Parameters
    ----------
    layers : iterable of layer
        The viewer's; the moving volume is looked for among them, as it may have been moved by hand.
    registered : layer
        A layer that a registration has made.
    inverse : bool
        See `Way`.

    Raises
    ------
    VolumeError
        The layer carries no result.
    GeometryError
        As `read_layer`.
    """
    result, made_by = require_result(registered)
    fixed = Space(
        str(made_by.get("fixed") or "the fixed volume"),
        Grid.of(result.fixed),
        read_layer(registered, min_voxels=1).moved,
    )
    moving = _moving_space(layers, str(made_by.get("moving") or ""), Grid.of(result.moving))
    return Way(result.transform, fixed, moving, inverse)


def way_of_result(layers: Iterable[Any], result: Any, *, inverse: bool = False) -> Way:
    """Return the way of a `RegistrationResult`: that of the layer that carries it, where there is one."""
    layers = list(layers)
    registered = next((layer for layer in layers if result_of(layer) is result), None)
    if registered is not None:
        return way_through_layer(layers, registered, inverse=inverse)
    fixed = Space("the fixed volume", Grid.of(result.fixed))
    return Way(result.transform, fixed, Space("the moving volume", Grid.of(result.moving)), inverse)


def way_of_transform(transform: sitk.Transform, fixed: Any, moving: Any, *, inverse: bool = False) -> Way:
    """Return the way of a transform (fixed -> moving, LPS mm) between two layers.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`; also where the transform or one layer is 2-D and another 3-D.
    """
    return Way(transform, _space_of(fixed, transform), _space_of(moving, transform), inverse)


def _space_of(layer: Any, transform: sitk.Transform) -> Space:
    volume = read_layer(layer, min_voxels=2)
    require_axes(transform, volume.geometry)
    return Space(layer.name, volume.geometry, volume.moved)


def _moving_space(layers: Iterable[Any], name: str, grid: Grid) -> Space:
    """Return the moving volume's space, moved by hand as the layer of that name is now."""
    moved = None
    for layer in layers:
        if layer.name == name and np.shape(layer.data) == grid.size_xyz[::-1]:
            moved = move_between(grid, displayed_matrix(layer))
    return Space(name or "the moving volume", grid, moved)
