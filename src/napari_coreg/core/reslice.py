"""Looks at a volume through a transform, just where it is looked at: single slices and small boxes, without a copy."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from napari_coreg.core.transforms import compose, displacement_field, is_linear, is_rigid, parts, to_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid

    FloatArray = npt.NDArray[np.float64]
    Lookup = Callable[[tuple[slice, ...], npt.NDArray[Any]], None]

_POINTS_AT_ONCE = 50_000  # of one thread


@dataclass(frozen=True, eq=False)
class Source:
    """A volume to look at.

    Attributes
    ----------
    voxels : array
        zyx (yx in 2-D), any real type; a memory map stays on disk, and of a lazy array just the box that is looked at
        is computed.
    index_to_lps : array, shape (n + 1, n + 1)
        xyz index -> LPS mm, homogeneous; any affine, also a sheared one.
    background : float
        Value outside.
    interpolator : {"linear", "nearest"}
        "nearest" makes no new values: for labels.
    """

    voxels: Any = field(repr=False)
    index_to_lps: FloatArray
    background: float = 0.0
    interpolator: Literal["linear", "nearest"] = "linear"

    @property
    def order(self) -> int:
        """Order of the spline between voxels."""
        return 1 if self.interpolator == "linear" else 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of what is seen: that of labels, else 32-bit floats."""
        return np.dtype(self.voxels.dtype) if self.interpolator == "nearest" else np.dtype(np.float32)


def reslice(source: Source, grid: Grid, transform: sitk.Transform) -> npt.NDArray[Any]:
    """Return a volume as seen from a grid through a transform; what `SimpleITK.Resample` gives, without its copy.

    Parameters
    ----------
    source : Source
        The moving volume.
    grid : Grid
        Where to look; one slice is a grid with one voxel along an axis.
    transform : SimpleITK.Transform
        From points of `grid` to points of `source`, LPS mm.

    Returns
    -------
    array
        zyx (yx in 2-D), of type `source.dtype`. A voxel of the source reaches half a voxel around its centre, and
        beyond is background.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> ramp = np.arange(24.0).reshape(2, 3, 4)
    >>> source = Source(ramp, np.eye(4))
    >>> grid = Grid((4, 1, 1), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    >>> reslice(source, grid, sitk.TranslationTransform(3, (0.25, 0.0, 0.0))).ravel().tolist()
    [16.25, 17.25, 18.25, 19.0]
    """
    if is_linear(transform):
        lookup = _linear_lookup(source, grid, to_matrix(transform))
    else:
        lookup = _deformed_lookup(source, grid, transform)
    seen = np.empty(grid.size_xyz[::-1], source.dtype)

    def look(where: tuple[slice, ...]) -> None:
        lookup(where, seen[where])

    pieces = _pieces(seen.shape)
    if len(pieces) == 1:
        look(pieces[0])
    else:
        with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1), "reslice") as threads:
            list(threads.map(look, pieces))
    return seen


def _linear_lookup(source: Source, grid: Grid, matrix: FloatArray) -> Lookup:
    """Return what fills a box of the result where the map from index to index is linear."""
    step, start = _zyx(np.linalg.inv(source.index_to_lps) @ matrix @ grid.index_to_lps)
    extent = np.asarray(source.voxels.shape)

    def look(where: tuple[slice, ...], seen: npt.NDArray[Any]) -> None:
        first = start + step @ [part.start for part in where]
        corners = first + np.array(list(product(*[(0, count - 1) for count in seen.shape]))) @ step.T
        box = _box(corners, extent)
        if box is None:
            seen[...] = source.background
            return
        cropped, corner = box
        voxels = _plain(source.voxels[cropped])
        options = {"order": source.order, "mode": "nearest", "prefilter": False}
        ndimage.affine_transform(voxels, step, first - corner, seen.shape, seen, **options)
        if not _inside(corners.T, extent).all():
            seen[~_inside(_affine(step, first, seen.shape), extent)] = source.background

    return look


def _deformed_lookup(source: Source, grid: Grid, transform: sitk.Transform) -> Lookup:
    """Return what fills a box of the result where the map is curved: sampled once, at every voxel of the grid."""
    first, *others = parts(transform)
    if is_rigid(first):  # a B-spline that comes first is evaluated far faster than one that does not
        grid, transform = _moved(grid, to_matrix(first)), compose(*others)
    n = grid.dimension
    to_index = np.linalg.inv(source.index_to_lps)
    displacements = sitk.GetArrayFromImage(displacement_field(transform, grid))
    step, start = _zyx(to_index @ grid.index_to_lps)
    extent = np.asarray(source.voxels.shape)

    def look(where: tuple[slice, ...], seen: npt.NDArray[Any]) -> None:
        indices = np.tensordot(to_index[n - 1 :: -1, :n], displacements[where], axes=(1, n))
        for axis, part in enumerate(_affine(step, start + step @ [part.start for part in where], seen.shape)):
            indices[axis] += part
        outside = ~_inside(indices, extent)
        box = _box(indices.reshape(n, -1).T, extent)
        if box is None:
            seen[...] = source.background
            return
        cropped, corner = box
        indices -= np.reshape(corner, (n, *[1] * n))
        voxels = _plain(source.voxels[cropped])
        ndimage.map_coordinates(voxels, indices, seen, order=source.order, mode="nearest", prefilter=False)
        seen[outside] = source.background

    return look


def _pieces(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Cut an array across its longest axis, for several threads and little memory."""
    axis = int(np.argmax(shape))
    count = max(1, min(shape[axis], int(np.prod(shape)) // _POINTS_AT_ONCE))
    edges = [shape[axis] * index // count for index in range(count + 1)]
    everywhere = [slice(0, size) for size in shape]
    return [(*everywhere[:axis], slice(*edge), *everywhere[axis + 1 :]) for edge in pairwise(edges)]


def _affine(step: FloatArray, first: FloatArray, shape: tuple[int, ...]) -> list[FloatArray]:
    """Return for each axis of the source where along it the voxels of a box lie."""
    axes = np.ogrid[tuple(slice(count) for count in shape)]
    return [
        start + sum(slope * axis for slope, axis in zip(row, axes, strict=True))
        for start, row in zip(first, step, strict=True)
    ]


def _moved(grid: Grid, matrix: FloatArray) -> Grid:
    """Return a grid where a rigid motion takes it."""
    n = grid.dimension
    direction = matrix[:n, :n] @ np.reshape(grid.direction, (n, n))
    direction[np.abs(direction) < 1e-15] = 0  # ITK cannot invert denormal numbers
    origin = matrix[:n, :n] @ grid.origin_lps + matrix[:n, n]
    return replace(grid, origin_lps=tuple(origin.tolist()), direction=tuple(direction.ravel().tolist()))


def _zyx(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split a homogeneous xyz matrix into the linear part and the offset of the same map in zyx order."""
    n = len(matrix) - 1
    return np.ascontiguousarray(matrix[n - 1 :: -1, n - 1 :: -1][:n, :n]), matrix[n - 1 :: -1, n].copy()


def _inside(indices: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], extent: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where the indices, one array per axis, are within half a voxel of a voxel."""
    inside = np.True_
    for along, count in zip(indices, extent, strict=True):
        inside = inside & (along >= -0.5) & (along < count - 0.5)  # as ITK has it
    return np.asarray(inside)


def _box(indices: FloatArray, extent: npt.NDArray[Any]) -> tuple[tuple[slice, ...], FloatArray] | None:
    """Return the voxels that points (count, n) between them need, as slices and their first corner; None if none."""
    least, most = indices.min(axis=0), indices.max(axis=0)
    if (most < -0.5).any() or (least >= extent - 0.5).any():
        return None
    low = np.clip(np.floor(least), 0, extent - 1).astype(int)
    high = np.clip(np.ceil(most), 0, extent - 1).astype(int)
    return tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True)), low.astype(float)


def _plain(voxels: Any) -> npt.NDArray[Any]:
    """Return voxels of a type that scipy reads; computes a lazy array."""
    array = np.asarray(voxels)
    if array.dtype == bool:
        return array.view(np.uint8)
    return array.astype(np.float32) if array.dtype == np.float16 else array
