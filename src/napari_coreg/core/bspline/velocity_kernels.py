"""Compiled loops for splines of vectors: read at the shifted nodes of a lattice, back from there, and interpolated.

Fields are arrays of shape (nz, ny, 3 * nx): the three components of a vector side by side, in rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from numba import njit

from napari_coreg.core.compiling import Function, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Cell = tuple[int, int, int]
    Vector = tuple[float, float, float]
    Four = tuple[float, float, float, float]
    OfAxes = tuple[Four, Four, Four]

#: Over how many cells a spline levels off beyond its border: twice differentiable, so a gradient has no jump where a
#: point comes to the border.
LEVELLING = 0.5
# Tells the compiler that an index is not negative; it would look at that again for every number read.
_NOT_NEGATIVE = 0x7FFFFFFF


def inlined(function: Function) -> Function:
    """Copy a function into those that call it: a call that hands over arrays costs as much as the work at one node."""
    made: Function = njit(inline="always")(function)
    return made


class Look(NamedTuple):
    """How a spline is read at the nodes of a lattice: at rate * (node + step * shift), in cells of the spline.

    Beyond its border a spline goes on as it is in the last cell, and levels off within about `LEVELLING` cells.

    Attributes
    ----------
    coefficients : array, shape (cz, cy, 3 * cx)
        Of the spline.
    cells_xyz : tuple of int
        Of the spline.
    rate : float
        Cells of the spline per unit of the lattice.
    nodes_xyz : tuple of arrays
        Where the nodes are along each axis, in units of the lattice.
    step : float
        What the shifts are multiplied by.
    shift : array, shape (nz, ny, 3 * nx)
        Of each node: along x, y and z, in units of the lattice.
    """

    coefficients: Array
    cells_xyz: Cell
    rate: float
    nodes_xyz: tuple[Array, Array, Array]
    step: float
    shift: Array


@compiled
def sample(index: int, start: int, stop: int, look: Look, values: Array, reach: Array) -> None:
    """Read a spline at the nodes.

    Parameters
    ----------
    index, start, stop : int
        The chunk; slices of nodes.
    look : Look
        What to read, and where.
    values : array, shape (nz, ny, 3 * nx)
        Filled; may be what holds the shifts.
    reach : array of int, shape (nz, 2)
        Filled: the first slice of coefficients that a slice of nodes reads, and the last plus 1.
    """
    coefficients, cells, rate, (nodes_x, nodes_y, nodes_z), step, shift = look
    for z in range(start, stop):
        low, high = cells[2], 0
        for y in range(len(nodes_y)):
            for x in range(len(nodes_x)):
                i, t_x, _ = _place(rate * (nodes_x[x] + step * shift[z, y, 3 * x]), cells[0])
                j, t_y, _ = _place(rate * (nodes_y[y] + step * shift[z, y, 3 * x + 1]), cells[1])
                k, t_z, _ = _place(rate * (nodes_z[z] + step * shift[z, y, 3 * x + 2]), cells[2])
                v_x, v_y, v_z = _read(coefficients, (i, j, k), (_weights(t_x), _weights(t_y), _weights(t_z)))
                values[z, y, 3 * x] = v_x
                values[z, y, 3 * x + 1] = v_y
                values[z, y, 3 * x + 2] = v_z
                low, high = min(low, k), max(high, k)
        reach[z, 0] = low
        reach[z, 1] = high + 4


@compiled
def pull(
    index: int,
    start: int,
    stop: int,
    look: Look,
    factor: float,
    gradient: Array,
    carry: Array,
    parts: Array,
    heap: Array,
) -> None:
    """Take the gradient with respect to what `sample` read back to the shifts, and to the coefficients.

    Parameters
    ----------
    index, start, stop : int
        The chunk; slices of nodes.
    look : Look
        As it was for `sample`.
    factor : float
        The gradient is factor * gradient + carry.
    gradient : array, shape (nz, ny, 3 * nx)
        As said.
    carry : array, shape (nz, ny, 3 * nx)
        Overwritten by the gradient with respect to the shifts.
    parts : array of int, shape (chunks, 3)
        For each chunk: the first slice of coefficients it reaches, and where its slices start and stop in `heap`.
    heap : array, shape (H, cy, 3 * cx)
        Filled: what each chunk gives to the gradient of the coefficients it reaches.
    """
    coefficients, cells, rate, (nodes_x, nodes_y, nodes_z), step, shift = look
    low = parts[index, 0]
    part = heap[parts[index, 1] : parts[index, 2]]
    part[:] = 0.0
    scale = step * rate
    for z in range(start, stop):
        for y in range(len(nodes_y)):
            for x in range(len(nodes_x)):
                i, t_x, rate_x = _place(rate * (nodes_x[x] + step * shift[z, y, 3 * x]), cells[0])
                j, t_y, rate_y = _place(rate * (nodes_y[y] + step * shift[z, y, 3 * x + 1]), cells[1])
                k, t_z, rate_z = _place(rate * (nodes_z[z] + step * shift[z, y, 3 * x + 2]), cells[2])
                g = (
                    factor * gradient[z, y, 3 * x] + carry[z, y, 3 * x],
                    factor * gradient[z, y, 3 * x + 1] + carry[z, y, 3 * x + 1],
                    factor * gradient[z, y, 3 * x + 2] + carry[z, y, 3 * x + 2],
                )
                weights = (_weights(t_x), _weights(t_y), _weights(t_z))
                slopes = (_slopes(t_x, scale * rate_x), _slopes(t_y, scale * rate_y), _slopes(t_z, scale * rate_z))
                g_x, g_y, g_z = _pull(coefficients, part, low, (i, j, k), weights, slopes, g)
                carry[z, y, 3 * x] = g_x
                carry[z, y, 3 * x + 1] = g_y
                carry[z, y, 3 * x + 2] = g_z


@compiled
def gather(index: int, start: int, stop: int, parts: Array, heap: Array, total: Array) -> None:
    """Add the parts of all chunks of `pull` to `total`, in their order; start..stop are slices of coefficients here."""
    for z in range(start, stop):
        for h in range(len(parts)):
            at = z - parts[h, 0] + parts[h, 1]
            if parts[h, 1] <= at < parts[h, 2]:
                total[z] += heap[at]


@compiled
def solve_columns(index: int, start: int, stop: int, factors: Array, field: Array) -> None:
    """Solve along z, in place, for the rows start..stop of a field; factors as for `solve_planes`."""
    for y in range(start, stop):
        _solve(factors, field[:, y])


@compiled
def solve_planes(index: int, start: int, stop: int, factors_y: Array, factors_x: Array, field: Array) -> None:
    """Solve along y and x, in place, for the slices start..stop of a field.

    Parameters
    ----------
    index, start, stop : int
        The chunk; slices of the field.
    factors_y, factors_x : arrays, shape (5, n)
        Row i of the matrix's triangular factors: L[i, i-2], L[i, i-1], 1 / U[i, i], then U[i, i+1] and U[i, i+2] over
        U[i, i].
    field : array, shape (nz, ny, 3 * nx)
        Right-hand sides; overwritten by the solution.
    """
    for z in range(start, stop):
        _solve(factors_y, field[z])
        for y in range(field.shape[1]):
            _solve(factors_x, field[z, y].reshape(-1, 3))


@compiled
def enter(index: int, start: int, stop: int, source: Array, matrix: Array, field: Array) -> None:
    """Fill the slices start..stop of a field with matrix (3, 3) times the vectors of `source` (3, nz, ny, nx)."""
    for z in range(start, stop):
        for y in range(source.shape[2]):
            for x in range(source.shape[3]):
                a, b, c = source[0, z, y, x], source[1, z, y, x], source[2, z, y, x]
                for i in range(3):
                    field[z, y, 3 * x + i] = matrix[i, 0] * a + matrix[i, 1] * b + matrix[i, 2] * c


@compiled
def leave(index: int, start: int, stop: int, field: Array, matrix: Array, target: Array) -> None:
    """Fill the slices start..stop of `target` (3, nz, ny, nx) with matrix (3, 3) times the vectors of a field."""
    for z in range(start, stop):
        for y in range(target.shape[2]):
            for x in range(target.shape[3]):
                a, b, c = field[z, y, 3 * x], field[z, y, 3 * x + 1], field[z, y, 3 * x + 2]
                for i in range(3):
                    target[i, z, y, x] = matrix[i, 0] * a + matrix[i, 1] * b + matrix[i, 2] * c


@compiled
def _place(at: float, cells: int) -> tuple[int, float, float]:
    """Return the cell of a place along one axis, where in it, and how fast that moves with the place: 1 inside."""
    if not at > 0.0:  # nor where it is NaN: no index may ever lie outside of the coefficients
        bend = math.tanh(at / LEVELLING)
        return 0, LEVELLING * bend, 1 - bend * bend
    if at >= cells:
        bend = math.tanh((at - cells) / LEVELLING)
        return (cells - 1) & _NOT_NEGATIVE, 1 + LEVELLING * bend, 1 - bend * bend
    cell = int(at) & _NOT_NEGATIVE
    return cell, at - cell, 1.0


@compiled
def _weights(t: float) -> Four:
    s = 1 - t
    return s * s * s / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t * t * t / 6


@compiled
def _slopes(t: float, scale: float) -> Four:
    s = 1 - t
    return -scale * s * s / 2, scale * t * (1.5 * t - 2), scale * s * (2 - 1.5 * s), scale * t * t / 2


@inlined
def _read(c: Array, cell: Cell, weights: OfAxes) -> Vector:
    """Return a spline of coefficients `c` at one point."""
    (w0, w1, w2, w3), w_y, w_z = weights
    i, j, k = 3 * cell[0], cell[1], cell[2]
    v_x = v_y = v_z = 0.0
    for n in range(4):
        for m in range(4):
            z, y, w = k + n, j + m, w_z[n] * w_y[m]
            v_x += w * (w0 * c[z, y, i] + w1 * c[z, y, i + 3] + w2 * c[z, y, i + 6] + w3 * c[z, y, i + 9])
            v_y += w * (w0 * c[z, y, i + 1] + w1 * c[z, y, i + 4] + w2 * c[z, y, i + 7] + w3 * c[z, y, i + 10])
            v_z += w * (w0 * c[z, y, i + 2] + w1 * c[z, y, i + 5] + w2 * c[z, y, i + 8] + w3 * c[z, y, i + 11])
    return v_x, v_y, v_z


@inlined
def _pull(c: Array, part: Array, low: int, cell: Cell, weights: OfAxes, slopes: OfAxes, g: Vector) -> Vector:
    """Return the vector `g` times the spline's derivative at one point, and add to `part` what it gives each weight."""
    (w0, w1, w2, w3), w_y, w_z = weights
    (s0, s1, s2, s3), s_y, s_z = slopes
    i, j, k, first = 3 * cell[0], cell[1], cell[2], (cell[2] - low) & _NOT_NEGATIVE
    a, b, d = g
    g_x = g_y = g_z = 0.0
    for n in range(4):
        for m in range(4):
            z, y, w = k + n, j + m, w_z[n] * w_y[m]
            v0 = a * c[z, y, i] + b * c[z, y, i + 1] + d * c[z, y, i + 2]
            v1 = a * c[z, y, i + 3] + b * c[z, y, i + 4] + d * c[z, y, i + 5]
            v2 = a * c[z, y, i + 6] + b * c[z, y, i + 7] + d * c[z, y, i + 8]
            v3 = a * c[z, y, i + 9] + b * c[z, y, i + 10] + d * c[z, y, i + 11]
            v = w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3
            g_x += w * (s0 * v0 + s1 * v1 + s2 * v2 + s3 * v3)
            g_y += w_z[n] * s_y[m] * v
            g_z += s_z[n] * w_y[m] * v
            for q in range(4):
                weight = w * weights[0][q]
                part[first + n, y, i + 3 * q] += weight * a
                part[first + n, y, i + 3 * q + 1] += weight * b
                part[first + n, y, i + 3 * q + 2] += weight * d
    return g_x, g_y, g_z


@compiled
def _solve(factors: Array, field: Array) -> None:
    """Solve along the first axis of a field (n, m), in place."""
    n = len(field)
    for i in range(1, n):
        one, two, j = factors[1, i], factors[0, i], max(i - 2, 0)
        for k in range(field.shape[1]):
            field[i, k] -= one * field[i - 1, k] + two * field[j, k]
    for i in range(n - 1, -1, -1):
        own, one, two, p, q = factors[2, i], factors[3, i], factors[4, i], min(i + 1, n - 1), min(i + 2, n - 1)
        for k in range(field.shape[1]):
            field[i, k] = own * field[i, k] - one * field[p, k] - two * field[q, k]
