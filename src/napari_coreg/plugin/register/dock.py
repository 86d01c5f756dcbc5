"""Opens the dock widget "Register volumes" on a pair."""

from __future__ import annotations

from typing import Any

from napari_coreg.plugin.viewers import open_dock


def open_register(viewer: Any, fixed: Any, moving: Any) -> Any:
    """Open the dock, or raise the one that is open, and choose two layers in it.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Nothing is done where it has no window.
    fixed, moving : layer
        The pair.

    Returns
    -------
    RegisterWidget or None
        None where there is no window.
    """
    widget = open_dock(viewer, "Register volumes")
    if widget is not None:
        widget.layers.fixed.set_layer(fixed)
        widget.layers.moving.set_layer(moving)
    return widget
