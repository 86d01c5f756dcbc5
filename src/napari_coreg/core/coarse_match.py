"""How well two volumes match in a pose, on few of their voxels: quick enough to be asked while a hand moves one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.reslice import Source, reslice
from napari_coreg.core.similarity import similarity
from napari_coreg.core.slabs import coarser
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid

    Voxels = npt.NDArray[np.float32]

FIXED_VOXELS = 120_000
MOVING_VOXELS = 1_000_000
_BINS = 32
_TAILS = (0.2, 99.8)  # percentiles beyond which values are cut: a single bright voxel would widen all bins


class CoarseMatch:
    """Normalized mutual information of two volumes, of block means, for any pose. Making it reads all voxels once.

    Parameters
    ----------
    fixed, moving : array
        Voxels, zyx (yx in 2-D), any real type; lazy arrays are computed in slabs.
    fixed_grid, moving_grid : Grid
        Where they lie, each in its own frame, LPS mm.
    is_cancelled : callable, optional
        Asked now and then while voxels are read.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((8, 8), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> image = np.arange(64).reshape(8, 8) ** 2 % 61
    >>> match = CoarseMatch(image, grid, image, grid)
    >>> match(sitk.TranslationTransform(2))
    2.0
    """

    def __init__(
        self,
        fixed: Any,
        fixed_grid: Grid,
        moving: Any,
        moving_grid: Grid,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        voxels, self._grid = block_means(fixed, fixed_grid, FIXED_VOXELS, is_cancelled)
        self._fixed = _as_image(_without_tails(voxels))
        voxels, grid = block_means(moving, moving_grid, MOVING_VOXELS, is_cancelled)
        self._moving = Source(_without_tails(voxels), grid.index_to_lps, background=float("nan"))

    def __call__(self, transform: sitk.Transform) -> float | None:
        """Return the normalized mutual information where the volumes overlap: 1 for none, 2 for the same image.

        Parameters
        ----------
        transform : SimpleITK.Transform
            Fixed -> moving, between the two frames, LPS mm.

        Returns
        -------
        float or None
            None where they do not overlap, or one of them is constant there.
        """
        seen = reslice(self._moving, self._grid, transform)
        try:
            return similarity(self._fixed, _as_image(seen), bins=_BINS, local=False).normalized_mutual_information
        except VolumeError:
            return None


def block_means(
    voxels: Any, grid: Grid, most_voxels: int, is_cancelled: Callable[[], bool] = lambda: False
) -> tuple[Voxels, Grid]:
    """Return a volume shrunk to at most so many voxels, each the mean of a block; what fills no block is left out.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((4, 2), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> means, coarse = block_means(np.arange(8).reshape(2, 4), grid, 2)
    >>> means.tolist(), coarse.origin_lps
    ([[2.5, 4.5]], (0.5, 0.5))
    """
    factors = np.round(np.divide(coarser(grid, most_voxels).spacing_xyz, grid.spacing_xyz)).astype(int)
    factors = np.minimum(factors, grid.size_xyz)
    size = np.asarray(grid.size_xyz) // factors
    means = np.empty(size[::-1], np.float32)
    n = grid.dimension
    blocks = [int(part) for pair in zip(size[::-1], factors[::-1], strict=True) for part in pair]
    within = tuple(slice(0, int(count * factor)) for count, factor in zip(size[::-1], factors[::-1], strict=True))
    for row in range(means.shape[0]):
        if is_cancelled():
            break
        slab = np.asarray(voxels[(slice(row * blocks[1], (row + 1) * blocks[1]), *within[1:])])
        parts = slab.reshape(1, blocks[1], *blocks[2:])
        means[row] = parts.mean(axis=tuple(range(1, 2 * n, 2)), dtype=np.float32)[0]
    coarse = replace(
        grid,
        size_xyz=tuple(size.tolist()),
        spacing_xyz=tuple(np.multiply(grid.spacing_xyz, factors).tolist()),
        origin_lps=tuple(grid.to_lps((factors - 1) / 2).tolist()),
    )
    return means, coarse


def _without_tails(voxels: Voxels) -> Voxels:
    finite = voxels[np.isfinite(voxels)]
    if not finite.size:
        return voxels
    low, high = np.percentile(finite, _TAILS)
    return np.clip(voxels, low, high) if high > low else voxels


def _as_image(voxels: Voxels) -> sitk.Image:
    return sitk.GetImageFromArray(voxels)
