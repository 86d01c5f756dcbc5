"""Compiled loops over voxels: displaces, reads the moving image with its gradient, and sums back to control points.

Every kernel handles the slices start..stop of one chunk, and is compiled for one set of types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Basis = tuple[Array, Array, Array, Array, Array, Array]


@compiled
def expand_line(
    coefficients: Array, first_z: int, w_z: Array, first_y: int, w_y: Array, plane: Array, line: Array, new_z: bool
) -> None:
    """Sum the coefficients over z (only where `new_z`, into `plane`) and y, into `line`: one row of voxels remains."""
    number, _, rows, columns = coefficients.shape
    if new_z:
        for c in range(number):
            for j in range(rows):
                for i in range(columns):
                    plane[c, j, i] = (
                        w_z[0] * coefficients[c, first_z, j, i]
                        + w_z[1] * coefficients[c, first_z + 1, j, i]
                        + w_z[2] * coefficients[c, first_z + 2, j, i]
                        + w_z[3] * coefficients[c, first_z + 3, j, i]
                    )
    for c in range(number):
        for i in range(columns):
            line[c, i] = (
                w_y[0] * plane[c, first_y, i]
                + w_y[1] * plane[c, first_y + 1, i]
                + w_y[2] * plane[c, first_y + 2, i]
                + w_y[3] * plane[c, first_y + 3, i]
            )


@compiled
def expand(
    index: int,
    start: int,
    stop: int,
    coefficients: Array,
    basis: Basis,
    values: Array,
) -> None:
    """Fill `values` (nz, ny, nx, C) with the spline at every voxel."""
    first_x, w_x, first_y, w_y, first_z, w_z = basis
    number, _, rows, columns = coefficients.shape
    plane, line = np.empty((number, rows, columns)), np.empty((number, columns))
    for z in range(start, stop):
        for y in range(len(first_y)):
            expand_line(coefficients, first_z[z], w_z[z], first_y[y], w_y[y], plane, line, y == 0)
            for x in range(len(first_x)):
                i = first_x[x]
                for c in range(number):
                    values[z, y, x, c] = (
                        w_x[x, 0] * line[c, i]
                        + w_x[x, 1] * line[c, i + 1]
                        + w_x[x, 2] * line[c, i + 2]
                        + w_x[x, 3] * line[c, i + 3]
                    )


@compiled
def warp(
    index: int,
    start: int,
    stop: int,
    coefficients: Array,
    basis: Basis,
    to_moving: Array,
    fixed: Array,
    moving: Array,
    mask: Array,
    has_mask: bool,
    warped: Array,
    gradient: Array,
) -> None:
    """Read the moving image where each fixed voxel is displaced to: linearly, with the gradient of just that.

    Parameters
    ----------
    index, start, stop : int
        The chunk; slices of the fixed image.
    coefficients : array, shape (3, cz, cy, cx)
        Displacements in voxels of the moving image (x, y, z).
    basis : tuple of six arrays
        For x, y and z: first control point (n,) and the four weights (n, 4) of each voxel.
    to_moving : array, shape (3, 4)
        From fixed voxel indices (x, y, z, 1) to continuous moving indices (x, y, z), without displacement.
    fixed : array of float32, shape (nz, ny, nx)
        NaN where a voxel is not looked at.
    moving : array of float32, shape (mz, my, mx)
        At least two voxels along each axis.
    mask : array of uint8, shape (mz, my, mx)
        Heeded only with `has_mask`: the nearest voxel decides.
    warped : array of float32, shape (nz, ny, nx)
        Filled; NaN outside of the moving image (beyond half a voxel from its last voxels, as in ITK).
    gradient : array of float32, shape (nz, ny, nx, 3)
        Filled where `warped` is not NaN: per moving index (x, y, z).
    """
    first_x, w_x, first_y, w_y, first_z, w_z = basis
    _, rows, columns = coefficients.shape[1:]
    plane, line = np.empty((3, rows, columns)), np.empty((3, columns))
    last_z, last_y, last_x = moving.shape[0] - 1, moving.shape[1] - 1, moving.shape[2] - 1
    step_x, step_y, step_z = to_moving[0, 0], to_moving[1, 0], to_moving[2, 0]
    for z in range(start, stop):
        for y in range(len(first_y)):
            expand_line(coefficients, first_z[z], w_z[z], first_y[y], w_y[y], plane, line, y == 0)
            row_x = to_moving[0, 1] * y + to_moving[0, 2] * z + to_moving[0, 3]
            row_y = to_moving[1, 1] * y + to_moving[1, 2] * z + to_moving[1, 3]
            row_z = to_moving[2, 1] * y + to_moving[2, 2] * z + to_moving[2, 3]
            for x in range(len(first_x)):
                if np.isnan(fixed[z, y, x]):
                    warped[z, y, x] = np.nan
                    continue
                i = first_x[x]
                w0, w1, w2, w3 = w_x[x, 0], w_x[x, 1], w_x[x, 2], w_x[x, 3]
                at_x = row_x + step_x * x
                at_y = row_y + step_y * x
                at_z = row_z + step_z * x
                at_x += w0 * line[0, i] + w1 * line[0, i + 1] + w2 * line[0, i + 2] + w3 * line[0, i + 3]
                at_y += w0 * line[1, i] + w1 * line[1, i + 1] + w2 * line[1, i + 2] + w3 * line[1, i + 3]
                at_z += w0 * line[2, i] + w1 * line[2, i + 1] + w2 * line[2, i + 2] + w3 * line[2, i + 3]
                if (
                    not (at_x >= -0.5 and at_y >= -0.5 and at_z >= -0.5)
                    or at_x >= last_x + 0.5
                    or at_y >= last_y + 0.5
                    or at_z >= last_z + 0.5
                    or (has_mask and mask[int(at_z + 0.5), int(at_y + 0.5), int(at_x + 0.5)] == 0)
                ):
                    warped[z, y, x] = np.nan
                    continue
                # Between the last voxels and the border half a voxel on, the image goes on as it is at the last voxel.
                in_x, in_y, in_z = np.float32(1), np.float32(1), np.float32(1)
                if at_x < 0 or at_x > last_x:
                    at_x, in_x = min(max(at_x, 0.0), float(last_x)), np.float32(0)
                if at_y < 0 or at_y > last_y:
                    at_y, in_y = min(max(at_y, 0.0), float(last_y)), np.float32(0)
                if at_z < 0 or at_z > last_z:
                    at_z, in_z = min(max(at_z, 0.0), float(last_z)), np.float32(0)
                i, j, k = min(int(at_x), last_x - 1), min(int(at_y), last_y - 1), min(int(at_z), last_z - 1)
                t_x, t_y, t_z = np.float32(at_x - i), np.float32(at_y - j), np.float32(at_z - k)
                v000, v001 = moving[k, j, i], moving[k, j, i + 1]
                v010, v011 = moving[k, j + 1, i], moving[k, j + 1, i + 1]
                v100, v101 = moving[k + 1, j, i], moving[k + 1, j, i + 1]
                v110, v111 = moving[k + 1, j + 1, i], moving[k + 1, j + 1, i + 1]
                d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
                v00, v01, v10, v11 = v000 + t_x * d00, v010 + t_x * d01, v100 + t_x * d10, v110 + t_x * d11
                d0, d1 = v01 - v00, v11 - v10
                v0, v1 = v00 + t_y * d0, v10 + t_y * d1
                e0, e1 = d00 + t_y * (d01 - d00), d10 + t_y * (d11 - d10)
                warped[z, y, x] = v0 + t_z * (v1 - v0)
                gradient[z, y, x, 0] = in_x * (e0 + t_z * (e1 - e0))
                gradient[z, y, x, 1] = in_y * (d0 + t_z * (d1 - d0))
                gradient[z, y, x, 2] = in_z * (v1 - v0)


@compiled
def gather_planes(
    index: int,
    start: int,
    stop: int,
    basis: Basis,
    residual: Array,
    gradient: Array,
    planes: Array,
) -> None:
    """Sum residual times gradient over x and y, for each slice into its own plane (nz, 3, cy, cx) of control points."""
    first_x, w_x, first_y, w_y, _, _ = basis
    line = np.empty((3, planes.shape[3]))
    for z in range(start, stop):
        planes[z] = 0.0
        for y in range(len(first_y)):
            line[:] = 0.0
            for x in range(len(first_x)):
                r = residual[z, y, x]
                if r == 0:
                    continue
                i = first_x[x]
                w0, w1, w2, w3 = w_x[x, 0], w_x[x, 1], w_x[x, 2], w_x[x, 3]
                for c in range(3):
                    g = r * gradient[z, y, x, c]
                    line[c, i] += w0 * g
                    line[c, i + 1] += w1 * g
                    line[c, i + 2] += w2 * g
                    line[c, i + 3] += w3 * g
            _spread_line(line, first_y[y], w_y[y], planes[z])


@compiled
def gather_blocks(
    index: int,
    start: int,
    stop: int,
    basis: Basis,
    weights: Array,
    gradient: Array,
    planes: Array,
) -> None:
    """Sum weight times the gradient's products xx, yy, zz, xy, xz, yz; as `gather_planes`, into (nz, 6, cy, cx)."""
    first_x, w_x, first_y, w_y, _, _ = basis
    line = np.empty((6, planes.shape[3]))
    for z in range(start, stop):
        planes[z] = 0.0
        for y in range(len(first_y)):
            line[:] = 0.0
            for x in range(len(first_x)):
                r = weights[z, y, x]
                if r == 0:
                    continue
                g_x, g_y, g_z = gradient[z, y, x, 0], gradient[z, y, x, 1], gradient[z, y, x, 2]
                for q in range(4):
                    i, w = first_x[x] + q, r * w_x[x, q]
                    line[0, i] += w * g_x * g_x
                    line[1, i] += w * g_y * g_y
                    line[2, i] += w * g_z * g_z
                    line[3, i] += w * g_x * g_y
                    line[4, i] += w * g_x * g_z
                    line[5, i] += w * g_y * g_z
            _spread_line(line, first_y[y], w_y[y], planes[z])


@compiled
def _spread_line(line: Array, first_y: int, w_y: Array, plane: Array) -> None:
    for c in range(line.shape[0]):
        for q in range(4):
            for i in range(line.shape[1]):
                plane[c, first_y + q, i] += w_y[q] * line[c, i]


@compiled
def gather_slices(index: int, start: int, stop: int, basis: Basis, planes: Array, coefficients: Array) -> None:
    """Sum the planes of all slices over z, in their order; start..stop are slices of control points here."""
    _, _, _, _, first_z, w_z = basis
    for k in range(start, stop):
        coefficients[:, k] = 0.0
        for z in range(len(first_z)):
            q = k - first_z[z]
            if q < 0 or q > 3:
                continue
            w = w_z[z, q]
            for c in range(coefficients.shape[0]):
                for j in range(coefficients.shape[2]):
                    for i in range(coefficients.shape[3]):
                        coefficients[c, k, j, i] += w * planes[z, c, j, i]
