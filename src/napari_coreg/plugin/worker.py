"""Runs a registration off the GUI's thread, and tells the GUI in portions that it can digest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari.qt.threading import WorkerBase, WorkerBaseSignals
from qtpy.QtCore import Signal

from napari_coreg.core.preflight import check_pair
from napari_coreg.core.register import register
from napari_coreg.errors import CoregError, RegistrationCancelled
from napari_coreg.plugin.layer_run import Check, Ready, Register, Request, carry_out, check_volumes, read_volumes
from napari_coreg.plugin.register.preview import Pace, make_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import Progress
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.layer_run import Volumes

SECONDS_BETWEEN_UPDATES = 0.1


@dataclass(frozen=True, slots=True)
class Update:
    """All moments of a run since the last update, the latest last."""

    moments: tuple[Progress, ...]

    @property
    def latest(self) -> Progress:
        """Where the run is now."""
        return self.moments[-1]


class TaskSignals(WorkerBaseSignals):
    """What a worker says, besides `started`, `returned`, `errored` and `finished`."""

    failed = Signal(str)  # one sentence for the user


class TaskWorker(WorkerBase):
    """Calls a function; a CoregError becomes `failed`, anything unexpected goes to napari's notifications.

    Parameters
    ----------
    task : callable
        Called without arguments; what it returns goes with `returned`.
    """

    def __init__(self, task: Callable[[], Any], signals: type[TaskSignals] = TaskSignals) -> None:
        super().__init__(SignalsClass=signals)
        self._task = task
        self.errored.connect(_notify)
        self.warned.connect(_warn)

    def work(self) -> Any:
        """Call the function, in the worker's thread."""
        try:
            return self._task()
        except CoregError as error:
            self.failed.emit(str(error))
            self.quit()  # so that `returned` is not emitted
            return None


class RegistrationSignals(TaskSignals):
    """What a `RegistrationWorker` says besides; `returned` carries a `Ready`."""

    progressed = Signal(object)  # an Update, at most ten a second
    moved = Signal(object)  # the transform as it stands, for the preview
    checked = Signal(object)  # what the check before the run has found, a tuple of Finding
    refused = Signal()  # the check has found an error, so nothing is run
    held = Signal(bool)  # the run stands still now, or goes on
    registered = Signal()  # the transform is found; the new layers are made now
    cancelled = Signal()


class RegistrationWorker(TaskWorker):
    """One run. ``quit()`` cancels it at the next iteration; closing napari does that too, also while it is paused.

    Exactly one of `returned`, `refused`, `cancelled`, `failed` (a CoregError) and `errored` (anything else) is emitted,
    before `finished`; only after a `quit` at the very end may all five stay away.

    Parameters
    ----------
    request : Request
        What to do.
    preview : bool
        Whether to send the transform now and then, to look through it.
    register : callable
        `napari_coreg.register`, or something that behaves like it.
    check : callable
        `napari_coreg.core.preflight.check_pair`, or something that behaves like it.
    """

    def __init__(
        self,
        request: Request,
        *,
        preview: bool = True,
        register: Register = register,
        check: Check = check_pair,
    ) -> None:
        super().__init__(self._run, RegistrationSignals)
        self._request = request
        self._wants_preview = preview
        self._register = register
        self._check = check
        self._pace: Pace | None = None
        self._moments: list[Progress] = []
        self._next = 0.0
        self._may_go = threading.Event()
        self._may_go.set()
        self._is_enough = self._is_registered = False

    @property
    def is_paused(self) -> bool:
        """Whether the run stands still, or will at its next iteration."""
        return not self._may_go.is_set()

    def pause(self) -> None:
        """Let the run stand still from its next iteration on, with no work at all; `held` is emitted then."""
        if not (self.abort_requested or self._is_enough or self._is_registered):
            self._may_go.clear()

    def resume(self) -> None:
        """Let the run go on."""
        self._may_go.set()

    def take(self) -> None:
        """End the run at its next iteration with what there is."""
        self._is_enough = True
        self._may_go.set()

    def quit(self) -> None:
        """Cancel the run."""
        super().quit()
        self._may_go.set()

    def _is_cancelled(self) -> bool:
        """Stand still while the run is paused, and tell whether it was cancelled; asked in the worker's thread."""
        if self.is_paused and not self._is_registered:
            self._flush()
            self.held.emit(True)
            self._may_go.wait()
            self.held.emit(False)
        return bool(self.abort_requested)

    def _run(self) -> Ready | None:
        """Read, register and make the layers, in the worker's thread."""
        try:
            volumes = read_volumes(self._request)
            findings = self._found(volumes)
            if any(finding.severity == "error" for finding in findings):
                self.refused.emit()
                self.quit()  # so that `returned` is not emitted
                return None
            if self._wants_preview:
                self._pace = Pace()
            ready = carry_out(
                self._request,
                volumes,
                on_progress=self._on_progress,
                is_cancelled=self._is_cancelled,
                is_enough=lambda: self._is_enough,
                findings=findings,
                register=self._registered,
            )
        except RegistrationCancelled:
            self.cancelled.emit()
            self.quit()  # so that `returned` is not emitted
            return None
        return ready

    def _found(self, volumes: Volumes) -> tuple[Finding, ...]:
        """Check the pair, tell what was found, and return it."""
        findings = check_volumes(self._request, volumes, self._check)
        if self.abort_requested:
            raise RegistrationCancelled("the registration was cancelled")
        self.checked.emit(findings)
        return findings

    def _registered(self, *volumes: Any, **settings: Any) -> RegistrationResult:
        result = self._register(*volumes, **settings)
        self._is_registered = True  # so that no pause holds up the layers
        self._flush()
        self.registered.emit()
        return result

    def _on_progress(self, progress: Progress) -> None:
        self._moments.append(replace(progress, current_transform=None))
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_UPDATES
            self._flush()
        if self._pace is not None and progress.current_transform is not None and self._pace.due():
            transform = progress.current_transform()
            make_ready(transform, self._request.fixed.geometry)
            self.moved.emit(transform)

    def _flush(self) -> None:
        if self._moments:
            self.progressed.emit(Update(tuple(self._moments)))
            self._moments = []


def _notify(error: Exception) -> None:
    from napari.utils.notifications import notification_manager  # noqa: PLC0415 - napari is there by now

    notification_manager.receive_error(type(error), error, error.__traceback__)


def _warn(shown: tuple[Any, ...]) -> None:
    from napari.utils.notifications import notification_manager  # noqa: PLC0415 - napari is there by now

    notification_manager.receive_warning(*shown[:4])
