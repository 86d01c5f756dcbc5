"""Puts the views of a deformation into the viewer and takes them out again, one layer in a turn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Vectors
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_coreg.plugin.deformation.look import QUICK
from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.parts import follow
from napari_coreg.plugin.quietly import add_quietly, remove_quietly
from napari_coreg.plugin.turns import Turns

if TYPE_CHECKING:
    from napari_coreg.plugin.deformation.look import View


class ShownViews(QWidget):
    """What is shown of a deformation; selection and camera stay as they are. It is never seen itself.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where it is shown.
    """

    lost = Signal(str)  # somebody else has deleted a layer of this view; take the others out

    def __init__(self, viewer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._viewer = viewer
        self._turns = Turns(parent)
        self._wanted: dict[View, tuple[Any, ...]] = {}
        self._added: set[Any] = set()
        follow(self, viewer.layers.events.removed, self._on_removed)

    def layers(self, view: View) -> tuple[Any, ...]:
        """Return the layers of a view that are in the viewer, or will be soon."""
        return self._wanted.get(view, ())

    def put(self, view: View, layers: tuple[Any, ...]) -> None:
        """Show these layers for a view, instead of those there were; none takes it out."""
        if view == "vectors":
            self._hide_arrows_of_runs(bool(layers))
        before = self._wanted.pop(view, ())
        if layers:
            self._wanted[view] = layers
        for layer in before:
            if layer not in layers:
                self._turns.add(partial(self._drop, layer))
        for layer in layers:
            if layer not in before:
                self._turns.add(partial(self._add, layer))

    def _hide_arrows_of_runs(self, hide: bool) -> None:
        """Let the arrows that a run has added not double ours."""
        hiding = hiding_of(self._viewer)
        if not hide:
            hiding.give_back(self)
        for layer in self._viewer.layers if hide else ():
            if isinstance(layer, Vectors) and "made_by" in layer.metadata.get(METADATA_KEY, {}):
                hiding.hide(layer, self)

    def _is_wanted(self, layer: Any) -> bool:
        return any(layer in layers for layers in self._wanted.values())

    def _add(self, layer: Any) -> None:
        if layer in self._viewer.layers or not self._is_wanted(layer):
            return
        add_quietly(self._viewer, layer)
        self._viewer.layers.move(len(self._viewer.layers) - 1, self._place_of(layer))
        self._added.add(layer)

    def _place_of(self, layer: Any) -> int:
        """Return where a layer goes: arrows and lines on top, maps right below them."""
        top = len(self._viewer.layers) - 1
        lines = [each for view in QUICK for each in self.layers(view)]
        if layer in lines:
            return top
        return min((self._viewer.layers.index(each) for each in lines if each in self._viewer.layers), default=top)

    def _drop(self, layer: Any) -> None:
        if not self._is_wanted(layer):
            self._added.discard(layer)
            remove_quietly(self._viewer, layer)

    def _on_removed(self) -> None:
        for view, layers in list(self._wanted.items()):
            if any(layer in self._added and layer not in self._viewer.layers for layer in layers):
                self.lost.emit(view)
