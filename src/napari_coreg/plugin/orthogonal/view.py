"""One plane on the screen: a picture with a crosshair, that is clicked into, zoomed, moved and scrolled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid
    from napari_coreg.plugin.orthogonal.planes import Dot, Plane

    FloatArray = npt.NDArray[np.float64]
    Paint = Callable[[Plane, Grid], npt.NDArray[np.uint8]]

AXIS_COLOURS = ((255, 214, 64), (255, 110, 230), (70, 220, 255))  # of the lines along z, y and x, as napari's axes
_GAP = 7  # pixels of the crosshair left free around its point
_ZOOM = 1.2
_SLOW_SECONDS = 0.045  # a picture that takes longer is drawn at half the size first
_FINE_AFTER_MS = 150
_KEYS = {  # rows down, columns right, slices
    Qt.Key.Key_Up: (-1, 0, 0),
    Qt.Key.Key_Down: (1, 0, 0),
    Qt.Key.Key_Left: (0, -1, 0),
    Qt.Key.Key_Right: (0, 1, 0),
    Qt.Key.Key_PageUp: (0, 0, 1),
    Qt.Key.Key_PageDown: (0, 0, -1),
}


class PlaneView(QWidget):
    """Shows one plane through a point of the world.

    Parameters
    ----------
    plane : Plane
        Which one.
    paint : callable
        Plane and grid -> picture, (height, width, 3) of bytes.
    """

    jumped = Signal(object)  # zyx mm, where the crosshair is wanted
    zoomed = Signal(float)  # the new millimetres a pixel
    fit_wanted = Signal()

    def __init__(self, plane: Plane, paint: Paint, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = plane
        self._paint = paint
        self.point_mm: FloatArray = np.zeros(3)
        self.step_mm: FloatArray = np.ones(3)
        self.centre_mm: FloatArray = np.zeros(3)
        self.mm_per_pixel = 1.0
        self.crosshair = True
        self.is_light = False  # the canvas, so that letters are to be dark
        self.dots: list[Dot] = []
        self._drawn: tuple[Grid, int] | None = None  # what the image shows: the samples, and how the layers looked
        self._image: QImage | None = None
        self._version = 0
        self._shrink = 1  # pixels of the screen a sample
        self._is_slow = self._is_due = False
        self._grabbed: QPointF | None = None
        self._finer = QTimer(self)
        self._finer.setSingleShot(True)
        self._finer.setInterval(_FINE_AFTER_MS)
        self._finer.timeout.connect(self._draw_finely)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(f"{plane.name} plane")
        self.setToolTip(
            f"{plane.name}: click or drag to move the crosshair. Wheel: zoom; Ctrl and wheel, or Page Up and Down: "
            "slices. Right drag: move the picture. Double-click: fit. Arrows: one voxel."
        )

    def minimumSizeHint(self) -> QSize:
        """Let the dock become narrow."""
        return QSize(120, 90)

    def sizeHint(self) -> QSize:
        """As much as there is."""
        return QSize(280, 240)

    def show_point(self, point_mm: FloatArray) -> None:
        """Move the crosshair, and the picture where it would leave it."""
        self.point_mm = np.array(point_mm, float)
        row, column = self.to_pixel(self.point_mm)
        if not (0 <= row <= self.height() and 0 <= column <= self.width()):
            self.centre_mm = self.point_mm.copy()
        self.update()

    def look_again(self) -> None:
        """Draw anew, as the layers look otherwise."""
        self._version += 1
        self.update()

    def to_pixel(self, point_mm: FloatArray) -> tuple[float, float]:
        """Return the row and column, counted from the upper left corner, at which a point (zyx mm) is seen."""
        offset = (np.asarray(point_mm) - self.centre_mm) / self.mm_per_pixel
        down = -1 if self.plane.up else 1
        return (
            self.height() / 2 + down * float(offset[self.plane.rows]),
            self.width() / 2 + float(offset[self.plane.columns]),
        )

    def to_point(self, row: float, column: float) -> FloatArray:
        """Return the point of the plane (zyx mm) that is seen at a pixel."""
        down = -1 if self.plane.up else 1
        point = self.point_mm.copy()
        point[self.plane.rows] = self.centre_mm[self.plane.rows] + down * (row - self.height() / 2) * self.mm_per_pixel
        point[self.plane.columns] = self.centre_mm[self.plane.columns] + (column - self.width() / 2) * self.mm_per_pixel
        return point

    def picture(self) -> QImage:
        """Return the plane as it is drawn, without crosshair, dots and letters; drawn anew only where need be."""
        wanted = self._grid(1), self._version
        if wanted != self._drawn:
            self._shrink = 2 if self._is_slow else 1
        elif self._image is not None and not self._is_due:
            return self._image
        else:
            self._shrink = 1
        self._is_due = False
        began = time.perf_counter()
        pixels = np.ascontiguousarray(self._paint(self.plane, self._grid(self._shrink)))
        took = time.perf_counter() - began
        height, width = pixels.shape[:2]
        self._image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self._drawn = wanted
        if self._shrink == 1:
            self._is_slow = took > _SLOW_SECONDS
        else:
            self._is_slow = 4 * took > _SLOW_SECONDS
            self._finer.start()
        return self._image

    def _grid(self, shrink: int) -> Grid:
        size = max(1, -(-self.height() // shrink)), max(1, -(-self.width() // shrink))
        return self.plane.grid(self.point_mm, self.centre_mm, self.mm_per_pixel * shrink, size)

    def _draw_finely(self) -> None:
        self._is_due = True
        self.update()

    def paintEvent(self, _event: Any) -> None:
        """Draw picture, dots, crosshair and letters."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        image = self.picture()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        # As wide as its samples reach, which may be half a sample beyond the window.
        wide, high = image.width() * self._shrink, image.height() * self._shrink
        painter.drawImage(QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high), image)
        for dot in self.dots:
            self._draw_dot(painter, dot)
        if self.crosshair:
            self._draw_crosshair(painter)
        self._draw_letters(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _draw_dot(self, painter: QPainter, dot: Dot) -> None:
        row, column = self.to_pixel(dot.point_mm)
        radius = max(3.0, dot.radius_mm / self.mm_per_pixel)
        painter.setPen(QPen(QColor(0, 0, 0), 1))
        painter.setBrush(QColor(*dot.colour))
        painter.drawEllipse(QPointF(column, row), radius, radius)
        if dot.text:
            self._write(painter, QPointF(column + radius + 3, row + 4), dot.text)

    def _draw_crosshair(self, painter: QPainter) -> None:
        row, column = self.to_pixel(self.point_mm)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for axis, ends in (
            (self.plane.columns, ((0, row, column - _GAP, row), (column + _GAP, row, self.width(), row))),
            (self.plane.rows, ((column, 0, column, row - _GAP), (column, row + _GAP, column, self.height()))),
        ):
            painter.setPen(QPen(QColor(*AXIS_COLOURS[axis]), 1))
            for x1, y1, x2, y2 in ends:
                painter.drawLine(QPointF(x1, y1), QPointF(x2, y2))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _draw_letters(self, painter: QPainter) -> None:
        metrics = QFontMetricsF(self.font())
        left, right, top, bottom = list(self.plane.letters)
        wide, high = metrics.horizontalAdvance("M"), metrics.ascent()
        middle, centre = self.height() / 2 + high / 2, self.width() / 2 - wide / 2
        self._write(painter, QPointF(5, middle), left)
        self._write(painter, QPointF(self.width() - wide - 4, middle), right)
        self._write(painter, QPointF(centre, high + 3), top)
        self._write(painter, QPointF(centre, self.height() - 5), bottom)
        self._write(painter, QPointF(5, high + 3), self.plane.name)

    def _write(self, painter: QPainter, at: QPointF, text: str) -> None:
        """Write with an edge, so that it is read on any picture."""
        ink, edge = (QColor(0, 0, 0), QColor(255, 255, 255))[:: 1 if self.is_light else -1]
        painter.setPen(edge)
        for right, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawText(at + QPointF(right, down), text)
        painter.setPen(ink)
        painter.drawText(at, text)

    def mousePressEvent(self, event: Any) -> None:
        """Move the crosshair with the left button, the picture with another."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._jump(event.position())
        else:
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: Any) -> None:
        """Go on."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._jump(event.position())
        elif self._grabbed is not None and event.buttons():
            before = self.to_point(self._grabbed.y(), self._grabbed.x())
            self.centre_mm += before - self.to_point(event.position().y(), event.position().x())
            self._grabbed = event.position()
            self.update()

    def mouseReleaseEvent(self, _event: Any) -> None:
        """Let go."""
        self._grabbed = None

    def mouseDoubleClickEvent(self, _event: Any) -> None:
        """Show all of it again."""
        self.fit_wanted.emit()

    def wheelEvent(self, event: Any) -> None:
        """Zoom about the mouse, or scroll through the slices with Ctrl, as napari's canvas does."""
        turns = event.angleDelta().y() / 120
        if not turns:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._step(0, 0, 1 if turns > 0 else -1)
        else:
            self._zoom(_ZOOM**-turns, self.to_point(event.position().y(), event.position().x()))
        event.accept()

    def keyPressEvent(self, event: Any) -> None:
        """Arrows and Page Up and Down move the crosshair by a voxel, plus and minus zoom, 0 fits."""
        if event.key() in _KEYS:
            self._step(*_KEYS[event.key()])
        elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(_ZOOM if event.key() == Qt.Key.Key_Minus else 1 / _ZOOM, self.point_mm)
        elif event.key() == Qt.Key.Key_0:
            self.fit_wanted.emit()
        else:
            super().keyPressEvent(event)

    def _jump(self, position: QPointF) -> None:
        row = min(max(position.y(), 0.0), float(self.height()))
        column = min(max(position.x(), 0.0), float(self.width()))
        self.jumped.emit(self.to_point(row, column))

    def _step(self, down: int, right: int, slices: int) -> None:
        point = self.point_mm.copy()
        for axis, count in (
            (self.plane.rows, -down if self.plane.up else down),
            (self.plane.columns, right),
            (self.plane.across, slices),
        ):
            point[axis] += count * self.step_mm[axis]
        self.jumped.emit(point)

    def _zoom(self, factor: float, about_mm: FloatArray) -> None:
        """Change the scale and keep a point where it is."""
        self.centre_mm = about_mm + (self.centre_mm - about_mm) * factor
        self.zoomed.emit(self.mm_per_pixel * factor)
