"""Each view lies where SimpleITK puts it, whatever the axes of the fixed volume, and is made once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Labels, Vectors
from scipy.spatial.transform import Rotation

from napari_coreg.core.geometry import Grid
from napari_coreg.core.grid_lines import GridLines
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.deformation.colours import jacobian_colormap, nice_factor
from napari_coreg.plugin.deformation.layers import DeformationViews
from napari_coreg.plugin.deformation.look import VIEWS, Look
from napari_coreg.plugin.deformation.source import DeformationSource

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "oblique": OBLIQUE,
    "oblique sagittal": OBLIQUE @ np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
}
every_direction = pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
MATRIX = np.array([[1.1, 0.1, 0.0], [-0.05, 0.9, 0.1], [0.02, 0.0, 1.2]])
AFFINE = sitk.AffineTransform(MATRIX.ravel().tolist(), [3.0, -2.0, 4.0])


def source(direction: np.ndarray, transform: sitk.Transform = AFFINE, moved: Any = None) -> DeformationSource:
    grid = Grid((14, 11, 9), (1.0, 1.5, 3.0), (-20.0, 5.0, 40.0), tuple(direction.ravel().tolist()))
    return DeformationSource(transform, grid, "T2", moved)


def made(view: Any, of: DeformationSource, **look: Any) -> tuple[Any, ...]:
    return DeformationViews(of).make((view,), Look(**look))[view]


def folding_transform(of: DeformationSource) -> sitk.Transform:
    """A field that throws the middle plane far over the next one."""
    field = np.zeros((*of.grid.size_xyz[::-1], 3))
    field[4] = np.reshape(of.grid.direction, (3, 3))[:, 2] * 12.0
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing(of.grid.spacing_xyz)
    image.SetOrigin(of.grid.origin_lps)
    image.SetDirection(of.grid.direction)
    return sitk.DisplacementFieldTransform(image)


def voxels(layer: Any) -> Any:
    """The lazy array of all voxels."""
    return layer.data[0] if layer.multiscale else layer.data


def lps_of(layer: Any, index_zyx: tuple[int, ...]) -> np.ndarray:
    return np.array(layer.data_to_world(index_zyx))[::-1]


@every_direction
def test_magnitude_and_determinant_at_a_world_point_are_those_of_that_point(direction):
    views = DeformationViews(source(direction)).make(("magnitude", "jacobian"), Look())
    (magnitude,), (determinant,) = views["magnitude"], views["jacobian"]
    for index in [(0, 0, 0), (3, 5, 2), tuple(n - 1 for n in magnitude.data.shape)]:
        point = lps_of(magnitude, index)
        moved = np.array(AFFINE.TransformPoint(point.tolist())) - point
        assert magnitude.data[index] == pytest.approx(np.linalg.norm(moved), abs=1e-3)
        assert determinant.data[index] == pytest.approx(np.linalg.det(MATRIX), abs=1e-3)


@every_direction
def test_arrows_go_from_a_point_to_where_simpleitk_maps_it(direction):
    (layer,) = made("vectors", source(direction), max_vectors=100)
    assert isinstance(layer, Vectors)
    assert 20 < len(layer.data) <= 100
    for start, vector in layer.data:
        begin = np.array(layer.data_to_world(start))[::-1]
        end = np.array(layer.data_to_world(start + vector))[::-1]
        np.testing.assert_allclose(end, AFFINE.TransformPoint(begin.tolist()), atol=1e-3)


def test_arrows_are_in_place_where_slices_are_far_thicker_than_the_gaps_between_arrows():
    grid = Grid((100, 100, 3), (1.0, 1.0, 60.0), (-20.0, 5.0, 40.0), tuple(OBLIQUE.ravel().tolist()))
    (layer,) = made("vectors", DeformationSource(AFFINE, grid, "T2"), max_vectors=4000)
    for start, vector in layer.data[:: len(layer.data) // 20]:
        begin = np.array(layer.data_to_world(start))[::-1]
        end = np.array(layer.data_to_world(start + vector))[::-1]
        np.testing.assert_allclose(end, AFFINE.TransformPoint(begin.tolist()), atol=1e-3)


@every_direction
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_the_grid_show_lines_where_their_points_are_mapped_onto_planes(direction, axis):
    of = source(direction)
    (layer,) = made("grid", of, spacing_mm=8.0)
    data = voxels(layer)
    key = [slice(None)] * 3
    key[axis] = data.shape[axis] // 2
    drawn = np.asarray(data[tuple(key)])
    assert (drawn > 200).any()
    axes = np.reshape(of.grid.direction, (3, 3))
    for where in np.argwhere(drawn > 200):
        index = np.insert(where, axis, key[axis])
        mapped = np.array(AFFINE.TransformPoint(lps_of(layer, tuple(index)).tolist()))
        along = axes.T @ (mapped - of.grid.centre_lps)
        apart = np.abs(along - 8.0 * np.rint(along / 8.0))
        assert (apart < 0.7 * np.array(of.grid.spacing_xyz)).any()


def test_the_grid_is_that_of_the_core():
    of = source(np.eye(3))
    (layer,) = made("grid", of, spacing_mm=8.0)
    np.testing.assert_array_equal(np.asarray(voxels(layer)), GridLines(AFFINE, of.grid, 8.0)(of.grid))


@pytest.mark.parametrize("view", VIEWS)
def test_views_follow_the_hand_move_of_the_fixed_layer(view):
    moved = sitk.AffineTransform(OBLIQUE.ravel().tolist(), [10.0, -20.0, 30.0])
    here, there = (made(view, source(DIRECTIONS["oblique"], moved=m))[0] for m in (None, moved))
    index = (1.0, 2.0, 3.0)
    expected = moved.TransformPoint(lps_of(here, index).tolist())
    np.testing.assert_allclose(lps_of(there, index), expected, atol=1e-6)


class TestJacobian:
    @pytest.mark.parametrize("factor", [1.1, 1.5, 2.0, 10.0])
    def test_the_centre_of_the_colours_is_at_exactly_one(self, factor):
        colormap = jacobian_colormap(factor)
        low, high = 1 / factor, factor
        (one,) = colormap.map(np.array([(1 - low) / (high - low)]))
        assert one[3] == pytest.approx(0.0, abs=1e-6)
        below, above = colormap.map((np.array([1 / factor**0.5, factor**0.5]) - low) / (high - low))
        assert below[2] > below[0]
        assert above[0] > above[2]
        assert below[3] == pytest.approx(above[3], abs=1e-3)

    def test_each_value_has_a_colour_of_its_own(self):
        colours = jacobian_colormap(2.0).map(np.linspace(0, 1, 200))
        assert (np.abs(np.diff(colours, axis=0)).max(axis=1) > 1e-4).all()

    def test_its_limits_are_a_factor_and_its_reciprocal(self):
        (layer,) = made("jacobian", source(np.eye(3)))
        low, high = layer.contrast_limits
        assert low * high == pytest.approx(1.0)
        assert high == nice_factor(np.linalg.det(MATRIX))

    @every_direction
    def test_folded_voxels_are_marked_in_place(self, direction):
        plain = source(direction)
        of = source(direction, folding_transform(plain))
        image, labels = made("jacobian", of)
        assert isinstance(labels, Labels)
        np.testing.assert_array_equal(labels.data != 0, image.data <= 0)
        assert labels.data.any()
        np.testing.assert_allclose(lps_of(labels, (1, 2, 3)), lps_of(image, (1, 2, 3)))

    def test_nothing_is_marked_where_nothing_folds(self):
        layers = made("jacobian", source(np.eye(3)))
        assert [type(layer) for layer in layers] == [Image]


class TestRelativeToRigid:
    def test_nothing_is_left_of_a_rigid_motion(self):
        turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.2, 0.1, (20.0, 5.0, -9.0))
        views = DeformationViews(source(OBLIQUE, turn))
        (layer,) = views.make(("magnitude",), Look(relative_to_rigid=True))["magnitude"]
        assert layer.data.max() < 1e-2
        assert layer.name.startswith("Non-rigid displacement of T2")
        numbers = views.numbers(Look(relative_to_rigid=True))
        assert numbers is not None
        assert numbers.rigid is not None
        assert numbers.rigid[1] > 15.0

    def test_the_body_alone_says_what_is_rigid(self):
        of = source(np.eye(3))
        values = np.zeros(of.grid.size_xyz[::-1], np.float32)
        field = np.zeros((*values.shape, 3))
        values[:, :, :4] = 100.0
        field[:, :, 7:] = (30.0, 0.0, 0.0)
        image = sitk.GetImageFromArray(field, isVector=True)
        fixed = sitk.GetImageFromArray(values)
        for each in (image, fixed):
            each.SetSpacing((4.0, 6.0, 12.0))
        grid = Grid.of(fixed)
        body = DeformationSource(sitk.DisplacementFieldTransform(image), grid, "T2", None, lambda: fixed)
        whole = DeformationSource(body.transform, grid, "T2")
        shifts = []
        for each in (body, whole):
            views = DeformationViews(each)
            views.measure(Look(relative_to_rigid=True))
            numbers = views.numbers(Look(relative_to_rigid=True))
            assert numbers is not None
            assert numbers.rigid is not None
            shifts.append(numbers.rigid[0])
        assert shifts[0] == pytest.approx(0.0, abs=1e-3)
        assert shifts[1] > 5.0


class TestKeeping:
    def test_a_view_is_made_again_only_when_its_own_setting_changes(self):
        views = DeformationViews(source(np.eye(3)))
        first = views.make(VIEWS, Look(max_vectors=100, spacing_mm=10.0))
        second = views.make(VIEWS, Look(max_vectors=100, spacing_mm=20.0))
        same = {view for view in VIEWS if first[view][0] is second[view][0]}
        assert same == {"vectors", "magnitude", "jacobian"}

    def test_what_comes_back_is_a_copy_that_looks_the_same_and_shares_its_voxels(self):
        views, look = DeformationViews(source(np.eye(3))), Look()
        views.make(("magnitude",), look)
        (first,) = views.to_add("magnitude", look)
        first.opacity = 0.25
        (second,) = views.to_add("magnitude", look)
        assert first is not second
        assert second.data is first.data
        assert second.opacity == 0.25
        assert views.kept("magnitude", look) == (second,)

    def test_a_grid_comes_back_lazy(self):
        views, look = DeformationViews(source(np.eye(3))), Look()
        views.make(("grid",), look)
        (first,) = views.to_add("grid", look)
        (second,) = views.to_add("grid", look)
        assert voxels(second) is voxels(first)
        np.testing.assert_array_equal(second.affine.affine_matrix, first.affine.affine_matrix)

    def test_cancelling_keeps_nothing(self):
        views = DeformationViews(source(np.eye(3)))
        with pytest.raises(RegistrationCancelled):
            views.make(("magnitude",), Look(), is_cancelled=lambda: True)
        assert views.kept("magnitude", Look()) is None


@pytest.mark.parametrize("view", VIEWS)
def test_layers_have_millimetres_and_names(view):
    (layer,) = made(view, source(np.eye(3)))
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert tuple(layer.axis_labels) == ("z", "y", "x")
    assert "T2" in layer.name


def test_images_have_all_views():
    grid = Grid((20, 16), (0.5, 2.0), (3.0, 4.0), (0.6, -0.8, 0.8, 0.6))
    turn = sitk.Euler2DTransform((4.0, 5.0), 0.2, (1.0, 2.0))
    views = DeformationViews(DeformationSource(turn, grid, "slide")).make(VIEWS, Look())
    assert all(layers[0].ndim == 2 for layers in views.values())
    point = np.array(views["magnitude"][0].data_to_world((3, 4)))[::-1]
    moved = np.array(turn.TransformPoint(point.tolist())) - point
    assert views["magnitude"][0].data[3, 4] == pytest.approx(np.linalg.norm(moved), abs=1e-4)


def test_a_spline_after_a_rigid_motion_is_drawn_from_samples_of_it():
    of = source(np.eye(3))
    image = sitk.Image(of.grid.size_xyz, sitk.sitkUInt8)
    image.SetSpacing(of.grid.spacing_xyz)
    image.SetOrigin(of.grid.origin_lps)
    spline = sitk.BSplineTransformInitializer(image, [2, 2, 2])
    rng = np.random.default_rng(0)
    spline.SetParameters(rng.uniform(-3, 3, len(spline.GetParameters())).tolist())
    chain = sitk.CompositeTransform([spline, sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, 0.0, 0.0)])
    (layer,) = made("grid", source(np.eye(3), chain), spacing_mm=8.0)
    expected = GridLines(chain, of.grid, 8.0)(of.grid)
    assert np.abs(np.asarray(voxels(layer)).astype(int) - expected).mean() < 3
