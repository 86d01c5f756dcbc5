"""Which layers are to be warped: a list with a tick for each one that may lie in the source's space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.live import is_preview
from napari_coreg.plugin.parts import follow
from napari_coreg.plugin.placement import trusted_header
from napari_coreg.plugin.warp.layers import KINDS

if TYPE_CHECKING:
    from napari_coreg.plugin.warp.way import Space, Way

_ROWS = 7  # in sight without scrolling
_LINE = 6  # pixels between the words of two rows


class LayerChoice(QListWidget):
    """Lists the layers that can be warped along a way; ticks stay when the list changes.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are listed.
    """

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._way: Way | None = None
        self._listed: list[Any] = []
        self._ticked: set[Any] = set()
        self.setToolTip(
            "Tick the layers to be carried over, by a click or the space bar. They must lie over the volume that the "
            "way begins with; they are not changed."
        )
        self.setAccessibleName("Layers to be warped")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            follow(self, event, self._refresh)
        self.itemChanged.connect(self._on_item)
        self._refresh()

    def set_way(self, way: Way | None) -> None:
        """List the layers for a way; those that lie on the very grid of its source are ticked, except the source."""
        self._way = way
        self._ticked = set()
        if way is not None:
            self._ticked = {layer for layer in self._viewer.layers if _belongs(layer, way.source)}
        self._refresh()

    def layers(self) -> list[Any]:
        """Return the layers that can be ticked, from the top of the viewer's list down."""
        return list(self._listed)

    def ticked(self) -> list[Any]:
        """Return those that are ticked, in the order of the viewer's list, bottom up."""
        return [layer for layer in reversed(self._listed) if layer in self._ticked]

    def tick(self, layer: Any, *, ticked: bool = True) -> None:
        """Tick a layer that is listed, or untick it."""
        state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        self.item(self._listed.index(layer)).setCheckState(state)

    def sizeHint(self) -> QSize:
        """Make room for some rows, and no more than there are."""
        rows = min(max(len(self._listed), 2), _ROWS)
        height = max(self.sizeHintForRow(0), self.fontMetrics().height() + _LINE)
        return QSize(200, rows * height + 2 * self.frameWidth() + 4)

    def minimumSizeHint(self) -> QSize:
        """Let the dock become narrow."""
        return QSize(80, self.sizeHint().height())

    def _refresh(self) -> None:
        way = self._way
        fitting = [] if way is None else [layer for layer in self._viewer.layers if can_go(layer, way)]
        self._listed = fitting[::-1]
        self._ticked &= set(self._listed)
        self.blockSignals(True)
        self.clear()
        for layer in self._listed:
            item = QListWidgetItem(f"{layer.name}  ({kind_of(layer)})")
            item.setToolTip(item.text())
            item.setSizeHint(QSize(0, self.fontMetrics().height() + _LINE))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if layer in self._ticked else Qt.CheckState.Unchecked)
            self.addItem(item)
        self.blockSignals(False)
        self.updateGeometry()
        self.changed.emit()

    def _on_item(self, item: QListWidgetItem) -> None:
        layer = self._listed[self.row(item)]
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked.add(layer)
        else:
            self._ticked.discard(layer)
        self.changed.emit()


def kind_of(layer: Any) -> str:
    """Return a layer's kind in napari's words, such as 'points'; empty where it is none that can be warped."""
    from napari import layers  # noqa: PLC0415 - loaded already wherever a layer exists

    return next((kind for kind in KINDS if isinstance(layer, getattr(layers, kind.capitalize()))), "")


def can_go(layer: Any, way: Way) -> bool:
    """Whether a layer may lie in the source of a way, as far as can be told."""
    if not kind_of(layer) or layer.ndim != way.source.grid.dimension or is_preview(layer):
        return False
    if kind_of(layer) in ("image", "labels") and (getattr(layer, "rgb", False) or layer.multiscale):
        return False
    if layer.name == way.target.name:
        return False
    return _lies_in(layer) in ("", way.source.name)


def _lies_in(layer: Any) -> str:
    """Return the name of the volume in whose space we have put a layer; empty for a layer of somebody else."""
    own = layer.metadata.get(METADATA_KEY, {})
    if "warped" in own:
        return str(own["warped"]["to"])
    return str(own.get("made_by", {}).get("fixed") or "")


def _belongs(layer: Any, source: Space) -> bool:
    if kind_of(layer) not in ("image", "labels") or layer.name == source.name or _lies_in(layer):
        return False
    if getattr(layer, "rgb", False) or layer.multiscale:
        return False
    return trusted_header(layer) == source.grid
