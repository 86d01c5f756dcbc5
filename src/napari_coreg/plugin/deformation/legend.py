"""A legend for a layer's colours, painted in the dock: napari has colour bars of its own for images only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_coreg.plugin.parts import follow

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_coreg.plugin.looks import Looks

_SAMPLES = 256
_BAR_HEIGHT = 12
_TICK = 4


class ColourLegend(QWidget):
    """A bar of the colours of an Image or Vectors layer with the values at its ends and between; follows the layer.

    Parameters
    ----------
    unit : str
        Written behind the values.
    around_one : bool
        Whether the values are factors: 1 is written, and half is as far from it as double.
    """

    def __init__(self, unit: str, *, around_one: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit, self._around_one = unit, around_one
        self._layer: Any = None
        self._stops: list[Any] = []
        self._background, self._text = QColor("black"), QColor("white")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_layer(self, layer: Any) -> None:
        """Show a layer's colours; hide with None."""
        while self._stops:
            self._stops.pop()()
        self._layer = layer
        self.setVisible(layer is not None)
        if layer is None:
            return
        for name in ("contrast_limits", "colormap", "edge_color"):
            if name in layer.events:
                self._stops.append(follow(self, layer.events[name], self._on_changed))
        self._on_changed()

    def set_looks(self, looks: Looks) -> None:
        """Take the theme's colours."""
        self._background, self._text = QColor(*looks.background), QColor(*looks.text)
        self.update()

    def limits(self) -> tuple[float, float]:
        """Return the values at the ends of the bar."""
        layer = self._layer
        low, high = layer.edge_contrast_limits if hasattr(layer, "edge_contrast_limits") else layer.contrast_limits
        return float(low), float(high)

    def colours(self) -> npt.NDArray[np.float64]:
        """Return the colours from left to right, RGBA from 0 to 1."""
        layer = self._layer
        colormap = layer.edge_colormap if hasattr(layer, "edge_colormap") else layer.colormap
        low, high = self.limits()
        values = self._values(np.linspace(0, 1, _SAMPLES + 1))
        return np.asarray(colormap.map((values - low) / (high - low)), dtype=float)

    def ticks(self) -> list[tuple[float, str]]:
        """Return where along the bar, 0 to 1, which value is written."""
        low, high = self.limits()
        if not self._is_logarithmic():
            return [(at, self._written(low + at * (high - low))) for at in (0.0, 0.5, 1.0)]
        one = float(np.log(1 / low) / np.log(high / low))
        middle = [(one, "1")] if 0.15 < one < 0.85 else []
        return [(0.0, self._written(low)), *middle, (1.0, self._written(high))]

    def sizeHint(self) -> QSize:
        """Make room for the bar, its ticks and one line of text."""
        return QSize(120, _BAR_HEIGHT + _TICK + self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        """Let the dock become narrow."""
        return self.sizeHint()

    def paintEvent(self, _event: Any) -> None:
        """Paint bar, ticks and values."""
        if self._layer is None:
            return
        painter = QPainter(self)
        bar = QRectF(4.5, 1.5, self.width() - 9.0, float(_BAR_HEIGHT))
        painter.fillRect(bar, self._background)
        pixels = np.ascontiguousarray(np.round(255 * self.colours()), dtype=np.uint8)[None]
        image = QImage(pixels.tobytes(), pixels.shape[1], 1, 4 * pixels.shape[1], QImage.Format.Format_RGBA8888)
        painter.drawImage(bar, image)
        painter.setPen(QPen(self._text, 1))
        painter.drawRect(bar)
        for at, text in self.ticks():
            x = bar.left() + at * bar.width()
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + _TICK))
            wide = painter.fontMetrics().horizontalAdvance(text) + 2.0
            left = min(max(x - wide / 2, 0.0), self.width() - wide)
            box = QRectF(left, bar.bottom() + _TICK, wide, float(painter.fontMetrics().height()))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _is_logarithmic(self) -> bool:
        return self._around_one and self.limits()[0] > 0

    def _values(self, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        low, high = self.limits()
        return low * (high / low) ** at if self._is_logarithmic() else low + at * (high - low)

    def _written(self, value: float) -> str:
        return f"{value:.3g} {self._unit}".strip().replace("-", "−")

    def _on_changed(self) -> None:
        self.setAccessibleName(f"Colours from {self.ticks()[0][1]} to {self.ticks()[-1][1]}")
        self.update()


class Swatch(QWidget):
    """A square of one colour."""

    def __init__(self, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(colour)
        self.setFixedSize(14, 14)

    def paintEvent(self, _event: Any) -> None:
        """Fill it."""
        painter = QPainter(self)
        painter.fillRect(self.rect().adjusted(1, 1, -1, -1), self._colour)
        painter.end()
