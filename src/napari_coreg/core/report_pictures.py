"""Pictures for a report: what a volume, its labels and a map of numbers show in a plane, with letters and a scale bar.

All of them carry where they look to and how large they are in their pixels, so that none can be read the wrong way
round when it is copied out of the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation
from skimage.segmentation import find_boundaries

from napari_coreg.core.body import COARSE, shrunk
from napari_coreg.core.colour_tables import ON_BOTH, ON_FIXED, ON_MOVED
from napari_coreg.core.geometry import Grid
from napari_coreg.core.orientation import letters_towards, opposite
from napari_coreg.core.pictures import EDGE_COLOUR, compare, edges_of, middle_of_overlap, planes, slice_of, stretched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.colour_tables import Scale
    from napari_coreg.core.pictures import Plane

PIXELS = 480  # of the longest side: 58 mm on paper, three side by side
_NICE_MM = (1, 2, 5, 10, 20, 50, 100, 200)
_BAR_SHARE = 0.35  # of the width, at most
_MARGIN, _TEXT, _BAR = 6, 20, 4  # pixels
_BODY_LEVEL, _BODY_PERCENTILES, _AIR_MM = 0.08, (0.2, 99.8), 12.0
_EDGE_SHARE = 0.55  # how much the fixed volume's edges cover of a map
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_FOLDED, _RIM = (1.0, 0.88, 0.0), (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture of one plane with what a reader must know to read it.

    Attributes
    ----------
    plane : str
        "axial", "coronal", "sagittal"; "image" for a 2-D image.
    pixels : array of uint8, shape (rows, columns, 3)
        RGB, with letters and scale bar.
    letters : tuple of str
        Where left, right, top and bottom of the picture are in the body; empty for a 2-D image.
    bar_mm : int
        Length of the scale bar.
    """

    plane: str
    pixels: NDArray[np.uint8]
    letters: tuple[str, ...]
    bar_mm: int


def where_to_look(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    labels: sitk.Image | None = None,
    *,
    pixels: int = PIXELS,
) -> list[Plane]:
    """Return the planes through the middle of the labels; without any, of what both volumes cover.

    Of a volume they show the body and a margin, not the air about it.
    """
    grid = Grid.of(fixed)
    centre = None if labels is None else _middle_of_labels(labels)
    if centre is None:
        centre = middle_of_overlap(grid, Grid.of(moving), transform)
    return planes(_around_body(fixed), centre, pixels)


def overlays(
    fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, at: list[Plane]
) -> tuple[list[Figure], list[Figure]]:
    """Return checkerboards of both volumes, and the fixed one with the edges of the moving one; a figure each plane.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar volumes, or 2-D images.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    at : list of Plane
        Where to look, in the fixed volume's space.
    """
    boards = [
        _figure(one.checkerboard, plane) for one, plane in zip(compare(fixed, moving, transform, at), at, strict=True)
    ]
    edged = []
    for plane, grey in zip(at, _grey(fixed, at), strict=True):
        picture = grey.copy()
        picture[_grown(edges_of(slice_of(moving, plane, transform)))] = EDGE_COLOUR
        edged.append(_figure(picture, plane))
    return boards, edged


def outlines(
    fixed: sitk.Image, fixed_labels: sitk.Image, moving_labels: sitk.Image, transform: sitk.Transform, at: list[Plane]
) -> list[Figure]:
    """Return the fixed volume with the outlines of its labels and of the moved ones, in two colours.

    Parameters
    ----------
    fixed : SimpleITK.Image
        Drawn below, in grey.
    fixed_labels, moving_labels : SimpleITK.Image
        Whole numbers, each on a grid of its own; 0 is no structure.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    at : list of Plane
        Where to look, in the fixed volume's space.
    """
    identity = sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)
    figures = []
    for plane, grey in zip(at, _grey(fixed, at), strict=True):
        own, moved = (
            find_boundaries(labels_on(labels, plane, through), mode="thick")
            for labels, through in ((fixed_labels, identity), (moving_labels, transform))
        )
        picture = grey.copy()
        picture[own], picture[moved], picture[own & moved] = ON_FIXED, ON_MOVED, ON_BOTH
        figures.append(_figure(picture, plane))
    return figures


def maps(
    fixed: sitk.Image, values: sitk.Image, scale: Scale, at: list[Plane], folded: sitk.Image | None = None
) -> list[Figure]:
    """Return a map of numbers in colours; where it has none, the fixed volume shows in grey.

    Parameters
    ----------
    fixed : SimpleITK.Image
        Its edges are drawn over the map.
    values : SimpleITK.Image
        In the fixed volume's space, on any grid; NaN is no value.
    scale : Scale
        Which value has which colour.
    at : list of Plane
        Where to look.
    folded : SimpleITK.Image, optional
        Not 0 where space is folded: painted in stripes of black and yellow, which no scale has.
    """
    identity = sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)
    line = _BLACK if scale.around_one else _WHITE  # against the colour of most of the map
    figures = []
    for plane, grey in zip(at, _grey(fixed, at), strict=True):
        numbers = slice_of(values, plane, identity)
        known = np.isfinite(numbers)
        picture = grey.copy()
        picture[known] = scale.colours(numbers)[known]
        edges = edges_of(grey[..., 0]) & known
        picture[edges] = (1 - _EDGE_SHARE) * picture[edges] + _EDGE_SHARE * np.array(line) / 255
        if folded is not None:
            marked = slice_of(folded, plane, identity) > 0  # any part of it: a single voxel is to be seen
            picture[_grown(marked)] = _RIM
            picture[marked & _stripes(marked.shape)] = _FOLDED
        figures.append(_figure(picture, plane))
    return figures


def labels_on(labels: sitk.Image, plane: Plane, transform: sitk.Transform) -> NDArray[np.int64]:
    """Return which label is seen on a plane through `transform`, shape (rows, columns); 0 where there is none."""
    grid = plane.grid
    seen = sitk.Resample(
        labels,
        list(grid.size_xyz),
        transform,
        sitk.sitkNearestNeighbor,
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
        0.0,
    )
    values = sitk.GetArrayFromImage(seen).reshape(grid.size_xyz[1], grid.size_xyz[0])
    return np.asarray(values, np.int64)


def letters_of(plane: Plane) -> tuple[str, ...]:
    """Return where left, right, top and bottom of a plane's picture are in the body; empty for a 2-D image."""
    if plane.grid.dimension != 3:
        return ()
    columns, rows, _ = np.reshape(plane.grid.direction, (3, 3)).T
    right, bottom = letters_towards(columns), letters_towards(rows)
    return opposite(right), right, opposite(bottom), bottom


def bar_of(plane: Plane) -> int:
    """Return the length of a plane's scale bar, mm: a round number, at most about a third of the picture's width."""
    wide_mm = plane.grid.size_xyz[0] * plane.grid.spacing_xyz[0]
    return max((mm for mm in _NICE_MM if mm <= _BAR_SHARE * wide_mm), default=_NICE_MM[0])


def _around_body(fixed: sitk.Image) -> Grid:
    """Return the part of a volume's grid that holds its body and a margin; all of it for a 2-D image."""
    grid = Grid.of(fixed)
    if grid.dimension != 3:
        return grid
    coarse = shrunk(fixed, max(np.array(grid.size_xyz) * np.array(grid.spacing_xyz)) / COARSE)
    values = sitk.GetArrayViewFromImage(coarse)
    low, high = np.nanpercentile(values, (0.5, 99.7))
    where_xyz = np.argwhere(values > low + _BODY_LEVEL * (high - low))[:, ::-1]  # skin as well, not bone alone
    if len(where_xyz) == 0:
        return grid
    ends = np.percentile(where_xyz, _BODY_PERCENTILES, axis=0)  # specks of noise do not count
    places = Grid.of(coarse).to_lps(ends) - np.array(grid.origin_lps)
    first, last = (places @ np.reshape(grid.direction, (3, 3)) + [[-_AIR_MM], [_AIR_MM]]) / np.array(grid.spacing_xyz)
    first = np.maximum(np.floor(first), 0).astype(int)
    last = np.minimum(np.ceil(last), np.array(grid.size_xyz) - 1).astype(int)
    size = tuple((last - first + 1).tolist())
    return Grid(size, grid.spacing_xyz, tuple(grid.to_lps(first.astype(float)).tolist()), grid.direction)


def _middle_of_labels(labels: sitk.Image) -> NDArray[np.float64] | None:
    where = np.argwhere(sitk.GetArrayViewFromImage(labels) != 0)
    return Grid.of(labels).to_lps(where.mean(axis=0)[::-1]) if len(where) else None


def _grey(fixed: sitk.Image, at: list[Plane]) -> list[NDArray[np.float32]]:
    identity = sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)
    slices = stretched([slice_of(fixed, plane, identity) for plane in at])
    return [np.repeat(np.nan_to_num(one)[..., None], 3, axis=-1).astype(np.float32) for one in slices]


def _grown(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is marked, and the pixels next to it."""
    return np.asarray(binary_dilation(marked))


def _stripes(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = np.indices(shape)
    return np.asarray((rows + columns) % 8 < 6)


def _figure(picture: NDArray[np.floating], plane: Plane) -> Figure:
    pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    letters, bar_mm = letters_of(plane), bar_of(plane)
    return Figure(plane.name, _written_on(pixels, letters, bar_mm, plane.grid.spacing_xyz[0]), letters, bar_mm)


def _written_on(pixels: NDArray[np.uint8], letters: tuple[str, ...], bar_mm: int, pixel_mm: float) -> NDArray[np.uint8]:
    """Return the picture with its letters at the edges and the bar in the lower right corner."""
    sheet = Image.fromarray(pixels)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)
    wide, high = sheet.size
    places = (
        (_MARGIN, high / 2, "lm"),
        (wide - _MARGIN, high / 2, "rm"),
        (wide / 2, _MARGIN, "mt"),
        (wide / 2, high - _MARGIN, "mb"),
    )
    for word, (x, y, anchor) in zip(letters, places, strict=False):
        draw.text((x, y), word, _WHITE, font, anchor, stroke_width=2, stroke_fill=_BLACK)
    right, bottom = wide - _MARGIN, high - _MARGIN
    left = right - max(1, round(bar_mm / pixel_mm)) + 1
    draw.rectangle((left - 1, bottom - _BAR - 1, right + 1, bottom + 1), _BLACK)
    draw.rectangle((left, bottom - _BAR, right, bottom), _WHITE)
    draw.text(
        (right, bottom - _BAR - _MARGIN),
        f"{bar_mm} mm",
        _WHITE,
        ImageFont.load_default(_TEXT - 4),
        "rs",
        stroke_width=2,
        stroke_fill=_BLACK,
    )
    return np.asarray(sheet)
