"""Notices what changes in a viewer, and tells once for many events that come together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_coreg.plugin.parts import follow
from napari_coreg.plugin.placement import PLACEMENT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

_PAUSE_MS = 15
_REST_MS = 300
_LOOKS = (
    *PLACEMENT_EVENTS,
    *("visible", "opacity", "blending", "contrast_limits", "gamma", "colormap"),
    *("paint", "selected_label", "show_selected_label"),
    *("size", "face_color", "features", "shown"),
)  # a layer's events after which it looks otherwise


class Watch(QObject):
    """Watches layers and sliders.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose.
    leaves_out : callable
        Layer -> whether it is not to be watched.
    parent : QWidget
        It is watched as long as that lives.
    """

    moved = Signal()  # a slider, at once
    listed = Signal()  # layers came or went, at once
    changed = Signal(bool)  # anything, a moment later; whether the layers look otherwise

    def __init__(self, viewer: Any, leaves_out: Callable[[Any], bool], parent: QWidget) -> None:
        super().__init__(parent)
        self._viewer, self._leaves_out = viewer, leaves_out
        self._stops: dict[Any, list[Callable[[], None]]] = {}
        self._looks_changed = self._sliced = self._has_moved = False
        self._elsewhere: tuple[float, ...] = ()  # the viewer's point on axes before the last three
        self._timer = self._after(_PAUSE_MS, self._tell)
        self._rest = self._after(_REST_MS, self.look)
        events, dims = viewer.layers.events, viewer.dims.events
        for event in (events.inserted, events.removed, events.reordered):
            follow(parent, event, self._on_layers)
        follow(parent, dims.current_step, self._on_moved)
        for event in (dims.order, dims.ndisplay, dims.ndim):
            follow(parent, event, self.soon)
        self._on_layers()

    def soon(self) -> None:
        """Tell in a moment."""
        if not self._timer.isActive():
            self._timer.start()

    def look(self) -> None:
        """Tell in a moment that the layers look otherwise."""
        self._looks_changed = True
        self.soon()

    def _after(self, milliseconds: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(call)
        return timer

    def _on_layers(self) -> None:
        """Follow how each layer looks, and no longer those that are gone."""
        layers = [layer for layer in self._viewer.layers if not self._leaves_out(layer)]
        for layer in set(self._stops).difference(layers):
            for stop in self._stops.pop(layer):
                stop()
        for layer in set(layers).difference(self._stops):
            owner = self.parent()
            emitters = [getattr(layer.events, name) for name in _LOOKS if hasattr(layer.events, name)]
            self._stops[layer] = [follow(owner, emitter, self.look) for emitter in emitters]
            self._stops[layer].append(follow(owner, layer.events.set_data, self._on_sliced))
        self.listed.emit()
        self.look()

    def _on_moved(self) -> None:
        self._has_moved = True
        self.moved.emit()
        self.soon()

    def _on_sliced(self) -> None:
        self._sliced = True
        self.soon()

    def _tell(self) -> None:
        """Find out whether the layers look otherwise.

        Each layer tells that it was sliced, be it for other voxels or for another slice of the canvas. The latter does
        not matter here, but both may have come at once, so it is told once more at rest.
        """
        elsewhere = tuple(self._viewer.dims.point[:-3])
        looks_changed = self._looks_changed or elsewhere != self._elsewhere or (self._sliced and not self._has_moved)
        if self._sliced and self._has_moved:
            self._rest.start()
        self._elsewhere = elsewhere
        self._looks_changed = self._sliced = self._has_moved = False
        self.changed.emit(looks_changed)
