"""Similarity in a small window about each voxel: local correlation and structural similarity (SSIM)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.paired_values import as_3d

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
        self._radius = radius
        fitting = np.prod([min(2 * half + 1, count) for half, count in zip(radius, shape, strict=True)])
        self._least = max(2.0, _LEAST_FILLED * float(fitting))
        self._norm = _norm(means, deviations)
        self._found = np.zeros(2)

    @property
    def value(self) -> float | None:
        """The mean; None where no box tells anything."""
        total, number = self._found.tolist()
        return total / number if number else None

    def add(self, block: Block) -> None:
        """Take a block's inner voxels in; its margin is `margin` voxels or more but at the ends of the volume."""
        _measure(block, self._radius, self._norm, np.array([self._least, _FLAT**2]), self._found, is_structural=False)


class StructuralSimilarity:
    """Mean structural similarity over the voxels whose whole window is looked at, taken block by block.

    SSIM = (2 mean(f) mean(w) + c1) (2 cov(f, w) + c2) / ((mean(f)^2 + mean(w)^2 + c1) (var(f) + var(w) + c2)) in a
    window of equal weights (sample variances), with c1 = (0.01 L)^2, c2 = (0.03 L)^2 and L the data range: the numbers
    of scikit-image's structural_similarity.

    Parameters
    ----------
    shape : tuple of int
        Of the volumes (zyx). The window is 7 voxels along each axis; the largest odd number that fits where they are
        thinner.
    data_range : float
        L, positive.
    means, deviations : tuple of float
        Mean and standard deviation of f and of w over all voxels that are looked at.

    References
    ----------
    Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13, 2004.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        data_range: float,
        means: tuple[float, float],
        deviations: tuple[float, float],
    ) -> None:
        self._window = (min(SSIM_WINDOW, *shape) - 1) // 2 * 2 + 1
        self.margin = self._window // 2
        self._norm = _norm(means, deviations)
        self._constants = np.array([(0.01 * data_range) ** 2, (0.03 * data_range) ** 2])
        self._found = np.zeros(2)

    @property
    def value(self) -> float | None:
        """The mean; None where no whole window is looked at, or the volumes are thinner than 3 voxels."""
        total, number = self._found.tolist()
        return total / number if number else None

    def add(self, block: Block) -> None:
        """Take a block's inner voxels in; its margin is `margin` voxels or more but at the ends of the volume."""
        if self._window >= 3:
            radius = (self.margin,) * block.f.ndim
            _measure(block, radius, self._norm, self._constants, self._found, is_structural=True)


def _norm(means: tuple[float, float], deviations: tuple[float, float]) -> NDArray[np.float64]:
    """Return what makes the values of order 1, as the kernel takes it."""
    return np.array([*means, *(1.0 / (deviation or 1.0) for deviation in deviations)])


def _measure(
    block: Block,
    radius: tuple[int, ...],
    norm: NDArray[np.float64],
    constants: NDArray[np.float64],
    found: NDArray[np.float64],
    *,
    is_structural: bool,
) -> None:
    from napari_coreg.core.measuring.pair_kernels import measure_boxes  # noqa: PLC0415 - numba takes 0.5 s

    flat = 3 - block.f.ndim
    values = as_3d(block.f), as_3d(block.w), as_3d(block.inside)
    measure_boxes(values, block.inner_zyx, np.array([0] * flat + list(radius)), norm, is_structural, constants, found)
