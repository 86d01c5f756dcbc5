from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.plugin.layers import volume_to_layer_data
from napari_coreg.plugin.register.widget import RegisterWidget

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # napari's, of an oblique layer


def a_head(spacing=(1.0, 1.5, 4.0), turn_degrees=20.0) -> sitk.Image:
    """A bright ellipsoid in a dark, oblique and anisotropic volume; 60 x 54 x 24 voxels."""
    image = sitk.Image(60, 54, 24, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin((-40.0, 35.0, -120.0))
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.radians([turn_degrees, -0.5 * turn_degrees, 0.7 * turn_degrees]).tolist())
    image.SetDirection(turn.GetMatrix())
    k, j, i = np.indices((24, 54, 60))
    inside = ((i - 32) * spacing[0] / 14) ** 2 + ((j - 24) * spacing[1] / 18) ** 2 + ((k - 13) * spacing[2] / 20) ** 2
    head = sitk.GetImageFromArray((100.0 * (inside < 1)).astype(np.float32))
    head.CopyInformation(image)
    return head


@pytest.fixture
def heads(viewer):
    for name, turn in (("fixed", 20.0), ("moving", -15.0)):
        viewer.add_image(**_image_arguments(a_head(turn_degrees=turn), name))
    return viewer


def _image_arguments(image: sitk.Image, name: str) -> dict:
    data, arguments, _ = volume_to_layer_data(image, name)
    return {"data": data, **arguments}


@pytest.fixture
def widget(heads, qtbot, fake_register, fake_check):
    widget = RegisterWidget(heads, register=fake_register, check=fake_check)
    qtbot.addWidget(widget)
    return widget


def show(qtbot, widget) -> None:
    with qtbot.waitSignal(widget.foreground.ended):
        widget.layers.foreground.click()


def value_at(mask, world) -> int:
    """What the mask layer shows at a point of napari's world."""
    index = np.rint(mask.world_to_data(world)).astype(int)
    inside = ((index >= 0) & (index < mask.data.shape)).all()
    return int(mask.data[tuple(index)]) if inside else 0


@pytest.mark.parametrize("by_hand", [False, True], ids=["as the header says", "moved by hand"])
def test_a_mask_lies_where_its_image_is(qtbot, heads, widget, by_hand):
    if by_hand:
        shift = np.eye(4)
        shift[:3, 3] = 7.0, -30.0, 12.0
        heads.layers["moving"].affine = shift @ heads.layers["moving"].affine.affine_matrix
    show(qtbot, widget)
    assert [layer.name for layer in heads.layers] == [
        "fixed",
        "moving",
        "Foreground of fixed",
        "Foreground of moving",
    ]
    for image, mask in zip(heads.layers[:2], heads.layers[2:], strict=True):
        head = np.argwhere(np.asarray(image.data) > 50)
        assert all(value_at(mask, image.data_to_world(index)) for index in head[::7])
        corners = [(0, 0, 0), (23, 53, 59), (0, 53, 0), (23, 0, 59)]
        assert not any(value_at(mask, image.data_to_world(corner)) for corner in corners)
        marked = np.array([mask.data_to_world(index) for index in np.argwhere(mask.data)])
        centre = image.data_to_world(head.mean(axis=0))
        np.testing.assert_allclose(marked.mean(axis=0), centre, atol=4.0)  # a voxel of the mask
        assert np.linalg.norm(marked - centre, axis=1).max() < 20 + 10 + 2 * 4  # the head and the margin
        assert mask.units == image.units
        assert mask.axis_labels == image.axis_labels == ("z", "y", "x")


def test_a_mask_can_be_chosen_and_marks_the_same_place_in_the_run(qtbot, heads, widget, fake_register):
    show(qtbot, widget)
    widget.layers.fixed_mask.set_layer(heads.layers["Foreground of fixed"])
    with qtbot.waitSignal(widget.ended):
        widget.run_button.click()
    mask, image = fake_register.calls[0]["fixed_mask"], a_head()
    point = image.TransformContinuousIndexToPhysicalPoint((32.0, 24.0, 13.0))
    assert mask[mask.TransformPhysicalPointToIndex(point)] == 1
    assert mask[mask.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint((1, 1, 1)))] == 0


def test_the_recipes_preprocessing_comes_first(qtbot, heads, widget):
    layer = heads.layers["fixed"]
    layer.data = np.where(np.indices(layer.data.shape).sum(axis=0) == 0, 1e5, layer.data)  # one voxel outshines all
    show(qtbot, widget)
    assert not value_at(heads.layers["Foreground of fixed"], layer.data_to_world((13, 24, 32)))
    recipe = widget.recipe.recipe()
    clip = recipe.preprocessing.model_copy(update={"clip_percentiles": (0.0, 99.0)})
    widget.recipe.set_recipe(recipe.model_copy(update={"name": "clipped", "preprocessing": clip}))
    show(qtbot, widget)
    assert value_at(heads.layers["Foreground of fixed [1]"], layer.data_to_world((13, 24, 32)))


def test_values_without_a_foreground_are_told(qtbot, heads, widget):
    heads.layers["fixed"].data = np.zeros((24, 54, 60), np.float32)
    show(qtbot, widget)
    assert widget.message.text().startswith("'fixed': every voxel is 0")
    assert len(heads.layers) == 2
    widget.layers.fixed.set_layer(heads.add_image(np.zeros((5, 20, 20, 20)), name="series"))
    widget.layers.foreground.click()
    assert "'series' has 4 axes" in widget.message.text()


def test_one_volume_is_enough(qtbot, heads, widget):
    del heads.layers["moving"]
    show(qtbot, widget)
    assert [layer.name for layer in heads.layers] == ["fixed", "Foreground of fixed"]
    heads.layers.clear()
    assert not widget.layers.foreground.isEnabled()
