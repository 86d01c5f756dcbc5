"""Errors at landmarks against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.core.target_error import leave_one_out, target_registration_error
from napari_coreg.errors import GeometryError


def test_target_registration_error_counts_from_where_the_transform_puts_fixed_points():
    p = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    q = np.add(p, [[10, 0, 0], [10, 3, 0], [10, 0, 4], [10, 6, 8]])
    found = target_registration_error(sitk.TranslationTransform(3, (10.0, 0.0, 0.0)), p, q)
    assert found.errors_mm == pytest.approx((0, 3, 4, 10))
    assert (found.mean, found.median, found.maximum) == pytest.approx((4.25, 3.5, 10))
    assert found.p95 == pytest.approx(np.percentile([0, 3, 4, 10], 95))


@pytest.mark.parametrize("shapes", [((2, 3), (3, 3)), ((0, 3), (0, 3)), ((2, 2), (2, 2)), ((3,), (3,))])
def test_target_registration_error_refuses_points_that_do_not_correspond(shapes):
    with pytest.raises(GeometryError, match="same landmarks in the same order"):
        target_registration_error(sitk.TranslationTransform(3), *(np.zeros(shape) for shape in shapes))


def test_errors_along_axes_tell_a_shift_in_common_from_scatter():
    p = np.array([[0.0, 0, 0], [1, 5, 0], [2, 0, 9], [3, 7, 7]])
    off = np.array([[2.0, 1, 0], [2, -1, 0], [2, 1, 0], [2, -1, 4]])
    found = target_registration_error(sitk.TranslationTransform(3, (10.0, 0.0, 0.0)), p, p + np.array([10, 0, 0]) - off)
    np.testing.assert_allclose(found.vectors_lps, off)
    assert found.mean_lps == pytest.approx((2, 0, 1))
    assert found.rms_lps == pytest.approx((2, 1, 2))
    assert found.rms == pytest.approx(3)


@given(seed=st.integers(0, 2**16), count=st.integers(1, 12), n=st.sampled_from([2, 3]))
def test_root_mean_squares_of_the_axes_add_up_to_that_of_all(seed, count, n):
    random = np.random.default_rng(seed)
    p, q = random.normal(0, 50, (2, count, n))
    found = target_registration_error(sitk.TranslationTransform(n), p, q)
    assert np.sum(np.square(found.rms_lps)) == pytest.approx(found.rms**2)
    assert found.errors_mm == pytest.approx(np.linalg.norm(found.vectors_lps, axis=1))
    assert found.median <= found.p95 <= found.maximum + 1e-9


def test_a_landmark_that_is_nowhere_is_refused():
    p = np.zeros((3, 3))
    with pytest.raises(GeometryError, match="not a number"):
        target_registration_error(sitk.TranslationTransform(3), p, np.where(np.eye(3) > 0, np.nan, p))


@pytest.mark.parametrize("model", ["translation", "rigid", "similarity", "affine"])
def test_leaving_one_out_is_a_fit_to_the_others(model):
    random = np.random.default_rng(3)
    p = random.normal(0, 40, (7, 3))
    q = p + np.array([5, -3, 2]) + random.normal(0, 1, p.shape)
    found = leave_one_out(p, q, model)
    for index, error in enumerate(found):
        others = np.arange(len(p)) != index
        fit = fit_landmarks(p[others], q[others], model)
        assert error == pytest.approx(np.linalg.norm(np.subtract(fit.transform.TransformPoint(p[index]), q[index])))


def test_leaving_one_out_of_a_thin_plate_spline_depends_on_no_grid():
    random = np.random.default_rng(4)
    p = random.normal(0, 40, (9, 3))
    q = p + random.normal(0, 2, p.shape)
    grid = Grid((20, 20, 20), (8.0, 8.0, 8.0), (-80.0, -80.0, -80.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    fit = fit_landmarks(p, q, "thin_plate", like=grid)
    assert leave_one_out(p, q, "thin_plate") == pytest.approx(fit.leave_one_out_mm)


def test_a_misplaced_landmark_stands_out_when_it_is_left_out():
    random = np.random.default_rng(5)
    p = random.normal(0, 40, (8, 3))
    q = p + random.normal(0, 0.3, p.shape)
    q[3] += (0, 12, 0)
    errors = leave_one_out(p, q)
    assert np.argmax(errors) == 3
    assert errors[3] == pytest.approx(12, abs=1.5)


def test_too_few_landmarks_to_leave_one_out_have_no_error():
    p = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    assert leave_one_out(p, p) == (None, None, None)
    with pytest.raises(GeometryError):
        leave_one_out(p[:2], p[:2])
