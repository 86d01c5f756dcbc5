"""Landmarks that are being set in two volumes: what belongs together, how it is called, and undo; knows no Qt."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_coreg.errors import GeometryError
from napari_coreg.plugin.landmarks.values import SIDES, Landmark

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_coreg.plugin.landmarks.values import Side

_MOST_STEPS = 500  # of undo
State = tuple[Landmark, ...]


class LandmarkPairs:
    """An ordered list of landmarks with undo. Numbers count from 1 in this order, and are the same in both volumes.

    Each method that changes something is one step of undo, and emits `changed` once; nothing is emitted where nothing
    has changed.

    Examples
    --------
    >>> pairs = LandmarkPairs()
    >>> key = pairs.add("fixed", (1.0, 2.0, 3.0), name="tip of the nose")
    >>> pairs.waiting("moving") == key
    True
    >>> pairs.place(key, "moving", (2.0, 2.0, 3.0))
    >>> pairs[0].is_complete
    True
    >>> pairs.undo()
    >>> pairs[0].is_complete
    False
    """

    changed = Signal()

    def __init__(self) -> None:
        self._state: State = ()
        self._past: list[State] = []
        self._future: list[State] = []
        self._next_key = 0
        self._is_open = False  # a step that several changes belong to

    def __len__(self) -> int:
        return len(self._state)

    def __getitem__(self, index: int) -> Landmark:
        return self._state[index]

    @property
    def landmarks(self) -> State:
        """All of them, in their order."""
        return self._state

    @property
    def complete(self) -> State:
        """Those that can be fitted to."""
        return tuple(landmark for landmark in self._state if landmark.is_complete)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a step that was taken back can be done again."""
        return bool(self._future)

    def find(self, key: int | None) -> Landmark | None:
        """Return the landmark of a key, or None where it is gone."""
        return next((landmark for landmark in self._state if landmark.key == key), None)

    def number(self, key: int) -> int:
        """Return the number of a landmark, counted from 1; 0 where it is gone."""
        return next((number for number, landmark in enumerate(self._state, 1) if landmark.key == key), 0)

    def title(self, key: int) -> str:
        """Return number and name, as they are shown at the point."""
        landmark = self.find(key)
        return "" if landmark is None else f"{self.number(key)} {landmark.name}".strip()

    def shown(self, side: Side) -> State:
        """Return those that have a place in one of the volumes."""
        return tuple(landmark for landmark in self._state if landmark.at(side) is not None)

    def waiting(self, side: Side) -> int | None:
        """Return the key of the first landmark without a place in that volume, or None."""
        return next((landmark.key for landmark in self._state if landmark.at(side) is None), None)

    def add(self, side: Side, point_lps: Sequence[float], *, name: str = "") -> int:
        """Append a landmark that is set in one of the volumes, and return its key."""
        landmark = self._new(name).placed(side, point_lps)
        self._take((*self._state, landmark))
        return landmark.key

    def place(self, key: int, side: Side, point_lps: Sequence[float], *, guess: bool = False) -> None:
        """Set where a landmark is in one of the volumes; a `guess` waits to be confirmed."""
        self.place_all({key: point_lps}, side, guess=guess)

    def place_all(self, points_lps: dict[int, Sequence[float]], side: Side, *, guess: bool = False) -> None:
        """Set where several landmarks, by their keys, are in one of the volumes.

        A guess belongs to the step before it.
        """
        self._take(
            tuple(
                landmark.placed(side, points_lps[landmark.key], guess=guess) if landmark.key in points_lps else landmark
                for landmark in self._state
            ),
            own_step=not guess,
        )

    def confirm(self, keys: Collection[int]) -> None:
        """Take the estimated places of landmarks for true."""
        self._take(
            tuple(replace(landmark, guessed=None) if landmark.key in keys else landmark for landmark in self._state)
        )

    def rename(self, names: dict[int, str]) -> None:
        """Call landmarks, by their keys, something else."""
        self._take(
            tuple(replace(landmark, name=names.get(landmark.key, landmark.name).strip()) for landmark in self._state)
        )

    def remove(self, keys: Collection[int]) -> None:
        """Remove landmarks from both volumes."""
        self._take(tuple(landmark for landmark in self._state if landmark.key not in keys))

    def move(self, key: int, by: int) -> None:
        """Move a landmark up (by -1) or down (by 1) in the order; the numbers follow."""
        index = self.number(key) - 1
        if index < 0:
            return
        others = [landmark for landmark in self._state if landmark.key != key]
        others.insert(max(0, index + by), self._state[index])
        self._take(tuple(others))

    def take(self, side: Side, points_lps: NDArray[np.float64], names: Sequence[str]) -> tuple[int, ...]:
        """Take in points from elsewhere: by name onto the landmarks that are called so, else in order.

        Parameters
        ----------
        side : {"fixed", "moving"}
            In which volume they are.
        points_lps : array, shape (N, D)
            In the volume's own frame, LPS mm.
        names : sequence of str
            One for each; "" where there is none. A name that is already there, once, is that landmark. Where no name
            is, the points go to the landmarks that have no place in that volume yet, if there are just as many.

        Returns
        -------
        tuple of int
            The key of each point's landmark.

        Raises
        ------
        GeometryError
            If the points have another number of coordinates than those that are there.
        """
        self._require_dimension(points_lps)
        state = list(self._state)
        there = {landmark.name: index for index, landmark in enumerate(state) if landmark.name}
        by_name = bool(set(names) & set(there)) and len(there) == sum(bool(landmark.name) for landmark in state)
        free = [index for index, landmark in enumerate(state) if landmark.at(side) is None]
        by_order = not by_name and len(free) == len(points_lps)
        keys = []
        for number, (point, name) in enumerate(zip(points_lps.tolist(), names, strict=True)):
            index = there.pop(name, None) if by_name else free[number] if by_order else None
            if index is None:
                state.append(self._new(name).placed(side, point))
            else:
                state[index] = replace(state[index].placed(side, point), name=state[index].name or name)
            keys.append(state[-1 if index is None else index].key)
        self._take(tuple(state))
        return tuple(keys)

    def extend(
        self, fixed_points_lps: NDArray[np.float64], moving_points_lps: NDArray[np.float64], names: Sequence[str]
    ) -> None:
        """Append landmarks that are set in both volumes, shape (N, D) each; NaN where one was not set.

        Raises
        ------
        GeometryError
            As `take`.
        """
        self._require_dimension(fixed_points_lps)
        news = []
        for fixed, moving, name in zip(fixed_points_lps.tolist(), moving_points_lps.tolist(), names, strict=True):
            landmark = self._new(name)
            landmark = landmark.placed("fixed", fixed) if np.isfinite(fixed).all() else landmark
            news.append(landmark.placed("moving", moving) if np.isfinite(moving).all() else landmark)
        self._take((*self._state, *(landmark for landmark in news if landmark.fixed_lps or landmark.moving_lps)))

    def remap(self, side: Side, mapping: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
        """Follow a change of a volume's frame, also in what undo would bring back; no step of undo itself."""
        self._past = [_remapped(state, side, mapping) for state in self._past]
        self._future = [_remapped(state, side, mapping) for state in self._future]
        self._state = _remapped(self._state, side, mapping)
        self.changed.emit()

    @contextmanager
    def one_step(self) -> Iterator[None]:
        """Make one step of undo, and one `changed`, of all that is changed within."""
        before, self._is_open = self._state, True
        try:
            yield
        finally:
            after, self._state, self._is_open = self._state, before, False
            self._take(after)

    def undo(self) -> None:
        """Take the last step back."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._step(self._future, self._past)

    def _new(self, name: str) -> Landmark:
        self._next_key += 1
        return Landmark(self._next_key - 1, name.strip())

    def _step(self, source: list[State], target: list[State]) -> None:
        if source:
            target.append(self._state)
            self._state = source.pop()
            self.changed.emit()

    def _take(self, state: State, *, own_step: bool = True) -> None:
        if state == self._state:
            return
        if own_step and not self._is_open:
            self._past = [*self._past[1 - _MOST_STEPS :], self._state]
        self._future = []
        self._state = state
        if not self._is_open:
            self.changed.emit()

    def _require_dimension(self, points_lps: NDArray[np.float64]) -> None:
        known = {len(point) for landmark in self._state for side in SIDES if (point := landmark.at(side)) is not None}
        if points_lps.ndim != 2 or known - {points_lps.shape[1]}:
            raise GeometryError(
                f"the points are in {points_lps.shape[-1]}-D, but the landmarks that are there in {max(known)}-D; "
                "open points of the same kind"
            )


def _remapped(
    state: State, side: Side, mapping: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[Landmark, ...]:
    return tuple(
        landmark
        if (point := landmark.at(side)) is None
        else landmark.placed(side, mapping(np.array([point]))[0].tolist(), guess=landmark.guessed == side)
        for landmark in state
    )
