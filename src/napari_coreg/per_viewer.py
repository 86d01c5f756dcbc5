"""What each viewer has one of, for as long as it lives, whoever asks for it; it knows neither napari nor Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def unwrapped(thing: Any) -> Any:
    """Return the viewer or layer itself where it is hidden behind the proxy that napari gives plugins."""
    return getattr(thing, "__wrapped__", thing)


class PerViewer(Generic[T]):
    """Something that is made for a viewer when it is asked for first.

    Parameters
    ----------
    make : callable
        Viewer -> what it has from now on; that may not keep the viewer alive.

    Examples
    --------
    >>> class Viewer: pass
    >>> viewer, lists = Viewer(), PerViewer(lambda viewer: [])
    >>> lists.of(viewer).append(1)
    >>> lists.of(viewer), lists.of(Viewer())
    ([1], [])
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._there: WeakKeyDictionary[Any, T] = WeakKeyDictionary()

    def of(self, viewer: Any) -> T:
        """Return that of a viewer."""
        viewer = unwrapped(viewer)
        if viewer not in self._there:
            self._there[viewer] = self._make(viewer)
        return self._there[viewer]
