"""A table of landmarks and of how far each is off, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

_HEADERS = ("#", "Name", "Residual", "Left out")
_HELP = (
    "Number, the same in both volumes. Click to sort.",
    "Name; double-click one to change it. Click to sort.",
    "How far the landmark is off after the fit, mm. The fit was made to be small there. Click to sort.",
    "How far the landmark is off when the fit is made to all others, mm: the best sign of a misplaced one. "
    "Click to sort.",
)
_NUMBER, _NAME, _RESIDUAL, _LEFT_OUT = range(4)
_KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class TableRow:
    """One landmark.

    Attributes
    ----------
    key, number, name, colour
        As in `LandmarkPairs`; the colour in a form that Qt knows.
    residual_mm, left_out_mm : float or None
        None where there is none.
    remark : str
        Stands in the place of the numbers, such as "no partner yet".
    """

    key: int
    number: int
    name: str
    colour: str
    residual_mm: float | None = None
    left_out_mm: float | None = None
    remark: str = ""

    def value(self, column: int) -> Any:
        """Return what a column is sorted by."""
        return (self.number, self.name.lower(), self.residual_mm, self.left_out_mm)[column]


class LandmarkTable(QTableWidget):
    """Shows rows, and tells what the user does to them."""

    chosen = Signal(int)  # one row was clicked, or reached by the keyboard: its key
    renamed = Signal(int, str)
    removal_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADERS), parent)
        self._rows: list[TableRow] = []
        self._column, self._descending = _LEFT_OUT, True
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(24)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        self._label()
        header.sectionClicked.connect(self._on_header)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setIconSize(QSize(10, 10))
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(150)
        self.itemSelectionChanged.connect(self._on_selected)
        self.itemChanged.connect(self._on_edited)

    def show_rows(self, rows: Sequence[TableRow]) -> None:
        """Show these landmarks in the order of the chosen column; what is selected stays so."""
        self._rows = list(rows)
        self._fill()

    def keys(self) -> list[int]:
        """Return the landmarks from top to bottom."""
        return [self.item(row, _NUMBER).data(_KEY) for row in range(self.rowCount())]

    def selected_keys(self) -> list[int]:
        """Return the selected landmarks."""
        return [key for row, key in enumerate(self.keys()) if self.item(row, _NUMBER).isSelected()]

    def select(self, key: int | None) -> None:
        """Select one landmark, or none, without telling so."""
        self.blockSignals(True)
        self.clearSelection()
        keys = self.keys()
        if key in keys:
            self.setCurrentCell(keys.index(key), _NUMBER)
            self.selectRow(keys.index(key))
        self.blockSignals(False)

    def event(self, event: QEvent) -> bool:
        """Let Delete ask for removal, also where the viewer has the key for something else."""
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and self._is_delete(event):
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self.removal_wanted.emit()
            return True
        return bool(super().event(event))

    def _is_delete(self, event: QEvent) -> bool:
        editing = self.state() == QAbstractItemView.State.EditingState
        return event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and not editing

    def _fill(self) -> None:
        selected, current = set(self.selected_keys()), self.currentColumn()
        known = [row for row in self._rows if row.value(self._column) is not None]
        known.sort(key=lambda row: row.value(self._column), reverse=self._descending)
        ordered = known + [row for row in self._rows if row.value(self._column) is None]
        self.blockSignals(True)
        self.selectionModel().blockSignals(True)
        self.clearSpans()
        self.setRowCount(len(ordered))
        for index, row in enumerate(ordered):
            self._fill_row(index, row)
        self.selectionModel().blockSignals(False)
        self.clearSelection()
        for index, row in enumerate(ordered):
            if row.key in selected:
                for column in range(self.columnCount()):
                    self.item(index, column).setSelected(True)
                self.selectionModel().setCurrentIndex(
                    self.model().index(index, max(current, 0)), self.selectionModel().SelectionFlag.NoUpdate
                )
        self.blockSignals(False)
        self.viewport().update()

    def _fill_row(self, index: int, row: TableRow) -> None:
        texts = [str(row.number), row.name, _mm(row.residual_mm), _mm(row.left_out_mm)]
        if row.remark:
            texts[_RESIDUAL:] = [row.remark, ""]
            self.setSpan(index, _RESIDUAL, 1, 2)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setData(_KEY, row.key)
            item.setToolTip(f"{row.number} {row.name}".strip() + (f": {row.remark}" if row.remark else ""))
            if column != _NAME:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column >= _RESIDUAL:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(index, column, item)
        self.item(index, _NUMBER).setIcon(_dot(row.colour))

    def _on_header(self, column: int) -> None:
        same = column == self._column
        self._descending = not self._descending if same else column >= _RESIDUAL
        self._column = column
        self._label()
        self._fill()

    def _label(self) -> None:
        """Put the mark of the order into the words, where it needs less room than Qt's own."""
        mark = "▾" if self._descending else "▴"
        for column, (text, tooltip) in enumerate(zip(_HEADERS, _HELP, strict=True)):
            item = QTableWidgetItem(f"{text}{mark}" if column == self._column else text)
            item.setToolTip(tooltip)
            self.setHorizontalHeaderItem(column, item)

    def _on_selected(self) -> None:
        keys = self.selected_keys()
        if len(keys) == 1:
            self.chosen.emit(keys[0])

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if item.column() == _NAME:
            self.renamed.emit(item.data(_KEY), item.text())


def _mm(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _dot(colour: str) -> QIcon:
    pixmap = QPixmap(20, 20)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(colour))
    painter.setPen(QColor(0, 0, 0, 120))
    painter.drawEllipse(1, 1, 18, 18)
    painter.end()
    return QIcon(pixmap)
