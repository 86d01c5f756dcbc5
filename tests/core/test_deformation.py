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
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

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


class TestPercentiles:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_of_a_field_that_grows_along_an_axis_they_are_those_of_the_closed_form(self, direction):
        axis = np.reshape(direction, (3, 3))[:, 0]
        grid = Grid((201, 5, 4), (0.5, 1.5, 3.0), (10.0, -20.0, 5.0), direction)
        along = 0.5 * np.arange(201)  # mm; u = 0.002 x^2 along the first axis, so the determinant is 1 + 0.004 x
        vectors = np.broadcast_to(0.002 * along[None, None, :, None] ** 2 * axis, (4, 5, 201, 3))
        image = sitk.GetImageFromArray(np.ascontiguousarray(vectors), isVector=True)
        image.SetSpacing(grid.spacing_xyz)
        image.SetOrigin(grid.origin_lps)
        image.SetDirection(direction)
        figures = measure_deformation(sitk.DisplacementFieldTransform(image), grid).figures
        shares = np.array((1, 5, 50, 95, 99))
        found = [getattr(figures, f"{name}_determinant") for name in ("p1", "p5", "median", "p95", "p99")]
        np.testing.assert_allclose(found, 1 + 0.004 * shares, atol=2e-3)
        found = figures.median_mm, figures.p95_mm, figures.p99_mm
        np.testing.assert_allclose(found, 0.002 * shares[2:] ** 2, atol=1e-3)


class TestMask:
    def mask(self, spacing=(2.0, 1.0, 1.5)):
        """A box of the first half of the grid's first axis, on another grid."""
        mask = sitk.Image([30, 60, 60], sitk.sitkUInt8)
        mask.SetSpacing(spacing)
        mask.SetOrigin((np.array(GRID.origin_lps) - np.reshape(OBLIQUE, (3, 3)) @ (0.7, 0.4, 0.4)).tolist())  # no ties
        mask.SetDirection(OBLIQUE)
        mask[:4, :, :] = 1
        return mask

    def test_figures_are_those_of_the_voxels_in_it(self):
        transform, mask = spline(GRID, 9.0), self.mask()
        maps = measure_deformation(transform, GRID, mask=mask)
        on_grid = sitk.Resample(mask, maps.determinant, sitk.Transform(), sitk.sitkNearestNeighbor)
        inside = sitk.GetArrayViewFromImage(on_grid) != 0
        lengths, determinants = (sitk.GetArrayFromImage(i)[inside] for i in (maps.magnitude_mm, maps.determinant))
        found = maps.figures_in_mask
        assert 0 < found.voxels == np.count_nonzero(inside) < maps.figures.voxels
        assert 0 < found.folded == np.count_nonzero(determinants <= 0) < maps.figures.folded
        assert found.folding.folded_fraction == pytest.approx(found.folded / found.voxels)
        assert found.folding.minimum == determinants.min()
        assert found.p1_determinant == pytest.approx(np.percentile(determinants, 1))
        assert found.mean_mm == pytest.approx(lengths.mean())
        assert found.p95_mm == pytest.approx(np.percentile(lengths, 95))

    def test_folding_outside_of_it_does_not_count(self):
        mask = self.mask()
        far = np.reshape(OBLIQUE, (3, 3))[:, 0]
        field = displacement_field(sitk.TranslationTransform(3), GRID)
        field[10, 4, 3] = tuple((-9 * far).tolist())
        transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
        maps = measure_deformation(transform, GRID, mask=mask)
        assert maps.figures.folded > 0 == maps.figures_in_mask.folded

    @pytest.mark.parametrize("voxels", [1, 300])
    def test_counts_are_of_all_voxels_also_where_maps_are_thinned(self, voxels, monkeypatch):
        transform, mask = spline(GRID, 9.0), self.mask()
        whole = measure_deformation(transform, GRID, mask=mask).figures_in_mask
        monkeypatch.setattr("napari_coreg.core.slabs.SLAB_VOXELS", voxels)
        thin = measure_deformation(transform, GRID, mask=mask, most_voxels=100).figures_in_mask
        assert (thin.folded, thin.voxels, thin.maximum_mm) == (whole.folded, whole.voxels, whole.maximum_mm)
        assert thin.mean_mm == pytest.approx(whole.mean_mm)
        assert thin.median_mm == pytest.approx(whole.median_mm, rel=0.2)

    def test_that_lies_elsewhere_is_refused(self):
        with pytest.raises(VolumeError, match="no voxel inside the grid"):
            measure_deformation(sitk.TranslationTransform(3), GRID, mask=sitk.Image([3, 3, 3], sitk.sitkUInt8) + 1)

    def test_without_one_nothing_is_told_of_it(self):
        assert measure_deformation(sitk.TranslationTransform(3), GRID).figures_in_mask is None


#: What ANTs has to say: ants.create_jacobian_determinant_image(grid, field, do_log=False, geom=False) of ANTsPy, of the
#: displacement field of a spline whose 4 x 4 x 4 cells have coefficients from default_rng(3).uniform(-4, 4), at voxels.
ANTS_AT = ((5, 6, 7), (20, 13, 10), (11, 19, 4), (25, 3, 16))
ANTS = {
    "LPS": (np.eye(3), (1.0734, 0.8155, 0.9380, 1.0784)),
    "oblique": (np.reshape(OBLIQUE, (3, 3)), (1.0378, 0.8582, 0.9306, 1.1084)),
    "left-handed": (np.reshape(OBLIQUE, (3, 3)) @ np.diag((1.0, -1.0, 1.0)), (1.0602, 0.8819, 0.8690, 1.2423)),
}


@pytest.mark.parametrize(("axes", "expected"), ANTS.values(), ids=ANTS)
def test_determinant_is_that_of_ants(axes, expected):
    grid = Grid((30, 26, 20), (1.0, 1.5, 3.0), (-20.0, 5.0, 40.0), tuple(axes.ravel().tolist()))
    image = sitk.Image(grid.size_xyz, sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    transform = sitk.BSplineTransformInitializer(image, [4] * 3)
    coefficients = np.random.default_rng(3).uniform(-4, 4, len(transform.GetParameters()))
    transform.SetParameters(coefficients.tolist())
    found = measure_deformation(transform, grid).determinant
    assert [found.GetPixel(at) for at in ANTS_AT] == pytest.approx(
        expected, abs=5e-3
    )  # of differences over more voxels
