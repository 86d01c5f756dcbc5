"""Two Points layers and one list of landmarks: an edit of either is one of both, in the volumes' own frames."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.errors import CoregError
from napari_coreg.plugin.landmarks.fit import coarsest, estimate
from napari_coreg.plugin.landmarks.layers import LandmarkLayers
from napari_coreg.plugin.landmarks.sets import landmarks_of
from napari_coreg.plugin.layers import read_layer, volume_to_layer_data

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # napari's, of any oblique volume

INDEX_XYZ = ((3.0, 4.0, 5.0), (10.5, 2.25, 7.0), (1.0, 12.0, 3.5))


def volume(size=(16, 18, 12), spacing=(0.8, 1.5, 3.0), turn=(0.2, -0.3, 0.25), origin=(-20.0, 7.0, 31.0)):
    """An oblique volume of anisotropic voxels."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), *turn).GetMatrix())
    return image


def as_layer(image, name, **more):
    data, kwargs, _ = volume_to_layer_data(image, name)
    return Image(data, **{**kwargs, **more})


@pytest.fixture
def images():
    return volume(), volume(spacing=(1.2, 0.9, 2.0), turn=(-0.1, 0.3, 0.1), origin=(5.0, -40.0, 2.0))


@pytest.fixture
def marks(images):
    marks = LandmarkLayers(as_layer(images[0], "fixed"), as_layer(images[1], "moving"))
    for side in ("fixed", "moving"):
        marks.make(side)
    return marks


def put(marks, side, index_xyz):
    """Add a point over a voxel, as a click would."""
    world = marks.images[side].data_to_world(index_xyz[::-1])
    marks.layer(side).add(marks.layer(side).world_to_data(world))


def fill(marks):
    for index in INDEX_XYZ:
        put(marks, "fixed", index)
    for index in INDEX_XYZ:
        put(marks, "moving", index)


def places(marks, side):
    return np.array([landmark.at(side) for landmark in marks.pairs.shown(side)])


def physical(image):
    return np.array([image.TransformContinuousIndexToPhysicalPoint(index) for index in INDEX_XYZ])


def in_step(marks):
    """Whether numbers, names and colours of the layers agree."""
    shown = {}
    for side in ("fixed", "moving"):
        layer = marks.layer(side)
        assert len(layer.data) == len(layer.features) == len(layer.face_color)
        shown[side] = {
            number: (name, tuple(np.round(colour, 6)))
            for number, name, colour in zip(
                layer.features["number"], layer.features["name"], layer.face_color, strict=True
            )
        }
    common = shown["fixed"].keys() & shown["moving"].keys()
    return all(shown["fixed"][number] == shown["moving"][number] for number in common)


def test_points_over_voxels_are_the_physical_points_that_simpleitk_knows(marks, images):
    fill(marks)
    for side, image in zip(("fixed", "moving"), images, strict=True):
        assert np.allclose(places(marks, side), physical(image), atol=1e-6)
    assert len(marks.pairs.complete) == 3
    assert in_step(marks)


def test_new_points_complete_the_landmarks_that_wait_in_their_order(marks):
    fill(marks)
    told = []
    marks.added.connect(lambda *args: told.append(args))
    put(marks, "moving", INDEX_XYZ[0])
    put(marks, "moving", INDEX_XYZ[1])
    put(marks, "fixed", INDEX_XYZ[2])
    keys = [landmark.key for landmark in marks.pairs.landmarks]
    assert told == [(keys[3], "moving", False), (keys[4], "moving", False), (keys[3], "fixed", True)]
    assert list(marks.layer("fixed").features["number"]) == [1, 2, 3, 4]
    assert in_step(marks)


def test_a_landmark_that_is_completed_late_keeps_its_number_in_both_layers(marks):
    fill(marks)
    first = marks.pairs[0]
    with marks.pairs.one_step():
        marks.pairs.remove([first.key])
    key = marks.pairs.add("fixed", first.fixed_lps, name="late")
    marks.pairs.move(key, -9)
    assert list(marks.layer("moving").features["number"]) == [2, 3]
    put(marks, "moving", INDEX_XYZ[0])
    assert list(marks.layer("moving").features["number"]) == [1, 2, 3]
    assert list(marks.layer("moving").features["label"]) == ["1 late", "2", "3"]
    assert in_step(marks)


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_deleting_points_of_one_layer_deletes_their_partners_and_can_be_undone(marks, side):
    fill(marks)
    before = {one: marks.layer(one).data.copy() for one in ("fixed", "moving")}
    marks.layer(side).selected_data = {0, 2}
    marks.layer(side).remove_selected()
    assert [len(marks.layer(one).data) for one in before] == [1, 1]
    assert list(marks.layer(side).features["number"]) == [1]
    marks.pairs.undo()
    for one, data in before.items():
        assert np.allclose(marks.layer(one).data, data, atol=1e-9)
    assert in_step(marks)


def test_moving_a_point_moves_the_landmark_and_not_its_partner(marks, images):
    fill(marks)
    layer, partner = marks.layer("fixed"), marks.layer("moving").data.copy()
    index = (4.0, 9.0, 2.0)
    moved = layer.data.copy()
    moved[1] = layer.world_to_data(marks.images["fixed"].data_to_world(index[::-1]))
    layer.data = moved
    assert np.allclose(marks.pairs[1].fixed_lps, images[0].TransformContinuousIndexToPhysicalPoint(index), atol=1e-6)
    assert np.array_equal(marks.layer("moving").data, partner)


def test_scripts_may_set_all_points_at_once(marks):
    points = np.random.default_rng(0).uniform(0, 5, (5, 3))
    marks.layer("fixed").data = points
    marks.layer("moving").data = points + 1
    assert len(marks.pairs.complete) == 5
    marks.layer("moving").data = points[:2] + 1
    assert [len(marks.layer(side).data) for side in ("fixed", "moving")] == [2, 2]
    marks.layer("fixed").data = np.empty((0, 3))
    assert not len(marks.pairs)
    for _ in range(4):
        marks.pairs.undo()
    assert not len(marks.pairs)
    for _ in range(2):
        marks.pairs.redo()
    assert len(marks.pairs.complete) == 5
    assert np.allclose(marks.layer("moving").data, points + 1)


def test_pasted_points_are_taken_in_though_napari_tells_nobody():
    marks = LandmarkLayers(*(Image(np.zeros((9, 10)), name=name) for name in ("a", "b")))
    layer = marks.make("fixed")
    layer.add([[1.0, 2.0], [3.0, 4.0]])
    layer.selected_data = {0}
    layer._copy_data()
    layer._paste_data()
    assert len(marks.pairs) == 3
    assert list(layer.features["number"]) == [1, 2, 3]
    assert np.allclose(marks.pairs[2].fixed_lps, marks.pairs[0].fixed_lps)


def test_a_point_without_a_place_is_refused_in_words(marks):
    fill(marks)
    told = []
    marks.failed.connect(told.append)
    marks.layer("fixed").add([np.nan, 1.0, 1.0])
    assert len(marks.pairs) == len(marks.layer("fixed").data) == 3
    assert told == ["A point of 'fixed landmarks' was given no finite place: it is left as it was."]


def test_names_may_be_changed_in_the_table_of_features_too(marks):
    fill(marks)
    layer = marks.layer("moving")
    layer.features = layer.features.assign(name=["nose", "", "ear"])
    assert [landmark.name for landmark in marks.pairs.landmarks] == ["nose", "", "ear"]
    assert list(marks.layer("fixed").features["label"]) == ["1 nose", "2", "3 ear"]


def test_a_guess_looks_different_until_it_is_moved(marks):
    fill(marks)
    put(marks, "fixed", (2.0, 2.0, 2.0))
    key = marks.pairs[3].key
    marks.pairs.place(key, "moving", marks.pairs[0].moving_lps, guess=True)
    layer = marks.layer("moving")
    assert [str(symbol) for symbol in layer.symbol] == ["diamond", "diamond", "diamond", "ring"]
    assert layer.features["label"].iloc[3] == "4 ?"
    layer.data = np.vstack([layer.data[:3], layer.data[3] + 1])
    assert marks.pairs[3].is_complete
    assert str(layer.symbol[3]) == "diamond"


def test_a_point_added_beside_the_current_guess_takes_its_place(marks, images):
    fill(marks)
    put(marks, "fixed", (2.0, 2.0, 2.0))
    marks.current = marks.pairs[3].key
    marks.pairs.place(marks.current, "moving", marks.pairs[0].moving_lps, guess=True)
    put(marks, "moving", (6.0, 6.0, 6.0))
    assert len(marks.pairs) == len(marks.layer("moving").data) == 4
    expected = images[1].TransformContinuousIndexToPhysicalPoint((6.0, 6.0, 6.0))
    assert np.allclose(marks.pairs[3].moving_lps, expected, atol=1e-6)
    assert marks.pairs[3].guessed is None


# volumes that move


def test_landmarks_stay_on_their_voxels_when_a_volume_is_moved_by_hand(marks, images):
    fill(marks)
    image = marks.images["moving"]
    shift = np.eye(4)
    shift[:3, 3] = (5.0, -7.0, 11.0)
    image.affine = shift @ image.affine.affine_matrix
    layer = marks.layer("moving")
    for row, index in zip(layer.data, INDEX_XYZ, strict=True):
        assert np.allclose(layer.data_to_world(row), image.data_to_world(index[::-1]), atol=1e-6)
    assert np.allclose(places(marks, "moving"), physical(images[1]), atol=1e-6)  # its own frame has not moved
    put(marks, "moving", (2.0, 3.0, 4.0))
    expected = images[1].TransformContinuousIndexToPhysicalPoint((2.0, 3.0, 4.0))
    assert np.allclose(marks.pairs[3].moving_lps, expected, atol=1e-6)


def test_landmarks_follow_a_volume_without_a_header(images):
    fixed, moving = (Image(np.zeros((9, 10, 11), np.float32), name=name, scale=(3, 2, 1)) for name in ("a", "b"))
    marks = LandmarkLayers(fixed, moving)
    layer = marks.make("fixed")
    layer.add(layer.world_to_data((12.0, 6.0, 4.0)))
    assert np.allclose(marks.pairs[0].fixed_lps, (4.0, 6.0, 12.0))
    fixed.translate = (10.0, 0.0, 0.0)
    assert np.allclose(layer.data_to_world(layer.data[0]), (22.0, 6.0, 4.0))
    assert np.allclose(marks.pairs[0].fixed_lps, (4.0, 6.0, 22.0))
    fixed.scale = (6.0, 2.0, 1.0)
    assert np.allclose(marks.pairs[0].fixed_lps, (4.0, 6.0, 34.0))
    assert not marks.pairs.can_redo
    marks.pairs.undo()
    marks.pairs.redo()
    assert np.allclose(marks.pairs[0].fixed_lps, (4.0, 6.0, 34.0))


def test_micrometres_become_millimetres():
    fixed = Image(np.zeros((9, 10, 11)), name="a", scale=(3000, 2000, 1000), units=("um",) * 3)
    marks = LandmarkLayers(fixed, Image(np.zeros((9, 10, 11)), name="b"))
    layer = marks.make("fixed")
    layer.add(layer.world_to_data((12000.0, 6000.0, 4000.0)))
    assert np.allclose(marks.pairs[0].fixed_lps, (4.0, 6.0, 12.0))


def test_pictures_have_landmarks_in_2d():
    fixed, moving = (Image(np.zeros((9, 10)), name=name, scale=(2, 1)) for name in ("a", "b"))
    marks = LandmarkLayers(fixed, moving)
    for side in ("fixed", "moving"):
        layer = marks.make(side)
        layer.add(layer.world_to_data((6.0, 3.0)))
    assert marks.pairs[0].fixed_lps == marks.pairs[0].moving_lps
    assert np.allclose(marks.pairs[0].fixed_lps, (3.0, 6.0))


def test_the_new_layers_leave_the_steps_of_the_slider_as_they_are(marks):
    viewer = ViewerModel()
    for side in ("fixed", "moving"):
        viewer.add_layer(marks.images[side])
    before = [step.step for step in viewer.dims.range]
    for side in ("fixed", "moving"):
        viewer.add_layer(marks.layer(side))
    assert np.allclose([step.step for step in viewer.dims.range], before)


# layers of the user's own


def test_a_layer_that_has_points_already_is_taken_in_with_its_names_and_columns(marks):
    fill(marks)
    world = np.array([marks.images["fixed"].data_to_world(index[::-1]) for index in INDEX_XYZ])
    own = Points(world, units=("mm",) * 3, features={"name": ["p", "q", "r"], "weight": [1.0, 2.0, 3.0]})
    other = LandmarkLayers(marks.images["fixed"], marks.images["moving"])
    other.adopt("fixed", own)
    assert np.allclose(places(other, "fixed"), places(marks, "fixed"), atol=1e-6)
    other.pairs.move(other.pairs[2].key, -2)
    assert list(own.features["label"]) == ["1 r", "2 p", "3 q"]
    assert list(own.features["weight"]) == [3.0, 1.0, 2.0]
    assert np.allclose(own.data, world[[2, 0, 1]])


def test_a_layer_of_another_kind_is_refused(marks):
    with pytest.raises(CoregError, match="2-D"):
        marks.adopt("fixed", Points(np.zeros((1, 2))))
    with pytest.raises(CoregError, match="of the other volume"):
        marks.adopt("fixed", marks.layer("moving"))
    assert not len(marks.pairs)


def test_a_released_layer_is_left_alone_and_the_landmarks_stay(marks):
    fill(marks)
    layer = marks.layer("fixed")
    marks.release("fixed")
    layer.add([0.0, 0.0, 0.0])
    assert len(marks.pairs.complete) == 3
    assert len(marks.make("fixed").data) == 3


def test_landmarks_of_a_pair_are_kept_as_long_as_both_volumes_are_there(images):
    viewer = ViewerModel()
    fixed, moving = (viewer.add_layer(as_layer(image, name)) for image, name in zip(images, "fm", strict=True))
    marks = landmarks_of(viewer, fixed, moving)
    assert landmarks_of(viewer, fixed, moving) is marks
    assert landmarks_of(viewer, moving, fixed) is not marks
    viewer.layers.remove(moving)
    landmarks_of(viewer, fixed, viewer.add_layer(as_layer(images[1], "other")))
    viewer.layers.append(moving)
    assert landmarks_of(viewer, fixed, moving) is not marks


@pytest.mark.parametrize(
    ("shapes", "why"), [([(5, 5, 5), (5, 5)], "3-D and 'b' is 2-D"), ([(5, 5, 5, 5), (5, 5, 5, 5)], "'a'")]
)
def test_volumes_that_cannot_be_paired_are_refused(shapes, why):
    viewer = ViewerModel()
    fixed, moving = (viewer.add_image(np.zeros(shape), name=name) for shape, name in zip(shapes, "ab", strict=True))
    with pytest.raises(CoregError, match=why):
        landmarks_of(viewer, fixed, moving)
    with pytest.raises(CoregError, match="same layer"):
        landmarks_of(viewer, fixed, fixed)


# estimates


@pytest.mark.parametrize("model", ["translation", "rigid", "similarity", "affine", "thin_plate"])
def test_the_estimate_of_a_moving_point_is_where_the_transform_leads_to_it(model):
    rng = np.random.default_rng(3)
    fixed = rng.uniform(-60, 60, (9, 3))
    truth = sitk.Euler3DTransform((1, 2, 3), 0.3, -0.2, 0.4, (5, -9, 14))
    moving = np.array([truth.TransformPoint(point) for point in fixed]) + rng.normal(0, 1, fixed.shape)
    grid = read_layer(as_layer(volume(), "v")).geometry
    fit = fit_landmarks(fixed, moving, model, like=coarsest(grid))
    for point in rng.uniform(-60, 60, (5, 3)):
        there = estimate(fit, point, "fixed")
        if model != "thin_plate":
            assert np.allclose(there, fit.transform.TransformPoint(point), atol=1e-9)
        assert np.allclose(estimate(fit, there, "moving"), point, atol=1e-5)


def test_there_is_no_estimate_where_a_spline_never_gets():
    fixed = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10], [5, 5]])
    moving = fixed.copy()
    moving[4] = (5.0, 40.0)  # folds
    fit = fit_landmarks(fixed, moving, "thin_plate", like=coarsest(read_layer(Image(np.zeros((9, 9)))).geometry))
    found = estimate(fit, (5.0, 25.0), "moving")
    assert found is None or np.allclose(fit.map_points(found), (5.0, 25.0), atol=1e-5)
