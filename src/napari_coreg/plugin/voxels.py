"""What a layer must be to be a volume, and its values as SimpleITK wants them; axis order plays no part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    import numpy.typing as npt


def check_layer(layer: Any, min_voxels: int) -> Literal["image", "labels"]:
    """Refuse what is no volume, in one sentence that names the layer."""
    from napari.layers import Image, Labels  # noqa: PLC0415 - 2.6 s, and loaded already wherever a layer exists

    if not isinstance(layer, Image | Labels):
        raise VolumeError(f"{layer.name!r} is a {type(layer).__name__} layer: choose an Image or Labels layer.")
    if getattr(layer, "rgb", False):
        raise VolumeError(f"{layer.name!r} is RGB: split its channels (right-click, Split RGB) and choose one.")
    if layer.multiscale:
        raise VolumeError(f"{layer.name!r} is multiscale: add the level you want as a layer of its own.")
    shape = tuple(int(size) for size in layer.data.shape)
    if len(shape) not in (2, 3):
        advice = "pick one time point (right-click, Split Stack)" if len(shape) > 3 else "choose a 2-D or 3-D layer"
        raise GeometryError(f"{layer.name!r} has {len(shape)} axes: {advice}.")
    if min(shape) < max(1, min_voxels):
        advice = "use a 2-D layer for a single slice" if min(shape) else "it is empty"
        raise GeometryError(
            f"{layer.name!r} has {shape} voxels, at least {max(1, min_voxels)} an axis are needed: {advice}."
        )
    if np.dtype(layer.data.dtype).kind not in "biuf":
        raise VolumeError(f"{layer.name!r} holds {layer.data.dtype} values: convert them to real numbers first.")
    return "labels" if isinstance(layer, Labels) else "image"


def plain(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give `voxels` a type that SimpleITK knows, contiguous and in the machine's byte order."""
    kind, size = voxels.dtype.kind, voxels.dtype.itemsize
    target = voxels.dtype.newbyteorder("=")
    if kind == "b":
        target = np.dtype(np.uint8)
    elif kind == "f" and size not in (4, 8):
        target = np.dtype(np.float32 if size < 4 else np.float64)
    elif kind in "iu" and size == 8:
        low, high = int(voxels.min()), int(voxels.max())
        fitting = (t for t in (np.int32, np.uint32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
        target = np.dtype(next(fitting, target))
    return np.ascontiguousarray(voxels, dtype=target)
