"""The part of the dock widget "Quality" with the checks that run the recipe again."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.core.quality.long_checks import LONG_CHECKS
from napari_coreg.errors import CoregError, RegistrationCancelled
from napari_coreg.plugin.layers import read_layer
from napari_coreg.plugin.looks import looks_of
from napari_coreg.plugin.parts import Note, column, follow
from napari_coreg.plugin.quality.long_checks_forms import CheckForm, InverseForm, RepeatForm, SimulateForm
from napari_coreg.plugin.quality.long_checks_maps import is_map
from napari_coreg.plugin.quality.long_checks_run import LongCheckOutcome
from napari_coreg.plugin.quality.long_checks_tasks import About, Finished, repeat, simulate, there_and_back
from napari_coreg.plugin.quietly import add_quietly
from napari_coreg.plugin.register.progress_panel import time_left
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.worker import SECONDS_BETWEEN_UPDATES, TaskSignals, TaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.quality.long_checks import LongCheck
    from napari_coreg.core.quality.subject import Subject

__all__ = ["LongCheckOutcome", "LongChecksPanel"]

_STEPS = 1000


class _CheckSignals(TaskSignals):
    stepped = Signal(str, float)
    cancelled = Signal()


class _CheckWorker(TaskWorker):
    """Runs a check in a worker thread; `returned` carries a `Finished`, ``quit()`` cancels."""

    def __init__(self, task: Callable[..., Finished]) -> None:
        super().__init__(partial(self._check, task), _CheckSignals)
        self._began, self._next = 0.0, 0.0

    def _check(self, task: Callable[..., Finished]) -> Finished | None:
        self._began = time.perf_counter()
        try:
            return task(on_step=self._tell, is_cancelled=lambda: bool(self.abort_requested))
        except RegistrationCancelled:
            self.cancelled.emit()
            self.quit()  # so that `returned` is not emitted
            return None

    def _tell(self, words: str, part: float) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_UPDATES
            left = "" if " left" in words else time_left(part, now - self._began)
            self.stepped.emit(f"{words} - {left}" if left else words, part)


class LongChecksPanel(QWidget):
    """Runs the recipe of a registration again, to see how consistent, repeatable and accurate it is.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where its maps go.
    """

    measured = Signal(object)  # a LongCheckOutcome: its rows and maps join those of the assessment
    said = Signal(str, str)  # a sentence and its role

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        self._worker: _CheckWorker | None = None
        super().__init__(parent)
        self._viewer = viewer
        self._subject: Subject | None = None
        self._name = ""
        self._moved: sitk.AffineTransform | None = None
        self._limits = DEFAULT_LIMITS
        self._turns = Turns(self)
        self._make_parts()
        self._refresh()

    def set_subject(self, subject: Subject | None, name: str, *, moved: sitk.AffineTransform | None = None) -> None:
        """Check this registration from now on; None where nothing is measured yet, which ends what runs.

        Parameters
        ----------
        subject : Subject or None
            As it was measured; without a recipe there is nothing to run again.
        name : str
            What was registered, for the names of layers.
        moved : SimpleITK.AffineTransform, optional
            The hand move of the fixed layer, as in `LayerVolume.moved`: maps are shown where that one lies.
        """
        if subject is not self._subject:
            self.cancel()
            for form in self.forms.values():
                form.numbers.show_rows(())
                form.numbers.show_layer(None)
            self.message.say("")
        self._subject, self._name, self._moved = subject, name, moved
        self._refresh()

    def set_limits(self, limits: Limits) -> None:
        """Hold what is measured from now on against these limits."""
        self._limits = limits

    def is_busy(self) -> bool:
        """Whether a check is running."""
        return self._worker is not None

    def cancel(self) -> None:
        """End what runs."""
        if self._worker is not None:
            self._worker.quit()
            self.cancel_button.setEnabled(False)

    def check(self, check: LongCheck) -> None:
        """Begin a check with the settings that are shown, unless one is running."""
        if self.is_busy():
            return
        try:
            task = self._task(check)
        except CoregError as error:
            self.forms[check].hold(self._status)
            self._say(str(error), "error")
            return
        worker = _CheckWorker(task)
        worker.stepped.connect(self._on_stepped)
        worker.returned.connect(partial(self._on_returned, self._subject))
        worker.failed.connect(self._on_failed)
        worker.errored.connect(self._on_errored)
        worker.cancelled.connect(self._on_cancelled)
        worker.finished.connect(self._on_finished)
        self._worker = worker
        self.message.say("")
        self.forms[check].hold(self._status)  # below the button that began it
        self._on_stepped("Beginning", 0.0)
        self.cancel_button.setEnabled(True)
        self.working.show()
        self._refresh()
        worker.start()

    def event(self, event: QEvent) -> bool:
        """Stop working when it is taken out of its dock."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.cancel()
        return bool(super().event(event))

    def _make_parts(self) -> None:
        self.inverse, self.repeat = InverseForm(), RepeatForm()
        self.simulate = SimulateForm(self._viewer)
        self.forms: dict[LongCheck, CheckForm] = {
            "inverse_consistency": self.inverse,
            "repeatability": self.repeat,
            "simulation": self.simulate,
        }
        self.words = Note()
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the check that is running; nothing is kept of it.")
        self.cancel_button.clicked.connect(self.cancel)
        self.message = Note()
        self.working, self._status = QWidget(), QWidget()
        rows = column(self.working)
        rows.addWidget(self.words)
        line = QHBoxLayout()
        line.addWidget(self.bar, 1)
        line.addWidget(self.cancel_button)
        rows.addLayout(line)
        self.working.hide()
        told = column(self._status)
        told.addWidget(self.working)
        told.addWidget(self.message)
        self.inverse.hold(self._status)
        layout = column(self, spacing=2)
        for check in LONG_CHECKS:
            form = self.forms[check]
            form.run_wanted.connect(partial(self.check, check))
            layout.addWidget(form)
        self.simulate.changed.connect(self._refresh)
        follow(self, self._viewer.events.theme, self._follow_theme)
        self._follow_theme()

    def _follow_theme(self) -> None:
        for form in self.forms.values():
            form.numbers.set_looks(looks_of(self._viewer))

    def _refresh(self) -> None:
        subject = self._subject
        result = None if subject is None else subject.result
        self.simulate.propose(None if subject is None else subject.recipe)
        for form in self.forms.values():
            form.set_state(
                busy=self.is_busy(),
                subject=subject is not None,
                recipe=subject is not None and subject.recipe is not None,
                seconds=None if result is None else result.seconds,
            )

    def _task(self, check: LongCheck) -> Callable[..., Finished]:
        """Return what a worker is to do, with the settings as they are now."""
        if check == "simulation":
            return self._simulation()
        subject = self._subject
        assert subject is not None
        about = About(self._name, self._moved, self._limits)
        if check == "repeatability":
            return partial(repeat, subject, about, self.repeat.jitter())
        return partial(there_and_back, subject, about)

    def _simulation(self) -> Callable[..., Finished]:
        form, subject = self.simulate, self._subject
        layer, move = form.volume.layer(), form.move()
        volume = None if layer is None else read_layer(layer)
        name = "the fixed volume" if subject is None else str(subject.inputs.get("fixed", {}).get("name") or self._name)
        about = About(name, self._moved, self._limits)
        if volume is not None:
            about = About(volume.name, volume.moved, self._limits)
        keep = form.keep.isChecked()
        return partial(simulate, subject, about, move, volume=volume, recipe=form.recipe(), keep=keep)

    def _on_stepped(self, words: str, part: float) -> None:
        self.words.say(words)
        self.bar.setValue(round(_STEPS * part))

    def _on_returned(self, subject: Subject | None, finished: Finished) -> None:
        if subject is not self._subject:
            return
        numbers = self.forms[finished.check].numbers
        numbers.show_rows(finished.rows, finished.words)
        numbers.show_layer(finished.layers[0])
        for layer in finished.layers:
            self._turns.add(partial(self._show, layer))
        if finished.outcome is not None:
            self._turns.add(partial(self.measured.emit, finished.outcome))

    def _show(self, layer: Any) -> None:
        """Add a map, and hide those before it, which would be seen through it."""
        for other in self._viewer.layers:
            if is_map(other) and is_map(layer):
                other.visible = False
        add_quietly(self._viewer, layer)

    def _on_failed(self, text: str) -> None:
        self._say(text, "error")

    def _on_errored(self, error: Exception) -> None:
        self._on_failed(f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more.")

    def _on_cancelled(self) -> None:
        self._say("Cancelled: nothing was measured.", "note")

    def _on_finished(self) -> None:
        self._worker = None
        self.working.hide()
        self._refresh()

    def _say(self, text: str, role: str) -> None:
        self.message.say(text, role)
        self.said.emit(text, role)
