"""Quadratic energies of B-spline coefficients, whose Hessian is a sum of products of matrices along each axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.bspline import penalty_kernels as kernels
from napari_coreg.core.bspline.axis_splines import mean_products
from napari_coreg.core.chunks import run_chunks, split
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Term = tuple[int, int, tuple[int, int, int], float]


class QuadraticEnergy:
    """A quadratic form of the coefficients: a sum of products of matrices along x, y and z, each of seven diagonals.

    Every integral of a product of derivatives of cubic B-splines is such a product (Shackleford et al., "Analytic
    regularization of uniform cubic B-spline deformation fields", MICCAI 2012, LNCS 7511): no sampling is needed, and
    the value is exact.

    Parameters
    ----------
    cells_xyz : tuple of int
        Cells of the spline per axis.
    spacing_xyz : tuple of float
        Edges of a cell, mm.
    orders : list of tuple of int
        The matrices made for each axis: the means of B_i's derivative of the first order times B_j's of the second.
    terms : list of tuple
        The Hessian's: component of its row and of its column, which of `orders` along x, y and z, and a factor.
    """

    def __init__(
        self,
        cells_xyz: tuple[int, int, int],
        spacing_xyz: tuple[float, ...],
        orders: list[tuple[int, int]],
        terms: list[Term],
    ) -> None:
        self._shape = coefficients_shape(cells_xyz)
        self._bands = tuple(
            np.stack([mean_products(cells, spacing, *order) for order in orders])
            for cells, spacing in zip(cells_xyz, spacing_xyz, strict=True)
        )
        self._terms = np.array([(row, column, *kinds) for row, column, kinds, _ in terms])
        self._factors = np.array([factor for *_, factor in terms])
        self._chunks = split(self._shape[1], math.prod(self._shape))
        self._sums = np.empty(len(self._chunks))
        self._gradient = np.empty(self._shape)

    def __call__(self, coefficients: Array) -> tuple[float, Array]:
        """Return the energy and its gradient.

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
        return self._evaluate(checked(coefficients, self._shape))

    def _evaluate(self, coefficients: Array) -> tuple[float, Array]:
        arguments = (coefficients, self._bands, self._terms, self._factors, self._gradient, self._sums)
        run_chunks(kernels.multiply, self._chunks, *arguments)
        return float(self._sums.sum()) / 2, self._gradient

    @property
    def curvature(self) -> Array:
        """The diagonal of the Hessian, mean of the three components, shape (cz, cy, cx)."""
        diagonal = np.zeros(self._shape[1:])
        x, y, z = (bands[:, 3] for bands in self._bands)
        for (row, column, in_x, in_y, in_z), factor in zip(self._terms, self._factors, strict=True):
            if row == column:
                diagonal += factor / 3 * outer(z[in_z], y[in_y], x[in_x])
        return diagonal


def coefficients_shape(cells_xyz: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return the shape of the coefficients."""
    x, y, z = cells_xyz
    return (3, z + 3, y + 3, x + 3)


def checked(coefficients: Array, shape: tuple[int, ...]) -> Array:
    """Return coefficients as the kernels need them; these look at no bounds."""
    if coefficients.shape != shape:
        raise GeometryError(f"coefficients of shape {coefficients.shape} do not fit the cells: these need {shape}")
    return np.ascontiguousarray(coefficients, dtype=np.float64)


def outer(z: Array, y: Array, x: Array) -> Array:
    """Return the products of three vectors' elements, shape (cz, cy, cx)."""
    return z[:, None, None] * y[:, None] * x
