"""Takes the folds out of a B-spline deformation, with as little change as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.bspline import lbfgs
from napari_coreg.core.bspline.penalties import LogJacobian, determinant_range
from napari_coreg.core.optimizers import LBFGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.bspline.lattice import Lattice

    Coefficients = NDArray[np.float64]

# From try to try, points lie closer and determinants must be larger, so that none between the points is 0 or less.
TRIES = ((2, 0.05), (3, 0.1), (4, 0.15), (6, 0.2), (8, 0.25), (10, 0.3))
WEAKER = 0.95
STEP = 0.05  # of a cell: the longest step
OPTIMIZER = LBFGS(number_of_iterations=100, convergence_minimum_value=1e-3)


def unfold(coefficients: Coefficients, lattice: Lattice, size_xyz: tuple[int, int, int]) -> tuple[Coefficients, int]:
    """Return the deformation without folds, and how many voxels were folded before.

    Where determinants are too small, they are raised by descending along their gradient, as when meshes are untangled;
    elsewhere nothing changes. Where that leaves some, the whole deformation is weakened until none is left.

    Parameters
    ----------
    coefficients : array, shape (3, cz, cy, cx)
        LPS mm.
    lattice : Lattice
        Their control points.
    size_xyz : tuple of int
        The voxels that fill the lattice's domain, at which determinants are taken.
    """
    grid = (lattice.cells_xyz, lattice.spacing_xyz, lattice.axes)
    before = folded = _folded(coefficients, lattice, size_xyz)
    for points_per_cell, least in TRIES:
        if folded == 0:
            break
        penalty = LogJacobian(*grid, points_per_cell=points_per_cell, floor=least, only_below=True)
        coefficients = _descend(penalty, coefficients, STEP * min(lattice.spacing_xyz[: lattice.dimension]), lattice)
        folded = _folded(coefficients, lattice, size_xyz)
    while folded and np.isfinite(coefficients).all():  # the last few voxels of a field that was folded all over
        coefficients = coefficients * WEAKER
        folded = _folded(coefficients, lattice, size_xyz)
    return coefficients, before


def _folded(coefficients: Coefficients, lattice: Lattice, size_xyz: tuple[int, int, int]) -> int:
    grid = (lattice.cells_xyz, lattice.spacing_xyz, lattice.axes)
    _, _, fraction = determinant_range(coefficients, *grid, size_xyz)
    return round(fraction * float(np.prod(size_xyz)))


def _descend(penalty: LogJacobian, start: Coefficients, step_mm: float, lattice: Lattice) -> Coefficients:
    def function(at: Coefficients) -> tuple[float, Coefficients]:
        value, gradient = penalty(at)
        return value, lattice.constrain(gradient.copy())

    steepest = float(np.sqrt((function(start)[1] ** 2).sum(axis=0).max()))
    if steepest == 0:
        return start
    scale = step_mm / steepest
    found, _ = lbfgs.minimize(
        function,
        start,
        function(start),
        lambda gradient: gradient * scale,
        OPTIMIZER,
        step_mm,
        lambda value, at: value == 0,
    )
    return found
