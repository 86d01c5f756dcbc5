"""Which layers are registered: fixed, moving and their masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import RowLabel, Section, column, follow, form
from napari_coreg.plugin.placement import PLACEMENT_EVENTS
from napari_coreg.plugin.viewers import open_dock

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_MS = 100


@dataclass(frozen=True, eq=False)
class Chosen:
    """The chosen layers; None where none is."""

    fixed: Any
    moving: Any
    fixed_mask: Any
    moving_mask: Any


class LayersPanel(QWidget):
    """Boxes for the layers. ``changed`` follows choices and also moves of a chosen layer."""

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._stops: list[Callable[[], None]] = []
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self._make_parts(viewer)
        self._lay_out()
        for box in (self.fixed, self.moving, self.fixed_mask, self.moving_mask):
            box.layer_changed.connect(self._on_chosen)
        for box in (self.fixed, self.moving):
            box.listed.connect(self._fill)
        self._fill()

    def _make_parts(self, viewer: Any) -> None:
        self.fixed = LayerBox(viewer, Image, "The volume that stays where it is; the result lies on its grid.")
        self.moving = LayerBox(viewer, Image, "The volume that is brought onto the fixed one.")
        about_mask = "A Labels layer: only where it is not 0 is the {} volume looked at."
        self.fixed_mask = LayerBox(viewer, Labels, about_mask.format("fixed"), optional=True)
        self.moving_mask = LayerBox(viewer, Labels, about_mask.format("moving"), optional=True)
        self._swap = QPushButton("Swap fixed and moving")
        self._swap.setToolTip("Make the fixed volume the moving one, and the other way round; masks too.")
        self._swap.clicked.connect(self.swap)
        self.foreground = QPushButton("Show foreground masks")
        self.foreground.setToolTip(
            "Add the automatic foreground mask of both volumes as Labels layers, fixed in magenta and moving in green: "
            "where a recipe with 'Foreground only' looks. They can be painted on, and chosen here."
        )
        self.by_hand = QPushButton("Align by hand...")
        self.by_hand.setToolTip("Move one volume over the other with the mouse, and start from there.")
        self.by_hand.clicked.connect(self.open_align_by_hand)

    def _lay_out(self) -> None:
        masks = QWidget()
        rows = form(masks)
        rows.addRow("Fixed mask", self.fixed_mask)
        rows.addRow("Moving mask", self.moving_mask)
        rows.addRow(self.foreground)
        rows.addRow(self._swap)
        self.masks = Section("Masks", masks, tooltip="Registers only a part of a volume. Not needed for most pairs.")
        pair = form()
        pair.addRow(RowLabel("Fixed", "Moving "), self.fixed)
        pair.addRow(RowLabel("Moving", "Moving "), self.moving)
        layout = column(self)
        layout.addLayout(pair)
        layout.addWidget(self.by_hand)
        layout.addWidget(self.masks)
        self.by_hand.setVisible(hasattr(self._viewer, "window"))  # a part of this by now, so no window flashes up

    def chosen(self) -> Chosen:
        """Return the chosen layers."""
        return Chosen(self.fixed.layer(), self.moving.layer(), self.fixed_mask.layer(), self.moving_mask.layer())

    def swap(self) -> None:
        """Exchange fixed and moving, and their masks."""
        for one, other in ((self.fixed, self.moving), (self.fixed_mask, self.moving_mask)):
            first, second = one.layer(), other.layer()
            one.set_layer(second)
            other.set_layer(first)

    def open_align_by_hand(self) -> None:
        """Open the dock that aligns by hand, with these layers."""
        widget = open_dock(self._viewer, "Align by hand")
        if widget is not None:
            widget.choose(self.fixed.layer(), self.moving.layer())

    def _fill(self) -> None:
        """Choose the first volume as fixed and the second as moving, where nothing is chosen yet."""
        if self.fixed.layer() is None:
            self.fixed.set_layer(_first_but(self.fixed.layers(), self.moving.layer()))
        if self.moving.layer() is None and self.fixed.layer() is not None:
            self.moving.set_layer(_first_but(self.moving.layers(), self.fixed.layer()))

    def _on_chosen(self) -> None:
        for stop in self._stops:
            stop()
        chosen = self.chosen()
        layers = {chosen.fixed, chosen.moving, chosen.fixed_mask, chosen.moving_mask} - {None}
        self._stops = [
            follow(self, getattr(layer.events, name), self._on_moved) for layer in layers for name in PLACEMENT_EVENTS
        ]
        self.foreground.setEnabled(chosen.fixed is not None or chosen.moving is not None)
        self.changed.emit()

    def _on_moved(self) -> None:
        """Wait for a pause, as a drag sends many events."""
        self._pause.start()


def _first_but(layers: list[Any], other: Any) -> Any:
    return next((layer for layer in layers if layer is not other), None)
