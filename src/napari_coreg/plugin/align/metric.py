"""One number that follows the hand: worked out beside the GUI's thread, for the newest pose only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_coreg.core.coarse_match import CoarseMatch
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.plugin.layers import LayerVolume


_PAUSE_MS = 100  # after each number: the processor is for the picture that follows the hand


class LiveMetric(QObject):
    """Tells how well two volumes match in the pose that was asked for last; poses in between are dropped.

    Parameters
    ----------
    fixed, moving : LayerVolume
        As read from their layers.
    """

    measured = Signal(object)  # a float, or None where the volumes do not overlap
    failed = Signal(str)

    def __init__(self, fixed: LayerVolume, moving: LayerVolume, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fixed, self._moving = fixed, moving
        self._match: CoarseMatch | None = None
        self._worker: TaskWorker | None = None
        self._next: sitk.Transform | None = None
        self._stopped = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._start)

    def is_busy(self) -> bool:
        """Whether a number is on its way."""
        return self._worker is not None or self._next is not None

    def ask(self, transform: sitk.Transform) -> None:
        """Ask for the match through a transform (fixed -> moving, between the volumes' own frames)."""
        if not self._stopped:
            self._next = transform
        if self._worker is None and not self._pause.isActive():
            self._start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopped, self._next = True, None

    def _start(self) -> None:
        transform, self._next = self._next, None
        if transform is None:
            return
        self._worker = TaskWorker(partial(self._measure, transform))
        self._worker.returned.connect(self._on_returned)
        self._worker.failed.connect(self._on_failed)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def _measure(self, transform: sitk.Transform) -> float | None:
        """In the worker's thread; only one at a time."""
        if self._match is None:
            fixed, moving = self._fixed, self._moving
            match = CoarseMatch(fixed.data, fixed.geometry, moving.data, moving.geometry, lambda: self._stopped)
            if self._stopped:
                return None
            self._match = match
        return self._match(transform)

    def _on_returned(self, value: Any) -> None:
        if not self._stopped:
            self.measured.emit(value)

    def _on_failed(self, text: str) -> None:
        if not self._stopped:
            self.failed.emit(text)

    def _on_finished(self) -> None:
        self._worker = None
        self._pause.start()
