"""Cubic B-splines along one axis: the means of their products, and their values and slopes at points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import polynomial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: The four weights on a cell, as polynomials of the place in it, 0 to 1; constant first.
PIECES = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6


def mean_products(cells: int, spacing: float, left: int, right: int) -> Array:
    """Return the means over all cells of the products of derivatives of B-splines: exact.

    Parameters
    ----------
    cells : int
        There are three B-splines more.
    spacing : float
        Edge of a cell, mm.
    left, right : int
        Orders of the derivatives.

    Returns
    -------
    array, shape (7, cells + 3)
        At [3 + j - i, i]: derivative `left` of B-spline i times derivative `right` of B-spline j. Others do not meet.

    Examples
    --------
    >>> mean_products(2, 1.0, 0, 0).sum(axis=0)  # the B-splines' own means, since all of them add up to 1
    array([0.02083333, 0.25      , 0.45833333, 0.25      , 0.02083333])
    """
    bands = np.zeros((7, cells + 3))
    for i, one in enumerate(PIECES):
        for j, other in enumerate(PIECES):
            product = np.convolve(polynomial.polyder(one, left), polynomial.polyder(other, right))
            integral = (product / np.arange(1, len(product) + 1)).sum()
            bands[3 + j - i, i : i + cells] += integral / (cells * spacing ** (left + right))
    return bands


def sample(count: int, cells: int, spacing: float) -> tuple[NDArray[np.int64], Array]:
    """Return the B-splines at the centres of `count` equal parts of the axis.

    Parameters
    ----------
    count : int
        Number of points.
    cells : int
        Of the spline.
    spacing : float
        Edge of a cell, mm.

    Returns
    -------
    first : array of int, shape (count,)
        The first of the four B-splines that reach a point.
    weights : array, shape (2, count, 4)
        Their values, and their slopes per mm.

    Examples
    --------
    >>> first, (values, slopes) = sample(2, 1, 10.0)
    >>> first, values.sum(axis=1), slopes.sum(axis=1).round(12)
    (array([0, 0]), array([1., 1.]), array([0., 0.]))
    """
    at = (np.arange(count) + 0.5) * cells / count
    first = np.minimum(at.astype(np.int64), cells - 1)
    values = polynomial.polyval(at - first, PIECES.T)
    slopes = polynomial.polyval(at - first, polynomial.polyder(PIECES, axis=1).T) / spacing
    return first, np.stack([values.T, slopes.T], out=np.empty((2, count, 4)))


def mean_squares(first: NDArray[np.int64], weights: Array, number: int) -> Array:
    """Return the means over all points of the squared values and slopes of each of `number` B-splines, (2, number)."""
    squares = np.zeros((2, number))
    for kind, weight in enumerate(weights):
        for q in range(4):
            np.add.at(squares[kind], first + q, weight[:, q] ** 2 / len(first))
    return squares
