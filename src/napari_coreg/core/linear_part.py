"""The linear part of any transform: that of a deformation is the affine map nearest to it over the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body_mask import body_or_all
from napari_coreg.core.geometry import Grid
from napari_coreg.core.point_fits import fit_linear
from napari_coreg.core.resample import resample
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.core.transforms import displacement_field, is_linear, to_matrix

if TYPE_CHECKING:
    from napari_coreg.core.search.landscape import Matrix

_FIT_POINTS = 20_000


def linear_part(transform: sitk.Transform, fixed: sitk.Image, fixed_mask: sitk.Image | None = None) -> Matrix:
    """Return a linear transform as a matrix; of any other the affine map nearest to it over the body.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    fixed : SimpleITK.Image
        The fixed volume.
    fixed_mask : SimpleITK.Image, optional
        Instead of the body; on any grid.

    Returns
    -------
    array, shape (D + 1, D + 1)
        Fixed -> moving, LPS mm.
    """
    if is_linear(transform):
        return to_matrix(transform)
    mask = body_or_all(fixed) if fixed_mask is None else fixed_mask
    grid, _, _ = coarse_grid(Grid.of(mask), 8 * _FIT_POINTS)
    vectors = sitk.GetArrayFromImage(displacement_field(transform, grid)).reshape(-1, grid.dimension)
    indices_zyx = np.indices(grid.size_xyz[::-1]).reshape(grid.dimension, -1).T
    points = grid.to_lps(indices_zyx[:, ::-1].astype(float))
    identity = sitk.Transform(grid.dimension, sitk.sitkIdentity)
    on_grid = resample(sitk.Cast(mask != 0, sitk.sitkUInt8), grid, identity, interpolator="nearest", background=0)
    inside = sitk.GetArrayViewFromImage(on_grid).ravel() != 0
    if np.count_nonzero(inside) > 10 * grid.dimension:
        points, vectors = points[inside], vectors[inside]
    return to_matrix(fit_linear("affine", points, points + vectors).transform)
