"""Maps of a deformation that are kept for some voxels of a grid only, while none that is folded is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.slabs import as_image, coarse_grid

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid


class Thinned:
    """Maps of a coarse grid, filled slab by slab.

    Parameters
    ----------
    grid : Grid
        All voxels.
    most_voxels : int
        Of the maps.

    Attributes
    ----------
    coarse : Grid
        The voxels that are kept.
    every_xyz : tuple of int
        Each how many-th that is.
    length, determinant : array, shape of the coarse grid (zyx)
        32-bit floats.
    folded : array of uint8 or None
        1 where the determinant of this voxel, or of one that was left out next to it, is 0 or less; None where none is.
    """

    def __init__(self, grid: Grid, most_voxels: int) -> None:
        self.coarse, self._first_xyz, self.every_xyz = (
            (grid, (0,) * grid.dimension, (1,) * grid.dimension)
            if grid.number_of_voxels <= most_voxels
            else coarse_grid(grid, most_voxels)
        )
        shape = self.coarse.size_xyz[::-1]
        self.length, self.determinant = np.empty(shape, np.float32), np.empty(shape, np.float32)
        self.folded: NDArray[np.uint8] | None = None

    def add(self, start: int, length: NDArray[np.float32], determinant: NDArray[np.float32]) -> None:
        """Take the slices (zyx) from `start` on along the last axis of the grid."""
        first, every = self._first_xyz[-1], self.every_xyz[-1]
        begin = max(0, -((first - start) // every))  # the first coarse slice at or after `start`
        end = min(self.coarse.size_xyz[-1], -((first - start - len(length)) // every))
        if begin < end:
            inner = (slice(begin * every + first - start, None, every), *self._across())
            self.length[begin:end] = length[inner][: end - begin]
            self.determinant[begin:end] = determinant[inner][: end - begin]
        folded = np.argwhere(determinant <= 0)
        if len(folded):
            folded[:, 0] += start
            first_zyx, every_zyx = np.array(self._first_xyz[::-1]), np.array(self.every_xyz[::-1])
            nearest = np.rint((folded - first_zyx) / every_zyx).astype(int)
            nearest = np.clip(nearest, 0, np.array(self.length.shape) - 1)
            if self.folded is None:
                self.folded = np.zeros(self.length.shape, np.uint8)
            self.folded[tuple(nearest.T)] = 1

    def _across(self) -> tuple[slice, ...]:
        pairs = zip(self._first_xyz[-2::-1], self.every_xyz[-2::-1], strict=True)
        return tuple(slice(first, None, every) for first, every in pairs)

    def image(self, array: NDArray[np.float32] | NDArray[np.uint8]) -> sitk.Image:
        """Return a map as an image on the coarse grid."""
        return as_image(array, self.coarse)
