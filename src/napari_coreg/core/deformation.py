"""What a transform does to every voxel of a grid: how far it moves it, how much it swells it, whether it folds it.

Voxels are looked at slab by slab, so that the work takes little more memory than the maps it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import marked
from napari_coreg.core.folding import Folding, jacobian_determinant
from napari_coreg.core.slabs import MOST_VOXELS, slab_grid, slabs
from napari_coreg.core.thinned import Thinned
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

_STILL_MM = 1e-3  # less is rounding
_LEAST_SHARE = 0.25  # of the longest displacement: less would hide too much of what moves


@dataclass(frozen=True)
class DeformationFigures:
    """A deformation in numbers, over the voxels of a grid.

    Attributes
    ----------
    mean_mm, median_mm, p95_mm, p99_mm, maximum_mm : float
        Of the lengths of the displacements; median and percentiles are those of the thinned map.
    folding : Folding
        Range of the Jacobian determinant, and the part of the voxels where it is 0 or less.
    folded : int
        How many voxels that is.
    voxels : int
        How many there are.
    factor : float
        99 % of the voxels swell or shrink by no more than this factor; at least 1.
    p1_determinant, p5_determinant, median_determinant, p95_determinant, p99_determinant : float
        Percentiles of the Jacobian determinant; those of the thinned map.
    """

    mean_mm: float
    median_mm: float
    p95_mm: float
    p99_mm: float
    maximum_mm: float
    folding: Folding
    folded: int
    voxels: int
    factor: float
    p1_determinant: float
    p5_determinant: float
    median_determinant: float
    p95_determinant: float
    p99_determinant: float

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
    figures_in_mask : DeformationFigures or None
        Over the voxels in the mask; None where none was given.
    """

    figures: DeformationFigures
    magnitude_mm: sitk.Image
    determinant: sitk.Image
    folded: sitk.Image | None
    every_xyz: tuple[int, ...]
    figures_in_mask: DeformationFigures | None = None


def measure_deformation(
    transform: sitk.Transform,
    grid: Grid,
    *,
    mask: sitk.Image | None = None,
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
    mask : SimpleITK.Image, optional
        On any grid; the figures are told of the voxels where it is not 0, too. The body, normally: what is folded in
        the air around it moves no tissue.
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
    VolumeError
        No voxel of the grid is in the mask.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((9, 9), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> figures = measure_deformation(sitk.ScaleTransform(2, (1.5, 1.0)), grid).figures
    >>> figures.median_mm, figures.p1_determinant, figures.folded
    (2.0, 1.5, 0)
    """
    require_axes(transform, grid)
    thin = Thinned(grid, most_voxels)
    totals, in_mask = _Totals(), _Marked(max(1, grid.number_of_voxels // most_voxels))
    for start, stop in slabs(grid, on_fraction, is_cancelled):
        before, after = max(0, start - 1), min(grid.size_xyz[-1], stop + 1)  # for differences across the slab's faces
        field = displacement_field(transform, slab_grid(grid, before, after))
        inner = slice(start - before, stop - before)
        length = sitk.GetArrayFromImage(sitk.VectorMagnitude(field))[inner]
        determinant = sitk.GetArrayFromImage(jacobian_determinant(field))[inner]
        totals.add(length, determinant)
        thin.add(start, length, determinant)
        if mask is not None:
            in_mask.add_where(marked(mask, slab_grid(grid, start, stop)).T, length, determinant)
    if mask is not None and not in_mask.voxels:
        raise VolumeError("the mask has no voxel inside the grid; check that both lie in the same place")
    return DeformationMaps(
        totals.figures(thin.length, thin.determinant),
        thin.image(thin.length),
        thin.image(thin.determinant),
        None if thin.folded is None else thin.image(thin.folded),
        thin.every_xyz,
        None
        if mask is None
        else in_mask.figures(np.concatenate(in_mask.lengths), np.concatenate(in_mask.determinants)),
    )


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
        self.sum_mm, self.folded, self.voxels = 0.0, 0, 0
        self.longest_mm, self.least, self.most = 0.0, np.inf, -np.inf

    def add(self, length: NDArray[np.float32], determinant: NDArray[np.float32]) -> None:
        self.sum_mm += float(length.sum(dtype=np.float64))
        self.longest_mm = max(self.longest_mm, float(length.max()))
        self.least, self.most = min(self.least, float(determinant.min())), max(self.most, float(determinant.max()))
        self.folded += int(np.count_nonzero(determinant <= 0))
        self.voxels += length.size

    def figures(self, lengths: NDArray[np.float32], determinants: NDArray[np.float32]) -> DeformationFigures:
        """Return the figures, with the percentiles of the values that are given."""
        median_mm, p95_mm, p99_mm = (float(value) for value in np.percentile(lengths, (50, 95, 99)))
        p1, p5, median, p95, p99 = (float(value) for value in np.percentile(determinants, (1, 5, 50, 95, 99)))
        return DeformationFigures(
            mean_mm=self.sum_mm / self.voxels,
            median_mm=median_mm,
            p95_mm=p95_mm,
            p99_mm=p99_mm,
            maximum_mm=self.longest_mm,
            folding=Folding(self.least, self.most, self.folded / self.voxels),
            folded=self.folded,
            voxels=self.voxels,
            factor=_factor(determinants),
            p1_determinant=p1,
            p5_determinant=p5,
            median_determinant=median,
            p95_determinant=p95,
            p99_determinant=p99,
        )


class _Marked(_Totals):
    """The same in a mask, whose values are kept: one of `every`."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.lengths: list[NDArray[np.float32]] = []
        self.determinants: list[NDArray[np.float32]] = []
        self._every = every

    def add_where(
        self, inside: NDArray[np.bool_], length: NDArray[np.float32], determinant: NDArray[np.float32]
    ) -> None:
        if inside.any():
            length, determinant = length[inside], determinant[inside]
            self.add(length, determinant)
            self.lengths.append(length[:: self._every])
            self.determinants.append(determinant[:: self._every])


def _factor(determinant: NDArray[np.float32]) -> float:
    """Return k such that 99 % of the determinants that are positive lie between 1/k and k."""
    positive = determinant[determinant > 0]
    if not len(positive):
        return 1.0
    return float(np.exp(np.percentile(np.abs(np.log(positive)), 99)))
