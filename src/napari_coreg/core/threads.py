"""How many threads SimpleITK uses: a setting of the whole process, taken for a while and given back."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import SimpleITK as sitk

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = Lock()
_takers = 0
_given_back_as = 0


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let SimpleITK use `threads` threads inside the block; 0 changes nothing.

    Its metrics heed only the setting of the whole process. Where several threads of a program take it at a time, the
    last one to leave gives back what the first one found.
    """
    global _takers, _given_back_as  # noqa: PLW0603 - it guards a setting that is itself of the whole process
    if not threads:
        yield
        return
    with _lock:
        found = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)  # may refuse the number
        _given_back_as = _given_back_as if _takers else found
        _takers += 1
    try:
        yield
    finally:
        with _lock:
            _takers -= 1
            if _takers == 0:
                sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(_given_back_as)
