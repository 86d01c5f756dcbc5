"""The body as a mask without a margin: where the error of a registration counts."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import otsu, shrunk

_VOXELS_ACROSS = 128  # along the longest axis
_CLOSED_MM = 10.0  # gaps that are not wider belong to the body: bone in MR, the windpipe, noses
_LEAST_PART = 0.01  # of all bright voxels; smaller specks are noise, a table or a cable


def body_mask(image: sitk.Image) -> sitk.Image:
    """Return an 8-bit mask of what lies on the other side of Otsu's threshold than the border of the image.

    Gaps and holes in it are closed, but it has no margin, unlike
    `pyramid.foreground`, so that what is counted in it is tissue. Its grid is coarser than that of `image` but covers
    the same space. It is empty where no body stands out, as in a volume of one value.

    Parameters
    ----------
    image : SimpleITK.Image
        A scalar volume or 2-D image; the body may be brighter than the background, or darker as on a photographed
        slide. Voxels that are NaN or infinite count as background.

    Examples
    --------
    >>> image = sitk.GaussianSource(sitk.sitkFloat32, [32, 32], [5, 5], [16, 16])
    >>> mask = body_mask(image)
    >>> mask[16, 16], mask[2, 2]
    (1, 0)
    """
    longest_mm = max(size * spacing for size, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True))
    coarse = sitk.Cast(shrunk(finite(image), longest_mm / _VOXELS_ACROSS), sitk.sitkFloat32)
    values = sitk.GetArrayViewFromImage(coarse)
    border = np.ones(values.shape, bool)
    border[(slice(1, -1),) * values.ndim] = False
    threshold = otsu(values)
    is_dark = np.median(values[border]) > threshold
    bright = coarse <= threshold if is_dark else coarse > threshold
    reach = [max(1, round(_CLOSED_MM / spacing)) for spacing in coarse.GetSpacing()]
    body = sitk.BinaryErode(sitk.BinaryFillhole(sitk.BinaryDilate(bright, reach)), reach)
    count = int(np.count_nonzero(sitk.GetArrayViewFromImage(body)))
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(body), max(1, round(_LEAST_PART * count)))
    return parts > 0


def body_or_all(image: sitk.Image) -> sitk.Image:
    """Return `body_mask`, or all of its grid where no body stands out: for numbers that any volume must get."""
    mask = body_mask(image)
    return mask if np.any(sitk.GetArrayViewFromImage(mask)) else mask + 1


def finite(image: sitk.Image) -> sitk.Image:
    """Return an image with its NaN and infinite voxels as the least of the others (0 if there is none)."""
    values = sitk.GetArrayViewFromImage(image)
    is_finite = np.isfinite(values)
    if is_finite.all():
        return image
    least = values[is_finite].min() if is_finite.any() else 0.0
    mended = sitk.GetImageFromArray(np.where(is_finite, values, least).astype(values.dtype))
    mended.CopyInformation(image)
    return mended
