"""Carries points, vectors, surfaces and labels through a transform.

A transform maps points of the fixed space to the moving space, LPS mm. What is made of points goes that way: through
the transform from fixed to moving, and through its inverse from moving to fixed. Images are pulled, and so go the other
way: through the transform from the moving space onto the fixed grid, through its inverse onto the moving grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import require_scalars
from napari_coreg.core.resample import resample
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import ArrayLike, NDArray

    from napari_coreg.core.geometry import Grid

    Floats = NDArray[np.float64]

_COUNTED = (sitk.sitkInt8, sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkUInt32)
_WIDE = (sitk.sitkInt64, sitk.sitkUInt64)


@dataclass(frozen=True, eq=False)
class Surface:
    """A surface of triangles.

    Attributes
    ----------
    vertices_lps : array, shape (N, 3)
        LPS mm.
    faces : array of int, shape (M, 3)
        Numbers of the vertices of each triangle.
    """

    vertices_lps: Floats = field(repr=False)
    faces: NDArray[np.int64] = field(repr=False)


def warp_points(transform: sitk.Transform, points_lps: ArrayLike) -> Floats:
    """Return where a transform takes points.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Any.
    points_lps : array, shape (N, D)
        LPS mm, in the space that the transform leads from: the fixed one, or the moving one for its inverse.

    Returns
    -------
    array, shape (N, D)
        LPS mm, in the space that it leads to: exactly where SimpleITK takes them.

    Raises
    ------
    GeometryError
        The points have other axes than the transform, or are not all finite.

    Examples
    --------
    >>> warp_points(sitk.TranslationTransform(2, (3.0, 0.0)), [[1.0, 2.0]])
    array([[4., 2.]])
    """
    points = require_points(transform, points_lps)
    return np.array([transform.TransformPoint(point) for point in points.tolist()]).reshape(points.shape)


def warp_vectors(transform: sitk.Transform, positions_lps: ArrayLike, vectors_lps: ArrayLike) -> tuple[Floats, Floats]:
    """Return where a transform takes positions, and the vectors there as its Jacobian carries them: J v.

    So a short piece of a curve stays tangent to the curve, longer where space swells, and turned with it; what
    `SimpleITK.Transform.TransformVector` stands for.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Any.
    positions_lps : array, shape (N, D)
        LPS mm, in the space that the transform leads from.
    vectors_lps : array, shape (N, D)
        At the positions, along LPS.

    Returns
    -------
    positions_lps, vectors_lps : array, shape (N, D)
        In the space that the transform leads to.

    Raises
    ------
    GeometryError
        Positions and vectors are not as many, have other axes than the transform, or are not all finite.

    Examples
    --------
    >>> warp_vectors(sitk.ScaleTransform(2, (2.0, 1.0)), [[1.0, 1.0]], [[1.0, 3.0]])
    (array([[2., 1.]]), array([[2., 3.]]))
    """
    positions, vectors = require_points(transform, positions_lps), require_points(transform, vectors_lps)
    require_as_many(positions, vectors)
    return warp_points(transform, positions), np.einsum("nij,nj->ni", jacobians_at(transform, positions), vectors)


def warp_surface(transform: sitk.Transform, surface: Surface) -> Surface:
    """Return a surface with its vertices where a transform takes them.

    Parameters
    ----------
    transform : SimpleITK.Transform
        In 3-D.
    surface : Surface
        In the space that the transform leads from.

    Returns
    -------
    Surface
        In the space that it leads to. Where the transform mirrors, each triangle runs the other way round, so that
        outside stays outside.

    Raises
    ------
    GeometryError
        The transform is not for three axes, or vertices are not finite.
    """
    vertices = warp_points(transform, surface.vertices_lps)
    faces = surface.faces[:, ::-1].copy() if mirrors(transform, surface.vertices_lps) else surface.faces
    return Surface(vertices, faces)


def warp_labels(
    labels: sitk.Image, grid: Grid, transform: sitk.Transform, *, interpolator: Literal["nearest", "label"] = "nearest"
) -> sitk.Image:
    """Return labels of the moving space as seen from a grid of the fixed space; there are no new values.

    Parameters
    ----------
    labels : SimpleITK.Image
        Whole numbers, in the space that the transform leads to; 0 is no label.
    grid : Grid
        In the space that it leads from: the fixed image's, or the moving image's for the inverse.
    transform : SimpleITK.Transform
        From points of `grid` to points of `labels`, LPS mm.
    interpolator : {"nearest", "label"}
        "label" makes smoother borders: of the labels around a point, the one with most weight in a Gaussian.

    Returns
    -------
    SimpleITK.Image
        On `grid`, with the pixel type of `labels`, 0 where they have no voxel.

    Raises
    ------
    VolumeError
        A voxel holds a fraction, or several values.
    """
    require_scalars(labels, "labels")
    if labels.GetPixelID() not in (*_COUNTED, *_WIDE):
        values = sitk.GetArrayViewFromImage(labels)
        if not (np.isfinite(values).all() and (values == np.rint(values)).all()):
            raise VolumeError(
                "labels: their values are not whole numbers, so they are no labels; warp them as an image"
            )
    return resample(labels, grid, transform, interpolator=interpolator, background=0.0)


def require_points(transform: sitk.Transform, points_lps: ArrayLike) -> Floats:
    """Return points (or vectors) as an array of shape (N, D), or refuse them.

    Raises
    ------
    GeometryError
        They have other axes than the transform, or are not all finite.
    """
    points, n = np.asarray(points_lps, dtype=np.float64), transform.GetDimension()
    if points.ndim != 2 or points.shape[1] != n:
        raise GeometryError(f"points have the shape {points.shape}, but the transform needs (N, {n}): LPS mm in {n}-D")
    if not np.isfinite(points).all():
        raise GeometryError("a point is NaN or infinite; leave it out")
    return points


def require_as_many(positions: Floats, vectors: Floats) -> None:
    """Refuse vectors that are not one for each position.

    Raises
    ------
    GeometryError
        Telling how many there are of both.
    """
    if len(positions) != len(vectors):
        raise GeometryError(f"there are {len(positions)} positions, but {len(vectors)} vectors; give one for each")


def jacobians_at(transform: sitk.Transform, points_lps: Floats) -> Floats:
    """Return the derivatives of a transform at points (N, D), shape (N, D, D): rows of where to, columns of where from.

    Those of a displacement field are those of the trilinear map between its nodes.
    """
    n = transform.GetDimension()
    if is_linear(transform):
        return np.tile(to_matrix(transform)[:n, :n], (len(points_lps), 1, 1))
    from napari_coreg.core.mapping.chain import Chain  # noqa: PLC0415 - numba takes 0.5 s

    return Chain.of(transform).jacobians(points_lps)[1]


def mirrors(transform: sitk.Transform, points_lps: Floats) -> bool:
    """Whether left becomes right: at more than half of the points, where the transform bends."""
    determinants = np.linalg.det(jacobians_at(transform, points_lps[:1] if is_linear(transform) else points_lps))
    return bool(len(determinants) and np.median(determinants) < 0)
