"""Calls functions one after the other in a worker, and hands each answer to who asked for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, eq=False)
class _Errand:
    task: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[str], None]


class Errands(QObject):
    """A queue of errands; only one is run at a time, so that they do not take the processor from each other."""

    changed = Signal()  # it became busy or idle

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[_Errand] = deque()
        self._errand: _Errand | None = None
        self._worker: TaskWorker | None = None

    def is_busy(self) -> bool:
        """Whether something is on its way."""
        return self._worker is not None

    def add(self, task: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Call `task` in a worker, and then `done` with its answer, or `failed` with one sentence, in this thread."""
        self._waiting.append(_Errand(task, done, failed))
        if self._worker is None:
            self._next()

    def _next(self) -> None:
        self._errand = self._waiting.popleft()
        self._worker = TaskWorker(self._errand.task)
        self._worker.returned.connect(self._on_returned)
        self._worker.failed.connect(self._on_failed)
        self._worker.errored.connect(self._on_errored)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()
        self.changed.emit()

    def _on_returned(self, answer: Any) -> None:
        if self._errand is not None:
            self._errand.done(answer)

    def _on_failed(self, text: str) -> None:
        if self._errand is not None:
            self._errand.failed(text)

    def _on_errored(self, error: Exception) -> None:
        what = f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more."
        self._on_failed(what)

    def _on_finished(self) -> None:
        self._worker = self._errand = None
        if self._waiting:
            self._next()
        else:
            self.changed.emit()
