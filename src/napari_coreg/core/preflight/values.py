"""Checks of each volume's values: numbers at all, more than one, an image and not labels, no padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.preflight.findings import Finding, Fix
from napari_coreg.core.preflight.pair import has_scalars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_coreg.core.preflight.pair import Pair, Side
    from napari_coreg.core.recipe import Recipe

NEARLY_CONSTANT = 0.995  # of the voxels have one value
LABELS = 256  # distinct values at most
ALIKE = 0.7  # of the neighbours in the foreground have the same value, in a volume of labels
ROWS = 32  # along each axis but one, that are read for it
MINIMUM_NEIGHBOURS = 200
MINIMUM_VALUES = 64  # voxels that a statistic needs
DOMINANT_BACKGROUND = 0.8  # of the voxels
NEAR = 0.05  # of the range: values that are as good as the background's


def check_kind_of_values(pair: Pair) -> Iterator[Finding]:
    """Find voxels that are not one real number each."""
    for side in pair.sides:
        if not has_scalars(side.image):
            yield Finding(
                "error",
                "not_scalar",
                f"{side.name} holds several or complex numbers a voxel",
                side.image.GetPixelIDTypeAsString(),
                "Take one channel of it.",
            )


def check_numbers(pair: Pair) -> Iterator[Finding]:
    """Find NaN, infinity, and values that 32-bit floats do not hold."""
    for side in pair.sides:
        if side.values is None or side.has_usable_values:
            continue
        bad = side.values.size - int(np.count_nonzero(np.isfinite(side.values)))
        if bad:
            yield Finding(
                "error",
                "not_finite",
                f"{side.name} has voxels that are NaN or infinite",
                f"{bad} of {side.values.size} voxels, {100 * bad / side.values.size:.2g} %",
                "Replace them first, for example with numpy.nan_to_num.",
            )
        else:
            yield Finding(
                "error",
                "too_large",
                f"{side.name} has values that 32-bit floats do not hold",
                f"{side.limits[0]:.4g} to {side.limits[1]:.4g}",
                "Scale them down.",
            )


def check_contrast(pair: Pair) -> Iterator[Finding]:
    """Find volumes of one value, or nearly so."""
    for side in pair.sides:
        if side.values is None or not side.has_usable_values:
            continue
        low, high = side.limits
        distinct, numbers = side.counts
        share = float(numbers.max() / numbers.sum())
        if low == high:
            yield Finding(
                "error",
                "constant",
                f"{side.name} is constant, so there is nothing to align",
                f"every voxel is {low:g}",
                "Check that it is the volume that you mean.",
            )
        elif share > NEARLY_CONSTANT and numbers.sum() >= MINIMUM_VALUES:
            yield Finding(
                "warning",
                "nearly_constant",
                f"{side.name} is nearly constant",
                f"{100 * share:.4g} % of its voxels are {distinct[numbers.argmax()]:g}",
                "Check that it is the volume that you mean, or mask what there is to see.",
            )


def check_labels(pair: Pair) -> Iterator[Finding]:
    """Find volumes that look like a mask or labels."""
    for side in pair.sides:
        number = len(side.counts[0])
        if side.values is None or len(side.some) < MINIMUM_VALUES or not 2 <= number <= LABELS:
            continue
        if number == 2 or alike_neighbours(side.values) > ALIKE:
            yield Finding(
                "warning",
                "labels",
                f"{side.name} looks like {'a mask' if number == 2 else 'labels'}, not like an image",
                f"{number} distinct values, in patches",
                "Register the images that the labels were drawn on, and carry the labels along with 'apply'.",
            )


def alike_neighbours(values: NDArray[Any]) -> float:
    """Return how many of the neighbours along x have the same value, outside the commonest value; 0 to 1.

    Parameters
    ----------
    values : array (zyx or yx)
        Voxels; only some of the rows are read.
    """
    steps = tuple(slice(None, None, -(-size // ROWS)) for size in values.shape[:-1])
    rows = values[steps]
    distinct, numbers = np.unique(rows, return_counts=True)
    alike = rows[..., 1:] == rows[..., :-1]
    is_background = alike & (rows[..., 1:] == distinct[numbers.argmax()])
    total = int(np.count_nonzero(~is_background))
    return float(np.count_nonzero(alike & ~is_background) / total) if total >= MINIMUM_NEIGHBOURS else 0.0


def check_background(pair: Pair) -> Iterator[Finding]:
    """Find a fixed volume that is mostly background, where nothing leaves it out."""
    side = pair.fixed
    if pair.recipe.preprocessing.foreground_only or side.mask is not None or len(side.some) < MINIMUM_VALUES:
        return
    share = background_share(side)
    if share > DOMINANT_BACKGROUND:
        recipe = preprocessed(pair.recipe, foreground_only=True)
        yield Finding(
            "note",
            "background",
            f"most of {side.name} is background",
            f"{100 * share:.0f} % of its voxels",
            "Sample the foreground only, or give a mask, if the run ends in the wrong place.",
            Fix.by_settings("Sample the foreground only", pair.recipe, recipe),
        )


def background_share(side: Side) -> float:
    """Return the part of the voxels that are as good as the commonest value, 0 to 1."""
    distinct, numbers = side.counts
    low, high = np.percentile(side.some, (0.1, 99.9))
    is_near = np.abs(distinct - distinct[numbers.argmax()]) <= NEAR * (high - low)
    return float(numbers[is_near].sum() / numbers.sum())


def check_same_volume(pair: Pair) -> Iterator[Finding]:
    """Find the same volume given twice."""
    fixed, moving = pair.fixed.values, pair.moving.values
    if fixed is None or moving is None or fixed.shape != moving.shape or not len(pair.fixed.some):
        return
    if not (np.array_equal(pair.fixed.some, pair.moving.some) and np.array_equal(fixed, moving)):
        return
    is_same_place = pair.fixed.grid == pair.moving.grid
    yield Finding(
        "warning" if is_same_place else "note",
        "same_volume",
        "both volumes are the same, voxel by voxel" + ("" if is_same_place else ", at different positions"),
        f"{fixed.size} equal voxels",
        "Choose another one, unless this is a test.",
    )


def preprocessed(recipe: Recipe, **changes: object) -> Recipe:
    """Return the recipe with some of its preprocessing changed."""
    return recipe.model_copy(update={"preprocessing": recipe.preprocessing.model_copy(update=changes)})
