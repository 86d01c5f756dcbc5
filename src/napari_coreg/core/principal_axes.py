"""First guesses that lay the principal axes of one body onto those of the other."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.body import Body
from napari_coreg.core.checks import check_inputs
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

FLAT = 1e-3  # of the largest variance: a body that is thinner has an axis that noise turns


def principal_axes_transforms(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> list[sitk.Transform]:
    """Return the rigid transforms that take centre and principal axes of the fixed body to those of the moving one.

    An axis has two ends, so there are several: 4 in 3-D and 2 in 2-D, the one that turns least first. The body is the
    foreground by Otsu's threshold, brighter or darker than the border of the image; all of it weighs the same, so that
    contrast does not matter.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images, both 2-D or both 3-D, on any grids.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only what they mark (not 0) is looked at; any grid.

    Returns
    -------
    list of SimpleITK.Transform
        Fixed -> moving, LPS mm, about the centre of the fixed body.

    Raises
    ------
    GeometryError, VolumeError
        If an image or a mask cannot be used, or a body has no extent along some direction.

    Notes
    -----
    The axes of a body that is nearly as wide as it is long are not to be relied on, nor those of a part of it.
    """
    masks = {"fixed_mask": fixed_mask, "moving_mask": moving_mask}
    check_inputs(fixed, moving, {name: mask for name, mask in masks.items() if mask is not None}, None)
    centre, axes = _centre_and_axes(fixed, fixed_mask, "fixed volume")
    other_centre, other_axes = _centre_and_axes(moving, moving_mask, "moving volume")
    n = len(centre)
    rotations = []
    for signs in itertools.product((1.0, -1.0), repeat=n):
        rotation = other_axes @ np.diag(signs) @ axes.T
        if np.linalg.det(rotation) > 0:
            rotations.append(rotation)
    rotations.sort(key=lambda rotation: -np.trace(rotation))
    return [_about(rotation, centre, other_centre) for rotation in rotations]


def _about(
    rotation: NDArray[np.float64], centre: NDArray[np.float64], other_centre: NDArray[np.float64]
) -> sitk.Transform:
    n = len(centre)
    matrix = np.eye(n + 1)
    matrix[:n, :n] = rotation
    matrix[:n, n] = other_centre - rotation @ centre
    return from_matrix(matrix, centre)


def _centre_and_axes(
    image: sitk.Image, mask: sitk.Image | None, role: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre of the body, LPS mm, and its axes as columns, the shortest first."""
    points = Body.of(image, mask).points_lps
    centre = points.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(points.T)) if len(points) > 1 else (np.zeros(1), np.eye(1))
    if not variances[0] > FLAT * variances[-1]:
        raise VolumeError(
            f"{role}: what is brighter than its background is no body with an extent along every axis, so it has no "
            "principal axes; start from the centres"
        )
    return centre, axes
