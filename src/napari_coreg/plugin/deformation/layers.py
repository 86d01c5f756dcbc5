"""The views of a deformation as napari layers: arrows, a warped grid, lengths, and the Jacobian determinant.

Making them may take long and touches no viewer, so it may run in any thread. None shows napari's own colour bar: where
an image that has one is removed, napari 0.9 ends with a crash at the next image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.deformation import limits_mm, measure_deformation
from napari_coreg.core.geometry import Grid, require_values
from napari_coreg.core.grid_lines import GridLines, nice_spacing_mm
from napari_coreg.core.pyramid import foreground
from napari_coreg.core.rigid_part import best_rigid, rigid_size, without_rigid
from napari_coreg.core.slabs import coarse_grid, coarser, padded
from napari_coreg.core.transforms import displacement_field, parts, spline_and_matrix
from napari_coreg.core.upright import upright_order
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.deformation.colours import (
    FOLDED_COLOUR,
    GRID_COLOUR,
    jacobian_colormap,
    nice_factor,
    see_through,
)
from napari_coreg.plugin.deformation.look import QUICK, Look, Numbers, Shown
from napari_coreg.plugin.field_layers import displacement_vectors, length_layer_data
from napari_coreg.plugin.layers import METADATA_KEY, grid_kwargs, make_layer, volume_to_layer_data
from napari_coreg.plugin.live import live_layer

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_coreg.core.deformation import DeformationMaps
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction
    from napari_coreg.plugin.deformation.look import View
    from napari_coreg.plugin.deformation.source import DeformationSource

_FIELD_POINTS = 1_000_000


class DeformationViews:
    """Makes the layers of one deformation, and keeps of each view the one that was made last.

    Parameters
    ----------
    source : DeformationSource
        What is to be shown.
    """

    def __init__(self, source: DeformationSource) -> None:
        self.source = source
        self._shown: dict[bool, Shown] = {}
        self._numbers: dict[bool, Numbers] = {}
        self._kept: dict[View, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}
        self._given: WeakSet[Any] = WeakSet()

    def kept(self, view: View, look: Look) -> tuple[Any, ...] | None:
        """Return the layers of a view if they are made already."""
        key, layers = self._kept.get(view, ((), ()))
        return layers if key == look.key(view) else None

    def to_add(self, view: View, look: Look) -> tuple[Any, ...]:
        """Return the kept layers of a view, to be added to a viewer; copies from the second time on.

        A layer belongs to a viewer once. Copies share the voxels, and look the same.
        """
        layers = self.kept(view, look) or ()
        if any(layer in self._given for layer in layers):
            layers = tuple(make_layer(layer.as_layer_data_tuple()) for layer in layers)
            self._kept[view] = look.key(view), layers
        self._given.update(layers)
        return layers

    def numbers(self, look: Look) -> Numbers | None:
        """Return the numbers if every voxel was looked at already."""
        return self._numbers.get(look.relative_to_rigid)

    def make(
        self,
        views: tuple[View, ...],
        look: Look,
        *,
        on_fraction: OnFraction | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> dict[View, tuple[Any, ...]]:
        """Return the layers of views, made where they are not kept; arrows and grid take no time.

        Raises
        ------
        CoregError
            As `measure_deformation` and `best_rigid`.
        """
        missing = [view for view in views if self.kept(view, look) is None]
        shown, maps = self._what_is_shown(look), None
        if not QUICK.issuperset(missing):
            maps = self.measure(look, on_fraction=on_fraction, is_cancelled=is_cancelled)
        for view in missing:
            self._kept[view] = look.key(view), tuple(self._layers(view, look, shown, maps))
        return {view: self._kept[view][1] for view in views}

    def measure(
        self, look: Look, *, on_fraction: OnFraction | None = None, is_cancelled: IsCancelled | None = None
    ) -> DeformationMaps:
        """Look at every voxel, and keep the numbers.

        Raises
        ------
        CoregError
            As `measure_deformation` and `best_rigid`.
        """
        shown = self._what_is_shown(look)
        maps = measure_deformation(
            shown.transform, self.source.grid, on_fraction=on_fraction, is_cancelled=is_cancelled
        )
        self._numbers[look.relative_to_rigid] = Numbers(maps.figures, maps.every_xyz, shown.rigid)
        return maps

    def _what_is_shown(self, look: Look) -> Shown:
        source = self.source
        if look.relative_to_rigid not in self._shown:
            shown = Shown(source.transform)
            if look.relative_to_rigid:
                rigid = best_rigid(source.transform, source.grid, _body(source))
                shown = Shown(without_rigid(source.transform, rigid), rigid_size(rigid))
            self._shown[look.relative_to_rigid] = shown
        return self._shown[look.relative_to_rigid]

    def _layers(self, view: View, look: Look, shown: Shown, maps: DeformationMaps | None) -> list[Any]:
        own = {"deformation": {"view": view, "relative_to_rigid": look.relative_to_rigid, "of": self.source.name}}
        extra = {"moved": self.source.moved, "metadata": {METADATA_KEY: own}}
        if view == "vectors":
            return [self._vectors(look, shown, extra)]
        if view == "grid":
            return [self._grid(look, shown, own)]
        assert maps is not None
        if view == "magnitude":
            return [self._magnitude(look, maps, extra)]
        return self._jacobian(maps, extra)

    def _vectors(self, look: Look, shown: Shown, extra: dict[str, Any]) -> Any:
        coarse, _, _ = coarse_grid(self.source.grid, look.max_vectors)
        field = displacement_field(shown.transform, coarse)
        name = f"{_what(look, 'Displacement vectors')} of {self.source.name} (mm)"
        limits = limits_mm(sitk.GetArrayFromImage(sitk.VectorMagnitude(field)))
        data, arguments, kind = displacement_vectors(
            field, name, max_vectors=look.max_vectors, limits=limits, moved=self.source.moved
        )
        arguments["metadata"] = extra["metadata"]
        return make_layer((data, arguments, kind))

    def _grid(self, look: Look, shown: Shown, own: dict[str, Any]) -> Any:
        grid = self.source.grid
        spacing = nice_spacing_mm(grid) if look.spacing_mm is None else look.spacing_mm
        lines = GridLines(_quick(shown.transform, grid), grid, spacing)
        order = upright_order(grid.direction)
        upright_grid = _permuted(grid, order)
        return live_layer(
            _Permuted(lines, order),
            upright_grid,
            f"{_what(look, 'Warped grid')} of {self.source.name} ({spacing:g} mm)",
            dtype=np.uint8,
            contrast_limits=(0, 255),
            colormap=see_through(GRID_COLOUR),
            blending="translucent_no_depth",
            rendering="attenuated_mip",  # in 3-D, lines in front are brighter than those behind
            attenuation=0.3,
            metadata={**own, "spacing_mm": spacing},
            affine=grid_kwargs(upright_grid, self.source.moved)["affine"],
        )

    def _magnitude(self, look: Look, maps: DeformationMaps, extra: dict[str, Any]) -> Any:
        name = f"{_what(look, 'Displacement')} of {self.source.name} (mm)"
        limits = maps.figures.limits_mm
        looks = {"blending": "translucent_no_depth", "opacity": 0.6}
        return make_layer(length_layer_data(maps.magnitude_mm, name, limits=limits, **looks, **extra))

    def _jacobian(self, maps: DeformationMaps, extra: dict[str, Any]) -> list[Any]:
        factor = nice_factor(maps.figures.factor)
        determinant = volume_to_layer_data(
            maps.determinant,
            f"Jacobian determinant of {self.source.name} (1 keeps the volume)",
            contrast_limits=(1 / factor, factor),
            colormap=jacobian_colormap(factor),
            blending="translucent_no_depth",
            rendering="translucent",  # the brightest voxel along the line of sight would hide all that shrinks
            **extra,
        )
        layers = [make_layer(determinant)]
        if maps.folded is not None:
            folded = volume_to_layer_data(
                maps.folded,
                f"Folded voxels of {self.source.name} (J ≤ 0)",
                kind="labels",
                colormap={None: FOLDED_COLOUR, 0: "transparent"},
                opacity=1.0,
                **extra,
            )
            layers.append(make_layer(folded))
        return layers


@dataclass(frozen=True, eq=False)
class _Permuted:
    """Draws lines over a grid whose axes are in napari's order, by one whose axes are in the volume's own."""

    lines: GridLines
    order_xyz: tuple[int, ...]

    def __call__(self, box: Grid) -> npt.NDArray[np.uint8]:
        own = _permuted(box, tuple(np.argsort(self.order_xyz).tolist()))
        return self.lines(own).T.transpose(self.order_xyz).T


def _what(look: Look, words: str) -> str:
    return f"Non-rigid {words[0].lower()}{words[1:]}" if look.relative_to_rigid else words


def _body(source: DeformationSource) -> sitk.Image | None:
    """Return where the body is in the fixed volume; None where its values do not tell."""
    if source.fixed is None:
        return None
    image = source.fixed()
    try:
        require_values(image, repr(source.name))
    except VolumeError:
        return None
    return foreground(image)


def _quick(transform: sitk.Transform, grid: Grid) -> sitk.Transform:
    """Return a transform that is quick to look through: sampled, where a B-spline is not what comes first."""
    has_spline = any(part.GetTransformEnum() == sitk.sitkBSplineTransform for part in parts(transform))
    if not has_spline or spline_and_matrix(transform) is not None:
        return transform
    field = displacement_field(transform, padded(coarser(grid, _FIELD_POINTS)))
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))


def _permuted(grid: Grid, order_xyz: tuple[int, ...]) -> Grid:
    """Return the same voxels counted along other axes: axis i is axis `order_xyz[i]` of `grid`."""
    n, order = grid.dimension, list(order_xyz)
    return Grid(
        tuple(grid.size_xyz[axis] for axis in order),
        tuple(grid.spacing_xyz[axis] for axis in order),
        grid.origin_lps,
        tuple(np.reshape(grid.direction, (n, n))[:, order].ravel().tolist()),
    )
