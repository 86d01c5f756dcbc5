"""Chooses what else is known of a registration: labels, landmarks and masks of both volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_coreg.plugin.landmarks.sets import known_landmarks
from napari_coreg.plugin.landmarks.values import SIDES
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import Note, Section, column, follow
from napari_coreg.plugin.quality.subjects import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.plugin.quality.subjects import Known, Role

_TITLE = "Labels, landmarks, masks"
_ALONE = "Choose {} of the other volume, too: of one alone nothing can be measured."
_EDITS = ("data", "paint")  # napari's events of a layer's points and voxels
_KINDS = {
    "labels": (
        "Labels",
        "Structures that are outlined in the {side} volume, the same value for the same structure in both. "
        "Columns 'index' and 'name' of the layer's features name them.",
    ),
    "points": (
        "Landmarks",
        "Points set in the {side} volume. Those of one name, or else of one place in the order, belong together.",
    ),
    "mask": ("Mask", "Only where it is not 0 the {side} volume is looked at."),
}


class InputsPanel(Section):
    """Boxes for the layers that make more of a registration measurable; folded, as none of them is needed."""

    changed = Signal()
    edited = Signal()  # a layer that is chosen has other voxels or points now

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        from napari.layers import Labels, Points  # noqa: PLC0415 - loaded already wherever a viewer exists

        content = QWidget()
        super().__init__(
            _TITLE,
            content,
            tooltip="What makes more of it measurable: only landmarks and structures tell how accurate a result is.",
            parent=parent,
        )
        self._viewer = viewer
        self._known: Known | None = None
        self._is_touched = False  # the landmarks were chosen by hand, for this pair
        self._stops: list[Callable[[], None]] = []
        self.boxes: dict[Role, LayerBox] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for kind, (title, help_text) in _KINDS.items():
            for side in SIDES:
                role: Any = f"{side}_{kind}"
                layer_class = Points if kind == "points" else Labels
                box = LayerBox(viewer, layer_class, help_text.format(side=side), optional=True)
                box.setAccessibleName(f"{title} of the {side} volume")
                row = len(self.boxes)
                grid.addWidget(QLabel(f"{title}, {side}"), row, 0)
                grid.addWidget(box, row, 1)
                self.boxes[role] = box
        self.alone = Note()
        rows = column(content, spacing=4)
        rows.addLayout(grid)
        rows.addWidget(self.alone)
        for role in ROLES:
            self.boxes[role].layer_changed.connect(self._on_changed)
            if role.endswith("points"):
                self.boxes[role].activated.connect(self._on_touched)
                self.boxes[role].listed.connect(self._take_landmarks)

    def layers(self) -> dict[Role, Any]:
        """Return what is chosen."""
        return {role: layer for role in ROLES if (layer := self.boxes[role].layer()) is not None}

    def set_known(self, known: Known | None) -> None:
        """Be for this registration: the landmarks of its pair that the viewer has already are chosen."""
        before, self._known = self._known, known
        if before is None or known is None or before.layers != known.layers:
            self._is_touched = False
        self._take_landmarks()

    def _take_landmarks(self) -> None:
        """Choose the landmarks that were set in the dock widget "Landmarks" for this pair, unless somebody chose."""
        if self._known is None or self._is_touched or None in self._known.layers:
            return
        landmarks = known_landmarks(self._viewer, *self._known.layers)
        for side in SIDES:
            layer = None if landmarks is None else landmarks.layer(side)
            role: Role = "fixed_points" if side == "fixed" else "moving_points"
            box = self.boxes[role]
            if layer in box.layers() and box.layer() is not layer:
                box.set_layer(layer)

    def _on_touched(self, _index: int) -> None:
        self._is_touched = True

    def _on_changed(self) -> None:
        count = len(self.layers())
        self.rename(f"{_TITLE} ({count})" if count else _TITLE)
        self.alone.say(_ALONE.format(" and ".join(alone)) if (alone := self._alone()) else "")
        while self._stops:
            self._stops.pop()()
        for layer in self.layers().values():
            events = [layer.events[name] for name in _EDITS if name in layer.events]
            self._stops += [follow(self, event, self._on_edited) for event in events]
        self.changed.emit()

    def _alone(self) -> list[str]:
        """Return what is chosen for one volume only, and tells nothing so."""
        return [
            _KINDS[kind][0].lower()
            for kind in ("labels", "points")
            if len({self.boxes[role].layer() is None for role in ROLES if role.endswith(kind)}) > 1
        ]

    def _on_edited(self) -> None:
        self.edited.emit()
