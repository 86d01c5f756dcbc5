from __future__ import annotations

import copy

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.presets import load_preset
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError
from napari_coreg.plugin.layer_run import add_layers, carry_out, read_volumes, request_from_layers


def finished(viewer, register, **settings):
    request = request_from_layers(viewer.layers["fixed"], viewer.layers["moving"], load_preset("rigid"), **settings)
    return carry_out(request, read_volumes(request), register=register)


def test_the_result_lies_on_the_fixed_grid_and_looks_like_the_moving_layer(pair, fake_register):
    moving = pair.layers["moving"]
    moving.colormap, moving.contrast_limits, moving.gamma = "magenta", (3, 70), 0.8
    registered = add_layers(pair, finished(pair, fake_register))[0]
    assert registered.name == "moving registered to fixed"
    assert registered.data.shape == pair.layers["fixed"].data.shape
    np.testing.assert_allclose(registered.data_to_world((3, 4, 5)), pair.layers["fixed"].data_to_world((3, 4, 5)))
    assert (registered.colormap.name, tuple(registered.contrast_limits), registered.gamma) == ("magenta", (3, 70), 0.8)
    assert [str(unit) for unit in registered.units] == ["millimeter"] * 3
    assert registered.axis_labels == ("z", "y", "x")


def test_a_shift_of_four_millimetres_brings_the_blobs_onto_each_other(pair, fake_register):
    registered = finished(pair, fake_register).layers[0]
    np.testing.assert_allclose(registered.data[4:-4, 4:-4, 4:-4], pair.layers["fixed"].data[4:-4, 4:-4, 4:-4], atol=1)


def test_the_result_and_how_it_was_made_stay_with_the_layer(pair, fake_register):
    ready = finished(pair, fake_register)
    kept = ready.layers[0].metadata["napari_coreg"]
    assert kept["result"] is ready.result
    assert kept["recipe"] == load_preset("rigid").model_dump(mode="json")
    assert (kept["made_by"]["fixed"], kept["made_by"]["moving"]) == ("fixed", "moving")
    assert "geometry" in kept


def test_a_result_layer_can_be_duplicated(pair, fake_register):
    layer = finished(pair, fake_register).layers[0]
    twin = copy.deepcopy(layer.as_layer_data_tuple())
    assert twin[1]["metadata"]["napari_coreg"]["result"].transform.TransformPoint((0.0, 0.0, 0.0)) == (0.0, 4.0, 0.0)


def test_arrows_are_hidden_for_a_linear_transform_and_shown_for_a_deformation(pair, fake_register):
    linear = finished(pair, fake_register).layers[1]
    assert not linear.visible
    fake_register.transform = sitk.BSplineTransformInitializer(sitk.Image(24, 24, 24, sitk.sitkUInt8), [3, 3, 3])
    assert finished(pair, fake_register).layers[1].visible


def test_the_length_of_the_displacement_is_there_on_request(pair, fake_register):
    ready = finished(pair, fake_register, magnitude=True, deformation=False)
    assert [layer.name for layer in ready.layers] == ["moving registered to fixed", "Displacement of moving (mm)"]
    np.testing.assert_allclose(ready.layers[1].data, 4.0, rtol=1e-6)


def test_layers_of_the_user_are_not_changed(pair, fake_register):
    before = [copy.deepcopy(layer.as_layer_data_tuple()) for layer in pair.layers]
    add_layers(pair, finished(pair, fake_register, magnitude=True))
    for layer, (data, state, _) in zip(pair.layers[:2], before, strict=True):
        np.testing.assert_array_equal(layer.data, data)
        for name in ("name", "visible", "contrast_limits", "opacity", "blending", "metadata", "scale", "translate"):
            np.testing.assert_equal(layer.as_layer_data_tuple()[1][name], state[name])


def test_a_layer_moved_by_hand_gives_the_start(pair, fake_register):
    pair.layers["moving"].translate = (0, -4, 0)
    assert finished(pair, fake_register) is not None
    start = fake_register.calls[-1]["initial_transform"]
    assert start is None  # a layer without a header is where it is shown
    pair.layers["moving"].translate = (0, 0, 0)
    pair.layers["moving"].affine = np.array([[1, 0, 0, 0], [0, 1, 0, -4], [0, 0, 1, 0], [0, 0, 0, 1]])
    finished(pair, fake_register)
    assert fake_register.calls[-1]["initial_transform"] is not None


def test_a_given_start_wins(pair, fake_register):
    start = sitk.TranslationTransform(3, (1.0, 2.0, 3.0))
    finished(pair, fake_register, initial_transform=start)
    assert fake_register.calls[-1]["initial_transform"] is start


def test_masks_are_read_as_zeros_and_ones(pair, fake_register):
    labels = np.zeros((24, 28, 32), np.int32)
    labels[5:10] = 7
    mask = pair.add_labels(labels, name="head", scale=(2, 2, 2), units=("mm",) * 3)
    finished(pair, fake_register, fixed_mask=mask)
    read = fake_register.calls[-1]["fixed_mask"]
    assert fake_register.calls[-1]["moving_mask"] is None
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), labels // 7)


def test_one_layer_twice_is_refused(pair):
    with pytest.raises(VolumeError, match="choose two layers"):
        request_from_layers(pair.layers[0], pair.layers[0], load_preset("rigid"))


def test_a_slice_and_a_volume_are_refused(pair):
    flat = pair.add_image(np.zeros((20, 20)), name="flat")
    with pytest.raises(GeometryError, match="2-D"):
        request_from_layers(pair.layers["fixed"], flat, load_preset("rigid"))


def test_a_run_cancelled_at_its_end_makes_no_layers(pair, fake_register):
    request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"))
    fake_register.levels = 0
    with pytest.raises(RegistrationCancelled):
        carry_out(request, read_volumes(request), is_cancelled=lambda: True, register=fake_register)


def test_two_flat_images_are_registered_too(viewer, fake_register):
    for name in ("fixed", "moving"):
        viewer.add_image(np.random.default_rng(0).random((30, 20)), name=name)
    fake_register.transform = sitk.TranslationTransform(2, (1.0, 0.0))
    added = add_layers(viewer, finished(viewer, fake_register))
    assert [layer.ndim for layer in added] == [2, 2]
