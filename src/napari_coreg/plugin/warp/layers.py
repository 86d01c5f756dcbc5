"""Layers as they are on the other side of a way: the same kind, colours and features in another place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.resample import resample
from napari_coreg.core.upright import upright_order
from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.layers import METADATA_KEY, volume_to_layer_data
from napari_coreg.plugin.placement import map_points
from napari_coreg.plugin.warp.carry import Accuracy, Carrier
from napari_coreg.plugin.warp.shapes import warped_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.recipe import Interpolator
    from napari_coreg.core.slabs import OnFraction
    from napari_coreg.plugin.layers import LayerData, LayerVolume
    from napari_coreg.plugin.warp.way import Way

    FloatArray = npt.NDArray[np.float64]

KINDS = ("image", "labels", "points", "vectors", "surface", "shapes")
_PLACE = (
    *("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels"),
    *("name", "metadata", "visible", "properties", "property_choices"),
    *("experimental_clipping_planes", "plane", "locked_data_level", "multiscale", "rgb", "depiction", "auto_contrast"),
)


@dataclass(frozen=True, eq=False)
class Taken:
    """What is read of a layer before it is warped, so that a worker needs no layer.

    Attributes
    ----------
    name, kind : str
        The layer's; the kind as napari has it in layer data tuples.
    looks : dict
        Layer arguments that say how it looks, and its features.
    volume : LayerVolume or None
        Of an Image or Labels layer, in the source's own frame.
    data : object
        A copy of the data of any other layer.
    to_source : array or None
        Of any other layer: data (xyz) -> the source's own frame, homogeneous, LPS mm.
    """

    name: str
    kind: str
    looks: dict[str, Any] = field(repr=False)
    volume: LayerVolume | None = None
    data: Any = field(default=None, repr=False)
    to_source: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Warped:
    """A layer data tuple, and how near its places come."""

    data: LayerData = field(repr=False)
    accuracy: Accuracy


def take(layer: Any, way: Way) -> Taken:
    """Read a layer that lies in the source of a way; the layer stays as it is, and no voxel is copied.

    Raises
    ------
    VolumeError, GeometryError
        One sentence on the layer that cannot be warped.
    """
    data, state, kind = layer.as_layer_data_tuple()
    if kind not in KINDS:
        raise VolumeError(f"{layer.name!r} is a {type(layer).__name__} layer, which cannot be warped.")
    looks = {name: value for name, value in state.items() if name not in _PLACE}
    if kind in ("image", "labels"):
        return Taken(layer.name, kind, looks, volume=way.source.volume_of(layer))
    if kind == "surface" and np.ndim(data[2]) > 1:
        raise GeometryError(f"{layer.name!r} holds a series of surfaces: choose one of them.")
    copied = [np.array(part) for part in data] if kind in ("shapes", "surface") else np.array(data)
    return Taken(layer.name, kind, looks, data=copied, to_source=way.source.from_layer(layer))


def warped(
    taken: Taken,
    carrier: Carrier,
    *,
    interpolator: Interpolator = "linear",
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Warped:
    """Return a layer as it is in the target; for any thread.

    Parameters
    ----------
    taken : Taken
        As read by `take`, for the carrier's way.
    carrier : Carrier
        Takes places along the way.
    interpolator : {"nearest", "linear", "bspline", "windowed_sinc"}
        For images; labels always take the nearest voxel's value.
    on_fraction, is_cancelled : callable, optional
        As for `find_inverse`, which is the part that may take long.

    Raises
    ------
    CoregError
        As `find_inverse` and `invert_points`, RegistrationCancelled included.
    """
    way = carrier.way
    extra = {
        **taken.looks,
        "metadata": {METADATA_KEY: {"warped": {"of": taken.name, "from": way.source.name, "to": way.target.name}}},
    }
    name = f"{taken.name} warped to {way.target.name}"
    if taken.volume is not None:
        pull, accuracy = carrier.pull(on_fraction, is_cancelled)
        return Warped(_volume(taken, way, pull, name, extra, interpolator), accuracy)
    assert taken.to_source is not None
    frame = _Frame(taken.to_source, way)
    data, changes, accuracy = _MAKERS[taken.kind](taken, carrier, frame)
    return Warped((data, {"name": name, **extra, **frame.arguments, **changes}, taken.kind), accuracy)


class _Frame:
    """The data of a layer before and after: from data to the source's frame, and from the target's frame to data.

    The new data counts the displayed world's axes in units as long as the old ones, so that sizes and widths, which
    napari counts in data units, stay what they are.
    """

    def __init__(self, to_source: FloatArray, way: Way) -> None:
        n = len(to_source) - 1
        self._to_source = to_source
        lengths = np.linalg.norm(to_source[:n, :n], axis=0)
        order = upright_order(tuple((to_source[:n, :n] / lengths).ravel().tolist()))
        unit_mm = np.diag([*lengths[list(order)], 1.0])
        self._to_data = np.linalg.inv(unit_mm) @ way.target.to_display
        self.arguments = {
            "scale": tuple(lengths[list(order)][::-1].tolist()),
            "units": ("mm",) * n,
            "axis_labels": ("z", "y", "x")[-n:],
        }

    def lps(self, data_zyx: npt.ArrayLike) -> FloatArray:
        """Return old data as points of the source, (N, n) LPS mm."""
        return map_points(self._to_source, np.asarray(data_zyx, dtype=float)[:, ::-1])

    def data(self, points_lps: FloatArray) -> FloatArray:
        """Return points of the target, LPS mm, as new data."""
        return np.ascontiguousarray(map_points(self._to_data, points_lps)[:, ::-1])

    def directions_lps(self, data_zyx: npt.ArrayLike) -> FloatArray:
        """Return old directions, which have no place, as directions of the source."""
        return np.asarray(np.asarray(data_zyx, dtype=float)[:, ::-1] @ self._to_source[:-1, :-1].T)

    def directions(self, vectors_lps: FloatArray) -> FloatArray:
        """Return directions of the target as new data."""
        return np.ascontiguousarray((vectors_lps @ self._to_data[:-1, :-1].T)[:, ::-1])


def _volume(
    taken: Taken, way: Way, pull: Any, name: str, extra: dict[str, Any], interpolator: Interpolator
) -> LayerData:
    assert taken.volume is not None
    labels = taken.kind == "labels"
    image = resample(taken.volume.to_image(), way.target.grid, pull, interpolator="nearest" if labels else interpolator)
    kind: Any = taken.kind
    data, arguments, kind = volume_to_layer_data(image, name, kind=kind, moved=way.target.moved, **extra)
    own_type = np.dtype(taken.volume.data.dtype)
    return (data.astype(own_type, copy=False) if labels and own_type.kind in "iu" else data), arguments, kind


Made = tuple[Any, dict[str, Any], Accuracy]


def _points(taken: Taken, carrier: Carrier, frame: _Frame) -> Made:
    points, accuracy = carrier.points(frame.lps(taken.data))
    return frame.data(points), {}, accuracy


def _vectors(taken: Taken, carrier: Carrier, frame: _Frame) -> Made:
    starts, directions = frame.lps(taken.data[:, 0]), frame.directions_lps(taken.data[:, 1])
    points, vectors, accuracy = carrier.vectors(starts, directions)
    return np.stack([frame.data(points), frame.directions(vectors)], axis=1), {}, accuracy


def _surface(taken: Taken, carrier: Carrier, frame: _Frame) -> Made:
    vertices, faces, *values = taken.data
    before = frame.lps(vertices)
    points, accuracy = carrier.points(before)
    after = frame.data(points)
    if _is_mirrored(np.asarray(vertices, dtype=float), after):
        faces = faces[:, ::-1]  # so that what was outside stays outside
    return (after, faces, *values), {}, accuracy


def _shapes(taken: Taken, carrier: Carrier, frame: _Frame) -> Made:
    data, kinds, accuracy = warped_shapes(
        taken.data, taken.looks["shape_type"], carrier, to_lps=frame.lps, to_data=frame.data
    )
    return data, {"shape_type": kinds}, accuracy


def _is_mirrored(before: FloatArray, after: FloatArray) -> bool:
    """Whether the affine map that comes nearest turns left into right."""
    if len(before) <= before.shape[1]:
        return False
    linear, *_ = np.linalg.lstsq(before - before.mean(axis=0), after - after.mean(axis=0), rcond=None)
    return bool(np.linalg.det(linear) < 0)


_MAKERS: dict[str, Callable[[Taken, Carrier, _Frame], Made]] = {
    "points": _points,
    "vectors": _vectors,
    "surface": _surface,
    "shapes": _shapes,
}
