"""Distances between the surfaces of two structures: surface elements with their areas, and how far apart they are."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Values = NDArray[np.float64]


_NEAR = 16  # voxels


def surface_distances(first: Mask, second: Mask, spacing: tuple[float, ...]) -> tuple[Values, Values, Values, Values]:
    """Return how far each element of either surface is from the other surface, mm, and the area of each.

    A surface element lies at each corner of voxels, about which some of the 8 voxels (in 2-D the 4 pixels) belong to
    the structure and some do not; its area, mm^2 (in 2-D length, mm), is that of marching cubes. A distance goes to the
    nearest element of the other surface. What is beyond the edge of the arrays does not belong to the structure.

    Parameters
    ----------
    first, second : array of bool, shape (z, y, x) or (y, x)
        Two structures on one grid, neither of them empty.
    spacing : tuple of float
        Of the voxels along the arrays' axes, mm.

    Returns
    -------
    from_first, first_areas, from_second, second_areas : array, shape (N,), (N,), (M,), (M,)
        One for each element of the first and of the second surface.
    """
    p, q = (_Surface(mask, spacing) for mask in (first, second))
    return p.distances_to(q), p.areas, q.distances_to(p), q.areas


def weighted_percentile(values: Values, weights: Values, percent: float) -> float:
    """Return the least of the values up to which there is this part of the weight.

    Examples
    --------
    >>> weighted_percentile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0]), 95)
    3.0
    """
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    index = np.searchsorted(reached, percent / 100 * reached[-1])
    return float(values[order[min(int(index), len(order) - 1)]])


class _Surface:
    """The elements of a surface: places, zyx, counted in voxels from the first corner, and areas."""

    def __init__(self, mask: Mask, spacing: tuple[float, ...]) -> None:
        codes = np.pad(mask, 1).astype(np.uint8)
        for axis in range(mask.ndim):  # each voxel of the 2 x 2 x 2 about a corner becomes one bit
            along = np.moveaxis(codes, axis, 0)
            codes = np.moveaxis(along[:-1] | (along[1:] << 2**axis), 0, axis)
        self._is_element = np.ascontiguousarray((codes != 0) & (codes != 2**2**mask.ndim - 1))
        corners = np.nonzero(self._is_element)
        self._places = np.stack(corners, axis=-1)
        self._spacing = np.asarray(spacing, np.float64)
        self.areas: Values = _areas(tuple(spacing))[codes[corners]]

    def distances_to(self, other: _Surface) -> Values:
        """Return how far each element is from the nearest one of another surface on the same grid, mm."""
        from napari_coreg.core.measuring.surface_kernels import fill_row_steps, find_near  # noqa: PLC0415 - numba

        flat = 3 - self._places.shape[1]
        shape = (1,) * flat + self._is_element.shape
        steps = np.empty(shape, np.int32)
        fill_row_steps(other._is_element.reshape(shape), steps)
        places = np.pad(self._places, ((0, 0), (flat, 0)))
        spacing = np.concatenate([np.ones(flat), self._spacing])
        distances: Values = np.empty(len(places))
        find_near(places, steps, spacing, _NEAR * float(self._spacing.min()), distances)
        far = distances < 0
        if far.any():  # few rows to look at, near by; a tree of the elements takes less time far away
            tree = KDTree(other._places * self._spacing, balanced_tree=False, compact_nodes=False)
            distances[far] = tree.query(self._places[far] * self._spacing)[0]
        return distances


@lru_cache(maxsize=8)
def _areas(spacing: tuple[float, ...]) -> Values:
    """Return the area of the surface about a corner for each pattern of the voxels about it."""
    n = len(spacing)
    measure = _length if n == 2 else _area
    patterns = [(code >> np.arange(2**n) & 1).reshape((2,) * n, order="F") for code in range(2**2**n)]
    areas: Values = np.array([0.0, *(measure(pattern, spacing) for pattern in patterns[1:-1]), 0.0])
    return np.minimum(areas, areas[::-1])  # where a pattern may be joined in two ways, the one that inside out has too


def _area(pattern: NDArray[np.int64], spacing: tuple[float, ...]) -> float:
    from skimage.measure import marching_cubes, mesh_surface_area  # noqa: PLC0415 - takes a while to load

    vertices, faces, _, _ = marching_cubes(pattern.astype(np.float32), 0.5, spacing=spacing, method="lorensen")
    return float(mesh_surface_area(vertices, faces))


def _length(pattern: NDArray[np.int64], spacing: tuple[float, ...]) -> float:
    half_diagonal = float(np.hypot(spacing[0], spacing[1])) / 2
    if pattern.sum() != 2:
        return half_diagonal
    for axis in (0, 1):
        if (pattern.sum(axis=axis) == 1).all() and (pattern.sum(axis=1 - axis) != 1).all():
            return spacing[1 - axis]  # a straight line along the other axis
    return 2 * half_diagonal
