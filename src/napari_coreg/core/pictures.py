"""Flat pictures of two volumes on each other: slices along the body's planes, edges in colour, checkerboards."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from skimage.feature import canny

from napari_coreg.core.geometry import Grid
from napari_coreg.core.similarity import overlap_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGE_COLOUR = (1.0, 0.55, 0.0)
TINT = (1.0, 0.78, 0.45)  # of the moving volume's squares in a checkerboard
_PERCENTILES = (1.0, 99.7)
_COARSE = 24  # voxels an axis where the middle of the overlap is looked for
_EDGE_SIGMA = 2.0  # pixels
_EDGE_QUANTILES = (0.80, 0.93)
_SQUARES = 8  # of a checkerboard, along the longest side


@dataclass(frozen=True)
class Plane:
    """A flat grid through a volume: axis 0 goes to the right of the picture, axis 1 down; square pixels.

    Attributes
    ----------
    name : str
        "axial", "coronal", "sagittal"; "image" for a 2-D image.
    grid : Grid
        One voxel thick, or 2-D.
    """

    name: str
    grid: Grid


@dataclass(frozen=True, eq=False)
class PlanePictures:
    """One plane's pictures: RGB from 0 to 1, shape (rows, columns, 3).

    Attributes
    ----------
    name : str
        As of the `Plane`.
    edges : array
        The fixed volume in grey, with the edges of the moving one in colour.
    checkerboard : array
        Squares of the fixed volume in grey, and of the moving one tinted.
    """

    name: str
    edges: NDArray[np.float32]
    checkerboard: NDArray[np.float32]


def compare(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    at: list[Plane] | None = None,
    *,
    pixels: int = 320,
) -> list[PlanePictures]:
    """Return pictures of how `moving` lies on `fixed` under `transform`.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar volumes, or 2-D images.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    at : list of Plane, optional
        Where to look; the planes through the middle of the overlap when not given.
    pixels : int
        Length of the longest side of all planes.
    """
    grid = Grid.of(fixed)
    if at is None:
        at = planes(grid, middle_of_overlap(grid, Grid.of(moving), transform), pixels)
    identity = sitk.Transform(grid.dimension, sitk.sitkIdentity)
    below = stretched([slice_of(fixed, plane, identity) for plane in at])
    above = stretched([slice_of(moving, plane, transform) for plane in at])
    return [
        PlanePictures(plane.name, _with_edges(f, m), _checkerboard(f, m))
        for plane, f, m in zip(at, below, above, strict=True)
    ]


def planes(grid: Grid, centre_lps: NDArray[np.float64], pixels: int = 320) -> list[Plane]:
    """Return the three planes along a volume's voxels that are nearest to the planes of the body.

    Turned as radiologists look: the patient's right is on the left, anterior or superior is up; in the sagittal plane
    anterior is on the left. Of a 2-D image, the one plane is its own.

    Parameters
    ----------
    grid : Grid
        The volume's.
    centre_lps : array, shape (D,)
        The point that the planes go through, LPS mm.
    pixels : int
        Length of the longest side of all planes.
    """
    n = grid.dimension
    directions = np.reshape(grid.direction, (n, n))
    extents = np.array(grid.size_xyz) * np.array(grid.spacing_xyz)
    pixel_mm = float(extents.max()) / pixels
    middle = grid.centre_lps
    if n == 2:
        return [_plane("image", middle, directions.T, extents, pixel_mm)]
    order = max(itertools.permutations(range(3)), key=lambda axes: sum(abs(directions[i, axes[i]]) for i in range(3)))
    left, posterior, superior = (directions[:, axis] * np.sign(directions[i, axis]) for i, axis in enumerate(order))
    wide, deep, high = extents[list(order)]
    views = (
        ("axial", left, posterior, (wide, deep)),
        ("coronal", left, -superior, (wide, high)),
        ("sagittal", posterior, -superior, (deep, high)),
    )
    made = []
    for name, columns, rows, size in views:
        normal = np.cross(columns, rows)
        centre = middle + normal * np.dot(normal, centre_lps - middle)
        made.append(_plane(name, centre, np.stack([columns, rows, normal]), np.array([*size, pixel_mm]), pixel_mm))
    return made


def middle_of_overlap(fixed: Grid, moving: Grid, transform: sitk.Transform) -> NDArray[np.float64]:
    """Return the middle of what both grids cover, LPS mm; the middle of the fixed grid where they do not overlap."""
    size = np.array(fixed.size_xyz)
    few = np.minimum(size, _COARSE)
    step = size / few
    first = fixed.to_lps((step - 1) / 2)
    spacing = step * np.array(fixed.spacing_xyz)
    coarse = Grid(tuple(few.tolist()), tuple(spacing.tolist()), tuple(first.tolist()), fixed.direction)
    where = np.argwhere(sitk.GetArrayFromImage(overlap_mask(coarse, moving, transform)))
    if len(where) == 0:
        return fixed.centre_lps
    return coarse.to_lps((where.min(axis=0) + where.max(axis=0))[::-1] / 2)


def slice_of(image: sitk.Image, plane: Plane, transform: sitk.Transform) -> NDArray[np.float32]:
    """Return what `image` shows on a plane through `transform`, shape (rows, columns); NaN where it has no voxel."""
    grid = plane.grid
    seen = sitk.Resample(
        image,
        list(grid.size_xyz),
        transform,
        sitk.sitkLinear,
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
        float("nan"),
        sitk.sitkFloat32,
    )
    values: NDArray[np.float32] = sitk.GetArrayFromImage(seen)
    return values.reshape(grid.size_xyz[1], grid.size_xyz[0])


def stretched(slices: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return the slices with robust contrast, the same for all of them, from 0 to 1; NaN stays."""
    values = np.concatenate([values[np.isfinite(values)] for values in slices])
    if values.size == 0:
        return slices
    low, high = np.percentile(values, _PERCENTILES)
    if high <= low:
        low, high = float(values.min()), max(float(values.max()), float(values.min()) + 1e-6)
    return [np.clip((one - low) / (high - low), 0, 1).astype(np.float32) for one in slices]


def edges_of(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a slice has its strongest edges, one pixel wide; none where it is NaN."""
    found: NDArray[np.bool_] = canny(
        np.nan_to_num(values),
        sigma=_EDGE_SIGMA,
        low_threshold=_EDGE_QUANTILES[0],
        high_threshold=_EDGE_QUANTILES[1],
        use_quantiles=True,
        mask=np.isfinite(values),
    )
    return found


def _plane(
    name: str,
    centre_lps: NDArray[np.float64],
    axes: NDArray[np.float64],
    extents_mm: NDArray[np.float64],
    pixel_mm: float,
) -> Plane:
    """Return a plane about a centre; row i of `axes` is the direction of axis i."""
    size = np.maximum(np.rint(extents_mm / pixel_mm), 1).astype(int)
    origin = centre_lps - ((size - 1) / 2 * pixel_mm) @ axes
    spacing = (pixel_mm,) * len(size)
    return Plane(name, Grid(tuple(size.tolist()), spacing, tuple(origin.tolist()), tuple(axes.T.ravel().tolist())))


def _with_edges(fixed: NDArray[np.float32], moving: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = _grey(fixed)
    picture[edges_of(moving)] = EDGE_COLOUR
    return picture


def _checkerboard(fixed: NDArray[np.float32], moving: NDArray[np.float32]) -> NDArray[np.float32]:
    side = max(1, -(-max(fixed.shape) // _SQUARES))
    rows, columns = np.indices(fixed.shape) // side
    odd = (rows + columns) % 2 == 1
    picture = _grey(fixed)
    picture[odd] = (_grey(moving) * np.array(TINT, np.float32))[odd]
    return picture


def _grey(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(np.nan_to_num(values)[..., None], 3, axis=-1).astype(np.float32)
