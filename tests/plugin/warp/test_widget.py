"""The dock warps what is ticked, the way that is chosen, in the background, and says how near it comes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_coreg import write_transform
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.warp import carry as carrying
from napari_coreg.plugin.warp.widget import WarpWidget

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel

SHIFT = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))
PLACE: dict[str, Any] = {"scale": (2, 2, 2), "units": ("mm",) * 3}


def bent() -> sitk.Transform:
    """A B-spline over the fixed volume of the pair."""
    image = sitk.Image([32, 28, 24], sitk.sitkUInt8)
    image.SetSpacing((2.0, 2.0, 2.0))
    spline = sitk.BSplineTransformInitializer(image, [4, 4, 4])
    spline.SetParameters(np.random.default_rng(0).uniform(-2, 2, len(spline.GetParameters())).tolist())
    return spline


def registered(viewer: ViewerModel, register: Any, recipe: Any, transform: sitk.Transform = SHIFT) -> Any:
    """Add a layer as a registration would; the result is made up."""
    register.transform = transform
    images = []
    for name in ("fixed", "moving"):
        image = sitk.GetImageFromArray(viewer.layers[name].data)
        image.SetSpacing((2.0, 2.0, 2.0))
        images.append(image)
    result = register(*images, recipe, on_progress=None, is_cancelled=None, is_enough=None)
    made = {"result": result, "made_by": {"fixed": "fixed", "moving": "moving"}}
    return viewer.add_image(viewer.layers["fixed"].data, name="done", metadata={"napari_coreg": made}, **PLACE)


@pytest.fixture
def scene(pair: ViewerModel) -> ViewerModel:
    """The pair, with labels and points over it."""
    pair.add_labels((pair.layers["moving"].data > 50).astype(np.int32), name="organ", **PLACE)
    pair.add_points([[24.0, 30.0, 30.0], [20.0, 26.0, 34.0]], name="marks", units=("mm",) * 3)
    return pair


@pytest.fixture
def dock(qtbot: Any, scene: ViewerModel, fake_register: Any, rigid: Any) -> WarpWidget:
    registered(scene, fake_register, rigid)
    widget = WarpWidget(scene)
    qtbot.addWidget(widget)
    return widget


def names(layers: list[Any]) -> list[str]:
    return sorted(layer.name for layer in layers)


def warp(qtbot: Any, dock: WarpWidget, *layers: str) -> None:
    for layer in dock.choice.layers():
        if layer.name in layers:
            dock.choice.tick(layer)
    assert set(layers) <= {layer.name for layer in dock.choice.ticked()}
    with qtbot.waitSignal(dock.finished):
        qtbot.mouseClick(dock.warp_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock.is_busy())


def test_without_a_result_it_says_how_to_begin(qtbot, pair):
    widget = WarpWidget(pair)
    qtbot.addWidget(widget)
    assert widget.message.text().startswith("Register a pair")
    assert not widget.warp_button.isEnabled()


def test_it_lists_what_may_lie_over_the_moving_volume(dock):
    assert names(dock.choice.layers()) == ["marks", "moving", "organ"]
    assert dock.choice.ticked() == []
    assert dock.direction.text() == "From 'moving' onto 'fixed'."
    assert not dock.warp_button.isEnabled()


def test_the_other_way_it_lists_what_may_lie_over_the_fixed_volume(dock):
    dock.back.click()
    assert names(dock.choice.layers()) == ["done", "fixed", "marks", "organ"]
    assert dock.direction.text() == "From 'fixed' onto 'moving'."


def test_labels_and_points_go_onto_the_fixed_volume(qtbot, dock, scene):
    warp(qtbot, dock, "organ", "marks")
    organ, marks = scene.layers["organ warped to fixed"], scene.layers["marks warped to fixed"]
    np.testing.assert_array_equal(organ.data[:, :-2], scene.layers["organ"].data[:, 2:])
    shown = np.array([marks.data_to_world(point) for point in marks.data])
    np.testing.assert_allclose(shown, scene.layers["marks"].data - (0.0, 4.0, 0.0), atol=1e-6)
    assert dock.accuracy.text().startswith("2 layers are on 'fixed' now. The inverse is exact.")


def test_the_way_back_goes_by_the_inverse(qtbot, dock, scene):
    dock.back.click()
    warp(qtbot, dock, "fixed")
    back = scene.layers["fixed warped to moving"]
    np.testing.assert_allclose(back.data[:, 2:], scene.layers["fixed"].data[:, :-2], atol=1e-4)
    assert "The inverse is exact" in dock.accuracy.text()


def test_what_was_followed_exactly_is_said(qtbot, dock):
    warp(qtbot, dock, "organ")
    assert dock.accuracy.text() == "1 layer is on 'fixed' now. The transform itself was followed."


def test_a_found_inverse_tells_how_near_it_comes(qtbot, scene, fake_register, rigid):
    registered(scene, fake_register, rigid, bent())
    widget = WarpWidget(scene)
    qtbot.addWidget(widget)
    widget.back.click()
    warp(qtbot, widget, "organ")
    assert "The inverse was found by iteration, accurate to 0." in widget.accuracy.text()
    assert widget.accuracy.text().endswith("mm.")


def test_the_selection_and_the_ticks_stay(qtbot, dock, scene):
    scene.layers.selection.active = scene.layers["moving"]
    warp(qtbot, dock, "marks")
    assert scene.layers.selection.active is scene.layers["moving"]
    assert names(dock.choice.ticked()) == ["marks"]
    assert "marks warped to fixed" not in names(dock.choice.layers())


def test_a_layer_that_is_warped_can_go_back(qtbot, dock, scene):
    warp(qtbot, dock, "marks")
    dock.back.click()
    warp(qtbot, dock, "marks warped to fixed")
    again = scene.layers["marks warped to fixed warped to moving"]
    np.testing.assert_allclose(again.data * again.scale, scene.layers["marks"].data, atol=1e-6)


def test_ticks_by_the_keyboard(qtbot, dock):
    dock.choice.setCurrentRow(0)
    qtbot.keyClick(dock.choice, Qt.Key.Key_Space)
    assert len(dock.choice.ticked()) == 1
    assert dock.warp_button.text() == "Warp 1 layer"


def test_layers_come_and_go_in_the_list(dock, scene):
    scene.add_points([[1.0, 2.0, 3.0]], name="more", units=("mm",) * 3)
    assert "more" in names(dock.choice.layers())
    dock.choice.tick(scene.layers["more"])
    scene.layers.remove("more")
    assert "more" not in names(dock.choice.layers())
    assert dock.choice.ticked() == []


def test_another_channel_of_the_moving_volume_is_ticked_already(qtbot, scene, fake_register, rigid):
    done = registered(scene, fake_register, rigid)
    moving = done.metadata["napari_coreg"]["result"].moving
    header = {
        "size_xyz": moving.GetSize(),
        "spacing_xyz": moving.GetSpacing(),
        "origin_lps": moving.GetOrigin(),
        "direction": moving.GetDirection(),
    }
    scene.add_image(
        scene.layers["moving"].data, name="channel", metadata={"napari_coreg": {"geometry": header}}, **PLACE
    )
    widget = WarpWidget(scene)
    qtbot.addWidget(widget)
    assert names(widget.choice.ticked()) == ["channel"]


def test_cancelling_adds_nothing(qtbot, dock, scene, monkeypatch):
    began = threading.Event()

    def endless(*_args: Any, is_cancelled: Any, **_more: Any) -> None:
        began.set()
        while not is_cancelled():
            threading.Event().wait(0.001)
        raise RegistrationCancelled("it was cancelled")

    monkeypatch.setattr(carrying, "find_inverse", endless)
    before = list(scene.layers)
    dock.back.click()
    dock.choice.tick(scene.layers["organ"])
    dock.warp()
    qtbot.waitUntil(began.is_set)
    assert not dock.warp_button.isEnabled()
    with qtbot.waitSignal(dock.finished):
        dock.cancel_button.click()
    qtbot.waitUntil(lambda: not dock.is_busy())
    assert list(scene.layers) == before
    assert dock.message.text() == "Cancelled: no layer was added."


def test_a_refusal_is_said_in_a_sentence(qtbot, dock, scene):
    scene.layers["organ"].shear = (0.3, 0.0, 0.0)
    dock.choice.tick(scene.layers["organ"])
    dock.warp_button.click()
    assert "'organ' is sheared" in dock.message.text()
    assert not dock.is_busy()


def test_a_transform_from_a_file_goes_between_the_layers_that_are_chosen(qtbot, scene, tmp_path: Path):
    write_transform(SHIFT, tmp_path / "shift.tfm")
    widget = WarpWidget(scene)
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.source.changed):
        widget.open_transform(tmp_path / "shift.tfm")
    assert widget.direction.text() == "From 'moving' onto 'fixed'."
    warp(qtbot, widget, "marks")
    marks = scene.layers["marks warped to fixed"]
    np.testing.assert_allclose(marks.data * marks.scale, scene.layers["marks"].data - (0.0, 4.0, 0.0), atol=1e-6)


def test_closing_the_dock_ends_what_runs(qtbot, dock, scene, monkeypatch):
    began, ended = threading.Event(), threading.Event()

    def endless(*_args: Any, is_cancelled: Any, **_more: Any) -> None:
        began.set()
        while not is_cancelled():
            threading.Event().wait(0.001)
        ended.set()
        raise RegistrationCancelled("it was cancelled")

    monkeypatch.setattr(carrying, "find_inverse", endless)
    dock.back.click()
    dock.choice.tick(scene.layers["organ"])
    holder = QWidget()
    qtbot.addWidget(holder)
    dock.setParent(holder)
    dock.warp()
    qtbot.waitUntil(began.is_set, timeout=30_000)  # the pool may be busy with what other tests began
    dock.setParent(None)
    qtbot.waitUntil(ended.is_set)
    qtbot.waitUntil(lambda: not dock.is_busy())


def test_it_is_narrow_enough_for_a_dock(dock):
    assert dock.minimumSizeHint().width() <= 320
    parts = (dock.forth, dock.back, dock.choice, dock.interpolator, dock.warp_button, dock.cancel_button)
    assert all(part.toolTip() for part in parts)


@pytest.mark.slow
def test_the_event_loop_goes_on_while_layers_are_warped(qtbot, scene, fake_register, rigid, heartbeats):
    registered(scene, fake_register, rigid, bent())
    widget = WarpWidget(scene)
    qtbot.addWidget(widget)
    widget.back.click()
    warp(qtbot, widget, "organ")  # what is compiled is compiled now
    widget.choice.tick(scene.layers["fixed"])
    with heartbeats() as beats:
        warp(qtbot, widget)
    assert np.diff(beats).max() < 0.5
