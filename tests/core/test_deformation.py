"""Magnitudes are those of SimpleITK's own point mapping, determinants those of closed forms, for any grid."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.deformation import measure_deformation
from napari_coreg.core.folding import folding, jacobian_determinant
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError, RegistrationCancelled

OBLIQUE = tuple(Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix().ravel())
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
GRID = Grid((13, 9, 7), (1.0, 1.5, 3.0), (-20.0, 5.0, 40.0), OBLIQUE)
DIRECTIONS = {"LPS": tuple(np.eye(3).ravel()), "oblique": OBLIQUE, "sagittal": SAGITTAL}


def spline(grid: Grid, largest_mm: float, seed: int = 0) -> sitk.Transform:
    """A random B-spline over a grid, then a shift."""
    n = grid.dimension
    image = sitk.Image(grid.size_xyz, sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    transform = sitk.BSplineTransformInitializer(image, [3] * n)
    rng = np.random.default_rng(seed)
    transform.SetParameters(rng.uniform(-largest_mm, largest_mm, len(transform.GetParameters())).tolist())
    return sitk.CompositeTransform([sitk.TranslationTransform(n, [1.0] * n), transform])


def on(direction: tuple[float, ...]) -> Grid:
    return Grid(GRID.size_xyz, GRID.spacing_xyz, GRID.origin_lps, direction)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_magnitude_is_how_far_simpleitk_moves_each_voxel(direction):
    grid = on(direction)
    transform = spline(grid, 4.0)
    found = measure_deformation(transform, grid).magnitude_mm
    for index in [(0, 0, 0), (12, 8, 6), (4, 7, 1), (11, 0, 3)]:
        point = found.TransformIndexToPhysicalPoint(index)
        moved = np.subtract(transform.TransformPoint(point), point)
        assert found.GetPixel(index) == pytest.approx(np.linalg.norm(moved), abs=1e-4)


@given(
    st.lists(st.floats(-0.3, 0.3), min_size=9, max_size=9),
    st.lists(st.floats(-180, 180), min_size=3, max_size=3),
    st.tuples(*[st.floats(0.4, 5.0)] * 3),
)
@settings(max_examples=30, deadline=None)
def test_determinant_of_an_affine_is_that_of_its_matrix_on_any_grid(numbers, angles, spacing):
    matrix = np.eye(3) + np.reshape(numbers, (3, 3))
    affine = sitk.AffineTransform(matrix.ravel().tolist(), [3.0, -2.0, 1.0])
    direction = tuple(Rotation.from_euler("xyz", angles, degrees=True).as_matrix().ravel())
    maps = measure_deformation(affine, Grid((6, 5, 7), spacing, (0.0, 0.0, 0.0), direction))
    values = sitk.GetArrayFromImage(maps.determinant)
    np.testing.assert_allclose(values, np.linalg.det(matrix), atol=2e-3)
    assert maps.figures.folding.folded_fraction in (0.0, 1.0)


def test_determinant_is_simpleitks_where_that_is_right():
    grid = on(DIRECTIONS["LPS"])
    transform = spline(grid, 3.0)
    expected = sitk.DisplacementFieldJacobianDeterminant(displacement_field(transform, grid))
    found = measure_deformation(transform, grid).determinant
    inner = (slice(1, -1),) * 3
    arrays = (sitk.GetArrayFromImage(image)[inner] for image in (found, expected))
    np.testing.assert_allclose(*arrays, atol=1e-4)


@pytest.mark.parametrize("voxels", [1, 300, 10**9])
def test_slabs_change_nothing(voxels, monkeypatch):
    monkeypatch.setattr("napari_coreg.core.slabs.SLAB_VOXELS", voxels)
    transform = spline(GRID, 6.0)
    maps = measure_deformation(transform, GRID)
    field = displacement_field(transform, GRID)
    whole = folding(field)
    for found, expected in (
        (maps.determinant, jacobian_determinant(field)),
        (maps.magnitude_mm, sitk.VectorMagnitude(field)),
    ):
        np.testing.assert_allclose(*(sitk.GetArrayFromImage(i) for i in (found, expected)), atol=1e-5)
    assert maps.figures.folding.folded_fraction == pytest.approx(whole.folded_fraction)
    assert maps.figures.folding.minimum == pytest.approx(whole.minimum, abs=1e-5)


class TestThinned:
    def test_figures_and_folded_voxels_are_those_of_all_voxels(self):
        transform = spline(GRID, 9.0)
        every, thin = (measure_deformation(transform, GRID, most_voxels=most) for most in (10**6, 100))
        assert thin.figures.folded == every.figures.folded > 0
        assert thin.figures.mean_mm == pytest.approx(every.figures.mean_mm)
        assert thin.figures.maximum_mm == every.figures.maximum_mm
        assert thin.determinant.GetNumberOfPixels() <= 100
        assert max(thin.every_xyz) > 1

    def test_each_folded_voxel_is_marked_within_half_a_step(self):
        transform = spline(GRID, 9.0)
        every, thin = (measure_deformation(transform, GRID, most_voxels=most) for most in (10**6, 100))
        marked, near = sitk.GetArrayFromImage(every.folded), thin.folded
        for z, y, x in np.argwhere(marked):
            point = every.folded.TransformIndexToPhysicalPoint([int(x), int(y), int(z)])
            index = np.array(near.TransformPhysicalPointToContinuousIndex(point))
            apart = np.abs(np.argwhere(sitk.GetArrayFromImage(near))[:, ::-1] - index)
            assert (apart <= 0.5 + 1e-6).all(axis=1).any()

    def test_voxels_that_are_kept_keep_their_place(self):
        transform = spline(GRID, 5.0)
        thin = measure_deformation(transform, GRID, most_voxels=100).magnitude_mm
        for z, y, x in np.ndindex(*thin.GetSize()[::-1]):
            point = thin.TransformIndexToPhysicalPoint((x, y, z))
            length = np.linalg.norm(np.subtract(transform.TransformPoint(point), point))
            assert thin.GetPixel(x, y, z) == pytest.approx(length, abs=1e-4)


def test_images_are_measured_as_volumes_are():
    turn = np.array([[0.0, -2.0], [1.0, 0.0]])
    affine = sitk.AffineTransform(turn.ravel().tolist(), [0.0, 0.0])
    maps = measure_deformation(affine, Grid((8, 6), (0.5, 2.0), (3.0, 4.0), (0.6, -0.8, 0.8, 0.6)))
    np.testing.assert_allclose(sitk.GetArrayFromImage(maps.determinant), 2.0, atol=1e-4)
    assert maps.folded is None


def test_nothing_folds_where_nothing_moves():
    figures = measure_deformation(sitk.TranslationTransform(3), GRID).figures
    assert (figures.maximum_mm, figures.folded, figures.factor) == (0.0, 0, 1.0)
    assert figures.limits_mm == (0.0, 1.0)


def test_few_long_displacements_do_not_set_the_limits_and_most_long_ones_do():
    scale = sitk.ScaleTransform(3, (1.1, 1.1, 1.1))
    figures = measure_deformation(scale, GRID).figures
    assert figures.limits_mm[1] == figures.p99_mm <= figures.maximum_mm


def test_a_mirror_folds_every_voxel():
    figures = measure_deformation(sitk.ScaleTransform(3, (-1.0, 1.0, 1.0)), GRID).figures
    assert figures.folded == figures.voxels == 13 * 9 * 7


def test_progress_reaches_its_end_and_cancelling_stops_it(monkeypatch):
    monkeypatch.setattr("napari_coreg.core.slabs.SLAB_VOXELS", 1)
    fractions: list[float] = []
    measure_deformation(sitk.TranslationTransform(3), GRID, on_fraction=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    with pytest.raises(RegistrationCancelled):
        measure_deformation(sitk.TranslationTransform(3), GRID, is_cancelled=lambda: True)


def test_a_transform_of_other_axes_is_refused():
    with pytest.raises(GeometryError, match="2-D"):
        measure_deformation(sitk.TranslationTransform(2), GRID)
