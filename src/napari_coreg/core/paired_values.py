"""The values of two volumes on one grid, block by block, where both have one and a mask lets them be looked at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BLOCK_VOXELS = 1_000_000  # so that the arrays of a block stay in the cache: three times as fast as slabs


class Block(NamedTuple):
    """Values f and w of a block (zyx), where they may be looked at, and which part of it is not of the margin."""

    f: Values
    w: Values
    inside: NDArray[np.bool_]
    inner: tuple[slice, ...]


@dataclass
class Moments:
    """Number, extremes, means and central second moments (sums, not divided by the number) of paired values."""

    number: int = 0
    f_low: float = np.inf
    f_high: float = -np.inf
    w_low: float = np.inf
    w_high: float = -np.inf
    f_mean: float = 0.0
    w_mean: float = 0.0
    ff: float = 0.0
    ww: float = 0.0
    fw: float = 0.0
    squares: float = 0.0

    def add(self, f: Values, w: Values) -> None:
        """Take more pairs in.

        The central moments of two sets of values are put together without the loss of digits that sums of squares have:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", Am Stat 37, 1983.
        """
        if not f.size:
            return
        self.f_low, self.f_high = min(self.f_low, float(f.min())), max(self.f_high, float(f.max()))
        self.w_low, self.w_high = min(self.w_low, float(w.min())), max(self.w_high, float(w.max()))
        self.squares += float(np.sum((f - w) ** 2))
        f_mean, w_mean = float(f.mean()), float(w.mean())
        f, w = f - f_mean, w - w_mean
        weight = self.number * f.size / (self.number + f.size)
        f_step, w_step = f_mean - self.f_mean, w_mean - self.w_mean
        self.ff += float(f @ f) + weight * f_step**2
        self.ww += float(w @ w) + weight * w_step**2
        self.fw += float(f @ w) + weight * f_step * w_step
        self.number += f.size
        self.f_mean += f_step * f.size / self.number
        self.w_mean += w_step * f.size / self.number


class PairedValues:
    """Two volumes on one grid, cropped to the box of what may be looked at.

    Parameters
    ----------
    fixed, warped : SimpleITK.Image
        Scalar volumes on one grid.
    mask : SimpleITK.Image, optional
        On that grid. Looked at is where it is not 0 and both volumes are finite.

    Attributes
    ----------
    moments : Moments
        Of all pairs.
    shape : tuple of int
        Of the box, zyx.

    Raises
    ------
    GeometryError
        If the grids have different sizes.
    VolumeError
        If there is no voxel to look at.
    """

    def __init__(self, fixed: sitk.Image, warped: sitk.Image, mask: sitk.Image | None) -> None:
        for other in [warped] if mask is None else [warped, mask]:
            if other.GetSize() != fixed.GetSize():
                raise GeometryError(
                    f"the volumes have {fixed.GetSize()} and {other.GetSize()} voxels; bring them on one grid"
                )
        self._images = fixed, warped, mask  # which own what the views below look at
        self._f, self._w = sitk.GetArrayViewFromImage(fixed), sitk.GetArrayViewFromImage(warped)
        self._mask = None if mask is None else sitk.GetArrayViewFromImage(mask)
        self.moments = Moments()
        low, high = np.array(self._f.shape), np.zeros(self._f.ndim, int)
        for start, block in self._placed_blocks(0):
            inside = block.inside
            self.moments.add(block.f[inside], block.w[inside])
            if inside.any():
                others = ([a for a in range(inside.ndim) if a != axis] for axis in range(inside.ndim))
                edges = np.array([np.flatnonzero(inside.any(axis=tuple(axes)))[[0, -1]] for axes in others])
                low, high = np.minimum(low, start + edges[:, 0]), np.maximum(high, start + edges[:, 1] + 1)
        if not self.moments.number:
            raise VolumeError("the two volumes do not overlap, so there is nothing to compare")
        box = tuple(slice(first, last) for first, last in zip(low.tolist(), high.tolist(), strict=True))
        self._f, self._w = self._f[box], self._w[box]
        self._mask = None if self._mask is None else self._mask[box]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels of the box along each axis, zyx."""
        shape: tuple[int, ...] = self._f.shape
        return shape

    def blocks(self, margin: int = 0) -> Iterator[Block]:
        """Yield all voxels once as inner ones, with up to `margin` voxels more on every side."""
        return (block for _, block in self._placed_blocks(margin))

    def _placed_blocks(self, margin: int) -> Iterator[tuple[NDArray[np.intp], Block]]:
        edge = max(1, 2 * margin, round(BLOCK_VOXELS ** (1 / len(self.shape))))
        for start in itertools.product(*(range(0, size, edge) for size in self.shape)):
            stops = [min(size, first + edge) for first, size in zip(start, self.shape, strict=True)]
            lows = [max(0, first - margin) for first in start]
            highs = [min(size, stop + margin) for stop, size in zip(stops, self.shape, strict=True)]
            here = tuple(itertools.starmap(slice, zip(lows, highs, strict=True)))
            f, w = self._f[here].astype(np.float64), self._w[here].astype(np.float64)
            inside = np.isfinite(f) & np.isfinite(w)
            if self._mask is not None:
                inside &= self._mask[here] != 0
            ends = zip(start, stops, lows, strict=True)
            yield np.array(start), Block(f, w, inside, tuple(slice(a - low, b - low) for a, b, low in ends))
