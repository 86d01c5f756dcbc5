"""The dock widget "Align by hand": move one volume over another, see it follow, and go on from there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtCore import QEvent, QTimer, Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.per_viewer import unwrapped
from napari_coreg.plugin.align.hand import HandAlignment
from napari_coreg.plugin.align.keys import Keys
from napari_coreg.plugin.align.mouse import Drags
from napari_coreg.plugin.align.outcome import Left, affine_in_place, keeping
from napari_coreg.plugin.align.pair import PairPanel
from napari_coreg.plugin.align.panel import PosePanel
from napari_coreg.plugin.align.uses import MatchPanel, UsesPanel
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import Note, VerticalScroll, column, follow
from napari_coreg.plugin.quietly import add_beside
from napari_coreg.plugin.register.dock import open_register
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.worker import TaskWorker
from napari_coreg.session import Start, session_of

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.pose import Pose
    from napari_coreg.plugin.layers import LayerData

_COLOURS = "Fixed in magenta, moving in green; white where both are bright. Drag in the view to move the volume."
_MARK_MS = 250
_SOURCE = "aligned by hand"


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
        self._viewer = unwrapped(napari_viewer)
        self._session = session_of(self._viewer)
        self._turns = Turns(self)
        self._applied: tuple[Any, Any, Any] | None = None  # layer, affine before and after
        self._news = ""  # what came of the last alignment
        self._worker: TaskWorker | None = None
        self._marking = QTimer(self)
        self._marked: Pose | None = None
        self._marking.setSingleShot(True)
        self._marking.setInterval(_MARK_MS)
        self._marking.timeout.connect(self._mark)
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._refresh()

    def begin(self) -> None:
        """Take the moving volume into the hand, where the box says."""
        if self.hand is None and self.pair.is_ready:
            self._begin(self.pair.fixed.layer(), self.pair.moving.layer(), self.pair.start)

    def begin_with(self, fixed: Any, moving: Any, start: sitk.Transform | None = None) -> None:
        """Choose two layers and begin (`start` is fixed -> moving; None is where they lie), after what is on ended."""
        self.end()
        self.choose(fixed, moving)
        self._begin(fixed, moving, start)

    def choose(self, fixed: Any, moving: Any) -> None:
        """Choose two layers, unless an alignment is on."""
        if self.hand is None:
            self.pair.choose(fixed, moving)

    def _begin(self, fixed: Any, moving: Any, start: sitk.Transform | None) -> None:
        try:
            hand = HandAlignment(self._viewer, fixed, moving, start, later=self._turns.add)
        except CoregError as error:
            self.message.say(str(error), "error")
            return
        self.hand = hand
        hand.layers.soon = self._mark_soon
        self.drags = Drags(hand)
        self.keys = Keys(hand, self._main_window(), self)
        self._news = ""
        self._forget_applied()
        self.panel.take(hand, self.drags)
        self.match.take(hand)
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
        open_register(self._viewer, *pair)
        self._turns.add(self._session.run_wanted.emit)

    def use_as_start(self) -> None:
        """Make the pose the start of the next run of this pair."""
        if self.hand is None:
            return
        hand = self.hand
        grids = hand.fixed_volume.geometry, hand.moving_volume.geometry
        self._session.start = Start(hand.transform, _SOURCE, hand.fixed, hand.moving, grids)
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
        self.pair.left = None
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
        worker = TaskWorker(keeping(self.hand))
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
        self.pair = PairPanel(self._viewer)
        self.begin_button = QPushButton("Begin")
        self.begin_button.setProperty("role", "main")
        self.message = Note()
        self.take_back = QPushButton("Take back")
        self.take_back.setToolTip("Put the layer back to where it was.")
        self.take_back.setVisible(False)
        self.panel = PosePanel()
        self.match, self.uses = MatchPanel(), UsesPanel()
        self.on_part = QWidget()

    def _lay_out(self) -> None:
        on_rows = column(self.on_part, spacing=8)
        on_rows.addWidget(self.panel)
        on_rows.addWidget(self.match)
        on_rows.addWidget(self.uses)
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addWidget(self.pair)
        rows.addWidget(self.begin_button)
        rows.addWidget(self.message)
        rows.addWidget(self.take_back)
        rows.addWidget(self.on_part)
        rows.addStretch(1)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        self.pair.changed.connect(self._refresh)
        self.begin_button.clicked.connect(self._toggle)
        self.take_back.clicked.connect(self.take_back_applied)
        self.uses.run.clicked.connect(self.run_from_here)
        self.uses.start.clicked.connect(self.use_as_start)
        self.uses.apply.clicked.connect(self.apply)
        self.uses.keep.clicked.connect(self.keep)
        follow(self, self._viewer.events.theme, self._follow_theme)
        follow(self, self._session.start_changed, self._refresh)
        follow(self, self._session.attempts.changed, self._refresh)

    def _follow_theme(self) -> None:
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))

    def _refresh(self) -> None:
        """Offer what the chosen layers can begin with, or say what stands against it."""
        if self.hand is None:
            text, role = self.pair.refresh()
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
        self.begin_button.setEnabled(is_on or self.pair.is_ready)
        self.pair.show_state(is_on)
        self.on_part.setVisible(is_on)
        self.uses.show_keeping(self._worker is not None)

    def _toggle(self) -> None:
        if self.hand is None:
            self.begin()
        else:
            self.end()

    def _mark_soon(self) -> None:
        if not self._marking.isActive():
            self._marking.start()

    def _mark(self) -> None:
        """Let the marker follow now and then, and all else when the volume rests."""
        if self.hand is None:
            return
        if self.hand.pose == self._marked:
            self.hand.settle()
        else:
            self._marked = self.hand.pose
            self.hand.layers.place_marker()
            self._marking.start()

    def _on_ended(self, why: str) -> None:
        hand, self.hand = self.hand, None
        self.match.leave()
        self.panel.leave()
        there = hand is not None and hand.fixed in self._viewer.layers and hand.moving in self._viewer.layers
        self.pair.left = Left.by(hand) if hand is not None and there else None
        self._tell(why)
        self._refresh()

    def _on_kept(self, data: LayerData) -> None:
        self._turns.add(partial(self._add_kept, data))

    def _add_kept(self, data: LayerData) -> None:
        layer = Layer.create(*data)
        live = None if self.hand is None else self.hand.layers.live
        layer.visible = live is None
        add_beside(self._viewer, layer)
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

    def _main_window(self) -> QWidget:
        """Return the window with the canvas, also while this dock floats."""
        widget: QWidget = self
        while widget.parentWidget() is not None:
            widget = widget.parentWidget()
        return widget
