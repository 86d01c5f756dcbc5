"""Does work for the GUI's thread in small portions, so that the viewer stays alive in between."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from collections.abc import Callable


_PAUSE_MS = 25  # long enough to paint and to take a click
_PAINT_AFTER_MS = 10


class Turns(QObject):
    """Calls jobs in their order, each in its own turn of the event loop.

    napari takes 50 to 120 ms to add or remove one layer; several at once would be felt.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._next)

    def add(self, job: Callable[[], None]) -> None:
        """Call `job` in a turn after those that wait already."""
        self._jobs.append(job)
        if not self._timer.isActive():
            self._timer.start()

    def _next(self) -> None:
        job = self._jobs.popleft()
        canvases = self._canvases()
        for canvas in canvases:
            canvas.setUpdatesEnabled(False)
        try:
            job()
        finally:
            for canvas in canvases:  # in a turn of its own: a layer's controls and its first paint take 50 ms each
                QTimer.singleShot(_PAINT_AFTER_MS, partial(_paint, canvas))
            if self._jobs:
                self._timer.start()

    def _canvases(self) -> list[QWidget]:
        parent = self.parent()
        window = parent.window() if isinstance(parent, QWidget) else None
        return [] if window is None else list(window.findChildren(QOpenGLWidget))


def _paint(canvas: QWidget) -> None:
    if isalive(canvas):
        canvas.setUpdatesEnabled(True)
