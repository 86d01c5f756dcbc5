"""Brings an image onto a grid through a transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.transforms import on_grid

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.recipe import Interpolator

INTERPOLATORS = {
    "nearest": sitk.sitkNearestNeighbor,
    "linear": sitk.sitkLinear,
    "bspline": sitk.sitkBSpline,
    "windowed_sinc": sitk.sitkLanczosWindowedSinc,
    "label": sitk.sitkLabelGaussian,
}


def resample(
    image: sitk.Image,
    grid: Grid,
    transform: sitk.Transform,
    *,
    interpolator: Interpolator = "linear",
    background: float | None = None,
) -> sitk.Image:
    """Return `image` as seen from `grid` through `transform`.

    Parameters
    ----------
    image : SimpleITK.Image
        The moving image, in its own grid; a scalar 2-D or 3-D image. It is not changed.
    grid : Grid
        The grid of the result, normally the fixed image's.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    interpolator : {"nearest", "linear", "bspline", "windowed_sinc", "label"}
        "nearest" and "label" make no new values.
    background : float, optional
        Value where the moving image has no voxel; its minimum when not given (air in CT), 0 for label interpolators.
        Taken to the nearest value that the pixel type can hold.

    Returns
    -------
    SimpleITK.Image
        On `grid`, with the pixel type of `image`.
    """
    if background is None:
        labels = interpolator in ("nearest", "label")
        background = 0.0 if labels else float(sitk.GetArrayViewFromImage(image).min())
    pixel_type = sitk.GetArrayViewFromImage(image).dtype
    if np.issubdtype(pixel_type, np.integer):  # SimpleITK would wrap it round
        limits = np.iinfo(pixel_type)
        background = float(np.clip(background, limits.min, limits.max))
    return sitk.Resample(
        image,
        list(grid.size_xyz),
        on_grid(transform, grid),
        INTERPOLATORS[interpolator],
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
        background,
        image.GetPixelID(),
    )
