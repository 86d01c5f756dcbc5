"""The layers that are compared: which can be, what is seen of both, and when one of them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.live import view_grid
from napari_coreg.plugin.placement import PLACEMENT_EVENTS
from napari_coreg.plugin.voxels import check_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_coreg.core.geometry import Grid

_CHANGES = (*PLACEMENT_EVENTS, "paint", "labels_update")
_FINER = 0.8  # of the edge of the first one's voxels: then the second one's are taken


def check_pair(first: Any, second: Any) -> None:
    """Refuse two layers that cannot be compared.

    Raises
    ------
    VolumeError, GeometryError
        One sentence on what cannot be used.
    """
    if first is second:
        raise VolumeError(f"{first.name!r} is chosen twice: choose two layers.")
    for layer in (first, second):
        check_layer(layer, 1)
    if first.ndim != second.ndim:
        raise GeometryError(
            f"{first.name!r} is {first.ndim}-D and {second.name!r} is {second.ndim}-D: choose two of one kind."
        )


def can_be_compared(layer: Any) -> bool:
    """Whether a layer can be one of the two."""
    try:
        check_layer(layer, 1)
    except (VolumeError, GeometryError):
        return False
    return True


def grid_over(first: Any, second: Any, *others: Any) -> Grid:
    """Return a grid of the finer one's voxels over all layers that are compared."""
    one, other = (view_grid(layer).voxel_edge_mm for layer in (first, second))
    pair = (second, first) if other < _FINER * one else (first, second)
    return view_grid(*pair, *others)


def connect(layers: Iterable[Any], on_change: Callable[[Any], None], on_name: Callable[[Any], None]) -> None:
    """Call `on_change` when a layer was moved or its voxels have changed, `on_name` when it was renamed."""
    for emitter, listener in _listened(layers, on_change, on_name):
        emitter.connect(listener)


def disconnect(layers: Iterable[Any], on_change: Callable[[Any], None], on_name: Callable[[Any], None]) -> None:
    """Undo `connect`."""
    for emitter, listener in _listened(layers, on_change, on_name):
        emitter.disconnect(listener)


def _listened(
    layers: Iterable[Any], on_change: Callable[[Any], None], on_name: Callable[[Any], None]
) -> list[tuple[Any, Callable[[Any], None]]]:
    found = []
    for layer in layers:
        found += [(getattr(layer.events, name), on_change) for name in _CHANGES if hasattr(layer.events, name)]
        found.append((layer.events.name, on_name))
    return found
