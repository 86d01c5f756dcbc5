"""The dock widget "Compare": its modes and controls, and what a real viewer shows, keys, mouse and pixels."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Layer
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_coreg import compare_layers
from napari_coreg.core.compare import checkerboard
from napari_coreg.plugin.compare.console import comparison_of
from napari_coreg.plugin.compare.scene import line_of
from napari_coreg.plugin.compare.settings import MODES
from napari_coreg.plugin.compare.widget import CompareWidget, open_compare
from napari_coreg.plugin.layers import volume_to_layer_data

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_coreg.core.geometry import Grid

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")


@pytest.fixture
def dock(qtbot: Any, pair: ViewerModel) -> CompareWidget:
    """The dock widget over 'fixed' and 'moving'."""
    widget = CompareWidget(pair)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def begin(qtbot: Any, dock: CompareWidget, mode: str) -> Any:
    dock.controls.modes[mode].click()
    comparison = comparison_of(dock._viewer)
    qtbot.waitUntil(lambda: bool(line_of(dock._viewer).visible))
    return comparison


class TestChoosing:
    def test_two_layers_are_chosen_by_themselves(self, qtbot, viewer):
        widget = CompareWidget(viewer)
        qtbot.addWidget(widget)
        assert not widget.start_button.isEnabled()
        viewer.add_image(np.ones((5, 5, 5)), name="a")
        viewer.add_points(np.zeros((1, 3)))
        viewer.add_labels(np.ones((5, 5, 5), int), name="b")
        assert (widget.first.currentText(), widget.second.currentText()) == ("a", "b")
        assert widget.start_button.isEnabled()

    def test_a_mode_begins_and_the_button_ends(self, qtbot, dock, pair):
        comparison = begin(qtbot, dock, "blend")
        assert comparison.is_on
        assert dock.start_button.isChecked()
        assert not pair.layers["fixed"].visible
        dock.start_button.click()
        assert not comparison.is_on
        assert [layer.name for layer in pair.layers if layer.visible] == ["fixed", "moving"]
        qtbot.waitUntil(lambda: len(pair.layers) == 2)

    def test_the_two_are_exchanged(self, qtbot, dock):
        comparison = begin(qtbot, dock, "wipe")
        dock.exchange.click()
        qtbot.waitUntil(lambda: comparison.words() == "left: moving, right: fixed")

    def test_one_layer_twice_is_refused_in_words(self, dock):
        dock.second.setCurrentText("fixed")
        dock.start_button.click()
        assert "chosen twice" in dock.message.text()
        assert not dock.start_button.isChecked()

    def test_live_layers_are_no_choice(self, qtbot, dock):
        begin(qtbot, dock, "difference")
        assert dock.first.count() == 2

    def test_it_shows_what_the_console_compares(self, dock, pair):
        compare_layers(pair, "moving", "fixed", "overlay", colours="red-cyan")
        assert dock.first.currentText() == "moving"
        assert dock.controls.modes["overlay"].isChecked()
        assert dock.controls.colours.currentData() == "red-cyan"

    def test_without_a_window_nothing_is_opened(self, pair):
        assert open_compare(pair, pair.layers["fixed"], pair.layers["moving"]) is None
        assert not comparison_of(pair).is_on


class TestSetting:
    def test_each_control_sets_what_it_says(self, qtbot, dock):
        comparison, controls = begin(qtbot, dock, "checkerboard"), dock.controls
        controls.cell.box.setValue(12)
        assert comparison.settings.cell_mm == 12
        controls.position.slider.setValue(250)
        assert comparison.settings.position == pytest.approx(0.25)
        controls.balance.slider.setValue(800)
        assert comparison.settings.balance == pytest.approx(0.8)
        controls.rate.box.setValue(4)
        assert comparison.settings.rate_hz == 4
        controls.direction.setCurrentIndex(1)
        controls.colours.setCurrentIndex(1)
        assert (comparison.settings.direction, comparison.settings.colours) == ("down", "red-cyan")

    def test_the_level_begins_where_the_automatic_one_is(self, qtbot, dock):
        comparison, controls = begin(qtbot, dock, "contours"), dock.controls
        assert not controls.level.isEnabled()
        automatic = controls.level.value()
        low, high = comparison.pictures.sides[0].window
        assert low < automatic < high
        controls.automatic.click()
        assert comparison.settings.level == automatic
        controls.level.slider.setValue(900)
        assert comparison.settings.level == pytest.approx(low + 0.9 * (high - low), rel=1e-2)

    @pytest.mark.parametrize("mode", MODES)
    def test_only_the_controls_of_the_mode_are_there(self, qtbot, dock, mode):
        begin(qtbot, dock, mode)
        controls = dock.controls
        shown = {
            "checkerboard": controls.cell.isVisible(),
            "wipe": controls.position.isVisible(),
            "blend": controls.balance.isVisible(),
            "flicker": controls.rate.isVisible(),
            "overlay": controls.colours.isVisible(),
            "contours": controls.level.isVisible(),
        }
        assert {name for name, is_shown in shown.items() if is_shown} == {mode} & set(shown)

    def test_a_slider_moves_by_the_arrow_keys(self, qtbot, dock):
        comparison = begin(qtbot, dock, "blend")
        QTest.keyClick(dock.controls.balance.slider, Qt.Key.Key_Right)
        assert comparison.settings.balance > 0.5

    def test_every_control_has_a_tooltip(self, dock):
        boxes = [dock.first, dock.second, dock.exchange, dock.start_button, dock.flip_button]
        for part in [*boxes, *dock.controls.modes.values(), dock.controls.cell.slider, dock.controls.automatic]:
            assert part.toolTip()

    def test_it_follows_the_theme(self, dock, pair):
        before = dock.styleSheet()
        pair.theme = "light"
        assert dock.styleSheet() != before


class TestLeaving:
    def test_a_hidden_dock_does_not_flicker(self, qtbot, dock):
        comparison = begin(qtbot, dock, "flicker")
        assert comparison.flickers
        dock.hide()
        assert not comparison.flickers
        assert comparison.is_on
        dock.show()
        assert comparison.flickers

    def test_a_closed_dock_ends_the_comparison(self, qtbot, pair):
        parent = QWidget()
        qtbot.addWidget(parent)
        widget = CompareWidget(pair, parent=parent)
        parent.show()
        comparison = begin(qtbot, widget, "flicker")
        widget.setParent(None)
        assert not comparison.is_on
        assert not comparison.flickers
        assert [layer.name for layer in pair.layers] == ["fixed", "moving"]
        widget.deleteLater()
        QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
        compare_layers(pair, "fixed", "moving").end()  # nothing listens any more

    def test_closed_while_it_begins_it_leaves_nothing(self, qtbot, pair):
        parent = QWidget()
        qtbot.addWidget(parent)
        widget = CompareWidget(pair, parent=parent)
        widget.controls.modes["difference"].click()
        widget.setParent(None)
        qtbot.wait(300)
        assert [layer.name for layer in pair.layers] == ["fixed", "moving"]

    def test_a_comparison_does_not_keep_its_viewer_alive(self, viewer):
        weak = weakref.ref(comparison_of(viewer)._viewer())
        assert weak() is viewer
        gc.collect()
        assert comparison_of(viewer) is comparison_of(viewer)


def real_viewer(request: Any, qtbot: Any) -> Any:
    viewer = request.getfixturevalue("make_napari_viewer")(show=True)
    viewer.window.resize(1100, 800)
    direction = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.4).GetMatrix()
    viewer.add_layer(Layer.create(*volume_to_layer_data(waves((1.0, 1.2, 2.0), np.eye(3).ravel(), 900), "first")))
    viewer.add_layer(Layer.create(*volume_to_layer_data(waves((1.5, 1.0, 1.7), direction, 60), "second")))
    viewer.dims.set_point(0, 3.0)
    return viewer


def waves(spacing: tuple[float, ...], direction: Any, gain: float) -> sitk.Image:
    """A volume of 70 mm about the origin that is bright in broad bands."""
    image = sitk.Image([int(70 / s) for s in spacing], sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetDirection([float(value) for value in direction])
    corner = np.reshape(direction, (3, 3)) @ (np.array(spacing) * (np.array(image.GetSize()) - 1) / 2)
    image.SetOrigin((-corner).tolist())
    points = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat32, image.GetSize(), image.GetOrigin(), spacing, image.GetDirection()
    )
    x, y, z = (sitk.VectorIndexSelectionCast(points, axis) for axis in range(3))
    return gain * (2 + sitk.Sin(x / 6 + z / 9) + sitk.Cos(y / 7 - z / 11)) / 4


def shown(viewer: Any, grid: Grid, index_z: int) -> np.ndarray:
    """The grey that the canvas shows in the middle of each voxel of a slice of the grid, 0 to 255, (y, x, 3)."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    y, x = np.meshgrid(*(np.arange(n, dtype=float) for n in grid.size_xyz[1::-1]), indexing="ij")
    world = grid.to_lps(np.stack([x, y, np.full_like(x, index_z)], -1))
    rows = (world[..., 1] - camera.center[1]) * camera.zoom + (picture.shape[0] - 1) / 2
    columns = (world[..., 0] - camera.center[2]) * camera.zoom + (picture.shape[1] - 1) / 2
    return picture[np.rint(rows).astype(int), np.rint(columns).astype(int)]


def expected(viewer: Any, grid: Grid, index_z: int) -> tuple[list[np.ndarray], np.ndarray]:
    """What SimpleITK resamples there, 0 to 1 of each window, and where both volumes surely are."""
    pictures = comparison_of(viewer).pictures
    shades, inside = [], np.ones(grid.size_xyz[1::-1], bool)
    for index, name in enumerate(("first", "second")):
        layer = viewer.layers[name]
        image = sitk.GetImageFromArray(np.asarray(layer.data))
        header = layer.metadata["napari_coreg"]["geometry"]
        image.SetSpacing(header["spacing_xyz"])
        image.SetOrigin(header["origin_lps"])
        image.SetDirection(header["direction"])
        place = (grid.size_xyz, sitk.Transform(), sitk.sitkLinear, grid.origin_lps, grid.spacing_xyz, grid.direction)
        values = sitk.GetArrayFromImage(sitk.Resample(image, *place, np.nan))[index_z]
        low, high = pictures.window(index)
        shades.append(np.clip((values - low) / (high - low), 0, 1))
        inside &= np.isfinite(values)
    return shades, inside


def settle(qtbot: Any, comparison: Any) -> tuple[Any, int]:
    """Let the canvas be drawn; return grid and the index of its slice on screen."""
    qtbot.wait(500)
    grid = comparison.pictures.grid
    return grid, int(np.rint((3.0 - grid.origin_lps[2]) / grid.spacing_xyz[2]))


@pytest.mark.slow
class TestOnTheCanvas:
    def test_pixels_are_what_simpleitk_resamples_in_each_mode(self, request, qtbot):
        viewer = real_viewer(request, qtbot)
        comparison = compare_layers(viewer, "first", "second", "blend", balance=0.3)
        viewer.reset_view()
        grid, k = settle(qtbot, comparison)
        (one, other), inside = expected(viewer, grid, k)
        assert inside.sum() > 800
        board = checkerboard(grid, 12.0)[k]
        across = np.arange(grid.size_xyz[0]) + 0.5 < 0.5 * grid.size_xyz[0]
        grey = {
            "blend": 0.7 * one + 0.3 * other,
            "checkerboard": np.where(board, one, other),
            "wipe": np.where(across, one, other),
        }
        for mode, truth in grey.items():
            comparison.change(mode=mode, cell_mm=12.0)
            qtbot.wait(400)
            error = np.abs(shown(viewer, grid, k)[..., 0] - 255 * truth)[inside]
            assert np.median(error) < 2, mode
            assert np.percentile(error, 99) < 6, mode
        comparison.change(mode="overlay")
        qtbot.wait(400)
        red, green, blue = np.moveaxis(shown(viewer, grid, k), -1, 0)
        for channel, truth in ((red, one), (blue, one), (green, other)):
            assert np.percentile(np.abs(channel - 255 * truth)[inside], 99) < 6

    def test_before_and_after_by_the_key_in_the_window(self, request, qtbot):
        viewer = real_viewer(request, qtbot)
        comparison = compare_layers(viewer, "first", "second", "wipe")
        qtbot.wait(300)
        QTest.keyClick(viewer.window._qt_window, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
        assert comparison.flipped
        assert line_of(viewer).text == "left: second, right: first"

    def test_the_edge_of_the_curtain_is_dragged_and_the_view_stays(self, request, qtbot):
        viewer = real_viewer(request, qtbot)
        comparison = compare_layers(viewer, "first", "second", "wipe")
        viewer.reset_view()
        grid, _ = settle(qtbot, comparison)
        canvas = viewer.window._qt_viewer.canvas.native
        camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
        centre, zoom = tuple(camera.center), camera.zoom
        middle = QPoint(canvas.width() // 2, canvas.height() // 2)
        left = Qt.MouseButton.LeftButton
        for from_, to, moved in ((middle, middle + QPoint(90, 5), True), (middle, middle + QPoint(40, 0), False)):
            before = comparison.settings.position
            QTest.mouseMove(canvas, from_)
            QTest.mousePress(canvas, left, pos=from_)
            for step in range(1, 6):
                QTest.mouseMove(canvas, from_ + (to - from_) * step / 5)
                qtbot.wait(20)
            QTest.mouseRelease(canvas, left, pos=to)
            qtbot.wait(50)
            assert (comparison.settings.position != before) == moved
            if moved:  # by as much as the mouse
                length = grid.size_xyz[0] * grid.spacing_xyz[0]
                assert (comparison.settings.position - before) * length == pytest.approx(90 / zoom, abs=1.5)
                assert tuple(camera.center) == pytest.approx(centre)

    def test_all_modes_are_drawn_in_3_d_view(self, request, qtbot):
        viewer = real_viewer(request, qtbot)
        viewer.dims.ndisplay = 3
        comparison = compare_layers(viewer, "first", "second")
        comparison.pictures.layers[1].contrast_limits = (0, 20)  # else the two look alike
        viewer.reset_view()
        pictures = []
        for mode in ("checkerboard", "wipe", "overlay", "difference", "contours"):
            comparison.change(mode=mode)
            qtbot.wait(300)
            picture = viewer.screenshot(canvas_only=True, flash=False)[120:, :, :3]
            assert picture.max() > 60, mode
            pictures.append(picture)
        assert len({picture.tobytes() for picture in pictures}) == len(pictures)

    def test_the_button_of_the_result_opens_the_dock(self, request, qtbot):
        viewer = real_viewer(request, qtbot)
        widget = open_compare(viewer, viewer.layers["first"], viewer.layers["second"])
        qtbot.waitUntil(lambda: not viewer.layers["first"].visible, timeout=10_000)
        again = open_compare(viewer, viewer.layers["second"], viewer.layers["first"])
        assert again is widget
        assert widget.minimumSizeHint().width() <= 320
        assert comparison_of(viewer).first.name == "second"
        viewer.window.remove_dock_widget(widget)
        qtbot.waitUntil(lambda: not comparison_of(viewer).is_on)
        assert viewer.layers["first"].visible
