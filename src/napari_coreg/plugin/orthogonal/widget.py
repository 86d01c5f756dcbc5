"""The dock widget "Orthogonal views": the planes that the canvas does not show, with a crosshair that all share."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.theme import get_theme
from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QBoxLayout, QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.orthogonal.crosshair import Crosshair
from napari_coreg.plugin.orthogonal.planes import PLANES, bounds_mm, dots_of, is_painted, paint
from napari_coreg.plugin.orthogonal.view import PlaneView
from napari_coreg.plugin.orthogonal.watch import Watch
from napari_coreg.plugin.parts import Note, follow
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.viewers import camera_of, mm_per_world_unit
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid
    from napari_coreg.plugin.orthogonal.planes import Dot, Plane

    FloatArray = npt.NDArray[np.float64]

_ROOM = 1.04
_EMPTY = "Open a volume to see it in three planes."
_CLICK_PIXELS = 4


class OrthogonalWidget(QWidget):
    """Shows the viewer's volumes in the planes that its canvas does not show, where the crosshair is.

    All is drawn in the displayed world: layers of different grids, and oblique ones, are cut where they lie.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._crosshair = Crosshair(napari_viewer)
        self._turns = Turns(self)
        self._watch = Watch(napari_viewer, lambda layer: layer is self._crosshair.layer, self)
        self._is_up = False
        self._is_zoomed = False  # by hand; until then the planes are fitted to the volumes
        self.note = Note(_EMPTY)
        self.views = [PlaneView(plane, self._paint) for plane in PLANES]
        self._make_controls()
        self._lay_out()
        self._connect()
        self._follow_theme()

    def _make_controls(self) -> None:
        self.all_planes = QCheckBox("All three")
        self.all_planes.setToolTip("Show here also the plane that the canvas shows.")
        self.crosshair = QCheckBox("Crosshair")
        self.crosshair.setChecked(True)
        self.crosshair.setToolTip(
            "Draw the crosshair, here and in the canvas, where it is a layer of its own. A click into the canvas moves "
            "it while the chosen layer is in pan and zoom mode."
        )
        self.fit = QPushButton("Fit")
        self.fit.setToolTip("Show all of the volumes again. A double-click into a plane does the same.")

    def _lay_out(self) -> None:
        self._planes = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._planes.setSpacing(2)
        for view in self.views:
            self._planes.addWidget(view, 1)
        controls = QHBoxLayout()
        controls.addWidget(self.crosshair)
        controls.addWidget(self.all_planes)
        controls.addStretch(1)
        controls.addWidget(self.fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        layout.addWidget(self.note)
        layout.addLayout(self._planes, 1)
        layout.addLayout(controls)

    def _connect(self) -> None:
        for view in self.views:
            view.jumped.connect(self.jump_to)
            view.zoomed.connect(self._on_zoomed)
            view.fit_wanted.connect(self.fit_all)
        self.fit.clicked.connect(self.fit_all)
        self.all_planes.toggled.connect(self._arrange)
        self.crosshair.toggled.connect(self._on_crosshair)
        self._watch.moved.connect(self._on_moved)
        self._watch.listed.connect(self._on_listed)
        self._watch.changed.connect(self.refresh)
        follow(self, camera_of(self._viewer).events.zoom, self._on_camera)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def point_mm(self) -> FloatArray:
        """Return where the crosshair is, zyx mm of the displayed world."""
        return np.asarray(self._viewer.dims.point[-3:], float) * mm_per_world_unit(self._viewer)

    def jump_to(self, point_mm: FloatArray) -> None:
        """Move the crosshair, and with it the viewer's sliders, as near as they reach to a point, zyx mm."""
        dims = self._viewer.dims
        if dims.ndim < 3:
            return
        wanted = np.asarray(point_mm, float) / mm_per_world_unit(self._viewer)
        reach = np.array([(each.start, each.stop) for each in dims.range[-3:]])
        dims.point = (*dims.point[:-3], *np.clip(wanted, reach[:, 0], reach[:, 1]).tolist())
        for view in self.views:
            view.show_point(self.point_mm())  # now, as the next key counts from there

    def fit_all(self) -> None:
        """Show all of the volumes in each plane, at one scale."""
        bounds = bounds_mm(layer for layer in self._viewer.layers if layer.visible)
        shown = [view for view in self.views if not view.isHidden()]
        if bounds is None or not shown:
            return
        extent = np.maximum(bounds[1] - bounds[0], 1e-3)
        scales = [
            max(extent[view.plane.rows] / max(view.height(), 1), extent[view.plane.columns] / max(view.width(), 1))
            for view in shown
        ]
        for view in self.views:
            view.centre_mm = bounds.mean(axis=0)
            view.mm_per_pixel = max(scales) * _ROOM
            view.update()
        self._is_zoomed = False

    def refresh(self, looks_changed: bool = True) -> None:
        """Bring all planes up to date; it is called by itself when something has changed."""
        if not self._is_up or not isalive(self):
            return
        self._arrange()
        if self._viewer.dims.ndim < 3:
            return
        point, step = self.point_mm(), np.array([each.step for each in self._viewer.dims.range[-3:]], float)
        dots = list(self._dots())
        for view in self.views:
            view.step_mm = step * mm_per_world_unit(self._viewer)
            view.show_point(point)
            half = view.step_mm[view.plane.across] / 2 + 1e-6
            view.dots = [dot for dot in dots if abs(dot.point_mm - point)[view.plane.across] <= half]
            if looks_changed:
                view.look_again()
        if self.crosshair.isChecked():
            self._crosshair.follow()

    def showEvent(self, event: Any) -> None:
        """Begin to follow the viewer."""
        super().showEvent(event)
        if not self._is_up:
            self._is_up = True
            self._viewer.mouse_drag_callbacks.append(self._on_canvas)
            self._on_crosshair()
            self._watch.look()

    def hideEvent(self, event: Any) -> None:
        """Leave the viewer as it was."""
        super().hideEvent(event)
        if self._is_up and not event.spontaneous():  # that would be the whole window, put away for a while
            self._is_up = False
            if self._on_canvas in self._viewer.mouse_drag_callbacks:
                self._viewer.mouse_drag_callbacks.remove(self._on_canvas)
            self._crosshair.remove()

    def resizeEvent(self, event: Any) -> None:
        """Put the planes side by side where there is more width than height."""
        super().resizeEvent(event)
        wide = self.width() > 1.2 * self.height()
        self._planes.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        QTimer.singleShot(0, self._after_resize)

    def _on_moved(self) -> None:
        if self._is_up and self.crosshair.isChecked():
            self._crosshair.follow()  # now, so that the canvas is painted once

    def _on_listed(self) -> None:
        if not self._is_zoomed:
            QTimer.singleShot(0, self._after_resize)

    def _after_resize(self) -> None:
        if isalive(self) and not self._is_zoomed:
            self.fit_all()

    def _arrange(self) -> None:
        """Show the planes that the canvas does not show."""
        dims = self._viewer.dims
        is_volume = dims.ndim >= 3 and any(is_painted(layer) for layer in self._viewer.layers)
        self.note.say("" if is_volume else _EMPTY)
        in_canvas = dims.order[-3] - dims.ndim + 3 if dims.ndim >= 3 and dims.ndisplay == 2 else None
        changed = False
        for view in self.views:
            wanted = is_volume and (self.all_planes.isChecked() or view.plane.across != in_canvas)
            changed |= wanted is view.isHidden()
            view.setVisible(wanted)
        if changed and not self._is_zoomed:
            QTimer.singleShot(0, self._after_resize)
        if self._is_up and self.crosshair.isChecked() and is_volume:
            self._crosshair.keep_on_top()

    def _on_zoomed(self, mm_per_pixel: float) -> None:
        """Zoom the other planes about the crosshair as far as one was zoomed."""
        self._is_zoomed = True
        for view in self.views:
            if view is not self.sender():
                factor = mm_per_pixel / view.mm_per_pixel
                view.centre_mm = view.point_mm + (view.centre_mm - view.point_mm) * factor
            view.mm_per_pixel = mm_per_pixel
            view.update()

    def _on_crosshair(self) -> None:
        """Show the lines or take them away."""
        for view in self.views:
            view.crosshair = self.crosshair.isChecked()
            view.update()
        if "pandas" in sys.modules:
            self._add_turns()
            return
        worker = TaskWorker(partial(import_module, "pandas"))  # 0.4 s; napari needs it for the first layer of lines
        worker.finished.connect(self._add_turns)
        worker.start()

    def _add_turns(self) -> None:
        if isalive(self):
            if self._is_up and self.crosshair.isChecked():
                self._turns.add(self._crosshair.prepare)
            self._turns.add(self._update_crosshair)

    def _update_crosshair(self) -> None:
        if not isalive(self):
            return
        if self._is_up and self.crosshair.isChecked():
            self._crosshair.show()
        else:
            self._crosshair.remove()

    def _on_camera(self) -> None:
        if self._is_up:
            self._crosshair.follow_zoom()

    def _on_canvas(self, viewer: Any, event: Any) -> Iterator[None]:
        """Move the crosshair to where the canvas is clicked, unless a tool or another view has the mouse."""
        active = viewer.layers.selection.active
        if (
            event.button != 1
            or event.modifiers
            or viewer.dims.ndisplay != 2
            or not (active is None or str(active.mode) == "pan_zoom")
        ):
            return
        position, began = event.position, np.array(event.pos)
        yield
        while event.type == "mouse_move":
            if np.abs(np.array(event.pos) - began).max() > _CLICK_PIXELS:
                return
            yield
        self.jump_to(np.asarray(position[-3:]) * mm_per_world_unit(viewer))

    def _paint(self, plane: Plane, grid: Grid) -> npt.NDArray[np.uint8]:
        return paint(self._viewer.layers, plane, grid, self._viewer.dims.point, self._canvas)

    def _dots(self) -> Iterator[Dot]:
        for layer in self._viewer.layers:
            if layer.visible and hasattr(layer, "symbol") and layer.ndim >= 3:
                yield from dots_of(layer, self._viewer.dims.point)

    def _follow_theme(self) -> None:
        self._canvas = get_theme(self._viewer.theme).canvas.as_rgb_tuple()[:3]
        for view in self.views:
            view.is_light = sum(self._canvas) > 3 * 128
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))
        self._watch.look()
