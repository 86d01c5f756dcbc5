"""Where the body is in a volume, as a mask: what lies beyond Otsu's threshold, closed and filled."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import otsu
from napari_coreg.core.geometry import Grid
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.core.resample import resample

_VOXEL_MM, _CLOSING_MM = 4.0, 8.0


def body_mask(image: sitk.Image) -> sitk.Image:
    """Return where the body is: what lies on the other side of Otsu's threshold than the border, closed and filled.

    Parameters
    ----------
    image : SimpleITK.Image
        A scalar volume, LPS mm. Voxels that are NaN or infinite count as background.

    Returns
    -------
    SimpleITK.Image
        Of type uint8, on a grid with voxels of some 4 mm over the same space; all 1 where the image is constant.
    """
    image = finite(image)
    factors = shrink_factors_xyz(Grid.of(image), _VOXEL_MM)
    coarse = sitk.BinShrink(image, factors) if max(factors) > 1 else image
    values = sitk.GetArrayFromImage(coarse)
    if values.min() == values.max():
        return sitk.Cast(coarse * 0 + 1, sitk.sitkUInt8)
    threshold, border = otsu(values), np.ones(values.shape, bool)
    border[(slice(1, -1),) * values.ndim] = False
    is_dark = np.median(values[border]) > threshold
    body = coarse < threshold if is_dark else coarse > threshold
    radius = [max(1, round(_CLOSING_MM / spacing)) for spacing in coarse.GetSpacing()]
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(sitk.Cast(body, sitk.sitkUInt8), radius))


def on_grid_of(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Return a mask on the grid of an image, 8-bit, by its own place in space; 0 beyond it."""
    identity = sitk.Transform(mask.GetDimension(), sitk.sitkIdentity)
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    return resample(binary, Grid.of(image), identity, interpolator="nearest", background=0)


def finite(image: sitk.Image) -> sitk.Image:
    """Return an image as 32-bit floats, its NaN and infinite voxels as the least of the others (0 if there is none)."""
    floats = sitk.Cast(image, sitk.sitkFloat32)
    values = sitk.GetArrayViewFromImage(floats)
    is_finite = np.isfinite(values)
    if is_finite.all():
        return floats
    least = values[is_finite].min() if is_finite.any() else 0.0
    mended = sitk.GetImageFromArray(np.where(is_finite, values, least).astype(np.float32))
    mended.CopyInformation(floats)
    return mended
