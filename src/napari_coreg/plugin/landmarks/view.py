"""Moves the viewer to a landmark, hands over to a layer, and shows one of two volumes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.placement import mm_per_unit
from napari_coreg.plugin.viewers import show_place

if TYPE_CHECKING:
    from collections.abc import Iterable


def jump(viewer: Any, layer: Any, row: int) -> None:
    """Bring a point of a layer into the slice and into the middle of the canvas."""
    show_place(viewer, np.asarray(layer.data_to_world(layer.data[row])) * mm_per_unit(tuple(layer.units)))


def hand_to(viewer: Any, layer: Any, mode: str) -> None:
    """Make a layer the active one, in a mode of Points layers, so that the next click is for it."""
    viewer.layers.selection.active = layer
    if not layer.visible:
        layer.visible = True
    layer.mode = mode


class Spotlight:
    """Hides all but some layers of a group, and gives their visibility back."""

    def __init__(self, viewer: Any) -> None:
        self._hiding = hiding_of(viewer)
        self._before: dict[Any, bool] = {}

    def show(self, lit: Iterable[Any], dark: Iterable[Any]) -> None:
        """Show the one, hide the other; None among them is passed over."""
        for layer in lit:
            if layer is not None:
                self._hiding.give_back(self, layer)
                self._before.setdefault(layer, layer.visible)
                self._hiding.show(layer, True)
        for layer in dark:
            if layer is not None:
                self._hiding.hide(layer, self)

    def give_back(self) -> None:
        """Make visible what was so before, and hide what was hidden."""
        self._hiding.give_back(self)
        for layer, visible in self._before.items():
            self._hiding.show(layer, visible)
        self._before = {}
