"""Opens the dock widget "Deformation" on a result."""

from __future__ import annotations

from typing import Any

from napari_coreg.plugin.deformation.source import result_of
from napari_coreg.plugin.viewers import open_dock


def open_deformation(viewer: Any, result: Any) -> Any:
    """Open the dock, or raise the one that is open, and choose the registered layer of a result.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Nothing is done where it has no window.
    result : RegistrationResult
        Whose layer; where that was deleted the choice stays.

    Returns
    -------
    DeformationWidget or None
        None where there is no window.
    """
    widget = open_dock(viewer, "Deformation")
    if widget is None:
        return None
    box = widget.source.result
    box.set_layer(next((layer for layer in box.layers() if result_of(layer) is result), box.layer()))
    return widget
