"""Shrinks both images to each level of a pyramid, so that no iteration touches a full-resolution image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Preprocessing

MINIMUM_SIZE = 16  # voxels an axis keeps when it is shrunk


@dataclass(frozen=True)
class Level:
    """Both images of one level, and how they were shrunk per axis (xyz)."""

    fixed: sitk.Image
    moving: sitk.Image
    fixed_shrink_xyz: tuple[int, ...]
    moving_shrink_xyz: tuple[int, ...]
    smoothing_sigma_mm: float

    @property
    def voxel_mm(self) -> float:
        """Edge of the cube that is as large as a voxel of the level's fixed image, mm."""
        return Grid.of(self.fixed).voxel_edge_mm


def make_level(fixed: sitk.Image, moving: sitk.Image, shrink_factor: int, smoothing_sigma_mm: float) -> Level:
    """Return both images at one level.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Full-resolution images of 32-bit floats.
    shrink_factor : int
        The level's voxels are about this many times as long as those of the finer image.
    smoothing_sigma_mm : float
        Sigma of a Gaussian that follows the shrinking (which averages blocks), mm.
    """
    voxel_mm = shrink_factor * min(Grid.of(fixed).voxel_edge_mm, Grid.of(moving).voxel_edge_mm)
    fixed_shrink = shrink_factors_xyz(Grid.of(fixed), voxel_mm)
    moving_shrink = shrink_factors_xyz(Grid.of(moving), voxel_mm)
    return Level(
        fixed=_shrink_and_smooth(fixed, fixed_shrink, smoothing_sigma_mm),
        moving=_shrink_and_smooth(moving, moving_shrink, smoothing_sigma_mm),
        fixed_shrink_xyz=fixed_shrink,
        moving_shrink_xyz=moving_shrink,
        smoothing_sigma_mm=smoothing_sigma_mm,
    )


def shrink_factors_xyz(grid: Grid, voxel_mm: float) -> tuple[int, ...]:
    """Return the whole factor per axis that brings the voxels nearest to cubes of `voxel_mm`.

    No axis is shrunk below 16 voxels.

    Examples
    --------
    >>> shrink_factors_xyz(Grid((256, 256, 40), (1.0, 1.0, 3.0), (0.0,) * 3, tuple(np.eye(3).ravel())), 4.0)
    (4, 4, 1)
    """
    factors = []
    for size, spacing in zip(grid.size_xyz, grid.spacing_xyz, strict=True):
        wanted = max(1, round(voxel_mm / spacing))
        factors.append(min(wanted, max(1, size // MINIMUM_SIZE)))
    return tuple(factors)


def _shrink_and_smooth(image: sitk.Image, shrink_xyz: tuple[int, ...], sigma_mm: float) -> sitk.Image:
    if max(shrink_xyz) > 1:
        image = sitk.BinShrink(image, shrink_xyz)
    if sigma_mm > 0:
        image = sitk.SmoothingRecursiveGaussian(image, sigma_mm)
    return image


def prepare(image: sitk.Image, preprocessing: Preprocessing) -> sitk.Image:
    """Return a 32-bit float copy of `image`, clipped, equalized and smoothed as `preprocessing` says."""
    image = sitk.Cast(image, sitk.sitkFloat32)
    if preprocessing.clip_percentiles != (0.0, 100.0):
        low, high = np.percentile(sitk.GetArrayViewFromImage(image), preprocessing.clip_percentiles)
        image = sitk.Clamp(image, sitk.sitkFloat32, float(low), float(high))
    if preprocessing.equalize_histogram:
        from skimage.exposure import equalize_hist  # noqa: PLC0415 - 0.2 s that few recipes need

        equalized = sitk.GetImageFromArray(
            np.asarray(equalize_hist(sitk.GetArrayViewFromImage(image)), dtype=np.float32)
        )
        equalized.CopyInformation(image)
        image = equalized
    if preprocessing.smoothing_sigma_mm > 0:
        image = sitk.SmoothingRecursiveGaussian(image, preprocessing.smoothing_sigma_mm)
    return image
