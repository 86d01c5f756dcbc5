"""Compiled loops over the values of two volumes: moments, joint histograms, and measures in a box about each voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@compiled
def moments(f: Array, w: Array, inside: Array, found: Array) -> None:
    """Fill number, extremes, means and central sums of the pairs (zyx) that are inside.

    Filled are, in this order: number, least and largest f, least and largest w, mean f and w, and the sums of
    (f - mean f)^2, (w - mean w)^2, (f - mean f)(w - mean w) and (f - w)^2.
    """
    found[:] = 0.0
    number, f_first, w_first, f_sum, w_sum, squares = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    f_low, f_high, w_low, w_high = np.inf, -np.inf, np.inf, -np.inf
    for z in range(f.shape[0]):
        for y in range(f.shape[1]):
            for x in range(f.shape[2]):
                if not inside[z, y, x]:
                    continue
                a, b = f[z, y, x], w[z, y, x]
                if number == 0.0:
                    f_first, w_first = a, b
                number += 1.0
                f_low, f_high = min(f_low, a), max(f_high, a)
                w_low, w_high = min(w_low, b), max(w_high, b)
                f_sum += a - f_first
                w_sum += b - w_first
                squares += (a - b) * (a - b)
    if number == 0.0:
        return
    f_mean, w_mean = f_first + f_sum / number, w_first + w_sum / number
    ff, ww, fw = 0.0, 0.0, 0.0
    for z in range(f.shape[0]):
        for y in range(f.shape[1]):
            for x in range(f.shape[2]):
                if inside[z, y, x]:
                    a, b = f[z, y, x] - f_mean, w[z, y, x] - w_mean
                    ff += a * a
                    ww += b * b
                    fw += a * b
    found[0], found[1], found[2], found[3], found[4] = number, f_low, f_high, w_low, w_high
    found[5], found[6], found[7], found[8], found[9], found[10] = f_mean, w_mean, ff, ww, fw, squares


@compiled
def count_pairs(f: Array, w: Array, inside: Array, inner: Array, lows: Array, scales: Array, joint: Array) -> None:
    """Add the inner pairs (zyx) that are inside to a joint histogram; a scale of 0 puts all values into bin 0."""
    last = joint.shape[0] - 1
    for z in range(inner[0, 0], inner[0, 1]):
        for y in range(inner[1, 0], inner[1, 1]):
            for x in range(inner[2, 0], inner[2, 1]):
                if inside[z, y, x]:
                    row = min(int((f[z, y, x] - lows[0]) * scales[0]), last)
                    column = min(int((w[z, y, x] - lows[1]) * scales[1]), last)
                    joint[row, column] += 1


@compiled
def _add_slice(block: tuple[Array, Array, Array], z: int, sign: float, norm: Array, columns: Array) -> None:
    """Add a slice to the sums along z, or take it away."""
    f, w, inside = block
    for y in range(f.shape[1]):
        for x in range(f.shape[2]):
            within = sign if inside[z, y, x] else 0.0
            a = (f[z, y, x] - norm[0]) * norm[2] if inside[z, y, x] else 0.0
            b = (w[z, y, x] - norm[1]) * norm[3] if inside[z, y, x] else 0.0
            columns[0, y, x] += within
            columns[1, y, x] += sign * a
            columns[2, y, x] += sign * b
            columns[3, y, x] += sign * (a * a)
            columns[4, y, x] += sign * (b * b)
            columns[5, y, x] += sign * (a * b)


@compiled
def _add_row(columns: Array, y: int, sign: float, rows: Array) -> None:
    for k in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            rows[k, x] += sign * columns[k, y, x]


@compiled
def _sum_boxes(rows: Array, radius: int, sums: Array) -> None:
    """Fill the sums over x - radius to x + radius."""
    last = rows.shape[1] - 1
    for k in range(rows.shape[0]):
        total = 0.0
        for x in range(min(radius, last) + 1):
            total += rows[k, x]
        for x in range(last + 1):
            sums[k, x] = total
            if x + radius + 1 <= last:
                total += rows[k, x + radius + 1]
            if x - radius >= 0:
                total -= rows[k, x - radius]


@compiled
def _add_correlations(sums: Array, inside: Array, x_range: Array, least: float, flat: float, found: Array) -> None:
    for x in range(x_range[0], x_range[1]):
        n = sums[0, x]
        if not inside[x] or n < least - 1e-6:
            continue
        f_mean, w_mean = sums[1, x] / n, sums[2, x] / n
        ff, ww = sums[3, x] / n - f_mean * f_mean, sums[4, x] / n - w_mean * w_mean
        if ff > flat or ww > flat:
            found[1] += 1.0
        if ff > flat and ww > flat:
            fw = sums[5, x] / n - f_mean * w_mean
            found[0] += min(fw * fw / (ff * ww), 1.0)


@compiled
def _add_structures(sums: Array, x_range: Array, whole: float, constants: Array, norm: Array, found: Array) -> None:
    unbiased = whole / (whole - 1.0)
    for x in range(x_range[0], x_range[1]):
        if sums[0, x] < whole - 0.5:
            continue
        a, b = sums[1, x] / whole, sums[2, x] / whole
        ff = unbiased * (sums[3, x] / whole - a * a) / (norm[2] * norm[2])
        ww = unbiased * (sums[4, x] / whole - b * b) / (norm[3] * norm[3])
        fw = unbiased * (sums[5, x] / whole - a * b) / (norm[2] * norm[3])
        f_mean, w_mean = norm[0] + a / norm[2], norm[1] + b / norm[3]
        above = (2.0 * f_mean * w_mean + constants[0]) * (2.0 * fw + constants[1])
        below = (f_mean * f_mean + w_mean * w_mean + constants[0]) * (ff + ww + constants[1])
        found[0] += above / below
        found[1] += 1.0


@compiled
def measure_boxes(
    block: tuple[Array, Array, Array],
    inner: Array,
    radius: Array,
    norm: Array,
    is_structural: bool,
    constants: Array,
    found: Array,
) -> None:
    """Add local correlation, or structural similarity, of boxes about the inner voxels of a block.

    Sums over boxes are running ones along each axis in turn, so that the cost does not grow with the box.

    Parameters
    ----------
    block : tuple of array, shape (nz, ny, nx)
        Values f and w, 64-bit floats, and where they may be looked at.
    inner : array of int, shape (3, 2)
        Start and stop along z, y, x of the voxels whose boxes are measured; what is beyond the block is not looked at.
    radius : array of int, shape (3,)
        Of the box, without its middle, zyx.
    norm : array, shape (4,)
        What is taken from f and from w, and what the rest is multiplied with, so that sums keep their digits.
    is_structural : bool
        Structural similarity, of whole boxes only; else correlation squared.
    constants : array, shape (2,)
        Of the structural similarity: c1 and c2. Of the correlation: the least number of voxels in a box, and the
        variance (of what is multiplied) up to which it is flat.
    found : array, shape (2,)
        The sum and the number are added.
    """
    f, inside = block[0], block[2]
    nz, ny, nx = f.shape
    columns, rows, sums = np.zeros((6, ny, nx)), np.zeros((6, nx)), np.zeros((6, nx))
    whole = 1.0
    for k in range(3):
        whole *= 2.0 * radius[k] + 1.0
    for z in range(max(0, inner[0, 0] - radius[0]), min(nz, inner[0, 0] + radius[0])):
        _add_slice(block, z, 1.0, norm, columns)
    for z in range(inner[0, 0], inner[0, 1]):
        if z + radius[0] < nz:
            _add_slice(block, z + radius[0], 1.0, norm, columns)
        if z - radius[0] - 1 >= 0 and z > inner[0, 0]:
            _add_slice(block, z - radius[0] - 1, -1.0, norm, columns)
        rows[:, :] = 0.0
        for y in range(max(0, inner[1, 0] - radius[1]), min(ny, inner[1, 0] + radius[1])):
            _add_row(columns, y, 1.0, rows)
        for y in range(inner[1, 0], inner[1, 1]):
            if y + radius[1] < ny:
                _add_row(columns, y + radius[1], 1.0, rows)
            if y - radius[1] - 1 >= 0 and y > inner[1, 0]:
                _add_row(columns, y - radius[1] - 1, -1.0, rows)
            _sum_boxes(rows, radius[2], sums)
            if is_structural:
                _add_structures(sums, inner[2], whole, constants, norm, found)
            else:
                _add_correlations(sums, inside[z, y], inner[2], constants[0], constants[1], found)
