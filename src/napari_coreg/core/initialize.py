"""First guesses: where a registration starts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import compose, from_matrix, to_matrix
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS_OF_AN_OVERLAP = 16  # along each axis


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


def right_angle_turns(about: sitk.Transform, centre_lps: NDArray[np.float64]) -> list[sitk.Transform]:
    """Return `about` preceded by each turn of space onto itself but the identity: 23 in 3-D, 3 in 2-D.

    Parameters
    ----------
    about : SimpleITK.Transform
        A first guess, fixed -> moving, LPS mm.
    centre_lps : array, shape (D,)
        Centre of the turns in the fixed image, LPS mm.
    """
    n = len(centre_lps)
    turns = []
    for axes in itertools.permutations(range(n)):
        for signs in itertools.product((1.0, -1.0), repeat=n):
            rotation = np.eye(n)[list(axes)] * np.array(signs)
            if np.linalg.det(rotation) < 0 or np.array_equal(rotation, np.eye(n)):
                continue
            matrix = np.eye(n + 1)
            matrix[:n, :n] = rotation
            matrix[:n, n] = centre_lps - rotation @ centre_lps
            turns.append(compose(from_matrix(matrix), about))
    return turns


def overlap(fixed: Grid, moving: Grid, transform: sitk.Transform) -> float:
    """Return about which part of the fixed grid lies on the moving grid through a linear transform, 0 to 1."""
    n = fixed.dimension
    steps = (np.arange(POINTS_OF_AN_OVERLAP) + 0.5) / POINTS_OF_AN_OVERLAP
    lattice = np.stack(np.meshgrid(*[steps] * n, indexing="ij"), axis=-1).reshape(-1, n)
    points = fixed.to_lps(lattice * fixed.size_xyz - 0.5)
    to_index = np.linalg.inv(moving.index_to_lps) @ to_matrix(transform)
    index = points @ to_index[:n, :n].T + to_index[:n, n]
    return float(np.mean(((index > -0.5) & (index < np.array(moving.size_xyz) - 0.5)).all(axis=1)))


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
    threshold = _otsu(values[inside])
    weights = np.where(inside & (values >= threshold), values - values[inside].min(), 0.0)
    if not weights.any():
        weights = inside.astype(np.float64)
    indices_zyx = np.argwhere(weights > 0)
    centre_zyx = np.average(indices_zyx, axis=0, weights=weights[tuple(indices_zyx.T)])
    return Grid.of(image).to_lps(centre_zyx[::-1])


def _otsu(values: NDArray[np.float64]) -> float:
    from skimage.filters import threshold_otsu  # noqa: PLC0415 - 0.2 s that trusted headers do not need

    return float(threshold_otsu(values)) if values.min() < values.max() else float(values.min())
