"""An array whose voxels are worked out where they are looked at: what live layers are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid

    Look = Callable[[Grid], npt.NDArray[Any]]


class LiveVolume:
    """An array whose values a function gives for any grid: napari asks for what is on screen, and no more.

    Indexing only narrows it; ``numpy.asarray`` of what is left calls the function.

    Parameters
    ----------
    look : callable
        Grid -> array (zyx; yx in 2-D) of the grid's size.
    grid : Grid
        All of it.
    dtype : dtype
        Of the values.
    size_zyx : tuple of int, optional
        Fewer voxels over the same grid; voxel i then stands at i times the ratio of the sizes, as napari puts the
        levels of a pyramid.
    """

    def __init__(
        self, look: Look, grid: Grid, dtype: npt.DTypeLike = np.float32, size_zyx: tuple[int, ...] | None = None
    ) -> None:
        full = grid.size_xyz[::-1]
        size_zyx = full if size_zyx is None else size_zyx
        if size_zyx != full:
            spacing = [s * f / n for s, f, n in zip(grid.spacing_xyz, full[::-1], size_zyx[::-1], strict=True)]
            grid = replace(grid, size_xyz=size_zyx[::-1], spacing_xyz=tuple(spacing))
        self.look = look
        self.grid = grid
        self._kept = tuple(range(grid.dimension))  # axes that no integer has taken away
        self.dtype = np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along each axis."""
        size_zyx = self.grid.size_xyz[::-1]
        return tuple(size_zyx[axis] for axis in self._kept)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> LiveVolume:
        """Narrow it by integers and by slices without a step."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        n = self.grid.dimension
        size, first, kept = list(self.grid.size_xyz[::-1]), [0] * n, list(self._kept)
        for axis, one in zip(self._kept, keys, strict=True):
            if isinstance(one, slice):
                first[axis], stop, step = one.indices(size[axis])
                if step != 1:
                    raise IndexError(f"a live volume is cut without steps, not by {one}")
                size[axis] = max(0, stop - first[axis])
            else:
                index = int(one)
                if not -size[axis] <= index < size[axis]:
                    raise IndexError(f"index {index} is beyond axis {axis} of {size[axis]} voxels")
                first[axis], size[axis] = index % size[axis], 1
                kept.remove(axis)
        origin = self.grid.to_lps(np.array(first[::-1], float))
        part = LiveVolume(self.look, self.grid, self.dtype)
        part.grid = replace(self.grid, size_xyz=tuple(size[::-1]), origin_lps=tuple(origin.tolist()))
        part._kept = tuple(kept)
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Work the values out."""
        if 0 in self.grid.size_xyz:
            return np.empty(self.shape, dtype or self.dtype)
        values = np.asarray(self.look(self.grid)).reshape(self.shape)
        return values.astype(dtype or self.dtype, copy=False)
