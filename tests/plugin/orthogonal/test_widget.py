"""The dock widget "Orthogonal views": its planes, the crosshair, and what it gives back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_coreg.plugin.live import look_again, reslice_layer
from napari_coreg.plugin.orthogonal.crosshair import NAME
from napari_coreg.plugin.orthogonal.widget import OrthogonalWidget


@pytest.fixture
def far(viewer: Any) -> Any:
    """A viewer with two volumes of different grids, far from the origin."""
    ramp = np.arange(20 * 24 * 28, dtype=np.float32).reshape(20, 24, 28)
    millimetres = {"units": ("mm",) * 3, "contrast_limits": (0, float(ramp.max()))}
    viewer.add_image(ramp, name="one", scale=(3, 1, 1), translate=(-100, 40, 15), **millimetres)
    viewer.add_image(ramp[::2], name="other", scale=(2, 2, 2), translate=(-90, 35, 20), **millimetres)
    return viewer


@pytest.fixture
def views(qtbot: Any, far: Any) -> OrthogonalWidget:
    widget = OrthogonalWidget(far)
    qtbot.addWidget(widget)
    widget.resize(320, 700)
    with qtbot.waitExposed(widget):
        widget.show()
    qtbot.waitUntil(lambda: NAME in far.layers, timeout=10_000)
    settle(qtbot)
    return widget


def settle(qtbot: Any) -> None:
    qtbot.wait(60)


def shown(widget: OrthogonalWidget) -> list[str]:
    return [view.plane.name for view in widget.views if not view.isHidden()]


def bytes_of(view: Any) -> bytes:
    image = view.picture()
    return bytes(image.constBits().asarray(image.sizeInBytes()))


def test_the_planes_that_the_canvas_does_not_show_are_shown(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    assert shown(views) == ["Coronal", "Sagittal"]
    far.dims.order = (1, 0, 2)
    settle(qtbot)
    assert shown(views) == ["Axial", "Sagittal"]
    far.dims.ndisplay = 3
    settle(qtbot)
    assert shown(views) == ["Axial", "Coronal", "Sagittal"]
    far.dims.ndisplay = 2
    views.all_planes.setChecked(True)
    settle(qtbot)
    assert shown(views) == ["Axial", "Coronal", "Sagittal"]


def test_a_click_moves_the_sliders_to_what_was_clicked(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    coronal = views.views[1]
    before = far.dims.point
    wanted = coronal.to_point(60.5, 130.5)
    QTest.mouseClick(coronal, Qt.MouseButton.LeftButton, pos=QPoint(130, 60))
    assert far.dims.point[1] == pytest.approx(before[1])
    step = np.array([each.step for each in far.dims.range])
    assert (np.abs(np.array(far.dims.point) - wanted) <= step / 2 + coronal.mm_per_pixel).all()
    settle(qtbot)
    row, column = coronal.to_pixel(views.point_mm())
    assert (row, column) == pytest.approx((60, 130), abs=1 + 1.5 / coronal.mm_per_pixel)


def test_the_crosshair_follows_the_sliders(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    far.dims.point = (-70.0, 50.0, 30.0)
    settle(qtbot)
    for view in views.views:
        np.testing.assert_allclose(view.point_mm, far.dims.point)
    ends = far.layers[NAME].data[:, 0] * far.layers[NAME].scale
    assert far.layers[NAME].data.shape == (4, 2, 3)  # left, right, above and below
    np.testing.assert_allclose(ends[:, 0], far.dims.point[0])


def test_the_crosshair_leaves_sliders_and_selection_alone(qtbot: Any, far: Any) -> None:
    far.layers.selection.active = far.layers["one"]
    before = far.dims.range, far.dims.current_step, list(far.mouse_drag_callbacks)
    widget = OrthogonalWidget(far)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: NAME in far.layers, timeout=10_000)
    settle(qtbot)
    assert (far.dims.range, far.dims.current_step) == before[:2]
    assert far.layers.selection.active is far.layers["one"]
    widget.hide()
    settle(qtbot)
    assert [layer.name for layer in far.layers] == ["one", "other"]
    assert (far.dims.range, far.dims.current_step, list(far.mouse_drag_callbacks)) == before
    widget.show()
    qtbot.waitUntil(lambda: NAME in far.layers, timeout=10_000)


def test_the_crosshair_can_be_left_out(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    views.crosshair.setChecked(False)
    settle(qtbot)
    assert NAME not in far.layers
    assert not any(view.crosshair for view in views.views)


def test_the_crosshair_stays_above_what_comes_later(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    far.add_image(np.zeros((4, 4, 4)), name="late", units=("mm",) * 3)
    settle(qtbot)
    assert far.layers[-1].name == NAME


@pytest.mark.parametrize(
    "change",
    [
        {"visible": False},
        {"contrast_limits": (0, 100)},
        {"colormap": "viridis"},
        {"gamma": 0.5},
        {"translate": (-90, 45, 20)},
        {"data": np.zeros((20, 24, 28), np.float32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_planes_follow_how_a_layer_looks(
    qtbot: Any, views: OrthogonalWidget, far: Any, change: dict[str, Any]
) -> None:
    far.layers["other"].visible = False
    settle(qtbot)
    before = bytes_of(views.views[2])
    for name, value in change.items():
        setattr(far.layers["one"], name, value)
    settle(qtbot)
    assert bytes_of(views.views[2]) != before


def test_voxels_changed_in_place_are_seen_after_refresh(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    far.layers["other"].visible = False
    settle(qtbot)
    before = bytes_of(views.views[1])
    far.layers["one"].data[:] = 0
    far.layers["one"].refresh()
    settle(qtbot)
    assert bytes_of(views.views[1]) != before


def test_a_live_layer_that_looks_again_is_drawn_again(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    transform = sitk.TranslationTransform(3)
    live = reslice_layer(far, far.layers["one"], far.layers["other"], transform)
    settle(qtbot)
    before = bytes_of(views.views[1])
    transform.SetOffset((9.0, 0.0, 0.0))
    look_again(live)
    settle(qtbot)
    assert bytes_of(views.views[1]) != before


def test_scrolling_the_canvas_draws_no_other_plane_anew(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    coronal = views.views[1]
    before = coronal.picture().cacheKey()
    far.dims.set_current_step(0, 3)
    settle(qtbot)
    assert coronal.picture().cacheKey() == before


def test_keys_wheel_and_double_click(qtbot: Any, views: OrthogonalWidget, far: Any) -> None:
    coronal, sagittal = views.views[1:]
    far.dims.point = (-70.0, 50.0, 30.0)
    settle(qtbot)
    QTest.keyClick(coronal, Qt.Key.Key_Right)
    QTest.keyClick(coronal, Qt.Key.Key_Up)
    settle(qtbot)
    QTest.keyClick(coronal, Qt.Key.Key_PageUp)
    settle(qtbot)
    assert far.dims.point[2] > 30
    assert far.dims.point[0] > -70
    assert far.dims.point[1] > 50
    scale = coronal.mm_per_pixel
    QTest.keyClick(coronal, Qt.Key.Key_Plus)
    assert coronal.mm_per_pixel == sagittal.mm_per_pixel < scale
    QTest.mouseDClick(sagittal, Qt.MouseButton.LeftButton)
    assert coronal.mm_per_pixel == pytest.approx(scale)


def test_fitted_planes_show_all_of_the_volumes(views: OrthogonalWidget) -> None:
    corners = np.array([[-101.5, 34, 14.5], [-41.5, 82, 75]])
    for view in views.views:
        if view.isHidden():
            continue
        for corner in corners:
            row, column = view.to_pixel(corner)
            assert -1 <= row <= view.height() + 1
            assert -1 <= column <= view.width() + 1


def canvas_event(kind: str, position: tuple[float, ...], pixel: tuple[int, int]) -> SimpleNamespace:
    return SimpleNamespace(type=kind, position=position, pos=pixel, button=1, modifiers=[])


@pytest.mark.parametrize(("pixel", "moves"), [((50, 50), True), ((90, 50), False)], ids=["click", "drag"])
def test_a_click_into_the_canvas_moves_the_crosshair_but_a_drag_does_not(
    views: OrthogonalWidget, far: Any, pixel: tuple[int, int], moves: bool
) -> None:
    far.dims.point = (-70.0, 50.0, 30.0)
    event = canvas_event("mouse_press", (-70.0, 45.0, 22.0), (50, 50))
    gesture = far.mouse_drag_callbacks[-1](far, event)
    next(gesture)
    event.type, event.pos = "mouse_move", pixel
    if moves:
        next(gesture)
        event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(gesture)
    assert (far.dims.point[1] == pytest.approx(45, abs=0.6)) is moves


def test_a_click_with_a_tool_is_the_tools(views: OrthogonalWidget, far: Any) -> None:
    points = far.add_points(np.zeros((1, 3)), units=("mm",) * 3)
    points.mode = "add"
    with pytest.raises(StopIteration):
        next(far.mouse_drag_callbacks[-1](far, canvas_event("mouse_press", (-70.0, 45.0, 22.0), (50, 50))))


def test_without_volumes_it_says_what_to_do(qtbot: Any, viewer: Any) -> None:
    widget = OrthogonalWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    settle(qtbot)
    assert shown(widget) == []
    assert "Open a volume" in widget.note.text()
    viewer.add_layer(Image(np.zeros((5, 5)), units=("mm",) * 2))
    settle(qtbot)
    assert shown(widget) == []
    viewer.add_layer(Image(np.zeros((5, 6, 7)), units=("mm",) * 3))
    settle(qtbot)
    assert shown(widget) == ["Coronal", "Sagittal"]
    viewer.layers.clear()
    settle(qtbot)
    assert shown(widget) == []


def test_micrometres_in_the_viewer_are_millimetres_in_the_planes(qtbot: Any, viewer: Any) -> None:
    viewer.add_image(np.zeros((5, 6, 7)), scale=(500, 500, 500), units=("um",) * 3)
    widget = OrthogonalWidget(viewer)
    qtbot.addWidget(widget)
    widget.jump_to(np.array([1.0, 0.5, 1.5]))
    np.testing.assert_allclose(viewer.dims.point, (1000, 500, 1500))
    np.testing.assert_allclose(widget.point_mm(), (1.0, 0.5, 1.5))
