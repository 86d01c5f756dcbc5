"""The finished runs of a viewer: shown, named, deleted and brought back; evented, and without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.transforms import parts
from napari_coreg.io.attempt_record import AttemptRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import SimpleITK as sitk

UNDO_STEPS = 20
UNDO_BYTES = 2**30  # of deleted attempts, beyond what the others hold anyway; the last one is always kept


@dataclass(eq=False)
class Attempt(AttemptRecord):
    """A finished run and what shows it; see `AttemptRecord` for name, result, pair, time and key.

    Attributes
    ----------
    layers : tuple of layer
        Those that were made for it and are in the viewer.
    request : object
        What its layers are made from again; None where its volumes are not open.
    """

    layers: tuple[Any, ...] = ()
    request: Any = field(default=None, repr=False)

    @property
    def pair(self) -> str:
        """The pair in words."""
        return f"{self.moving.name} → {self.fixed.name}"


@dataclass(frozen=True, eq=False)
class _Deleted:
    """Attempts that were deleted together, each with its row, and the one that was shown."""

    rows: tuple[tuple[int, Attempt], ...]
    current: Attempt | None


class Attempts:
    """The finished runs of a viewer, in their order, of which one is shown.

    It knows no viewer: who shows the attempts follows the signals.

    Examples
    --------
    In napari's console::

        from napari_coreg import attempts_of
        attempts = attempts_of(viewer)
        attempts.show(attempts[0])
        attempts.flip()
    """

    changed = Signal()  # attempts came, went, or have another name or other volumes
    shown = Signal(object)  # the attempt that is to be seen, or None; also when it was the one before
    deleted = Signal(object)  # a tuple of attempts, after they have left
    restored = Signal(object)  # a tuple of attempts, after they have come back

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []
        self._current: Attempt | None = None
        self._previous: Attempt | None = None
        self._undo: list[_Deleted] = []
        self._redo: list[_Deleted] = []
        self._known: set[str] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._attempts)

    def __iter__(self) -> Iterator[Attempt]:
        """Iterate over them in the order of the table."""
        return iter(tuple(self._attempts))

    def __getitem__(self, which: int | str) -> Attempt:
        """Return one by its row or its name."""
        if isinstance(which, int):
            return self._attempts[which]
        for attempt in self._attempts:
            if attempt.name == which:
                return attempt
        raise KeyError(f"there is no attempt {which!r}; there are: {', '.join(a.name for a in self) or 'none'}")

    @property
    def current(self) -> Attempt | None:
        """The one that is shown."""
        return self._current

    @property
    def previous(self) -> Attempt | None:
        """The one that was shown before, to which `flip` goes."""
        return self._previous

    @property
    def can_undo(self) -> bool:
        """Whether there is something deleted to bring back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is something brought back to delete again."""
        return bool(self._redo)

    @property
    def known_keys(self) -> frozenset[str]:
        """The keys of all attempts that were here, deleted or not: a project may go on without them."""
        return frozenset(self._known)

    def new_name(self) -> str:
        """Return the name of the next attempt.

        Examples
        --------
        >>> Attempts().new_name()
        'Run 1'
        """
        names = {attempt.name for attempt in [*self, *self._in_undo()]}
        number = len(self) + 1
        while f"Run {number}" in names:
            number += 1
        return f"Run {number}"

    def add(self, attempt: Attempt, *, show: bool = True) -> Attempt:
        """Add an attempt at the end; its volumes become those of the others, where they are the same ones.

        Parameters
        ----------
        attempt : Attempt
            Its `result` is replaced by one that shares the volumes.
        show : bool
            Whether it is the one that is shown from now on.

        Returns
        -------
        Attempt
            The same one.
        """
        self.share(attempt)
        self._attempts.append(attempt)
        self._known.add(attempt.key)
        self.changed.emit()
        if show:
            self.show(attempt)
        return attempt

    def share(self, attempt: Attempt) -> None:
        """Let the attempt's result use the images of the others, where their fingerprints are the same."""
        result = attempt.result
        if not isinstance(result, RegistrationResult):
            return
        images: dict[str | None, sitk.Image] = {}
        for other in [*self, *self._in_undo()]:
            if isinstance(other.result, RegistrationResult) and other is not attempt:
                for role in ("fixed", "moving"):
                    images.setdefault(other.result.fingerprints.get(role), getattr(other.result, role))
        images.pop(None, None)
        attempt.result = replace(
            result,
            fixed=images.get(result.fingerprints.get("fixed"), result.fixed),
            moving=images.get(result.fingerprints.get("moving"), result.moving),
        )

    def complete(self, attempt: Attempt, result: RegistrationResult, request: Any) -> None:
        """Give an attempt that came without its volumes what it needs to be shown."""
        attempt.result, attempt.request = result, request
        self.share(attempt)
        self.changed.emit()

    def show(self, attempt: Attempt) -> None:
        """Make an attempt the one that is shown."""
        if attempt is not self._current:
            self._previous, self._current = self._current, attempt
        self.shown.emit(attempt)

    def flip(self) -> None:
        """Show the one that was shown before; again, and it is as it was."""
        if self._previous is not None:
            self.show(self._previous)

    def rename(self, attempt: Attempt, name: str) -> None:
        """Give an attempt another name; an empty one changes nothing."""
        name = " ".join(name.split())
        if name and name != attempt.name:
            attempt.name = name
            self.changed.emit()

    def delete(self, *attempts: Attempt) -> None:
        """Delete attempts; `undo` brings them back."""
        self._redo.clear()
        self._delete(attempts)

    def undo(self) -> None:
        """Bring back what was deleted last."""
        if not self._undo:
            return
        step = self._undo.pop()
        for row, attempt in step.rows:
            self._attempts.insert(row, attempt)
        self._redo.append(step)
        back = tuple(attempt for _, attempt in step.rows)
        self.restored.emit(back)
        self.changed.emit()
        self.show(step.current if step.current in back else back[-1])

    def redo(self) -> None:
        """Delete again what was brought back."""
        if self._redo:
            step = self._redo.pop()
            self._delete([attempt for _, attempt in step.rows])

    def _delete(self, attempts: Iterable[Attempt]) -> None:
        gone = [attempt for attempt in self if attempt in attempts]
        if not gone:
            return
        rows = tuple((self._attempts.index(attempt), attempt) for attempt in gone)
        self._undo.append(_Deleted(rows, self._current))
        self._attempts = [attempt for attempt in self if attempt not in gone]
        was_current = self._current in gone
        if was_current:
            near = self._attempts[min(rows[0][0], len(self) - 1)] if self._attempts else None
            self._current = near if self._previous in (None, *gone) else self._previous
        if self._previous in (self._current, *gone):
            self._previous = None
        self._forget()
        self.deleted.emit(tuple(gone))
        self.changed.emit()
        if was_current:
            self.shown.emit(self._current)

    def _in_undo(self) -> list[Attempt]:
        return [attempt for step in self._undo for _, attempt in step.rows]

    def _forget(self) -> None:
        """Let go of what was deleted long ago."""
        while len(self._undo) > 1 and (
            len(self._undo) > UNDO_STEPS or memory_bytes([*self, *self._in_undo()]) - memory_bytes(self) > UNDO_BYTES
        ):
            del self._undo[0]


def memory_bytes(attempts: Iterable[Attempt]) -> int:
    """Return how much memory attempts take together: their layers, volumes and transforms, each counted once."""
    sizes: dict[int, int] = {}
    for attempt in attempts:
        result = attempt.result
        for layer in attempt.layers:
            sizes[id(layer.data)] = int(getattr(layer.data, "nbytes", 0))
        if isinstance(result, RegistrationResult):
            for image in (result.fixed, result.moving):
                values = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
                sizes[id(image)] = values * image.GetSizeOfPixelComponent()
        for transform in (result.transform, result.inverse_transform):
            if transform is not None:
                sizes[id(transform)] = sum(8 * part.GetNumberOfParameters() for part in parts(transform))
    return sum(sizes.values())
