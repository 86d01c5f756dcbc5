"""What a comparison takes from a viewer and gives back at its end: the sight of other layers, a key, a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.live import is_preview

if TYPE_CHECKING:
    from collections.abc import Callable

FLIP_KEY = "Shift+B"  # neither napari nor one of its layers listens to it, nor do our other dock widgets
_LINE = ("visible", "text", "position")


class Scene:
    """A viewer that is cleared for a comparison.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are hidden.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._opacities: dict[Any, float] = {}
        self._selected: tuple[set[Any], Any] = (set(), None)
        self._line: dict[str, Any] = {}
        self._old_key: Any = None
        self._key: Callable[[Any], None] | None = None

    def clear(self, own: list[Any], on_key: Callable[[], None]) -> None:
        """Hide all layers but those of the comparison; from now on the key calls `on_key`."""
        selection = self._viewer.layers.selection
        self._selected = (set(selection) - set(own), selection.active)
        others = [layer for layer in self._viewer.layers if layer not in own and not _is_helper(layer)]
        self._opacities = {layer: layer.opacity for layer in others}
        for layer in self._opacities:
            hiding_of(self._viewer).hide(layer, self)
        line = line_of(self._viewer)
        self._line = {name: getattr(line, name) for name in _LINE}
        self._take_key(on_key)

    def say(self, text: str) -> None:
        """Show a line of text on the canvas."""
        line = line_of(self._viewer)
        if line.text != text:
            line.text = text
        if not line.visible:
            line.position = "top_left"  # on the right, the end of a text that grows is cut off for a moment
            line.visible = True

    def give_back(self) -> None:
        """Bring everything back as it was; layers that came later stay as they are."""
        for layer, opacity in self._opacities.items():
            if layer in self._viewer.layers and layer.opacity != opacity:
                layer.opacity = opacity
        self._opacities = {}
        hiding_of(self._viewer).give_back(self)
        line = line_of(self._viewer)
        for name, value in self._line.items():
            setattr(line, name, value)
        self._line = {}
        self._give_key_back()

    def select_as_before(self) -> None:
        """Select the layers that were selected, as far as they are still there."""
        selected, active = self._selected
        there = {layer for layer in selected if layer in self._viewer.layers}
        if there:
            selection = self._viewer.layers.selection
            selection.clear()
            selection.update(there)
            if active in there:
                selection.active = active

    def _take_key(self, on_key: Callable[[], None]) -> None:
        def flip_comparison(_viewer: Any) -> None:
            """Flip what is compared: before and after, or the two layers."""
            on_key()

        self._old_key = self._viewer.bind_key(FLIP_KEY, None)
        self._key = flip_comparison
        self._viewer.bind_key(FLIP_KEY, flip_comparison)

    def _give_key_back(self) -> None:
        if self._key is None:
            return
        now = self._viewer.bind_key(FLIP_KEY, None)
        keep = self._old_key if now is self._key else now  # somebody may have bound it in the meantime
        if keep is not None:
            self._viewer.bind_key(FLIP_KEY, keep)
        self._key = None


def _is_helper(layer: Any) -> bool:
    """Whether a layer belongs to another of our dock widgets and covers nothing, as a crosshair."""
    return is_preview(layer) and not hasattr(layer, "contrast_limits")


def line_of(viewer: Any) -> Any:
    """Return napari's line of text on the canvas."""
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", None)  # since napari 0.9
    return viewer.text_overlay if overlays is None else overlays.text
