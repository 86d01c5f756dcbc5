"""orthogonal_views(): opens the dock widget of that name, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.plugin.viewers import open_dock

if TYPE_CHECKING:
    from napari_coreg.plugin.orthogonal.widget import OrthogonalWidget


def orthogonal_views(viewer: Any) -> OrthogonalWidget:
    """Show the viewer's volumes also in the planes that its canvas does not show, with a linked crosshair.

    Parameters
    ----------
    viewer : napari.Viewer
        With or without layers; it is followed.

    Returns
    -------
    OrthogonalWidget
        Its `jump_to` moves the crosshair to a point in millimetres.

    Examples
    --------
    In napari's console::

        from napari_coreg import orthogonal_views
        orthogonal_views(viewer)
    """
    widget: OrthogonalWidget = open_dock(viewer, "Orthogonal views")
    return widget
