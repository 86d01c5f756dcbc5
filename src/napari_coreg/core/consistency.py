"""How well transforms of the same volumes agree with each other, in mm: there and back, and round three volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

MOST_VOXELS = 2**24


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


def inverse_consistency(
    forward: sitk.Transform,
    backward: sitk.Transform,
    grid: Grid,
    mask: sitk.Image | None = None,
    *,
    moving_grid: Grid | None = None,
    most_voxels: int = MOST_VOXELS,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Consistency:
    """Follow points to the moving volume and back: |B(F(p)) - p|, mm.

    Parameters
    ----------
    forward, backward : SimpleITK.Transform
        F, fixed -> moving, and B, moving -> fixed, found apart from each other, LPS mm.
    grid : Grid
        The fixed volume's.
    mask : SimpleITK.Image, optional
        On any grid in fixed space; only where it is not 0.
    moving_grid : Grid, optional
        The moving volume's: only points that F takes into it are measured, as B was found from nothing beyond.
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
    """
    raise NotImplementedError


def transitivity(
    first_to_second: sitk.Transform,
    second_to_third: sitk.Transform,
    first_to_third: sitk.Transform,
    grid: Grid,
    mask: sitk.Image | None = None,
    *,
    second_grid: Grid | None = None,
    third_grid: Grid | None = None,
    most_voxels: int = MOST_VOXELS,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Consistency:
    """Follow points to a third volume directly and by way of a second: |T23(T12(p)) - T13(p)|, mm.

    Parameters
    ----------
    first_to_second, second_to_third, first_to_third : SimpleITK.Transform
        T12, T23 and T13, LPS mm.
    grid : Grid
        The first volume's.
    mask : SimpleITK.Image, optional
        On any grid in the first volume's space; only where it is not 0.
    second_grid, third_grid : Grid, optional
        Of the other volumes: only points that T12 takes into the second, and T13 into the third, are measured.
    most_voxels, on_fraction, is_cancelled
        As for `inverse_consistency`.

    Raises
    ------
    GeometryError
        A transform, or the mask, has other axes than the grid.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    raise NotImplementedError
