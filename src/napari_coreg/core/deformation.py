"""What a transform does to every voxel of a grid: how far it moves it, how much it swells it, whether it folds it.

Voxels are looked at slab by slab, so that the work takes little more memory than the maps it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.folding import Folding, jacobian_determinant
from napari_coreg.core.slabs import coarse_grid, slab_grid, slabs
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

MOST_VOXELS = 2**25  # of a map that is to be looked at: 256^3 and 512 x 512 x 128 are not thinned
_STILL_MM = 1e-3  # less is rounding
_LEAST_SHARE = 0.25  # of the longest displacement: less would hide too much of what moves


@dataclass(frozen=True)
class DeformationFigures:
    """A deformation in numbers, over the voxels of a grid.

    Attributes
    ----------
    mean_mm, p95_mm, p99_mm, maximum_mm : float
        Of the lengths of the displacements; the percentiles are those of the thinned map.
    folding : Folding
        Range of the Jacobian determinant, and the part of the voxels where it is 0 or less.
    folded : int
        How many voxels that is.
    voxels : int
        How many there are.
    factor : float
        99 % of the voxels swell or shrink by no more than this factor; at least 1.
    """

    mean_mm: float
    p95_mm: float
    p99_mm: float
    maximum_mm: float
    folding: Folding
    folded: int
    voxels: int
    factor: float

    @property
    def limits_mm(self) -> tuple[float, float]:
        """Limits of a colour scale, as `limits_mm` finds them."""
        return _limits_mm(self.p99_mm, self.maximum_mm)


@dataclass(frozen=True, eq=False)
class DeformationMaps:
    """A deformation voxel by voxel, on a grid that is thinned where the volume is large.

    Attributes
    ----------
    figures : DeformationFigures
        Over all voxels.
    magnitude_mm, determinant : SimpleITK.Image
        Length of the displacement and Jacobian determinant, 32-bit floats.
    folded : SimpleITK.Image or None
        1 where the determinant of this voxel, or of one that was left out next to it, is 0 or less; None where none is.
    every_xyz : tuple of int
        Each how many-th voxel is in the maps.
    """

    figures: DeformationFigures
    magnitude_mm: sitk.Image
    determinant: sitk.Image
    folded: sitk.Image | None
    every_xyz: tuple[int, ...]


def measure_deformation(
    transform: sitk.Transform,
    grid: Grid,
    *,
    most_voxels: int = MOST_VOXELS,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> DeformationMaps:
    """Look at every voxel of a grid: how far it moves, and how much it swells.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Normally the fixed image's.
    most_voxels : int
        Of the maps; the figures and the folded voxels are those of all voxels anyway.
    on_fraction : callable, optional
        Called with the part that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between two slabs.

    Raises
    ------
    GeometryError
        The transform has other axes than the grid, or an axis of the grid has fewer than two voxels.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    require_axes(transform, grid)
    thin = _Thinned(grid, most_voxels)
    totals = _Totals()
    for start, stop in slabs(grid, on_fraction, is_cancelled):
        before, after = max(0, start - 1), min(grid.size_xyz[-1], stop + 1)  # for differences across the slab's faces
        field = displacement_field(transform, slab_grid(grid, before, after))
        inner = slice(start - before, stop - before)
        length = sitk.GetArrayFromImage(sitk.VectorMagnitude(field))[inner]
        determinant = sitk.GetArrayFromImage(jacobian_determinant(field))[inner]
        totals.add(length, determinant)
        thin.add(start, length, determinant)
    return thin.maps(totals, grid.number_of_voxels)


def limits_mm(lengths_mm: NDArray[np.floating]) -> tuple[float, float]:
    """Return limits of a colour scale from 0, such that few long displacements do not darken all others.

    The upper one is the 99th percentile; the longest where that is more than four times as long, and 1 mm where nothing
    moves.

    Parameters
    ----------
    lengths_mm : array
        Of the displacements; what is not finite is left out.

    Examples
    --------
    >>> limits_mm(np.arange(101.0)), limits_mm(np.zeros(9))
    ((0.0, 99.0), (0.0, 1.0))
    """
    found = lengths_mm[np.isfinite(lengths_mm)]
    return _limits_mm(float(np.percentile(found, 99)), float(found.max())) if found.size else (0.0, 1.0)


def _limits_mm(p99_mm: float, maximum_mm: float) -> tuple[float, float]:
    top = p99_mm if p99_mm >= _LEAST_SHARE * maximum_mm else maximum_mm
    return 0.0, top if top > _STILL_MM else 1.0


def require_axes(transform: sitk.Transform, grid: Grid) -> None:
    """Refuse a transform that has other axes than the grid.

    Raises
    ------
    GeometryError
        Naming both.
    """
    if transform.GetDimension() != grid.dimension:
        raise GeometryError(
            f"a transform in {transform.GetDimension()}-D does nothing to a volume with {grid.dimension} axes; choose "
            "the volume it was made for"
        )


class _Totals:
    """Sums and extremes over the slabs."""

    def __init__(self) -> None:
        self.sum_mm, self.folded = 0.0, 0
        self.longest_mm, self.least, self.most = 0.0, np.inf, -np.inf

    def add(self, length: NDArray[np.float32], determinant: NDArray[np.float32]) -> None:
        self.sum_mm += float(length.sum(dtype=np.float64))
        self.longest_mm = max(self.longest_mm, float(length.max()))
        self.least, self.most = min(self.least, float(determinant.min())), max(self.most, float(determinant.max()))
        self.folded += int(np.count_nonzero(determinant <= 0))


class _Thinned:
    """Maps of a coarse grid, filled slab by slab."""

    def __init__(self, grid: Grid, most_voxels: int) -> None:
        self.coarse, self._first_xyz, self.every_xyz = (
            (grid, (0,) * grid.dimension, (1,) * grid.dimension)
            if grid.number_of_voxels <= most_voxels
            else coarse_grid(grid, most_voxels)
        )
        shape = self.coarse.size_xyz[::-1]
        self._length, self._determinant = np.empty(shape, np.float32), np.empty(shape, np.float32)
        self._folded: NDArray[np.uint8] | None = None

    def add(self, start: int, length: NDArray[np.float32], determinant: NDArray[np.float32]) -> None:
        first, every = self._first_xyz[-1], self.every_xyz[-1]
        begin = max(0, -((first - start) // every))  # the first coarse slice at or after `start`
        end = min(self.coarse.size_xyz[-1], -((first - start - len(length)) // every))
        if begin < end:
            inner = (slice(begin * every + first - start, None, every), *self._across())
            self._length[begin:end] = length[inner][: end - begin]
            self._determinant[begin:end] = determinant[inner][: end - begin]
        folded = np.argwhere(determinant <= 0)
        if len(folded):
            folded[:, 0] += start
            first_zyx, every_zyx = np.array(self._first_xyz[::-1]), np.array(self.every_xyz[::-1])
            nearest = np.rint((folded - first_zyx) / every_zyx).astype(int)
            nearest = np.clip(nearest, 0, np.array(self._length.shape) - 1)
            if self._folded is None:
                self._folded = np.zeros(self._length.shape, np.uint8)
            self._folded[tuple(nearest.T)] = 1

    def maps(self, totals: _Totals, voxels: int) -> DeformationMaps:
        p95, p99 = np.percentile(self._length, (95, 99))
        figures = DeformationFigures(
            mean_mm=totals.sum_mm / voxels,
            p95_mm=float(p95),
            p99_mm=float(p99),
            maximum_mm=totals.longest_mm,
            folding=Folding(totals.least, totals.most, totals.folded / voxels),
            folded=totals.folded,
            voxels=voxels,
            factor=_factor(self._determinant),
        )
        images = (None if a is None else self._image(a) for a in (self._length, self._determinant, self._folded))
        length, determinant, folded = images
        assert length is not None
        assert determinant is not None
        return DeformationMaps(figures, length, determinant, folded, self.every_xyz)

    def _across(self) -> tuple[slice, ...]:
        pairs = zip(self._first_xyz[-2::-1], self.every_xyz[-2::-1], strict=True)
        return tuple(slice(first, None, every) for first, every in pairs)

    def _image(self, array: NDArray[np.float32] | NDArray[np.uint8]) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.SetOrigin(self.coarse.origin_lps)
        image.SetSpacing(self.coarse.spacing_xyz)
        image.SetDirection(self.coarse.direction)
        return image


def _factor(determinant: NDArray[np.float32]) -> float:
    """Return k such that 99 % of the determinants that are positive lie between 1/k and k."""
    positive = determinant[determinant > 0]
    if not len(positive):
        return 1.0
    return float(np.exp(np.percentile(np.abs(np.log(positive)), 99)))
