"""Chunks of slices in threads: the same partition on any machine, nothing lost and nothing left running."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.chunks import MOST_CHUNKS, run_chunks, split, working_threads

CHUNKS = [(0, 2), (2, 3), (3, 7), (7, 8)]


def names_of_threads() -> set[str]:
    """Return in which threads a kernel runs that waits until two of them have come, if two come."""
    both, names = threading.Barrier(2), set()

    def kernel(_index: int, _start: int, _stop: int) -> None:
        names.add(threading.current_thread().name)
        try:
            both.wait(0.2)
        except threading.BrokenBarrierError:
            return

    run_chunks(kernel, [(0, 1), (1, 2)])
    return names


@given(slices=st.integers(1, 600), voxels=st.integers(0, 10**9))
def test_chunks_cover_all_slices_in_order_without_overlap_and_none_is_empty(slices, voxels):
    chunks = split(slices, voxels)
    assert [z for start, stop in chunks for z in range(start, stop)] == list(range(slices))
    assert all(start < stop for start, stop in chunks)
    assert len(chunks) <= MOST_CHUNKS


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_the_partition_and_what_a_kernel_gets_do_not_depend_on_the_number_of_threads(threads):
    alone = split(90, 10_000_000)
    rows = np.zeros((len(alone), 3), int)

    def kernel(index: int, start: int, stop: int, factor: int) -> None:
        rows[index] = start, stop, factor * (stop - start)

    with working_threads(threads):
        chunks = split(90, 10_000_000)
        run_chunks(kernel, chunks, 7)
    assert chunks == alone
    assert rows.tolist() == [[start, stop, 7 * (stop - start)] for start, stop in alone]


def test_outside_of_a_block_and_with_one_thread_the_caller_does_the_work():
    caller = {threading.current_thread().name}
    assert names_of_threads() == caller
    with working_threads(1):
        assert names_of_threads() == caller


def test_inside_of_a_block_as_many_threads_work():
    with working_threads(2):
        names = names_of_threads()
    assert len(names) == 2
    assert all(name.startswith("kernel") for name in names)


def test_blocks_within_blocks_give_the_outer_threads_back():
    caller = {threading.current_thread().name}
    with working_threads(2):
        outer = names_of_threads()
        with working_threads(1):
            assert names_of_threads() == caller
        assert names_of_threads() == outer
        with working_threads(3):
            pass
        assert names_of_threads() == outer
    assert names_of_threads() == caller


@pytest.mark.parametrize("number", [1, 2])
def test_a_block_that_fails_gives_the_outer_threads_back_and_leaves_none_behind(number):
    before = threading.active_count()
    with working_threads(2):
        outer = names_of_threads()
        with pytest.raises(ZeroDivisionError), working_threads(number):
            raise ZeroDivisionError
        assert names_of_threads() == outer
    assert threading.active_count() == before


def test_each_thread_has_its_own_number():
    seen = []
    with working_threads(2):
        other = threading.Thread(target=lambda: seen.append(names_of_threads()), name="other")
        other.start()
        other.join(10)
    assert seen == [{"other"}]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_kernel_comes_through_and_no_chunk_works_on(threads):
    working, done = [], []

    def kernel(index: int, _start: int, _stop: int) -> None:
        if index == 1:
            raise ZeroDivisionError("in a chunk")
        working.append(index)
        time.sleep(0.05)
        done.append(index)

    with working_threads(threads):
        with pytest.raises(ZeroDivisionError, match="in a chunk"):
            run_chunks(kernel, CHUNKS)
        assert sorted(working) == sorted(done)
        run_chunks(lambda index, *_: done.append(10 + index), CHUNKS)  # the threads are still good
    assert {10, 11, 12, 13} <= set(done)


INTERRUPTED = """
import os, signal, sys, threading, time
from napari_coreg.core.chunks import run_chunks, working_threads
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where a shell runs the tests behind
begun = []
def kernel(index, start, stop):
    begun.append(index)
    if index == 0:
        os.kill(os.getpid(), signal.SIGINT)  # as a terminal does: to the process, not to this thread
    time.sleep(0.2)
try:
    with working_threads(2):
        run_chunks(kernel, [(z, z + 1) for z in range(200)])
except KeyboardInterrupt:
    print("interrupted", len(begun) < 20, threading.active_count())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not wake the main thread for a signal")
def test_ctrl_c_ends_a_run_of_chunks_at_once():
    began = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (finished.stdout.split(), finished.returncode) == (["interrupted", "True", "1"], 0), finished.stderr
    assert time.perf_counter() - began < 20  # 40 s if all chunks had their turn
