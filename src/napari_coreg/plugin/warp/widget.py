"""The dock widget "Warp layers": carries other layers through a result, or the other way by its inverse."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QProgressBar, QPushButton, QRadioButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import ElidedBox, Note, Section, VerticalScroll, column, follow, form
from napari_coreg.plugin.quietly import add_quietly
from napari_coreg.plugin.result_picker import ResultPicker
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.warp.choice import LayerChoice, kind_of
from napari_coreg.plugin.warp.layers import take
from napari_coreg.plugin.warp.task import Carried, CarryWorker, accuracy_in_words
from napari_coreg.plugin.warp.way import Way, way_of_transform, way_through_layer

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.recipe import Interpolator

_WELCOME = "Register a pair of volumes, or open a transform from a file; then tick the layers to be carried over."
_NO_PAIR = "Choose the fixed and the moving volume that the transform was made for."
_NO_LAYERS = "There is no layer that could lie over {source!r} yet: labels, points or another channel, for example."
_STRAIGHT = "Corners of shapes are carried; edges between them stay straight."
_TILTED = "What is flat in one slice may lie across slices now: shapes that do show best in 3-D view."
_INTERPOLATORS: dict[str, Interpolator] = {
    "linear": "linear",
    "nearest": "nearest",
    "B-spline": "bspline",
    "windowed sinc": "windowed_sinc",
}


class WarpWidget(QWidget):
    """Carries layers from one volume's space into the other's.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    finished = Signal()  # the new layers are in the viewer, or there will be none

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._worker: CarryWorker | None = None
        self._way: Way | None = None
        self._turns = Turns(self)
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._on_source()

    def is_busy(self) -> bool:
        """Whether layers are being warped."""
        return self._worker is not None

    def open_transform(self, path: str | Path) -> None:
        """Take a transform from a file (fixed -> moving) instead of a registered layer."""
        self.source.open_transform(path)

    def warp(self) -> None:
        """Warp the layers that are ticked, in the background."""
        if self._way is None or self.is_busy():
            return
        try:
            taken = [take(layer, self._way) for layer in self.choice.ticked()]
        except CoregError as error:
            self.message.say(str(error), "error")
            return
        if not taken:
            return
        worker = CarryWorker(taken, self._way, _INTERPOLATORS[self.interpolator.currentText()])
        worker.stepped.connect(self._on_stepped)
        worker.returned.connect(self._on_returned)
        worker.failed.connect(self._on_failed)
        worker.errored.connect(self._on_errored)
        worker.cancelled.connect(self._on_cancelled)
        worker.finished.connect(self._on_finished)
        self._worker = worker
        self._on_stepped("Beginning...", 0.0)
        self.accuracy.say("")
        self.cancel_button.setEnabled(True)
        self.working.show()
        self._refresh()
        worker.start()

    def cancel(self) -> None:
        """Stop; no layer is added."""
        if self._worker is not None:
            self._worker.quit()
            self.cancel_button.setEnabled(False)

    def event(self, event: QEvent) -> bool:
        """Stop working when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and hasattr(self, "_worker"):
            self.cancel()
        return bool(super().event(event))

    def _make_parts(self) -> None:
        self.source = ResultPicker(
            self._viewer, "Carry layers through a transform from a file instead (fixed to moving).", with_moving=True
        )
        self.forth, self.back = QRadioButton(), QRadioButton()
        self.forth.setToolTip("As the registered volume went: layers of the moving volume onto the fixed one.")
        self.back.setToolTip("Layers of the fixed volume onto the moving one, as an atlas's labels onto a patient.")
        self.forth.setChecked(True)
        self._directions = QButtonGroup(self)
        for button in (self.forth, self.back):
            self._directions.addButton(button)
        self.direction = Note(role="plain")
        self.choice = LayerChoice(self._viewer)
        self.interpolator = ElidedBox()
        self.interpolator.addItems([*_INTERPOLATORS])
        self.interpolator.set_help(
            "How images are read between voxels. Labels always take the nearest voxel's value: no new ones are made."
        )
        self.warp_button = QPushButton("Warp")
        self.warp_button.setProperty("role", "main")
        self.warp_button.setToolTip("Add a new layer for each one that is ticked; they themselves are not changed.")
        self.words = Note()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; no layer is added.")
        self.message = Note()
        self.accuracy = Note(role="plain")

    def _lay_out(self) -> None:
        self.working = QWidget()
        rows = column(self.working)
        rows.addWidget(self.words)
        line = QHBoxLayout()
        line.addWidget(self.bar, 1)
        line.addWidget(self.cancel_button)
        rows.addLayout(line)
        self.working.hide()
        options = QWidget()
        fields = form(options)
        fields.addRow("Interpolation", self.interpolator)
        self.options = Section("Options", options, tooltip="How images are resampled.")
        self.way_box = QWidget()
        ways = column(self.way_box, spacing=2)
        ways.addWidget(Note("Which way", "heading", self))
        ways.addWidget(self.forth)
        ways.addWidget(self.back)
        ways.addWidget(self.direction)
        content = QWidget()
        layout = column(content, spacing=8)
        layout.setContentsMargins(10, 10, 10, 10)
        self.title = Note("Layers to be carried over", "heading", self)
        parts = (self.source, self.way_box, self.title, self.choice, self.options, self.warp_button, self.working)
        for part in (*parts, self.message, self.accuracy):
            layout.addWidget(part)
        layout.addStretch(1)
        content.setMinimumWidth(max(part.minimumSizeHint().width() for part in (self.source, self.way_box)) + 20)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        self.source.changed.connect(self._on_source)
        self.source.said.connect(self.message.say)
        self.forth.toggled.connect(self._on_source)
        self.choice.changed.connect(self._refresh)
        self.warp_button.clicked.connect(self.warp)
        self.cancel_button.clicked.connect(self.cancel)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))

    def _on_source(self) -> None:
        """Begin anew with what is chosen now."""
        self._way, text, role = None, _WELCOME, "note"
        try:
            self._way = self._chosen_way()
            if self._way is None and self.source.transform is not None:
                text = _NO_PAIR
        except CoregError as error:
            text, role = str(error), "error"
        way = self._way
        self.choice.set_way(way)
        self.accuracy.say("")
        self._say_directions()
        if way is not None:
            text = "" if self.choice.layers() else _NO_LAYERS.format(source=way.source.name)
        self.message.say(text, role)
        self._refresh()

    def _chosen_way(self) -> Way | None:
        inverse = self.back.isChecked()
        if self.source.transform is not None:
            fixed, moving = self.source.fixed.layer(), self.source.moving.layer()
            if fixed is None or moving is None:
                return None
            return way_of_transform(self.source.transform, fixed, moving, inverse=inverse)
        layer = self.source.result.layer()
        return None if layer is None else way_through_layer(self._viewer.layers, layer, inverse=inverse)

    def _say_directions(self) -> None:
        self.forth.setText("From moving to fixed")
        self.back.setText("From fixed to moving (inverse)")
        way = self._way
        self.direction.say("" if way is None else f"From {way.source.name!r} onto {way.target.name!r}.")

    def _refresh(self) -> None:
        """Enable what can be used now, and explain what the ticked layers become."""
        ticked = self.choice.ticked()
        busy, ready = self.is_busy(), self._way is not None
        for part in (self.source, self.way_box, self.choice, self.options):
            part.setEnabled(not busy)
        for part in (self.way_box, self.title, self.choice, self.options):
            part.setVisible(ready)
        self.warp_button.setEnabled(ready and bool(ticked) and not busy)
        count = len(ticked)
        self.warp_button.setText("Warp" if not count else f"Warp {count} layer{'s' if count > 1 else ''}")
        self.interpolator.setEnabled(any(kind_of(layer) == "image" for layer in ticked))

    def _on_stepped(self, words: str, part: float) -> None:
        self.words.say(words)
        self.bar.setValue(round(1000 * part))

    def _on_returned(self, carried: Carried) -> None:
        for layer in carried.layers:
            self._turns.add(partial(add_quietly, self._viewer, layer))
        self._turns.add(partial(self._tell, carried))

    def _tell(self, carried: Carried) -> None:
        """Say what came of it, when the layers are in the viewer."""
        count = len(carried.layers)
        are = "layer is" if count == 1 else "layers are"
        words = [f"{count} {are} on {carried.way.target.name!r} now.", accuracy_in_words(carried)]
        if any(kind_of(layer) == "shapes" for layer in carried.layers):
            words.append(_STRAIGHT)
            if carried.way.source.grid.dimension == 3:
                words.append(_TILTED)
        self.message.say("")
        self.accuracy.say(" ".join(words))
        self.finished.emit()

    def _on_failed(self, text: str) -> None:
        self.message.say(text, "error")
        self.finished.emit()

    def _on_errored(self, error: Exception) -> None:
        self._on_failed(f"Something unexpected went wrong ({type(error).__name__}); napari's notification has more.")

    def _on_cancelled(self) -> None:
        self.message.say("Cancelled: no layer was added.")
        self.finished.emit()

    def _on_finished(self) -> None:
        self._worker = None
        self.working.hide()
        self._refresh()
