"""One run at a time: its worker, its preview, and what the user asks of it while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_coreg.plugin.register.preview import PreviewLayers
from napari_coreg.plugin.worker import RegistrationWorker

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.plugin.layer_run import Request
    from napari_coreg.plugin.register.progress_panel import ProgressPanel
    from napari_coreg.plugin.turns import Turns
    from napari_coreg.plugin.worker import Update

CANCELLED = "Cancelled. Nothing was changed."


class RunControl(QObject):
    """Starts a run, shows it in a progress panel, and steers it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the preview is shown.
    panel : ProgressPanel
        Shows how far the run is; its buttons are connected here.
    turns : Turns
        Where layers are added and removed.
    """

    changed = Signal()  # something about the run is another than before
    checked = Signal(object)  # what the check before the run has found
    refused = Signal()  # the check has found an error
    returned = Signal(object)  # a Ready; `finish` is to be called when its layers are there
    failed = Signal(str, str)  # there is no result: a sentence and its role

    def __init__(self, viewer: Any, panel: ProgressPanel, turns: Turns, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._panel, self._turns = viewer, panel, turns
        self._worker: RegistrationWorker | None = None
        self._preview: PreviewLayers | None = None
        self._is_ending = False
        panel.pause_button.clicked.connect(self.pause_or_resume)
        panel.take_button.clicked.connect(self.take)

    def is_running(self) -> bool:
        """Whether a registration is on its way."""
        return self._worker is not None

    def can_cancel(self) -> bool:
        """Whether there is a run that was not cancelled, and has not all but ended."""
        return self._worker is not None and not self._is_ending

    def start(self, request: Request, fixed: Any, moving: Any, **settings: Any) -> None:
        """Start the run of two layers; `settings` are those of `RegistrationWorker`."""
        worker = RegistrationWorker(request, **settings)
        worker.checked.connect(self.checked)
        worker.refused.connect(self.refused)
        worker.progressed.connect(self._on_progressed)
        worker.held.connect(self._on_held)
        worker.registered.connect(self._panel.complete)
        worker.moved.connect(self._on_moved)
        worker.returned.connect(self._on_returned)
        worker.cancelled.connect(self._on_cancelled)
        worker.failed.connect(self._on_failed)
        worker.errored.connect(self._on_errored)
        worker.finished.connect(self._on_finished)
        self._worker, self._is_ending = worker, False
        self._preview = PreviewLayers(self._viewer, fixed, moving, request, self._turns.add)
        self._panel.begin()
        worker.start()

    def cancel(self) -> None:
        """Ask the run to stop, paused or not; it does at its next iteration."""
        if self._worker is not None:
            self._worker.quit()
            self._is_ending = True
            self._panel.end("Cancelling...")
            self.changed.emit()

    def pause_or_resume(self) -> None:
        """Let the run stand still from its next iteration on, or go on."""
        if self._worker is None:
            return
        if self._worker.is_paused:
            self._worker.resume()
        else:
            self._worker.pause()
        self._panel.hold("Pausing" if self._worker.is_paused else "")

    def take(self) -> None:
        """End the run, paused or not, with what there is."""
        if self._worker is not None:
            self._worker.take()
            self._panel.end("Taking what there is...")

    def drop(self) -> None:
        """Stop the run, and leave no preview behind, as nobody will see the end of it."""
        if self._worker is not None:
            self._worker.quit()
        if self._preview is not None:
            self._preview.remove_now()

    def finish(self) -> bool:
        """Know that the run has ended, and all was done for it; return whether there was one."""
        if self._preview is not None:
            self._preview.remove()
        was_running, self._worker, self._preview = self.is_running(), None, None
        self._panel.finish()
        return was_running

    def _on_progressed(self, update: Update) -> None:
        if self._worker is not None and not self._worker.abort_requested:
            self._panel.update_to(update)

    def _on_held(self, held: bool) -> None:
        if self._worker is not None and self._worker.is_paused and held:
            self._panel.hold("Paused")

    def _on_moved(self, transform: sitk.Transform) -> None:
        if self._preview is not None and self.is_running():
            self._preview.show(transform)
            self._panel.explain_preview()

    def _on_returned(self, ready: Any) -> None:
        self._is_ending = True
        self.changed.emit()
        self.returned.emit(ready)
        if self._preview is not None:
            self._preview.remove()  # when the result covers it

    def _on_cancelled(self) -> None:
        self.failed.emit(CANCELLED, "note")

    def _on_failed(self, text: str) -> None:
        self.failed.emit(text, "error")

    def _on_errored(self, error: Exception) -> None:
        text = f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more."
        self.failed.emit(text, "error")

    def _on_finished(self) -> None:
        if self._worker is not None and self._worker.abort_requested:  # cancelled after the last iteration
            self._on_cancelled()
