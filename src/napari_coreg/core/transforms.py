"""Transforms as values: composed, collapsed where linear, and turned into matrices and displacement fields.

Every transform maps fixed points to moving points, LPS mm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid

Parameters = tuple[float, ...] | NDArray[np.float64]

_ROUNDING = 1e-8  # of a product of rotations; what scales by more is kept as it is
_FEW_DIGITS = 1e-5  # of a rotation from a file
_NOT_LINEAR = {sitk.sitkBSplineTransform, sitk.sitkDisplacementField}


def parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """Return the elementary transforms in the order in which they are applied to a fixed point."""
    if transform.GetTransformEnum() != sitk.sitkComposite:
        return [transform.Downcast()]
    composite = sitk.CompositeTransform(transform)
    inner = [composite.GetNthTransform(i) for i in range(composite.GetNumberOfTransforms())]
    return [part for item in reversed(inner) for part in parts(item)]


def is_linear(transform: sitk.Transform) -> bool:
    """Whether straight lines stay straight: no B-spline and no displacement field in it."""
    return all(part.GetTransformEnum() not in _NOT_LINEAR for part in parts(transform))


def to_matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    """Return a linear transform as a homogeneous matrix, shape (D + 1, D + 1), fixed LPS mm -> moving LPS mm.

    Raises
    ------
    ValueError
        If the transform is not linear.

    Examples
    --------
    >>> to_matrix(sitk.TranslationTransform(2, (3.0, 4.0)))
    array([[1., 0., 3.],
           [0., 1., 4.],
           [0., 0., 1.]])
    """
    if not is_linear(transform):
        raise ValueError("a deformable transform has no matrix; sample its displacement field instead")
    n = transform.GetDimension()
    origin = np.array(transform.TransformPoint([0.0] * n))
    matrix = np.eye(n + 1)
    for axis in range(n):
        unit = [0.0] * n
        unit[axis] = 1.0
        matrix[:n, axis] = np.array(transform.TransformPoint(unit)) - origin
    matrix[:n, n] = origin
    return matrix


def from_matrix(matrix: NDArray[np.float64], centre_lps: NDArray[np.float64] | None = None) -> sitk.Transform:
    """Return the simplest SimpleITK transform with this homogeneous matrix.

    Parameters
    ----------
    matrix : array, shape (D + 1, D + 1)
        Fixed LPS mm -> moving LPS mm.
    centre_lps : array, shape (D,), optional
        Centre of rotation to write into the transform; does not change the map.

    Returns
    -------
    SimpleITK.Transform
        A translation, a rigid transform (Euler2D, VersorRigid3D) where the matrix is a rotation, else an affine one.
    """
    n = matrix.shape[0] - 1
    linear, offset = matrix[:n, :n], matrix[:n, n]
    if np.allclose(linear, np.eye(n), rtol=0, atol=1e-12):
        return sitk.TranslationTransform(n, offset.tolist())
    transform: sitk.Transform
    if _is_rotation(linear, _ROUNDING):
        u, _, vt = np.linalg.svd(linear)
        linear = u @ vt
        transform = sitk.Euler2DTransform() if n == 2 else sitk.VersorRigid3DTransform()
    else:
        transform = sitk.AffineTransform(n)
    centre = np.zeros(n) if centre_lps is None else np.asarray(centre_lps, float)
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(linear.ravel().tolist())
    transform.SetTranslation((linear @ centre + offset - centre).tolist())
    return transform


def linear_identity(kind: str, centre_lps: NDArray[np.float64]) -> sitk.Transform:
    """Return the identity as a "translation", "rigid", "similarity" or "affine" transform about a centre, LPS mm."""
    n = len(centre_lps)
    if kind == "translation":
        return sitk.TranslationTransform(n)
    transform: sitk.Transform
    if kind == "rigid":
        transform = sitk.Euler2DTransform() if n == 2 else sitk.VersorRigid3DTransform()
    elif kind == "similarity":
        transform = sitk.Similarity2DTransform() if n == 2 else sitk.Similarity3DTransform()
    else:
        transform = sitk.AffineTransform(n)
    transform.SetCenter(centre_lps.tolist())
    return transform


def with_parameters(transform: sitk.Transform, parameters: Parameters) -> sitk.Transform:
    """Return a copy of an elementary transform with other parameters."""
    copy = transform.__class__(transform)
    copy.SetParameters(np.asarray(parameters).tolist())
    return copy


def compose(*transforms: sitk.Transform, centre_lps: NDArray[np.float64] | None = None) -> sitk.Transform:
    """Return one transform that applies `transforms` from the first to the last.

    Neighbouring linear transforms are collapsed into one, so a chain of linear stages is one linear transform.

    Examples
    --------
    >>> shift = sitk.TranslationTransform(2, (1.0, 0.0))
    >>> compose(shift, shift).TransformPoint((0.0, 0.0))
    (2.0, 0.0)
    """
    chain: list[sitk.Transform] = []
    for transform in transforms:
        for part in parts(transform):
            if chain and is_linear(part) and is_linear(chain[-1]):
                chain[-1] = from_matrix(to_matrix(part) @ to_matrix(chain[-1]), centre_lps)
            else:
                chain.append(part)
    kept = [part for part in chain if not is_identity(part)] or chain[:1]
    if not kept:  # of composites that hold nothing
        return sitk.TranslationTransform(transforms[0].GetDimension())
    if len(kept) == 1:
        return kept[0]
    return sitk.CompositeTransform(list(reversed(kept)))


def invert(transform: sitk.Transform) -> sitk.Transform:
    """Return the inverse (moving -> fixed) of a linear transform.

    Raises
    ------
    RegistrationError
        If the transform is deformable or singular.
    """
    if not is_linear(transform):
        raise RegistrationError("a deformable transform has no closed inverse; find_inverse finds one numerically")
    matrix = to_matrix(transform)
    if abs(np.linalg.det(matrix)) < 1e-12:
        raise RegistrationError("the transform squeezes space flat (its determinant is 0), so it has no inverse")
    return from_matrix(np.linalg.inv(matrix).astype(np.float64))


def displacement_field(transform: sitk.Transform, grid: Grid) -> sitk.Image:
    """Return the displacement field of `transform` on `grid`.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Where to sample, normally the fixed image's grid.

    Returns
    -------
    SimpleITK.Image
        Vectors of 32-bit floats: at fixed point p stands T(p) - p, LPS mm.
    """
    vectors = _vectors(transform, grid)
    if vectors is None:
        return sitk.TransformToDisplacementField(
            transform,
            sitk.sitkVectorFloat32,
            list(grid.size_xyz),
            list(grid.origin_lps),
            list(grid.spacing_xyz),
            list(grid.direction),
        )
    return _as_image(vectors.astype(np.float32), grid)


def displacements(transform: sitk.Transform, grid: Grid) -> NDArray[np.float64]:
    """Return T(p) - p at the points of a grid with all digits, shape (z, y, x, D) or (y, x, D), LPS mm.

    `displacement_field` takes half the memory, and keeps seven digits, which are too few for second differences.
    """
    vectors = _vectors(transform, grid)
    if vectors is not None:
        return vectors
    field = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        list(grid.size_xyz),
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
    )
    sampled: NDArray[np.float64] = sitk.GetArrayFromImage(field)
    return sampled


def on_grid(transform: sitk.Transform, grid: Grid) -> sitk.Transform:
    """Return a transform that does the same to the voxels of `grid`, in less time where B-splines are in it."""
    vectors = _vectors(transform, grid)
    if vectors is None:
        return transform
    return sitk.DisplacementFieldTransform(_as_image(vectors, grid))


def _vectors(transform: sitk.Transform, grid: Grid) -> NDArray[np.float64] | None:
    """Return the displacements of a B-spline that linear transforms may follow; None for any other chain."""
    chain = spline_and_matrix(transform)
    if chain is None:
        return None
    from napari_coreg.core.bspline.fields import spline_displacements  # noqa: PLC0415 - numba takes 0.5 s

    return spline_displacements(*chain, grid)


def spline_and_matrix(transform: sitk.Transform) -> tuple[sitk.BSplineTransform, NDArray[np.float64]] | None:
    """Return a chain as a B-spline and the linear map that follows it; None if it is anything else."""
    first, *others = parts(transform) or [transform]
    if first.GetTransformEnum() != sitk.sitkBSplineTransform or not all(is_linear(part) for part in others):
        return None
    matrix = to_matrix(compose(*others)) if others else np.eye(transform.GetDimension() + 1)
    return sitk.BSplineTransform(first), matrix


def _as_image(vectors: NDArray[Any], grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetOrigin(grid.origin_lps)
    image.SetSpacing(grid.spacing_xyz)
    image.SetDirection(grid.direction)
    return image


def is_rigid(transform: sitk.Transform) -> bool:
    """Whether the transform keeps all distances and handedness: rotation and shift only."""
    if not is_linear(transform):
        return False
    n = transform.GetDimension()
    return _is_rotation(to_matrix(transform)[:n, :n], _FEW_DIGITS)


def _is_rotation(linear: NDArray[np.float64], within: float) -> bool:
    is_orthogonal = np.allclose(linear.T @ linear, np.eye(len(linear)), rtol=0, atol=within)
    return bool(is_orthogonal and np.linalg.det(linear) > 0)


def is_identity(transform: sitk.Transform) -> bool:
    """Whether the transform is linear and moves nothing."""
    if not is_linear(transform):
        return False
    n = transform.GetDimension()
    return bool(np.array_equal(to_matrix(transform), np.eye(n + 1)))
