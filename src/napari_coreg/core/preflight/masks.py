"""Checks of the masks: that each lies on its volume, and marks a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.geometry import Grid, describe, mask_meets
from napari_coreg.core.preflight.findings import Finding
from napari_coreg.core.preflight.pair import has_scalars, is_placed, scalars
from napari_coreg.core.preflight.values import ALIKE, alike_neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.preflight.pair import Pair, Side

SMALL = 0.01  # of the volume
READ = 1_000_000  # voxels that are read to see whether a mask is one


def check_masks(pair: Pair) -> Iterator[Finding]:
    """Find masks that cannot be used, do not lie on their volume, or mark nothing, little or everything of it."""
    for side in pair.sides:
        if side.mask is not None:
            yield from _findings(side, side.mask, f"the {side.role} mask")


def _findings(side: Side, mask: sitk.Image, name: str) -> Iterator[Finding]:
    trouble = _trouble(side, mask, name)
    if trouble is not None:
        yield trouble
        return
    values = scalars(mask)
    assert values is not None  # or there had been trouble
    if side.is_placed:
        yield from _coverage(side, name)
    yield from _kind_of_values(values, name)
    if side.is_placed and Grid.of(mask) != side.grid:
        yield Finding(
            "note",
            "mask_grid",
            f"{name} has another grid than its volume; it is placed by its own geometry",
            describe(Grid.of(mask)),
            "Nothing to do, if its header is true.",
        )


def _trouble(side: Side, mask: sitk.Image, name: str) -> Finding | None:
    """Return why a mask cannot be used; None where it can."""
    values = scalars(mask) if is_placed(mask) else None
    if values is None or mask.GetDimension() != side.image.GetDimension():
        return _unreadable(side, mask, name)
    bad = int(np.count_nonzero(np.isnan(values))) if values.dtype.kind == "f" else 0
    if bad:
        remedy = "Make it 0 outside the region to look at, and 1 inside."
        return Finding("error", "mask_unusable", f"{name} has NaN among its voxels", f"{bad} voxels", remedy)
    if not values.any():
        remedy = "Mark the region to look at, or leave it out."
        return Finding("error", "mask_empty", f"{name} is empty", "all voxels are 0", remedy)
    if side.is_placed and not mask_meets(mask, side.image):
        remedy = "Check that it belongs to its volume."
        value = f"{describe(Grid.of(mask))} from {_position(mask)}, its volume from {_position(side.image)}"
        return Finding("error", "mask_outside", f"what {name} marks lies outside its volume", value, remedy)
    return None


def _unreadable(side: Side, mask: sitk.Image, name: str) -> Finding:
    axes = f"{mask.GetDimension()} axes, its volume {side.image.GetDimension()}"
    what, value, remedy = f"{name} lies nowhere", f"origin {_position(mask)}", "Repair its header, or give another one."
    if mask.GetDimension() != side.image.GetDimension():
        what, value, remedy = f"{name} has other axes than its volume", axes, "Give another one."
    elif not has_scalars(mask):
        value, remedy = mask.GetPixelIDTypeAsString(), "Take one channel of it."
        what = f"{name} holds several or complex numbers a voxel"
    return Finding("error", "mask_unusable", what, value, remedy)


def _coverage(side: Side, name: str) -> Iterator[Finding]:
    part = side.marked_fraction
    if part > 1 - 1e-6:
        remedy = "Leave it out, or mark a part."
        yield Finding("note", "mask_full", f"{name} marks the whole volume", "100 %", remedy)
    elif part < SMALL:
        yield Finding(
            "warning",
            "mask_small",
            f"{name} marks very little of its volume",
            f"{100 * part:.2g} %",
            "Mark a larger region; a small one does not hold a rotation.",
        )


def _kind_of_values(values: NDArray[Any], name: str) -> Iterator[Finding]:
    steps = tuple(slice(None, None, max(1, round((values.size / READ) ** (1 / values.ndim)))) for _ in values.shape)
    distinct = np.unique(values[steps])
    if len(distinct) > 2 and alike_neighbours(values) <= ALIKE:
        yield Finding(
            "warning",
            "mask_grey",
            f"{name} looks like an image, not like a mask or labels",
            f"{len(distinct)} distinct values",
            "All that is not 0 counts as marked; threshold it first, or give the mask that you mean.",
        )
    elif len(distinct) > 2:
        yield Finding(
            "note",
            "mask_labels",
            f"{name} has several values; all that is not 0 counts",
            f"{len(distinct)} distinct values",
            "Nothing to do, if that is what you mean.",
        )


def _position(image: sitk.Image) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in image.GetOrigin()) + ") mm"
