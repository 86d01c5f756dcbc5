"""How far a transform is off at landmarks, in all and along each axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.geometry import Grid
from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import ArrayLike, NDArray

    from napari_coreg.core.landmarks import LandmarkModel


@dataclass(frozen=True, eq=False)
class TargetRegistrationError:
    """Distances, in mm, between where landmarks are and where the transform puts them.

    Attributes
    ----------
    mean, median, p95, maximum, rms : float
        Of the distances of all landmarks, mm; p95 is the 95th percentile, rms the root of the mean square.
    errors_mm : tuple of float
        |T(p) - q|, one per landmark.
    vectors_lps : array, shape (N, D)
        T(p) - q: from where a landmark is in the moving volume to where the transform puts it, LPS mm.
    mean_lps, rms_lps : tuple of float
        Mean (which tells a shift in common) and root mean square of the vectors along each axis, LPS mm.

    References
    ----------
    Fitzpatrick, West and Maurer, "Predicting error in rigid-body point-based registration", IEEE TMI 17, 1998.
    """

    mean: float
    median: float
    p95: float
    maximum: float
    rms: float
    errors_mm: tuple[float, ...]
    vectors_lps: NDArray[np.float64]
    mean_lps: tuple[float, ...]
    rms_lps: tuple[float, ...]


def target_registration_error(
    transform: sitk.Transform, fixed_points_lps: NDArray[np.float64], moving_points_lps: NDArray[np.float64]
) -> TargetRegistrationError:
    """Return how far the transform misses corresponding landmarks: |T(p) - q|, mm.

    Parameters
    ----------
    transform : SimpleITK.Transform
        T, fixed -> moving, LPS mm.
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        p and q: the same N landmarks, in the same order, in the fixed and in the moving volume.

    Raises
    ------
    GeometryError
        If the numbers of points differ, there are none, one is NaN, or they have other axes than the transform.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> points = np.zeros((1, 2))
    >>> target_registration_error(sitk.TranslationTransform(2, (3.0, 4.0)), points, points).mean
    5.0
    """
    fixed, moving = np.asarray(fixed_points_lps, float), np.asarray(moving_points_lps, float)
    n = transform.GetDimension()
    if fixed.ndim != 2 or fixed.shape != moving.shape or len(fixed) == 0 or fixed.shape[1] != n:
        raise GeometryError(
            f"the fixed points are an array of shape {fixed.shape} and the moving points of {moving.shape}, but both "
            f"must be (N, {n}) with the same landmarks in the same order"
        )
    if not (np.isfinite(fixed).all() and np.isfinite(moving).all()):
        raise GeometryError("a landmark has a coordinate that is not a number; leave that pair out")
    mapped = np.array([transform.TransformPoint(point) for point in fixed.tolist()])
    vectors = mapped - moving
    errors = np.linalg.norm(vectors, axis=1)
    return TargetRegistrationError(
        mean=float(errors.mean()),
        median=float(np.median(errors)),
        p95=float(np.percentile(errors, 95)),
        maximum=float(errors.max()),
        rms=float(np.sqrt(np.mean(errors**2))),
        errors_mm=tuple(errors.tolist()),
        vectors_lps=vectors,
        mean_lps=tuple(vectors.mean(axis=0).tolist()),
        rms_lps=tuple(np.sqrt(np.mean(vectors**2, axis=0)).tolist()),
    )


def leave_one_out(
    fixed_points_lps: ArrayLike, moving_points_lps: ArrayLike, model: LandmarkModel = "rigid"
) -> tuple[float | None, ...]:
    """Return how far each landmark is off a transform that is fitted to all others: |T_others(p) - q|, mm.

    The best sign of a misplaced landmark. It judges the landmarks, not a registration that did not use them.

    Parameters
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        The same landmarks in the same order, LPS mm.
    model : {"translation", "rigid", "similarity", "affine", "thin_plate"}
        What is fitted.

    Returns
    -------
    tuple of float or None
        One per landmark; None where the others do not suffice for the model.

    Raises
    ------
    GeometryError
        As `napari_coreg.fit_landmarks` does.

    Examples
    --------
    >>> p = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    >>> print(leave_one_out(p, p + (2.0, 1.0), "translation"))
    (0.0, 0.0, 0.0)
    """
    points = np.asarray(fixed_points_lps, np.float64)
    like = _grid_about(points) if model == "thin_plate" and points.ndim == 2 and len(points) else None
    return fit_landmarks(points, moving_points_lps, model, like=like).leave_one_out_mm


def _grid_about(points: NDArray[np.float64]) -> Grid:
    """Return a grid for a fit that wants one, on which its leave-one-out errors do not depend."""
    low, high = points.min(axis=0), points.max(axis=0)
    n = points.shape[1]
    spacing = np.maximum((high - low) / 3, 1.0)
    return Grid((4,) * n, tuple(spacing.tolist()), tuple(low.tolist()), tuple(np.eye(n).ravel().tolist()))
