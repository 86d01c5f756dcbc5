"""Measures a registration at landmarks: how far it misses each, and what a fit to them alone could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.core.quality.found import Found
from napari_coreg.core.quality.record import LandmarkRow
from napari_coreg.core.target_error import target_registration_error
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.rows import Grader
    from napari_coreg.core.quality.subject import Landmarks
    from napari_coreg.core.target_error import TargetRegistrationError

_AXES = ("tre_left", "tre_posterior", "tre_superior")
_FITTED_MM = 1e-3  # a transform that maps the landmarks as a fit to them does, was fitted to them
_EXACT_MM = 1e-2  # landmarks that a linear map fits better than this were not set by hand
_FEW = 4
_NONE = "no landmarks were given, so the target registration error is not known; set some in both volumes"


def measure_landmarks(landmarks: Landmarks | None, transform: sitk.Transform, grader: Grader) -> Found:
    """Return the target registration error before and after, pair by pair and in all.

    Parameters
    ----------
    landmarks : Landmarks or None
        The pairs, where there are any.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grader : Grader
        Makes the rows.

    Raises
    ------
    GeometryError
        If the points do not fit each other or the transform.
    """
    if landmarks is None or not len(landmarks.fixed_points_lps):
        return Found(remarks=(_NONE,))
    p, q = landmarks.fixed_points_lps, landmarks.moving_points_lps
    identity = sitk.Transform(transform.GetDimension(), sitk.sitkIdentity)
    before, after = (target_registration_error(each, p, q) for each in (identity, transform))
    was_fitted = _was_fitted(landmarks, after)
    rows = _error_rows(before, after, grader, is_graded=not was_fitted)
    fit_rows, remarks = _fit_rows(landmarks, grader)
    if was_fitted:
        remarks.insert(
            0,
            "the transform is the best fit to these very landmarks, so their errors are those of the fit (FRE), not of "
            "the registration (TRE), and are not graded; give landmarks that it was not fitted to",
        )
    if len(p) < _FEW:
        remarks.append(f"only {len(p)} landmark{'' if len(p) == 1 else 's'}: that tells little of the rest of the body")
    order = np.argsort(after.errors_mm, kind="stable")[::-1]
    pairs = tuple(
        LandmarkRow(
            name=landmarks.names[index],
            before_mm=before.errors_mm[index],
            after_mm=after.errors_mm[index],
            after_lps=tuple(after.vectors_lps[index].tolist()),
        )
        for index in order
    )
    return Found(tuple(rows + fit_rows), tuple(remarks), landmarks=pairs)


def _error_rows(
    before: TargetRegistrationError, after: TargetRegistrationError, grader: Grader, *, is_graded: bool
) -> list[Row]:
    values = {
        "tre_mean": (after.mean, before.mean),
        "tre_median": (after.median, before.median),
        "tre_p95": (after.p95, before.p95),
        "tre_max": (after.maximum, before.maximum),
    }
    for key, new, old in zip(_AXES, after.mean_lps, before.mean_lps, strict=False):
        values[key] = new, old
    return [grader.row(key, new, old, is_graded=is_graded) for key, (new, old) in values.items()]


def _fit_rows(landmarks: Landmarks, grader: Grader) -> tuple[list[Row], list[str]]:
    fit, problem = _fit(landmarks, "rigid")
    if fit is None:
        return [], [f"no rigid fit to the landmarks alone for comparison: {problem}"]
    rows = [grader.row("landmark_fit_rms", fit.rms_mm)]
    if fit.leave_one_out_rms_mm is not None:
        rows.append(grader.row("landmark_fit_leave_one_out", fit.leave_one_out_rms_mm))
    return rows, []


def _was_fitted(landmarks: Landmarks, error: TargetRegistrationError) -> bool:
    """Whether the transform takes the landmarks where a fit to them would, so that its error there proves nothing.

    Where the landmarks agree with each other without any error, as those of a phantom do, it cannot be told.
    """
    fits = [_fit(landmarks, model)[0] for model in ("translation", "rigid", "similarity", "affine")]
    inexact = [fit for fit in fits if fit is not None and fit.rms_mm > _EXACT_MM]
    if inexact and inexact[-1] is fits[-1] and error.maximum < _FITTED_MM:
        return True  # through all of them, which no linear map is: a thin-plate spline
    missed = [fit.map_points(landmarks.fixed_points_lps) - landmarks.moving_points_lps for fit in inexact]
    return any(np.abs(vectors - error.vectors_lps).max() < _FITTED_MM for vectors in missed)


def _fit(landmarks: Landmarks, model: str) -> tuple[LandmarkFit | None, str]:
    p, q = landmarks.fixed_points_lps, landmarks.moving_points_lps
    try:
        return fit_landmarks(p, q, model, names=landmarks.names), ""  # type: ignore[arg-type]
    except GeometryError as error:
        return None, str(error)
