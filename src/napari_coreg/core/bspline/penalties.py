"""What keeps a cubic B-spline deformation smooth: bending, elastic and volume penalties, each with its gradient."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.bspline import penalty_kernels as kernels
from napari_coreg.core.bspline.axis_splines import mean_squares, sample
from napari_coreg.core.bspline.quadratic import QuadraticEnergy, checked, coefficients_shape, outer
from napari_coreg.core.chunks import run_chunks, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.bspline.quadratic import Term

    Array = NDArray[np.float64]

WORK_PER_POINT = 4  # of the volume penalty; in units of a voxel's, for `split`
SHEAR_MODULUS = 1.0
FIRST_LAME_PARAMETER = 1.0


class BendingEnergy(QuadraticEnergy):
    """Mean over the domain of all squared second derivatives of the displacement, 1/mm^2.

    As in Rueckert et al., "Nonrigid registration using free-form deformations: application to breast MR images", IEEE
    TMI 18(8), 1999; here exact. No affine map has any, and turning the domain does not change it.

    Parameters
    ----------
    cells_xyz : tuple of int
        Cells of the spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.

    Examples
    --------
    >>> bending = BendingEnergy((4, 4, 4), (10.0, 10.0, 10.0))
    >>> value, gradient = bending(np.ones((3, 7, 7, 7)))
    >>> round(value, 12), gradient.shape
    (0.0, (3, 7, 7, 7))
    """

    def __init__(self, cells_xyz: tuple[int, int, int], spacing_xyz: tuple[float, ...]) -> None:
        pure, mixed = [(2, 0, 0), (0, 2, 0), (0, 0, 2)], [(1, 1, 0), (1, 0, 1), (0, 1, 1)]
        terms: list[Term] = [(c, c, derivative, 2.0) for c in range(3) for derivative in pure]
        terms += [(c, c, derivative, 4.0) for c in range(3) for derivative in mixed]
        super().__init__(cells_xyz, spacing_xyz, [(0, 0), (1, 1), (2, 2)], terms)


class LinearElasticity(QuadraticEnergy):
    """Mean over the domain of the energy of a linear elastic body: mu |e|^2 + lambda/2 (div u)^2, without unit.

    e is the symmetric part of du/dp. As in Modersitzki, "Numerical Methods for Image Registration", Oxford 2004; here
    exact. mu = lambda = 1: a body of Poisson's ratio 1/4, which resists a change of volume but does not forbid it, as
    tissue that is nearly incompressible would. Shifts and infinitesimal turns cost nothing.

    Parameters
    ----------
    cells_xyz : tuple of int
        Cells of the spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS; at right angles.
    """

    def __init__(self, cells_xyz: tuple[int, int, int], spacing_xyz: tuple[float, ...], axes: Array) -> None:
        super().__init__(cells_xyz, spacing_xyz, [(0, 0), (0, 1), (1, 0), (1, 1)], _elastic_terms())
        self._from_axes = np.array(axes, dtype=np.float64, order="C")
        self._to_axes = np.ascontiguousarray(self._from_axes.T)
        self._along_axes = np.empty(self._shape)
        self._turned_back = np.empty(self._shape)

    def _evaluate(self, coefficients: Array) -> tuple[float, Array]:
        # In the axes of the domain, where each derivative is along one axis only.
        run_chunks(kernels.turn, self._chunks, self._to_axes, coefficients, self._along_axes)
        value, gradient = super()._evaluate(self._along_axes)
        run_chunks(kernels.turn, self._chunks, self._from_axes, gradient, self._turned_back)
        return value, self._turned_back


class LogJacobian:
    """Mean of the squared logarithm of the Jacobian determinant: 0 where volume is kept, steep where space folds.

    Taken at the points of a regular lattice. Shrinking to a half costs as much as growing to the double (Rohlfing et
    al., "Volume-preserving nonrigid registration of MR breast images using free-form deformation with an
    incompressibility constraint", IEEE TMI 22(6), 2003, whose penalty is the absolute logarithm).

    Parameters
    ----------
    cells_xyz : tuple of int
        Cells of the spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS.
    points_per_cell : int
        Points of the lattice along each axis.
    floor : float
        Below this determinant a parabola goes on with the value, slope and curvature that the square has there.
    only_below : bool
        Whether only determinants below `floor` cost something: the square of how far they are below.

    Attributes
    ----------
    minimum : float
        The smallest determinant of the last call; NaN before it.

    Examples
    --------
    >>> penalty = LogJacobian((2, 2, 2), (10.0, 10.0, 10.0), np.eye(3))
    >>> penalty(np.zeros((3, 5, 5, 5)))[0], penalty.minimum
    (0.0, 1.0)
    """

    def __init__(
        self,
        cells_xyz: tuple[int, int, int],
        spacing_xyz: tuple[float, ...],
        axes: Array,
        *,
        points_per_cell: int = 2,
        floor: float = 0.05,
        only_below: bool = False,
    ) -> None:
        self._cost = (floor, only_below)
        self._shape = coefficients_shape(cells_xyz)
        self._axes = np.array(axes, dtype=np.float64, order="C")
        counts = tuple(points_per_cell * cells for cells in cells_xyz)
        self._samples = tuple(map(sample, counts, cells_xyz, spacing_xyz))
        self._points = math.prod(counts)
        self._chunks = split(counts[2], WORK_PER_POINT * self._points)
        self._slices = split(self._shape[1], math.prod(self._shape))
        self._planes = np.empty((counts[2], 6, *self._shape[2:]))
        self._totals = np.empty((len(self._chunks), 2))
        self._gradient = np.empty(self._shape)
        self.minimum = math.nan

    def __call__(self, coefficients: Array) -> tuple[float, Array]:
        """Return the penalty and its gradient.

        Parameters
        ----------
        coefficients : array, shape (3, cz, cy, cx)
            Displacements in LPS mm.

        Returns
        -------
        value : float
        gradient : array, shape (3, cz, cy, cx)
            Per mm; this object's own, overwritten by its next call.

        Raises
        ------
        GeometryError
            If the coefficients are not as many as the cells want.
        """
        arguments = (
            checked(coefficients, self._shape),
            self._samples,
            self._axes,
            *self._cost,
            self._planes,
            self._totals,
        )
        run_chunks(kernels.log_jacobian, self._chunks, *arguments)
        self.minimum = float(self._totals[:, 1].min())
        value = float(self._totals[:, 0].sum()) / self._points
        run_chunks(kernels.collect_planes, self._slices, self._planes, *self._samples[2], self._gradient)
        self._gradient /= self._points
        return value, self._gradient

    @property
    def curvature(self) -> Array:
        """The diagonal of the Hessian at the identity, mean of the three components, shape (cz, cy, cx).

        There the penalty is the mean of (div u)^2, to the second order.
        """
        diagonal = np.zeros(self._shape[1:])
        squares = [mean_squares(*axis, n) for axis, n in zip(self._samples, self._shape[:0:-1], strict=True)]
        for axis in range(3):
            x, y, z = (squares[other][int(other == axis)] for other in range(3))
            diagonal += 2 / 3 * outer(z, y, x)
        return diagonal


def determinant_range(
    coefficients: Array,
    cells_xyz: tuple[int, int, int],
    spacing_xyz: tuple[float, ...],
    axes: Array,
    size_xyz: tuple[int, int, int],
) -> tuple[float, float, float]:
    """Return how much p -> p + u(p) shrinks and swells space, from the spline's own derivatives at every voxel.

    Parameters
    ----------
    coefficients : array, shape (3, cz, cy, cx)
        Displacements in LPS mm.
    cells_xyz : tuple of int
        Cells of the spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS.
    size_xyz : tuple of int
        Voxels of the grid that fills the domain.

    Returns
    -------
    minimum, maximum : float
        Of the Jacobian determinant at the voxels' centres.
    folded_fraction : float
        Part of the voxels whose determinant is not above 0.

    Raises
    ------
    GeometryError
        If the coefficients are not as many as the cells want.

    Examples
    --------
    >>> determinant_range(np.zeros((3, 4, 4, 4)), (1, 1, 1), (8.0, 8.0, 8.0), np.eye(3), (4, 4, 4))
    (1.0, 1.0, 0.0)
    """
    coefficients = checked(coefficients, coefficients_shape(cells_xyz))
    voxels = math.prod(size_xyz)
    chunks = split(size_xyz[2], voxels)
    ranges = np.empty((len(chunks), 3))
    samples = tuple(map(sample, size_xyz, cells_xyz, spacing_xyz))
    run_chunks(kernels.determinants, chunks, coefficients, samples, np.array(axes, dtype=np.float64, order="C"), ranges)
    return float(ranges[:, 0].min()), float(ranges[:, 1].max()), float(ranges[:, 2].sum()) / voxels


def _elastic_terms() -> list[Term]:
    """Return the terms of the elastic energy's Hessian; the orders (0, 0), (0, 1), (1, 0), (1, 1) are numbered so."""
    mu, lam = SHEAR_MODULUS, FIRST_LAME_PARAMETER
    neither, of_column, of_row, both = range(4)
    terms: list[Term] = []
    for i, axis in itertools.product(range(3), repeat=2):
        x, y, z = (both if other == axis else neither for other in range(3))
        terms.append((i, i, (x, y, z), 2 * mu + lam if axis == i else mu))
    for i, j in itertools.permutations(range(3), 2):
        for along_i, along_j, factor in ((of_column, of_row, mu), (of_row, of_column, lam)):
            x, y, z = ({i: along_i, j: along_j}.get(axis, neither) for axis in range(3))
            terms.append((i, j, (x, y, z), factor))
    return terms
