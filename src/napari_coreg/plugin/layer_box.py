"""A box to choose one of the viewer's layers; it follows the layer list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_coreg.plugin.live import is_preview
from napari_coreg.plugin.parts import ElidedBox, follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

NO_LAYER = "(none)"


class LayerBox(ElidedBox):
    """Lists the layers of one class.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are listed.
    layer_class : type
        Which of them, such as ``napari.layers.Image``.
    tooltip : str
        What the layer is for.
    optional : bool
        Whether no layer may be chosen.
    nothing : str
        What stands for no layer, where that may be chosen.
    fits : callable, optional
        Says which of these layers are listed; all when not given.
    """

    listed = Signal()  # the layer list has changed
    layer_changed = Signal()

    def __init__(
        self,
        viewer: Any,
        layer_class: type,
        tooltip: str,
        *,
        optional: bool = False,
        nothing: str = NO_LAYER,
        fits: Callable[[Any], bool] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._layers: Any = viewer.layers
        self._layer_class = layer_class
        self._optional = optional
        self._nothing = nothing
        self._fits = fits
        self._shown: list[Any] = []
        self.set_help(tooltip)
        self.setPlaceholderText("no layer")
        self._refresh()
        events = self._layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            follow(self, event, self._refresh)
        self.currentIndexChanged.connect(self._on_index)

    def layers(self) -> list[Any]:
        """Return the layers that can be chosen."""
        return [layer for layer in self._shown if layer is not None]

    def layer(self) -> Any:
        """Return the chosen layer, or None."""
        index = self.currentIndex()
        return self._shown[index] if 0 <= index < len(self._shown) else None

    def set_layer(self, layer: Any) -> None:
        """Choose a layer; one that is not listed, and None, choose none."""
        self.setCurrentIndex(self._shown.index(layer) if layer in self._shown else -1)

    def _refresh(self) -> None:
        before = self.layer()
        fitting = [layer for layer in self._layers if isinstance(layer, self._layer_class) and not is_preview(layer)]
        if self._fits is not None:
            fitting = [layer for layer in fitting if self._fits(layer)]
        self._shown = [*([None] if self._optional else []), *fitting]
        kept = before in self._shown
        self.blockSignals(True)
        self.clear()
        self.addItems([self._nothing if layer is None else layer.name for layer in self._shown])
        self.setCurrentIndex(self._shown.index(before) if kept else 0 if self._optional else -1)
        self.blockSignals(False)
        self._update_tooltip()
        if not kept:
            self.layer_changed.emit()
        self.listed.emit()

    def _on_index(self, _index: int) -> None:
        self.layer_changed.emit()
