"""Diffeomorphic B-spline deformations: the exponential of a stationary velocity field, its inverse, its gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_coreg.core.bspline import velocity_kernels as kernels
from napari_coreg.core.chunks import VOXELS_PER_CHUNK, run_chunks, split
from napari_coreg.errors import GeometryError, RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: How much the velocity may change per length, in the time of the first step: its result is then no further from the
#: flow than the splines are.
STEEPEST = 1.0
MOST_SQUARINGS = 10
_STAGES = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))  # of a Runge-Kutta step: how far, and what it counts
_WORK_PER_NUMBER = 2  # in units of a voxel's, for `split`
_FEWEST_SLICES = 4  # of a chunk: neighbours overlap by three


class _Reading(NamedTuple):
    """One time that a spline was read: how, and which of its slices each chunk reached (see `kernels.pull`)."""

    look: kernels.Look
    parts: NDArray[np.int64]


class VelocityField:
    """A stationary velocity field, a cubic B-spline, whose flow over unit time is a smooth map with a smooth inverse.

    The flow p -> p + u(p), the exponential of the field, is made by scaling and squaring (Arsigny et al., "A
    log-Euclidean framework for statistics on diffeomorphisms", MICCAI 2006, LNCS 4190; with splines: Modat et al.,
    "Parametric non-rigid registration using a stationary velocity field", MMBIA 2012). The flow over a short time is
    one Runge-Kutta step of the fourth order in the field itself; composing it with itself doubles the time. Each u is
    kept as the cubic B-spline with half the field's spacing that is exact at as many nodes as it has coefficients: the
    corners of all cells, and the middles of the first and the last. So the last u is a `sitk.BSplineTransform`. The
    exponential of the opposite field is its inverse but for the interpolation: some thousandths of a millimetre for
    fields that are smooth over their spacing.

    Beyond the domain the velocity goes on smoothly and levels off within about half a cell, so the flow is smooth and
    has an inverse everywhere. But a transform of ITK moves nothing outside of its domain: the two maps undo each other
    at points, up to the border, that do not leave the domain on their way. Where others are taken depends on how the
    velocity goes on.

    Work arrays are kept: some 200 bytes per coefficient of one component of the displacement, 300 after squarings.

    Parameters
    ----------
    cells_xyz : tuple of int
        Cells of the velocity's spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS.

    Attributes
    ----------
    displacement_cells_xyz : tuple of int
        Cells of the displacement's spline: twice as many, over the same domain.
    squarings : int
        Of the last exponential.

    Raises
    ------
    GeometryError
        If there is no cell along an axis, or the cells have no volume.

    Examples
    --------
    A field that is the same everywhere shifts all points by itself:

    >>> field = VelocityField((2, 2, 2), (10.0, 10.0, 10.0), np.eye(3))
    >>> velocity = np.full((3, 5, 5, 5), 2.5)
    >>> displacement = field.exponential(velocity)
    >>> displacement.shape, bool(np.allclose(displacement, 2.5))
    ((3, 7, 7, 7), True)
    >>> field.pullback(np.ones_like(displacement)).shape
    (3, 5, 5, 5)
    """

    def __init__(self, cells_xyz: tuple[int, int, int], spacing_xyz: tuple[float, ...], axes: Array) -> None:
        # Inside, lengths are in cells of the displacement along the axes.
        self._to_lps = np.asarray(axes, dtype=np.float64) * (np.asarray(spacing_xyz, dtype=np.float64) / 2)
        if min(cells_xyz) < 1 or not abs(np.linalg.det(self._to_lps)) > 0:
            raise GeometryError(
                f"a velocity field needs cells that have a volume along each axis; got {tuple(cells_xyz)} cells of "
                f"{tuple(spacing_xyz)} mm"
            )
        self._to_cells = np.linalg.inv(self._to_lps)
        x, y, z = (int(cells) for cells in cells_xyz)
        self._cells = (x, y, z)
        self.displacement_cells_xyz = (2 * x, 2 * y, 2 * z)
        self.squarings = 0
        self._nodes = (_nodes(2 * x), _nodes(2 * y), _nodes(2 * z))
        matrices = [_interpolation(nodes) for nodes in self._nodes]
        self._factors = [_triangular_factors(matrix) for matrix in matrices]
        self._transposed_factors = [_triangular_factors(matrix.T) for matrix in matrices]
        self._velocity_shape, self._shape = _shape(self._cells), _shape(self.displacement_cells_xyz)
        self._velocity_chunks = _chunks(self._velocity_shape[1], self._velocity_shape)
        self._chunks, self._row_chunks = _chunks(self._shape[1], self._shape), _chunks(self._shape[2], self._shape)
        self._velocity, self._velocity_gradient = _field(self._velocity_shape), _field(self._velocity_shape)
        self._gradient, self._carry, self._total = (_field(self._shape) for _ in range(3))
        self._fields: list[Array] = []
        self._heap = np.empty(0)
        self._step = 1.0
        self._stages: list[_Reading] = []
        self._compositions: list[_Reading] = []

    def exponential(self, velocity_coefficients: Array, *, inverse: bool = False) -> Array:
        """Return the displacement of the flow over unit time.

        Parameters
        ----------
        velocity_coefficients : array, shape (3, cz, cy, cx)
            LPS, mm per unit of time; of (cx, cy, cz) = cells_xyz + 3 control points.
        inverse : bool
            Whether to follow the flow backwards, which gives the inverse map.

        Returns
        -------
        array, shape (3, dz, dy, dx)
            LPS mm; of (dx, dy, dz) = displacement_cells_xyz + 3 control points. A new one.

        Raises
        ------
        GeometryError
            If the coefficients are not as many as the cells want.
        RegistrationError
            If a coefficient is not finite.
        """
        velocity = _checked(velocity_coefficients, self._velocity_shape)
        if not np.isfinite(velocity).all():
            raise RegistrationError("the velocity field has coefficients that are not finite; take shorter steps")
        run_chunks(kernels.enter, self._velocity_chunks, velocity, self._to_cells, self._velocity)
        self.squarings = _squarings(self._velocity)
        self._step = (-1.0 if inverse else 1.0) / 2**self.squarings
        displacement = self._first_step()
        self._compositions.clear()
        for number in range(self.squarings):
            spline, composed = self._work(4 + 2 * number), self._work(5 + 2 * number)
            np.copyto(spline, displacement)
            self._solve(self._factors, spline)
            look = kernels.Look(spline, self.displacement_cells_xyz, 1.0, self._nodes, 1.0, displacement)
            self._compositions.append(self._read(look, composed))
            composed += displacement
            displacement = composed
        self._solve(self._factors, displacement)
        result = np.empty(self._shape)
        run_chunks(kernels.leave, self._chunks, displacement, self._to_lps, result)
        return result

    def pullback(self, gradient: Array) -> Array:
        """Return a gradient with respect to the velocity's coefficients, for what the last exponential computed.

        Parameters
        ----------
        gradient : array, shape (3, dz, dy, dx)
            Of a number, with respect to the coefficients of the displacement.

        Returns
        -------
        array, shape (3, cz, cy, cx)
            Of the number, with respect to the coefficients of the velocity: the adjoints of all steps of `exponential`
            in reverse, so it is exact but for rounding. A new one.

        Raises
        ------
        GeometryError
            If the gradient has another shape than the displacement's coefficients.
        RegistrationError
            If there was no exponential.
        """
        if not self._stages:
            raise RegistrationError("there is no flow to take a gradient back along; call exponential first")
        source = _checked(gradient, self._shape)
        run_chunks(kernels.enter, self._chunks, source, self._to_lps.T.copy(), self._gradient)
        self._solve(self._transposed_factors, self._gradient)
        for reading in reversed(self._compositions):
            self._carry.fill(0.0)
            self._total.fill(0.0)
            self._pull(reading, 1.0, self._total, self._chunks)
            self._solve(self._transposed_factors, self._total)
            self._gradient += self._carry
            self._gradient += self._total
        self._carry.fill(0.0)
        self._velocity_gradient.fill(0.0)
        for reading, (_, count) in zip(reversed(self._stages), reversed(_STAGES), strict=True):
            self._pull(reading, self._step * count, self._velocity_gradient, self._velocity_chunks)
        result = np.empty(self._velocity_shape)
        run_chunks(kernels.leave, self._velocity_chunks, self._velocity_gradient, self._to_cells.T.copy(), result)
        return result

    def _first_step(self) -> Array:
        """Return the displacement of the nodes after the shortest time, in one Runge-Kutta step."""
        self._stages.clear()
        slopes = [self._work(number) for number in range(len(_STAGES))]
        before = slopes[0]
        before.fill(0.0)
        for slope, (how_far, _) in zip(slopes, _STAGES, strict=True):
            look = kernels.Look(self._velocity, self._cells, 0.5, self._nodes, how_far * self._step, before)
            self._stages.append(self._read(look, slope))
            before = slope
        displacement = slopes[-1]  # no stage is shifted by it, so `pullback` does not need it
        displacement *= self._step * _STAGES[-1][1]
        for slope, (_, count) in zip(slopes[:-1], _STAGES[:-1], strict=True):
            np.multiply(slope, self._step * count, out=self._total)
            displacement += self._total
        return displacement

    def _read(self, look: kernels.Look, values: Array) -> _Reading:
        """Fill `values` with what is looked at, and return what `_pull` needs."""
        reach = np.empty((len(values), 2), dtype=np.int64)
        run_chunks(kernels.sample, self._chunks, look, values, reach)
        parts = np.empty((len(self._chunks), 3), dtype=np.int64)
        end = 0
        for part, (start, stop) in zip(parts, self._chunks, strict=True):
            low, high = reach[start:stop, 0].min(), reach[start:stop, 1].max()
            part[:] = low, end, end + high - low
            end = part[2]
        return _Reading(look, parts)

    def _pull(self, reading: _Reading, factor: float, total: Array, chunks: list[tuple[int, int]]) -> None:
        """Go back through `_read`: `_carry` becomes the shifts' gradient, and the coefficients' is added to `total`."""
        look, parts = reading
        size = int(parts[-1, 2]) * total[0].size
        if self._heap.size < size:
            self._heap = np.empty(size)
        heap = self._heap[:size].reshape(-1, *total.shape[1:])
        run_chunks(kernels.pull, self._chunks, look, factor, self._gradient, self._carry, parts, heap)
        run_chunks(kernels.gather, chunks, parts, heap, total)

    def _solve(self, factors: list[Array], field: Array) -> None:
        """Solve along all axes, in place: from values at the nodes to coefficients, or the transpose of that."""
        x, y, z = factors
        run_chunks(kernels.solve_columns, self._row_chunks, z, field)
        run_chunks(kernels.solve_planes, self._chunks, y, x, field)

    def _work(self, number: int) -> Array:
        """Return a field over the nodes, made once."""
        while len(self._fields) <= number:
            self._fields.append(_field(self._shape))
        return self._fields[number]


def _nodes(cells: int) -> Array:
    """Return the places, in cells, where a spline along one axis is interpolated: as many as it has coefficients."""
    return np.concatenate([[0.0, 0.5], np.arange(1.0, cells), [cells - 0.5, float(cells)]])


def _interpolation(nodes: Array) -> Array:
    """Return the matrix from the coefficients along one axis to the values at the nodes."""
    n = len(nodes)
    first = np.minimum(nodes.astype(np.int64), n - 4)
    t = nodes - first
    s = 1 - t
    matrix = np.zeros((n, n))
    for q, weight in enumerate((s**3, 4 + 3 * t**2 * (t - 2), 4 + 3 * s**2 * (s - 2), t**3)):
        matrix[np.arange(n), first + q] = weight / 6
    return matrix


def _triangular_factors(matrix: Array) -> Array:
    """Return L and U of a matrix with two diagonals to either side, as `kernels.solve_planes` takes them."""
    n = len(matrix)
    lower, upper = np.zeros((n, n)), matrix.copy()
    for i in range(n):
        for j in range(i + 1, min(i + 3, n)):
            lower[j, i] = upper[j, i] / upper[i, i]
            upper[j] -= lower[j, i] * upper[i]
    factors = np.zeros((5, n))
    factors[0, 2:], factors[1, 1:] = np.diagonal(lower, -2), np.diagonal(lower, -1)
    factors[2] = 1 / np.diagonal(upper)
    factors[3, :-1] = np.diagonal(upper, 1) * factors[2, :-1]
    factors[4, :-2] = np.diagonal(upper, 2) * factors[2, :-2]
    return factors


def _squarings(velocity: Array) -> int:
    """Return how often to halve a velocity; differences of neighbouring coefficients bound its derivatives."""
    vectors = velocity.reshape(*velocity.shape[:2], -1, 3)
    steepest = sum(np.abs(np.diff(vectors, axis=axis)).max(axis=(0, 1, 2)) / 2 for axis in range(3))
    return min(math.ceil(math.log2(max(float(np.max(steepest)) / STEEPEST, 1.0))), MOST_SQUARINGS)


def _chunks(slices: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    return split(slices, min(_WORK_PER_NUMBER * math.prod(shape), slices // _FEWEST_SLICES * VOXELS_PER_CHUNK))


def _shape(cells_xyz: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return the shape of the coefficients."""
    x, y, z = cells_xyz
    return (3, z + 3, y + 3, x + 3)


def _field(shape: tuple[int, int, int, int]) -> Array:
    """Return room for as many vectors as the kernels keep them."""
    _, z, y, x = shape
    return np.empty((z, y, 3 * x))


def _checked(coefficients: Array, shape: tuple[int, ...]) -> Array:
    """Return coefficients as the kernels need them; these look at no bounds."""
    if coefficients.shape != shape:
        raise GeometryError(f"coefficients of shape {coefficients.shape} do not fit this grid, which has {shape}")
    return np.ascontiguousarray(coefficients, dtype=np.float64)
