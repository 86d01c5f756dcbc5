"""Where a layer lies: what is on screen, and what the header it came with says; axes are reversed here only.

napari counts axes zyx, SimpleITK xyz, so a napari world point is an LPS point in millimetres with its coordinates
reversed. A grid is written into a layer as ``scale`` (the voxel size) and ``affine`` (direction and origin), and
remembered in the layer's metadata; so a layer that was moved by hand can be told from one that lies where its header
says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import to_matrix
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

METADATA_KEY = "napari_coreg"  # layer.metadata[METADATA_KEY]["geometry"]: written here, read here
SHEAR_TOLERANCE = 1e-4  # cosine between two axes of a grid; float32 headers stay below it
MOVE_TOLERANCE = 1e-6  # of the volume's longest edge
_AXES = ("z", "y", "x")
PLACEMENT_EVENTS = ("data", "affine", "scale", "translate", "rotate", "shear", "units")  # it may lie elsewhere after


def grid_kwargs(grid: Grid, moved: sitk.AffineTransform | None = None) -> dict[str, Any]:
    """Return the layer arguments that put voxels in their place: scale, affine, units and axis_labels.

    Parameters
    ----------
    grid : Grid
        Where the voxels are, LPS mm.
    moved : SimpleITK.AffineTransform, optional
        A hand move to be shown as well (own frame -> displayed world, LPS mm), as in `LayerVolume.moved`.
    """
    n = grid.dimension
    affine = np.eye(n + 1)
    affine[:n, :n] = np.reshape(grid.direction, (n, n))
    affine[:n, n] = grid.origin_lps
    if moved is not None:
        affine = to_matrix(moved) @ affine
    return {
        "scale": grid.spacing_xyz[::-1],
        "affine": reversed_axes(affine),
        "units": ("mm",) * n,
        "axis_labels": _AXES[-n:],
    }


def layer_kwargs(image: sitk.Image, moved: sitk.AffineTransform | None = None) -> dict[str, Any]:
    """Return the layer arguments that put `image` in its place, and the memory of its header.

    ``layer.data_to_world`` then equals ``image.TransformContinuousIndexToPhysicalPoint`` with both sides reversed, and
    ``layer.scale`` is the voxel size.

    Parameters
    ----------
    image : SimpleITK.Image
        2-D or 3-D.
    moved : SimpleITK.AffineTransform, optional
        See `grid_kwargs`.

    Examples
    --------
    >>> image = sitk.Image([4, 5, 6], sitk.sitkUInt8)
    >>> image.SetSpacing([1.0, 2.0, 3.0])
    >>> layer_kwargs(image)["scale"]
    (3.0, 2.0, 1.0)
    """
    grid = Grid.of(image)
    header = {
        "size_xyz": grid.size_xyz,
        "spacing_xyz": grid.spacing_xyz,
        "origin_lps": grid.origin_lps,
        "direction": grid.direction,
    }
    return {**grid_kwargs(grid, moved), "metadata": {METADATA_KEY: {"geometry": header}}}


@lru_cache
def mm_per_unit(units: tuple[Any, ...]) -> FloatArray:
    """Return the millimetres in one of each unit, in their order; what is no length, such as a pixel, counts as one."""
    factors = [float((1.0 * unit).to("mm").magnitude) if unit.is_compatible_with("mm") else 1.0 for unit in units]
    found = np.array(factors)
    found.flags.writeable = False  # the next one gets the same array
    return found


def _mm_per_unit_zyx(layer: Any) -> FloatArray:
    """Millimetres in one unit of each axis; a pixel counts as one."""
    for unit in layer.units:
        if not unit.is_compatible_with("mm") and str(unit) not in {"pixel", "dimensionless"}:
            raise GeometryError(f"{layer.name!r} has the unit {unit} on a spatial axis: set the layer's units to mm.")
    return mm_per_unit(tuple(layer.units))


def displayed_matrix(layer: Any) -> FloatArray:
    """Map from xyz index to LPS mm that is on screen, shape (n + 1, n + 1), through the public `data_to_world`."""
    n = layer.ndim
    world = np.array([layer.data_to_world(point) for point in np.vstack([np.zeros(n), np.eye(n)])])
    world *= _mm_per_unit_zyx(layer)
    matrix = np.eye(n + 1)
    matrix[:n, :n] = (world[1:] - world[0]).T
    matrix[:n, n] = world[0]
    return reversed_axes(matrix)


def reversed_axes(matrix: FloatArray) -> FloatArray:
    """Return the same map between points written the other way round, zyx for xyz: a homogeneous matrix."""
    n = len(matrix) - 1
    order = [*range(n - 1, -1, -1), n]
    return matrix[np.ix_(order, order)]


def to_grid(matrix: FloatArray, layer: Any) -> Grid:
    """Split a map from xyz index to LPS mm into spacing and direction; a mirrored axis goes into the direction."""
    n = len(matrix) - 1
    spacing = np.linalg.norm(matrix[:n, :n], axis=0)
    if not (np.isfinite(matrix).all() and spacing.min() > 0):
        raise GeometryError(f"{layer.name!r} has voxels of {spacing[::-1].tolist()} mm (zyx): correct its scale.")
    direction = matrix[:n, :n] / spacing
    cosine = float(np.abs(direction.T @ direction - np.eye(n)).max())
    if cosine > SHEAR_TOLERANCE:
        angle = np.degrees(np.arcsin(min(cosine, 1.0)))
        raise GeometryError(
            f"{layer.name!r} is sheared by {angle:.3g} degrees: resample it, or undo its shear or affine."
        )
    direction[np.abs(direction) < 1e-15] = 0  # ITK cannot invert denormal numbers
    size = tuple(int(voxels) for voxels in layer.data.shape[::-1])
    return Grid(size, tuple(spacing.tolist()), tuple(matrix[:n, n].tolist()), tuple(direction.ravel().tolist()))


def _header_of(layer: Any) -> Grid | None:
    """Return the grid that `layer_kwargs` remembered in the layer's metadata."""
    header = layer.metadata.get(METADATA_KEY, {}).get("geometry")
    return None if header is None else Grid(**{name: tuple(values) for name, values in header.items()})


def trusted_header(layer: Any) -> Grid | None:
    """Return the remembered grid, unless the layer was cropped or its voxel size was corrected since."""
    header = _header_of(layer)
    if header is None or header.size_xyz != tuple(layer.data.shape[::-1]):
        return None
    scale_mm = np.asarray(layer.scale) * _mm_per_unit_zyx(layer)
    return header if np.allclose(scale_mm[::-1], header.spacing_xyz, rtol=MOVE_TOLERANCE, atol=0) else None


def has_new_affine(layer: Any) -> bool:
    """Whether the affine differs from the one the layer came with."""
    header = _header_of(layer)
    came_with = np.eye(layer.ndim + 1)
    if header is not None and header.dimension == layer.ndim:
        came_with = grid_kwargs(header)["affine"]
    return not np.allclose(layer.affine.affine_matrix, came_with, rtol=0, atol=MOVE_TOLERANCE)


def move_between(header: Grid, displayed: FloatArray) -> sitk.AffineTransform | None:
    """Return the map from the header's place to the displayed one, None where no corner has moved."""
    n = header.dimension
    if np.allclose(displayed, np.diag([*header.spacing_xyz, 1.0]), rtol=0, atol=1e-12):
        return None  # not moved: Split Stack drops the affine of the layers it makes
    move = displayed @ np.linalg.inv(header.index_to_lps)
    corners = header.corners_lps
    shift = np.abs(map_points(move, corners) - corners).max()
    if shift <= MOVE_TOLERANCE * np.ptp(corners, axis=0).max():
        return None
    return sitk.AffineTransform(move[:n, :n].ravel().tolist(), move[:n, n].tolist())


def map_points(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Map points, (count, n), by a homogeneous matrix."""
    return np.asarray(points @ matrix[:-1, :-1].T + matrix[:-1, -1], dtype=float)
