"""Right-angled grids from any: from a voxel-to-LPS matrix, and from a sheared image."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-4  # how far two axes' cosine may be from 0 before the grid counts as sheared


def is_sheared(direction: NDArray[np.float64]) -> bool:
    """Whether the columns of a (D, D) direction matrix are not at right angles."""
    return not np.allclose(direction.T @ direction, np.eye(len(direction)), atol=_ROUNDING)


def nearest_orthonormal(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orthonormal matrix nearest to `direction` (polar decomposition); handedness is kept.

    Examples
    --------
    >>> nearest_orthonormal(np.diag([-1.0, 1.0, 1.0000001])).tolist()
    [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if np.array_equal(direction.T @ direction, np.eye(len(direction))):
        return direction
    u, _, vt = np.linalg.svd(direction)
    return np.asarray(u @ vt)


def place(image: sitk.Image, index_to_lps: NDArray[np.float64]) -> tuple[sitk.Image, tuple[str, ...]]:
    """Give `image` the grid of a homogeneous matrix, resampling it if the matrix has shear.

    Parameters
    ----------
    image : SimpleITK.Image
        The values; its geometry is overwritten.
    index_to_lps : array, shape (D + 1, D + 1)
        Voxel index (xyz) to LPS mm.

    Returns
    -------
    image : SimpleITK.Image
        On a right-angled grid.
    notes : tuple of str
        What was done about shear; empty for most images.

    Raises
    ------
    GeometryError
        If the matrix is singular or not finite.
    """
    n = image.GetDimension()
    linear = index_to_lps[:n, :n]
    spacing = np.linalg.norm(linear, axis=0)
    if not np.all(np.isfinite(index_to_lps)) or spacing.min() == 0 or abs(np.linalg.det(linear / spacing)) < 1e-6:
        raise GeometryError("its header does not place the voxels in space (the matrix is singular)")
    direction = linear / spacing
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(index_to_lps[:n, n].tolist())
    if is_sheared(direction):
        image.SetDirection(direction.ravel().tolist())
        return rectify(image), (shear_note(image),)
    return straighten(image, direction), ()


def straighten(image: sitk.Image, direction: NDArray[np.float64]) -> sitk.Image:
    """Set the orthonormal direction nearest to one that is off by rounding only, with the grid's centre in place."""
    exact = nearest_orthonormal(direction)
    half = (np.array(image.GetSize(), float) - 1) / 2 * np.array(image.GetSpacing())
    image.SetOrigin((np.array(image.GetOrigin()) + (direction - exact) @ half).tolist())
    image.SetDirection(exact.ravel().tolist())
    return image


def rectify(image: sitk.Image) -> sitk.Image:
    """Return `image` on a grid whose axes are at right angles.

    Parameters
    ----------
    image : SimpleITK.Image
        Any direction that is not singular.

    Returns
    -------
    SimpleITK.Image
        The same image if its axes are at right angles; else one with the same spacing, along the nearest orthonormal
        axes, that covers the same volume: linear interpolation, the image's minimum where there were no voxels.
    """
    n = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (n, n))
    if not is_sheared(direction):
        return straighten(sitk.Image(image), direction)
    axes = nearest_orthonormal(direction)
    last = np.array(image.GetSize()) - 1
    spacing = np.array(image.GetSpacing())
    ends = np.array(list(itertools.product(*[(0, end) for end in last])))
    corners = (ends * spacing) @ direction.T @ axes  # along the new axes, mm, from the first voxel
    low, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    size = np.ceil(extent / spacing - 1e-6).astype(int) + 1
    low = low - ((size - 1) * spacing - extent) / 2
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size.tolist())
    resampler.SetOutputSpacing(spacing.tolist())
    resampler.SetOutputOrigin((np.array(image.GetOrigin()) + axes @ low).tolist())
    resampler.SetOutputDirection(axes.ravel().tolist())
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetDefaultPixelValue(float(np.nanmin(sitk.GetArrayViewFromImage(image))))
    return _in_type_of(image, resampler.Execute(sitk.Cast(image, sitk.sitkFloat64)))


def shear_note(image: sitk.Image) -> str:
    """Return a note on how far a sheared image's axes are from right angles, in degrees."""
    n = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (n, n))
    cosines = (direction.T @ direction)[np.triu_indices(n, 1)]
    angle = np.degrees(np.arcsin(np.clip(np.abs(cosines).max(), 0, 1)))
    return (
        f"The grid's axes are {angle:.1f} degrees off right angles (shear): the volume was resampled onto a "
        "right-angled grid of the same spacing with linear interpolation."
    )


def rounded_to(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return `values` in `dtype`, rounded and kept in range where that is an integer type."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max), dtype)


def _in_type_of(image: sitk.Image, resampled: sitk.Image) -> sitk.Image:
    dtype = sitk.GetArrayViewFromImage(image).dtype
    result = sitk.GetImageFromArray(rounded_to(sitk.GetArrayViewFromImage(resampled), dtype))
    result.CopyInformation(resampled)
    return result
