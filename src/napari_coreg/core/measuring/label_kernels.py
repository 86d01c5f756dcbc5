"""Compiled counts of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@compiled
def mark_values(values: Array, is_there: Array) -> None:
    """Mark which of the whole numbers from 0 on are there; `values` of shape (N,), `is_there` one longer than them."""
    for n in range(values.shape[0]):
        is_there[values[n]] = True


@compiled
def count_numbers(first: Array, second: Array, counts: Array) -> None:
    """Count numbers, shape (N,) each, into rows: in the first, in the second, and where both have the same."""
    for n in range(first.shape[0]):
        a, b = first[n], second[n]
        counts[0, a] += 1
        counts[1, b] += 1
        if a == b:
            counts[2, a] += 1
