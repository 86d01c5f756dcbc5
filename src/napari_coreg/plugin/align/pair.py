"""Which layers are aligned by hand, and where that begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.align.outcome import Left, Place, places
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import ElidedBox, RowLabel, form

if TYPE_CHECKING:
    import SimpleITK as sitk

_WELCOME = "Open two volumes to begin, and choose which one stays and which one is moved."


class PairPanel(QWidget):
    """Boxes for the fixed and the moving layer, and for where the moving one lies at the beginning."""

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._places: list[Place] = []
        self.left: Left | None = None
        self.fixed = LayerBox(viewer, Image, "The volume that stays where it is.")
        self.moving = LayerBox(viewer, Image, "The volume that is moved over the fixed one.")
        self.begin_at = ElidedBox()
        self.begin_at.set_help("Where the moving volume lies when the alignment begins.")
        rows = form(self)
        rows.addRow(RowLabel("Fixed", "Moving "), self.fixed)
        rows.addRow(RowLabel("Moving", "Moving "), self.moving)
        rows.addRow(RowLabel("Begin", "Moving "), self.begin_at)
        for box in (self.fixed, self.moving):
            box.layer_changed.connect(self.changed)
            box.listed.connect(self._choose_first)
        self._choose_first()

    @property
    def is_ready(self) -> bool:
        """Whether the chosen layers can be aligned."""
        return bool(self._places)

    @property
    def start(self) -> sitk.Transform | None:
        """Where to begin (fixed -> moving); None for where the layers lie."""
        return self._places[max(0, self.begin_at.currentIndex())].transform

    def choose(self, fixed: Any, moving: Any) -> None:
        """Choose two layers."""
        self.fixed.set_layer(fixed)
        self.moving.set_layer(moving)

    def refresh(self) -> tuple[str, str]:
        """Offer what the chosen layers can begin with; return what stands against it, and its role as a `Note`."""
        fixed, moving = self.fixed.layer(), self.moving.layer()
        self._places, text, role = [], "", "note"
        if fixed is None or moving is None:
            text = _WELCOME
        elif fixed is moving:
            text, role = f"{fixed.name!r} is chosen twice: choose two layers.", "error"
        else:
            try:
                self._places = places(self._viewer, fixed, moving, self.left)
            except CoregError as error:
                text, role = str(error), "error"
        self.begin_at.clear()
        self.begin_at.addItems([place.words for place in self._places])
        return text, role

    def show_state(self, is_on: bool) -> None:
        """Let layers be chosen only while nothing is in the hand."""
        for box in (self.fixed, self.moving):
            box.setEnabled(not is_on)
        self.begin_at.setEnabled(not is_on and len(self._places) > 1)

    def _choose_first(self) -> None:
        """Choose the first volume as fixed and the second as moving, where nothing is chosen yet."""
        for box, other in ((self.fixed, self.moving), (self.moving, self.fixed)):
            if box.layer() is None and (box is self.fixed or other.layer() is not None):
                box.set_layer(next((layer for layer in box.layers() if layer is not other.layer()), None))
