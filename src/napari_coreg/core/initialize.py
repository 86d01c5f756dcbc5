"""First guesses: where a registration starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import otsu
from napari_coreg.core.geometry import Grid
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def centre_transform(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """Return the translation that takes the centre of the fixed grid to the centre of the moving grid."""
    return _translation(Grid.of(fixed).centre_lps, Grid.of(moving).centre_lps)


def moments_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> sitk.Transform:
    """Return the translation that takes the fixed centre of intensity to the moving one.

    Intensities count from Otsu's threshold up, so that neither air nor a background that is not 0 has weight.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images; strongly shrunk ones will do.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only voxels where the mask is not 0 count; any grid.

    Raises
    ------
    VolumeError
        If a mask leaves no voxel.
    """
    return _translation(_centre_of_intensity(fixed, fixed_mask), _centre_of_intensity(moving, moving_mask))


def _translation(from_lps: NDArray[np.float64], to_lps: NDArray[np.float64]) -> sitk.Transform:
    return sitk.TranslationTransform(len(from_lps), (to_lps - from_lps).tolist())


def _centre_of_intensity(image: sitk.Image, mask: sitk.Image | None) -> NDArray[np.float64]:
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    inside = np.ones(values.shape, bool)
    if mask is not None:
        on_grid = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
        inside = sitk.GetArrayViewFromImage(on_grid) != 0
        if not inside.any():
            raise VolumeError("a mask has no voxel inside its image; check that both lie in the same place")
    threshold = otsu(values[inside])
    weights = np.where(inside & (values >= threshold), values - values[inside].min(), 0.0)
    if not weights.any():
        weights = inside.astype(np.float64)
    indices_zyx = np.argwhere(weights > 0)
    centre_zyx = np.average(indices_zyx, axis=0, weights=weights[tuple(indices_zyx.T)])
    return Grid.of(image).to_lps(centre_zyx[::-1])
