"""Writes what was measured into files, and copies what makes the result again."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from napari_coreg.errors import CoregError, FileError
from napari_coreg.io.atomic import replacing
from napari_coreg.io.quality_files import write_quality_csv, write_quality_json
from napari_coreg.io.report import write_report
from napari_coreg.plugin.again import repeat_of
from napari_coreg.plugin.parts import Note, Section, column, copy_to_clipboard, in_a_row
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from napari_coreg.plugin.again import Repeat
    from napari_coreg.plugin.quality.measuring import Measured

_KINDS = {"Report (*.html)": ".html", "Numbers, JSON (*.json)": ".json", "Numbers, CSV (*.csv)": ".csv"}


def write_measured(measured: Measured, path: str | Path) -> Path:
    """Write what was measured: a report with pictures (.html), or the numbers (.json, .csv).

    Raises
    ------
    FileError
        The name has another suffix, or the file cannot be written.
    """
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix in (".html", ".htm"):
        return write_report(path, measured.subject, measured.assessment)
    if suffix == ".json":
        write_quality_json(measured.quality, path)
    elif suffix == ".csv":
        write_quality_csv(measured.quality, path)
    else:
        raise FileError(f"{path}: a report ends in .html, the numbers in .json or .csv; name the file so")
    return path


class SavePanel(QWidget):
    """Buttons that write a report, and open it."""

    said = Signal(str, str)  # a sentence and its role

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measured: Measured | None = None
        self._path: Path | None = None
        self.save_button = QPushButton("Save report...")
        self.save_button.setToolTip(
            "Write one HTML file with pictures, numbers and the limits they are held against, to hand over or to "
            "print; or the numbers alone, as JSON or CSV."
        )
        self.open_button = QPushButton("Open it")
        self.open_button.setToolTip("Open what was saved last: a report in the web browser.")
        self.open_button.setEnabled(False)
        self.save_button.clicked.connect(self._ask)
        self.open_button.clicked.connect(self.open_saved)
        column(self).addLayout(in_a_row(self.save_button, self.open_button, stretch=1))

    def set_measured(self, measured: Measured | None) -> None:
        """Save this from now on."""
        self._measured = measured
        self.save_button.setEnabled(measured is not None)

    def save(self, path: str | Path) -> None:
        """Write what was measured, in a worker."""
        if self._measured is None:
            return
        worker = TaskWorker(partial(write_measured, self._measured, path))
        worker.returned.connect(self._on_saved)
        worker.failed.connect(self._on_failed)
        self.said.emit("Writing...", "note")
        worker.start()

    def open_saved(self) -> None:
        """Open what was saved last."""
        if self._path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path.absolute())))

    def _ask(self) -> None:
        if self._measured is None:
            return
        name = f"quality of {self._measured.name}"
        path, kind = QFileDialog.getSaveFileName(self, "Save report", f"{file_name(name)}.html", ";;".join(_KINDS))
        if path:
            known = Path(path).suffix.lower() in (".html", ".htm", ".json", ".csv")
            self.save(path if known else f"{path}{_KINDS.get(kind, '.html')}")

    def _on_saved(self, path: Path) -> None:
        self._path = path
        self.open_button.setEnabled(True)
        self.said.emit(f"Saved {path}", "note")

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")


class RepeatPanel(Section):
    """Buttons for what makes the result again outside of napari."""

    said = Signal(str, str)  # a sentence and its role

    def __init__(self, parent: QWidget | None = None) -> None:
        content = QWidget()
        super().__init__(
            "Repeat it", content, tooltip="What makes this result again, outside of napari.", parent=parent
        )
        self._layer: Any = None
        self._path = ""
        self.script_button = QPushButton("Copy script")
        self.script_button.setToolTip("Copy a Python script that makes the result again.")
        self.command_button = QPushButton("Copy command line")
        self.command_button.setToolTip("Copy a line for the shell that makes the result again.")
        self.recipe_button = QPushButton("Save recipe...")
        self.recipe_button.setToolTip("Write the recipe as it was run into a file, for this pair or others like it.")
        self.notes = Note()
        self.script_button.clicked.connect(lambda: self._copy("script"))
        self.command_button.clicked.connect(lambda: self._copy("command"))
        self.recipe_button.clicked.connect(self._ask)
        rows = column(content)
        rows.addLayout(in_a_row(self.script_button, self.command_button, stretch=1))
        rows.addWidget(self.recipe_button)
        rows.addWidget(self.notes)

    def set_layer(self, layer: Any) -> None:
        """Repeat the result of this layer; hidden with None."""
        self._layer = layer
        self.notes.say("")
        self.setVisible(layer is not None)

    def save_recipe(self, path: str | Path) -> None:
        """Write the recipe, in a worker."""
        repeat = self._repeat()
        if repeat is not None:
            self._path = str(path)
            worker = TaskWorker(partial(_write_text, Path(path).expanduser(), repeat.recipe))
            worker.returned.connect(self._on_saved)
            worker.failed.connect(self._on_failed)
            worker.start()

    def _repeat(self) -> Repeat | None:
        try:
            repeat = None if self._layer is None else repeat_of(self._layer)
        except CoregError as error:
            self.said.emit(str(error), "error")
            return None
        if repeat is None:
            self.said.emit("The layer has no record of how it was made.", "error")
        else:
            self.notes.say("\n".join(repeat.notes))
        return repeat

    def _copy(self, what: str) -> None:
        repeat = self._repeat()
        if repeat is not None:
            copy_to_clipboard(getattr(repeat, what))
            self.said.emit("Copied.", "note")

    def _ask(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save recipe", "recipe.json", "Recipe (*.json)")
        if path:
            self.save_recipe(path if Path(path).suffix else f"{path}.json")

    def _on_saved(self, _answer: Any) -> None:
        self.said.emit(f"Saved {self._path}", "note")

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")


def file_name(name: str) -> str:
    """Return a name that any file system takes.

    Examples
    --------
    >>> file_name("quality of mr/T1 (2)")
    'quality_of_mr_T1_2'
    """
    return re.sub(r"[^\w\-]+", "_", name).strip("_")


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
