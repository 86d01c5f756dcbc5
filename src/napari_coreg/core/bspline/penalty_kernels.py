"""Compiled loops of the penalties: products with banded matrices along each axis, and Jacobian determinants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Samples = tuple[tuple[Array, Array], tuple[Array, Array], tuple[Array, Array]]
    Nine = tuple[float, float, float, float, float, float, float, float, float]


@compiled
def add_band(source: Array, bands: Array, row: int, factor: float, target: Array) -> None:
    """Add to `target` one row of the product of a matrix of seven diagonals with `source`."""
    for d in range(max(0, 3 - row), min(7, len(source) + 3 - row)):
        weight = factor * bands[d, row]
        if weight != 0:
            for i in range(len(target)):
                target[i] += weight * source[row + d - 3, i]


@compiled
def multiply(
    index: int,
    start: int,
    stop: int,
    coefficients: Array,
    bands: tuple[Array, Array, Array],
    terms: Array,
    factors: Array,
    product: Array,
    sums: Array,
) -> None:
    """Multiply coefficients with a sum of outer products of banded matrices, and with the result.

    Parameters
    ----------
    index, start, stop : int
        The chunk; slices of the coefficients.
    coefficients : array, shape (3, cz, cy, cx)
        C-contiguous.
    bands : tuple of arrays
        For x, y and z: the matrices of this axis, shape (number, 7, n); [m, d, i] is entry (i, i + d - 3).
    terms : array of int, shape (T, 5)
        Component of the product, component of the coefficients, and number of the matrix along x, y and z.
    factors : array, shape (T,)
        Of the terms.
    product : array, shape (3, cz, cy, cx)
        Filled.
    sums : array, shape (chunks,)
        sums[index] becomes the sum of coefficients times product over the chunk.
    """
    along_x, along_y, along_z = bands
    number, depth, rows, columns = coefficients.shape
    slabs = coefficients.reshape(number, depth, rows * columns)
    planes = np.empty((number, len(along_z), rows * columns))
    lines = np.zeros((len(along_x), columns + 6))  # with room for three diagonals to either side
    total = 0.0
    for z in range(start, stop):
        planes[:] = 0
        for c in range(number):
            for m in range(len(along_z)):
                add_band(slabs[c], along_z[m], z, 1.0, planes[c, m])
        for c in range(number):
            for y in range(rows):
                lines[:] = 0
                for t in range(len(terms)):
                    if terms[t, 0] == c:
                        plane = planes[terms[t, 1], terms[t, 4]].reshape(rows, columns)
                        add_band(plane, along_y[terms[t, 3]], y, factors[t], lines[terms[t, 2], 3 : columns + 3])
                total += finish_line(lines, along_x, coefficients[c, z, y], product[c, z, y])
    sums[index] = total


@compiled
def finish_line(lines: Array, bands: Array, coefficients: Array, product: Array) -> float:
    """Fill one row of the product from the rows that wait for each matrix along x; return it times the coefficients."""
    product[:] = 0
    for m in range(len(bands)):
        for d in range(7):
            for i in range(len(product)):
                product[i] += bands[m, d, i] * lines[m, i + d]
    total = 0.0
    for i in range(len(product)):
        total += product[i] * coefficients[i]
    return total


@compiled
def turn(index: int, start: int, stop: int, matrix: Array, vectors: Array, turned: Array) -> None:
    """Fill slices of `turned` (3, cz, cy, cx) with the matrix times the vectors."""
    for c in range(3):
        a, b, d = matrix[c, 0], matrix[c, 1], matrix[c, 2]
        for z in range(start, stop):
            for y in range(vectors.shape[2]):
                for x in range(vectors.shape[3]):
                    turned[c, z, y, x] = a * vectors[0, z, y, x] + b * vectors[1, z, y, x] + d * vectors[2, z, y, x]


@compiled
def expand_plane(coefficients: Array, first: int, weights: Array, slopes: Array, plane: Array) -> None:
    """Fill `plane` (6, cy, cx) with the three components summed over z, and with their derivatives along z."""
    _, _, rows, columns = coefficients.shape
    plane[:] = 0
    for c in range(3):
        for q in range(4):
            weight, slope = weights[q], slopes[q]
            for j in range(rows):
                for i in range(columns):
                    value = coefficients[c, first + q, j, i]
                    plane[c, j, i] += weight * value
                    plane[c + 3, j, i] += slope * value


@compiled
def expand_lines(plane: Array, first: int, weights: Array, slopes: Array, lines: Array) -> None:
    """Fill `lines` (9, cx), summed over y: components, their derivatives along y, and those along z."""
    lines[:] = 0
    for c in range(3):
        for q in range(4):
            weight, slope = weights[q], slopes[q]
            for i in range(plane.shape[2]):
                lines[c, i] += weight * plane[c, first + q, i]
                lines[c + 3, i] += slope * plane[c, first + q, i]
                lines[c + 6, i] += weight * plane[c + 3, first + q, i]


@compiled
def jacobian(lines: Array, i: int, weights: Array, x: int, axes: Array) -> Nine:
    """Return axes + du/dx by rows (a component in LPS each): the Jacobian matrix of p + u(p), times the axes."""
    w0, w1, w2, w3 = weights[0, x, 0], weights[0, x, 1], weights[0, x, 2], weights[0, x, 3]
    s0, s1, s2, s3 = weights[1, x, 0], weights[1, x, 1], weights[1, x, 2], weights[1, x, 3]
    return (
        axes[0, 0] + s0 * lines[0, i] + s1 * lines[0, i + 1] + s2 * lines[0, i + 2] + s3 * lines[0, i + 3],
        axes[0, 1] + w0 * lines[3, i] + w1 * lines[3, i + 1] + w2 * lines[3, i + 2] + w3 * lines[3, i + 3],
        axes[0, 2] + w0 * lines[6, i] + w1 * lines[6, i + 1] + w2 * lines[6, i + 2] + w3 * lines[6, i + 3],
        axes[1, 0] + s0 * lines[1, i] + s1 * lines[1, i + 1] + s2 * lines[1, i + 2] + s3 * lines[1, i + 3],
        axes[1, 1] + w0 * lines[4, i] + w1 * lines[4, i + 1] + w2 * lines[4, i + 2] + w3 * lines[4, i + 3],
        axes[1, 2] + w0 * lines[7, i] + w1 * lines[7, i + 1] + w2 * lines[7, i + 2] + w3 * lines[7, i + 3],
        axes[2, 0] + s0 * lines[2, i] + s1 * lines[2, i + 1] + s2 * lines[2, i + 2] + s3 * lines[2, i + 3],
        axes[2, 1] + w0 * lines[5, i] + w1 * lines[5, i + 1] + w2 * lines[5, i + 2] + w3 * lines[5, i + 3],
        axes[2, 2] + w0 * lines[8, i] + w1 * lines[8, i + 1] + w2 * lines[8, i + 2] + w3 * lines[8, i + 3],
    )


@compiled
def cofactors(matrix: Nine) -> Nine:
    """Return the cofactors of a matrix given by rows: the derivatives of its determinant."""
    a, b, c, d, e, f, g, h, k = matrix
    return (
        e * k - f * h,
        f * g - d * k,
        d * h - e * g,
        c * h - b * k,
        a * k - c * g,
        b * g - a * h,
        b * f - c * e,
        c * d - a * f,
        a * e - b * d,
    )


@compiled
def triple_product(axes: Array) -> float:
    """Return the determinant of a matrix, without LAPACK."""
    return float(
        axes[0, 0] * (axes[1, 1] * axes[2, 2] - axes[1, 2] * axes[2, 1])
        + axes[0, 1] * (axes[1, 2] * axes[2, 0] - axes[1, 0] * axes[2, 2])
        + axes[0, 2] * (axes[1, 0] * axes[2, 1] - axes[1, 1] * axes[2, 0])
    )


@compiled
def scatter(pull: Array, i: int, weights: Array, x: int, factor: float, slants: Nine) -> None:
    """Add the derivatives with respect to `lines` (9, cx) of one point to `pull`: the transpose of `jacobian`."""
    xx, xy, xz, yx, yy, yz, zx, zy, zz = slants
    for q in range(4):
        weight, slope = factor * weights[0, x, q], factor * weights[1, x, q]
        pull[0, i + q] += slope * xx
        pull[1, i + q] += slope * yx
        pull[2, i + q] += slope * zx
        pull[3, i + q] += weight * xy
        pull[4, i + q] += weight * yy
        pull[5, i + q] += weight * zy
        pull[6, i + q] += weight * xz
        pull[7, i + q] += weight * yz
        pull[8, i + q] += weight * zz


@compiled
def collect_lines(pull: Array, first: int, weights: Array, slopes: Array, plane: Array) -> None:
    """Add the derivatives with respect to `lines` (9, cx) to those to `plane`: the transpose of `expand_lines`."""
    for c in range(3):
        for q in range(4):
            weight, slope = weights[q], slopes[q]
            for i in range(plane.shape[2]):
                plane[c, first + q, i] += weight * pull[c, i] + slope * pull[c + 3, i]
                plane[c + 3, first + q, i] += weight * pull[c + 6, i]


@compiled
def collect_planes(
    index: int, start: int, stop: int, planes: Array, first: Array, weights: Array, gradient: Array
) -> None:
    """Fill slices of the gradient (3, cz, cy, cx) from `planes` (points along z, 6, cy, cx)."""
    _, _, rows, columns = gradient.shape
    for k in range(start, stop):
        gradient[:, k] = 0
        for z in range(len(first)):
            q = k - first[z]
            if q < 0 or q > 3:
                continue
            weight, slope = weights[0, z, q], weights[1, z, q]
            for c in range(3):
                for j in range(rows):
                    for i in range(columns):
                        gradient[c, k, j, i] += weight * planes[z, c, j, i] + slope * planes[z, c + 3, j, i]


@compiled
def cost_of_determinant(determinant: float, floor: float, only_below: bool) -> tuple[float, float]:
    """Return what a Jacobian determinant costs, and the derivative.

    The squared logarithm above `floor`, below it the parabola that goes on with value, slope and curvature; or with
    `only_below` the square of how far it is below `floor`.
    """
    below = determinant - floor
    if only_below:
        return (below * below, 2 * below) if below < 0 else (0.0, 0.0)
    if below >= 0:
        logarithm = math.log(determinant)
        return logarithm * logarithm, 2 * logarithm / determinant
    logarithm = math.log(floor)
    slope, bend = 2 * logarithm / floor, 2 * (1 - logarithm) / (floor * floor)
    return logarithm * logarithm + slope * below + bend / 2 * below * below, slope + bend * below


@compiled
def log_jacobian(
    index: int,
    start: int,
    stop: int,
    coefficients: Array,
    samples: Samples,
    axes: Array,
    floor: float,
    only_below: bool,
    planes: Array,
    totals: Array,
) -> None:
    """Sum `cost_of_determinant` over points, with its derivatives.

    Parameters
    ----------
    index, start, stop : int
        The chunk; points along z.
    coefficients : array, shape (3, cz, cy, cx)
        Displacements in LPS mm.
    samples : tuple
        For x, y and z: the first control point of each point, (n,), and its weights and their slopes per mm, (2, n, 4).
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS.
    floor, only_below : float, bool
        As `cost_of_determinant` has them.
    planes : array, shape (points along z, 6, cy, cx)
        Filled: derivatives of the sum with respect to what `expand_plane` makes, for `collect_planes`.
    totals : array, shape (chunks, 2)
        totals[index] becomes the sum and the smallest determinant.
    """
    (first_x, weights_x), (first_y, weights_y), (first_z, weights_z) = samples
    _, _, rows, columns = coefficients.shape
    plane, lines, pull = np.empty((6, rows, columns)), np.empty((9, columns)), np.empty((9, columns))
    per_axes = 1 / triple_product(axes)
    total, lowest = 0.0, math.inf
    for z in range(start, stop):
        expand_plane(coefficients, first_z[z], weights_z[0, z], weights_z[1, z], plane)
        planes[z] = 0
        for y in range(len(first_y)):
            expand_lines(plane, first_y[y], weights_y[0, y], weights_y[1, y], lines)
            pull[:] = 0
            for x in range(len(first_x)):
                matrix = jacobian(lines, first_x[x], weights_x, x, axes)
                slants = cofactors(matrix)
                scaled = matrix[0] * slants[0] + matrix[1] * slants[1] + matrix[2] * slants[2]
                determinant = scaled * per_axes
                lowest = min(lowest, determinant)
                cost, slope = cost_of_determinant(determinant, floor, only_below)
                total += cost
                if slope != 0:
                    scatter(pull, first_x[x], weights_x, x, slope * per_axes, slants)
            collect_lines(pull, first_y[y], weights_y[0, y], weights_y[1, y], planes[z])
    totals[index, 0], totals[index, 1] = total, lowest


@compiled
def determinants(
    index: int, start: int, stop: int, coefficients: Array, samples: Samples, axes: Array, ranges: Array
) -> None:
    """Fill ranges[index]: smallest and largest Jacobian determinant at points, and how many are not above 0."""
    (first_x, weights_x), (first_y, weights_y), (first_z, weights_z) = samples
    _, _, rows, columns = coefficients.shape
    plane, lines = np.empty((6, rows, columns)), np.empty((9, columns))
    per_axes = 1 / triple_product(axes)
    lowest, highest, folded = math.inf, -math.inf, 0
    for z in range(start, stop):
        expand_plane(coefficients, first_z[z], weights_z[0, z], weights_z[1, z], plane)
        for y in range(len(first_y)):
            expand_lines(plane, first_y[y], weights_y[0, y], weights_y[1, y], lines)
            for x in range(len(first_x)):
                matrix = jacobian(lines, first_x[x], weights_x, x, axes)
                slants = cofactors(matrix)
                determinant = (matrix[0] * slants[0] + matrix[1] * slants[1] + matrix[2] * slants[2]) * per_axes
                lowest = min(lowest, determinant)
                highest = max(highest, determinant)
                folded += not determinant > 0
    ranges[index, 0], ranges[index, 1], ranges[index, 2] = lowest, highest, folded
