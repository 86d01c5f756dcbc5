"""Keeps layers out of sight for several dock widgets at once, and shows each again when the last one lets go of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_coreg.per_viewer import PerViewer, unwrapped


@dataclass
class _Held:
    visible: bool  # as it is to be when nobody hides it
    by: set[object] = field(default_factory=set)


class Hiding:
    """The hidden layers of a viewer. Get it by `hiding_of`.

    Examples
    --------
    >>> from napari.layers import Image
    >>> import numpy as np
    >>> layer, one, other, hiding = Image(np.zeros((4, 4))), object(), object(), Hiding()
    >>> hiding.hide(layer, one)
    >>> hiding.hide(layer, other)
    >>> hiding.give_back(one)
    >>> layer.visible
    False
    >>> hiding.give_back(other)
    >>> layer.visible
    True
    """

    def __init__(self) -> None:
        self._held: dict[Any, _Held] = {}

    def hide(self, layer: Any, by: object) -> None:
        """Hide a layer until `by`, and whoever hides it too, has given it back."""
        layer = unwrapped(layer)
        self._held.setdefault(layer, _Held(layer.visible)).by.add(by)
        _set(layer, False)

    def give_back(self, by: object, *layers: Any) -> None:
        """Let go of these layers, or of all that `by` hides; those that nobody hides are as they were before."""
        for layer in layers or tuple(self._held):
            layer = unwrapped(layer)  # noqa: PLW2901 - napari gives plugins a proxy
            held = self._held.get(layer)
            if held is not None and by in held.by:
                held.by.discard(by)
                if not held.by:
                    del self._held[layer]
                    _set(layer, held.visible)

    def is_shown(self, layer: Any) -> bool:
        """Whether a layer is visible, or would be if nobody hid it."""
        held = self._held.get(unwrapped(layer))
        return bool(layer.visible if held is None else held.visible)

    def show(self, layer: Any, visible: bool) -> None:
        """Show a layer, or not; one that is hidden, as soon as nobody hides it."""
        layer = unwrapped(layer)
        if layer in self._held:
            self._held[layer].visible = visible
        else:
            _set(layer, visible)


def _set(layer: Any, visible: bool) -> None:
    if layer.visible != visible:
        layer.visible = visible


_HIDINGS = PerViewer(lambda _viewer: Hiding())


def hiding_of(viewer: Any) -> Hiding:
    """Return what hides the layers of a viewer; the same one as long as the viewer lives."""
    return _HIDINGS.of(viewer)
