"""Compiled loops of the similarity metrics: sums, joint histograms, and the derivative at every voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@compiled
def sum_moments(index: int, start: int, stop: int, fixed: Array, warped: Array, shift: Array, sums: Array) -> None:
    """Fill sums[index]: number, f, m, ff, mm, fm, (f - m)^2 where both images are; f and m less `shift`."""
    total = np.zeros(7)
    offset_f, offset_m = shift[0], shift[1]
    for z in range(start, stop):
        for y in range(fixed.shape[1]):
            for x in range(fixed.shape[2]):
                m = np.float64(warped[z, y, x])
                if np.isnan(m):
                    continue
                f = np.float64(fixed[z, y, x])
                total[6] += (f - m) * (f - m)
                f, m = f - offset_f, m - offset_m
                total[0] += 1
                total[1] += f
                total[2] += m
                total[3] += f * f
                total[4] += m * m
                total[5] += f * m
    sums[index] = total


@compiled
def fill_linear(
    index: int, start: int, stop: int, fixed: Array, warped: Array, factors: Array, residual: Array
) -> None:
    """Fill `residual` with factors[0] * f + factors[1] * m + factors[2], and 0 where an image is not."""
    of_fixed, of_moving, constant = factors[0], factors[1], factors[2]
    for z in range(start, stop):
        for y in range(fixed.shape[1]):
            for x in range(fixed.shape[2]):
                m = np.float64(warped[z, y, x])
                if np.isnan(m):
                    residual[z, y, x] = 0
                else:
                    residual[z, y, x] = of_fixed * np.float64(fixed[z, y, x]) + of_moving * m + constant


@compiled
def fill_bins(
    index: int, start: int, stop: int, fixed: Array, scale: float, offset: float, number: int, bins: Array
) -> None:
    """Fill `bins` (int16) with the bin of each fixed voxel, two bins short of either end; -1 where it is NaN."""
    for z in range(start, stop):
        for y in range(fixed.shape[1]):
            for x in range(fixed.shape[2]):
                f = np.float64(fixed[z, y, x])
                bins[z, y, x] = -1 if np.isnan(f) else min(max(int(f * scale + offset), 2), number - 3)


@compiled
def sum_histogram(
    index: int, start: int, stop: int, bins: Array, warped: Array, scale: float, offset: float, histograms: Array
) -> None:
    """Fill histograms[index] (fixed bin, moving bin): a whole vote for the fixed bin, a cubic Parzen window about m."""
    histogram = histograms[index]
    histogram[:] = 0.0
    last = histogram.shape[1] - 3
    for z in range(start, stop):
        for y in range(bins.shape[1]):
            for x in range(bins.shape[2]):
                m = warped[z, y, x]
                if np.isnan(m):
                    continue
                f = bins[z, y, x]
                term = m * scale + offset
                b = min(max(int(term), 2), last)
                t = min(max(term - b, 0.0), 1.0)  # beyond the range there is only its end
                s = 1 - t
                histogram[f, b - 1] += s * s * s * (1 / 6)
                histogram[f, b] += (4 + 3 * t * t * (t - 2)) * (1 / 6)
                histogram[f, b + 1] += (4 + 3 * s * s * (s - 2)) * (1 / 6)
                histogram[f, b + 2] += t * t * t * (1 / 6)


@compiled
def fill_from_table(
    index: int,
    start: int,
    stop: int,
    bins: Array,
    warped: Array,
    scale: float,
    offset: float,
    table: Array,
    residual: Array,
) -> None:
    """Fill `residual` with the derivative along m of the Parzen-windowed `table` (fixed bin, moving bin)."""
    last = table.shape[1] - 3
    for z in range(start, stop):
        for y in range(bins.shape[1]):
            for x in range(bins.shape[2]):
                m = warped[z, y, x]
                if np.isnan(m):
                    residual[z, y, x] = 0
                    continue
                f = bins[z, y, x]
                term = m * scale + offset
                b = min(max(int(term), 2), last)
                t = term - b
                if t < 0 or t > 1:
                    residual[z, y, x] = 0
                    continue
                s = 1 - t
                residual[z, y, x] = (
                    -0.5 * s * s * table[f, b - 1]
                    + (1.5 * t - 2) * t * table[f, b]
                    + (2 - 1.5 * s) * s * table[f, b + 1]
                    + 0.5 * t * t * table[f, b + 2]
                )


@compiled
def fill_by_bin(index: int, start: int, stop: int, bins: Array, warped: Array, values: Array, weights: Array) -> None:
    """Fill `weights` with the value of each voxel's fixed bin, and 0 where an image is not."""
    for z in range(start, stop):
        for y in range(bins.shape[1]):
            for x in range(bins.shape[2]):
                weights[z, y, x] = 0 if np.isnan(warped[z, y, x]) else values[bins[z, y, x]]
