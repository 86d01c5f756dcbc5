"""The arithmetic of looking at two pictures at once: boards, curtains, contours, differences, and fitting contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid

    FloatArray = npt.NDArray[np.floating[Any]]
    BoolArray = npt.NDArray[np.bool_]
    Window = tuple[float, float]

_SAMPLE = 60_000  # voxels
_PLANES = 9  # of an array that is read piece by piece
_FEW_VALUES = 32  # a picture of no more is drawn by hand: a mask, labels
_MASS = 0.005  # part of the voxels that makes their lowest value a background
_GAP = 0.25  # of the range of all other values: a background so far below them is padding
_BRIGHTEST = 6  # times as bright as the middle of the foreground is what is white, at most
_ON_EDGE = 1e-6  # of a cell: a voxel's centre that lies on an edge but for rounding lies beyond it


def checkerboard(grid: Grid, cell_mm: float, axes: tuple[int, ...] = (0, 1, 2)) -> BoolArray:
    """Return which voxels lie in every other cell of a board of cubes that is fixed in the world.

    Parameters
    ----------
    grid : Grid
        Where to look; oblique or not.
    cell_mm : float
        Edge of a cell, above 0. Cells are counted from the world's origin, along its axes.
    axes : tuple of int
        Along which of them, 0 for x; with two of three the cells are columns.

    Returns
    -------
    array of bool
        zyx (yx in 2-D), of the grid's size; True in the cell that begins at the world's origin.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((6, 1), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> checkerboard(grid, 2.0).astype(int).tolist()
    [[1, 1, 0, 0, 1, 1]]
    """
    odd: Any = np.False_
    for axis, along in enumerate(_coordinates(grid)):
        if axis not in axes:
            continue
        odd = odd ^ (np.floor(along / cell_mm + _ON_EDGE).astype(np.int64) % 2 == 1)
    return np.asarray(np.broadcast_to(~odd, grid.size_xyz[::-1]))


def before_line(grid: Grid, axis: int, position_mm: float) -> BoolArray:
    """Return which voxels' centres lie before a plane across one of the world's axes.

    Parameters
    ----------
    grid : Grid
        Where to look; oblique or not.
    axis : int
        0, 1 or 2 for x, y or z (LPS).
    position_mm : float
        Where the plane cuts that axis.

    Returns
    -------
    array of bool
        zyx (yx in 2-D), of the grid's size.
    """
    return np.asarray(np.broadcast_to(_coordinates(grid)[axis] < position_mm, grid.size_xyz[::-1]))


def contour(values: FloatArray, level: float) -> BoolArray:
    """Return the voxels nearest to where a picture crosses a level.

    Between two neighbours along an axis of which one is below the level and the other is not, the picture is taken to
    be linear, and the one nearer to the crossing is marked. So no marked voxel is further than half a voxel from the
    contour along some axis, and no crossing is left out.

    Parameters
    ----------
    values : array
        Any number of axes; NaN has no contour around it. Along an axis of one voxel nothing is looked for.
    level : float
        What is drawn.

    Returns
    -------
    array of bool

    Examples
    --------
    >>> contour(np.array([0.0, 1.0, 4.0, 9.0]), 3.5).astype(int).tolist()
    [0, 0, 1, 0]
    """
    marked = np.zeros(values.shape, bool)
    over = values - np.asarray(level, values.dtype)
    inside, far = over >= 0, np.abs(over)
    known = far == far  # noqa: PLR0124 - NaN is not
    for axis in range(values.ndim):
        one, other = _neighbours(axis, values.ndim)
        crossed = (inside[one] != inside[other]) & known[one] & known[other]
        nearer = (far[one] < far[other]) | ((far[one] == far[other]) & inside[one])
        marked[one] |= crossed & nearer
        marked[other] |= crossed & ~nearer
    return marked


def label_edges(labels: npt.NDArray[Any]) -> BoolArray:
    """Return the outermost voxels of every label; between two labels that touch, those of the greater one.

    Parameters
    ----------
    labels : array of integers
        Any number of axes; 0 is no label.

    Examples
    --------
    >>> label_edges(np.array([0, 1, 1, 1, 2, 2, 0])).astype(int).tolist()
    [0, 1, 0, 0, 1, 1, 0]
    """
    marked = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        one, other = _neighbours(axis, labels.ndim)
        marked[one] |= labels[one] > labels[other]
        marked[other] |= labels[other] > labels[one]
    return marked


def normalised(values: npt.NDArray[Any], window: Window) -> npt.NDArray[np.float32]:
    """Return what is seen of values, 0 (black) to 1 (white); NaN stays.

    Parameters
    ----------
    values : array
        Any shape.
    window : tuple of float
        The values that are black and white; the second is the greater one.
    """
    low, high = window
    seen = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(1 / (high - low))
    return np.asarray(np.clip(seen, 0, 1, out=seen))


def robust_window(values: npt.ArrayLike) -> Window:
    """Return which values to show as black and as white, so that what there is to see can be seen.

    Black is about the lowest value that is no padding, such as -2048 around a CT; white is about the highest of the
    foreground, whatever a few voxels above it are, and however much air there is around it. A mask, and labels, are
    shown from their lowest to their highest value.

    Parameters
    ----------
    values : array
        A sample of a picture; NaN and infinity are left out.

    Returns
    -------
    tuple of float
        The second is always greater than the first.

    Examples
    --------
    >>> robust_window([0, 0, 1, 1, 3])
    (0.0, 3.0)
    """
    found = np.asarray(values, float).ravel()
    found = found[np.isfinite(found)]
    if not found.size:
        return 0.0, 1.0
    least = float(found.min())
    if len(np.unique(found)) <= _FEW_VALUES:
        return _apart(least, float(found.max()))
    has_background = np.mean(found == least) > _MASS
    rest = found[found > least] if has_background else found
    bottom, top = np.percentile(rest, (0.5, 99.8))
    middle = rest[(rest >= bottom) & (rest <= top)]
    foreground = middle[middle >= middle.mean()]
    typical, high = np.percentile(foreground, (50, 99.5))
    low = float(np.percentile(rest, 1))
    if has_background and low - least < _GAP * (high - low):
        low = least
    high = min(high, low + _BRIGHTEST * (typical - low))
    return _apart(low, float(high))


def automatic_level(values: npt.ArrayLike, window: Window) -> float:
    """Return the level whose contour parts the bright from the dark, by Otsu's threshold.

    Parameters
    ----------
    values : array
        A sample of a picture.
    window : tuple of float
        What is below it, or above it, counts as its ends.
    """
    found = np.asarray(values, float).ravel()
    found = found[np.isfinite(found)]
    if not found.size:
        return sum(window) / 2
    threshold = sitk.OtsuThresholdImageFilter()  # scikit-image's takes 0.2 s to load
    threshold.Execute(sitk.GetImageFromArray(np.clip(found, *window)[np.newaxis]))
    return float(threshold.GetThreshold())


def sample(voxels: Any) -> npt.NDArray[np.float64]:
    """Return about 60 000 voxels from all over an array, flat.

    Parameters
    ----------
    voxels : array
        Of one in memory, or mapped into it, every so many voxels along each axis; of a lazy one a few whole planes, as
        it computes whole pieces anyway.
    """
    shape = voxels.shape
    if isinstance(voxels, np.ndarray):
        step = max(1, int(np.ceil((voxels.size / _SAMPLE) ** (1 / voxels.ndim))))
        return np.asarray(
            voxels[(slice(step // 2 if min(shape) > step else 0, None, step),) * voxels.ndim], float
        ).ravel()
    planes = np.unique(np.linspace(0.1 * (shape[0] - 1), 0.9 * (shape[0] - 1), _PLANES).round().astype(int))
    found = np.concatenate([np.asarray(voxels[int(plane)]).ravel() for plane in planes])
    return np.asarray(found[:: max(1, len(found) // _SAMPLE)], float)


def _coordinates(grid: Grid) -> list[npt.NDArray[np.float64]]:
    """Return x, y, (z) of the voxels' centres, LPS mm, each just as large as it must be to be broadcast to the grid."""
    n = grid.dimension
    matrix = grid.index_to_lps
    indices = np.ogrid[tuple(slice(count) for count in grid.size_xyz[::-1])][::-1]
    found = []
    for axis in range(n):
        along = np.full((1,) * n, matrix[axis, n])
        for step, index in zip(matrix[axis, :n], indices, strict=True):
            if step:
                along = along + step * index
        found.append(along)
    return found


def _neighbours(axis: int, ndim: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    everywhere = (slice(None),) * ndim
    return (
        (*everywhere[:axis], slice(None, -1), *everywhere[axis + 1 :]),
        (*everywhere[:axis], slice(1, None), *everywhere[axis + 1 :]),
    )


def _apart(low: float, high: float) -> Window:
    return (low, high) if high > low else (low, low + 1.0)
