"""How another scan would see a moved body: on a grid of its own, sampled once, with other values and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import MINIMUM_VOXELS, Grid
from napari_coreg.core.random_motion import random_turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COARSER = (1.05, 1.2)  # voxels of the moving volume, in those of the fixed one; drawn for each axis
_TILT_DEGREES = (2.0, 6.0)  # between the axes of the two grids
_MARGIN = (0.03, 0.1)  # beyond the body on each side, as part of its length
_RANGE = (0.5, 99.5)  # percentiles of the values between which their range is
_REMAPPED_AT = (0.0, 0.15, 0.35, 0.6, 0.85, 1.0)
_REMAPPED_TO = (0.0, 0.95, 0.7, 0.45, 0.25, 0.6)  # as T2 shows what T1 shows: fluid bright, white matter dark


def grid_around(points_lps: NDArray[np.float64], fixed: Grid, rng: np.random.Generator) -> Grid:
    """Return a grid around points that shares nothing with the fixed one: tilted, of other voxels, with random margins.

    Parameters
    ----------
    points_lps : array, shape (N, D)
        The moved body, mm.
    fixed : Grid
        Of the volume.
    rng : numpy.random.Generator
        Of the randomness.
    """
    n = fixed.dimension
    axes = random_turn(n, float(rng.uniform(*_TILT_DEGREES)), rng) @ np.reshape(fixed.direction, (n, n))
    spacing = np.asarray(fixed.spacing_xyz) * rng.uniform(*_COARSER, n)
    along = points_lps @ axes
    low, high = along.min(axis=0), along.max(axis=0)
    low, high = low - rng.uniform(*_MARGIN, n) * (high - low), high + rng.uniform(*_MARGIN, n) * (high - low)
    size = np.maximum(2 * MINIMUM_VOXELS, np.ceil((high - low) / spacing)).astype(int)
    return Grid(
        tuple(size.tolist()), tuple(spacing.tolist()), tuple((axes @ low).tolist()), tuple(axes.ravel().tolist())
    )


def sampled_through(backward: sitk.Transform, volume: sitk.Image, grid: Grid) -> sitk.Image:
    """Return the volume on a grid through a transform (grid -> volume), by cubic B-splines kept within its range."""
    values = sitk.GetArrayViewFromImage(volume)
    low, high = float(values.min()), float(values.max())
    resample = sitk.ResampleImageFilter()
    resample.SetSize(list(grid.size_xyz))
    resample.SetOutputOrigin(list(grid.origin_lps))
    resample.SetOutputSpacing(list(grid.spacing_xyz))
    resample.SetOutputDirection(list(grid.direction))
    resample.SetTransform(backward)
    resample.SetInterpolator(sitk.sitkBSpline)
    resample.SetUseNearestNeighborExtrapolator(True)
    resample.SetOutputPixelType(sitk.sitkFloat32)
    return sitk.Clamp(resample.Execute(sitk.Cast(volume, sitk.sitkFloat32)), sitk.sitkFloat32, low, high)


def change_values(
    image: sitk.Image, volume: sitk.Image, intensity: str, noise: float, rng: np.random.Generator
) -> sitk.Image:
    """Return `image` with other intensities and with noise, 32-bit floats.

    With `low` and `high`, percentiles 0.5 and 99.5 of the fixed volume, as 0 and 1: "gamma" raises values to a power of
    about 0.6 or 1.6; "remap" sends them along a smooth curve that rises and falls, so that no order of brightness is
    kept, as between two modalities; noise is Gaussian, independent from voxel to voxel, with a standard deviation of
    `noise`.

    Parameters
    ----------
    image : SimpleITK.Image
        To be changed; it stays as it is.
    volume : SimpleITK.Image
        Fixed volume, whose range of values counts.
    intensity : {"none", "gamma", "remap"}
        Which change.
    noise : float
        Its standard deviation, as part of the range.
    rng : numpy.random.Generator
        Of the randomness.
    """
    low, high = _range(sitk.GetArrayViewFromImage(volume))
    scaled = (sitk.GetArrayFromImage(image).astype(np.float64) - low) / (high - low)
    if intensity == "gamma":
        power = 2.0 ** (rng.choice([-1, 1]) * rng.uniform(0.5, 0.9))
        scaled = np.sign(scaled) * np.abs(scaled) ** power
    elif intensity == "remap":
        from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - only simulations need it

        heights = np.add(_REMAPPED_TO, rng.uniform(-0.05, 0.05, len(_REMAPPED_TO)))
        scaled = PchipInterpolator(_REMAPPED_AT, heights)(np.clip(scaled, 0, 1))
    if noise:
        scaled += rng.normal(0, noise, scaled.shape)
    changed = sitk.GetImageFromArray((low + scaled * (high - low)).astype(np.float32))
    changed.CopyInformation(image)
    return changed


def _range(values: NDArray[np.floating]) -> tuple[float, float]:
    every = max(1, round((values.size / 1_000_000) ** (1 / values.ndim)))
    low, high = np.percentile(values[(slice(None, None, every),) * values.ndim], _RANGE)
    return (float(low), float(high)) if low < high else (float(values.min()), float(values.max()))
