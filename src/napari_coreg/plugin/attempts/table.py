"""The table of attempts: one row each, with its verdict, and the rest in the tooltip."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QItemSelectionModel, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_coreg.attempts import memory_bytes
from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.register.verdict_panel import SIGNS, WORDS
from napari_coreg.plugin.signs import pixmap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent, QMouseEvent, QResizeEvent

    from napari_coreg.attempts import Attempt

NAME, RECIPE, PAIR, SCORE, TIME = range(5)
_HEADS = {
    NAME: ("Attempt", "Its sign is the verdict. Double-click, or press F2, to rename."),
    RECIPE: ("Recipe", "What was run."),
    PAIR: ("Pair", "Moving → fixed."),
    SCORE: ("Score", "The metric of the last stage after the run; lower is better, and only the same metric compares."),
    TIME: ("Time", "How long the run took."),
}
_AIR = 6  # pixels beside the words of a column
_MOST_ROWS = 8  # seen at once; more scroll


class AttemptsTable(QTableWidget):
    """Shows attempts, and tells what is done to them."""

    chosen = Signal(object)  # an attempt that is to be shown
    renamed = Signal(object, str)
    removal_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADS), parent)
        self._attempts: list[Attempt] = []
        self._is_filling = self._is_pressed = False
        for column, (text, tooltip) in _HEADS.items():
            head = QTableWidgetItem(text)
            head.setToolTip(tooltip)
            side = Qt.AlignmentFlag.AlignRight if column in (SCORE, TIME) else Qt.AlignmentFlag.AlignLeft
            head.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, head)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Attempts")
        self.verticalHeader().hide()
        heads = self.horizontalHeader()
        heads.setHighlightSections(False)
        heads.setMinimumSectionSize(30)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.cellClicked.connect(self._on_chosen)
        self.currentCellChanged.connect(self._on_current)
        self.cellDoubleClicked.connect(self.edit_name)
        self.itemChanged.connect(self._on_edited)

    def fill(self, attempts: Sequence[Attempt], shown: Attempt | None) -> None:
        """Show these attempts; those that were selected before stay so."""
        selected = {attempt.key for attempt in self.selected()}
        self._is_filling = True
        self._attempts = list(attempts)
        self.setRowCount(len(self._attempts))
        for row, attempt in enumerate(self._attempts):
            self._fill_row(row, attempt, is_shown=attempt is shown)
        self.setColumnHidden(PAIR, len({attempt.pair for attempt in attempts}) < 2)
        self.clearSelection()
        for row, attempt in enumerate(self._attempts):
            if attempt.key in selected:
                self._select(row, QItemSelectionModel.SelectionFlag.Select)
        self._is_filling = False
        self._fit_width()
        self._fit_height()

    def mark(self, shown: Attempt | None) -> None:
        """Mark the attempt that is shown; the rows that are selected stay so when it is among them."""
        self._is_filling = True
        for row, attempt in enumerate(self._attempts):
            self._embolden(row, attempt is shown)
        self._fit_width()
        if shown in self._attempts:
            row = self._attempts.index(shown)
            stays = shown in self.selected()
            self.setCurrentCell(row, NAME, QItemSelectionModel.SelectionFlag.NoUpdate)
            if not stays:
                self._select(row, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._is_filling = False

    def selected(self) -> list[Attempt]:
        """Return the attempts whose rows are selected, from the top."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self._attempts[row] for row in rows if row < len(self._attempts)]

    def edit_name(self, row: int, _column: int = NAME) -> None:
        """Let the user type another name."""
        item = self.item(row, NAME)
        if item is not None:
            self.editItem(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Rename with F2, delete with Delete or Backspace."""
        if event.key() == Qt.Key.Key_F2 and self.currentRow() >= 0:
            self.edit_name(self.currentRow())
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_wanted.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell a click from a key."""
        self._is_pressed = True
        super().mousePressEvent(event)
        self._is_pressed = False

    def _fill_row(self, row: int, attempt: Attempt, *, is_shown: bool) -> None:
        result = attempt.result
        texts = {
            NAME: attempt.name,
            RECIPE: result.recipe.name,
            PAIR: attempt.pair,
            SCORE: number(result.metric_after),
            TIME: duration(result.seconds),
        }
        tooltip = about(attempt)
        for column, text in texts.items():
            item = QTableWidgetItem(text)
            item.setToolTip(tooltip)
            flags = item.flags() if column == NAME else item.flags() & ~Qt.ItemFlag.ItemIsEditable
            item.setFlags(flags)
            if column in (SCORE, TIME):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(row, column, item)
        state = result.verdict.state
        sign = QIcon()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):  # or Qt would tint it where the row is selected
            sign.addPixmap(pixmap(SIGNS[state], self.devicePixelRatioF()), mode)
        self.item(row, NAME).setIcon(sign)
        self.item(row, NAME).setData(Qt.ItemDataRole.AccessibleTextRole, f"{attempt.name}, {WORDS[state][0]}")
        self._embolden(row, is_shown)

    def _embolden(self, row: int, bold: bool) -> None:
        for column in range(self.columnCount()):
            item = self.item(row, column)
            if item is not None and item.font().bold() != bold:
                font = item.font()
                font.setBold(bold)
                item.setFont(font)

    def _select(self, row: int, flag: Any) -> None:
        rows = QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().select(self.model().index(row, NAME), flag | rows)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the columns the new width."""
        super().resizeEvent(event)
        self._fit_width()

    def _fit_width(self) -> None:
        """Give numbers the room they need, and share the rest among the words."""
        heads = self.horizontalHeader()
        needs = {
            column: max(self.sizeHintForColumn(column), heads.sectionSizeHint(column)) + _AIR
            for column in _HEADS
            if not self.isColumnHidden(column)
        }
        words = {column: need for column, need in needs.items() if column in (NAME, RECIPE, PAIR)}
        room = self.viewport().width() - sum(need for column, need in needs.items() if column not in words)
        for column, width in {**needs, **shared(words, room)}.items():
            self.setColumnWidth(column, width)

    def _fit_height(self) -> None:
        rows = min(max(self.rowCount(), 1), _MOST_ROWS)
        height = self.horizontalHeader().sizeHint().height() + rows * self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(height + 2 * self.frameWidth())

    def _on_chosen(self, row: int, _column: int) -> None:
        if not self._is_filling and 0 <= row < len(self._attempts):
            self.chosen.emit(self._attempts[row])

    def _on_current(self, row: int, column: int, _old_row: int, _old_column: int) -> None:
        if not self._is_pressed:  # by a key; a click selects after this, and is heard of then
            self._on_chosen(row, column)

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if not self._is_filling and item.column() == NAME:
            attempt = self._attempts[item.row()]
            if not item.text().strip():
                item.setText(attempt.name)
            self.renamed.emit(attempt, item.text())


def shared(needs: dict[int, int], room: int) -> dict[int, int]:
    """Share room among columns: where it is short those that need most give, where there is more all get as much more.

    Examples
    --------
    >>> shared({0: 100, 1: 40, 2: 90}, 180), shared({0: 100, 1: 40}, 160)
    ({0: 70, 1: 40, 2: 70}, {0: 110, 1: 50})
    """
    widths: dict[int, int] = {}
    left, waiting = room, sorted(needs, key=needs.__getitem__)
    surplus = max(room - sum(needs.values()), 0) // max(len(needs), 1)
    for position, column in enumerate(waiting):
        widths[column] = max(min(needs[column] + surplus, left // (len(waiting) - position)), 0)
        left -= widths[column]
    return {column: widths[column] for column in needs}


def about(attempt: Attempt) -> str:
    """Return all there is to say about an attempt in a few lines."""
    result = attempt.result
    state = result.verdict.state
    metric = humane(result.recipe.stages[-1].metric.kind)
    size = f"{memory_bytes([attempt]) / 1e6:.0f} MB, volumes included"
    lines = [
        attempt.name,
        attempt.pair,
        f"Recipe: {result.recipe.name}",
        f"{metric}: {number(result.metric_before)} → {number(result.metric_after)} (lower is better)",
        f"Verdict: {WORDS[state][0]}, {WORDS[state][1]}",
        *(f"• {reason}" for reason in result.verdict.reasons[:2]),
        f"Took {duration(result.seconds)}, ended {_moment(attempt.when)}, holds {size}",
    ]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Return a score as it stands in the table.

    Examples
    --------
    >>> number(-0.51), number(1234.5), number(None)
    ('−0.5100', '1234', 'no overlap')
    """
    return "no overlap" if value is None else f"{value:#.4g}".rstrip(".").replace("-", "−")


def duration(seconds: float) -> str:
    """Return a time in few characters.

    Examples
    --------
    >>> duration(0.42), duration(12.3), duration(83), duration(3725)
    ('0.4 s', '12 s', '1:23 min', '1:02 h')
    """
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def _moment(when: str) -> str:
    try:
        return datetime.fromisoformat(when).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return when or "at an unknown time"
