"""Bending energies are those of closed forms, on any grid; no affine map has any."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.bending import bending_energy
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
MIRRORED = OBLIQUE @ np.diag([1.0, -1.0, 1.0])
DIRECTIONS = {"LPS": np.eye(3), "oblique": OBLIQUE, "left-handed": MIRRORED}
SIZE, SPACING = (11, 9, 8), (1.0, 1.5, 3.0)


def grid_along(direction, size=SIZE, spacing=SPACING):
    return Grid(size, spacing, (-20.0, 5.0, 40.0)[: len(size)], tuple(np.ravel(direction).tolist()))


def field_of(grid, function):
    """A displacement field with a value at each voxel that is known in LPS mm."""
    indices = np.indices(grid.size_xyz[::-1]).reshape(grid.dimension, -1).T[:, ::-1]
    values = function(grid.to_lps(indices.astype(float)))
    image = sitk.GetImageFromArray(values.reshape(*grid.size_xyz[::-1], grid.dimension), isVector=True)
    image.SetOrigin(grid.origin_lps)
    image.SetSpacing(grid.spacing_xyz)
    image.SetDirection(grid.direction)
    return sitk.DisplacementFieldTransform(image)


def spline_over(grid, seed=0):
    spline = make_bspline(grid, (3,) * grid.dimension)
    count = len(spline.GetParameters())
    spline.SetParameters(np.random.default_rng(seed).uniform(-2, 2, count).tolist())
    return spline


@given(
    st.lists(st.floats(-0.02, 0.02), min_size=18, max_size=18),
    st.lists(st.floats(-180, 180), min_size=3, max_size=3),
    st.tuples(*[st.floats(0.5, 4.0)] * 3),
    st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_a_quadratic_field_has_the_energy_of_its_second_derivatives_on_any_grid(numbers, angles, spacing, flip):
    halves = np.reshape(numbers, (3, 6))[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3, 3)  # symmetric in the last two
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag([1, 1, -1 if flip else 1])
    grid = grid_along(direction, (5, 6, 4), spacing)
    field = field_of(grid, lambda p: np.einsum("cij,ni,nj->nc", halves, p, p))
    assert bending_energy(field, grid) == pytest.approx(4 * np.square(halves).sum(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_an_affine_field_has_none(direction):
    grid = grid_along(direction)
    matrix = np.array([[1.1, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.0, 0.1, 1.2]])
    assert bending_energy(field_of(grid, lambda p: p @ (matrix - np.eye(3)).T + 3), grid) == pytest.approx(0, abs=1e-12)
    assert bending_energy(sitk.AffineTransform(matrix.ravel().tolist(), (1.0, 2.0, 3.0)), grid) == 0.0


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_of_a_spline_the_integral_and_differences_at_the_voxels_agree(direction):
    grid = grid_along(direction, (60, 50, 40), (0.5, 0.6, 0.8))
    spline = spline_over(grid)
    everywhere = sitk.Image(grid.size_xyz, sitk.sitkUInt8) + 1
    everywhere.SetSpacing(grid.spacing_xyz)
    everywhere.SetOrigin(grid.origin_lps)
    everywhere.SetDirection(grid.direction)
    assert bending_energy(spline, grid) == pytest.approx(bending_energy(spline, grid, everywhere), rel=0.03)


def test_turning_all_of_it_changes_nothing():
    grid = grid_along(np.eye(3))
    turn = np.eye(4)
    turn[:3, :3] = OBLIQUE
    rigid = from_matrix(turn)
    turned = Grid(SIZE, SPACING, tuple(OBLIQUE @ grid.origin_lps), tuple(OBLIQUE.ravel().tolist()))
    values = np.random.default_rng(0).normal(size=(*SIZE[::-1], 3))
    straight = field_of(grid, lambda p: values.reshape(p.shape))
    along = field_of(turned, lambda p: values.reshape(p.shape) @ OBLIQUE.T)
    assert bending_energy(along, turned) == pytest.approx(bending_energy(straight, grid))
    spline = spline_over(grid)
    chain = sitk.CompositeTransform([rigid, spline])  # the spline first
    assert bending_energy(chain, grid) == pytest.approx(bending_energy(spline, grid))


def test_what_scales_after_a_spline_scales_its_energy():
    grid = grid_along(OBLIQUE)
    spline = spline_over(grid)
    chain = sitk.CompositeTransform([sitk.ScaleTransform(3, (3.0, 3.0, 3.0)), spline])
    assert bending_energy(chain, grid) == pytest.approx(9 * bending_energy(spline, grid))


def test_in_a_mask_only_its_voxels_count():
    grid = grid_along(OBLIQUE)
    along = np.array(OBLIQUE)[:, 0]

    def bent_to_one_side(points):
        x = (points - grid.origin_lps) @ along
        return 0.05 * np.where(x > 4, x - 4, 0)[:, None] ** 2 * along

    mask = sitk.Image(grid.size_xyz, sitk.sitkUInt8)
    mask.SetSpacing(grid.spacing_xyz)
    mask.SetOrigin(grid.origin_lps)
    mask.SetDirection(grid.direction)
    straight, bent = sitk.Image(mask), sitk.Image(mask)
    straight[:3, :, :], bent[6:, :, :] = 1, 1
    field = field_of(grid, bent_to_one_side)
    assert bending_energy(field, grid, straight) == pytest.approx(0, abs=1e-9)
    assert bending_energy(field, grid, bent) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("voxels", [1, 200, 10**9])
def test_slabs_change_nothing(voxels, monkeypatch):
    grid = grid_along(OBLIQUE)
    values = np.random.default_rng(0).normal(size=(*SIZE[::-1], 3))
    field = field_of(grid, lambda p: values.reshape(p.shape))
    expected = bending_energy(field, grid)
    monkeypatch.setattr("napari_coreg.core.slabs.SLAB_VOXELS", voxels)
    assert bending_energy(field, grid) == pytest.approx(expected)


def test_images_bend_too():
    grid = Grid((8, 7), (0.5, 2.0), (3.0, 4.0), (0.6, -0.8, 0.8, 0.6))
    field = field_of(grid, lambda p: np.stack([0.1 * p[:, 0] * p[:, 1], 0.2 * p[:, 0] ** 2], axis=1))
    assert bending_energy(field, grid) == pytest.approx(2 * 0.1**2 + 0.4**2)


def test_what_cannot_be_measured_is_refused():
    grid = grid_along(np.eye(3))
    nowhere = sitk.Image(4, 4, 4, sitk.sitkUInt8)
    with pytest.raises(VolumeError, match="no voxel inside the grid"):
        bending_energy(spline_over(grid), grid, nowhere)
    with pytest.raises(GeometryError, match="they need 3 along each axis"):
        bending_energy(sitk.TranslationTransform(3), grid_along(np.eye(3), (2, 5, 5)))
    with pytest.raises(GeometryError, match="2-D"):
        bending_energy(sitk.TranslationTransform(2), grid)
    with pytest.raises(RegistrationCancelled):
        bending_energy(field_of(grid, lambda p: p), grid, is_cancelled=lambda: True)
