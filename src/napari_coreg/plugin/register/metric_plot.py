"""The metric over the iterations, drawn while the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.looks import STAGE_COLOURS, Looks, css, mix
from napari_coreg.plugin.parts import column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_coreg.core.progress import Progress

HEIGHT = 170


class MetricPlot(QWidget):
    """One line per level of the pyramid, in the colour of its stage; lower is better.

    The lines are not joined, as values of different levels do not compare.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = pg.PlotWidget(background=None)
        self._plot.setFixedHeight(HEIGHT)
        self._plot.setMinimumWidth(120)
        self._plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.getPlotItem().layout.setContentsMargins(0, 8, 8, 0)  # the topmost number is not cut off
        self._plot.setLabel("left", "metric")
        self._plot.setLabel("bottom", "iteration")
        self._plot.getAxis("left").enableAutoSIPrefix(False)
        self._plot.getAxis("bottom").enableAutoSIPrefix(False)
        self._plot.getViewBox().setDefaultPadding(0.12)  # room for the labels of the levels above the lines
        self._lines: dict[tuple[int, int], pg.PlotDataItem] = {}
        self._values: dict[tuple[int, int], list[tuple[float, float]]] = {}
        self._borders: list[pg.InfiniteLine] = []
        self._count = 0
        self._latest, self._is_way_back = (0, 0), False
        self._stages: list[str] = []
        self._foreground: Any = (128, 128, 128)
        self._plot.setToolTip(
            "The metric at each iteration; lower is better. A dashed line is where a level of the pyramid begins, "
            "coarse to fine; values of different levels do not compare."
        )
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        layout = column(self, spacing=2)
        layout.addWidget(self._legend)
        layout.addWidget(self._plot)

    def clear(self) -> None:
        """Begin anew."""
        for item in (*self._lines.values(), *self._borders):
            self._plot.removeItem(item)
        self._legend.clear()
        self._lines, self._values, self._borders, self._stages, self._count = {}, {}, [], [], 0
        self._latest, self._is_way_back = (0, 0), False

    def add(self, moments: Iterable[Progress]) -> None:
        """Draw further iterations."""
        touched = set()
        for moment in moments:
            self._is_way_back |= (moment.stage, moment.level) < self._latest
            self._latest = (moment.stage, moment.level)
            key = (moment.stage + self._is_way_back * moment.number_of_stages, moment.level)
            if key not in self._values:
                self._begin_level(key, moment.stage_kind)
            self._count += 1
            self._values[key].append((self._count, moment.metric_value))
            touched.add(key)
        for key in touched:
            points = np.array(self._values[key])
            self._lines[key].setData(points[:, 0], points[:, 1], symbol="o" if len(points) == 1 else None)

    @property
    def curves(self) -> dict[tuple[int, int], tuple[tuple[float, float], ...]]:
        """The drawn points (iteration counted over the whole run, metric) of each (stage, level).

        The stages of a registration the other way round, which follows in a symmetric run, are counted on.
        """
        return {key: tuple(points) for key, points in self._values.items()}

    def set_looks(self, looks: Looks) -> None:
        """Follow napari's theme."""
        self._foreground = looks.muted
        grid = mix(looks.muted, looks.background, 0.5)
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(pg.mkPen(grid))
            axis.setTextPen(pg.mkPen(looks.muted))
        for border in self._borders:
            border.setPen(self._border_pen())
            border.label.setColor(self._foreground)
        self._write_legend()

    def _begin_level(self, key: tuple[int, int], kind: str) -> None:
        stage, level = key
        colour = STAGE_COLOURS[stage % len(STAGE_COLOURS)]
        self._values[key] = []
        self._lines[key] = self._plot.plot(
            [], [], pen=pg.mkPen(colour, width=2), symbolSize=5, symbolBrush=colour, symbolPen=None
        )
        if level == 0:
            self._stages.append(f"{humane(kind)}{', the other way' if self._is_way_back else ''}")
            self._write_legend()
        border = pg.InfiniteLine(
            pos=self._count + 0.5,
            angle=90,
            pen=self._border_pen(),
            label=str(level + 1),
            labelOpts={"position": 0.93, "color": self._foreground, "anchors": [(0, 0.5), (0, 0.5)]},
        )
        self._borders.append(border)
        self._plot.addItem(border)

    def _write_legend(self) -> None:
        names = [
            f'<span style="color: {css(STAGE_COLOURS[index % len(STAGE_COLOURS)])}">━</span> {name}'
            for index, name in enumerate(self._stages)
        ]
        names += ["┆ level"] if names else []
        self._legend.setText("&nbsp;&nbsp; ".join(names))

    def _border_pen(self) -> Any:
        return pg.mkPen(self._foreground, width=1, style=Qt.PenStyle.DashLine)
