"""What differs between napari's versions, or hides behind its proxies: a viewer's camera, units and dock widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.plugin.placement import mm_per_unit

if TYPE_CHECKING:
    import numpy.typing as npt


def camera_of(viewer: Any) -> Any:
    """Return the camera of a viewer; it moved in napari 0.9."""
    return getattr(viewer, "scene", viewer).camera


def mm_per_world_unit(viewer: Any, axes: int = 3) -> npt.NDArray[np.float64]:
    """Return the millimetres in one unit of each of the viewer's last axes (zyx); a pixel counts as one.

    napari before 0.7 has no units.
    """
    units = getattr(viewer.dims, "units", None)
    return np.ones(axes) if not units else mm_per_unit(tuple(units[-axes:]))


def show_place(viewer: Any, place_mm: npt.ArrayLike) -> None:
    """Bring a place of the world into the slice and into the middle of the canvas.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose slice and camera.
    place_mm : array, shape (n,)
        In mm along the viewer's last axes (zyx).
    """
    mm = np.asarray(place_mm, dtype=float)
    world = (mm / mm_per_world_unit(viewer, len(mm))).tolist()
    axes = range(viewer.dims.ndim - len(mm), viewer.dims.ndim)
    viewer.dims.set_point(axes, world)
    places = dict(zip(axes, world, strict=True))
    displayed = [axis for axis in viewer.dims.displayed if axis in places]
    camera = camera_of(viewer)
    centre = list(camera.center)
    for index, axis in enumerate(reversed(displayed), 1):
        centre[-index] = places[axis]
    camera.center = tuple(centre)


def open_dock(viewer: Any, title: str) -> Any:
    """Open one of our dock widgets as a tab beside those that are there, or raise it where it is open.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where.
    title : str
        Its display name in the manifest.

    Returns
    -------
    QWidget or None
        None where the viewer has no window.
    """
    window = getattr(viewer, "window", None)
    if window is None:
        return None
    dock, widget = window.add_plugin_dock_widget("napari-coreg", title, tabify=True)
    dock.show()
    dock.raise_()
    return widget
