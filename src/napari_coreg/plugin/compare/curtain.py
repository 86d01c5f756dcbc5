"""Draws the curtain of a comparison by the mouse: near its edge, a drag moves the edge and not the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.plugin.viewers import camera_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_coreg.plugin.compare.comparison import Comparison
    from napari_coreg.plugin.compare.settings import Direction

_REACH = 8  # pixels of the screen


class Curtain:
    """What listens to the mouse while a comparison lasts.

    Parameters
    ----------
    comparison : Comparison
        Whose curtain.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def start(self, viewer: Any) -> None:
        """Listen to the viewer's mouse."""
        if self.drag not in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.append(self.drag)

    def stop(self, viewer: Any) -> None:
        """Listen no more."""
        if viewer is not None and self.drag in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self.drag)

    def drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Move the edge with the mouse that took hold of it."""
        if not self._is_near(viewer, event):
            return
        camera = camera_of(viewer)
        could_pan, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                at = self._along(event)
                if at is not None:
                    self._comparison.change(position=float(np.clip(at, 0, 1)))
                yield
        finally:
            camera.mouse_pan = could_pan

    def _is_near(self, viewer: Any, event: Any) -> bool:
        comparison = self._comparison
        if comparison.pictures is None or comparison.settings.mode != "wipe" or viewer.dims.ndisplay != 2:
            return False
        if getattr(event, "button", 1) != 1 or getattr(event, "modifiers", ()):
            return False
        at = self._along(event)
        if at is None:
            return False
        grid, axis = comparison.pictures.grid, comparison.view.curtain_axis
        length_mm = grid.size_xyz[axis] * grid.spacing_xyz[axis]
        camera = camera_of(viewer)
        mm_per_pixel = self._mm_per_unit() / camera.zoom
        return bool(abs(at - comparison.settings.position) * length_mm <= _REACH * mm_per_pixel)

    def _along(self, event: Any) -> float | None:
        """Return where the mouse is along the curtain's axis, 0 to 1 within what is seen."""
        pictures = self._comparison.pictures
        if pictures is None:
            return None
        layer = pictures.layers[0]
        index_zyx = np.asarray(layer.world_to_data(event.position))
        axis = self._comparison.view.curtain_axis
        return float((index_zyx[::-1][axis] + 0.5) / pictures.grid.size_xyz[axis])

    def _mm_per_unit(self) -> float:
        """Return the millimetres in one unit of the displayed world."""
        pictures = self._comparison.pictures
        if pictures is None:
            return 1.0
        layer, axis = pictures.layers[0], self._comparison.view.curtain_axis
        here = np.zeros(layer.ndim)
        there = here.copy()
        there[layer.ndim - 1 - axis] = 1.0
        step = np.abs(np.subtract(layer.data_to_world(there), layer.data_to_world(here))).max()
        return float(pictures.grid.spacing_xyz[axis] / step)


def is_mirrored(viewer: Any, direction: Direction) -> bool:
    """Whether the canvas shows the axis along which the curtain is drawn from right to left, or upwards."""
    camera = camera_of(viewer)
    vertical, horizontal = (str(getattr(way, "value", way)) for way in camera.orientation[-2:])
    return horizontal == "left" if direction == "across" else vertical == "up"
