"""Words of the command line that stand for numbers: read, or refused in a sentence."""

from __future__ import annotations

import argparse
import math


def number_or_name(word: str) -> int | str:
    """Return a number where the word is one, else the word: which of several volumes."""
    return int(word) if word.isdecimal() else word


def seed(word: str) -> int:
    """Return the seed of random choices."""
    return _whole(word, 0, 2**31 - 1)


def threads(word: str) -> int:
    """Return a number of threads; 0 stands for all there are."""
    return _whole(word, 0, 1024)


def repeats(word: str) -> int:
    """Return how many times something is done."""
    return _whole(word, 1, 1000)


def seconds(word: str) -> float:
    """Return a length of time."""
    return _real(word, "a number of seconds, 0 or more")


def millimetres(word: str) -> float:
    """Return a distance, 0 or more."""
    return _real(word, "a distance in mm, 0 or more")


def tolerance(word: str) -> float:
    """Return a distance of more than 0 mm."""
    return _real(word, "a length in mm, more than 0", above_zero=True)


def amount(word: str) -> float:
    """Return a number, 0 or more."""
    return _real(word, "a number, 0 or more")


def _whole(word: str, low: int, high: int) -> int:
    if not word.isdecimal() or not low <= int(word) <= high:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from {low} to {high}")
    return int(word)


def _real(word: str, what: str, *, above_zero: bool = False) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf or (above_zero and number == 0):
        raise argparse.ArgumentTypeError(f"{word!r} is not {what}")
    return number
