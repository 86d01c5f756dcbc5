"""The similarity metrics of the B-spline engine: a value, and its derivative with respect to each warped voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_coreg.core import metrics
from napari_coreg.core.bspline import similarity_kernels as kernels
from napari_coreg.core.bspline.local_correlation import LocalNormalizedCorrelation
from napari_coreg.core.chunks import run_chunks, split
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Volume = NDArray[np.float32]

PADDING = 2  # bins at either end, which the Parzen window of an extreme value needs
EMPTY = 1e-16  # what ITK takes for no probability


class Similarity(Protocol):
    """A metric between the fixed image it was made for and any warped moving image; lower is better."""

    def __call__(self, warped: Volume, residual: Volume) -> float:
        """Return the value, and fill `residual` with its derivative with respect to each voxel of `warped`.

        Parameters
        ----------
        warped : array of float32, shape (nz, ny, nx)
            The moving image at the fixed voxels; NaN where it is not, or the fixed voxel is not looked at.
        residual : array of float32, shape (nz, ny, nx)
            Filled; 0 where `warped` is NaN.
        """

    def fill_weights(self, warped: Volume, weights: Volume) -> None:
        """Fill `weights` with about the second derivative for each voxel, never negative; of the last call's state."""


def make_similarity(
    metric: metrics.Metric, fixed: Volume, moving_range: tuple[float, float], fixed_range: tuple[float, float]
) -> Similarity:
    """Return the metric for a fixed image.

    Parameters
    ----------
    metric : Metric
        Of the recipe.
    fixed : array of float32, shape (nz, ny, nx)
        NaN where a voxel is not looked at.
    moving_range, fixed_range : tuple of float
        Lowest and highest value that the histogram spans.
    """
    match metric:
        case metrics.MeanSquares():
            return MeanSquares(fixed)
        case metrics.Correlation():
            return Correlation(fixed)
        case metrics.LocalNormalizedCorrelation():
            return LocalNormalizedCorrelation(fixed, metric.radius)
        case metrics.NormalizedMutualInformation():
            return MutualInformation(fixed, metric.number_of_histogram_bins, fixed_range, moving_range, normalized=True)
        case metrics.MattesMutualInformation():
            return MutualInformation(fixed, metric.number_of_histogram_bins, fixed_range, moving_range)
    raise RegistrationError(f"metric {metric.kind!r} is known to the SimpleITK engine only")


class _Moments:
    """Sums over the voxels where both images are."""

    def __init__(self, fixed: Volume) -> None:
        self._fixed = fixed
        self._chunks = split(len(fixed), fixed.size)
        self._sums = np.zeros((len(self._chunks), 7))
        looked_at = fixed[~np.isnan(fixed)]
        middle = float(looked_at.mean(dtype=np.float64)) if looked_at.size else 0.0
        self._shift = np.array([middle, middle])  # keeps the squares small, whose difference is what counts

    def _sum(self, warped: Volume) -> NDArray[np.float64]:
        run_chunks(kernels.sum_moments, self._chunks, self._fixed, warped, self._shift, self._sums)
        total: NDArray[np.float64] = self._sums.sum(axis=0)
        return total

    def _fill(self, warped: Volume, factors: tuple[float, float, float], out: Volume) -> None:
        run_chunks(kernels.fill_linear, self._chunks, self._fixed, warped, np.array(factors), out)


class MeanSquares(_Moments):
    """Mean squared difference."""

    def __call__(self, warped: Volume, residual: Volume) -> float:
        """Return the mean and fill in its derivative."""
        sums = self._sum(warped)
        self._number = max(sums[0], 1.0)
        self._fill(warped, (-2 / self._number, 2 / self._number, 0.0), residual)
        return float(sums[6] / sums[0]) if sums[0] else np.inf

    def fill_weights(self, warped: Volume, weights: Volume) -> None:
        """Fill `weights` with the second derivative, which is the same everywhere."""
        self._fill(warped, (0.0, 0.0, 2 / self._number), weights)


class Correlation(_Moments):
    """Squared normalized correlation, negative."""

    def __call__(self, warped: Volume, residual: Volume) -> float:
        """Return the value and fill in its derivative."""
        number, f, m, ff, mm, fm, _ = self._sum(warped).tolist()
        self._weight = 0.0
        if number < 2:
            self._fill(warped, (0.0, 0.0, 0.0), residual)
            return np.inf
        mean_f, mean_m = f / number, m / number
        ff, mm, fm = ff - f * mean_f, mm - m * mean_m, fm - f * mean_m
        if ff <= 0 or mm <= 0:
            self._fill(warped, (0.0, 0.0, 0.0), residual)
            return 0.0
        value = float(fm * fm / (ff * mm))
        self._weight = 2 * value / mm
        of_fixed, of_moving = -2 * fm / (ff * mm), 2 * value / mm
        mean_f, mean_m = mean_f + self._shift[0], mean_m + self._shift[1]
        self._fill(warped, (of_fixed, of_moving, -of_fixed * mean_f - of_moving * mean_m), residual)
        return -value

    def fill_weights(self, warped: Volume, weights: Volume) -> None:
        """Fill `weights` with that of a scaled mean of squares, which is the same everywhere."""
        self._fill(warped, (0.0, 0.0, self._weight), weights)


class MutualInformation:
    """Mattes mutual information, or the normalized one of Studholme, with ITK's Parzen windows; negative.

    Mattes et al., IEEE TMI 22, 2003; Studholme et al., "An overlap invariant entropy measure of 3D medical image
    alignment", Pattern Recognition 32, 1999.
    """

    def __init__(
        self,
        fixed: Volume,
        number_of_bins: int,
        fixed_range: tuple[float, float],
        moving_range: tuple[float, float],
        *,
        normalized: bool = False,
    ) -> None:
        self._chunks = split(len(fixed), fixed.size)
        self._normalized = normalized
        self._scale, self._offset = _to_bins(moving_range, number_of_bins)
        self._bins = np.empty(fixed.shape, np.int16)
        scale, offset = _to_bins(fixed_range, number_of_bins)
        run_chunks(kernels.fill_bins, self._chunks, fixed, scale, offset, number_of_bins, self._bins)
        self._histograms = np.zeros((len(self._chunks), number_of_bins, number_of_bins))

    def __call__(self, warped: Volume, residual: Volume) -> float:
        """Return the value and fill in its derivative."""
        moving = (self._scale, self._offset)
        run_chunks(kernels.sum_histogram, self._chunks, self._bins, warped, *moving, self._histograms)
        histogram = self._histograms.sum(axis=0)
        self._number = histogram.sum()
        if self._number <= 0:
            residual[:] = 0
            return np.inf
        self._joint = histogram / self._number
        value, table = self._value_and_table()
        table *= self._scale / self._number
        run_chunks(kernels.fill_from_table, self._chunks, self._bins, warped, *moving, table, residual)
        return float(value)

    def fill_weights(self, warped: Volume, weights: Volume) -> None:
        """Fill `weights` with the Fisher information of the moving intensity at each fixed intensity."""
        joint, log_ratio = self._joint, self._log_ratio
        known = (joint[:, 2:] > EMPTY) & (joint[:, :-2] > EMPTY)
        score = np.zeros_like(joint)
        score[:, 1:-1] = np.where(known, (log_ratio[:, 2:] - log_ratio[:, :-2]) / 2 * self._scale, 0.0)
        fixed = joint.sum(axis=1)
        information = np.divide((joint * score**2).sum(axis=1), fixed, out=np.zeros_like(fixed), where=fixed > EMPTY)
        run_chunks(kernels.fill_by_bin, self._chunks, self._bins, warped, information / self._number, weights)

    def _value_and_table(self) -> tuple[float, NDArray[np.float64]]:
        """Return the value, and its derivative with respect to the joint probabilities (up to terms that cancel)."""
        joint = self._joint
        fixed, moving = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
        log_joint, log_fixed, log_moving = (np.log(np.maximum(p, EMPTY)) for p in (joint, fixed, moving))
        there = joint > EMPTY
        self._log_ratio = np.where(there, log_joint - log_moving, 0.0)
        information = float((joint * np.where(there, log_joint - log_moving - log_fixed, 0.0)).sum())
        if not self._normalized:
            return -information, -self._log_ratio
        entropy = -float((joint * np.where(there, log_joint, 0.0)).sum())  # of both together
        if entropy <= 0:
            return -1.0, np.zeros_like(joint)
        value = (information + entropy) / entropy
        return -value, np.where(there, log_moving - value * log_joint, 0.0) / entropy


def _to_bins(values: tuple[float, float], number_of_bins: int) -> tuple[float, float]:
    """Return scale and offset from intensities to continuous bins, which start with the padding."""
    low, high = values
    scale = (number_of_bins - 2 * PADDING) / max(high - low, float(np.finfo(np.float32).tiny))
    return scale, PADDING - low * scale
