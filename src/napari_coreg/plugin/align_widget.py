"""The dock widget "Align by hand": move one volume over another, see it follow, and go on from there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from qtpy.QtCore import QEvent, QTimer, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.align_hand import HandAlignment
from napari_coreg.plugin.align_keys import HELP, Keys
from napari_coreg.plugin.align_metric import LiveMetric
from napari_coreg.plugin.align_mouse import Drags
from napari_coreg.plugin.align_panel import PosePanel
from napari_coreg.plugin.align_use import Left, Place, affine_in_place, kept, places
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import ElidedBox, Note, RowLabel, Section, VerticalScroll, column, follow, form
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.worker import TaskWorker
from napari_coreg.session import Start, session_of

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.plugin.layers import LayerData

_WELCOME = "Open two volumes to begin, and choose which one stays and which one is moved."
_COLOURS = "Fixed in magenta, moving in green; white where both are bright. Drag in the view to move the volume."
_MARK_MS = 120
_SOURCE = "aligned by hand"
_REGISTER = "Register volumes"


class AlignWidget(QWidget):
    """Aligns two layers by hand.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    kept_added = Signal(object)  # the ordinary layer that was asked for

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        self.hand: HandAlignment | None = None
        super().__init__(parent)
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._session = session_of(self._viewer)
        self._turns = Turns(self)
        self._left: Left | None = None
        self._places: list[Place] = []
        self._applied: tuple[Any, Any, Any] | None = None  # layer, affine before and after
        self._news = ""  # what came of the last alignment
        self.metric: LiveMetric | None = None
        self._at_start: float | None = None
        self._worker: TaskWorker | None = None
        self._marking = QTimer(self)
        self._marking.setSingleShot(True)
        self._marking.setInterval(_MARK_MS)
        self._marking.timeout.connect(self._mark)
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._choose_first()
        self._refresh()

    def begin(self) -> None:
        """Take the moving volume into the hand, where the box says."""
        if self.hand is None and self._places:
            start = self._places[max(0, self.begin_at.currentIndex())].transform
            self._begin(self.fixed.layer(), self.moving.layer(), start)

    def begin_with(self, fixed: Any, moving: Any, start: sitk.Transform | None = None) -> None:
        """Choose two layers and begin (`start` is fixed -> moving; None is where they lie), after what is on ended."""
        self.end()
        self.fixed.set_layer(fixed)
        self.moving.set_layer(moving)
        self._begin(fixed, moving, start)

    def _begin(self, fixed: Any, moving: Any, start: sitk.Transform | None) -> None:
        try:
            hand = HandAlignment(self._viewer, fixed, moving, start, later=self._turns.add)
        except CoregError as error:
            self.message.say(str(error), "error")
            return
        self.hand, self._at_start = hand, None
        hand.layers.soon = self._mark_soon
        self.drags = Drags(hand)
        self.keys = Keys(hand, self._main_window(), self)
        self._news = ""
        self._forget_applied()
        self.panel.take(hand, self.drags)
        self.metric = LiveMetric(hand.fixed_volume, hand.moving_volume, self)
        self.metric.measured.connect(self._on_measured)
        self.metric.failed.connect(self.match.say)
        self.match.say("Match: working it out...")
        self.match_before.say("")
        self.metric.ask(hand.transform)
        hand.changed.connect(self._on_pose)
        hand.ended.connect(self._on_ended)
        self.message.say(_COLOURS, "note")
        self._show_state()

    def end(self) -> None:
        """Give the volume back; where it was left is remembered."""
        if self.hand is not None:
            self.hand.end()

    def run_from_here(self) -> None:
        """Make the pose the start of the next run, and ask for that run."""
        if self.hand is None:
            return
        pair = self.hand.fixed, self.hand.moving
        self.use_as_start()
        self._open_register(*pair)
        self._turns.add(self._session.run_wanted.emit)

    def use_as_start(self) -> None:
        """Make the pose the start of the next run of this pair."""
        if self.hand is None:
            return
        hand = self.hand
        self._session.start = Start(hand.transform, _SOURCE, hand.fixed, hand.moving)
        hand.end("The next registration of this pair starts from here.")

    def apply(self) -> None:
        """Move the moving layer itself to where it is shown."""
        if self.hand is None:
            return
        hand = self.hand
        try:
            affine = affine_in_place(hand)
        except CoregError as error:
            self.message.say(str(error), "error")
            return
        layer, before = hand.moving, hand.moving.affine.affine_matrix.copy()
        hand.end(f"{layer.name!r} was moved there. A registration starts from where the layers lie.")
        self._left = None
        if self._session.start is not None and self._session.start.holds_for(hand.fixed, layer):
            self._session.start = None
        layer.affine = affine
        self._applied = layer, before, affine
        self.take_back.setVisible(True)
        self._refresh()

    def take_back_applied(self) -> None:
        """Put the layer back to where it was before `apply`, unless it was moved since."""
        if self._applied is not None:
            layer, before, after = self._applied
            if (layer.affine.affine_matrix == after).all():
                layer.affine = before
                self._tell(f"{layer.name!r} lies where it lay before.")
        self._forget_applied()

    def keep(self) -> None:
        """Make an ordinary layer of the moving volume as it lies now, on the grid of the fixed one."""
        if self.hand is None or self.hand.layers.live is None or self._worker is not None:
            return
        worker = TaskWorker(partial(kept, self.hand))
        worker.returned.connect(self._on_kept)
        worker.failed.connect(partial(self.message.say, role="error"))
        worker.finished.connect(self._on_keep_finished)
        self._worker = worker
        self._show_state()
        worker.start()

    def event(self, event: QEvent) -> bool:
        """Give everything back when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and self.hand is not None:
            self.hand.end(now=True)
        return bool(super().event(event))

    def _make_parts(self) -> None:
        self.fixed = LayerBox(self._viewer, Image, "The volume that stays where it is.")
        self.moving = LayerBox(self._viewer, Image, "The volume that is moved over the fixed one.")
        self.begin_at = ElidedBox()
        self.begin_at.set_help("Where the moving volume lies when the alignment begins.")
        self.begin_button = QPushButton("Begin")
        self.begin_button.setProperty("role", "main")
        self.message = Note()
        self.take_back = QPushButton("Take back")
        self.take_back.setToolTip("Put the layer back to where it was.")
        self.take_back.setVisible(False)
        self.panel = PosePanel()
        self.match, self.match_before = Note("", "heading"), Note()
        self.match.setToolTip(
            "Normalized mutual information of both volumes where they overlap, on few voxels: 1 for none, 2 for the "
            "same image. Compare its values for one pair only."
        )
        self.run_button = QPushButton("Start registration from here")
        self.run_button.setProperty("role", "main")
        self.run_button.setToolTip("End the alignment and register this pair, beginning at this pose.")
        self.start_button = QPushButton("Use as start")
        self.start_button.setToolTip("End the alignment; the next registration of this pair begins at this pose.")
        self.apply_button = QPushButton("Apply to the moving layer")
        self.apply_button.setToolTip(
            "End the alignment and move the layer itself there (its affine); can be taken back."
        )
        self.keep_button = QPushButton("Keep as layer")
        self.keep_button.setToolTip("Add the moving volume as it lies now, resampled on the grid of the fixed one.")
        self.on_part = QWidget()

    def _lay_out(self) -> None:
        pair = form()
        pair.addRow(RowLabel("Fixed", "Moving "), self.fixed)
        pair.addRow(RowLabel("Moving", "Moving "), self.moving)
        pair.addRow(RowLabel("Begin", "Moving "), self.begin_at)
        uses = QGridLayout()
        uses.setSpacing(4)
        uses.addWidget(self.run_button, 0, 0, 1, 2)
        uses.addWidget(self.start_button, 1, 0)
        uses.addWidget(self.keep_button, 1, 1)
        uses.addWidget(self.apply_button, 2, 0, 1, 2)
        keys = QWidget()
        table = form(keys)
        for key, what in HELP:
            table.addRow(QLabel(key), Note(what))
        self.keys_section = Section("Keys in the view", keys, tooltip="What moves the volume without the mouse.")
        on_rows = column(self.on_part, spacing=8)
        on_rows.addWidget(self.panel)
        match = column(spacing=1)
        match.addWidget(self.match)
        match.addWidget(self.match_before)
        on_rows.addLayout(match)
        on_rows.addLayout(uses)
        on_rows.addWidget(self.keys_section)
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addLayout(pair)
        rows.addWidget(self.begin_button)
        rows.addWidget(self.message)
        rows.addWidget(self.take_back)
        rows.addWidget(self.on_part)
        rows.addStretch(1)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        for box in (self.fixed, self.moving):
            box.layer_changed.connect(self._refresh)
            box.listed.connect(self._choose_first)
        self.begin_button.clicked.connect(self._toggle)
        self.take_back.clicked.connect(self.take_back_applied)
        self.run_button.clicked.connect(self.run_from_here)
        self.start_button.clicked.connect(self.use_as_start)
        self.apply_button.clicked.connect(self.apply)
        self.keep_button.clicked.connect(self.keep)
        follow(self, self._viewer.events.theme, self._follow_theme)
        follow(self, self._session.start_changed, self._refresh)
        follow(self, self._session.attempts.changed, self._refresh)

    def _follow_theme(self) -> None:
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))

    def _choose_first(self) -> None:
        """Choose the first volume as fixed and the second as moving, where nothing is chosen yet."""
        for box, other in ((self.fixed, self.moving), (self.moving, self.fixed)):
            if box.layer() is None and (box is self.fixed or other.layer() is not None):
                box.set_layer(next((layer for layer in box.layers() if layer is not other.layer()), None))

    def _refresh(self) -> None:
        """Offer what the chosen layers can begin with, or say what stands against it."""
        if self.hand is not None:
            return
        fixed, moving = self.fixed.layer(), self.moving.layer()
        self._places, text, role = [], "", "note"
        if fixed is None or moving is None:
            text = _WELCOME
        elif fixed is moving:
            text, role = f"{fixed.name!r} is chosen twice: choose two layers.", "error"
        else:
            try:
                self._places = places(self._viewer, fixed, moving, self._left)
            except CoregError as error:
                text, role = str(error), "error"
        self.begin_at.clear()
        self.begin_at.addItems([place.words for place in self._places])
        self.begin_at.setEnabled(len(self._places) > 1)
        self.message.say(" ".join(part for part in (self._news, text) if part), role)
        self._show_state()

    def _tell(self, news: str) -> None:
        """Say what has happened, until the next alignment begins."""
        self._news = news
        self.message.say(news, "note")

    def _show_state(self) -> None:
        is_on = self.hand is not None
        self.begin_button.setText("End" if is_on else "Begin")
        self.begin_button.setToolTip(
            "Give both layers back as they were."
            if is_on
            else "Show both layers over each other, and move one by hand."
        )
        self.begin_button.setEnabled(is_on or bool(self._places))
        for box in (self.fixed, self.moving):
            box.setEnabled(not is_on)
        self.begin_at.setEnabled(not is_on and len(self._places) > 1)
        self.on_part.setVisible(is_on)
        self.keep_button.setEnabled(self._worker is None)
        self.keep_button.setText("Keep as layer" if self._worker is None else "Resampling...")

    def _toggle(self) -> None:
        if self.hand is None:
            self.begin()
        else:
            self.end()

    def _on_pose(self) -> None:
        if self.hand is not None and self.metric is not None:
            self.metric.ask(self.hand.transform)

    def _mark_soon(self) -> None:
        if not self._marking.isActive():
            self._marking.start()

    def _mark(self) -> None:
        if self.hand is not None:
            self.hand.layers.place_marker()

    def _on_measured(self, value: float | None) -> None:
        if self._at_start is None:
            self._at_start = value
        self.match.say("Match: the volumes do not overlap" if value is None else f"Match: {value:.3f}")
        before = "none" if self._at_start is None else f"{self._at_start:.3f}"
        self.match_before.say(f"{before} at the start; higher is better")

    def _on_ended(self, why: str) -> None:
        hand, self.hand = self.hand, None
        if self.metric is not None:
            self.metric.stop()
            self.metric = None
        self.panel.leave()
        there = hand is not None and hand.fixed in self._viewer.layers and hand.moving in self._viewer.layers
        self._left = Left.by(hand) if hand is not None and there else None
        self._tell(why)
        self._refresh()

    def _on_kept(self, data: LayerData) -> None:
        self._turns.add(partial(self._add_kept, data))

    def _add_kept(self, data: LayerData) -> None:
        layer = Layer.create(*data)
        live = None if self.hand is None else self.hand.layers.live
        layer.visible = live is None
        self._viewer.add_layer(layer)
        if live is not None:
            self._viewer.layers.selection.active = live
        hidden = "" if live is None else ", hidden while you align"
        self._tell(f"Kept as {layer.name!r}{hidden}.")
        self.kept_added.emit(layer)

    def _on_keep_finished(self) -> None:
        self._worker = None
        self._show_state()

    def _forget_applied(self) -> None:
        self._applied = None
        self.take_back.setVisible(False)

    def _open_register(self, fixed: Any, moving: Any) -> None:
        """Open the dock that registers, with this pair, where there is a window."""
        window = getattr(self._viewer, "window", None)
        if window is not None:
            _, register = window.add_plugin_dock_widget("napari-coreg", _REGISTER)
            register.layers.fixed.set_layer(fixed)
            register.layers.moving.set_layer(moving)

    def _main_window(self) -> QWidget:
        """Return the window with the canvas, also while this dock floats."""
        widget: QWidget = self
        while widget.parentWidget() is not None:
            widget = widget.parentWidget()
        return widget
