"""Similarity in a small window about each voxel: local correlation and structural similarity (SSIM)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.paired_values import Block

WINDOW_VOXELS = 9  # edge of the window of the local correlation: as many voxels as a cube of this edge has
SSIM_WINDOW = 7
_LEAST_FILLED = 0.25
_FLAT = 1e-3  # of the standard deviation of the whole


def window_radius(spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return half the window of the local correlation, in voxels, so that it is about a cube in mm.

    Examples
    --------
    >>> window_radius((1.0, 1.0, 1.0)), window_radius((1.0, 1.0, 5.0))
    ((4, 4, 4), (7, 7, 1))
    """
    half_mm = (WINDOW_VOXELS - 1) / 2 * float(np.prod(spacing) ** (1 / len(spacing)))
    return tuple(max(1, round(half_mm / step)) for step in spacing)


class LocalCorrelation:
    """Mean of Pearson's r squared within a box about each voxel, taken block by block.

    r^2 = cov(f, w)^2 / (var(f) var(w)) over the voxels of the box that are looked at. A box is left out where fewer
    than a quarter of its voxels (of what of it fits into the box of all that is looked at) are looked at, or where both
    volumes are flat: it tells nothing. Where one of them is flat it counts as 0, as something is there that the other
    does not have. Flat is a standard deviation of less than a thousandth of that of the whole.

    Parameters
    ----------
    radius : tuple of int
        Half the box along each axis (zyx), without its middle, voxels.
    shape : tuple of int
        Of the volumes (zyx).
    means, deviations : tuple of float
        Mean and standard deviation of f and of w over all voxels that are looked at.

    References
    ----------
    Avants et al., "Symmetric diffeomorphic image registration with cross-correlation", Med Image Anal 12, 2008.
    """

    def __init__(
        self,
        radius: tuple[int, ...],
        shape: tuple[int, ...],
        means: tuple[float, float],
        deviations: tuple[float, float],
    ) -> None:
        self.margin = max(radius)
        self._sizes = [2 * half + 1 for half in radius]
        fitting = np.prod([min(size, count) for size, count in zip(self._sizes, shape, strict=True)])
        self._least = max(2.0, _LEAST_FILLED * float(fitting))
        self._means, self._deviations = means, deviations
        self._sum, self._number = 0.0, 0

    @property
    def value(self) -> float | None:
        """The mean; None where no box tells anything."""
        return self._sum / self._number if self._number else None

    def add(self, block: Block) -> None:
        """Take a block's inner voxels in; its margin is `margin` voxels or more but at the ends of the volume."""
        inside = block.inside
        f, w = (
            np.where(inside, (values - mean) / (deviation or 1.0), 0.0)
            for values, mean, deviation in zip(block[:2], self._means, self._deviations, strict=True)
        )
        number = self._box_sum(inside.astype(np.float64))[block.inner]
        counted = inside[block.inner] & (np.rint(number) >= self._least)
        n = number[counted]

        def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
            summed: NDArray[np.float64] = self._box_sum(values)[block.inner][counted] / n
            return summed

        f_mean, w_mean = mean(f), mean(w)
        ff, ww, fw = mean(f * f) - f_mean**2, mean(w * w) - w_mean**2, mean(f * w) - f_mean * w_mean
        f_varies, w_varies = ff > _FLAT**2, ww > _FLAT**2
        both = f_varies & w_varies
        self._sum += float(np.minimum(fw[both] ** 2 / (ff[both] * ww[both]), 1.0).sum())
        self._number += int(np.count_nonzero(f_varies | w_varies))

    def _box_sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        for axis, size in enumerate(self._sizes):  # running sums: the cost does not grow with the box
            values = ndimage.uniform_filter1d(values, size, axis=axis, mode="constant") * size
        return values


class StructuralSimilarity:
    """Mean structural similarity over the voxels whose whole window is looked at, taken block by block.

    SSIM = (2 mean(f) mean(w) + c1) (2 cov(f, w) + c2) / ((mean(f)^2 + mean(w)^2 + c1) (var(f) + var(w) + c2)) in a
    window of equal weights (sample variances), with c1 = (0.01 L)^2, c2 = (0.03 L)^2 and L the data range; computed by
    scikit-image.

    Parameters
    ----------
    shape : tuple of int
        Of the volumes (zyx). The window is 7 voxels along each axis; the largest odd number that fits where they are
        thinner.
    data_range : float
        L, positive.

    References
    ----------
    Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13, 2004.
    """

    def __init__(self, shape: tuple[int, ...], data_range: float) -> None:
        self._window = (min(SSIM_WINDOW, *shape) - 1) // 2 * 2 + 1
        self.margin = self._window // 2
        self._data_range = data_range
        self._sum, self._number = 0.0, 0

    @property
    def value(self) -> float | None:
        """The mean; None where no whole window is looked at, or the volumes are thinner than 3 voxels."""
        return self._sum / self._number if self._number else None

    def add(self, block: Block) -> None:
        """Take a block's inner voxels in; its margin is `margin` voxels or more but at the ends of the volume."""
        if self._window < 3:
            return
        from skimage.metrics import structural_similarity  # noqa: PLC0415 - takes a while to load

        whole = block.inside
        for axis in range(whole.ndim):
            whole = ndimage.minimum_filter1d(whole, self._window, axis=axis, mode="constant", cval=0)
        whole = whole[block.inner]
        if not whole.any():
            return
        f, w = (np.where(block.inside, values, 0.0) for values in block[:2])
        local = structural_similarity(f, w, win_size=self._window, data_range=self._data_range, full=True)[1]
        self._sum += float(local[block.inner][whole].sum())
        self._number += int(np.count_nonzero(whole))
