"""Hands a registration over to the dock widget "Deformation"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.plugin.viewers import open_dock

if TYPE_CHECKING:
    from napari_coreg.plugin.quality.measuring import Measured
    from napari_coreg.plugin.result_picker import ResultPicker

_FOLDED = ("folded", "folded_in_body")


def show_motion(viewer: Any, source: ResultPicker, measured: Measured | None) -> Any:
    """Open the dock on what is chosen, with folded voxels shown where some were found.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Nothing is done where it has no window.
    source : ResultPicker
        What is chosen.
    measured : Measured or None
        What was found.

    Returns
    -------
    DeformationWidget or None
        None where there is no window.
    """
    widget = open_dock(viewer, "Deformation")
    if widget is None:
        return None
    if source.transform is None:
        widget.source.result.set_layer(source.result.layer())
    else:
        widget.source.fixed.set_layer(source.fixed.layer())
        widget.source.choose_transform(source.transform, source.file_path)
    rows = () if measured is None else measured.quality.rows
    if any(row.measure in _FOLDED and row.after for row in rows):
        widget.views.tick("jacobian")
    return widget
