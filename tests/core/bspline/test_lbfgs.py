"""The minimizer, on functions whose minimum is known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from napari_coreg.core.bspline.lbfgs import minimize
from napari_coreg.core.optimizers import LBFGS

SHAPE = (3, 2, 2, 2)
SIZE = 24


def run(
    function,
    start,
    *,
    precondition=lambda gradient: gradient,
    on_iteration=lambda value, at: False,
    maximum_step_mm=10.0,
    **changes,
):
    optimizer = LBFGS(**{"number_of_iterations": 300, "convergence_minimum_value": 1e-12, **changes})
    return minimize(function, start, function(start), precondition, optimizer, maximum_step_mm, on_iteration)


def quadratic(seed=0):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(SIZE, SIZE))
    matrix = factor @ factor.T + 0.1 * np.eye(SIZE)
    target = rng.normal(0, 5, SHAPE)

    def function(at):
        apart = (at - target).ravel()
        return 1 + float(apart @ matrix @ apart) / 2, (matrix @ apart).reshape(SHAPE)

    return function, matrix, target


def test_the_minimum_of_a_quadratic_is_found():
    function, _, target = quadratic()
    found, reason = run(function, np.zeros(SHAPE), convergence_minimum_value=1e-10)
    np.testing.assert_allclose(found, target, atol=1e-3)
    assert "converged" in reason


def test_with_the_inverse_hessian_as_preconditioner_one_step_is_enough():
    function, matrix, target = quadratic()
    inverse = np.linalg.inv(matrix)
    values = []
    found, _ = run(
        function,
        np.zeros(SHAPE),
        precondition=lambda gradient: (inverse @ gradient.ravel()).reshape(SHAPE),
        on_iteration=lambda value, at: values.append(value) or value < 1 + 1e-12,
        maximum_step_mm=1000.0,
    )
    np.testing.assert_allclose(found, target, atol=1e-9)
    assert len(values) == 1


def test_the_valley_of_rosenbrock_is_followed_to_its_end():
    def function(at):
        return float(rosen(at.ravel())), rosen_der(at.ravel()).reshape(SHAPE)

    found, _ = run(function, np.zeros(SHAPE), number_of_iterations=2000, maximum_step_mm=0.5)
    np.testing.assert_allclose(found, 1.0, atol=1e-3)


def test_no_control_point_moves_further_than_allowed():
    function, _, _ = quadratic()
    path = [np.zeros(SHAPE)]
    run(function, path[0], on_iteration=lambda value, at: path.append(at) or False, maximum_step_mm=0.3)
    steps = [np.sqrt(((b - a) ** 2).sum(axis=0)).max() for a, b in pairwise(path)]
    assert max(steps) <= 0.3 + 1e-12
    assert max(steps) == pytest.approx(0.3)


def test_values_only_fall_and_infinite_ones_are_stepped_back_from():
    function, _, target = quadratic()
    wall = float(np.abs(target).max()) * 2

    def walled(at):
        return function(at) if np.abs(at).max() < wall else (np.inf, np.zeros(SHAPE))

    values = [walled(np.zeros(SHAPE))[0]]
    found, _ = run(walled, np.zeros(SHAPE), on_iteration=lambda value, at: values.append(value) or False)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose(found, target, atol=1e-2)


def test_it_stops_where_it_is_told_to():
    function, _, _ = quadratic()
    seen = []
    found, reason = run(function, np.zeros(SHAPE), on_iteration=lambda value, at: seen.append(at) or len(seen) == 3)
    assert reason == "cancelled"
    assert len(seen) == 3
    np.testing.assert_array_equal(found, seen[-1])


def test_a_flat_function_ends_at_once():
    found, reason = run(lambda at: (1.0, np.zeros(SHAPE)), np.ones(SHAPE))
    assert "gradient is zero" in reason
    np.testing.assert_array_equal(found, 1.0)
