"""Layers and volumes agree about where a voxel is: SimpleITK's own point mapping is the judge."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points
from napari.layers.utils.stack_utils import stack_to_images
from scipy.spatial.transform import Rotation

from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.layers import (
    initial_transform_from,
    layer_kwargs,
    mask_from_layer,
    points_from_layer,
    points_to_zyx,
    read_displayed,
    read_layer,
    series_to_layer_data,
    upright,
    volume_to_layer_data,
)

# napari warns of every tilted layer that its 2-D view leaves the tilt out; what is claimed here is the geometry
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "LAS, left-handed": np.diag([1.0, -1.0, 1.0]),
    "oblique": OBLIQUE,
    "oblique, left-handed": OBLIQUE @ np.diag([1.0, 1.0, -1.0]),
}

SAGITTAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def make_image(direction=None, spacing=(0.7, 0.9, 2.5), origin=(-80.5, 13.25, 402.0), size=(7, 6, 5)):
    voxels = np.random.default_rng(0).integers(0, 900, size[::-1]).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection((np.eye(len(size)) if direction is None else direction).ravel().tolist())
    return image


def make_layer(image, **extra):
    data, kwargs, kind = volume_to_layer_data(image, "volume", **extra)
    return {"image": Image, "labels": Labels}[kind](data, **kwargs)


def indices_of(size, count=20):
    return np.random.default_rng(1).uniform(-2, np.array(size) + 2, (count, len(size)))


def physical_points(image, indices_xyz):
    return np.array([image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices_xyz])


def assert_layer_shows(layer, image, *, units_in_mm=1.0):
    for index in indices_of(image.GetSize()):
        expected_lps = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
        world_zyx = np.array(layer.data_to_world(index[::-1])) * units_in_mm
        np.testing.assert_allclose(world_zyx[::-1], expected_lps, atol=1e-9)


def assert_same_place(volume, image):
    np.testing.assert_allclose(volume.GetSpacing(), image.GetSpacing(), rtol=1e-9)
    np.testing.assert_allclose(volume.GetOrigin(), image.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(volume.GetDirection(), image.GetDirection(), atol=1e-9)


def hand_move(seed=3, stretch=1.0):
    """A (4, 4) map of napari's zyx world, as its transform mode writes it into layer.affine."""
    move = np.eye(4)
    move[:3, :3] = Rotation.from_rotvec(np.random.default_rng(seed).normal(0, 0.2, 3)).as_matrix() * stretch
    move[:3, 3] = np.random.default_rng(seed + 1).normal(0, 15, 3)
    return move


def move_by_hand(layer, move):
    layer.affine = move @ layer.affine.affine_matrix


@st.composite
def images(draw, ndim=3):
    number = st.floats(-500, 500)
    spacing = draw(st.tuples(*[st.floats(0.05, 20)] * ndim))
    origin = draw(st.tuples(*[number] * ndim))
    if ndim == 3:
        direction = Rotation.from_euler("xyz", draw(st.tuples(*[st.floats(-3.1, 3.1)] * 3))).as_matrix()
    else:
        angle = draw(st.floats(-3.1, 3.1))
        direction = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirror = np.diag(draw(st.tuples(*[st.sampled_from((1.0, -1.0))] * ndim)))
    size = draw(st.tuples(*[st.integers(4, 9)] * ndim))
    direction = np.where(np.abs(direction) < 1e-12, 0, direction)  # ITK cannot invert denormal numbers
    return make_image(direction @ mirror, spacing, origin, size)


class TestGeometryOfALayer:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_every_index_is_shown_at_its_physical_point(self, direction):
        image = make_image(direction)
        assert_layer_shows(make_layer(image), image)

    @settings(deadline=None, max_examples=40)
    @given(image=st.one_of(images(3), images(2)))
    def test_random_geometry_survives_layer_and_back(self, image):
        image = upright(image)
        layer = make_layer(image)
        assert_layer_shows(layer, image)
        volume = read_layer(layer)
        assert volume.moved is None
        back = volume.to_image()
        assert (back.GetSpacing(), back.GetOrigin(), back.GetDirection()) == (
            image.GetSpacing(),
            image.GetOrigin(),
            image.GetDirection(),
        )
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(back), sitk.GetArrayViewFromImage(image))

    @settings(deadline=None, max_examples=40)
    @given(image=st.one_of(images(3), images(2)))
    def test_making_a_volume_upright_leaves_every_voxel_where_it_is(self, image):
        turned = upright(image)
        n = image.GetDimension()
        along = np.abs(np.reshape(turned.GetDirection(), (n, n)))
        assert np.trace(along) >= np.trace(np.abs(np.reshape(image.GetDirection(), (n, n)))) - 1e-9
        for index in np.random.default_rng(0).integers(0, image.GetSize(), (5, n)).tolist():
            point_lps = image.TransformIndexToPhysicalPoint(index)
            assert turned[turned.TransformPhysicalPointToIndex(point_lps)] == image[index]

    def test_a_sagittal_volume_scrolls_in_the_two_dimensional_view(self):
        layer = make_layer(make_image(SAGITTAL))
        viewer = ViewerModel()
        viewer.add_layer(layer)
        for step in (1, 4):
            viewer.dims.set_current_step(0, step)
            index_zyx = layer.world_to_data(viewer.dims.point)
            assert layer.get_value(viewer.dims.point, world=True) == layer.data[tuple(np.rint(index_zyx).astype(int))]

    @settings(deadline=None, max_examples=40)
    @given(image=st.one_of(images(3), images(2)))
    def test_random_geometry_is_read_from_the_display_without_a_header(self, image):
        kwargs = layer_kwargs(image)
        del kwargs["metadata"]
        layer = Image(sitk.GetArrayFromImage(image), **kwargs)
        assert_same_place(read_layer(layer).to_image(), image)

    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_scale_stays_the_voxel_size(self, direction):
        image = make_image(direction)
        np.testing.assert_array_equal(make_layer(image).scale, image.GetSpacing()[::-1])

    def test_units_and_axis_labels_are_always_set(self):
        layer = make_layer(make_image())
        assert layer.axis_labels == ("z", "y", "x")
        assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
        flat = make_layer(make_image(size=(7, 6), spacing=(1, 2), origin=(3, 4)))
        assert flat.axis_labels == ("y", "x")

    def test_scale_translate_and_rotate_are_read_as_well_as_affine(self):
        rotate = Rotation.from_euler("zyx", (20, 5, -10), degrees=True).as_matrix()
        affine = np.eye(4)
        affine[:3, 3] = (1.0, 2.0, 3.0)
        layer = Image(np.zeros((5, 6, 7)), scale=(3, 2, 1), translate=(9, 8, 7), rotate=rotate, affine=affine)
        image = read_layer(layer).to_image()
        assert_layer_shows(layer, image)
        np.testing.assert_allclose(image.GetSpacing(), (1, 2, 3))

    def test_negative_scale_becomes_a_mirrored_direction(self):
        layer = Image(np.zeros((5, 6, 7)), scale=(-3, 2, 1))
        image = read_layer(layer).to_image()
        assert image.GetSpacing() == (1, 2, 3)
        np.testing.assert_array_equal(np.reshape(image.GetDirection(), (3, 3)), np.diag([1, 1, -1]))
        assert_layer_shows(layer, image)

    @pytest.mark.parametrize(("unit", "mm"), [("um", 1e-3), ("cm", 10.0), ("m", 1000.0), ("mm", 1.0), ("pixel", 1.0)])
    def test_lengths_become_millimetres_and_pixels_count_as_such(self, unit, mm):
        layer = Image(np.zeros((5, 6, 7)), scale=(3, 2, 1), translate=(1, 2, 3), units=(unit,) * 3)
        image = read_layer(layer).to_image()
        np.testing.assert_allclose(image.GetSpacing(), np.array((1, 2, 3)) * mm)
        assert_layer_shows(layer, image, units_in_mm=mm)

    def test_the_layer_is_left_as_it_was(self):
        layer = make_layer(make_image(OBLIQUE))
        before = layer.as_layer_data_tuple()
        move = read_layer(layer)
        move.to_image()
        after = layer.as_layer_data_tuple()
        assert after[0] is before[0]
        np.testing.assert_array_equal(after[1]["affine"], before[1]["affine"])
        assert after[1]["scale"] == before[1]["scale"]
        assert after[1]["metadata"] == before[1]["metadata"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("layer", "error", "words"),
        [
            (lambda: Image(np.zeros((6, 7, 3), np.uint8), rgb=True, name="a"), VolumeError, "'a' is RGB"),
            (
                lambda: Image([np.zeros((8, 8, 8)), np.zeros((4, 4, 4))], multiscale=True, name="a"),
                VolumeError,
                "'a' is multiscale: .* a layer of its own",
            ),
            (
                lambda: Image(np.zeros((5, 5, 5, 5)), name="a"),
                GeometryError,
                "4 axes: pick one time point .*Split Stack",
            ),
            (lambda: Image(np.zeros((5, 5, 5)), shear=(0.1, 0, 0), name="a"), GeometryError, "sheared by 5.71 degrees"),
            (lambda: Image(np.zeros((3, 5, 5)), name="a"), GeometryError, r"\(3, 5, 5\) voxels, at least 4"),
            (lambda: Points(np.zeros((5, 3)), name="a"), VolumeError, "'a' is a Points layer"),
            (
                lambda: Image(np.zeros((5, 5, 5)), units=("s", "mm", "mm"), name="a"),
                GeometryError,
                "unit second on a spatial axis",
            ),
        ],
        ids=["rgb", "multiscale", "4-D", "shear", "thin", "points", "seconds"],
    )
    def test_unusable_layers_are_refused_in_one_sentence(self, layer, error, words):
        with pytest.raises(error, match=words) as caught:
            read_layer(layer())
        assert str(caught.value).count(". ") == 0

    @pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # napari's own, for the thumbnail
    def test_an_axis_without_voxels_is_refused(self):
        with pytest.raises(GeometryError, match="it is empty"):
            read_layer(Labels(np.zeros((0, 5, 5), np.uint8)), min_voxels=0)

    def test_shear_that_hides_in_the_affine_is_seen(self):
        affine = np.eye(4)
        affine[0, 1] = 0.05
        with pytest.raises(GeometryError, match="sheared"):
            read_layer(Image(np.zeros((5, 6, 7)), scale=(1, 2, 3), affine=affine))

    def test_a_rotation_before_anisotropic_scale_shears_and_is_refused(self):
        affine = np.eye(4)
        affine[:3, :3] = np.diag((1, 1, 2)) @ OBLIQUE
        with pytest.raises(GeometryError, match="sheared"):
            read_layer(Image(np.zeros((5, 6, 7)), affine=affine))


class TestVoxels:
    def test_reading_copies_and_computes_nothing(self):
        computed = []
        lazy = da.map_blocks(lambda: computed.append(1) or np.ones((5, 6, 7)), chunks=(5, 6, 7), dtype=float)
        layer = Image(lazy, contrast_limits=(0, 1))
        computed.clear()
        volume = read_layer(layer)
        assert volume.data is layer.data
        assert not computed
        assert volume.to_image().GetSize() == (7, 6, 5)
        assert computed

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [
            (bool, sitk.sitkUInt8),
            (np.uint8, sitk.sitkUInt8),
            (">i2", sitk.sitkInt16),
            (">f4", sitk.sitkFloat32),
            (np.float16, sitk.sitkFloat32),
            (np.float64, sitk.sitkFloat64),
            (np.int64, sitk.sitkInt32),
            (np.uint64, sitk.sitkInt32),
        ],
    )
    def test_every_real_type_becomes_one_that_simpleitk_knows(self, dtype, expected):
        voxels = (np.arange(5 * 6 * 7).reshape(5, 6, 7) % 2).astype(dtype)
        layer = Image(voxels, contrast_limits=(0, 1))
        image = read_layer(layer).to_image()
        assert image.GetPixelID() == expected
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), voxels.astype(float))

    def test_large_64_bit_values_are_kept_exactly(self):
        voxels = np.full((5, 6, 7), 2**40, np.int64)
        image = read_layer(Image(voxels, contrast_limits=(0, 1))).to_image()
        assert image[0, 0, 0] == 2**40

    def test_views_that_are_not_contiguous_are_read_right(self):
        voxels = np.random.default_rng(0).normal(size=(10, 12, 14))[::2, ::-1].transpose(2, 0, 1)
        image = read_layer(Image(voxels, contrast_limits=(0, 1))).to_image()
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), voxels)

    def test_contrast_limits_ignore_nan_and_outliers(self):
        voxels = np.random.default_rng(0).uniform(0, 100, (40, 50, 60)).astype(np.float32)
        voxels[0, 0, :3] = (np.nan, np.inf, 1e9)
        _, kwargs, _ = volume_to_layer_data(sitk.GetImageFromArray(voxels), "a")
        low, high = kwargs["contrast_limits"]
        assert 0 <= low < 2
        assert 98 < high <= 100

    @pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
    def test_a_constant_volume_still_gets_contrast_limits_that_rise(self, value):
        image = sitk.GetImageFromArray(np.full((5, 6, 7), value, np.float32))
        low, high = volume_to_layer_data(image, "a")[1]["contrast_limits"]
        assert low < high

    def test_float_labels_become_integers(self):
        data, kwargs, kind = volume_to_layer_data(sitk.Image([4, 5, 6], sitk.sitkFloat32), "a", kind="labels")
        assert kind == "labels"
        assert data.dtype == np.int32
        assert "colormap" not in kwargs

    def test_own_metadata_is_joined_with_the_header(self):
        layer = make_layer(make_image(), metadata={"mine": 1, "napari_coreg": {"notes": ["x"]}})
        assert layer.metadata["mine"] == 1
        assert layer.metadata["napari_coreg"]["notes"] == ["x"]
        assert read_layer(layer).moved is None


class TestHandMoves:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    @pytest.mark.parametrize("stretch", [1.0, 1.07])
    def test_what_lies_together_on_screen_is_where_the_initial_transform_points(self, direction, stretch):
        fixed_image, moving_image = make_image(direction), make_image(OBLIQUE, (1.1, 1.2, 1.3), (5.0, 6.0, 7.0))
        fixed_layer, moving_layer = make_layer(fixed_image), make_layer(moving_image)
        move_by_hand(fixed_layer, hand_move(5))
        move_by_hand(moving_layer, hand_move(9, stretch))
        fixed, moving = read_layer(fixed_layer), read_layer(moving_layer)
        assert_same_place(fixed.to_image(), fixed_image)
        assert_same_place(moving.to_image(), moving_image)
        transform = initial_transform_from(fixed, moving)
        for index in indices_of(fixed_image.GetSize()):
            world_zyx = fixed_layer.data_to_world(index[::-1])
            index_moving = np.array(moving_layer.world_to_data(world_zyx))[::-1]
            start = fixed_image.TransformContinuousIndexToPhysicalPoint(index.tolist())
            end = moving_image.TransformContinuousIndexToPhysicalPoint(index_moving.tolist())
            np.testing.assert_allclose(transform.TransformPoint(start), end, atol=1e-8)

    def test_moving_only_the_moving_layer_gives_the_inverse_of_its_move(self):
        fixed_layer, moving_layer = make_layer(make_image()), make_layer(make_image(OBLIQUE))
        shift = np.eye(4)
        shift[:3, 3] = (10.0, 0.0, 3.0)  # z, y, x
        move_by_hand(moving_layer, shift)
        transform = initial_transform_from(read_layer(fixed_layer), read_layer(moving_layer))
        np.testing.assert_allclose(transform.TransformPoint((0.0, 0.0, 0.0)), (-3.0, 0.0, -10.0), atol=1e-9)

    def test_layers_that_were_not_touched_give_no_initial_transform(self):
        volumes = [read_layer(make_layer(make_image(direction))) for direction in (OBLIQUE, None)]
        assert initial_transform_from(*volumes) is None

    def test_a_layer_without_header_placed_by_hand_starts_from_the_identity(self):
        fixed = read_layer(Image(np.zeros((5, 6, 7))))
        moving = read_layer(Image(np.zeros((5, 6, 7)), affine=hand_move()))
        assert moving.moved is None
        assert moving.placed_by_hand
        transform = initial_transform_from(fixed, moving)
        np.testing.assert_allclose(transform.TransformPoint((1.0, 2.0, 3.0)), (1.0, 2.0, 3.0))

    def test_a_sheared_move_of_a_volume_with_header_is_a_valid_start(self):
        layer = make_layer(make_image())
        shear = np.eye(4)
        shear[0, 1] = 0.1
        move_by_hand(layer, shear)
        volume = read_layer(layer)
        assert volume.moved is not None
        assert_same_place(volume.to_image(), make_image())

    def test_a_move_of_two_millimetres_is_seen_and_rounding_is_not(self):
        layer = make_layer(make_image())
        for shift, moved in ((1e-9, False), (2.0, True)):
            move = np.eye(4)
            move[0, 3] = shift
            move_by_hand(layer, move)
            assert (read_layer(layer).moved is not None) is moved

    def test_split_stack_is_no_hand_move(self):
        data, kwargs, _ = series_to_layer_data([make_image(DIRECTIONS["RAS"])] * 3, "series")
        first = stack_to_images(Image(data, **kwargs), 0)[0]
        volume = read_layer(first)
        assert volume.moved is None
        assert_same_place(volume.to_image(), make_image(DIRECTIONS["RAS"]))
        assert_same_place(read_displayed(first).to_image(), make_image(DIRECTIONS["RAS"]))

    def test_a_corrected_voxel_size_overrules_the_header(self):
        layer = make_layer(make_image())
        layer.scale = (5.0, 1.0, 1.0)
        volume = read_layer(layer)
        assert volume.geometry.spacing_xyz == pytest.approx((1.0, 1.0, 5.0))
        assert volume.moved is None
        assert not volume.placed_by_hand

    def test_a_cropped_layer_is_where_it_is_shown(self):
        image = make_image(OBLIQUE, size=(12, 11, 10))
        layer = make_layer(image)
        cropped = Image(
            layer.data[2:9], **{key: getattr(layer, key) for key in ("scale", "affine", "units", "metadata")}
        )
        cropped.translate = np.array((2, 0, 0)) * layer.scale
        assert_same_place(read_layer(cropped).to_image(), image[:, :, 2:9])

    def test_a_result_can_be_shown_on_a_fixed_layer_that_was_moved(self):
        layer = make_layer(make_image(OBLIQUE))
        move_by_hand(layer, hand_move())
        fixed = read_layer(layer)
        result = make_layer(make_image(OBLIQUE), moved=fixed.moved)
        np.testing.assert_allclose(result.affine.affine_matrix, layer.affine.affine_matrix, atol=1e-9)
        np.testing.assert_allclose(read_layer(result).moved.GetMatrix(), fixed.moved.GetMatrix(), atol=1e-12)

    def test_displayed_place_has_the_move_in_it(self):
        layer = make_layer(make_image(OBLIQUE))
        move_by_hand(layer, hand_move())
        assert_layer_shows(layer, read_displayed(layer).to_image())

    def test_two_and_three_axes_do_not_mix(self):
        flat, solid = read_layer(Image(np.zeros((5, 6)))), read_layer(Image(np.zeros((5, 6, 7))))
        with pytest.raises(GeometryError, match=r"is 2-D and .* is 3-D"):
            initial_transform_from(flat, solid)


class TestMasks:
    def test_nonzero_labels_become_one(self):
        labels = np.zeros((5, 6, 7), np.int64)
        labels[1:3] = 7
        mask = mask_from_layer(Labels(labels)).to_image()
        assert mask.GetPixelID() == sitk.sitkUInt8
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(mask), labels > 0)

    def test_a_mask_painted_over_a_moved_volume_follows_it_back(self):
        image = make_image(OBLIQUE)
        layer = make_layer(image)
        shear = hand_move()
        shear[0, 1] += 0.1
        move_by_hand(layer, shear)
        like = {key: getattr(layer, key) for key in ("scale", "translate", "rotate", "shear", "units", "affine")}
        painted = Labels(np.ones(layer.data.shape, np.uint8), **like)  # what napari's new-labels button makes
        assert_same_place(mask_from_layer(painted, read_layer(layer)).to_image(), image)

    def test_a_mask_with_a_header_stays_in_the_scanner_frame(self):
        layer = make_layer(make_image(OBLIQUE))
        mask_layer = make_layer(make_image(), kind="labels")
        move_by_hand(layer, hand_move())
        assert_same_place(mask_from_layer(mask_layer, read_layer(layer)).to_image(), make_image())

    def test_an_image_layer_is_no_mask(self):
        with pytest.raises(VolumeError, match="use a Labels layer"):
            mask_from_layer(make_layer(make_image()))

    def test_a_thin_mask_is_welcome(self):
        assert mask_from_layer(Labels(np.ones((1, 6, 7), np.uint8))).to_image().GetSize() == (7, 6, 1)


class TestPoints:
    def test_points_on_screen_and_in_the_frame_of_the_volume_are_one(self):
        image = make_image(OBLIQUE)
        layer = make_layer(image)
        move_by_hand(layer, hand_move())
        volume = read_layer(layer)
        indices = indices_of(image.GetSize())
        world_zyx = np.array([layer.data_to_world(index[::-1]) for index in indices])
        expected_lps = physical_points(image, indices)
        np.testing.assert_allclose(points_from_layer(Points(world_zyx), volume), expected_lps, atol=1e-8)
        np.testing.assert_allclose(points_to_zyx(expected_lps, volume), world_zyx, atol=1e-8)

    def test_points_in_voxels_with_the_layer_transform_are_read_too(self):
        image = make_image(OBLIQUE)
        layer = make_layer(image)
        indices = indices_of(image.GetSize())
        points = Points(indices[:, ::-1], scale=layer.scale, affine=layer.affine, units=layer.units)
        np.testing.assert_allclose(
            points_from_layer(points, read_layer(layer)), physical_points(image, indices), atol=1e-8
        )

    def test_points_with_another_number_of_axes_are_refused(self):
        with pytest.raises(GeometryError, match="2-D"):
            points_from_layer(Points(np.zeros((1, 2))), read_layer(make_layer(make_image())))


class TestSeries:
    def test_time_points_become_one_layer_with_every_frame_in_place(self):
        image = make_image(OBLIQUE)
        data, kwargs, _ = series_to_layer_data([image, image + 1], "series")
        layer = Image(data, **kwargs)
        assert layer.data.shape == (2, 5, 6, 7)
        for index in indices_of(image.GetSize()):
            world = layer.data_to_world((1, *index[::-1]))
            expected_lps = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
            np.testing.assert_allclose(world, (1, *expected_lps[::-1]), atol=1e-9)

    def test_time_points_on_two_grids_are_refused(self):
        with pytest.raises(GeometryError, match="not on one grid"):
            series_to_layer_data([make_image(), make_image(OBLIQUE)], "series")
