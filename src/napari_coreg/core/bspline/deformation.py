"""What the optimized coefficients stand for: displacements as they are, or velocities whose flow displaces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_coreg.core.bspline.lattice import Lattice
from napari_coreg.core.bspline.velocity import VelocityField
from napari_coreg.core.bspline_grid import with_cells

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.stages import BSplineStage

    Coefficients = NDArray[np.float64]


class Deformation(Protocol):
    """Leads from optimized coefficients to displacements, and back for gradients.

    Attributes
    ----------
    lattice : Lattice
        The control points of the displacement.
    """

    lattice: Lattice

    def displacement(self, coefficients: Coefficients) -> Coefficients:
        """Return the displacement's coefficients."""

    def pullback(self, gradient: Coefficients) -> Coefficients:
        """Return the gradient with respect to the optimized coefficients, of the last displacement."""

    def restrict(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return blocks of curvature, shape (cz, cy, cx, 3, 3), of the displacement's control points for the others."""


class Displacement:
    """The coefficients are displacements."""

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice

    def displacement(self, coefficients: Coefficients) -> Coefficients:
        """Return them as they are."""
        return coefficients

    def pullback(self, gradient: Coefficients) -> Coefficients:
        """Return it as it is."""
        return gradient

    def restrict(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return them as they are."""
        return blocks


class StationaryVelocity:
    """The coefficients are velocities; control points of the displacement lie twice as close."""

    def __init__(self, lattice: Lattice) -> None:
        self._field = VelocityField(lattice.cells_xyz, lattice.spacing_xyz, lattice.axes)
        self.lattice = replace(lattice, cells_xyz=self._field.displacement_cells_xyz)

    def displacement(self, coefficients: Coefficients) -> Coefficients:
        """Return the flow over unit time."""
        return self._field.exponential(coefficients)

    def inverse_displacement(self, coefficients: Coefficients) -> Coefficients:
        """Return the flow backwards."""
        return self._field.exponential(coefficients, inverse=True)

    def pullback(self, gradient: Coefficients) -> Coefficients:
        """Return the gradient with respect to the velocities."""
        return self._field.pullback(gradient)

    def restrict(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the blocks of the velocity's control points, as if the flow were the velocity."""
        for axis in range(3):
            blocks = _coarsened(blocks, axis)
        return blocks


def _coarsened(fine: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Apply the transpose of `bspline_grid.refine` along an axis: 2 m + 3 become m + 3."""
    between, on = np.moveaxis(fine, axis, 0)[0::2], np.moveaxis(fine, axis, 0)[1::2]
    coarse = np.zeros((len(on) + 2, *on.shape[1:]))
    coarse[:-1] += between / 2
    coarse[1:] += between / 2
    coarse[:-2] += on / 8
    coarse[1:-1] += on * 6 / 8
    coarse[2:] += on / 8
    return np.moveaxis(coarse, 0, axis)


def make_deformation(stage: BSplineStage, lattice: Lattice) -> Deformation:
    """Return what the coefficients of a stage stand for."""
    return StationaryVelocity(lattice) if stage.deformation == "stationary_velocity" else Displacement(lattice)


def flow(velocity: sitk.BSplineTransform, *, inverse: bool = False) -> sitk.BSplineTransform:
    """Return the displacement that a B-spline of velocities leads to in unit time, or the one that undoes it."""
    lattice = Lattice.of(velocity)
    deformation = StationaryVelocity(lattice)
    make = deformation.inverse_displacement if inverse else deformation.displacement
    made = with_cells(velocity, deformation.lattice.cells_xyz[: lattice.dimension])
    made.SetParameters(deformation.lattice.parameters(make(lattice.coefficients(velocity))).tolist())
    return made
