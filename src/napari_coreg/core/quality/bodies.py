"""Where the body of a volume is that is judged, whatever its voxels hold, and masks on the grids of volumes."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body_mask import body_mask as bright_body
from napari_coreg.core.geometry import Grid
from napari_coreg.core.resample import resample


def body_mask(image: sitk.Image) -> sitk.Image:
    """Return where the body is, as `core.body_mask` finds it, also in a volume of one value or with NaN.

    Parameters
    ----------
    image : SimpleITK.Image
        A scalar volume, LPS mm. Voxels that are NaN or infinite count as background.

    Returns
    -------
    SimpleITK.Image
        Of type uint8, on a coarser grid over the same space; all 1 where no body stands out.
    """
    mask = sitk.Cast(bright_body(finite(image)) != 0, sitk.sitkUInt8)
    return mask if np.any(sitk.GetArrayViewFromImage(mask)) else mask + 1


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
