"""Shows two layers alone for a while, and then all layers as they were."""

from __future__ import annotations

from typing import Any

_SEE_THROUGH = 0.5


class Comparison:
    """The fixed layer with the result over it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are hidden.
    fixed, result : napari.layers.Layer
        The two that stay.
    """

    def __init__(self, viewer: Any, fixed: Any, result: Any) -> None:
        self._viewer = viewer
        self._fixed, self._result = fixed, result
        self._visible: dict[Any, bool] = {}
        self._opacity = 1.0

    def show(self) -> None:
        """Hide all other layers, and make the result see-through unless it adds its colour anyway."""
        self._visible = {layer: layer.visible for layer in self._viewer.layers}
        self._opacity = self._result.opacity
        for layer in self._viewer.layers:
            layer.visible = layer in (self._fixed, self._result)
        if self._result.blending != "additive":
            self._result.opacity = _SEE_THROUGH

    def restore(self) -> None:
        """Bring back what was visible before; layers that came later stay as they are."""
        for layer, visible in self._visible.items():
            if layer in self._viewer.layers:
                layer.visible = visible
        if self._visible and self._result.opacity == _SEE_THROUGH:
            self._result.opacity = self._opacity
        self._visible = {}
