"""Checks a pair of layers and a recipe off the GUI's thread, and shows what was found for as long as it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_coreg.plugin.layer_run import check_volumes, read_volumes
from napari_coreg.plugin.register.findings_panel import FindingsPanel
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_coreg.core.preflight import Finding
    from napari_coreg.plugin.layer_run import Check, Request
    from napari_coreg.plugin.register.layers_panel import Chosen


class CheckPanel(FindingsPanel):
    """Runs checks, and shows the findings of the last one or of a run's own.

    Parameters
    ----------
    check : callable
        `napari_coreg.core.preflight.check_pair`, or something that behaves like it.
    """

    checked = Signal()  # there is something new to see
    failed = Signal(str)  # one sentence for the user
    ended = Signal()  # a check has ended, well or not

    def __init__(self, check: Check, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._check = check
        self._worker: TaskWorker | None = None
        self._about: tuple[Any, Any] = (None, None)
        self._is_wanted = self._is_outdated = False

    def is_busy(self) -> bool:
        """Whether a check is on its way."""
        return self._worker is not None

    def begin(self, chosen: Chosen) -> None:
        """Forget what was found, as a run of these layers begins; a check that is on its way is not shown."""
        self._about, self._is_wanted, self._is_outdated = (chosen.fixed, chosen.moving), False, False
        self.clear()

    def start(self, request: Request, chosen: Chosen) -> None:
        """Check what `request`, which was made from the layers `chosen`, would run; nothing while a check goes on."""
        if self._worker is not None:
            return
        self._about, self._is_wanted, self._is_outdated = (chosen.fixed, chosen.moving), True, False

        def task() -> tuple[Finding, ...]:
            return check_volumes(request, read_volumes(request), self._check)

        self._worker = TaskWorker(task)
        self._worker.returned.connect(self._on_returned)
        self._worker.failed.connect(self.failed)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def follow(self, chosen: Chosen) -> None:
        """Mark what is shown as outdated when layers or recipe change; hide it when it is about other layers."""
        self._is_outdated = True
        self.outdate()
        if (chosen.fixed, chosen.moving) != self._about:
            self._is_wanted = False
            self.clear()

    def show_grave(self, findings: Sequence[Finding]) -> None:
        """Show the errors and warnings of a run's own check, where there are any."""
        grave = [finding for finding in findings if finding.severity != "note"]
        if grave:
            self.show_findings(grave)

    def _on_returned(self, findings: tuple[Finding, ...]) -> None:
        if not self._is_wanted:
            return
        self.show_findings(findings)
        if self._is_outdated:
            self.outdate()
        self.checked.emit()

    def _on_finished(self) -> None:
        self._worker = None
        self.ended.emit()
