"""The dock widget "Quality": measures a registration, shows what is within the limits, and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.layers import points_to_zyx
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import Note, Section, VerticalScroll, column, follow
from napari_coreg.plugin.quality.inputs_panel import InputsPanel
from napari_coreg.plugin.quality.keeping import RepeatPanel, SavePanel
from napari_coreg.plugin.quality.kept import Kept, choice_of
from napari_coreg.plugin.quality.limits_panel import LimitsPanel
from napari_coreg.plugin.quality.long_checks import LongChecksPanel
from napari_coreg.plugin.quality.measuring import Measurer
from napari_coreg.plugin.quality.motion import show_motion
from napari_coreg.plugin.quality.numbers_tree import NumbersTree
from napari_coreg.plugin.quality.state_box import StateBox
from napari_coreg.plugin.quality.subjects import known_to, wanted
from napari_coreg.plugin.quality.words import step_in_words
from napari_coreg.plugin.result_picker import ResultPicker
from napari_coreg.plugin.viewers import show_place

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.quality.limits import Limits
    from napari_coreg.plugin.quality.kept import Choice
    from napari_coreg.plugin.quality.long_checks import LongCheckOutcome
    from napari_coreg.plugin.quality.measuring import Measured
    from napari_coreg.plugin.quality.subjects import Known

_WELCOME = "Register a pair of volumes, or open a transform from a file; then measure how good it is."
_READY = "Not measured yet. Landmarks and labels of both volumes, if you have some, tell the most."
_STALE = "Labels or landmarks have been changed since this was measured: measure again."
_FILE = "Measure a transform from a file instead (fixed to moving)."


class QualityWidget(QWidget):
    """Measures a registered layer, or a transform from a file, and shows what is within the limits.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    settled = Signal()  # what was measured is shown, or it will not be

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        self._worker: Measurer | None = None
        super().__init__(parent)
        self._viewer = napari_viewer
        self._known: Known | None = None
        self._problem = ""
        self._choice: Choice | None = None
        self._measuring: Choice | None = None
        self._measured: Measured | None = None
        self._kept = Kept(napari_viewer)
        self._seen: WeakSet[Any] = WeakSet()  # the registered layers that were there when it was looked last
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._seen = WeakSet(self.source.result.layers())
        self._on_source()

    @property
    def measured(self) -> Measured | None:
        """What is shown: the registration, and the numbers under the limits in use."""
        return self._measured

    def is_busy(self) -> bool:
        """Whether something is being measured."""
        return self._worker is not None

    def open_transform(self, path: str | Path) -> None:
        """Choose a transform from a file, of the layers that are chosen as fixed and moving."""
        self.source.open_transform(path)

    def measure(self) -> None:
        """Measure what is chosen, in a worker."""
        if self._worker is not None or self._known is None:
            return
        try:
            self._known = known_to(self._viewer, self.source) or self._known  # a layer may have been moved since
            task = wanted(self._known, self.inputs.layers())
        except CoregError as error:
            self.message.say(str(error), "error")
            return
        worker = Measurer(task, self.limits.limits)
        worker.stepped.connect(self._on_stepped)
        worker.returned.connect(self._on_measured)
        worker.failed.connect(self._on_failed)
        worker.errored.connect(self._on_errored)
        worker.finished.connect(self._on_finished)
        self._worker, self._measuring = worker, self._choice
        self.message.say("", "note")
        self._on_stepped("", 0.0)
        self._enable()
        worker.start()

    def cancel(self) -> None:
        """Stop measuring."""
        if self._worker is not None:
            self._worker.quit()
            self.cancel_button.setEnabled(False)
            self.message.say("Cancelled.", "note")

    def event(self, event: QEvent) -> bool:
        """Stop working when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.cancel()
            self.long_checks.cancel()
        return bool(super().event(event))

    def _make_parts(self) -> None:
        self.source = ResultPicker(self._viewer, _FILE, with_moving=True)
        self.inputs = InputsPanel(self._viewer)
        self.measure_button = QPushButton("Measure")
        self.measure_button.setProperty("role", "main")
        self.measure_button.setToolTip("Measure everything that can be known of this registration.")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop measuring.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        self.step = Note()
        self.message = Note()
        self.state = StateBox()
        self.numbers = NumbersTree()
        self.saving = SavePanel()
        self.motion_button = QPushButton("See the deformation...")
        self.motion_button.setToolTip("Show arrows, a warped grid, and where the volume swells, shrinks or folds.")
        self.limits = LimitsPanel()
        self.long_checks = LongChecksPanel(self._viewer)
        self.long_section = Section(
            "Checks that run the recipe again",
            self.long_checks,
            tooltip="How repeatable the result is, and how far the recipe is off where the truth is known; takes long.",
        )
        self.repeat = RepeatPanel()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.measure_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        self.working = QWidget()
        working = column(self.working, spacing=4)
        working.addWidget(self.bar)
        working.addWidget(self.step)
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addWidget(self.source)
        rows.addWidget(self.inputs)
        rows.addLayout(buttons)
        for part in (self.working, self.message, self.state):
            rows.addWidget(part)
        rows.addWidget(self.numbers, 1)
        below = (self.saving, self.motion_button, self.limits, self.long_section, self.repeat)
        for part in below:
            rows.addWidget(part)
        rows.addStretch(0)
        least = (self.source, self.inputs, self.saving, self.limits.content, self.long_checks, self.repeat.content)
        content.setMinimumWidth(max(part.minimumSizeHint().width() for part in least) + 20)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        self.source.changed.connect(self._on_source)
        self.inputs.changed.connect(self._on_choice)
        self.inputs.edited.connect(self._on_edited)
        self.measure_button.clicked.connect(self.measure)
        self.cancel_button.clicked.connect(self.cancel)
        self.numbers.place_wanted.connect(self.go_to)
        self.motion_button.clicked.connect(self._on_motion)
        self.limits.changed.connect(self._on_limits)
        self.long_checks.measured.connect(self._on_long_check)
        for part in (self.source, self.saving, self.limits, self.long_checks, self.repeat):
            part.said.connect(self.message.say)
        self.source.result.listed.connect(self._on_listed)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        looks = looks_of(self._viewer)
        self.setStyleSheet(stylesheet(looks))
        self.numbers.set_looks(looks)

    def go_to(self, place: str) -> None:
        """Show a place of what was measured in the viewer.

        Parameters
        ----------
        place : str
            A key of `Measured.places_lps`: "structure:" or "landmark:" and the name.
        """
        point = None if self._measured is None else self._measured.places_lps.get(place)
        if point is None or self._known is None:
            return
        try:
            known = known_to(self._viewer, self.source) or self._known  # the volume may have been moved since
        except CoregError as error:
            self.message.say(str(error), "error")
        else:
            show_place(self._viewer, points_to_zyx([point], known.fixed)[0])

    def _on_listed(self) -> None:
        """Choose the result of a run that has just ended."""
        there = self.source.result.layers()
        new = [layer for layer in there if layer not in self._seen]
        self._seen = WeakSet(there)
        if new and self.source.transform is None:
            self.source.result.set_layer(new[-1])

    def _on_source(self) -> None:
        """Begin anew with what is chosen now."""
        self._known, self._problem = None, ""
        try:
            self._known = known_to(self._viewer, self.source)
        except CoregError as error:
            self._problem = str(error)
        self.inputs.set_known(self._known)
        self._on_choice()

    def _on_choice(self) -> None:
        """Show what is known of the choice already, or that it is to be measured."""
        choice = choice_of(self._known, self.inputs.layers())
        if choice is not None and choice == self._choice:
            return
        self._choice = choice
        if self._worker is not None and choice != self._measuring:
            self._worker.quit()
        measured = self._as_measured()
        if self._problem:
            self.message.say(self._problem, "error")
        else:
            self.message.say(_WELCOME if choice is None else "" if measured is not None else _READY, "note")
        self._show(measured)

    def _as_measured(self) -> Measured | None:
        """Return what was measured of the choice, as it was graded then."""
        return None if self._choice is None else self._kept.of(self._choice)

    def _show(self, measured: Measured | None) -> None:
        """Show numbers under the limits in use, and let them be kept; none hides what needs some."""
        if measured is not None and measured.quality.limits != self.limits.limits:
            measured = measured.under(self.limits.limits)
        before, self._measured = self._measured, measured
        quality = None if measured is None else measured.quality
        self.state.show_quality(quality)
        self.numbers.show_quality(quality)
        self.saving.set_measured(measured)
        subject = None if measured is None else measured.subject
        if before is None or before.subject is not subject:
            self._tell_long_checks()
        for part in (self.numbers, self.saving):
            part.setVisible(measured is not None)
        self.long_section.setVisible(subject is not None and subject.recipe is not None)
        self.repeat.set_layer(self.source.result.layer() if self.source.transform is None else None)
        self._enable()

    def _tell_long_checks(self) -> None:
        measured, known = self._measured, self._known
        if measured is None or known is None:
            self.long_checks.set_subject(None, "")
        else:
            self.long_checks.set_subject(measured.subject, measured.name, moved=known.fixed.moved)

    def _enable(self) -> None:
        busy = self._worker is not None
        self.measure_button.setEnabled(self._known is not None and not busy)
        self.motion_button.setEnabled(self._known is not None)
        self.cancel_button.setEnabled(busy)
        self.working.setVisible(busy)
        self.source.setEnabled(not busy)

    def _on_stepped(self, words: str, fraction: float) -> None:
        self.bar.setValue(round(100 * fraction))
        self.step.say(step_in_words(words))

    def _on_measured(self, measured: Measured | None) -> None:
        if measured is not None and self._measuring is not None:
            self._kept.keep(self._measuring, measured)
            if self._measuring == self._choice:
                self._show(measured)

    def _on_failed(self, text: str) -> None:
        self.message.say(text, "error")

    def _on_errored(self, error: Exception) -> None:
        self._on_failed(f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more.")

    def _on_finished(self) -> None:
        self._worker, self._measuring = None, None
        self._enable()
        self.settled.emit()

    def _on_edited(self) -> None:
        if self._measured is not None:
            self.message.say(_STALE, "note")

    def _on_limits(self, limits: Limits) -> None:
        self.long_checks.set_limits(limits)
        self._show(self._as_measured())

    def _on_long_check(self, outcome: LongCheckOutcome) -> None:
        measured = self._as_measured()
        if measured is not None and outcome.subject is measured.subject and self._choice is not None:
            joined = measured.joined(outcome, self.limits.limits)
            self._kept.keep(self._choice, joined)
            self.message.say("")  # such as that an earlier check was cancelled
            self._show(joined)

    def _on_motion(self) -> None:
        show_motion(self._viewer, self.source, self._measured)
