"""The control points of a cubic B-spline over the fixed image: between coefficients, voxels and SimpleITK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from numpy.polynomial import polynomial

from napari_coreg.core.bspline import kernels
from napari_coreg.core.bspline.axis_splines import PIECES
from napari_coreg.core.bspline_grid import ORDER
from napari_coreg.core.chunks import run_chunks, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid

    Coefficients = NDArray[np.float64]


@dataclass(frozen=True)
class Lattice:
    """Control points over a box: the domain of a `sitk.BSplineTransform`. A 2-D box is a slab of one cell.

    Coefficients are arrays of float64 of shape (3, cz, cy, cx), displacements in LPS mm; those of a 2-D box repeat
    along z and have no third component.

    Attributes
    ----------
    cells_xyz : tuple of int
        Cells per axis; there are three control points more.
    extent_xyz : tuple of float
        Edges of the box, mm.
    origin_lps : array, shape (3,)
        The box's first corner.
    axes : array, shape (3, 3)
        Column i is the direction of axis i in LPS.
    dimension : int
        2 or 3.
    """

    cells_xyz: tuple[int, int, int]
    extent_xyz: tuple[float, float, float]
    origin_lps: NDArray[np.float64]
    axes: NDArray[np.float64]
    dimension: int

    @classmethod
    def of(cls, transform: sitk.BSplineTransform) -> Lattice:
        """Return the control points of a B-spline transform."""
        n = transform.GetDimension()
        axes = np.eye(3)
        axes[:n, :n] = np.reshape(transform.GetTransformDomainDirection(), (n, n))
        flat = 3 - n
        cells = (*transform.GetTransformDomainMeshSize(), *[1] * flat)
        extent = (*transform.GetTransformDomainPhysicalDimensions(), *[1.0] * flat)
        origin = np.array([*transform.GetTransformDomainOrigin(), *[-0.5] * flat])
        return cls(cells, extent, origin, axes, n)

    @property
    def spacing_xyz(self) -> tuple[float, ...]:
        """Edges of a cell, mm."""
        return tuple(extent / cells for extent, cells in zip(self.extent_xyz, self.cells_xyz, strict=True))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the coefficients: (3, cz, cy, cx)."""
        x, y, z = (cells + ORDER for cells in self.cells_xyz)
        return (3, z, y, x)

    def coefficients(self, transform: sitk.BSplineTransform) -> Coefficients:
        """Return the transform's parameters as coefficients."""
        coefficients = np.zeros(self.shape)
        for axis, image in enumerate(transform.GetCoefficientImages()):  # the parameters come as a tuple, far slower
            coefficients[axis] = sitk.GetArrayViewFromImage(image)
        return coefficients

    def parameters(self, coefficients: Coefficients) -> NDArray[np.float64]:
        """Return coefficients as the parameters of a `sitk.BSplineTransform`."""
        if self.dimension == 3:
            return coefficients.ravel()
        return coefficients[:2, 0].ravel()

    def constrain(self, gradient: Coefficients) -> Coefficients:
        """Return the gradient within the coefficients that are allowed: in 2-D they are one slice, repeated."""
        if self.dimension == 3:
            return gradient
        flat = np.zeros_like(gradient)
        flat[:2] = gradient[:2].mean(axis=1, keepdims=True)
        return flat

    def axis_weights(self, grid: Grid) -> tuple[NDArray[np.int64] | NDArray[np.float64], ...]:
        """Return first control point (n,) and weights (n, 4) of the voxels of `grid` along x, y and z in turn.

        The grid's axes are the lattice's. Voxels outside of the box weigh nothing: as in ITK, they do not move.
        """
        n = grid.dimension
        first_corner = (np.array(grid.origin_lps) - self.origin_lps[:n]) @ self.axes[:n, :n]
        found: list[NDArray[np.int64] | NDArray[np.float64]] = []
        for axis in range(3):
            size, spacing, start = (
                (grid.size_xyz[axis], grid.spacing_xyz[axis], first_corner[axis]) if axis < n else (1, 1.0, 0.5)
            )
            at_mm: NDArray[np.float64] = start + spacing * np.arange(size, dtype=np.float64)
            found += _weights(at_mm / self.extent_xyz[axis] * self.cells_xyz[axis], self.cells_xyz[axis])
        return tuple(found)


def _weights(positions: NDArray[np.float64], cells: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return first control point and weights of positions that count cells."""
    first = np.clip(np.floor(positions).astype(np.int64), 0, cells - 1)
    t = positions - first
    weights: NDArray[np.float64] = np.ascontiguousarray(polynomial.polyval(t, PIECES.T).T)
    rounding = 1e-9 * cells
    outside = (positions < -rounding) | (positions > cells + rounding)
    weights[outside] = 0.0
    return first, weights


def displacements(
    transform: sitk.BSplineTransform, grid: Grid, linear: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return where a B-spline transform moves the voxels of a grid along its axes, by sums over one axis at a time.

    Parameters
    ----------
    transform : SimpleITK.BSplineTransform
        Cubic.
    grid : Grid
        Its direction is that of the transform's domain.
    linear : array, shape (D, D), optional
        What the displacements are multiplied with.

    Returns
    -------
    array, shape (nz, ny, nx, 3) or (ny, nx, 2)
        LPS mm.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> from napari_coreg.core.geometry import Grid
    >>> spline = sitk.BSplineTransform(3, 3)
    >>> spline.SetParameters([2.0] * len(spline.GetParameters()))
    >>> grid = Grid((2, 1, 1), (0.5, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    >>> displacements(spline, grid)
    array([[[[2., 2., 2.],
             [2., 2., 2.]]]])
    """
    lattice = Lattice.of(transform)
    coefficients = lattice.coefficients(transform)
    if linear is not None:
        n = lattice.dimension
        coefficients[:n] = np.einsum("ij,jzyx->izyx", linear, coefficients[:n])
    weights = lattice.axis_weights(grid)
    shape_zyx = tuple(len(first) for first in weights[::2])[::-1]
    values = np.empty((*shape_zyx, 3))
    run_chunks(kernels.expand, split(shape_zyx[0], values.size // 3), coefficients, weights, values)
    return values if lattice.dimension == 3 else values[0, :, :, :2]
