"""Layer <-> volume: the door between napari (zyx) and everything below the plugin (xyz, LPS, millimetres).

Where a layer lies is worked out in `placement`, what its values may be in `voxels`; what comes of it is in
`layer_volume`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.compare import robust_window, sample
from napari_coreg.core.geometry import MINIMUM_VOXELS, Grid
from napari_coreg.core.transforms import from_matrix, to_matrix
from napari_coreg.core.upright import upright
from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.layer_volume import LayerVolume
from napari_coreg.plugin.origins import origin_of
from napari_coreg.plugin.placement import (
    METADATA_KEY,
    displayed_matrix,
    grid_kwargs,
    has_new_affine,
    layer_kwargs,
    map_points,
    move_between,
    to_grid,
    trusted_header,
)
from napari_coreg.plugin.voxels import check_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    LayerData = tuple[Any, dict[str, Any], str]

__all__ = [
    "METADATA_KEY",
    "LayerVolume",
    "grid_kwargs",
    "initial_transform_from",
    "labels_from_layer",
    "layer_kwargs",
    "make_layer",
    "mask_from_layer",
    "points_from_layer",
    "points_to_layer",
    "points_to_zyx",
    "read_displayed",
    "read_layer",
    "series_to_layer_data",
    "upright",
    "volume_to_layer_data",
]


def volume_to_layer_data(
    image: sitk.Image,
    name: str,
    *,
    kind: Literal["image", "labels"] = "image",
    moved: sitk.AffineTransform | None = None,
    **extra: Any,
) -> LayerData:
    """Turn a volume into a napari layer data tuple with a copy of its voxels.

    The axes are brought into the order z, y, x of the world first (see `upright`), as napari needs it to scroll.

    Parameters
    ----------
    image : SimpleITK.Image
        2-D or 3-D, one value a voxel.
    name : str
        The layer's name.
    kind : {'image', 'labels'}
        The layer's type; the values of labels are made integers.
    moved : SimpleITK.AffineTransform, optional
        See `grid_kwargs`.
    **extra
        More layer arguments; ``metadata`` is joined with the memory of the header.
    """
    image = upright(image)
    return _layer_data(sitk.GetArrayFromImage(image), name, kind, layer_kwargs(image, moved), extra)


def series_to_layer_data(images: Sequence[sitk.Image], name: str, **extra: Any) -> LayerData:
    """Turn the time points of one series into one (t, z, y, x) image layer data tuple.

    Raises
    ------
    GeometryError
        The time points are not all on one grid.
    """
    if len({Grid.of(image) for image in images}) != 1:
        raise GeometryError(f"The {len(images)} time points of {name!r} are not on one grid: open them one by one.")
    images = [upright(image) for image in images]
    kwargs = layer_kwargs(images[0])
    affine = np.eye(len(kwargs["affine"]) + 1)
    affine[1:, 1:] = kwargs["affine"]
    kwargs |= {
        "scale": (1.0, *kwargs["scale"]),
        "affine": affine,
        "units": ("pixel", *kwargs["units"]),
        "axis_labels": ("t", *kwargs["axis_labels"]),
    }
    data = np.stack([sitk.GetArrayViewFromImage(image) for image in images])
    return _layer_data(data, name, "image", kwargs, extra)


def make_layer(data: LayerData) -> Any:
    """Make a layer of a layer data tuple; it is added to no viewer, so any thread may do it."""
    from napari.layers import Layer  # noqa: PLC0415 - 2.6 s, and loaded already wherever a layer exists

    return Layer.create(*data)


def read_layer(layer: Any, *, min_voxels: int = MINIMUM_VOXELS) -> LayerVolume:
    """Read a layer's voxels and place without copying or computing anything; the layer is left as it is.

    Parameters
    ----------
    layer : napari.layers.Image or napari.layers.Labels
        2-D or 3-D, zyx; units of length are turned into mm, pixels count as mm.
    min_voxels : int
        Fewest voxels along an axis.

    Returns
    -------
    LayerVolume
        In the frame of its header where the layer remembers one, with the hand move beside it.

    Raises
    ------
    VolumeError
        The layer is of another type, RGB or multiscale, or its values are not real numbers.
    GeometryError
        The layer is not 2-D or 3-D, too thin, sheared, or has units that are no lengths.
    """
    kind = check_layer(layer, min_voxels)
    displayed = displayed_matrix(layer)
    header = trusted_header(layer)
    modality = str(layer.metadata.get(METADATA_KEY, {}).get("modality") or "")
    if header is not None:
        moved = move_between(header, displayed)
        return LayerVolume(layer.data, header, layer.name, kind, moved, modality=modality, origin=origin_of(layer))
    grid, by_hand = to_grid(displayed, layer), has_new_affine(layer)
    return LayerVolume(layer.data, grid, layer.name, kind, None, by_hand, modality, origin_of(layer))


def read_displayed(layer: Any) -> LayerVolume:
    """Read a layer in the place where it is shown, hand moves included: what a saved file should hold.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`.
    """
    volume = read_layer(layer, min_voxels=1)
    geometry = volume.geometry if volume.moved is None else to_grid(displayed_matrix(layer), layer)
    return replace(volume, geometry=geometry, moved=None, placed_by_hand=False)


def mask_from_layer(layer: Any, of: LayerVolume | None = None) -> LayerVolume:
    """Read a Labels layer as a mask (not zero = inside) in the frame of the volume `of`.

    A mask that lies where its own header says is in the scanner's frame, as the image's header is, and stays there.
    Any other was drawn over what is on screen, and follows the hand move of `of` back.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`; also where the layer is no Labels layer.
    """
    if check_layer(layer, 1) != "labels":
        raise VolumeError(f"The mask {layer.name!r} is an image layer: use a Labels layer.")
    return replace(labels_from_layer(layer, of), kind="mask")


def labels_from_layer(layer: Any, of: LayerVolume | None = None) -> LayerVolume:
    """Read a layer of structures, which is a Labels layer or holds whole numbers, in the frame of the volume `of`.

    Which frame that is, is found as in `mask_from_layer`.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`.
    """
    check_layer(layer, 1)
    geometry = trusted_header(layer)
    matrix = displayed_matrix(layer)
    if geometry is None or move_between(geometry, matrix) is not None:
        geometry = to_grid(matrix if of is None else _into_frame(of, layer) @ matrix, layer)
    return LayerVolume(layer.data, geometry, layer.name, "labels", origin=origin_of(layer))


def initial_transform_from(fixed: LayerVolume, moving: LayerVolume) -> sitk.Transform | None:
    """Return the fixed -> moving map that is on screen, between the volumes' own frames (LPS mm).

    Returns
    -------
    SimpleITK.Transform or None
        None when neither layer was moved by hand; the identity when one was only placed by hand, as its geometry has
        that already.

    Raises
    ------
    GeometryError
        One volume is 2-D and the other 3-D.
    """
    n, m = fixed.geometry.dimension, moving.geometry.dimension
    if n != m:
        raise GeometryError(f"{fixed.name!r} is {n}-D and {moving.name!r} is {m}-D: choose two of one kind.")
    if not any(volume.moved is not None or volume.placed_by_hand for volume in (fixed, moving)):
        return None
    return from_matrix(_into_frame(moving) @ _inverse(_into_frame(fixed)))


def points_from_layer(layer: Any, of: LayerVolume) -> FloatArray:
    """Return the points of a Points layer, (count, n) LPS mm, in the frame of the volume `of` they were set on.

    Raises
    ------
    GeometryError
        The points have more or fewer axes than the volume, or units that are no lengths.
    """
    matrix = _into_frame(of, layer) @ displayed_matrix(layer)
    return map_points(matrix, np.asarray(layer.data, dtype=float)[:, ::-1])


def points_to_zyx(points_lps: npt.ArrayLike, of: LayerVolume) -> FloatArray:
    """Return points in the frame of `of`, (count, n) LPS mm, as napari world points, zyx mm as displayed."""
    points = map_points(_inverse(_into_frame(of)), np.asarray(points_lps, dtype=float))
    return np.ascontiguousarray(points[:, ::-1])


def points_to_layer(points_lps: npt.ArrayLike, of: LayerVolume, layer: Any) -> FloatArray:
    """Return points in the frame of `of`, (count, n) LPS mm, as data of a Points layer: undoes `points_from_layer`."""
    matrix = _inverse(_into_frame(of, layer) @ displayed_matrix(layer))
    return np.ascontiguousarray(map_points(matrix, np.asarray(points_lps, dtype=float))[:, ::-1])


def _into_frame(volume: LayerVolume, layer: Any = None) -> FloatArray:
    """Matrix from the displayed world, where `layer` lies, into the own frame of `volume`; both LPS mm."""
    n = volume.geometry.dimension
    if layer is not None and layer.ndim != n:
        raise GeometryError(f"{layer.name!r} is {layer.ndim}-D and {volume.name!r} is {n}-D: they must be of one kind.")
    return np.eye(n + 1) if volume.moved is None else _inverse(to_matrix(volume.moved))


def _inverse(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(matrix), dtype=float)


def _layer_data(
    data: npt.NDArray[Any], name: str, kind: str, kwargs: dict[str, Any], extra: dict[str, Any]
) -> LayerData:
    metadata = {**extra.pop("metadata", {})}
    metadata[METADATA_KEY] = {**metadata.get(METADATA_KEY, {}), **kwargs["metadata"][METADATA_KEY]}
    looks: dict[str, Any] = {}
    if kind == "image":
        looks = {"colormap": "gray", "contrast_limits": robust_window(sample(data))}
    elif data.dtype.kind not in "iu":
        data = np.rint(data).astype(np.int32)
    return data, {"name": name, **kwargs, **looks, **extra, "metadata": metadata}, kind
