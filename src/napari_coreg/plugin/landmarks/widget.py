"""The dock widget "Landmarks": click places in two volumes, see how well a transform fits them, and start from it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QFileDialog, QSizePolicy, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.landmarks.controls import LandmarkControls
from napari_coreg.plugin.landmarks.desk import LandmarkDesk
from napari_coreg.plugin.landmarks.files import FILTERS, open_landmarks, save_landmarks
from napari_coreg.plugin.landmarks.fit import fit_to, titles
from napari_coreg.plugin.landmarks.hints import WELCOME, fit_in_words, fit_told, hint, start_told, table_rows
from napari_coreg.plugin.landmarks.values import OTHER, SIDES
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import column, follow
from napari_coreg.plugin.register.dock import open_register
from napari_coreg.plugin.worker import TaskWorker
from napari_coreg.session import Start, session_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.plugin.landmarks.files import What
    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.landmarks.values import Side

_PAUSE_MS = 20  # several changes at once are shown once
_STALE = "The landmarks have changed since: use the fit as start again, if that is to count."


class LandmarksWidget(QWidget):
    """Sets pairs of landmarks in two layers of the viewer, and fits a transform to them while they are being set.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    def __init__(self, napari_viewer: Any, *, parent: QWidget | None = None) -> None:
        self._worker: TaskWorker | None = None
        super().__init__(parent)
        self._viewer = napari_viewer
        self._started: tuple[object, ...] | None = None  # what the start was made of
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.refresh)
        self.desk = LandmarkDesk(napari_viewer, self)
        self.controls = LandmarkControls(napari_viewer)
        column(self).addWidget(self.controls)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)  # as the table takes all height
        self._connect()
        self._follow_theme()
        self._fill()
        self._choose()

    @property
    def marks(self) -> LandmarkLayers | None:
        """The landmarks of the chosen pair, and their layers; None where no pair is chosen."""
        return self.desk.marks

    def open_file(self, what: What, path: str | Path) -> None:
        """Read landmarks, and say what was read or what is wrong."""
        if self.marks is not None:
            try:
                text = open_landmarks(self.marks, what, path)
            except CoregError as error:
                self.say(str(error), "error")
            else:
                self.say(f"{text} {self.desk.show_layers()}".strip())

    def save_file(self, what: What, path: str | Path) -> None:
        """Write landmarks, and say what was written or what is wrong."""
        if self.marks is not None:
            try:
                self.say(save_landmarks(self.marks, what, path))
            except CoregError as error:
                self.say(str(error), "error")

    def use_as_start(self, *, run: bool = False) -> None:
        """Let the next run of this pair begin from the fit; with `run`, ask for it at once.

        A thin-plate spline is sampled on the fixed volume first, in a thread of its own.
        """
        fit, marks = self.desk.fit, self.marks
        if fit is None or marks is None or self._worker is not None:
            return
        if fit.model != "thin_plate":
            self._begin_from(marks, self.desk.live.made_of, run, fit)
            return
        grid = marks.volume("fixed").geometry
        task = partial(fit_to, marks.pairs.complete, titles(marks.pairs), fit.model, grid)
        worker = TaskWorker(task)
        worker.returned.connect(partial(self._begin_from, marks, self.desk.live.made_of, run))
        worker.failed.connect(partial(self.say, role="error"))
        worker.finished.connect(self._on_sampled)
        self._worker = worker
        self.say("Sampling the spline on the fixed volume...")
        self.refresh()
        worker.start()

    def say(self, text: str, role: str = "note") -> None:
        """Show a sentence at the bottom."""
        if isalive(self):
            self.controls.message.say(text, role)

    def refresh(self) -> None:
        """Fit, and show what there is."""
        if not isalive(self):
            return
        controls, desk, marks, fit = self.controls, self.desk, self.desk.marks, self.desk.fit
        if marks is None:
            controls.hint.say(desk.why_not or WELCOME, "error" if desk.why_not else "note")
            controls.summary.say("")
            controls.table.show_rows([])
        else:
            controls.hint.say(hint(marks, desk.adding, desk.return_to), "note")
            controls.summary.say(*fit_told(fit, desk.live.why_not, len(marks.pairs.complete)))
            controls.table.show_rows(table_rows(marks, fit))
        desk.follow_fit()
        self._enable(marks, fit)
        for side in SIDES:
            controls.add_buttons[side].setChecked(desk.adding == side)
            controls.points[side].set_layer(None if marks is None else marks.layer(side))
        if self._started is not None and self._started != desk.live.made_of:
            self._started = None
            self.say(_STALE)

    def event(self, event: QEvent) -> bool:
        """Give back what was hidden when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.desk.leave()
        return bool(super().event(event))

    def _enable(self, marks: LandmarkLayers | None, fit: LandmarkFit | None) -> None:
        controls, pairs = self.controls, None if marks is None else marks.pairs
        landmarks = () if pairs is None else pairs.landmarks
        for widget in (*controls.add_buttons.values(), *controls.points.values(), controls.open, controls.alone):
            widget.setEnabled(marks is not None)
        for button in (controls.up, controls.down, controls.delete, controls.save):
            button.setEnabled(bool(landmarks))
        guessed = any(landmark.guessed is not None for landmark in landmarks)
        controls.confirm.setEnabled(guessed or self.desk.return_to is not None)
        controls.undo.setEnabled(pairs is not None and pairs.can_undo)
        controls.redo.setEnabled(pairs is not None and pairs.can_redo)
        for button in (controls.start, controls.run):
            button.setEnabled(fit is not None and self._worker is None)
        controls.see.setEnabled(fit is not None or self.desk.sees_fit)
        controls.see.setChecked(self.desk.sees_fit)
        controls.keep.setEnabled(fit is not None and self.desk.sees_fit)

    def _connect(self) -> None:
        controls = self.controls
        for side in SIDES:
            controls.images[side].layer_changed.connect(self._choose)
            controls.images[side].listed.connect(self._fill)
            controls.points[side].layer_changed.connect(partial(self._on_points, side))
            controls.add_buttons[side].clicked.connect(partial(self._on_add, side))
        controls.alone.toggled.connect(self.desk.show_alone)
        controls.see.clicked.connect(self.desk.see_fit)
        controls.keep.clicked.connect(self._on_keep)
        controls.straight.toggled.connect(self.desk.show_straight)
        controls.model.currentIndexChanged.connect(self._on_model)
        controls.table.chosen.connect(self.desk.go_to)
        controls.table.renamed.connect(self._on_renamed)
        controls.table.removal_wanted.connect(self._on_delete)
        controls.confirm.clicked.connect(self._on_confirm)
        controls.delete.clicked.connect(self._on_delete)
        controls.up.clicked.connect(partial(self._on_move, -1))
        controls.down.clicked.connect(partial(self._on_move, 1))
        controls.undo.clicked.connect(self.desk.undo)
        controls.redo.clicked.connect(self.desk.redo)
        controls.file_wanted.connect(self._on_file)
        controls.start.clicked.connect(self._on_start)
        controls.run.clicked.connect(self._on_run)
        self.desk.changed.connect(self._pause.start)
        self.desk.said.connect(self.say)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))

    def _fill(self) -> None:
        """Choose the first volume as fixed and the second as moving, where nothing is chosen yet."""
        for side in SIDES:
            box, other = self.controls.images[side], self.controls.images[OTHER[side]]
            if box.layer() is None and (side == "fixed" or other.layer() is not None):
                box.set_layer(next((layer for layer in box.layers() if layer is not other.layer()), None))

    def _choose(self) -> None:
        boxes = self.controls.images
        self.desk.choose(boxes["fixed"].layer(), boxes["moving"].layer())
        self._started = None
        self.say("")
        self.refresh()

    def _on_points(self, side: Side) -> None:
        self.desk.adopt(side, self.controls.points[side].layer())

    def _on_add(self, side: Side, checked: bool) -> None:
        if checked:
            self.desk.add_in(side)
        else:
            self.desk.stop_adding()

    def _on_model(self, _index: int) -> None:
        self.desk.model = self.controls.chosen_model()
        self.refresh()

    def _on_renamed(self, key: int, name: str) -> None:
        if self.marks is not None:
            self.marks.pairs.rename({key: name})

    def _on_confirm(self) -> None:
        self.desk.confirm(set(self.controls.table.selected_keys()))

    def _on_delete(self) -> None:
        keys = self.controls.table.selected_keys()
        if self.marks is None:
            return
        if not keys:
            self.say("Select a landmark in the table first.")
            return
        self.marks.pairs.remove(keys)
        self.say(f"{len(keys)} landmark{'' if len(keys) == 1 else 's'} removed from both volumes; Undo brings back.")

    def _on_move(self, by: int) -> None:
        keys = self.controls.table.selected_keys()
        if self.marks is not None and len(keys) == 1:
            self.marks.pairs.move(keys[0], by)
        else:
            self.say("Select one landmark in the table first.")

    def _on_file(self, verb: str, what: What) -> None:
        if verb == "open":
            path, _ = QFileDialog.getOpenFileName(self, "Open landmarks", "", FILTERS[what])
        else:
            path, _ = QFileDialog.getSaveFileName(self, "Save landmarks", "", FILTERS[what])
        if path:
            (self.open_file if verb == "open" else self.save_file)(what, path)

    def _on_keep(self) -> None:
        self.desk.keep_fit()

    def _on_start(self) -> None:
        self.use_as_start()

    def _on_run(self) -> None:
        self.use_as_start(run=True)

    def _begin_from(self, marks: LandmarkLayers, made_of: tuple[object, ...], run: bool, fit: LandmarkFit) -> None:
        if not isalive(self):
            return
        session = session_of(self._viewer)
        grids = marks.volume("fixed").geometry, marks.volume("moving").geometry
        session.start = Start(fit.transform, fit_in_words(fit), marks.images["fixed"], marks.images["moving"], grids)
        self._started = made_of
        self.say(start_told(marks, fit, run=run))
        if run:
            self.desk.leave()  # so that nothing stands in for the volumes while the run shows its own
            open_register(self._viewer, marks.images["fixed"], marks.images["moving"])
            session.run_wanted.emit()

    def _on_sampled(self) -> None:
        self._worker = None
        self.refresh()
