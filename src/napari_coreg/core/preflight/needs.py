"""About how long a run takes, and how much memory; measured on two cores, right within a factor of two."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core.costs import level_costs
from napari_coreg.core.preflight.findings import Finding
from napari_coreg.core.preflight.words import duration, memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_coreg.core.preflight.pair import Pair

MEMORY_LEFT = 0.8  # of the free memory, that a run may take
MEMORY_TABLE = Path("/proc/meminfo")  # where Linux tells what is free, caches included
BYTES_OF_A_FLOAT = 4
BYTES_PER_VOXEL_OF_LEVELS = 0.7  # both volumes, shrunk
BYTES_PER_VOXEL_OF_A_BSPLINE = 12.0  # both volumes
BYTES_PER_VOXEL_TO_SAVE, BYTES_PER_VOXEL_TO_SAVE_A_BSPLINE = 23.0, 52.0  # of the fixed volume
BYTES_AT_LEAST = 25e6
SECONDS_PER_VOXEL = 4e-9  # to prepare both volumes
SECONDS_PER_BYTE = 6e-9  # to take their fingerprints
PART_OF_LINEAR_COSTS = 0.6  # that a stage takes of what its levels may
SECONDS_TO_SEARCH = 0.7  # all poses, where the recipe finds the start by itself


def check_needs(pair: Pair) -> Iterator[Finding]:
    """Tell how long the run takes and how much memory, and find runs for which it does not suffice."""
    if not pair.is_placed:
        return
    needed, free = bytes_needed(pair), free_bytes()
    if free is not None and needed > MEMORY_LEFT * free:
        yield Finding(
            "warning",
            "memory",
            "the run may need more memory than there is",
            f"about {memory(needed)}, and {memory(free)} are free",
            "Close other programs, crop the volumes, or bring them to larger voxels.",
        )
    yield Finding(
        "note",
        "needs",
        "the run takes some time and memory, besides the two volumes",
        f"about {duration(seconds_needed(pair))} on two cores, {memory(needed)} with saving",
        "Nothing to do.",
    )


def seconds_needed(pair: Pair) -> float:
    """Return about how many seconds the run takes on two cores, without reading, compiling and saving."""
    costs = 0.0
    for stage in pair.recipe.stages:
        part = 1.0 if stage.kind == "bspline" else PART_OF_LINEAR_COSTS
        costs += part * sum(level_costs(stage, pair.fixed.grid, pair.moving.grid))
    start = 0.0 if pair.initial_transform is not None or pair.recipe.initialization != "auto" else SECONDS_TO_SEARCH
    sizes = [side.grid.number_of_voxels for side in pair.sides]
    stored = [size * _voxel_bytes(side.image) for size, side in zip(sizes, pair.sides, strict=True)]
    return costs + start + SECONDS_PER_VOXEL * sum(sizes) + SECONDS_PER_BYTE * sum(stored)


def bytes_needed(pair: Pair) -> float:
    """Return about how many bytes the run and the saving of its result take at most, besides the two volumes."""
    has_bspline = any(stage.kind == "bspline" for stage in pair.recipe.stages)
    sizes = [side.grid.number_of_voxels for side in pair.sides]
    copied = [
        0 if side.image.GetPixelID() == sitk.sitkFloat32 else size for size, side in zip(sizes, pair.sides, strict=True)
    ]
    per_voxel = BYTES_PER_VOXEL_OF_LEVELS + (BYTES_PER_VOXEL_OF_A_BSPLINE if has_bspline else 0.0)
    to_run = BYTES_OF_A_FLOAT * sum(copied) + per_voxel * sum(sizes)
    to_save = (BYTES_PER_VOXEL_TO_SAVE_A_BSPLINE if has_bspline else BYTES_PER_VOXEL_TO_SAVE) * sizes[0]
    return BYTES_AT_LEAST + float(max(to_run, to_save))


def free_bytes() -> float | None:
    """Return how much memory is free on this machine; None where it does not tell."""
    if MEMORY_TABLE.is_file():
        for line in MEMORY_TABLE.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    names = getattr(os, "sysconf_names", {})
    if {"SC_AVPHYS_PAGES", "SC_PAGE_SIZE"} <= set(names):
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return None


def _voxel_bytes(image: sitk.Image) -> int:
    return int(image.GetSizeOfPixelComponent() * image.GetNumberOfComponentsPerPixel())
