"""Displacements, folding and bending of chains that begin with a B-spline, at all voxels, much faster than ITK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.bspline.lattice import Lattice, displacements
from napari_coreg.core.bspline.penalties import BendingEnergy, determinant_range
from napari_coreg.core.bspline_grid import ORDER
from napari_coreg.core.chunks import working_threads

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid


def spline_displacements(
    spline: sitk.BSplineTransform, linear: NDArray[np.float64], grid: Grid
) -> NDArray[np.float64] | None:
    """Return where a B-spline followed by a linear map moves the voxels of a grid; None if it is not for this grid.

    Parameters
    ----------
    spline : SimpleITK.BSplineTransform
        Applied first.
    linear : array, shape (D + 1, D + 1)
        Homogeneous, LPS mm; applied next.
    grid : Grid
        With the direction of the spline's domain.

    Returns
    -------
    array, shape (nz, ny, nx, 3) or (ny, nx, 2)
        LPS mm.
    """
    if not _is_for(spline, grid):
        return None
    n = grid.dimension
    change, shift = linear[:n, :n] - np.eye(n), linear[:n, n]
    with working_threads(0):
        moved = displacements(spline, grid, linear[:n, :n])
    if not change.any() and not shift.any():
        return moved
    # What the linear map adds to the place of a voxel is straight along the axes.
    to_lps = np.asarray(grid.index_to_lps)
    steps = [np.multiply.outer(np.arange(size), change @ to_lps[:n, k]) for k, size in enumerate(grid.size_xyz)]
    plane = steps[1][:, None] + steps[0][None] + change @ to_lps[:n, n] + shift
    slices, along_z = (moved, steps[2]) if n == 3 else (moved[None], np.zeros((1, n)))
    for z, step in enumerate(along_z):
        slices[z] += plane + step
    return moved


def spline_determinants(spline: sitk.BSplineTransform, grid: Grid) -> tuple[float, float, float] | None:
    """Return smallest and largest Jacobian determinant of a B-spline at the voxels of a grid, and the folded fraction.

    None if the grid is not the one the spline lies over.
    """
    lattice = Lattice.of(spline)
    if not _is_for(spline, grid) or not _is_over(lattice, grid):
        return None
    x, y, z = (*grid.size_xyz, 1)[:3]
    with working_threads(0):
        found = lattice.coefficients(spline)
        return determinant_range(found, lattice.cells_xyz, lattice.spacing_xyz, lattice.axes, (x, y, z))


def spline_bending(spline: sitk.BSplineTransform, linear: NDArray[np.float64], grid: Grid) -> float | None:
    """Return the bending energy of a B-spline followed by a linear map, 1/mm^2; None if it is not for this grid.

    Parameters
    ----------
    spline : SimpleITK.BSplineTransform
        Applied first.
    linear : array, shape (D + 1, D + 1)
        Homogeneous, LPS mm; applied next.
    grid : Grid
        Which the spline must lie over.
    """
    lattice = Lattice.of(spline)
    if not _is_for(spline, grid) or not _is_over(lattice, grid):
        return None
    n = grid.dimension
    matrix = np.eye(3)
    matrix[:n, :n] = linear[:n, :n]
    carried = np.ascontiguousarray(np.einsum("ij,jzyx->izyx", matrix, lattice.coefficients(spline)))
    with working_threads(0):
        return BendingEnergy(lattice.cells_xyz, lattice.spacing_xyz)(carried)[0]


def _is_over(lattice: Lattice, grid: Grid) -> bool:
    extent = np.multiply(grid.size_xyz, grid.spacing_xyz)
    corner = grid.to_lps(np.full(grid.dimension, -0.5))
    return bool(
        np.allclose(extent, lattice.extent_xyz[: grid.dimension], atol=1e-6)
        and np.allclose(corner, lattice.origin_lps[: grid.dimension], atol=1e-6)
    )


def _is_for(spline: sitk.BSplineTransform, grid: Grid) -> bool:
    return bool(
        spline.GetOrder() == ORDER and np.allclose(spline.GetTransformDomainDirection(), grid.direction, atol=1e-9)
    )
