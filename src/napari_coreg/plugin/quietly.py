"""Adds and removes layers of ours so that the user's selection, and the viewer's pace, stay as they are."""

from __future__ import annotations

import gc
from typing import Any


def add_beside(viewer: Any, layer: Any) -> None:
    """Add a layer that is in mm; in pixels where all others are, as napari warns of units that differ in kind."""
    others = [unit for other in viewer.layers for unit in other.units]
    if others and not any(unit.is_compatible_with("mm") for unit in others):
        layer.units = ("pixel",) * layer.ndim
    viewer.add_layer(layer)


def add_quietly(viewer: Any, layer: Any) -> None:
    """Add a layer, and leave selected what was."""
    selection = viewer.layers.selection
    selected, active = set(selection), selection.active
    add_beside(viewer, layer)
    if active is not None and selected == {active}:
        selection.active = active
    else:
        selection.clear()
        selection.update(selected)


def remove_quietly(viewer: Any, layer: Any) -> None:
    """Remove a layer if it is there, without a pause of 0.1 s."""
    if layer not in viewer.layers:
        return
    # napari collects all garbage of the process when a layer goes: 0.1 s, unless what lives by now is set aside.
    gc.freeze()
    try:
        viewer.layers.remove(layer)
    finally:
        gc.unfreeze()
