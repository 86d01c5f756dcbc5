"""Shows the limits in use with where they come from, and lets somebody change, open and save them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_coreg.core.quality.catalogue import CATALOGUE
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.io.quality_files import read_limits, write_limits
from napari_coreg.plugin.parts import Note, Section, column, in_a_row
from napari_coreg.plugin.quality.words import short_name, unit_sign
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from napari_coreg.core.quality.limits import Limit

_MEASURE, _GOOD, _BAD = range(3)
_HEADS = (
    ("Measure", "What is graded; its tooltip tells where the numbers come from."),
    ("Pass", "Passes up to this number, or from it on where more is better. Double-click to change it."),
    ("Fail", "Fails beyond this number; between the two somebody must look. Double-click to change it."),
)
_EDITED = "edited"
_FILTER = "Limits (*.json)"
_MOST_ROWS = 10
_LINE = 8  # pixels between the words of two rows


class LimitsPanel(Section):
    """A small table of limits; each change of it counts at once."""

    changed = Signal(object)  # the Limits in use from now on
    said = Signal(str, str)  # a sentence and its role

    def __init__(self, parent: QWidget | None = None) -> None:
        content = QWidget()
        super().__init__("Limits", content, tooltip="What the numbers are held against.", parent=parent)
        self._limits = DEFAULT_LIMITS
        self._is_filling = False
        self._path = ""
        self.table = QTableWidget(0, len(_HEADS))
        self.name = Note()
        self.open_button = QPushButton("Open...")
        self.open_button.setToolTip("Take limits from a JSON file.")
        self.save_button = QPushButton("Save...")
        self.save_button.setToolTip("Write the limits in use into a JSON file, for the next time or for others.")
        self.reset_button = QPushButton("Defaults")
        self.reset_button.setToolTip("Go back to the limits that come with napari-coreg.")
        rows = column(content)
        rows.addWidget(self.table)
        rows.addWidget(self.name)
        rows.addLayout(in_a_row(self.open_button, self.save_button, self.reset_button, stretch=1))
        self._set_up_table()
        self.table.itemChanged.connect(self._on_edited)
        self.open_button.clicked.connect(self._ask_to_open)
        self.save_button.clicked.connect(self._ask_to_save)
        self.reset_button.clicked.connect(lambda: self.set_limits(DEFAULT_LIMITS))
        self._fill()

    @property
    def limits(self) -> Limits:
        """The limits in use."""
        return self._limits

    def set_limits(self, limits: Limits) -> None:
        """Use other limits."""
        if limits != self._limits:
            self._limits = limits
            self._fill()
            self.changed.emit(limits)

    def open_limits(self, path: str | Path) -> None:
        """Read limits from a file, in a worker, and use them."""
        worker = TaskWorker(partial(read_limits, path))
        worker.returned.connect(partial(self._on_opened, str(path)))
        worker.failed.connect(self._on_failed)
        worker.start()

    def save_limits(self, path: str | Path) -> None:
        """Write the limits in use into a file, in a worker."""
        self._path = str(path)
        worker = TaskWorker(partial(write_limits, self._limits, path))
        worker.returned.connect(self._on_saved)
        worker.failed.connect(self._on_failed)
        worker.start()

    def _set_up_table(self) -> None:
        table = self.table
        for place, (text, tooltip) in enumerate(_HEADS):
            head = QTableWidgetItem(text)
            head.setToolTip(tooltip)
            side = Qt.AlignmentFlag.AlignLeft if place == _MEASURE else Qt.AlignmentFlag.AlignRight
            head.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            table.setHorizontalHeaderItem(place, head)
        heads = table.horizontalHeader()
        heads.setMinimumSectionSize(30)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        heads.setSectionResizeMode(_MEASURE, QHeaderView.ResizeMode.Stretch)
        table.verticalHeader().hide()
        table.verticalHeader().setMinimumSectionSize(16)
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + _LINE)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setAccessibleName("Limits")
        edits = QAbstractItemView.EditTrigger
        table.setEditTriggers(edits.DoubleClicked | edits.EditKeyPressed | edits.AnyKeyPressed)

    def _fill(self) -> None:
        self._is_filling = True
        self.table.setRowCount(len(self._limits.limits))
        for row, limit in enumerate(self._limits.limits):
            for place, text in enumerate((_title(limit), f"{limit.good:g}", f"{limit.bad:g}")):
                item = QTableWidgetItem(text)
                item.setToolTip(_about(limit))
                if place == _MEASURE:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                else:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, place, item)
        self._is_filling = False
        rows = min(self.table.rowCount(), _MOST_ROWS)
        height = self.table.horizontalHeader().sizeHint().height() + 2 * self.table.frameWidth() + _LINE
        self.table.setFixedHeight(height + rows * self.table.verticalHeader().defaultSectionSize())
        self.name.say(
            "" if self._limits == DEFAULT_LIMITS else f"In use: {self._limits.name or 'limits without a name'}"
        )

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if self._is_filling:
            return
        limit = self._limits.limits[item.row()]
        key = "good" if item.column() == _GOOD else "bad"
        try:
            value = float(item.text().replace(",", ".").replace("−", "-"))
            new = limit.model_validate({**limit.model_dump(), key: value, "source": _source_of_edit(limit)})
        except ValidationError:
            word = "at most" if (limit.best == "low") == (key == "good") else "at least"
            other = f"{limit.bad if key == 'good' else limit.good:g}"
            self.said.emit(f"{_title(limit)}: that limit must be {word} {other}, the other one.", "error")
        except ValueError:
            self.said.emit(f"{item.text()!r} is no number.", "error")
        else:
            limits = [new if each is limit else each for each in self._limits.limits]
            self.said.emit("", "note")
            self.set_limits(Limits(name=_EDITED, limits=tuple(limits)))
            return
        self._fill()

    def _ask_to_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open limits", "", f"{_FILTER};;All files (*)")
        if path:
            self.open_limits(path)

    def _ask_to_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save limits", "limits.json", _FILTER)
        if path:
            self.save_limits(path if Path(path).suffix else f"{path}.json")

    def _on_opened(self, path: str, limits: Limits) -> None:
        self.set_limits(limits)
        self.said.emit(f"Opened {path}", "note")

    def _on_saved(self, _answer: Any) -> None:
        self.said.emit(f"Saved {self._path}", "note")

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")


def _title(limit: Limit) -> str:
    measure = CATALOGUE.get(limit.measure)
    if measure is None:
        return limit.measure
    return short_name(measure.name) + (f" ({unit})" if (unit := unit_sign(measure.unit)) else "")


def _about(limit: Limit) -> str:
    measure = CATALOGUE.get(limit.measure)
    lines = [limit.measure if measure is None else measure.name]
    way = "at most" if limit.best == "low" else "at least"
    lines.append(f"Passes with {way} {limit.good:g}, fails beyond {limit.bad:g}; between the two somebody must look.")
    if limit.at_least_voxels:
        lines.append(f"Never tighter than {limit.at_least_voxels:g} of the longest voxel side of the two volumes.")
    lines.append(f"Source: {limit.source or 'not given'}")
    return "\n".join(lines)


def _source_of_edit(limit: Limit) -> str:
    mark = "edited by hand"
    return limit.source if limit.source.startswith(mark) else f"{mark}; before: {limit.source or 'no source'}"
