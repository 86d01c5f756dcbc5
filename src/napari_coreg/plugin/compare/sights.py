"""What the live layers of a comparison look at: each layer's own part, their difference, the contours of one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.compare import contour, label_edges, normalised
from napari_coreg.core.reslice import reslice

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.reslice import Source

    Window = tuple[float, float]
    Mask = Callable[[Grid], npt.NDArray[np.bool_]]

_REMEMBERED = 3  # grids: what is on screen, and what the thumbnail shows


class Sight:
    """One volume, seen from any grid of the world; what was seen last is remembered while only masks change.

    Parameters
    ----------
    source : Source
        The volume where it is displayed.
    """

    def __init__(self, source: Source) -> None:
        self._seen: OrderedDict[Grid, npt.NDArray[Any]] = OrderedDict()
        self.source = source

    @property
    def source(self) -> Source:
        """The volume; another one may be put in its place."""
        return self._source

    @source.setter
    def source(self, source: Source) -> None:
        is_labels = source.interpolator == "nearest"
        self._source = source if is_labels else replace(source, background=np.nan)
        self._seen.clear()

    @property
    def is_labels(self) -> bool:
        """Whether it holds labels."""
        return self._source.interpolator == "nearest"

    def values(self, grid: Grid) -> npt.NDArray[Any]:
        """Return the volume as seen from a grid; NaN beyond it, where it is no labels. Not to be written into."""
        if grid not in self._seen:
            self._seen[grid] = reslice(self._source, grid, sitk.Transform(grid.dimension, sitk.sitkIdentity))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        self._seen.move_to_end(grid)
        return self._seen[grid]

    def shades(self, grid: Grid, window: Window) -> npt.NDArray[np.float32]:
        """Return it from 0 (black) to 1 (white), NaN beyond it; labels are 0 and 1."""
        if self.is_labels:
            return np.asarray(self.values(grid) != 0, np.float32)
        return normalised(self.values(grid), window)


@dataclass
class Part:
    """A volume where a mask lets it be seen.

    Attributes
    ----------
    sight : Sight
        The volume.
    mask : callable or None
        Grid -> where it is seen; None for everywhere.
    nothing : float
        The value elsewhere, and beyond the volume: one that is shown black.
    """

    sight: Sight
    mask: Mask | None = None
    nothing: float = 0.0

    def __call__(self, grid: Grid) -> npt.NDArray[Any]:
        """Return what is seen from a grid of the world."""
        values = self.sight.values(grid)
        if self.sight.is_labels:
            return values if self.mask is None else np.where(self.mask(grid), values, values.dtype.type(0))
        there = ~np.isnan(values)
        if self.mask is not None:
            there &= self.mask(grid)
        return np.where(there, values, values.dtype.type(self.nothing))


@dataclass
class Difference:
    """By how much one volume is brighter than another, from -1 to 1 as both are shown; 0 where one of them is not.

    Attributes
    ----------
    first, second : Sight
        The second minus the first.
    windows : tuple
        The contrast limits of the two.
    """

    first: Sight
    second: Sight
    windows: tuple[Window, Window]

    def __call__(self, grid: Grid) -> npt.NDArray[Any]:
        """Return what is seen from a grid of the world."""
        brighter = self.second.shades(grid, self.windows[1]) - self.first.shades(grid, self.windows[0])
        return np.asarray(np.nan_to_num(brighter, copy=False, nan=0.0))


@dataclass
class Contours:
    """The contour of a volume: lines of one voxel in a slice; in a volume, values that are 0.5 on the contour.

    Attributes
    ----------
    sight : Sight
        The volume; of labels the edges are shown.
    level : float
        The value whose contour it is.
    window : tuple of float
        The contrast limits.
    """

    sight: Sight
    level: float
    window: Window

    def __call__(self, grid: Grid) -> npt.NDArray[Any]:
        """Return what is seen from a grid of the world."""
        values = self.sight.values(grid)
        if grid.dimension == 3 and min(grid.size_xyz) > 1:
            return self._solid(grid)
        lines = label_edges(values) if self.sight.is_labels else contour(values, self.level)
        return lines.astype(np.float32)

    def _solid(self, grid: Grid) -> npt.NDArray[Any]:
        if self.sight.is_labels:
            return self.sight.shades(grid, self.window)
        low, high = self.window
        over = 0.5 + (self.sight.values(grid) - np.float32(self.level)) / np.float32(high - low)
        return np.asarray(np.nan_to_num(np.clip(over, 0, 1), copy=False, nan=0.0))
