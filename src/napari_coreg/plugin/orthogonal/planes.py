"""Three planes through a point of the displayed world, and what the layers look like in each; knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.reslice import Source, reslice
from napari_coreg.plugin.placement import mm_per_unit, reversed_axes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    Picture = npt.NDArray[np.float32]

_IDENTITY = sitk.TranslationTransform(3)
_UPRIGHT = tuple(np.eye(3).ravel().tolist())
_THIN = 1e-3  # mm between two samples, at least; a window is never zoomed in that far
_SHADES = 256


@dataclass(frozen=True, eq=False)
class Dot:
    """A point to be drawn: zyx mm, radius in mm, the colour (bytes), and what stands beside it."""

    point_mm: FloatArray
    radius_mm: float
    colour: tuple[int, int, int]
    text: str = ""


@dataclass(frozen=True)
class Plane:
    """A plane along two axes of the world, as it is put on a screen.

    Attributes
    ----------
    name : str
        As clinicians call it.
    across, rows, columns : int
        World axes (0 z, 1 y, 2 x) that the plane cuts, that runs down or up, and that runs to the right.
    up : bool
        Whether rows begin at the far end of their axis: superior is up.
    letters : str
        What lies at the left, right, top and bottom: of R L A P S I.
    """

    name: str
    across: int
    rows: int
    columns: int
    up: bool
    letters: str

    def grid(self, point_mm: FloatArray, centre_mm: FloatArray, mm_per_pixel: float, size: tuple[int, int]) -> Grid:
        """Return the samples of a window on the plane; one pixel is one voxel.

        Parameters
        ----------
        point_mm : array, shape (3,)
            zyx; where across the plane lies.
        centre_mm : array, shape (3,)
            zyx; what is in the middle of the window.
        mm_per_pixel : float
            Distance of the samples.
        size : (int, int)
            Height and width of the window, pixels.
        """
        step = max(mm_per_pixel, _THIN)
        counts, origin = np.ones(3, int), np.array(point_mm, float)
        for axis, count in ((self.rows, size[0]), (self.columns, size[1])):
            counts[axis] = count
            origin[axis] = centre_mm[axis] - (count - 1) / 2 * step
        return Grid(tuple(counts[::-1].tolist()), (step,) * 3, tuple(origin[::-1].tolist()), _UPRIGHT)

    def flat(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values on such a grid (zyx) as rows from the top and columns from the left."""
        picture = values.squeeze(self.across)
        return picture[::-1] if self.up else picture


AXIAL = Plane("Axial", 0, 1, 2, False, "RLAP")
CORONAL = Plane("Coronal", 1, 0, 2, True, "RLSI")
SAGITTAL = Plane("Sagittal", 2, 0, 1, True, "APSI")
PLANES = (AXIAL, CORONAL, SAGITTAL)


def paint(
    layers: Iterable[Any], plane: Plane, grid: Grid, world: tuple[float, ...], canvas: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Return how the layers look on a plane, each in its own colours, one over the other as napari blends them.

    Parameters
    ----------
    layers : iterable of layers
        From the lowest to the highest; those that are hidden or neither Image nor Labels are left out.
    plane : Plane
        Which plane.
    grid : Grid
        Of `Plane.grid`.
    world : tuple of float
        The viewer's point, for axes before the last three, such as time.
    canvas : tuple of int
        Red, green and blue below all layers.

    Returns
    -------
    array of uint8, shape (height, width, 3)
    """
    size = [grid.size_xyz[::-1][axis] for axis in (plane.rows, plane.columns)]
    picture = np.empty((*size, 3), np.float32)
    picture[:] = np.asarray(canvas[:3], np.float32) / 255
    lowest = True
    for layer in layers:
        if not is_painted(layer) or not layer.visible:
            continue
        colours = plane.flat(look_at(layer, grid, world))
        _blend(picture, colours, layer.opacity, "translucent" if lowest else str(layer.blending))
        lowest = False
    return np.asarray((picture * 255 + 0.5).clip(0, 255).astype(np.uint8))


def is_painted(layer: Any) -> bool:
    """Whether a layer is a volume, of intensities or of labels."""
    return layer.ndim >= 3 and (hasattr(layer, "contrast_limits") or hasattr(layer, "selected_label"))


def look_at(layer: Any, grid: Grid, world: tuple[float, ...]) -> Picture:
    """Return the colours of an Image or Labels layer on a grid of the displayed world: zyx and RGBA, 0 to 1."""
    voxels, matrix = _volume(layer, world, grid.spacing_xyz[0])
    if hasattr(layer, "selected_label"):
        labels = reslice(Source(voxels, matrix, 0.0, "nearest"), grid, _IDENTITY)
        return np.asarray(layer.colormap.map(labels), np.float32)
    if layer.rgb:
        return _see_rgb(voxels, matrix, grid)
    values = reslice(Source(voxels, matrix, np.nan), grid, _IDENTITY)
    low, high = layer.contrast_limits
    shades = np.clip((values - low) / max(high - low, 1e-30), 0, 1) ** layer.gamma
    outside = np.isnan(shades)
    shades[outside] = 0
    table = np.asarray(layer.colormap.map(np.linspace(0, 1, _SHADES)), np.float32)
    colours: Picture = table[(shades * (_SHADES - 1) + 0.5).astype(np.intp)]
    colours[..., 3][outside] = 0
    return colours


def world_matrix(layer: Any, index: tuple[int, ...] = ()) -> FloatArray:
    """Return the map from the last three axes of a layer to the displayed world, zyx mm, shape (4, 4).

    Parameters
    ----------
    layer : layer
        Of three or more axes. A pixel counts as a millimetre.
    index : tuple of int
        Where on the axes before the last three.
    """
    first = np.array([*index, 0, 0, 0], float)
    steps = np.eye(layer.ndim)[-3:]
    world = np.array([layer.data_to_world(point)[-3:] for point in (first, *(first + steps))]) * mm_per_unit(
        tuple(layer.units[-3:])
    )
    matrix = np.eye(4)
    matrix[:3, :3] = (world[1:] - world[0]).T
    matrix[:3, 3] = world[0]
    return matrix


def bounds_mm(layers: Iterable[Any]) -> FloatArray | None:
    """Return the lowest and the highest corner (zyx mm, shape (2, 3)) of the volumes among layers; None without any."""
    corners = []
    for layer in layers:
        if is_painted(layer):
            shape = np.array(layer.level_shapes[0] if layer.multiscale else layer.data.shape)[: layer.ndim][-3:]
            ends = np.stack(np.meshgrid(*[(-0.5, count - 0.5) for count in shape], indexing="ij"), -1).reshape(-1, 3)
            matrix = world_matrix(layer, (0,) * (layer.ndim - 3))
            corners.append(ends @ matrix[:3, :3].T + matrix[:3, 3])
    if not corners:
        return None
    every = np.concatenate(corners)
    return np.array([every.min(axis=0), every.max(axis=0)])


def dots_of(layer: Any, world: tuple[float, ...]) -> Iterator[Dot]:
    """Give each point of a Points layer that is shown, at the viewer's place on axes before the last three."""
    if not len(layer.data):
        return
    before = layer.ndim - 3
    here = np.rint(layer.world_to_data(world[-layer.ndim :])[:before]).astype(int)
    matrix = world_matrix(layer, tuple(here.tolist()))
    points = np.asarray(layer.data, float)
    places = points[:, before:] @ matrix[:3, :3].T + matrix[:3, 3]
    unit_mm = abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
    visible = layer.shown & (np.rint(points[:, :before]) == here).all(axis=1)
    words = np.asarray(layer.text.values) if layer.text.visible else np.array([])
    colours = np.where(layer.face_color[:, 3:] > 0.1, layer.face_color, layer.border_color)
    for index in np.flatnonzero(visible):
        red, green, blue = (np.asarray(colours[index, :3]) * 255).astype(int).tolist()
        text = str(words[index]) if words.shape == (len(points),) else ""
        yield Dot(places[index], float(layer.size[index]) / 2 * unit_mm, (red, green, blue), text)


def _volume(layer: Any, world: tuple[float, ...], pixel_mm: float) -> tuple[Any, FloatArray]:
    """Return voxels of three axes and their map (xyz index to LPS mm); of a pyramid, the coarsest level that serves."""
    before = layer.ndim - 3
    index: tuple[int, ...] = ()
    if before:
        shape = layer.level_shapes[0] if layer.multiscale else layer.data.shape
        at = np.rint(layer.world_to_data(world[-layer.ndim :])[:before]).astype(int)
        index = tuple(np.clip(at, 0, np.array(shape[:before]) - 1).tolist())
    matrix = world_matrix(layer, index)
    voxels = layer.data
    if layer.multiscale:
        voxels, ratio = _level(layer, matrix, pixel_mm)
        matrix = matrix @ np.diag([*ratio, 1.0])
    return (voxels[index] if before else voxels), reversed_axes(matrix)


def _level(layer: Any, matrix: FloatArray, pixel_mm: float) -> tuple[Any, FloatArray]:
    """Return the coarsest level with voxels no larger than a pixel, and how much larger they are than the finest."""
    shapes = np.array([shape[: layer.ndim][-3:] for shape in layer.level_shapes], float)
    voxel_mm = np.linalg.norm(matrix[:3, :3], axis=0)
    ratios = shapes[0] / shapes
    fitting = [level for level, ratio in enumerate(ratios) if (voxel_mm * ratio).max() <= pixel_mm]
    level = fitting[-1] if fitting else 0
    return layer.data[level], ratios[level]


def _see_rgb(voxels: Any, matrix: FloatArray, grid: Grid) -> Picture:
    """Return the colours of a volume whose voxels are colours."""
    full = 255.0 if np.dtype(voxels.dtype).kind == "u" else 1.0
    channels = [
        reslice(Source(voxels[..., channel], matrix, np.nan), grid, _IDENTITY) / full
        for channel in range(voxels.shape[-1])
    ]
    colours = np.ones((*channels[0].shape, 4), np.float32)
    for channel, values in enumerate(channels):
        colours[..., channel] = values
    colours[np.isnan(channels[0])] = 0
    return colours


def _blend(below: Picture, colours: Picture, opacity: float, how: str) -> None:
    """Put colours over a picture, in place."""
    rgb, alpha = colours[..., :3], colours[..., 3:] * np.float32(opacity)
    if how == "additive":
        np.minimum(below + rgb * alpha, 1, out=below)
    elif how == "minimum":
        np.minimum(below, np.where(alpha > 0, rgb, 1), out=below)
    elif how == "multiplicative":
        below *= np.where(alpha > 0, rgb, 1)
    else:
        solid = (alpha > 0).astype(np.float32) if how == "opaque" else alpha
        below += (rgb - below) * solid
