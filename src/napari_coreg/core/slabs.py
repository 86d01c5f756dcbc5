"""Parts of a grid: slabs to be worked on one after the other, and coarse grids of some of its voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.errors import RegistrationCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled

    OnFraction = Callable[[float], None]

SLAB_VOXELS = 3_000_000
MOST_VOXELS = 2**25  # of a map that is to be looked at: 256^3 and 512 x 512 x 128 are not thinned


def slabs(
    grid: Grid, on_fraction: OnFraction | None = None, is_cancelled: IsCancelled | None = None
) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) along the last axis of a grid, and tell and ask the two callables in between.

    Raises
    ------
    RegistrationCancelled
        `is_cancelled` said so.
    """
    count = grid.size_xyz[-1]
    thick = max(4, SLAB_VOXELS * count // grid.number_of_voxels)
    for start in range(0, count, thick):
        if is_cancelled is not None and is_cancelled():
            raise RegistrationCancelled("looking at the deformation was cancelled")
        yield start, min(count, start + thick)
        if on_fraction is not None:
            on_fraction(min(1.0, (start + thick) / count))


def slab_grid(grid: Grid, start: int, stop: int) -> Grid:
    """Return the part of a grid from `start` to before `stop` along its last axis.

    Examples
    --------
    >>> slab_grid(Grid((4, 9), (1.0, 2.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0)), 3, 5)
    Grid(size_xyz=(4, 2), spacing_xyz=(1.0, 2.0), origin_lps=(0.0, 6.0), direction=(1.0, 0.0, 0.0, 1.0))
    """
    first = np.zeros(grid.dimension)
    first[-1] = start
    size = (*grid.size_xyz[:-1], stop - start)
    return Grid(size, grid.spacing_xyz, tuple(grid.to_lps(first).tolist()), grid.direction)


def coarse_grid(grid: Grid, max_points: int) -> tuple[Grid, tuple[int, ...], tuple[int, ...]]:
    """Return a coarse grid of voxels of `grid`, evenly spaced in mm and centred, with its first voxel and its steps.

    Every voxel of `grid` lies within half a step of a plane of the coarse grid, along each axis.

    Examples
    --------
    >>> coarse, first, step = coarse_grid(Grid((100, 100, 20), (1, 1, 5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1)), 1000)
    >>> coarse.size_xyz, first, step
    ((10, 10, 10), (4, 4, 0), (10, 10, 2))
    """
    spacing, size = np.asarray(grid.spacing_xyz), np.asarray(grid.size_xyz)
    distance_mm = float((np.prod(spacing * size) / max_points) ** (1 / grid.dimension))
    while True:
        step = np.clip(np.rint(distance_mm / spacing), 1, size).astype(int)
        count = -(-size // step)
        if np.prod(count) <= max(1, max_points):
            break
        distance_mm *= 1.05
    first = (size - 1 - (count - 1) * step) // 2
    coarse = Grid(
        tuple(count.tolist()),
        tuple((spacing * step).tolist()),
        tuple(grid.to_lps(first.astype(float)).tolist()),
        grid.direction,
    )
    return coarse, tuple(first.tolist()), tuple(step.tolist())


def thinned(grid: Grid, most_voxels: int = MOST_VOXELS) -> Grid:
    """Return the grid as it is where it is small, else some of its voxels, evenly spaced."""
    return grid if grid.number_of_voxels <= most_voxels else coarse_grid(grid, most_voxels)[0]


def as_image(values: NDArray[np.generic], grid: Grid) -> sitk.Image:
    """Return values of the voxels of a grid, shape (..., y, x), as an image."""
    image = sitk.GetImageFromArray(values)
    image.SetOrigin(grid.origin_lps)
    image.SetSpacing(grid.spacing_xyz)
    image.SetDirection(grid.direction)
    return image


def coarser(grid: Grid, most_voxels: int) -> Grid:
    """Return a grid over the same space with voxels as even as may be, none finer than before, and at most so many.

    Examples
    --------
    >>> unit = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    >>> coarser(Grid((200, 200, 20), (1.0, 1.0, 5.0), (0.0, 0.0, 0.0), unit), 100_000).size_xyz
    (67, 67, 20)
    """
    size, spacing = np.asarray(grid.size_xyz), np.asarray(grid.spacing_xyz)
    edge = float(spacing.min())
    while True:
        factors = np.maximum(1.0, np.round(edge / spacing))
        new_size = np.maximum(1, np.ceil(size / factors)).astype(int)
        if np.prod(new_size) <= most_voxels:
            break
        edge *= 1.05
    return Grid(
        tuple(int(count) for count in new_size),
        tuple(float(step) for step in spacing * factors),
        tuple(float(value) for value in grid.to_lps((factors - 1) / 2)),
        grid.direction,
    )


def padded(grid: Grid) -> Grid:
    """Return the grid with one more voxel on every side, as a displacement field moves nothing beyond its edge."""
    return Grid(
        tuple(count + 2 for count in grid.size_xyz),
        grid.spacing_xyz,
        tuple(float(value) for value in grid.to_lps(np.full(grid.dimension, -1.0))),
        grid.direction,
    )
