"""A moving volume in the user's hands: its pose over the fixed one, shown live, with a way back."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk
from psygnal import Signal

from napari_coreg.core.pose import History, Pose
from napari_coreg.core.transforms import compose, is_linear, to_matrix
from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.per_viewer import unwrapped
from napari_coreg.plugin.align.layers import AlignLayers
from napari_coreg.plugin.layers import initial_transform_from, read_layer
from napari_coreg.plugin.live import Resliced, from_world, source_of
from napari_coreg.plugin.placement import PLACEMENT_EVENTS, displayed_matrix, map_points
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid
    from napari_coreg.plugin.align.layers import Later
    from napari_coreg.plugin.layers import LayerVolume

    FloatArray = npt.NDArray[np.float64]

Centre = Literal["moving", "fixed", "point"]
_OUSTED = "Something else is to be seen, so the alignment ended; it can go on where you left off."
BURST_SECONDS = 1.0  # between two key presses that are one step


class HandAlignment:
    """Moves one volume over another by hand, from the moment it is made until `end`.

    Nothing is written into the two layers: they are hidden, and live layers stand in for them.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where the layers are.
    fixed, moving : napari.layers.Image
        The volumes.
    start : SimpleITK.Transform, optional
        Where to begin (fixed -> moving, LPS mm, between the volumes' own headers), deformable or not; where the layers
        lie in the viewer when not given.
    later : callable, optional
        Calls what it is given in a later turn of the event loop; at once when not given.

    Attributes
    ----------
    changed : psygnal.Signal
        The pose is another one.
    centre_changed : psygnal.Signal
        Another centre was chosen.
    ended : psygnal.Signal
        It is over; why, in one sentence, or empty.

    Raises
    ------
    GeometryError, VolumeError
        One sentence on the layer that cannot be used.
    """

    changed = Signal()
    centre_changed = Signal()
    ended = Signal(str)

    def __init__(
        self,
        viewer: Any,
        fixed: Any,
        moving: Any,
        start: sitk.Transform | None = None,
        *,
        later: Later | None = None,
    ) -> None:
        if fixed is moving:
            raise VolumeError(f"{fixed.name!r} is chosen as fixed and as moving: choose two layers.")
        self.viewer, self.fixed, self.moving = unwrapped(viewer), fixed, moving
        self.fixed_volume, self.moving_volume = read_layer(fixed), read_layer(moving)
        on_screen = initial_transform_from(self.fixed_volume, self.moving_volume)
        self.dimension = self.fixed_volume.geometry.dimension
        nothing: sitk.Transform = sitk.TranslationTransform(self.dimension)
        given = start or on_screen or nothing
        if given.GetDimension() != self.dimension:
            raise GeometryError(f"The start is {given.GetDimension()}-D, but the volumes are {self.dimension}-D.")
        self._base = from_world(self.fixed_volume, given)  # displayed world -> moving volume's own frame
        self._history = History(_first_pose(self._base, self.moving_volume, self.fixed_volume))
        self._look = Resliced(source_of(moving, self.moving_volume), self._base)
        self._step: object = None
        self._centre: Centre = "moving"
        self._point: FloatArray | None = None
        self.is_on = True
        reach = _reach(self._base, self.moving_volume.geometry)
        self.layers = AlignLayers(self.viewer, fixed, moving, self._look, reach, later or (lambda job: job()))
        self.layers.mark(self.centre_lps)
        self.layers.add()
        self._connect()
        self._session = session_of(self.viewer)
        self._session.take_canvas(self, partial(self.end, _OUSTED))

    @property
    def pose(self) -> Pose:
        """How the moving volume was moved since the beginning, in the displayed world."""
        return self._history.pose

    @property
    def transform(self) -> sitk.Transform:
        """Fixed -> moving, LPS mm, between the volumes' own headers: as `RegistrationResult.transform`."""
        moved = [] if self.fixed_volume.moved is None else [self.fixed_volume.moved]
        return compose(*moved, self.pose.to_transform(), self._base)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        return self._history.can_redo

    @property
    def centre(self) -> Centre:
        """What is turned about."""
        return self._centre

    @property
    def centre_lps(self) -> FloatArray:
        """The point that is turned about, in the displayed world, LPS mm; the moving volume's goes with it."""
        if self._centre == "fixed":
            grid = np.asarray(self.fixed.data.shape[::-1], float)
            return np.asarray(map_points(displayed_matrix(self.fixed), (grid[np.newaxis] - 1) / 2)[0])
        if self._centre == "point" and self._point is not None:
            return self._point
        return self.pose.place_lps

    def turn_about(self, centre: Centre | Sequence[float] | FloatArray) -> None:
        """Choose what is turned about: "moving", "fixed", or a point of the displayed world, LPS mm."""
        if isinstance(centre, str):
            self._centre = centre
        else:
            self._centre, self._point = "point", np.asarray(centre, float)
        self.layers.mark(self.centre_lps)
        self.centre_changed.emit()

    def translate(self, shift: npt.ArrayLike, *, step: object = None) -> None:
        """Shift the volume, LPS mm. Changes with the same `step` are taken back together."""
        self.set_pose(self.pose.translated(shift), step=step)

    def rotate(self, axis: npt.ArrayLike | None, degrees: float, *, step: object = None) -> None:
        """Turn the volume about an axis (LPS) through the centre by the right-hand rule; in 2-D the axis is None."""
        self.set_pose(self.pose.rotated(axis, degrees, self.centre_lps), step=step)

    def set_pose(self, pose: Pose, *, step: object = None) -> None:
        """Take another pose, and show it."""
        if not self.is_on or pose == self.pose:
            return
        self._history.add(pose, same_step=step is not None and step == self._step)
        self._step = step
        self._show()

    def undo(self) -> None:
        """Take the last step back."""
        self._go(self._history.undo)

    def redo(self) -> None:
        """Take a step again that was taken back."""
        self._go(self._history.redo)

    def reset(self) -> None:
        """Go back to the beginning; that, too, can be taken back."""
        pose = self.pose
        n = self.dimension
        self.set_pose(Pose.at(pose.centre_lps, np.reshape(pose.axes, (n, n))))

    def end(self, why: str = "", *, now: bool = False) -> None:
        """Stop, and give everything back; with `now` before returning, else in later turns."""
        if not self.is_on:
            if now:
                self.layers.remove_now()
            return
        self.is_on = False
        self._session.leave_canvas(self)
        self._disconnect()
        if now:
            self.layers.remove_now()
        else:
            self.layers.remove()
        self.ended.emit(why)

    def settle(self) -> None:
        """Bring up to date what need not follow each step of a drag, as the volume rests."""
        self.layers.settle(_reach(self._look.transform, self.moving_volume.geometry))

    def _go(self, where: Any) -> None:
        before = self.pose
        if self.is_on and where() != before:
            self._step = None
            self._show()

    def _show(self) -> None:
        self._look.transform = compose(self.pose.to_transform(), self._base)
        self.layers.show()
        self.layers.mark(self.centre_lps)
        self.changed.emit()

    def _connect(self) -> None:
        self.viewer.layers.events.removed.connect(self._on_removed)
        self.viewer.dims.events.point.connect(self._on_slice)
        self.viewer.dims.events.order.connect(self._on_slice)
        self.viewer.dims.events.ndisplay.connect(self._on_slice)
        for layer in (self.fixed, self.moving):
            for name in PLACEMENT_EVENTS:
                getattr(layer.events, name).connect(self._on_placed)

    def _disconnect(self) -> None:
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        for name in ("point", "order", "ndisplay"):
            getattr(self.viewer.dims.events, name).disconnect(self._on_slice)
        for layer in (self.fixed, self.moving):
            for name in PLACEMENT_EVENTS:
                getattr(layer.events, name).disconnect(self._on_placed)

    def _on_removed(self, event: Any) -> None:
        if event.value in (self.fixed, self.moving) or self.layers.owns(event.value):
            self.end(f"{event.value.name!r} was deleted, so the alignment ended.")

    def _on_placed(self, event: Any) -> None:
        self.end(f"{event.source.name!r} was changed, so the alignment ended; begin again from there.")

    def _on_slice(self, _event: Any = None) -> None:
        self.layers.place_marker()


class Bursts:
    """Tells which of many small changes are one step: those of a kind that come soon after each other."""

    def __init__(self) -> None:
        self._kind, self._count, self._last = "", 0, 0.0

    def step(self, kind: str) -> object:
        """Return the step that a change of this kind belongs to now."""
        now = time.monotonic()
        if kind != self._kind or now - self._last > BURST_SECONDS:
            self._count += 1
        self._kind, self._last = kind, now
        return (self, self._count)


def _first_pose(base: sitk.Transform, moving: LayerVolume, fixed: LayerVolume) -> Pose:
    """Return the pose of the moving volume where it lies, its axes in the order of the world's they run along."""
    n = moving.geometry.dimension
    if not is_linear(base):
        return Pose.at(fixed.geometry.centre_lps)
    back = np.asarray(np.linalg.inv(to_matrix(base)), np.float64)
    centre = map_points(back, moving.geometry.centre_lps[np.newaxis])[0]
    u, _, vt = np.linalg.svd(back[:n, :n] @ np.reshape(moving.geometry.direction, (n, n)))
    axes = u @ vt
    left, order = list(range(n)), []
    for row in np.abs(axes):
        best = max(left, key=lambda column: row[column])
        left.remove(best)
        order.append(best)
    return Pose.at(centre, axes[:, order])


def _reach(base: sitk.Transform, moving: Grid) -> FloatArray:
    """Return where the corners of the moving volume lie; none where that is not easily said."""
    if not is_linear(base):
        return np.empty((0, moving.dimension))
    return map_points(np.asarray(np.linalg.inv(to_matrix(base)), np.float64), moving.corners_lps)
