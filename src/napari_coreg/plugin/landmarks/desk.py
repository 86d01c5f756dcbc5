"""Leads the user from a landmark in one volume to its partner in the other, and keeps the fit up to date."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_coreg.errors import CoregError
from napari_coreg.per_viewer import unwrapped
from napari_coreg.plugin.landmarks.fit import LiveFit, estimate
from napari_coreg.plugin.landmarks.keys import bind_keys
from napari_coreg.plugin.landmarks.scene import Scene
from napari_coreg.plugin.landmarks.sets import landmarks_of
from napari_coreg.plugin.landmarks.values import OTHER, SIDES
from napari_coreg.plugin.landmarks.view import hand_to, jump
from napari_coreg.plugin.parts import follow
from napari_coreg.plugin.quietly import add_beside, add_quietly
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.worker import TaskWorker
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_coreg.core.landmarks import LandmarkFit, LandmarkModel
    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.landmarks.values import Side
    from napari_coreg.plugin.layers import LayerData


class LandmarkDesk(QObject):
    """What the dock widget works with: one pair of volumes, its landmarks, and where the user is.

    Attributes
    ----------
    marks : LandmarkLayers or None
        The landmarks of the chosen pair.
    why_not : str
        What stands against the pair, in a sentence.
    model : str
        The model that is fitted.
    live : LiveFit
        The last fit.
    return_to : {"fixed", "moving"} or None
        In which volume the user was adding when led to the other one.
    sees_fit : bool
        Whether the moving volume is shown through the fit.
    """

    changed = Signal()
    said = Signal(str, str)  # a sentence, and its role

    def __init__(self, viewer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._viewer = viewer = unwrapped(viewer)  # whose active layer is the layer itself
        self.marks: LandmarkLayers | None = None
        self.why_not = ""
        self.model: LandmarkModel = "rigid"
        self.live = LiveFit()
        self.return_to: Side | None = None
        self.sees_fit = False
        self._by_key = False  # the point was added by our key
        self._news: list[tuple[int, Side, bool]] = []
        self._turns = Turns(parent)
        self._scene = Scene(viewer, self._turns)
        self._soon = QTimer(self)  # napari selects the point that it has added after it has told so
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._settle)
        follow_me = partial(follow, parent)
        follow_me(viewer.layers.events.removed, self._on_removed)
        follow_me(viewer.layers.selection.events.active, self._on_active)

    @property
    def fit(self) -> LandmarkFit | None:
        """The fit to the landmarks as they are now, or None; a thin-plate spline's `transform` is a coarse one."""
        if self.marks is None:
            return None
        try:
            grid = self.marks.volume("fixed").geometry
        except CoregError:
            return None
        return self.live.update(self.marks.pairs, self.model, grid)

    @property
    def adding(self) -> Side | None:
        """In which volume the next click sets a landmark."""
        active = self._viewer.layers.selection.active
        side = None if self.marks is None else self.marks.side_of(active)
        return side if getattr(active, "mode", "") == "add" else None

    def choose(self, fixed: Any, moving: Any) -> None:
        """Work on another pair of volumes; None where none is chosen."""
        if self.marks is not None:
            self.marks.pairs.changed.disconnect(self._on_changed)
            self.marks.added.disconnect(self._on_added)
            self.marks.failed.disconnect(self._on_failed)
        self.marks, self.why_not, self.return_to, self.sees_fit = None, "", None, False
        self._scene.give_back()
        if fixed is not None and moving is not None:
            try:
                self.marks = landmarks_of(self._viewer, fixed, moving)
            except CoregError as error:
                self.why_not = str(error)
        if self.marks is not None:
            self.marks.pairs.changed.connect(self._on_changed)
            self.marks.added.connect(self._on_added)
            self.marks.failed.connect(self._on_failed)
            for side in SIDES:
                self._watch(self.marks.layer(side))
        self._on_active()

    def show_layers(self) -> str:
        """Add the two Points layers where there are none yet, and show oblique volumes straight; says so if it does."""
        text = self._scene.set_up(self.marks)
        for side in SIDES:
            self._turns.add(partial(self._make, side))
        return text

    def adopt(self, side: Side, layer: Any) -> None:
        """Hold the landmarks of one volume in a Points layer that is there already; None lets go of it."""
        if self.marks is None or layer is self.marks.layer(side):
            return
        if layer is None:
            self._let_go(self.marks, side)
        else:
            try:
                self.marks.adopt(side, layer)
            except CoregError as error:
                self.said.emit(str(error), "error")
            else:
                self._watch(layer)
        self.changed.emit()

    def add_in(self, side: Side) -> None:
        """Let the next clicks set landmarks in one of the volumes."""
        self.see_fit(False)
        self.return_to = None
        session_of(self._viewer).clear_canvas()
        text = self.show_layers()
        if text:
            self.said.emit(text, "note")
        self._turns.add(partial(self._hand_to, side, "add"))

    def stop_adding(self) -> None:
        """Let clicks move the view again."""
        self.return_to = None
        for side in SIDES:
            layer = None if self.marks is None else self.marks.layer(side)
            if layer is not None and layer.mode == "add":
                layer.mode = "pan_zoom"
        self.changed.emit()

    def add_at_cursor(self) -> None:
        """Set a landmark where the cursor is, in the active layer of landmarks."""
        layer = self._viewer.layers.selection.active
        if self.marks is not None and layer in [self.marks.layer(side) for side in SIDES]:
            self._by_key = True
            layer.add(layer.world_to_data(self._viewer.cursor.position))

    def confirm(self, keys: set[int]) -> None:
        """Take the estimates of these landmarks, and the last one, for true, and go on where that one began."""
        if self.marks is None:
            return
        current, self.marks.current = self.marks.current, None
        self.marks.pairs.confirm(keys if current is None else keys | {current})
        if self.return_to is not None:
            self._hand_to(self.return_to, "add")
            self.return_to = None

    def go_to(self, key: int) -> None:
        """Show a landmark, in the volume that is being worked in if it is there, and select it in both."""
        if self.marks is None:
            return
        self._scene.set_up(self.marks)
        self.marks.select(key)
        active = self.marks.side_of(self._viewer.layers.selection.active) or "fixed"
        for side in (active, OTHER[active]):
            row, layer = self.marks.row_of(side, key), self.marks.layer(side)
            if row is not None and layer is not None:
                jump(self._viewer, layer, row)
                return

    def show_alone(self, alone: bool) -> None:
        """Show one volume at a time, or both as they were."""
        self._scene.alone = alone
        self._scene.light(self.marks)

    def see_fit(self, wanted: bool) -> None:
        """Show the moving volume through the fit, also as that changes; or as it lies."""
        self.sees_fit = wanted
        self.follow_fit()
        self.changed.emit()

    def follow_fit(self) -> None:
        """Look through the newest fit, where that is wanted."""
        self._scene.see_fit(self.marks, self.fit if self.sees_fit else None)

    def keep_fit(self) -> None:
        """Make an ordinary layer of what is seen through the fit."""
        fit = self.fit
        if self.marks is None or fit is None or self._scene.through.layer is None:
            return
        try:
            task = self._scene.through.keeping(self.marks, fit)
        except CoregError as error:
            self.said.emit(str(error), "error")
            return
        worker = TaskWorker(task)
        worker.returned.connect(self._on_kept)
        worker.failed.connect(partial(self.said.emit, role="error"))
        worker.start()
        self.said.emit("Resampling the moving volume...", "note")

    def show_straight(self, straight: bool) -> None:
        """Show oblique volumes straight while landmarks are set, or as napari does."""
        self._scene.straight = straight
        if straight:
            self.said.emit(self._scene.set_up(self.marks), "note")
        else:
            self._scene.give_back()
            self._scene.set_up(self.marks)

    def leave(self) -> None:
        """Give back what was hidden, and let clicks move the view."""
        self.sees_fit = False
        self._scene.give_back()
        self.stop_adding()

    def _on_kept(self, data: LayerData) -> None:
        layer = Layer.create(*data)
        self._turns.add(partial(add_quietly, self._viewer, layer))
        self.said.emit(f"Kept as {layer.name!r}.", "note")

    def _make(self, side: Side) -> None:
        if self.marks is not None and self.marks.layer(side) is None:
            layer = self.marks.make(side)
            active = self._viewer.layers.selection.active
            add_beside(self._viewer, layer)
            self._viewer.layers.selection.active = active
            self._watch(layer)
            self.changed.emit()

    def _hand_to(self, side: Side, mode: str, key: int | None = None) -> None:
        layer = None if self.marks is None else self.marks.layer(side)
        if self.marks is not None and layer is not None:
            hand_to(self._viewer, layer, mode)
            if key is not None:
                self.marks.select(key)
            self.changed.emit()

    def _jump(self, side: Side, key: int) -> None:
        row = None if self.marks is None else self.marks.row_of(side, key)
        if self.marks is not None and row is not None:
            jump(self._viewer, self.marks.layer(side), row)

    def _watch(self, layer: Any) -> None:
        """Hear of the mode of a layer of landmarks, and give it our keys."""
        if layer is not None:
            follow(self.parent(), layer.events.mode, self._on_mode)
            bind_keys(layer, self)

    def undo(self) -> None:
        """Take the last change of the landmarks back."""
        if self.marks is not None:
            self.marks.pairs.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.marks is not None:
            self.marks.pairs.redo()

    def _on_changed(self) -> None:
        self.changed.emit()

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")

    def _on_added(self, key: int, side: Side, completed: bool) -> None:
        layer = None if self.marks is None else self.marks.layer(side)
        if self._by_key or (self.adding == side and self._viewer.layers.selection.active is layer):
            self._news.append((key, side, completed))
            self._soon.start()
        self._by_key = False

    def _settle(self) -> None:
        """Lead on from a point that was added by hand: to its partner, or back from it."""
        news, self._news = self._news, []
        for key, side, completed in news[-1:]:
            landmark = None if self.marks is None else self.marks.pairs.find(key)
            if self.marks is None or landmark is None:
                continue
            if not completed:
                self._lead_to_partner(key, side)
            else:
                self.marks.current = None
                if self.return_to not in (None, side):
                    self._hand_to(self.return_to, "add")
                self.return_to = None
                self.marks.select(key)
        self.changed.emit()

    def _lead_to_partner(self, key: int, side: Side) -> None:
        marks, fit, other = self.marks, self.fit, OTHER[side]
        landmark = None if marks is None else marks.pairs.find(key)
        if marks is None or landmark is None:
            return
        point = landmark.at(side)
        place = None if fit is None or point is None else estimate(fit, point, side)
        if marks.layer(other) is None:
            self._turns.add(partial(self._make, other))
        if place is not None:
            marks.current = key
            marks.pairs.place(key, other, place.tolist(), guess=True)
            self._turns.add(partial(self._jump, other, key))
        self._turns.add(partial(self._hand_to, other, "add" if place is None else "select", key))
        self.return_to = side

    def _on_mode(self) -> None:
        self.changed.emit()

    def _on_active(self) -> None:
        self._scene.light(self.marks)
        self.changed.emit()

    def _on_removed(self) -> None:
        if self.marks is not None:
            for side in SIDES:
                layer = self.marks.layer(side)
                if layer is not None and layer not in self._viewer.layers:
                    self._let_go(self.marks, side)
            self.changed.emit()

    def _let_go(self, marks: LandmarkLayers, side: Side) -> None:
        layer = marks.layer(side)
        marks.release(side)
        if layer not in self._viewer.layers and len(marks.pairs):
            text = f"The layer {layer.name!r} was removed; its landmarks are kept. 'Add in {side}' shows them again."
            self.said.emit(text, "note")
