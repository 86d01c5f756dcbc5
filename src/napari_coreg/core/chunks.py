"""Runs a kernel over chunks of slices in several threads; the chunks never depend on the number of threads."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Threads of our own rather than numba's: its thread pool ends the whole program when two threads enter it at once
# (where neither TBB nor OpenMP is there), and kernels without it compile in less than half the time.
_current = threading.local()

VOXELS_PER_CHUNK = 60_000
MOST_CHUNKS = 64


@contextmanager
def working_threads(number: int) -> Iterator[None]:
    """Let `run_chunks`, called in this thread, use `number` threads inside the block; 0 takes one per core."""
    number = number or os.cpu_count() or 1
    outer = getattr(_current, "pool", None)
    pool = ThreadPoolExecutor(number, "kernel") if number > 1 else None
    _current.pool = pool
    try:
        if pool is not None:
            _start_threads(pool, number)
        yield
    finally:
        _current.pool = outer
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _start_threads(pool: ThreadPoolExecutor, number: int) -> None:
    """Start every thread before there is work: the pool loses one that Ctrl-C catches starting, and that works on."""
    barrier = threading.Barrier(number)
    try:
        wait([pool.submit(barrier.wait) for _ in range(number)])
    except BaseException:  # Ctrl-C too
        barrier.abort()
        raise


def split(number_of_slices: int, number_of_voxels: int) -> list[tuple[int, int]]:
    """Return chunks of slices as (start, stop); how many depends on the work alone.

    Examples
    --------
    >>> split(4, 1000)
    [(0, 4)]
    >>> split(3, 10_000_000)
    [(0, 1), (1, 2), (2, 3)]
    """
    chunks = max(1, min(number_of_slices, number_of_voxels // VOXELS_PER_CHUNK, MOST_CHUNKS))
    edges = [number_of_slices * index // chunks for index in range(chunks + 1)]
    return list(itertools.pairwise(edges))


def run_chunks(kernel: Callable[..., None], chunks: list[tuple[int, int]], *arguments: Any) -> None:
    """Call `kernel(index, start, stop, *arguments)` for every chunk, and wait for all of them.

    The kernel must free the interpreter, and must write to what belongs to its chunk only. After an error of one chunk,
    or Ctrl-C, chunks that have not begun are left out; none works on when the error comes through.
    """
    pool = getattr(_current, "pool", None)
    if pool is None or len(chunks) == 1:
        for index, (start, stop) in enumerate(chunks):
            kernel(index, start, stop, *arguments)
        return
    futures = []
    try:
        for index, (start, stop) in enumerate(chunks):
            futures.append(pool.submit(kernel, index, start, stop, *arguments))
        for future in futures:
            future.result()
    except BaseException:  # Ctrl-C too
        for future in futures:
            future.cancel()
        wait(futures)
        raise
