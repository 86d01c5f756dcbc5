"""The number of threads is a setting of the whole process: it is always given back."""

from __future__ import annotations

import threading

import pytest
import SimpleITK as sitk

from napari_coreg.core.threads import limited_threads


def number() -> int:
    return sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()


@pytest.fixture(autouse=True)
def _three_threads():
    before = number()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(3)
    yield
    assert number() == 3
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def test_threads_are_limited_inside_only():
    with limited_threads(1):
        assert number() == 1
    assert number() == 3


def test_nought_changes_nothing():
    with limited_threads(0):
        assert number() == 3


def test_they_are_given_back_after_an_error():
    with pytest.raises(ZeroDivisionError), limited_threads(1):
        raise ZeroDivisionError
    assert number() == 3


def test_they_are_given_back_after_blocks_within_blocks():
    with limited_threads(2), limited_threads(1):
        assert number() == 1
    assert number() == 3


def test_a_number_that_is_refused_does_not_keep_later_ones_from_being_given_back():
    with pytest.raises(OverflowError), limited_threads(-1):
        pass
    with limited_threads(2):
        pass
    assert number() == 3


def test_the_last_of_several_threads_gives_back_what_the_first_found():
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with limited_threads(1):
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second() -> None:
        first_in.wait(10)
        with limited_threads(2):
            second_in.set()
            first_out.wait(10)

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert number() == 3
