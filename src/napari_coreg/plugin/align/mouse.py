"""Drags in the viewer that move and turn a volume; the camera stays where it is meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_coreg.plugin.viewers import mm_per_world_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from napari_coreg.core.pose import Pose
    from napari_coreg.plugin.align.hand import HandAlignment

    FloatArray = npt.NDArray[np.float64]

Mode = Literal["move", "turn", "camera"]


class Drags:
    """Gives drags with the left button to an alignment, as long as it is on.

    A plain drag does what `mode` says, with Shift it turns, and a Control-click sets the centre. Drags with Alt, and
    those while the active layer is painted or drawn on, stay napari's.

    Parameters
    ----------
    hand : HandAlignment
        What is moved.

    Attributes
    ----------
    mode : {"move", "turn", "camera"}
        What a plain drag does; with "camera" it is napari's.
    waits_for_centre : bool
        Whether the next click sets the centre.
    """

    def __init__(self, hand: HandAlignment) -> None:
        self._hand = hand
        self.mode: Mode = "move"
        self.waits_for_centre = False
        hand.viewer.mouse_drag_callbacks.append(self._on_drag)
        hand.ended.connect(self.stop)

    def stop(self) -> None:
        """Leave the mouse to napari."""
        callbacks = self._hand.viewer.mouse_drag_callbacks
        if self._on_drag in callbacks:
            callbacks.remove(self._on_drag)

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        hand = self._hand
        action = self._action(viewer, event)
        if action is None:
            return
        if action == "centre":
            self.waits_for_centre = False
            hand.turn_about(point_lps(viewer, event.position, hand.dimension))
        follow = None if action == "centre" else self._follower(action, viewer, event)
        event.handled = True
        yield
        step = object()
        while event.type == "mouse_move":
            event.handled = True
            if follow is not None and hand.is_on:
                hand.set_pose(follow(event), step=step)
            yield
        event.handled = True

    def _action(self, viewer: Any, event: Any) -> str | None:
        """Return what a drag that begins now is for, or None where it is napari's."""
        active = viewer.layers.selection.active
        busy = active is not None and active.mode != "pan_zoom"
        if not self._hand.is_on or event.button != 1 or "Alt" in event.modifiers or busy:
            return None
        if self.waits_for_centre or "Control" in event.modifiers:
            return "centre"
        if self.mode == "camera":
            return None
        return "turn" if "Shift" in event.modifiers else self.mode

    def _follower(self, action: str, viewer: Any, event: Any) -> Callable[[Any], Pose]:
        """Return what gives the pose for each later place of the cursor."""
        hand = self._hand
        n = hand.dimension
        begin, first = hand.pose, point_lps(viewer, event.position, n)
        normal, about = _normal(viewer, event, n), hand.centre_lps

        def move(event: Any) -> Pose:
            shift = point_lps(viewer, event.position, n) - first
            return begin.translated(shift if normal is None else shift - normal * (normal @ shift))

        def turn(event: Any) -> Pose:
            angle = angle_about(about, first, point_lps(viewer, event.position, n), normal)
            return begin.rotated(normal, angle, about)

        return move if action == "move" else turn


def point_lps(viewer: Any, position: Any, dimension: int) -> FloatArray:
    """Return a place of the viewer's world, such as an event's, as a point in LPS mm."""
    place = np.asarray(position, float)[-dimension:] * mm_per_world_unit(viewer, dimension)
    return np.ascontiguousarray(place[::-1])


def angle_about(centre: FloatArray, start: FloatArray, end: FloatArray, normal: FloatArray | None) -> float:
    """Return by how much a line from the centre turns from one point to another, degrees.

    Parameters
    ----------
    centre, start, end : array, shape (D,)
        LPS mm.
    normal : array, shape (3,), or None
        About which direction, by the right-hand rule; None in 2-D.

    Examples
    --------
    >>> angle_about(np.zeros(3), np.array([1.0, 0, 5]), np.array([0, 2.0, 5]), np.array([0, 0, 1.0]))
    90.0
    """
    one, other = start - centre, end - centre
    if normal is None:
        sine, cosine = one[0] * other[1] - one[1] * other[0], one @ other
    else:
        one, other = (line - normal * (normal @ line) for line in (one, other))
        sine, cosine = normal @ np.cross(one, other), one @ other
    return float(np.degrees(np.arctan2(sine, cosine)))


def _normal(viewer: Any, event: Any, dimension: int) -> FloatArray | None:
    """Return the direction (LPS) that the cursor cannot move along; None in 2-D."""
    if dimension == 2:
        return None
    if viewer.dims.ndisplay == 3:
        direction = np.asarray(event.view_direction, float)[-3:][::-1]
        return np.asarray(direction / np.linalg.norm(direction))
    hidden = [axis - (viewer.dims.ndim - 3) for axis in viewer.dims.not_displayed]
    normal = np.zeros(3)
    normal[2 - max(hidden)] = 1.0
    return normal
