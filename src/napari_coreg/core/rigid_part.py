"""The rigid part of a deformation: the rotation and shift that come nearest to it, and what is left without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import marked
from napari_coreg.core.deformation import require_axes
from napari_coreg.core.evidence import angle_degrees
from napari_coreg.core.point_fits import fit_linear
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.core.transforms import compose, displacement_field, invert, to_matrix

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid

_RIGID_POINTS = 20_000


def best_rigid(transform: sitk.Transform, grid: Grid, mask: sitk.Image | None = None) -> sitk.Transform:
    """Return the rotation and shift that come nearest to a transform, by least squares over the points of a grid.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Normally the fixed image's; some 20 000 of its points are taken.
    mask : SimpleITK.Image, optional
        On any grid; only points where it is not 0 count. All points where that leaves too few for a fit.

    Returns
    -------
    SimpleITK.Transform
        Euler2D or VersorRigid3D, about the centroid of the points.

    Raises
    ------
    GeometryError
        The transform squeezes the points onto a line or point.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((9, 9), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> rigid_size(best_rigid(sitk.TranslationTransform(2, (3.0, 4.0)), grid))
    (5.0, 0.0)
    """
    require_axes(transform, grid)
    coarse, _, _ = coarse_grid(grid, _RIGID_POINTS)
    indices_zyx = np.indices(coarse.size_xyz[::-1]).reshape(coarse.dimension, -1).T
    vectors = sitk.GetArrayFromImage(displacement_field(transform, coarse)).reshape(indices_zyx.shape)
    points = coarse.to_lps(indices_zyx[:, ::-1].astype(float))
    if mask is not None:
        inside = marked(mask, coarse).T.ravel()
        if np.count_nonzero(inside) > grid.dimension:
            points, vectors = points[inside], vectors[inside]
    return fit_linear("rigid", points, points + vectors).transform


def without_rigid(transform: sitk.Transform, rigid: sitk.Transform) -> sitk.Transform:
    """Return the rest of a transform when a rigid motion is taken back after it: p -> R^-1(T(p)).

    It maps fixed points to fixed space, and is the identity where T is rigid itself.
    """
    return compose(transform, invert(rigid))


def rigid_size(rigid: sitk.Transform) -> tuple[float, float]:
    """Return how far `best_rigid` shifts its centre, mm, and by how much it turns, degrees."""
    centre = np.asarray(rigid.GetCenter())
    matrix = to_matrix(rigid)
    moved = matrix[:-1, :-1] @ centre + matrix[:-1, -1] - centre
    return float(np.linalg.norm(moved)), angle_degrees(matrix)
