"""Shrinks both images to each level of a pyramid, so that no iteration touches a full-resolution image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Preprocessing

FOREGROUND_VOXEL_MM, FOREGROUND_MARGIN_MM = 4.0, 10.0
MINIMUM_SIZE = 16  # voxels an axis keeps when it is shrunk
PERCENTILE_VOXELS = 500_000  # are enough to know a percentile; larger images are read at every n-th voxel


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


def make_levels(
    fixed: sitk.Image, moving: sitk.Image, wanted: set[tuple[int, float]]
) -> dict[tuple[int, float], Level]:
    """Return both images at every level that is wanted.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Full-resolution images of 32-bit floats.
    wanted : set of (int, float)
        Shrink factor (the level's voxels are about this many times as long as those of the finer image), and sigma in
        mm of a Gaussian that follows the shrinking, which averages blocks.
    """
    edge_mm = min(Grid.of(fixed).voxel_edge_mm, Grid.of(moving).voxel_edge_mm)
    fixed_shrink = {key: shrink_factors_xyz(Grid.of(fixed), key[0] * edge_mm) for key in wanted}
    moving_shrink = {key: shrink_factors_xyz(Grid.of(moving), key[0] * edge_mm) for key in wanted}
    fixed_shrunk = _shrunk(fixed, set(fixed_shrink.values()))
    moving_shrunk = _shrunk(moving, set(moving_shrink.values()))
    return {
        key: Level(
            fixed=_smoothed(fixed_shrunk[fixed_shrink[key]], key[1]),
            moving=_smoothed(moving_shrunk[moving_shrink[key]], key[1]),
            fixed_shrink_xyz=fixed_shrink[key],
            moving_shrink_xyz=moving_shrink[key],
            smoothing_sigma_mm=key[1],
        )
        for key in wanted
    }


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


def _shrunk(image: sitk.Image, wanted: set[tuple[int, ...]]) -> dict[tuple[int, ...], sitk.Image]:
    """Return the image averaged over blocks of each wanted size, each made from the smallest image that serves."""
    done = {(1,) * image.GetDimension(): image}
    for factors in sorted(wanted, key=np.prod):
        divisors = [key for key in done if all(f % k == 0 for f, k in zip(factors, key, strict=True))]
        nearest = max(divisors, key=np.prod)
        steps = [f // k for f, k in zip(factors, nearest, strict=True)]
        done[factors] = sitk.BinShrink(done[nearest], steps) if max(steps) > 1 else done[nearest]
    return done


def _smoothed(image: sitk.Image, sigma_mm: float) -> sitk.Image:
    return sitk.SmoothingRecursiveGaussian(image, sigma_mm) if sigma_mm > 0 else image


def prepare(image: sitk.Image, preprocessing: Preprocessing) -> sitk.Image:
    """Return `image` as 32-bit floats, clipped, equalized and smoothed as `preprocessing` says; it is not changed."""
    if image.GetPixelID() != sitk.sitkFloat32:
        image = sitk.Cast(image, sitk.sitkFloat32)
    if preprocessing.clip_percentiles != (0.0, 100.0):
        values = sitk.GetArrayViewFromImage(image)
        step = max(1, round((values.size / PERCENTILE_VOXELS) ** (1 / values.ndim)))
        some = values[(slice(None, None, step),) * values.ndim]
        low, high = np.percentile(some, preprocessing.clip_percentiles)
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


def foreground(image: sitk.Image) -> sitk.Image:
    """Return an 8-bit mask of what is brighter than the background, filled, with a margin of about 10 mm.

    Its grid is coarser than that of `image` but covers the same space.
    """
    grid = Grid.of(image)
    shrink = shrink_factors_xyz(grid, FOREGROUND_VOXEL_MM)
    coarse = sitk.BinShrink(image, shrink) if max(shrink) > 1 else image
    margin = [round(FOREGROUND_MARGIN_MM / spacing) for spacing in coarse.GetSpacing()]
    bright = sitk.OtsuThreshold(coarse, 0, 1)
    return sitk.BinaryDilate(sitk.BinaryFillhole(bright), margin)
