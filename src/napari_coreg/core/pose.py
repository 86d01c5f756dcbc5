"""How a volume was moved by hand: a pose as a value, and the poses before it to go back to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import SimpleITK as sitk
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

STEPS = 200  # that are remembered
_NOTHING = 1e-15
_GIMBAL = 1e-9  # cosine of the second angle below which the other two turn about one axis


@dataclass(frozen=True)
class Pose:
    """Where a volume was moved to: stretched and mirrored along its own axes, turned about its centre, and shifted.

    ``p -> R A S A' (p - c) + c + t``. Nothing is changed in place; every method returns another pose.

    Attributes
    ----------
    centre_lps : tuple of float
        c: the point that was turned about, before it was shifted; LPS mm. `translation` tells how far that one came.
    translation : tuple of float
        t: shift, LPS mm.
    rotation : tuple of float
        R: rotation matrix, row-major.
    scales : tuple of float
        S without signs: how much larger along each axis, positive.
    flips : tuple of bool
        Which axes are mirrored.
    axes : tuple of float
        A: directions of the volume's own axes in LPS before it was turned, row-major, one column each.

    Examples
    --------
    >>> pose = Pose.at((10.0, 0.0, 0.0)).translated((0.0, 5.0, 0.0)).rotated((0.0, 0.0, 1.0), 90.0)
    >>> pose.to_transform().TransformPoint((10.0, 5.0, 0.0))  # the centre, back to where it was
    (10.0, 0.0, 0.0)
    """

    centre_lps: tuple[float, ...]
    translation: tuple[float, ...]
    rotation: tuple[float, ...]
    scales: tuple[float, ...]
    flips: tuple[bool, ...]
    axes: tuple[float, ...]

    @classmethod
    def at(cls, centre_lps: ArrayLike, axes: ArrayLike | None = None) -> Pose:
        """Return the pose of a volume that was not moved.

        Parameters
        ----------
        centre_lps : array-like, shape (D,)
            Its centre, LPS mm; 2-D or 3-D.
        axes : array-like, shape (D, D), optional
            Directions of its axes as columns, at right angles; those of LPS when not given.
        """
        n = len(np.asarray(centre_lps))
        axes = np.eye(n) if axes is None else np.asarray(axes, float)
        return cls(_plain(centre_lps), (0.0,) * n, _plain(np.eye(n)), (1.0,) * n, (False,) * n, _plain(axes))

    @property
    def dimension(self) -> int:
        """Number of axes, 2 or 3."""
        return len(self.centre_lps)

    @property
    def place_lps(self) -> FloatArray:
        """Where the centre is now, LPS mm, shape (D,)."""
        return np.add(self.centre_lps, self.translation)

    @property
    def matrix(self) -> FloatArray:
        """Homogeneous matrix from where a point of the volume was to where it is now, LPS mm, shape (D + 1, D + 1)."""
        n = self.dimension
        matrix = np.eye(n + 1)
        signs = np.where(self.flips, -1.0, 1.0)
        axes = _square(self.axes)
        matrix[:n, :n] = _square(self.rotation) @ (axes * (signs * self.scales)) @ axes.T
        matrix[:n, n] = self.place_lps - matrix[:n, :n] @ self.centre_lps
        return matrix

    def to_transform(self) -> sitk.Transform:
        """Return the map from points of the world to points of the volume before it was moved, LPS mm.

        That is the direction of every transform here, fixed -> moving: what `SimpleITK.Resample` takes.
        """
        back = np.asarray(np.linalg.inv(self.matrix), np.float64)
        back[:-1, :-1][np.abs(back[:-1, :-1]) < _NOTHING] = 0  # ITK cannot invert denormal numbers
        return from_matrix(back, self.place_lps)

    def translated(self, shift: ArrayLike) -> Pose:
        """Return the pose with the volume shifted by so much, LPS mm, shape (D,)."""
        return replace(self, translation=_plain(np.add(self.translation, shift)))

    def moved_to(self, translation: ArrayLike) -> Pose:
        """Return the pose with the volume shifted by so much in all, LPS mm, shape (D,)."""
        return replace(self, translation=_plain(translation))

    def rotated(self, axis: ArrayLike | None, degrees: float, about_lps: ArrayLike | None = None) -> Pose:
        """Return the pose with the volume turned further.

        Parameters
        ----------
        axis : array-like, shape (3,), or None
            About this direction, LPS, by the right-hand rule; None in 2-D, where x turns towards y.
        degrees : float
            How far.
        about_lps : array-like, shape (D,), optional
            The point that stays, LPS mm; where the centre is when not given.
        """
        return self._turned(_turn(axis, degrees) @ _square(self.rotation), about_lps)

    def with_angles(self, degrees: Sequence[float], about_lps: ArrayLike | None = None) -> Pose:
        """Return the pose with the volume turned by these angles in all: the inverse of `angles`."""
        return self._turned(_from_angles(degrees), about_lps)

    def angles(self, near: Sequence[float] | None = None) -> tuple[float, ...]:
        """Return the turn as angles about the world's axes, degrees: about x first, then y, then z; one angle in 2-D.

        Parameters
        ----------
        near : sequence of float, optional
            Two sets of angles make the same turn, and infinitely many where the second one is a right angle: the one
            closest to this is taken, so that angles shown while a volume is turned do not jump.

        Returns
        -------
        tuple of float
            Above -180 up to 180.
        """
        rotation = _square(self.rotation)
        if self.dimension == 2:
            return (_wrapped(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))),)
        start = np.zeros(3) if near is None else np.asarray(near, float)
        candidates = [np.degrees(one) for one in _euler(rotation, float(np.radians(start[0])))]
        best = min(candidates, key=lambda angles: sum(abs(_wrapped(x)) for x in angles - start))
        return tuple(_wrapped(angle) for angle in best)

    def scaled(self, factors: float | Sequence[float], about_lps: ArrayLike | None = None) -> Pose:
        """Return the pose with the volume made larger, by one factor or one along each of its own axes."""
        return self.with_scales(np.multiply(self.scales, factors), about_lps)

    def with_scales(self, scales: ArrayLike, about_lps: ArrayLike | None = None) -> Pose:
        """Return the pose with these scales along the volume's own axes.

        Raises
        ------
        GeometryError
            If one of them is not positive.
        """
        scales = np.broadcast_to(np.asarray(scales, float), (self.dimension,))
        if not (np.isfinite(scales).all() and scales.min() > 0):
            raise GeometryError(f"a volume cannot be scaled by {scales.tolist()}: scales must be positive; flip it")
        return self._changed(replace(self, scales=_plain(scales)), about_lps)

    def flipped(self, axis: int, about_lps: ArrayLike | None = None) -> Pose:
        """Return the pose with the volume mirrored along one of its own axes: 0, 1 or 2."""
        flips = tuple(flip != (index == axis) for index, flip in enumerate(self.flips))
        return self._changed(replace(self, flips=flips), about_lps)

    def _turned(self, rotation: FloatArray, about_lps: ArrayLike | None) -> Pose:
        u, _, vt = np.linalg.svd(rotation)  # thousands of small turns leave it a rotation
        return self._changed(replace(self, rotation=_plain(u @ vt)), about_lps)

    def _changed(self, pose: Pose, about_lps: ArrayLike | None) -> Pose:
        """Return `pose`, shifted so that the point of the volume at `about_lps` is still there."""
        if about_lps is None:
            return pose
        n = self.dimension
        about = np.asarray(about_lps, float)
        moved = pose.matrix @ np.linalg.inv(self.matrix)
        return pose.translated(about - moved[:n, :n] @ about - moved[:n, n])


class History:
    """Poses to go back to.

    Parameters
    ----------
    first : Pose
        Where it begins.

    Examples
    --------
    >>> start = Pose.at((0.0, 0.0))
    >>> history = History(start)
    >>> history.add(start.translated((1.0, 0.0)))
    >>> history.undo() == start, history.can_redo
    (True, True)
    """

    def __init__(self, first: Pose) -> None:
        self._poses = [first]
        self._index = 0

    @property
    def pose(self) -> Pose:
        """The present one."""
        return self._poses[self._index]

    @property
    def can_undo(self) -> bool:
        """Whether there is one before it."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether one was taken back."""
        return self._index < len(self._poses) - 1

    def add(self, pose: Pose, *, same_step: bool = False) -> None:
        """Make a pose the present one; with `same_step` it takes the place of the one before, for a drag is one step.

        The same pose again is no step.
        """
        if pose == self.pose:
            return
        keep = self._index if same_step and self._index > 0 else self._index + 1
        self._poses = [*self._poses[:keep], pose][-STEPS:]
        self._index = len(self._poses) - 1

    def undo(self) -> Pose:
        """Go one step back, if there is one."""
        self._index = max(0, self._index - 1)
        return self.pose

    def redo(self) -> Pose:
        """Go one step forward again, if there is one."""
        self._index = min(len(self._poses) - 1, self._index + 1)
        return self.pose


def _turn(axis: ArrayLike | None, degrees: float) -> FloatArray:
    """Return a rotation matrix (Rodrigues' formula)."""
    angle = np.radians(degrees)
    if axis is None:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    x, y, z = np.divide(axis, np.linalg.norm(axis))
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _from_angles(degrees: Sequence[float]) -> FloatArray:
    if len(degrees) == 1:
        return _turn(None, degrees[0])
    about_x, about_y, about_z = (_turn(axis, angle) for axis, angle in zip(np.eye(3), degrees, strict=True))
    return np.asarray(about_z @ about_y @ about_x)


def _euler(rotation: FloatArray, first: float) -> list[tuple[float, float, float]]:
    """Return the angles (radians) that make a rotation; `first` where the first one may be anything."""
    second = float(np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0])))
    if np.hypot(rotation[0, 0], rotation[1, 0]) < _GIMBAL:
        up = 1.0 if second > 0 else -1.0
        third = up * (first - float(np.arctan2(up * rotation[0, 1], rotation[1, 1])))
        return [(first, second, third)]
    one, three = float(np.arctan2(rotation[2, 1], rotation[2, 2])), float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    return [(one, second, three), (one + np.pi, np.pi - second, three + np.pi)]


def _wrapped(degrees: float) -> float:
    """Return the same angle above -180 up to 180."""
    return float(180.0 - (180.0 - degrees) % 360.0)


def _square(values: tuple[float, ...]) -> FloatArray:
    n = round(len(values) ** 0.5)
    return np.reshape(np.asarray(values, float), (n, n))


def _plain(values: ArrayLike) -> tuple[float, ...]:
    return tuple(np.asarray(values, float).ravel().tolist())
