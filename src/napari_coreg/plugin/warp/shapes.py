"""Shapes on the other side of a way: corners are carried; what would not stay square or round becomes a polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from napari_coreg.plugin.warp.carry import Accuracy, Carrier

    FloatArray = npt.NDArray[np.float64]
    Change = Callable[[FloatArray], FloatArray]

_ROUND = 64  # corners of the polygon that an ellipse becomes


def warped_shapes(
    data: Sequence[Any], kinds: Sequence[str], carrier: Carrier, *, to_lps: Change, to_data: Change
) -> tuple[list[FloatArray], list[str], Accuracy]:
    """Return shapes as they are in the target.

    Lines, paths and polygons keep their corners and the straight edges between them. Rectangles and ellipses stay what
    they are where the map is a turn, a shift and a scale; else they become polygons, ellipses of 64 corners.

    Parameters
    ----------
    data : sequence of array, shape (corners, n)
        As in a Shapes layer, zyx.
    kinds : sequence of str
        Of each shape, as in a Shapes layer.
    carrier : Carrier
        Takes points along the way.
    to_lps, to_data : callable
        Old data -> LPS mm in the source; LPS mm in the target -> new data.
    """
    square = carrier.keeps_shapes()
    corners, new_kinds = [], []
    for shape, kind in zip(data, kinds, strict=True):
        points, new_kind = np.asarray(shape, dtype=float), str(kind)
        if kind in ("rectangle", "ellipse") and not square:
            points, new_kind = (_round(points) if kind == "ellipse" else points), "polygon"
        corners.append(points)
        new_kinds.append(new_kind)
    every = np.concatenate(corners) if corners else np.empty((0, carrier.way.source.grid.dimension))
    carried, accuracy = carrier.points(to_lps(every))
    ends = np.cumsum([len(points) for points in corners])[:-1]
    return np.split(to_data(carried), ends) if corners else [], new_kinds, accuracy


def _round(box: FloatArray) -> FloatArray:
    """Return points of the ellipse in a box of four corners."""
    centre = box.mean(axis=0)
    one, other = (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * one + np.sin(angle) * other)
