"""Where the body is in an image, and whether it is brighter or darker than what is around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COARSE = 64  # voxels along the longest axis are enough to see where the body is
OUTSIDE = -3e38  # marks what an image does not cover; no value of an image is as low


@dataclass(frozen=True)
class Body:
    """The foreground of an image.

    Attributes
    ----------
    points_lps : array, shape (N, D)
        Centres of the voxels of a coarse grid that it fills, LPS mm.
    sign : float
        -1 where it is darker than the background, as in a photograph of a slide; else 1.
    """

    points_lps: NDArray[np.float64]
    sign: float

    @classmethod
    def of(cls, image: sitk.Image, mask: sitk.Image | None = None) -> Body:
        """Find the body: what lies on the other side of Otsu's threshold than the border of the image does.

        Parameters
        ----------
        image : SimpleITK.Image
            A scalar image.
        mask : SimpleITK.Image, optional
            Only voxels where it is not 0 count; any grid.

        Raises
        ------
        VolumeError
            If the mask leaves no voxel.
        """
        edge_mm = max(size * spacing for size, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True))
        coarse = shrunk(image, edge_mm / COARSE)
        values = sitk.GetArrayFromImage(coarse).astype(np.float64)
        border = np.ones(values.shape, bool)
        border[(slice(1, -1),) * values.ndim] = False
        sign = -1.0 if np.median(values[border]) > otsu(values) else 1.0
        counted = np.ones(values.shape, bool) if mask is None else marked(mask, Grid.of(coarse)).T
        if not counted.any():
            raise VolumeError("a mask has no voxel inside its image; check that both lie in the same place")
        bright = counted & (sign * values > otsu(sign * values[counted]))
        indices_zyx = np.argwhere(bright if bright.any() else counted)
        return cls(Grid.of(coarse).to_lps(indices_zyx[:, ::-1].astype(np.float64)), sign)


def shrunk(image: sitk.Image, voxel_mm: float) -> sitk.Image:
    """Return the image averaged over blocks of about `voxel_mm`, so that sampling it so coarsely does not alias."""
    factors = shrink_factors_xyz(Grid.of(image), voxel_mm)
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image


def sampled(image: sitk.Image, grid: Grid) -> NDArray[np.float32]:
    """Return the values of an image on a grid, in xyz order; `OUTSIDE` where it has no voxel."""
    values: NDArray[np.float32] = sitk.GetArrayFromImage(
        _resampled(image, grid, sitk.sitkLinear, OUTSIDE, sitk.sitkFloat32)
    ).T
    return values


def marked(mask: sitk.Image, grid: Grid) -> NDArray[np.bool_]:
    """Return where a mask is not 0 on a grid, in xyz order."""
    on_grid = sitk.GetArrayFromImage(_resampled(mask != 0, grid, sitk.sitkNearestNeighbor, 0.0, sitk.sitkUInt8))
    return np.asarray(on_grid.T != 0)


def otsu(values: NDArray[np.floating]) -> float:
    """Return Otsu's threshold; of one constant, that."""
    from skimage.filters import threshold_otsu  # noqa: PLC0415 - 0.2 s that trusted headers do not need

    return float(threshold_otsu(values.ravel())) if values.min() < values.max() else float(values.min())


def _resampled(image: sitk.Image, grid: Grid, interpolator: int, outside: float, pixel_type: int) -> sitk.Image:
    return sitk.Resample(
        image,
        list(grid.size_xyz),
        sitk.Transform(grid.dimension, sitk.sitkIdentity),
        interpolator,
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
        outside,
        pixel_type,
    )
