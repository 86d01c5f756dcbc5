"""The clocks of a comparison: one that flickers, one that waits until things have settled; neither outlives its use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTLED_MS = 250


class Flicker:
    """Calls a function at a rate, as long as it runs and is not held.

    Parameters
    ----------
    tick : callable
        What is called.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._timer: QTimer | None = None
        self._rate_hz = 0.0
        self._held = False

    @property
    def is_running(self) -> bool:
        """Whether it ticks."""
        return self._timer is not None

    def run(self, rate_hz: float) -> None:
        """Tick so many times in a second; 0 stops it."""
        self._rate_hz = rate_hz
        self._update()

    def stop(self) -> None:
        """Do not tick any more."""
        self.run(0.0)

    def hold(self, held: bool) -> None:
        """Do not tick while it is held."""
        self._held = held
        self._update()

    def _update(self) -> None:
        if self._rate_hz <= 0 or self._held or QCoreApplication.instance() is None:
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
            return
        if self._timer is None:
            self._timer = QTimer()
            self._timer.timeout.connect(self._tick)
        interval = round(1000 / self._rate_hz)
        if not self._timer.isActive() or self._timer.interval() != interval:
            self._timer.start(interval)


class Pause:
    """Calls a function once, a while after it was asked for the last time; at once where no event loop can run.

    Parameters
    ----------
    job : callable
        What is called.
    milliseconds : int
        How long it waits.
    """

    def __init__(self, job: Callable[[], None], milliseconds: int = _SETTLED_MS) -> None:
        self._job = job
        self._milliseconds = milliseconds
        self._timer: QTimer | None = None

    def begin(self) -> None:
        """Ask for it."""
        if QCoreApplication.instance() is None:
            self._job()
            return
        if self._timer is None:
            self._timer = QTimer()
            self._timer.setSingleShot(True)
            self._timer.timeout.connect(self._on_time)
        self._timer.start(self._milliseconds)

    def stop(self) -> None:
        """Forget it."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _on_time(self) -> None:
        self.stop()
        self._job()
