"""Landmarks set with the mouse and the keys in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_coreg.plugin.landmarks.widget import LandmarksWidget

pytestmark = pytest.mark.slow


@pytest.fixture
def begun(make_napari_viewer, qtbot):
    """A viewer in which the next click sets a landmark in 'fixed'."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1100, 800)
    for name in ("fixed", "moving"):
        viewer.add_image(np.zeros((20, 60, 60), np.float32), name=name, scale=(3, 1.5, 1.5), units=("mm",) * 3)
    widget = LandmarksWidget(viewer)
    viewer.window.add_dock_widget(widget)
    widget.controls.add_buttons["fixed"].click()
    qtbot.waitUntil(lambda: widget.desk.adding == "fixed")
    qtbot.wait(300)
    return viewer, widget


def canvas_of(viewer):
    return viewer.window._qt_viewer.canvas.native


def pixel(viewer, y, x):
    """Where a place of the slice (mm) is on the canvas."""
    canvas = viewer.window._qt_viewer.canvas
    centre, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    height, width = canvas.size
    return QPoint(round(width / 2 + (x - centre[2]) * zoom), round(height / 2 + (y - centre[1]) * zoom))


def click(viewer, qtbot, y, x):
    where = pixel(viewer, y, x)
    QTest.mouseMove(canvas_of(viewer), where)
    QTest.mouseClick(canvas_of(viewer), Qt.MouseButton.LeftButton, pos=where)
    qtbot.wait(150)


def drag(viewer, qtbot, begin, end):
    canvas, start, stop = canvas_of(viewer), pixel(viewer, *begin), pixel(viewer, *end)
    QTest.mouseMove(canvas, start)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for part in np.linspace(0, 1, 6)[1:]:
        QTest.mouseMove(canvas, start + (stop - start) * float(part))
        qtbot.wait(20)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=stop)
    qtbot.wait(150)


def test_clicks_drags_and_keys_set_landmarks(begun, qtbot):
    viewer, widget = begun
    pairs, slack = widget.marks.pairs, 1.5 / viewer.scene.camera.zoom
    z = viewer.dims.point[0]
    for y, x in ((20, 20), (20, 65), (65, 30)):
        click(viewer, qtbot, y, x)
        assert widget.desk.adding == "moving"
        click(viewer, qtbot, y + 4, x + 3)
        assert widget.desk.adding == "fixed"
    assert len(pairs.complete) == 3
    assert np.allclose(pairs[1].fixed_lps, (65, 20, z), atol=slack)
    assert np.allclose(pairs[1].moving_lps, (68, 24, z), atol=slack)

    click(viewer, qtbot, 50, 60)  # there is a fit now
    assert np.allclose(pairs[3].moving_lps, (63, 54, z), atol=3 * slack)
    assert pairs[3].guessed == "moving"
    qtbot.waitUntil(lambda: viewer.layers.selection.active.mode == "select")
    qtbot.wait(300)  # until the estimate is painted, and so can be taken hold of
    drag(viewer, qtbot, (54, 63), (60, 70))
    assert pairs[3].is_complete
    assert np.allclose(pairs[3].moving_lps, (70, 60, z), atol=3 * slack)
    assert np.allclose(pairs[3].fixed_lps, (60, 50, z), atol=slack)

    canvas_of(viewer).setFocus()
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Return)
    qtbot.wait(100)
    assert widget.desk.adding == "fixed"
    QTest.mouseMove(canvas_of(viewer), pixel(viewer, 40, 40))
    qtbot.wait(100)
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_N)
    qtbot.wait(150)
    assert np.allclose(pairs[4].fixed_lps, (40, 40, z), atol=slack)
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.wait(100)
    assert len(pairs) == 4
    QTest.keyClick(
        canvas_of(viewer), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.wait(100)
    assert len(pairs) == 5
    layer = widget.marks.layer("fixed")
    viewer.layers.selection.active = layer
    layer.selected_data = {0}
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Delete)
    qtbot.wait(100)
    assert len(pairs) == len(layer.data) == 4
