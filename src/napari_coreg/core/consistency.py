"""How well transforms of the same volumes agree with each other, in mm: there and back, and round three volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.geometry import as_grid
from napari_coreg.core.resample import resample
from napari_coreg.core.similarity import overlap_mask
from napari_coreg.core.slabs import as_image, slab_grid, slabs, thinned
from napari_coreg.core.transforms import compose, displacement_field
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

MOST_VOXELS = 2**22  # deformations are smooth: more voxels take longer and tell no more


@dataclass(frozen=True, eq=False)
class Consistency:
    """How far points end from where they should, voxel by voxel and in numbers.

    Attributes
    ----------
    map_mm : SimpleITK.Image
        The distance, 32-bit floats, on the grid (thinned where that is large); NaN where it was not measured.
    mean_mm, median_mm, p95_mm, maximum_mm : float
        Over the voxels of the map that were measured; NaN where there is none.
    share_measured : float
        Part of the voxels of the map (within the mask, where one is given) that were measured, 0 to 1: those whose
        points stay within the other volumes' grids.
    voxels : int
        How many that is.
    """

    map_mm: sitk.Image
    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    share_measured: float
    voxels: int

    def __repr__(self) -> str:
        return (
            f"<Consistency: mean {self.mean_mm:.3g} mm, 95 % within {self.p95_mm:.3g} mm, at most "
            f"{self.maximum_mm:.3g} mm; {100 * self.share_measured:.3g} % measured>"
        )


def inverse_consistency(
    forward: sitk.Transform,
    backward: sitk.Transform,
    grid: Grid | sitk.Image,
    mask: sitk.Image | None = None,
    *,
    moving_grid: Grid | sitk.Image | None = None,
    most_voxels: int = MOST_VOXELS,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Consistency:
    """Follow points to the moving volume and back: |B(F(p)) - p|, mm; 0 is best.

    Two transforms that agree may both be wrong, so this finds errors but proves no accuracy. Each point is followed
    through the transforms themselves, exactly (to 32-bit floats of mm).

    Parameters
    ----------
    forward, backward : SimpleITK.Transform
        F, fixed -> moving, and B, moving -> fixed, found apart from each other, LPS mm.
    grid : Grid or SimpleITK.Image
        The fixed volume, or its grid.
    mask : SimpleITK.Image, optional
        On any grid in fixed space; only where it is not 0.
    moving_grid : Grid or SimpleITK.Image, optional
        The moving volume, or its grid: only points that F takes into it are measured, as B was found from nothing
        beyond.
    most_voxels : int
        Of the map; a larger grid is thinned.
    on_fraction : callable, optional
        Called with the part that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between two slabs.

    Raises
    ------
    GeometryError
        A transform, or the mask, has other axes than the grid.
    RegistrationCancelled
        `is_cancelled` said so.

    References
    ----------
    Christensen and Johnson, "Consistent image registration", IEEE TMI 20, 2001; Rohlfing, "Image similarity and tissue
    overlaps as surrogates for image registration accuracy: widely used but unreliable", IEEE TMI 31, 2012; Brock et
    al. (AAPM TG-132), Med Phys 44, 2017.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((8, 8), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> there, back = (sitk.TranslationTransform(2, shift) for shift in ((5.0, 0.0), (-5.0, 2.0)))
    >>> inverse_consistency(there, back, grid, moving_grid=grid)
    <Consistency: mean 2 mm, 95 % within 2 mm, at most 2 mm; 37.5 % measured>
    """
    grid = as_grid(grid)
    for transform in (forward, backward):
        require_axes(transform, grid)
    return _measure(
        (compose(forward, backward), None), [(forward, moving_grid)], grid, mask, most_voxels, on_fraction, is_cancelled
    )


def transitivity(
    first_to_second: sitk.Transform,
    second_to_third: sitk.Transform,
    first_to_third: sitk.Transform,
    grid: Grid | sitk.Image,
    mask: sitk.Image | None = None,
    *,
    second_grid: Grid | sitk.Image | None = None,
    third_grid: Grid | sitk.Image | None = None,
    most_voxels: int = MOST_VOXELS,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Consistency:
    """Follow points to a third volume directly and by way of a second: |T23(T12(p)) - T13(p)|, mm; 0 is best.

    Parameters
    ----------
    first_to_second, second_to_third, first_to_third : SimpleITK.Transform
        T12, T23 and T13, LPS mm.
    grid : Grid or SimpleITK.Image
        The first volume, or its grid.
    mask : SimpleITK.Image, optional
        On any grid in the first volume's space; only where it is not 0.
    second_grid, third_grid : Grid or SimpleITK.Image, optional
        The other volumes, or their grids: only points that T12 takes into the second, and T13 into the third, are
        measured.
    most_voxels, on_fraction, is_cancelled
        As for `inverse_consistency`.

    Raises
    ------
    GeometryError
        A transform, or the mask, has other axes than the grid.
    RegistrationCancelled
        `is_cancelled` said so.

    References
    ----------
    Christensen and Johnson, "Invertibility and transitivity analysis for nonrigid image registration", J Electron
    Imaging 12, 2003.
    """
    grid = as_grid(grid)
    for transform in (first_to_second, second_to_third, first_to_third):
        require_axes(transform, grid)
    by_way_of_second = compose(first_to_second, second_to_third)
    stays = [(first_to_second, second_grid), (first_to_third, third_grid)]
    return _measure((by_way_of_second, first_to_third), stays, grid, mask, most_voxels, on_fraction, is_cancelled)


def _measure(
    ways: tuple[sitk.Transform, sitk.Transform | None],
    stays: Sequence[tuple[sitk.Transform, Grid | sitk.Image | None]],
    grid: Grid,
    mask: sitk.Image | None,
    most_voxels: int,
    on_fraction: OnFraction | None,
    is_cancelled: IsCancelled | None,
) -> Consistency:
    """Measure how far apart two ways take the points of a grid, where each of `stays` ends in its grid."""
    coarse = thinned(grid, most_voxels)
    wanted = _wanted(mask, coarse)
    distances = np.full(coarse.size_xyz[::-1], np.nan, np.float32)
    for start, stop in slabs(coarse, on_fraction, is_cancelled):
        here = slab_grid(coarse, start, stop)
        measured = wanted[start:stop].copy()
        for leg, ends_in in stays:
            if ends_in is not None:
                measured &= sitk.GetArrayFromImage(overlap_mask(here, ends_in, leg)) != 0
        if measured.any():
            apart = np.linalg.norm(_apart(ways, here), axis=-1)
            distances[start:stop][measured] = apart[measured]
    return _consistency(distances, coarse, int(np.count_nonzero(wanted)))


def _apart(ways: tuple[sitk.Transform, sitk.Transform | None], grid: Grid) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = sitk.GetArrayFromImage(displacement_field(ways[0], grid))
    if ways[1] is not None:
        vectors -= sitk.GetArrayFromImage(displacement_field(ways[1], grid))
    return vectors


def _wanted(mask: sitk.Image | None, grid: Grid) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones(grid.size_xyz[::-1], bool)
    if mask.GetDimension() != grid.dimension:
        raise GeometryError(f"the mask has {mask.GetDimension()} axes, but the volume has {grid.dimension}")
    identity = sitk.TranslationTransform(grid.dimension)
    wanted: NDArray[np.bool_] = (
        sitk.GetArrayFromImage(resample(mask != 0, grid, identity, interpolator="nearest", background=0)) != 0
    )
    return wanted


def _consistency(distances: NDArray[np.float32], grid: Grid, wanted: int) -> Consistency:
    found = distances[~np.isnan(distances)].astype(np.float64)
    median, p95 = np.percentile(found, (50, 95)) if found.size else (np.nan, np.nan)
    return Consistency(
        map_mm=as_image(distances, grid),
        mean_mm=float(found.mean()) if found.size else np.nan,
        median_mm=float(median),
        p95_mm=float(p95),
        maximum_mm=float(found.max()) if found.size else np.nan,
        share_measured=found.size / wanted if wanted else 0.0,
        voxels=int(found.size),
    )
