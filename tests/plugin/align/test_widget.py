"""The dock widget "Align by hand": its numbers, keys, buttons, and what it leaves behind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils.key_bindings import KeymapHandler, coerce_keybinding
from napari.utils.shortcuts import default_shortcuts

from napari_coreg.core.coarse_match import CoarseMatch
from napari_coreg.core.geometry import Grid
from napari_coreg.plugin.align import hand as align_hand
from napari_coreg.plugin.align.keys import HELP, screen_axes
from napari_coreg.plugin.align.widget import AlignWidget
from napari_coreg.plugin.live import is_preview
from napari_coreg.session import Start, session_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

KEYS = [f"{shift}{letter}" for shift in ("", "Shift+") for letter in "UHJKGNQW"]


@pytest.fixture
def align(qtbot: Any, pair: ViewerModel) -> AlignWidget:
    """The widget over a pair of layers; 'moving' lies 4 mm too far along y."""
    widget = AlignWidget(pair)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def begun(qtbot: Any, align: AlignWidget) -> AlignWidget:
    """The widget with the moving volume in the hand."""
    align.begin_button.click()
    qtbot.waitUntil(lambda: align.hand is not None and align.hand.layers.marker is not None)
    return align


def test_the_marker_does_not_widen_the_view_of_all(align: AlignWidget, pair: ViewerModel, qtbot: Any) -> None:
    camera = getattr(pair, "scene", pair).camera
    pair.reset_view()
    before = camera.zoom
    align.begin_button.click()
    qtbot.waitUntil(lambda: align.hand is not None and align.hand.layers.marker is not None)
    pair.reset_view()
    assert camera.zoom > 0.8 * before


def test_the_marker_hides_nothing_of_what_it_marks(begun: AlignWidget) -> None:
    assert begun.hand is not None
    marker = begun.hand.layers.marker
    assert marker.face_color[0, 3] == 0
    assert marker.border_color[0, 3] == 1


def test_the_match_names_its_metric(begun: AlignWidget, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: "at the start" in begun.match.before.text(), timeout=10_000)
    assert begun.match.before.text().startswith("Normalized mutual information; ")


def press(viewer: ViewerModel, key: str) -> bool:
    """Press and release a key in the view, as napari's canvas does."""
    handler = KeymapHandler()
    active = viewer.layers.selection.active
    handler.keymap_providers = [viewer] if active is None else [active, viewer]
    handled = handler.press_key(key)
    handler.release_key(key)
    return handled


def shift_of(widget: AlignWidget) -> list[float]:
    assert widget.hand is not None
    return [round(value, 6) for value in widget.hand.pose.translation]


def number(widget: AlignWidget) -> float:
    return float(widget.match.now.text().split()[-1])


def test_it_begins_with_the_two_volumes_and_ends_with_all_given_back(
    qtbot: Any, align: AlignWidget, pair: ViewerModel
) -> None:
    fixed, moving = pair.layers
    assert (align.pair.fixed.layer(), align.pair.moving.layer()) == (fixed, moving)
    assert align.begin_button.text() == "Begin"
    align.begin_button.click()
    qtbot.waitUntil(lambda: len(pair.layers) == 5)
    assert align.begin_button.text() == "End"
    assert [layer.visible for layer in (fixed, moving)] == [False, False]
    assert pair.layers.selection.active.name == "moving (aligning)"
    align.begin_button.click()
    qtbot.waitUntil(lambda: len(pair.layers) == 2)
    assert [layer.visible for layer in (fixed, moving)] == [True, True]
    assert not pair.keymap
    assert len(pair.mouse_drag_callbacks) == 1  # napari's own


def test_ended_before_its_layers_are_added_it_adds_none(qtbot: Any, align: AlignWidget, pair: ViewerModel) -> None:
    align.begin_button.click()
    align.begin_button.click()
    qtbot.wait(300)
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]
    assert all(layer.visible for layer in pair.layers)


def test_numbers_move_the_volume_and_follow_it(begun: AlignWidget) -> None:
    panel, hand = begun.panel, begun.hand
    assert hand is not None
    panel.shifts[0].setValue(3.0)
    panel.turns[2].setValue(10.0)
    panel.turns[0].setValue(-5.0)
    assert hand.pose.translation == pytest.approx((3, 0, 0))
    truth = sitk.Euler3DTransform()
    truth.SetComputeZYX(True)
    truth.SetRotation(np.radians(-5), 0, np.radians(10))
    np.testing.assert_allclose(hand.pose.rotation, truth.GetMatrix(), atol=1e-9)
    hand.translate((1.0, 2.0, 0.0))
    assert [spin.value() for spin in panel.shifts] == pytest.approx([4, 2, 0])
    assert [spin.value() for spin in panel.turns] == pytest.approx([-5, 0, 10])


def test_the_angle_in_the_middle_goes_beyond_a_right_angle_without_a_jump(begun: AlignWidget) -> None:
    for angle in range(5, 175, 5):
        begun.panel.turns[1].setValue(float(angle))
        assert [spin.value() for spin in begun.panel.turns] == pytest.approx([0, angle, 0], abs=1e-6)


def test_scales_keep_proportions_unless_told_otherwise_and_flips_mirror(begun: AlignWidget) -> None:
    panel, hand = begun.panel, begun.hand
    assert hand is not None
    panel.scales[0].setValue(1.2)
    assert hand.pose.scales == pytest.approx((1.2, 1.2, 1.2))
    panel.proportions.setChecked(False)
    panel.scales[2].setValue(0.9)
    assert hand.pose.scales == pytest.approx((1.2, 1.2, 0.9))
    panel.flips[1].click()
    assert hand.pose.flips == (False, True, False)
    panel.undo.click()
    assert not panel.flips[1].isChecked()


def test_an_edit_of_a_number_is_one_step(begun: AlignWidget) -> None:
    spin = begun.panel.shifts[0]
    for _ in range(5):
        spin.stepUp()
    begun.panel.turns[0].setValue(2.0)
    begun.panel.undo.click()
    assert spin.value() == 5.0
    begun.panel.undo.click()
    assert spin.value() == 0.0
    assert not begun.panel.undo.isEnabled()
    begun.panel.redo.click()
    assert spin.value() == 5.0


def test_keys_move_along_the_screen_and_turn_in_it(begun: AlignWidget, pair: ViewerModel) -> None:
    steps = {"K": [2, 0, 0], "J": [2, 2, 0], "H": [0, 2, 0], "U": [0, 0, 0], "N": [0, 0, 2], "G": [0, 0, 0]}
    for key, expected in steps.items():  # the axial view: right is +x, down +y; the voxels are 2 mm wide
        assert press(pair, key)
        assert shift_of(begun) == expected
    press(pair, "Shift+K")
    assert shift_of(begun) == [0.2, 0, 0]
    assert begun.hand is not None
    press(pair, "Q")
    assert begun.hand.pose.angles() == pytest.approx((0, 0, -1))  # seen from above with y down: x turns towards -y
    press(pair, "Shift+W")
    assert begun.hand.pose.angles() == pytest.approx((0, 0, -0.9))


def test_keys_follow_the_slice_that_is_shown(begun: AlignWidget, pair: ViewerModel) -> None:
    pair.dims.order = (1, 0, 2)  # coronal: rows are z, columns x
    press(pair, "K")
    press(pair, "J")
    press(pair, "N")
    assert shift_of(begun) == [2, 2, 2]
    up, right, _ = screen_axes(pair, 3)
    np.testing.assert_allclose((up, right), ((0, 0, -1), (1, 0, 0)))


def test_a_burst_of_keys_is_one_step(begun: AlignWidget, pair: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(align_hand, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(4):
        press(pair, "K")
        now[0] += 0.2
    now[0] += 5
    press(pair, "K")
    press(pair, "Ctrl+Z")
    assert shift_of(begun) == [8, 0, 0]
    press(pair, "Ctrl+Z")
    assert shift_of(begun) == [0, 0, 0]
    press(pair, "Ctrl+Shift+Z")
    assert shift_of(begun) == [8, 0, 0]


def test_no_key_of_napari_is_taken(begun: AlignWidget, pair: ViewerModel) -> None:
    napari_keys = {str(key) for keys in default_shortcuts.values() for key in keys}
    for owner in (type(pair), Layer, Image, Labels, Points, Shapes):
        napari_keys |= {str(key) for key in owner.class_keymap}
    own = {str(key) for key in pair.keymap}
    assert {str(coerce_keybinding(key)) for key in KEYS} <= own
    assert not own & napari_keys - {"Ctrl+Z", "Ctrl+Shift+Z"}  # those of Labels, which come before the viewer's
    pair.add_labels(np.zeros((4, 4, 4), int))
    steps = []
    assert begun.hand is not None
    begun.hand.changed.connect(lambda: steps.append(1))
    assert press(pair, "Ctrl+Z")
    assert not steps


def test_a_key_that_was_given_another_meaning_keeps_it(qtbot: Any, align: AlignWidget, pair: ViewerModel) -> None:
    pressed = []
    pair.bind_key("K", pressed.append)
    align.begin()
    qtbot.waitUntil(lambda: align.hand is not None and align.hand.layers.live is not None)
    press(pair, "K")
    assert pressed == [pair]
    align.end()
    assert list(pair.keymap) == [coerce_keybinding("K")]


def test_all_keys_are_listed_in_the_widget() -> None:
    listed = " ".join(key for key, _ in HELP)
    assert all(letter in listed for letter in "UHJKGNQW")


def test_the_match_is_that_of_the_newest_pose_and_of_the_start(qtbot: Any, begun: AlignWidget) -> None:
    assert begun.hand is not None
    qtbot.waitUntil(lambda: "at the start" in begun.match.before.text(), timeout=10_000)
    before = number(begun)
    for step in range(1, 21):
        begun.hand.set_pose(begun.hand.pose.moved_to((0.0, -0.2 * step, 0.0)))
    assert begun.match.metric is not None
    qtbot.waitUntil(lambda: begun.match.metric is not None and not begun.match.metric.is_busy(), timeout=10_000)
    fixed, moving = begun.hand.fixed_volume, begun.hand.moving_volume
    truth = CoarseMatch(fixed.data, fixed.geometry, moving.data, moving.geometry)(
        sitk.TranslationTransform(3, (0.0, 4.0, 0.0))
    )
    assert number(begun) == pytest.approx(truth, abs=1e-3)
    assert number(begun) > before + 0.1
    assert begun.match.before.text().endswith(f"; {before:.3f} at the start, higher is better")


def test_volumes_apart_are_said_to_be_so(qtbot: Any, begun: AlignWidget) -> None:
    assert begun.hand is not None
    begun.hand.translate((1000.0, 0.0, 0.0))
    qtbot.waitUntil(lambda: "do not overlap" in begun.match.now.text(), timeout=10_000)


def test_a_run_is_asked_for_from_here(qtbot: Any, begun: AlignWidget, pair: ViewerModel) -> None:
    assert begun.hand is not None
    begun.hand.translate((0.0, -4.0, 0.0))
    session = session_of(pair)
    with qtbot.waitCallback() as wanted:
        session.run_wanted.connect(wanted)
        begun.uses.run.click()
    start = session.start
    assert start is not None
    assert start.source == "aligned by hand"
    assert start.holds_for(pair.layers["fixed"], pair.layers["moving"])
    np.testing.assert_allclose(start.transform.TransformPoint((1.0, 2.0, 3.0)), (1, 6, 3))
    assert not any(is_preview(layer) for layer in pair.layers)  # the run finds the viewer as it was
    assert all(layer.visible for layer in pair.layers)


def test_a_start_is_set_without_a_run_and_is_where_it_begins_next_time(
    qtbot: Any, begun: AlignWidget, pair: ViewerModel
) -> None:
    asked = []
    session = session_of(pair)
    session.run_wanted.connect(lambda: asked.append(1))
    begun.panel.shifts[1].setValue(-4.0)
    begun.uses.start.click()
    assert session.start is not None
    assert begun.hand is None
    begun.pair.begin_at.setCurrentIndex(begun.pair.begin_at.findText("the start: aligned by hand"))
    begun.begin()
    qtbot.waitUntil(lambda: len(pair.layers) == 5)
    assert begun.hand is not None
    np.testing.assert_allclose(begun.hand.transform.TransformPoint((1.0, 2.0, 3.0)), (1, 6, 3))  # type: ignore[unreachable]
    assert not asked


def test_somebody_elses_start_is_offered_first(align: AlignWidget, pair: ViewerModel) -> None:
    session = session_of(pair)
    session.start = Start(sitk.TranslationTransform(3), "rigid fit to 6 landmarks", *pair.layers)
    assert align.pair.begin_at.currentText() == "the start: rigid fit to 6 landmarks"
    session.start = None
    assert align.pair.begin_at.currentText() == "where the layers lie"


def test_the_pose_is_applied_to_the_layer_and_taken_back(qtbot: Any, begun: AlignWidget, pair: ViewerModel) -> None:
    moving = pair.layers["moving"]
    before = moving.affine.affine_matrix.copy()
    begun.panel.shifts[1].setValue(-4.0)
    begun.uses.apply.click()
    qtbot.waitUntil(lambda: len(pair.layers) == 2)
    np.testing.assert_allclose(moving.data_to_world((0, 0, 0)), (0, -4, 0))
    assert moving.visible
    assert begun.take_back.isVisibleTo(begun)
    begun.take_back.click()
    np.testing.assert_allclose(moving.affine.affine_matrix, before)
    assert not begun.take_back.isVisibleTo(begun)


def test_a_layer_is_kept_on_the_fixed_grid(qtbot: Any, begun: AlignWidget, pair: ViewerModel) -> None:
    begun.panel.shifts[1].setValue(-4.0)
    with qtbot.waitSignal(begun.kept_added, timeout=10_000):
        begun.uses.keep.click()
    layer = pair.layers["moving aligned to fixed"]
    np.testing.assert_allclose(layer.data[2:-2, 2:-4, 2:-2], pair.layers["fixed"].data[2:-2, 2:-4, 2:-2], atol=0.01)
    assert not layer.visible  # until the alignment ends
    assert pair.layers.selection.active.name == "moving (aligning)"


def test_where_it_was_left_is_remembered_until_a_layer_is_moved(
    qtbot: Any, begun: AlignWidget, pair: ViewerModel
) -> None:
    begun.panel.shifts[1].setValue(-4.0)
    begun.end()
    assert begun.pair.begin_at.currentText() == "where you left off"
    pair.layers["moving"].translate = (5, 0, 0)
    begun.pair.begin_at.setCurrentIndex(0)
    begun.pair.fixed.set_layer(None)
    begun.pair.fixed.set_layer(pair.layers["fixed"])
    assert begun.pair.begin_at.findText("where you left off") == -1


@pytest.mark.parametrize("name", ["fixed", "moving", "moving (aligning)"])
def test_deleting_a_layer_midway_ends_it_cleanly(qtbot: Any, begun: AlignWidget, pair: ViewerModel, name: str) -> None:
    begun.panel.shifts[0].setValue(1.0)
    pair.layers.remove(pair.layers[name])
    qtbot.waitUntil(lambda: not any(is_preview(layer) for layer in pair.layers))
    assert begun.hand is None
    assert "was deleted" in begun.message.text()
    assert all(layer.visible for layer in pair.layers)
    assert not pair.keymap


def test_deleting_all_layers_at_once_ends_it_cleanly(qtbot: Any, begun: AlignWidget, pair: ViewerModel) -> None:
    pair.layers.clear()
    qtbot.wait(200)
    assert begun.hand is None
    assert not pair.layers
    assert not begun.begin_button.isEnabled()


def test_closing_the_dock_gives_everything_back_at_once(begun: AlignWidget, pair: ViewerModel, qtbot: Any) -> None:
    from qtpy.QtWidgets import QMainWindow  # noqa: PLC0415 - a dock as napari has it, for this test alone

    window = QMainWindow()
    qtbot.addWidget(window)
    begun.setParent(window)
    begun.setParent(None)
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]
    assert all(layer.visible for layer in pair.layers)
    assert not pair.keymap
    assert len(pair.mouse_drag_callbacks) == 1


def test_one_layer_twice_and_a_bad_one_are_told(align: AlignWidget, pair: ViewerModel) -> None:
    align.pair.moving.set_layer(pair.layers["fixed"])
    assert not align.begin_button.isEnabled()
    assert "twice" in align.message.text()
    pair.add_image(np.zeros((4, 5, 6)), name="sheared", shear=(0.5, 0, 0))
    align.pair.moving.set_layer(pair.layers["sheared"])
    assert not align.begin_button.isEnabled()
    assert "sheared" in align.message.text()
    align.pair.moving.set_layer(pair.layers["moving"])
    assert align.begin_button.isEnabled()
    assert not align.message.text()


def test_2d_images_show_the_numbers_that_they_have(qtbot: Any, viewer: ViewerModel) -> None:
    for name in ("fixed", "moving"):
        viewer.add_image(np.random.default_rng(0).random((30, 40)), name=name)
    widget = AlignWidget(viewer)
    qtbot.addWidget(widget)
    widget.begin()
    qtbot.waitUntil(lambda: len(viewer.layers) == 5)
    panel = widget.panel
    assert [spin.isVisibleTo(panel) for spin in panel.shifts] == [True, True, False]
    assert [spin.isVisibleTo(panel) for spin in panel.turns] == [False, False, True]
    panel.turns[2].setValue(30.0)
    press(viewer, "K")
    assert widget.hand is not None
    centre = Grid.of(sitk.Image([40, 30], sitk.sitkUInt8)).centre_lps.tolist()
    move = sitk.Euler2DTransform(centre, np.radians(30.0), (1.0, 0.0))
    np.testing.assert_allclose(
        widget.hand.transform.TransformPoint((3.0, 4.0)), move.GetInverse().TransformPoint((3.0, 4.0)), atol=1e-6
    )
    press(viewer, "Q")
    assert widget.hand.pose.angles() == pytest.approx((29.0,))


def test_every_control_has_a_tooltip(begun: AlignWidget) -> None:
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox  # noqa: PLC0415 - for this test alone

    for kind in (QAbstractButton, QComboBox, QDoubleSpinBox):
        for control in begun.findChildren(kind):
            assert control.toolTip(), control.objectName() or control
