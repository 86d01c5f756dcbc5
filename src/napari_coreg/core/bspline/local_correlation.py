"""Squared normalized correlation in a window about each voxel, with its exact derivative, at a cost without radius."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.chunks import run_chunks, split
from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Volume = NDArray[np.float32]

# A window counts as flat below this share of the image's variance, or of its squared mean, where float32 ends.
FLAT, ROUNDING = 1e-8, 1e-14
ROWS_PER_STRIP = 16


class LocalNormalizedCorrelation:
    """Squared normalized correlation in a window about each voxel, negative; lower is better.

    The value is the mean over all voxels where both images are; a window ends at the border of the image, and counts
    only such voxels. It is that of ITK's ANTSNeighborhoodCorrelationImageToImageMetricv4, but for windows in which an
    image is flat: those add 0 here, and in ITK as much as if the images agreed.

    Avants et al., "Symmetric diffeomorphic image registration with cross-correlation", Med Image Anal 12, 2008.

    Parameters
    ----------
    fixed : array of float32, shape (nz, ny, nx)
        NaN where a voxel is not looked at.
    radius : int
        Of the window, in voxels: it is a cube of 2 * radius + 1.

    Examples
    --------
    >>> fixed = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    >>> residual = np.empty_like(fixed)
    >>> print(f"{LocalNormalizedCorrelation(fixed, radius=1)(3 - 2 * fixed, residual):.4f}")
    -1.0000
    """

    def __init__(self, fixed: Volume, radius: int) -> None:
        self._fixed = fixed
        self._radius = radius
        # Strips of rows, not slices: their sums fit into the cache, and run through all slices without a fresh start.
        rows = fixed.shape[1]
        strips = max(1, min(rows // max(ROWS_PER_STRIP, 4 * radius), len(split(rows, fixed.size))))
        self._strips = list(pairwise(rows * index // strips for index in range(strips + 1)))
        self._slices = split(len(fixed), fixed.size)
        self._moments = np.zeros((len(self._slices), 5))
        self._sums = np.zeros(strips)
        self._coefficients = np.zeros((3, *fixed.shape), np.float32)
        self._curvature = np.zeros(fixed.shape, np.float32)

    def __call__(self, warped: Volume, residual: Volume) -> float:
        """Return the value, and fill `residual` with its derivative with respect to each voxel of `warped`.

        Parameters
        ----------
        warped : array of float32, shape (nz, ny, nx)
            The moving image at the fixed voxels; NaN where it is not.
        residual : array of float32, shape (nz, ny, nx)
            Filled; 0 where either image is NaN.

        Returns
        -------
        float
            From -1 to 0; infinite where the images do not overlap.
        """
        run_chunks(sum_moments, self._slices, self._fixed, warped, self._moments)
        number, f, m, ff, mm = self._moments.sum(axis=0).tolist()
        if not number:
            residual[:] = 0
            self._curvature[:] = 0
            return np.inf
        mean_f, mean_m = f / number, m / number
        flat_f = FLAT * max(ff / number - mean_f**2, 0) + ROUNDING * mean_f**2
        flat_m = FLAT * max(mm / number - mean_m**2, 0) + ROUNDING * mean_m**2
        levels = np.array([mean_f, mean_m, flat_f, flat_m, -1 / number])
        images = self._fixed, warped, self._radius
        run_chunks(correlate_windows, self._strips, *images, levels, self._coefficients, self._sums)
        run_chunks(gather_windows, self._strips, *images, self._coefficients, residual, self._curvature)
        return float(-self._sums.sum() / number)

    def fill_weights(self, warped: Volume, weights: Volume) -> None:
        """Fill `weights` with about the second derivative for each voxel, never negative, at the last call.

        Where the images agree it lacks only what a single voxel weighs in the mean and variance of its windows.

        Parameters
        ----------
        warped : array of float32, shape (nz, ny, nx)
            Not looked at: that of the last call counts.
        weights : array of float32, shape (nz, ny, nx)
            Filled; 0 where either image is NaN.
        """
        np.copyto(weights, self._curvature)


@compiled
def sum_moments(index: int, start: int, stop: int, fixed: Array, warped: Array, moments: Array) -> None:
    """Fill moments[index] with number, f, m, ff, mm over the voxels where both images are."""
    number = 0
    sum_f = sum_m = sum_ff = sum_mm = 0.0
    for z in range(start, stop):
        for y in range(fixed.shape[1]):
            for x in range(fixed.shape[2]):
                f, m = np.float64(fixed[z, y, x]), np.float64(warped[z, y, x])
                if not np.isnan(f + m):
                    number += 1
                    sum_f += f
                    sum_m += m
                    sum_ff += f * f
                    sum_mm += m * m
    moments[index, 0] = number
    moments[index, 1], moments[index, 2] = sum_f, sum_m
    moments[index, 3], moments[index, 4] = sum_ff, sum_mm


@compiled
def correlate_windows(
    index: int,
    start: int,
    stop: int,
    fixed: Array,
    warped: Array,
    radius: int,
    levels: Array,
    coefficients: Array,
    sums: Array,
) -> None:
    """Correlate the images in the window about each voxel of the rows start..stop.

    Parameters
    ----------
    index, start, stop : int
        The strip; rows of all slices.
    fixed, warped : array of float32, shape (nz, ny, nx)
        NaN where there is nothing.
    radius : int
        Of the window.
    levels : array, shape (5,)
        Mean of both images, the variances below which they are flat, and a factor for `coefficients`.
    coefficients : array of float32, shape (3, nz, ny, nx)
        Filled with (a, b, c): the derivative of a window's squared correlation with respect to the warped value m at
        any of its voxels is a (f - f0) - b (m - m0) + c, with f0 and m0 at its centre.
    sums : array, shape (strips,)
        sums[index] is filled with the sum of the squared correlations.
    """
    slices, _, width = fixed.shape
    columns = np.zeros((stop - start + 2 * radius, width, 6))
    line = np.zeros((width + 2 * radius + 1, 6))
    total = 0.0
    for z in range(-radius, slices):
        if z + radius < slices:
            _add_images(fixed, warped, z + radius, start - radius, levels, 1.0, columns)
        if z - radius - 1 >= 0:
            _add_images(fixed, warped, z - radius - 1, start - radius, levels, -1.0, columns)
        if z < 0:
            continue
        for y in range(start, stop):
            _slide_row(columns, y - start, radius, line)
            total += _correlate_row(fixed[z, y], warped[z, y], radius, levels, line, coefficients[:, z, y])
    sums[index] = total


@compiled
def gather_windows(
    index: int,
    start: int,
    stop: int,
    fixed: Array,
    warped: Array,
    radius: int,
    coefficients: Array,
    residual: Array,
    curvature: Array,
) -> None:
    """Sum for each voxel of the rows start..stop over all the windows that hold it, into `residual` and `curvature`."""
    slices, _, width = fixed.shape
    columns = np.zeros((stop - start + 2 * radius, width, 3))
    line = np.zeros((width + 2 * radius + 1, 3))
    for z in range(-radius, slices):
        if z + radius < slices:
            _add_coefficients(fixed, warped, z + radius, start - radius, coefficients, 1.0, columns)
        if z - radius - 1 >= 0:
            _add_coefficients(fixed, warped, z - radius - 1, start - radius, coefficients, -1.0, columns)
        if z < 0:
            continue
        for y in range(start, stop):
            _slide_row(columns, y - start, radius, line)
            _gather_row(fixed[z, y], warped[z, y], radius, line, residual[z, y], curvature[z, y])


@compiled
def _add_images(fixed: Array, warped: Array, z: int, first: int, levels: Array, sign: float, columns: Array) -> None:
    """Add sign times (1, f, m, ff, mm, fm) of a slice to the columns (row from `first`, x), f and m less their mean."""
    mean_f, mean_m = levels[0], levels[1]
    for y in range(max(first, 0), min(first + len(columns), fixed.shape[1])):
        for x in range(fixed.shape[2]):
            f, m = np.float64(fixed[z, y, x]) - mean_f, np.float64(warped[z, y, x]) - mean_m
            one = sign
            if np.isnan(f + m):
                f, m, one = np.float64(0), np.float64(0), 0.0
            column = columns[y - first, x]
            column[0] += one
            column[1] += sign * f
            column[2] += sign * m
            column[3] += sign * f * f
            column[4] += sign * m * m
            column[5] += sign * f * m


@compiled
def _add_coefficients(
    fixed: Array, warped: Array, z: int, first: int, coefficients: Array, sign: float, columns: Array
) -> None:
    """Add sign times (a, b, c - a f0 + b m0) of a slice's windows to the columns (row from `first`, x)."""
    for y in range(max(first, 0), min(first + len(columns), fixed.shape[1])):
        for x in range(fixed.shape[2]):
            f, m = np.float64(fixed[z, y, x]), np.float64(warped[z, y, x])
            if np.isnan(f + m):
                f, m = np.float64(0), np.float64(0)
            a, b = sign * coefficients[0, z, y, x], sign * coefficients[1, z, y, x]
            column = columns[y - first, x]
            column[0] += a
            column[1] += b
            column[2] += sign * coefficients[2, z, y, x] - a * f + b * m


@compiled
def _slide_row(columns: Array, row: int, radius: int, line: Array) -> None:
    """Make `line`, which has radius + 1 empty places before the first x, the sum of the rows about `row`."""
    width, fields = columns.shape[1:]
    inner = line[radius + 1 : radius + 1 + width]
    if row == 0:
        inner[:] = 0.0
        for j in range(2 * radius + 1):
            for x in range(width):
                for k in range(fields):
                    inner[x, k] += columns[j, x, k]
    else:
        for x in range(width):
            for k in range(fields):
                inner[x, k] += columns[row + 2 * radius, x, k] - columns[row - 1, x, k]


@compiled
def _correlate_row(fixed: Array, warped: Array, radius: int, levels: Array, line: Array, coefficients: Array) -> float:
    """Fill the coefficients (3, nx) of a row, and return the sum of its squared correlations."""
    total = 0.0
    number = sum_f = sum_m = sum_ff = sum_mm = sum_fm = 0.0
    for x in range(-radius, len(fixed)):
        new, old = line[x + 2 * radius + 1], line[max(x, 0)]
        number += new[0] - old[0]
        sum_f += new[1] - old[1]
        sum_m += new[2] - old[2]
        sum_ff += new[3] - old[3]
        sum_mm += new[4] - old[4]
        sum_fm += new[5] - old[5]
        if x < 0:
            continue
        f, m = np.float64(fixed[x]) - levels[0], np.float64(warped[x]) - levels[1]
        a = b = c = 0.0
        if not np.isnan(f + m):
            mean_f, mean_m = sum_f / number, sum_m / number
            ff, mm, fm = sum_ff - sum_f * mean_f, sum_mm - sum_m * mean_m, sum_fm - sum_f * mean_m
            if ff > number * levels[2] and mm > number * levels[3]:
                a = 2 * fm / (ff * mm)
                total += a * fm / 2
                b = a * fm / mm
                c = a * (f - mean_f) - b * (m - mean_m)
        coefficients[0, x] = levels[4] * a
        coefficients[1, x] = levels[4] * b
        coefficients[2, x] = levels[4] * c
    return total


@compiled
def _gather_row(fixed: Array, warped: Array, radius: int, line: Array, residual: Array, curvature: Array) -> None:
    of_fixed = of_warped = constant = 0.0
    for x in range(-radius, len(fixed)):
        new, old = line[x + 2 * radius + 1], line[max(x, 0)]
        of_fixed += new[0] - old[0]
        of_warped += new[1] - old[1]
        constant += new[2] - old[2]
        if x < 0:
            continue
        f, m = np.float64(fixed[x]), np.float64(warped[x])
        if np.isnan(f + m):
            residual[x] = curvature[x] = 0.0
        else:
            residual[x] = of_fixed * f - of_warped * m + constant
            curvature[x] = max(-of_warped, 0.0)
