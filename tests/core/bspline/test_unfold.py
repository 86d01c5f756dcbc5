"""Folds are taken out, judged by SimpleITK's own map and differences of it."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core.bspline.lattice import Lattice, displacements
from napari_coreg.core.bspline.penalties import determinant_range
from napari_coreg.core.bspline.unfold import unfold
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.folding import folding
from napari_coreg.core.geometry import Grid

AXES = Rotation.from_euler("xyz", [0.3, 0.5, -0.2]).as_matrix()
GRID = Grid(
    (50, 40, 36),
    (1.0, 1.2, 1.5),
    (3.0, 4.0, 5.0),
    tuple(AXES.ravel()),
)


def deformation(size_mm: float, seed: int = 0) -> sitk.BSplineTransform:
    transform = make_bspline(GRID, (6, 6, 6))
    rng = np.random.default_rng(seed)
    transform.SetParameters(rng.normal(0, size_mm, len(transform.GetParameters())).tolist())
    return transform


def folded_fraction(transform: sitk.BSplineTransform) -> float:
    """By differences between voxels, of the points that SimpleITK's transform gives."""
    field = sitk.GetImageFromArray(displacements(transform, GRID), isVector=True)
    field.SetSpacing(GRID.spacing_xyz)
    field.SetDirection(GRID.direction)
    return folding(field).folded_fraction


@pytest.mark.parametrize("size_mm", [7.0, 10.0])
def test_no_voxel_stays_folded(size_mm):
    transform = deformation(size_mm)
    assert folded_fraction(transform) > 0.001
    lattice = Lattice.of(transform)
    coefficients = lattice.coefficients(transform)
    unfolded, number = unfold(coefficients, lattice, GRID.size_xyz)
    assert number > 0
    transform.SetParameters(lattice.parameters(unfolded).tolist())
    assert folded_fraction(transform) == 0
    # it is still the same deformation, but for what had to move
    assert np.abs(unfolded - coefficients).mean() < 0.25 * np.abs(coefficients).mean()


def test_what_has_no_folds_is_returned_as_it_is():
    transform = deformation(0.5)
    lattice = Lattice.of(transform)
    coefficients = lattice.coefficients(transform)
    unfolded, number = unfold(coefficients, lattice, GRID.size_xyz)
    assert number == 0
    np.testing.assert_array_equal(unfolded, coefficients)


def test_even_a_field_that_is_folded_all_over_is_unfolded():
    transform = deformation(20.0)
    lattice = Lattice.of(transform)
    unfolded, number = unfold(lattice.coefficients(transform), lattice, GRID.size_xyz)
    assert number > 0.3 * np.prod(GRID.size_xyz)
    grid = (lattice.cells_xyz, lattice.spacing_xyz, lattice.axes)
    assert determinant_range(unfolded, *grid, GRID.size_xyz)[0] > 0
