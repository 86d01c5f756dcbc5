"""Minimizes a function of B-spline coefficients: limited-memory BFGS with blocks of curvature and bounded steps."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_coreg.core.optimizers import LBFGS

    Coefficients = NDArray[np.float64]

SUFFICIENT_DECREASE = 1e-4
LINE_SEARCH_EVALUATIONS = 10


def minimize(
    function: Callable[[Coefficients], tuple[float, Coefficients]],
    start: Coefficients,
    first: tuple[float, Coefficients],
    precondition: Callable[[Coefficients], Coefficients],
    optimizer: LBFGS,
    maximum_step_mm: float,
    on_iteration: Callable[[float, Coefficients], bool],
) -> tuple[Coefficients, str]:
    """Return the best coefficients found, and why it stopped.

    Nocedal, "Updating quasi-Newton matrices with limited storage", Math Comput 35, 1980; its first guess of the inverse
    Hessian is the preconditioner.

    Parameters
    ----------
    function : callable
        Returns value and gradient; the value may be infinite.
    start : array
        Where to begin.
    first : tuple
        Value and gradient there.
    precondition : callable
        Applies about the inverse Hessian to a gradient: symmetric and positive.
    optimizer : LBFGS
        When to stop.
    maximum_step_mm : float
        No control point moves further in one iteration.
    on_iteration : callable
        Called with value and coefficients after each iteration; returns True to stop.
    """
    at, (value, gradient) = start, first
    values = [value]
    steps: deque[tuple[Coefficients, Coefficients]] = deque(maxlen=optimizer.number_of_corrections)
    for _ in range(optimizer.number_of_iterations):
        direction = -_two_loops(gradient, steps, precondition)
        slope = _dot(gradient, direction)
        if not slope < 0:
            steps.clear()
            direction = -precondition(gradient)
            slope = _dot(gradient, direction)
            if not slope < 0:
                return at, "the gradient is zero"
        longest_mm = float(np.sqrt((direction**2).sum(axis=0).max()))
        found = _line_search(function, at, value, slope, direction, min(1.0, maximum_step_mm / longest_mm))
        if found is None:
            if not steps:
                return at, "no step along the gradient is an improvement"
            steps.clear()  # the past may mislead: once more without it
            continue
        reached, value, new_gradient = found
        change, bend = reached - at, new_gradient - gradient
        if _dot(change, bend) > 1e-10 * np.sqrt(_dot(change, change) * _dot(bend, bend)):
            steps.append((change, bend))
        at, gradient = reached, new_gradient
        values.append(value)
        if on_iteration(value, at):
            return at, "cancelled"
        if _has_converged(values, optimizer):
            return at, "converged: the value no longer falls"
    return at, f"the {optimizer.number_of_iterations} iterations are used up"


def _two_loops(
    gradient: Coefficients,
    steps: deque[tuple[Coefficients, Coefficients]],
    precondition: Callable[[Coefficients], Coefficients],
) -> Coefficients:
    """Return the estimated inverse Hessian times the gradient."""
    rest = gradient.copy()
    shares = []
    for change, bend in reversed(steps):
        share = _dot(change, rest) / _dot(change, bend)
        shares.append(share)
        rest -= share * bend
    result = precondition(rest)
    if steps:
        change, bend = steps[-1]
        result *= _dot(change, bend) / _dot(bend, precondition(bend))
    for (change, bend), share in zip(steps, reversed(shares), strict=True):
        result += change * (share - _dot(bend, result) / _dot(change, bend))
    return result


def _line_search(
    function: Callable[[Coefficients], tuple[float, Coefficients]],
    at: Coefficients,
    value: float,
    slope: float,
    direction: Coefficients,
    step: float,
) -> tuple[Coefficients, float, Coefficients] | None:
    """Return the first point with a sufficient decrease, its value and gradient; shorter steps follow parabolas."""
    for _ in range(LINE_SEARCH_EVALUATIONS):
        there = at + step * direction
        found, gradient = function(there)
        if found <= value + SUFFICIENT_DECREASE * step * slope:
            return there, found, gradient
        shrink = 0.25
        if np.isfinite(found):
            shrink = min(0.5, max(0.1, -slope * step / (2 * (found - value - slope * step))))
        step *= shrink
    return None


def _has_converged(values: list[float], optimizer: LBFGS) -> bool:
    window = optimizer.convergence_window_size
    if len(values) <= window:
        return False
    return values[-1 - window] - values[-1] < optimizer.convergence_minimum_value * abs(values[-1])


def _dot(one: Coefficients, other: Coefficients) -> float:
    return float(np.einsum("i,i->", one.ravel(), other.ravel()))
