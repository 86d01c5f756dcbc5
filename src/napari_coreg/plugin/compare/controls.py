"""The controls of a comparison: a row of modes, and below it what can be set in the chosen one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from napari_coreg.plugin.compare.settings import MODES, Settings
from napari_coreg.plugin.parts import Note, column, guard_wheel

if TYPE_CHECKING:
    from napari_coreg.plugin.compare.settings import Mode

_STEPS = 1000
_COLUMNS = 4
_MODES: dict[Mode, tuple[str, str, str]] = {  # title, tooltip, what is to be known
    "checkerboard": ("Board", "Checkerboard: the two layers in turns, cell by cell.", ""),
    "wipe": ("Wipe", "A curtain: the first layer on one side of an edge, the second one on the other.", ""),
    "blend": ("Blend", "Both layers at once, more of the one or more of the other.", ""),
    "flicker": ("Flicker", "One layer after the other in the same place: what does not match jumps.", ""),
    "overlay": ("Overlay", "The two layers in two colours; where they match, the colours add up.", ""),
    "difference": (
        "Difference",
        "The second layer minus the first one.",
        "Each layer counts from 0 (black) to 1 (white) of its contrast limits, labels as 1, before one is subtracted "
        "from the other; so it tells of one kind of image alone.",
    ),
    "contours": (
        "Contours",
        "Lines of equal intensity of one layer over the other; of labels their edges.",
        "Flip draws the lines of the other layer.",
    ),
}


class SliderRow(QWidget):
    """A slider with a box for its number.

    Parameters
    ----------
    label, tooltip, unit : str
        What it sets.
    ends : tuple of float
        The least and the greatest number.
    decimals : int
        That the box shows.
    logarithmic : bool
        Whether the slider moves by factors.
    """

    changed = Signal(float)

    def __init__(
        self,
        label: str,
        tooltip: str,
        ends: tuple[float, float],
        *,
        unit: str = "",
        decimals: int = 1,
        logarithmic: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._logarithmic = logarithmic
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setMinimumWidth(60)
        self.slider.setSingleStep(_STEPS // 100)
        self.slider.setPageStep(_STEPS // 10)
        self.box = QDoubleSpinBox()
        self.box.setSuffix(unit)
        self.box.setDecimals(decimals)
        self.box.setKeyboardTracking(False)
        self.box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        name = QLabel(label)
        name.setBuddy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(name)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        for part in (name, self.slider, self.box):
            part.setToolTip(tooltip)
        for part in (self.slider, self.box):
            part.setAccessibleName(label)
            guard_wheel(part)
        self.set_ends(*ends)
        self.slider.valueChanged.connect(self._on_slider)
        self.box.valueChanged.connect(self._on_box)

    def value(self) -> float:
        """Return the number."""
        return float(self.box.value())

    def set_ends(self, low: float, high: float) -> None:
        """Set the least and the greatest number; nothing is emitted."""
        with QSignalBlocker(self.box):
            self.box.setRange(low, high)
            self.box.setSingleStep((high - low) / 50 if not self._logarithmic else low)
        self._follow()

    def set_value(self, value: float) -> None:
        """Show a number; nothing is emitted."""
        with QSignalBlocker(self.box):
            self.box.setValue(value)
        self._follow()

    def _follow(self) -> None:
        low, high, value = (self._scaled(x) for x in (self.box.minimum(), self.box.maximum(), self.box.value()))
        with QSignalBlocker(self.slider):
            self.slider.setValue(round((value - low) / max(high - low, 1e-12) * _STEPS))

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._logarithmic else value

    def _on_slider(self, step: int) -> None:
        low, high = self._scaled(self.box.minimum()), self._scaled(self.box.maximum())
        value = low + (high - low) * step / _STEPS
        with QSignalBlocker(self.box):
            self.box.setValue(math.exp(value) if self._logarithmic else value)
        self.changed.emit(self.value())

    def _on_box(self, value: float) -> None:
        self._follow()
        self.changed.emit(float(value))


class CompareControls(QWidget):
    """The modes, and the settings of the chosen one."""

    mode_chosen = Signal(str)
    changed = Signal(dict)  # settings by name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.modes: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setSpacing(4)
        for index, mode in enumerate(MODES):
            button = QPushButton(_MODES[mode][0])
            button.setCheckable(True)
            button.setToolTip(_MODES[mode][1])
            self._group.addButton(button)
            button.clicked.connect(lambda _checked=False, mode=mode: self.mode_chosen.emit(mode))
            grid.addWidget(button, index // _COLUMNS, index % _COLUMNS)
            self.modes[mode] = button
        self._make_rows()
        self.note = Note()
        layout = column(self, spacing=8)
        layout.addLayout(grid)
        for row in self._rows.values():
            layout.addWidget(row)
        layout.addWidget(self.note)
        self.show_settings(Settings())

    def _make_rows(self) -> None:
        self.cell = SliderRow(
            "Cell", "Edge of a cell; the board stays where it is when you zoom and scroll.", (1, 200), unit=" mm",
            logarithmic=True,
        )  # fmt: skip
        self.position = SliderRow(
            "Edge", "Where the edge of the curtain is; in 2-D view it can be dragged on the canvas, too.", (0, 100),
            unit=" %", decimals=0,
        )  # fmt: skip
        self.balance = SliderRow("Second", "How much is seen of the second layer.", (0, 100), unit=" %", decimals=0)
        self.rate = SliderRow("Rate", "Changes of the picture in a second.", (0.2, 20), unit=" Hz", logarithmic=True)
        self.level = SliderRow("Level", "The value whose contour is drawn.", (0, 1), decimals=1)
        self.automatic = QCheckBox("Level chosen automatically")
        self.automatic.setToolTip("Take the value that best parts bright from dark (Otsu's threshold).")
        self.direction = _choice({"Left and right": "across", "Above and below": "down"}, "Which way the edge runs.")
        self.colours = _choice(
            {"Magenta and green": "magenta-green", "Red and cyan": "red-cyan"},
            "Of the first and the second layer. Magenta and green suit eyes that do not tell red from green.",
        )
        wipe, contours = QWidget(), QWidget()
        _stack(wipe, self.direction, self.position)
        _stack(contours, self.automatic, self.level)
        self._rows: dict[str, QWidget] = {
            "checkerboard": self.cell,
            "wipe": wipe,
            "blend": self.balance,
            "flicker": self.rate,
            "overlay": self.colours,
            "contours": contours,
        }
        self.cell.changed.connect(lambda value: self.changed.emit({"cell_mm": value}))
        self.position.changed.connect(lambda value: self.changed.emit({"position": value / 100}))
        self.balance.changed.connect(lambda value: self.changed.emit({"balance": value / 100}))
        self.rate.changed.connect(lambda value: self.changed.emit({"rate_hz": value}))
        self.level.changed.connect(lambda value: self.changed.emit({"level": value}))
        self.automatic.toggled.connect(self._on_automatic)
        for box, name in ((self.direction, "direction"), (self.colours, "colours")):
            box.currentIndexChanged.connect(
                lambda _index, box=box, name=name: self.changed.emit({name: box.currentData()})
            )

    def show_settings(
        self,
        settings: Settings,
        *,
        cell_mm: float | None = None,
        level: float | None = None,
        levels: tuple[float, float] | None = None,
    ) -> None:
        """Show settings; nothing is emitted.

        Parameters
        ----------
        settings : Settings
            What is set.
        cell_mm, level : float, optional
            What is taken where the settings leave it open.
        levels : tuple of float, optional
            Between which the level may be chosen; None where there is no level, as of labels.
        """
        self.modes[settings.mode].setChecked(True)
        for mode, row in self._rows.items():
            row.setVisible(mode == settings.mode)
        self.note.say(_MODES[settings.mode][2])
        self.cell.set_value(settings.cell_mm or cell_mm or 20.0)
        self.position.set_value(100 * settings.position)
        self.balance.set_value(100 * settings.balance)
        self.rate.set_value(settings.rate_hz)
        for box, value in ((self.direction, settings.direction), (self.colours, settings.colours)):
            with QSignalBlocker(box):
                box.setCurrentIndex(box.findData(value))
        self._show_level(settings, level, levels)

    def _show_level(self, settings: Settings, level: float | None, levels: tuple[float, float] | None) -> None:
        with QSignalBlocker(self.automatic):
            self.automatic.setChecked(settings.level is None)
        self.automatic.setEnabled(levels is not None)
        self.level.setEnabled(levels is not None and settings.level is not None)
        if levels is not None:
            shown = settings.level if settings.level is not None else level
            self.level.box.setDecimals(max(0, min(6, 3 - math.floor(math.log10(levels[1] - levels[0])))))
            self.level.set_ends(min(levels[0], shown or levels[0]), max(levels[1], shown or levels[1]))
            self.level.set_value(levels[0] if shown is None else shown)

    def _on_automatic(self, automatic: bool) -> None:
        self.changed.emit({"level": None if automatic else self.level.value()})


def _choice(choices: dict[str, str], tooltip: str) -> QComboBox:
    box = QComboBox()
    for title, value in choices.items():
        box.addItem(title, value)
    box.setToolTip(tooltip)
    guard_wheel(box)
    return box


def _stack(parent: QWidget, *rows: Any) -> None:
    layout = column(parent)
    for row in rows:
        layout.addWidget(row)
