"""A clock for runs that stands still while a run is held."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Seconds since it was made, without those in which it was held.

    Examples
    --------
    >>> clock = Clock()
    >>> with clock.held():
    ...     time.sleep(0.05)
    >>> clock.seconds < 0.04
    True
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._began

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the time that passes in here not count."""
        stopped = time.perf_counter()
        try:
            yield
        finally:
            self._began += time.perf_counter() - stopped
