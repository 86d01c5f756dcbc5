"""A small table of numbers in mm, with a sign for each that is held against a limit, and the colours of their map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_coreg.plugin.deformation.legend import ColourLegend
from napari_coreg.plugin.parts import Note, column
from napari_coreg.plugin.signs import sign_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.quality.limits import Status
    from napari_coreg.core.quality.record import Row
    from napari_coreg.plugin.looks import Looks
    from napari_coreg.plugin.signs import Sign

_SIGNS: dict[Status, Sign] = {"pass": "good", "look": "doubt", "fail": "wrong"}
_MEANING = {
    "pass": "Within the limit of {:g} mm.",
    "look": "Beyond the limit of {:g} mm: look at it.",
    "fail": "Far beyond the limit of {:g} mm.",
}


class Numbers(QWidget):
    """Shows the rows of one check."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QWidget()
        self._grid = QGridLayout(self.table)
        self._grid.setContentsMargins(4, 0, 4, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self.words = Note()
        self.legend = ColourLegend("mm")
        layout = column(self, spacing=4)
        for part in (self.table, self.words, self.legend):
            layout.addWidget(part)
        self.hide()

    def show_rows(self, rows: Sequence[Row], words: str = "") -> None:
        """Show rows with what they are without their first words, and a sentence below; hide where there are none."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.deleteLater()
        with_before = any(row.before is not None for row in rows)
        headers = ["mm", *(["before", "after"] if with_before else [""])] if rows else []
        for place, text in enumerate(headers):
            self._put(0, place, text)
        for line, row in enumerate(rows, 1):
            self._put(line, 0, row.name.rpartition(", ")[2])
            values = [row.before, row.after] if with_before else [row.after]
            for place, value in enumerate(values, 1):
                self._put(line, place, _written(value))
            if row.status in _SIGNS and row.good is not None:
                sign = sign_label(_SIGNS[row.status], _MEANING[row.status].format(row.good), self.table)
                self._grid.addWidget(sign, line, len(values) + 1)
        self.words.say(words)
        self.setVisible(bool(rows))

    def texts(self) -> list[str]:
        """Return what is written in the table, row by row."""
        found = [self._grid.itemAt(index).widget() for index in range(self._grid.count())]
        return [label.text() for label in found if isinstance(label, QLabel) and label.text()]

    def show_layer(self, layer: Any) -> None:
        """Show the colours of a map, or none."""
        self.legend.show_layer(layer)

    def set_looks(self, looks: Looks) -> None:
        """Take the theme's colours."""
        self.legend.set_looks(looks)

    def _put(self, line: int, place: int, text: str) -> None:
        label = QLabel(text, self.table)
        if line == 0:
            label.setProperty("role", "note")
        side = Qt.AlignmentFlag.AlignRight if place else Qt.AlignmentFlag.AlignLeft
        label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        if place:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("100.00"))
        self._grid.addWidget(label, line, place)


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"
