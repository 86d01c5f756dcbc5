"""Align by hand in the real viewer: real drags and keys, and the pixels that come of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

from napari_coreg import align_by_hand
from napari_coreg.plugin.layers import layer_kwargs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.plugin.align.widget import AlignWidget

NO_KEY = Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")]


def turned(*angles: float) -> Any:
    return np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3))


PAIRS = {
    "straight": (np.eye(3), np.eye(3)),
    "fixed oblique": (turned(0.2, 0.3, -0.1), turned(-0.2, 0.1, 0.3)),
    "left-handed": (np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, 1.0, 1.0]) @ turned(0.1, 0.2, 0.3)),
}


def smooth(size_xyz: tuple[int, ...], spacing: Any, direction: Any, seed: int) -> sitk.Image:
    values = np.random.default_rng(seed).uniform(0, 100, size_xyz[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin((0.137 * seed - direction @ (np.multiply(size_xyz, spacing) - spacing) / 2).tolist())
    image.SetDirection(np.ravel(direction))
    return sitk.RescaleIntensity(sitk.SmoothingRecursiveGaussian(image, 2 * max(spacing)), 0, 100)


def layer_of(image: sitk.Image, name: str) -> Image:
    return Image(sitk.GetArrayFromImage(image), name=name, contrast_limits=(0, 100), **layer_kwargs(image))


class Screen:
    """A real viewer over a pair, and a mouse."""

    def __init__(self, viewer: Any, qtbot: Any, pair: str) -> None:
        one, other = PAIRS[pair]
        self.viewer, self.qtbot = viewer, qtbot
        fixed = smooth((40, 44, 20), (1.0, 1.2, 2.5), one, 1)
        self.moving = smooth((30, 36, 26), (1.7, 1.1, 1.9), other, 2)
        viewer.window.resize(1200, 850)
        viewer.add_layer(layer_of(fixed, "fixed"))
        viewer.add_layer(layer_of(self.moving, "moving"))
        self.hand = align_by_hand(viewer, "fixed", "moving")
        qtbot.waitUntil(lambda: self.hand.layers.marker is not None, timeout=10_000)
        qtbot.wait(200)

    @property
    def canvas(self) -> QOpenGLWidget:
        return self.viewer.window._qt_window.findChildren(QOpenGLWidget)[0]

    @property
    def camera(self) -> Any:
        return getattr(self.viewer, "scene", self.viewer).camera  # napari 0.9 moved it

    @property
    def widget(self) -> AlignWidget:
        dock = self.viewer.window.add_plugin_dock_widget("napari-coreg", "Align by hand")
        return dock[1]

    def world(self) -> np.ndarray:
        """Where the cursor is, as napari says, zyx."""
        return np.array(self.viewer.cursor.position)

    def drag(self, start: tuple[int, int], end: tuple[int, int], held: Any = NO_KEY) -> tuple[Any, Any]:
        """Drag with the left button; returns the world's points (LPS) where it was pressed and released."""
        self.mouse(QEvent.Type.MouseButtonPress, start, held)
        pressed = self.world()[::-1]
        for part in np.linspace(0, 1, 6)[1:]:
            self.mouse(QEvent.Type.MouseMove, np.array(start) + part * np.subtract(end, start), held)
            QApplication.processEvents()
        released = self.world()[::-1]
        self.mouse(QEvent.Type.MouseButtonRelease, end, held)
        QApplication.processEvents()
        return pressed, released

    def mouse(self, kind: Any, at: Any, held: Any) -> None:
        """Send what Qt sends for the left button."""
        at = QPointF(*[float(value) for value in at])
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = none if kind == QEvent.Type.MouseMove else left
        buttons = none if kind == QEvent.Type.MouseButtonRelease else left
        place = QPointF(self.canvas.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, at, place, button, buttons, held))

    def moving_point(self, world_lps: Any) -> np.ndarray:
        """The point of the moving volume that lies at a point of the world."""
        return np.array(self.hand.transform.TransformPoint(np.asarray(world_lps, float).tolist()))


@pytest.fixture(params=PAIRS)
def screen(request: Any, make_napari_viewer: Callable[..., Any], qtbot: Any) -> Screen:
    return Screen(make_napari_viewer(show=True), qtbot, request.param)


@pytest.fixture
def straight(make_napari_viewer: Callable[..., Any], qtbot: Any) -> Screen:
    return Screen(make_napari_viewer(show=True), qtbot, "straight")


def test_a_drag_keeps_the_point_under_the_cursor_and_the_camera(screen: Screen) -> None:
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        screen.viewer.dims.order = order
        screen.qtbot.wait(100)
        camera = (tuple(screen.camera.center), screen.camera.zoom)
        before = screen.hand.transform
        pressed, released = screen.drag((400, 300), (470, 340))
        screen.qtbot.wait(100)
        assert np.linalg.norm(released - pressed) > 2
        np.testing.assert_allclose(screen.moving_point(released), before.TransformPoint(pressed.tolist()), atol=1e-4)
        assert (tuple(screen.camera.center), screen.camera.zoom) == camera
    screen.hand.undo()
    screen.hand.undo()
    screen.hand.undo()
    assert not screen.hand.can_undo  # each drag was one step


def test_a_drag_with_shift_turns_in_the_slice_about_the_centre(screen: Screen) -> None:
    for order, axis in (((0, 1, 2), 2), ((1, 0, 2), 1), ((2, 0, 1), 0)):
        screen.viewer.dims.order = order
        screen.qtbot.wait(100)
        begin, centre = screen.hand.pose, screen.hand.centre_lps.copy()
        there = screen.moving_point(centre)
        pressed, released = screen.drag((400, 200), (520, 300), SHIFT)
        np.testing.assert_allclose(screen.moving_point(centre), there, atol=1e-6)
        turn = np.reshape(screen.hand.pose.rotation, (3, 3)) @ np.reshape(begin.rotation, (3, 3)).T
        np.testing.assert_allclose(turn[axis], np.eye(3)[axis], atol=1e-9)  # in the slice
        flat = 1 - np.eye(3)[axis]
        one, other = (flat * (point - centre) for point in (pressed, released))
        np.testing.assert_allclose(
            turn @ one / np.linalg.norm(one), other / np.linalg.norm(other), atol=1e-6
        )  # the point under the cursor stays on its ray


def test_the_button_turn_turns_and_camera_gives_drags_to_napari(straight: Screen) -> None:
    straight.widget.panel.modes["turn"].click()
    straight.drag((400, 200), (520, 300))
    assert straight.hand.pose.translation == pytest.approx((0, 0, 0))
    assert abs(straight.hand.pose.angles()[2]) > 5
    straight.widget.panel.modes["camera"].click()
    pose, centre = straight.hand.pose, straight.camera.center
    straight.drag((400, 300), (470, 340))
    straight.qtbot.wait(100)
    assert straight.hand.pose == pose
    assert straight.camera.center != centre


def test_a_control_click_sets_the_centre_and_so_does_one_click_when_asked(straight: Screen) -> None:
    pressed, _ = straight.drag((420, 310), (420, 310), CONTROL)
    np.testing.assert_allclose(straight.hand.centre_lps, pressed, atol=1e-6)
    assert straight.hand.centre == "point"
    panel = straight.widget.panel
    panel.centre.setCurrentIndex(0)
    panel.centre.activated.emit(0)
    assert straight.hand.centre == "moving"
    panel.centre.activated.emit(2)
    pressed, _ = straight.drag((380, 290), (480, 390))
    np.testing.assert_allclose(straight.hand.centre_lps, pressed, atol=1e-6)
    assert not straight.hand.can_undo  # it moved nothing
    straight.qtbot.waitUntil(lambda: np.allclose(straight.hand.layers.marker.data[0][1:], pressed[1::-1]))


def test_a_drag_in_3d_view_moves_along_the_screen(straight: Screen) -> None:
    straight.viewer.dims.ndisplay = 3
    straight.qtbot.wait(300)
    direction = np.array(straight.camera.view_direction)[::-1]
    straight.drag((400, 300), (460, 330))
    shift = np.array(straight.hand.pose.translation)
    assert np.linalg.norm(shift) > 2
    assert abs(shift @ direction) < 1e-3 * np.linalg.norm(shift)
    centre = straight.hand.centre_lps.copy()
    there = straight.moving_point(centre)
    straight.drag((400, 200), (460, 330), SHIFT)
    np.testing.assert_allclose(straight.moving_point(centre), there, atol=1e-6)
    assert max(abs(angle) for angle in straight.hand.pose.angles()) > 2


def test_drags_are_left_to_a_layer_that_is_painted_on(straight: Screen) -> None:
    labels = straight.viewer.add_labels(np.zeros((20, 44, 40), int))
    labels.mode = "paint"
    straight.drag((400, 300), (470, 340))
    assert straight.hand.pose.translation == (0, 0, 0)
    assert labels.data.any()


def test_keys_reach_it_through_the_canvas_and_held_ones_repeat(straight: Screen) -> None:
    canvas = straight.canvas

    def key(kind: Any, modifiers: Any = NO_KEY, repeated: bool = False) -> None:
        QApplication.sendEvent(canvas, QKeyEvent(kind, Qt.Key.Key_K, modifiers, "k", repeated))

    key(QEvent.Type.KeyPress)
    for _ in range(3):
        key(QEvent.Type.KeyRelease, repeated=True)
        key(QEvent.Type.KeyPress, repeated=True)
    key(QEvent.Type.KeyRelease)
    assert straight.hand.pose.translation == pytest.approx((4, 0, 0))
    key(QEvent.Type.KeyPress, SHIFT)
    assert straight.hand.pose.translation == pytest.approx((4.1, 0, 0))
    straight.hand.end()
    straight.qtbot.wait(300)
    key(QEvent.Type.KeyPress, repeated=True)
    assert straight.hand.pose.translation == pytest.approx((4.1, 0, 0))


def test_the_screen_shows_the_moving_volume_where_the_transform_says(screen: Screen) -> None:
    screen.drag((400, 300), (430, 280))
    screen.drag((400, 200), (450, 260), SHIFT)
    screen.hand.rotate((1.0, 0.5, 0.0), 9.0)
    screen.hand.settle()  # as the dock has it do when the volume rests
    live = screen.hand.layers.live
    for layer in screen.viewer.layers:
        layer.visible = layer is live
    live.colormap, live.blending = "gray", "opaque"
    volume = live.data[0] if live.multiscale else live.data
    grid = volume.grid
    truth = sitk.GetArrayFromImage(
        sitk.Resample(
            screen.moving,
            grid.size_xyz,
            screen.hand.transform,
            sitk.sitkLinear,
            grid.origin_lps,
            grid.spacing_xyz,
            grid.direction,
            0.0,
        )
    )
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        screen.viewer.dims.order = order
        screen.viewer.reset_view()
        index = truth.shape[order[0]] // 2
        point = live.data_to_world([index] * 3)
        screen.viewer.dims.set_point(order[0], point[order[0]])
        screen.camera.zoom = 7.0
        screen.qtbot.wait(300)
        shown = screen.viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(float)
        plane = np.moveaxis(truth, order, (0, 1, 2))[index]
        rows, columns = np.indices(plane.shape)
        data = np.full((plane.size, 3), float(index))
        data[:, order[1]], data[:, order[2]] = rows.ravel(), columns.ravel()
        world = np.array([live.data_to_world(one) for one in data])[:, list(order[1:])]
        pixel = np.floor((world - np.array(screen.camera.center)[-2:]) * 7.0 + np.array(shown.shape) / 2).astype(int)
        inside = ((pixel >= 4) & (pixel < np.array(shown.shape) - 4)).all(axis=1)
        error = np.abs(shown[tuple(pixel[inside].T)] - plane.ravel()[inside] * 2.55)
        assert inside.sum() > 300
        assert np.ptp(plane.ravel()[inside]) > 20
        assert np.median(error) < 1.5
        assert np.quantile(error, 0.98) < 5  # of 255


def test_the_dock_is_narrow_and_closing_it_gives_everything_back(straight: Screen) -> None:
    widget = straight.widget
    widget.panel.scale_section.unfold()
    widget.uses.keys.unfold()
    straight.qtbot.wait(100)
    assert widget.minimumSizeHint().width() <= 300
    straight.viewer.window.remove_dock_widget(widget)
    assert not straight.hand.is_on
    assert [layer.name for layer in straight.viewer.layers] == ["fixed", "moving"]
    assert all(layer.visible for layer in straight.viewer.layers)
    assert not straight.viewer.keymap
    centre = straight.camera.center
    straight.drag((400, 300), (470, 340))
    straight.qtbot.wait(100)
    assert straight.camera.center != centre  # drags are napari's again


def test_a_run_from_here_opens_the_dock_that_registers(straight: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_coreg.plugin.register.widget import RegisterWidget  # noqa: PLC0415 - to watch it

    runs: list[Any] = []
    monkeypatch.setattr(RegisterWidget, "run", lambda self: runs.append(self.layers.chosen()))
    straight.hand.translate((1.0, 2.0, 3.0))
    straight.widget.uses.run.click()
    names = {type(dock).__name__ for dock in straight.viewer.window._qt_window.findChildren(RegisterWidget)}
    assert names == {"RegisterWidget"}
    straight.qtbot.wait(300)
    register = straight.viewer.window._qt_window.findChildren(RegisterWidget)[0]
    chosen = register.layers.chosen()
    assert (chosen.fixed.name, chosen.moving.name) == ("fixed", "moving")


def test_the_dock_that_registers_opens_this_one_with_its_layers(
    make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    for name in ("a", "b", "c"):
        viewer.add_image(np.zeros((9, 10, 11)), name=name)
    _, register = viewer.window.add_plugin_dock_widget("napari-coreg", "Register volumes")
    register.layers.fixed.set_layer(viewer.layers["c"])
    register.layers.moving.set_layer(viewer.layers["b"])
    register.layers.by_hand.click()
    _, widget = viewer.window.add_plugin_dock_widget("napari-coreg", "Align by hand")
    assert (widget.pair.fixed.currentText(), widget.pair.moving.currentText()) == ("c", "b")
