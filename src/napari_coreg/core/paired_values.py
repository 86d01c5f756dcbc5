"""The values of two volumes on one grid, block by block, where both have one and a mask lets them be looked at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled

    Values = NDArray[np.float64]

BLOCK_VOXELS = 1_000_000  # so that the arrays of a block stay in the cache: three times as fast as slabs


class Block(NamedTuple):
    """Values f and w of a block (zyx), where they may be looked at, and which part of it is not of the margin."""

    f: Values
    w: Values
    inside: NDArray[np.bool_]
    inner: tuple[slice, ...]

    @property
    def inner_zyx(self) -> NDArray[np.int64]:
        """Start and stop of the inner part, shape (3, 2); of a block (y, x) as one slice, as `as_3d` makes it."""
        return np.array([*[(0, 1)] * (3 - len(self.inner)), *((part.start, part.stop) for part in self.inner)])


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

    def add(self, block: Block) -> None:
        """Take the pairs of a block in that may be looked at.

        The central moments of two sets of values are put together without the loss of digits that sums of squares have:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", Am Stat 37, 1983.
        """
        from napari_coreg.core.measuring.pair_kernels import moments  # noqa: PLC0415 - numba takes 0.5 s

        found = np.empty(11)
        moments(as_3d(block.f), as_3d(block.w), as_3d(block.inside), found)
        number, f_low, f_high, w_low, w_high, f_mean, w_mean, ff, ww, fw, squares = found.tolist()
        if not number:
            return
        self.f_low, self.f_high = min(self.f_low, f_low), max(self.f_high, f_high)
        self.w_low, self.w_high = min(self.w_low, w_low), max(self.w_high, w_high)
        self.squares += squares
        weight = self.number * number / (self.number + number)
        f_step, w_step = f_mean - self.f_mean, w_mean - self.w_mean
        self.ff += ff + weight * f_step**2
        self.ww += ww + weight * w_step**2
        self.fw += fw + weight * f_step * w_step
        self.number += int(number)
        self.f_mean += f_step * number / self.number
        self.w_mean += w_step * number / self.number


def as_3d(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array (y, x) as one slice, as the kernels want it; one (z, y, x) as it is."""
    return values if values.ndim == 3 else values[None]


class PairedValues:
    """Two volumes on one grid, cropped to the box of what may be looked at.

    Parameters
    ----------
    fixed, warped : SimpleITK.Image
        Scalar volumes on one grid.
    mask : SimpleITK.Image, optional
        On that grid. Looked at is where it is not 0 and both volumes are finite.
    is_cancelled : callable, optional
        Asked at each block.

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
    RegistrationCancelled
        `is_cancelled` said so.
    """

    def __init__(
        self,
        fixed: sitk.Image,
        warped: sitk.Image,
        mask: sitk.Image | None,
        is_cancelled: IsCancelled | None = None,
    ) -> None:
        self._is_cancelled = is_cancelled
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
            self.moments.add(block)
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
            if self._is_cancelled is not None and self._is_cancelled():
                raise RegistrationCancelled("comparing the volumes was cancelled")
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
