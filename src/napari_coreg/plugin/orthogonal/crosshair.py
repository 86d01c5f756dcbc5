"""The crosshair in napari's own canvas: a few lines in a layer that is there only while it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.orthogonal.view import AXIS_COLOURS
from napari_coreg.plugin.quietly import add_quietly, remove_quietly
from napari_coreg.plugin.viewers import camera_of

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

NAME = "Crosshair"
_WIDTH_PIXELS = 1.5
_GAP_PIXELS = 7


class Crosshair:
    """Lines through the viewer's point, along the axes on screen, from one end of the layers to the other.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose point.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layer: Any = None
        self._made: Any = None

    def is_there(self) -> bool:
        """Whether the layer is in the viewer; the user may have deleted it."""
        return self.layer is not None and self.layer in self._viewer.layers

    def prepare(self) -> None:
        """Make the layer that `show` adds, so that it takes less time there."""
        lines = None if self.is_there() else self._lines()
        self._made = None if lines is None else self._make(*lines)

    def show(self) -> None:
        """Add the layer on top of the others; selection stays as it is."""
        if self.is_there():
            return
        if self._made is None:
            self.prepare()
        if self._made is None:
            return
        self.layer, self._made = self._made, None
        add_quietly(self._viewer, self.layer)
        self.follow()

    def keep_on_top(self) -> None:
        """Put the lines above what was added after them."""
        layers = self._viewer.layers
        if self.is_there() and layers[-1] is not self.layer:
            layers.move(layers.index(self.layer), len(layers))

    def remove(self) -> None:
        """Remove the layer."""
        if self.is_there():
            remove_quietly(self._viewer, self.layer)
        self.layer = None

    def follow(self) -> None:
        """Move the lines to the viewer's point."""
        lines = self._lines() if self.is_there() else None
        if lines is None:
            return
        vectors, colours = lines
        vectors = vectors / self.layer.scale
        if vectors.shape != self.layer.data.shape or not np.allclose(vectors, self.layer.data):
            same = len(vectors) == len(self.layer.data)
            self.layer.data = vectors
            if not same:
                self.layer.edge_color = colours
        self.follow_zoom()

    def follow_zoom(self) -> None:
        """Keep the lines as thin on the screen as they were."""
        if self.is_there():
            width = self._width(self.layer.scale)
            if abs(self.layer.edge_width - width) > 0.1 * width:
                self.layer.edge_width = width

    def _width(self, scale: FloatArray) -> float:
        return float(_WIDTH_PIXELS / camera_of(self._viewer).zoom / scale[-1])

    def _lines(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the lines' beginnings and ways in the world, (count, 2, ndim), and colours; None without layers.

        They end where the other layers do, and so change nothing about the sliders.
        """
        others = self._others()
        dims = self._viewer.dims
        if not others or dims.ndim < 3 or dims.ndim != max(layer.ndim for layer in others):
            return None
        low, high = self._viewer.layers.get_extent(others).world
        point = np.clip(dims.point, low, high)
        gap = _GAP_PIXELS / camera_of(self._viewer).zoom
        lines, colours = [], []
        for axis in dims.displayed:
            for end, way in ((low[axis], -1), (high[axis], 1)):
                length = max(0.0, way * (end - point[axis]) - gap)
                start, step = point.copy(), np.zeros(dims.ndim)
                start[axis], step[axis] = end, -way * length
                lines.append((start, step))
                colours.append((*np.array(AXIS_COLOURS[axis - dims.ndim]) / 255, 1.0))
        return np.array(lines), np.array(colours)

    def _others(self) -> list[Any]:
        return [layer for layer in self._viewer.layers if layer is not self.layer]

    def _make(self, vectors: FloatArray, colours: FloatArray) -> Any:
        from napari.layers import Vectors  # noqa: PLC0415 - 2.6 s, and loaded already wherever a viewer exists

        extent = self._viewer.layers.get_extent(self._others())
        # As coarse as the coarsest axis: napari's sliders step by the finest layer, and lines are as wide as this.
        scale = np.array(extent.step, float)
        scale[-3:] = scale[-3:].max()
        return Vectors(
            vectors / scale,
            name=NAME,
            scale=scale,
            units=getattr(extent, "units", None),
            axis_labels=self._viewer.dims.axis_labels,
            edge_width=self._width(scale),
            edge_color=colours,
            vector_style="line",
            blending="translucent_no_depth",
            metadata={METADATA_KEY: {"preview": True}},
        )
