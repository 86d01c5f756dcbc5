"""Registration from paired landmarks: the transform, and how far each landmark is off with it and without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_coreg.core.landmark_checks import (
    checked_grid,
    checked_names,
    checked_points,
    checked_weights,
    require_choice,
    require_distinct,
)
from napari_coreg.core.point_fits import LinearMap, LinearModel, fit_linear, require_same_handedness
from napari_coreg.core.thin_plate import ThinPlateSpline, fit_thin_plate, sampled
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import SimpleITK as sitk
    from numpy.typing import ArrayLike, NDArray

    from napari_coreg.core.geometry import Grid

LandmarkModel = Literal["translation", "rigid", "similarity", "affine", "thin_plate"]
LANDMARK_MODELS: tuple[LandmarkModel, ...] = get_args(LandmarkModel)


@dataclass(frozen=True, eq=False)
class LandmarkFit:
    """A transform fitted to paired landmarks.

    Attributes
    ----------
    transform : SimpleITK.Transform
        T, fixed -> moving, LPS mm. A linear model is a TranslationTransform, VersorRigid3DTransform (Euler2DTransform),
        Similarity3DTransform (Similarity2DTransform) or AffineTransform about the centroid of the fixed landmarks. A
        thin-plate spline is a CompositeTransform: its bending sampled as a displacement field, then its affine part,
        which is all that is left of it outside the field.
    model : str
        "translation", "rigid", "similarity", "affine" or "thin_plate".
    names : tuple of str
        One for each landmark.
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        The landmarks p and q, LPS mm.
    residuals_mm : tuple of float
        |T(p) - q| of each landmark: the fiducial registration errors.
    leave_one_out_mm : tuple of float or None
        |T(p) - q| of each landmark where T is fitted to all others: what is off at a place that the fit knows nothing
        of, and the best sign of a misplaced landmark. None where the others do not suffice for the model.
    sampling_error_mm : float
        How far the sampled `transform` of a thin-plate spline is off `map_points`, at worst, at the landmarks in the
        grid and in the middle of the cells about them; NaN where no landmark lies in the grid, 0 for linear models.

    References
    ----------
    Fitzpatrick, West and Maurer, "Predicting error in rigid-body point-based registration", IEEE TMI 17, 1998.
    """

    transform: sitk.Transform
    model: LandmarkModel
    names: tuple[str, ...]
    fixed_points_lps: NDArray[np.float64]
    moving_points_lps: NDArray[np.float64]
    residuals_mm: tuple[float, ...]
    leave_one_out_mm: tuple[float | None, ...]
    sampling_error_mm: float
    _map: LinearMap | ThinPlateSpline

    def __repr__(self) -> str:
        left_out = self.leave_one_out_rms_mm
        told = "" if left_out is None else f", leave-one-out {left_out:.3g} mm"
        return f"<LandmarkFit {self.model}, {len(self.names)} landmarks, FRE {self.rms_mm:.3g} mm{told}>"

    @property
    def mean_mm(self) -> float:
        """Mean of the residuals, mm."""
        return float(np.mean(self.residuals_mm))

    @property
    def rms_mm(self) -> float:
        """Root of the mean squared residual, mm: the fiducial registration error (FRE) of the whole fit."""
        return _rms(self.residuals_mm)

    @property
    def max_mm(self) -> float:
        """The largest residual, mm."""
        return max(self.residuals_mm)

    @property
    def leave_one_out_rms_mm(self) -> float | None:
        """Root of the mean squared leave-one-out error, mm, of the landmarks that have one; None if none has."""
        known = [error for error in self.leave_one_out_mm if error is not None]
        return _rms(known) if known else None

    def map_points(self, points_lps: ArrayLike) -> NDArray[np.float64]:
        """Map points (..., D) from fixed to moving, LPS mm; exactly, also where `transform` is sampled."""
        points = np.asarray(points_lps, np.float64)
        n = self.fixed_points_lps.shape[1]
        if points.shape[-1:] != (n,):
            raise GeometryError(f"the points are an array of shape {points.shape}, but {n} coordinates each are needed")
        return self._map(points)

    def expected_tre_mm(self, points_lps: ArrayLike) -> NDArray[np.float64]:
        """Return the target registration error to be expected at points of the fixed volume, mm (rms).

        It is estimated from the residuals and the places of the landmarks, for landmarks that were set with the same
        error everywhere; a rigid fit with equal weights is meant.

        Parameters
        ----------
        points_lps : array, shape (..., D)
            Targets in the fixed volume, LPS mm.

        Returns
        -------
        array, shape (...)

        Raises
        ------
        GeometryError
            If the model is not rigid.

        References
        ----------
        Fitzpatrick, West and Maurer, 1998 (as above).
        """
        if self.model != "rigid":
            raise GeometryError(
                f"the expected target registration error is known for rigid fits, not for '{self.model}'; look at "
                "leave_one_out_mm instead"
            )
        number, n = self.fixed_points_lps.shape
        centre = self.fixed_points_lps.mean(axis=0)
        p, targets = self.fixed_points_lps - centre, np.asarray(points_lps, np.float64) - centre
        fitted = n + n * (n - 1) // 2  # numbers that describe a rigid motion
        squared_error = self.rms_mm**2 / (1 - fitted / (n * number))  # of setting a landmark
        axes = np.linalg.svd(p)[2] if n == 3 else np.zeros((1, n))  # in 2-D, the one axis stands on the plane
        turned = sum(_squared_distance(targets, axis) / _squared_distance(p, axis).mean() for axis in axes)
        expected: NDArray[np.float64] = np.sqrt(squared_error / number * (1 + turned / n))
        return expected


def fit_landmarks(
    fixed_points_lps: ArrayLike,
    moving_points_lps: ArrayLike,
    model: LandmarkModel = "rigid",
    *,
    names: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    like: Grid | sitk.Image | None = None,
    smoothing: float = 0.0,
) -> LandmarkFit:
    """Fit a transform to landmarks that were set in both volumes.

    Parameters
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        p and q, LPS mm, in 2-D or 3-D: the same landmarks in the same order.
    model : {"translation", "rigid", "similarity", "affine", "thin_plate"}
        What T may be. The linear models have the least sum(w |T(p) - q|^2), in closed form; the thin-plate spline goes
        through all q and bends as little as possible between them. Rigid and similarity need 2 landmarks in 2-D and 3
        that are not on one line in 3-D; affine and thin_plate need 3 and 4, not on one line or in one plane.
    names : sequence of str, optional
        One for each landmark, for messages and tables; "1", "2", ... when not given.
    weights : array, shape (N,), optional
        w, positive: best one over the square of each landmark's error in mm. All 1 when not given.
    like : Grid or SimpleITK.Image, optional
        The fixed volume or its grid, on which a thin-plate spline is sampled. Needed for that only.
    smoothing : float
        For the thin-plate spline alone: 0 goes through the landmarks; more, in mm (mm^2 in 2-D), passes them by to bend
        less, and becomes the affine fit in the end.

    Returns
    -------
    LandmarkFit

    Raises
    ------
    GeometryError
        If the landmarks do not determine the model (too few, on a line, in a plane), one is NaN or stands twice, all
        are a mirror image, or an argument does not fit. Says which, and what to do.

    Examples
    --------
    >>> fixed = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 40.0, 0.0], [0.0, 0.0, 30.0]])
    >>> fit = fit_landmarks(fixed, fixed + (3.0, -2.0, 1.0), "rigid")
    >>> fit
    <LandmarkFit rigid, 4 landmarks, FRE ... mm, leave-one-out ... mm>
    >>> [round(value, 6) for value in fit.transform.TransformPoint((10.0, 10.0, 10.0))]
    [13.0, 8.0, 11.0]
    """
    require_choice(model, LANDMARK_MODELS, smoothing, like)
    p, q = checked_points(fixed_points_lps, "fixed"), checked_points(moving_points_lps, "moving")
    if p.shape != q.shape:
        raise GeometryError(
            f"there are {len(p)} fixed landmarks in {p.shape[1]}-D and {len(q)} moving ones in {q.shape[1]}-D; give "
            "the same landmarks in the same order"
        )
    called = checked_names(names, len(p))
    require_distinct(p, called, "fixed")
    require_distinct(q, called, "moving")
    w = checked_weights(weights, called)
    if model == "thin_plate":
        return _thin_plate(p, q, w, called, checked_grid(like, p.shape[1]), smoothing)
    found = fit_linear(model, p, q, w)
    require_same_handedness(found, p, q)
    left_out = (_error_without(model, p, q, w, index) for index in range(len(p)))
    return LandmarkFit(
        transform=found.transform,
        model=model,
        names=called,
        fixed_points_lps=p,
        moving_points_lps=q,
        residuals_mm=_lengths(found(p) - q),
        leave_one_out_mm=tuple(left_out),
        sampling_error_mm=0.0,
        _map=found,
    )


def _thin_plate(
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    w: NDArray[np.float64],
    names: tuple[str, ...],
    grid: Grid,
    smoothing: float,
) -> LandmarkFit:
    affine = fit_linear("affine", p, q, w)  # which needs what the spline needs
    require_same_handedness(affine, p, q)
    spline, left_out = fit_thin_plate(p, q, w, smoothing)
    require_same_handedness(replace(affine, matrix=spline.matrix[:-1, :-1]), p, q)
    transform, sampling_error = sampled(spline, grid)
    return LandmarkFit(
        transform=transform,
        model="thin_plate",
        names=names,
        fixed_points_lps=p,
        moving_points_lps=q,
        residuals_mm=_lengths(spline(p) - q),
        leave_one_out_mm=tuple(None if np.isnan(error) else error for error in _lengths(left_out)),
        sampling_error_mm=sampling_error,
        _map=spline,
    )


def _error_without(
    model: LinearModel, p: NDArray[np.float64], q: NDArray[np.float64], w: NDArray[np.float64], index: int
) -> float | None:
    others = np.arange(len(p)) != index
    try:
        found = fit_linear(model, p[others], q[others], w[others])
    except GeometryError:
        return None
    return float(np.linalg.norm(found(p[index]) - q[index]))


def _lengths(vectors: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.linalg.norm(vectors, axis=1).tolist())


def _rms(lengths: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(lengths))))


def _squared_distance(points: NDArray[np.float64], axis: NDArray[np.float64]) -> Any:
    """Return the squared distances of points (..., D) from the line through 0 along a unit vector, or from 0."""
    return (points**2).sum(axis=-1) - (points @ axis) ** 2
