"""Which point of one Points layer belongs to which of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.errors import VolumeError
from napari_coreg.plugin.layers import points_from_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.plugin.layers import LayerVolume

    FloatArray = NDArray[np.float64]


def paired_points(
    fixed_points: Any, moving_points: Any, fixed: LayerVolume, moving: LayerVolume
) -> tuple[FloatArray, FloatArray, list[str] | None]:
    """Return the points of two Points layers pair by pair.

    Where both have the feature "name", and no name is empty or there twice, points of the same name belong together,
    and others are left out; else the first point of the one belongs to the first of the other, and so on. Points whose
    feature "guess" is true, which are estimates of the dock widget *Landmarks*, are left out.

    Parameters
    ----------
    fixed_points, moving_points : napari.layers.Points
        The layers.
    fixed, moving : LayerVolume
        The volumes on which the points were set.

    Returns
    -------
    tuple
        Fixed and moving points, each (count, n) LPS mm in its volume's own frame, and the names, None where the points
        have none.

    Raises
    ------
    VolumeError
        Without names there are more points in one than in the other.
    GeometryError
        As `points_from_layer`.
    """
    layers = fixed_points, moving_points
    points = [points_from_layer(layer, volume) for layer, volume in zip(layers, (fixed, moving), strict=True)]
    named = [_names(layer) for layer in layers]
    if all(names is not None for names in named):
        shared = [name for name in named[0] or () if name in (named[1] or ())]
        rows = [[(names or []).index(name) for name in shared] for names in named]
        called: list[str] | None = shared
    else:
        rows, called = [list(range(len(found))) for found in points], None
        if len(rows[0]) != len(rows[1]):
            raise VolumeError(
                f"{layers[0].name!r} has {len(rows[0])} points and {layers[1].name!r} has {len(rows[1])}: give each "
                "its own name in the feature 'name', or the same points in the same order."
            )
    kept = [place for place, pair in enumerate(zip(*rows, strict=True)) if not any(map(_is_guess, layers, pair))]
    chosen = [found[np.array(row, int)[kept]] for found, row in zip(points, rows, strict=True)]
    return chosen[0], chosen[1], None if called is None else [called[place] for place in kept]


def _names(layer: Any) -> list[str] | None:
    """Return the names of a layer's points, or None where they do not tell the points apart."""
    names = [str(name) for name in layer.features["name"]] if "name" in layer.features else [""]
    return names if all(names) and len(set(names)) == len(names) else None


def _is_guess(layer: Any, row: int) -> bool:
    return "guess" in layer.features and bool(layer.features["guess"].iloc[row])
