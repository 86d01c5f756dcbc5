"""The dock widget "Deformation": shows what a registration does to space, in views that can be switched on and off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_coreg.errors import CoregError, RegistrationCancelled
from napari_coreg.plugin.deformation.layers import DeformationViews
from napari_coreg.plugin.deformation.look import QUICK, VIEWS, Look
from napari_coreg.plugin.deformation.panels import SourcePanel, ViewsPanel
from napari_coreg.plugin.deformation.shown import ShownViews
from napari_coreg.plugin.deformation.words import figures_in_words, folding_in_words, maps_in_words, rigid_in_words
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import Note, VerticalScroll, column, follow
from napari_coreg.plugin.worker import TaskSignals, TaskWorker

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.plugin.deformation.look import View
    from napari_coreg.plugin.deformation.source import DeformationSource

_WELCOME = "Register a pair of volumes, or open a transform from a file; then tick what you want to see."
_TICK = "Tick what you want to see of the deformation."


class _MakerSignals(TaskSignals):
    progressed = Signal(float)
    stepped = Signal()  # what takes no time is made


class _Maker(TaskWorker):
    """Makes views in a worker thread; ``quit()`` cancels it."""

    def __init__(self, views: DeformationViews, wanted: tuple[View, ...], look: Look) -> None:
        super().__init__(partial(self._make, views, wanted, look), _MakerSignals)

    def _make(self, views: DeformationViews, wanted: tuple[View, ...], look: Look) -> None:
        asked: dict[str, Any] = {"on_fraction": self.progressed.emit, "is_cancelled": lambda: self.abort_requested}
        try:
            views.make(tuple(view for view in wanted if view in QUICK), look)
            self.stepped.emit()
            views.make(wanted, look, **asked)
            if views.numbers(look) is None:
                views.measure(look, **asked)
        except RegistrationCancelled:
            self.quit()  # so that `returned` is not emitted


class DeformationWidget(QWidget):
    """Shows the deformation of a registered layer, or of a transform from a file.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    settled = Signal()  # what is ticked is made, or will not be made

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        self._worker: _Maker | None = None
        super().__init__(parent)
        self._viewer = napari_viewer
        self._views: DeformationViews | None = None
        self._task: tuple[DeformationViews, tuple[View, ...], Look] | None = None
        self._stopped = False
        self._given_up: tuple[Any, bool] | None = None  # whose numbers were cancelled or refused
        self._error = ""
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._on_source()

    def is_busy(self) -> bool:
        """Whether views are being made."""
        return self._worker is not None

    def open_transform(self, path: str | Path) -> None:
        """Show a transform from a file, over the layer that is chosen as fixed."""
        self.source.open_transform(path)

    def cancel(self) -> None:
        """Stop making views, and untick those that are not made."""
        if self._worker is not None:
            self._stopped = True
            self._worker.quit()
            self.cancel_button.setEnabled(False)

    def event(self, event: QEvent) -> bool:
        """Stop working when the dock is closed, which takes this widget out of it; the layers stay."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.cancel()
        return bool(super().event(event))

    def _make_parts(self) -> None:
        self.source = SourcePanel(self._viewer)
        self.views = ViewsPanel()
        self.shown = ShownViews(self._viewer, self)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; views that are there already stay.")
        self.message = Note()
        self.figures = Note(role="plain")
        self.folding = Note(role="plain")
        self.rigid = Note(role="plain")
        self.maps = Note()

    def _lay_out(self) -> None:
        self.working = QWidget()
        row = QHBoxLayout(self.working)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        self.working.hide()
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        parts = (self.source, self.views, self.working, self.message, self.figures, self.folding, self.rigid, self.maps)
        for part in parts:
            rows.addWidget(part)
        rows.addStretch(1)
        content.setMinimumWidth(max(part.minimumSizeHint().width() for part in (self.source, self.views)) + 20)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        self.source.changed.connect(self._on_source)
        self.source.said.connect(self.message.say)
        self.views.changed.connect(self._on_views)
        self.cancel_button.clicked.connect(self.cancel)
        self.shown.lost.connect(self._on_lost)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        looks = looks_of(self._viewer)
        self.setStyleSheet(stylesheet(looks))
        self.views.set_looks(looks)

    def _on_source(self) -> None:
        """Begin anew with what is chosen now."""
        source: DeformationSource | None = None
        self._error, text = "", _WELCOME
        try:
            source = self.source.source()
        except CoregError as error:
            self._error = text = str(error)
        for view in VIEWS:
            self.shown.put(view, ())
        self._views = None if source is None else DeformationViews(source)
        self.views.setEnabled(source is not None)
        if source is not None:
            self.views.set_grid(source.grid)
            self._sync()
        else:
            self.message.say(text, "error" if self._error else "note")
            self._show_figures()

    def _on_views(self) -> None:
        self._error = ""
        self._sync()

    def _sync(self) -> None:
        """Bring the viewer to what is ticked: at once where it is made already, else through a worker."""
        if self._views is None:
            return
        task = _, wanted, _ = self._views, self.views.ticked(), self.views.look()
        self._show_made()
        self.message.say(self._error or ("" if wanted else _TICK), "error" if self._error else "note")
        if self._worker is not None:
            if self._task != task:
                self._worker.quit()  # the next begins when it has ended
        elif self._missing() or (wanted and self._lacks_numbers()):
            self._start(task)
        else:
            self.settled.emit()

    def _show_made(self) -> None:
        """Show what is made; what is outdated stays until its successor is."""
        if self._views is None:
            return
        look = self.views.look()
        for view in VIEWS:
            layers = self._views.kept(view, look)
            if view not in self.views.ticked():
                self.shown.put(view, ())
            elif layers is not None and layers != self.shown.layers(view):
                self.shown.put(view, self._views.to_add(view, look))
        self._show_figures()

    def _missing(self) -> list[View]:
        """Return the views that are ticked and not made yet."""
        if self._views is None:
            return []
        look = self.views.look()
        return [view for view in self.views.ticked() if self._views.kept(view, look) is None]

    def _lacks_numbers(self) -> bool:
        look = self.views.look()
        is_given_up = self._given_up == (self._views, look.relative_to_rigid)
        return self._views is not None and self._views.numbers(look) is None and not is_given_up

    def _start(self, task: tuple[DeformationViews, tuple[View, ...], Look]) -> None:
        worker = _Maker(*task)
        worker.progressed.connect(self._on_progressed)
        worker.stepped.connect(self._show_made)
        worker.failed.connect(self._on_failed)
        worker.errored.connect(self._on_errored)
        worker.finished.connect(self._on_finished)
        self._worker, self._task, self._stopped = worker, task, False
        self.bar.setValue(0)
        self.cancel_button.setEnabled(True)
        self.working.show()
        worker.start()

    def _on_progressed(self, fraction: float) -> None:
        self.bar.setValue(round(100 * fraction))

    def _on_failed(self, text: str) -> None:
        self._error = text
        self._stopped = True

    def _on_errored(self, error: Exception) -> None:
        self._on_failed(f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more.")

    def _on_finished(self) -> None:
        self._worker, self._task = None, None
        self.working.hide()
        if self._stopped:
            self._given_up = self._views, self.views.look().relative_to_rigid
            for view in self._missing():
                self.views.tick(view, ticked=False, quietly=True)
        self._stopped = False
        self._sync()

    def _on_lost(self, view: View) -> None:
        self.views.tick(view, ticked=False)

    def _show_figures(self) -> None:
        """Say in numbers what is known, and show the legends of what is shown."""
        look = self.views.look()
        numbers = None if self._views is None else self._views.numbers(look)
        shown = numbers if self.views.ticked() else None
        for view in VIEWS:
            self.views.show_legend(view, self.shown.layers(view))
        self.figures.say("" if shown is None else figures_in_words(shown.figures))
        folds = shown is not None and shown.figures.folded > 0
        self.folding.say("" if shown is None else folding_in_words(shown.figures), "error" if folds else "plain")
        self.rigid.say("" if shown is None or shown.rigid is None else rigid_in_words(*shown.rigid))
        self.maps.say("" if shown is None else maps_in_words(shown.every_xyz))
