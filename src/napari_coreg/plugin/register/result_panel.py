"""What a run gave, in a few words, and what can be kept of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from napari_coreg.io.again import write_recipe
from napari_coreg.io.records import save_result
from napari_coreg.io.transforms import write_transform
from napari_coreg.plugin.again import repeat_of_result
from napari_coreg.plugin.parts import Note, column, copy_to_clipboard, in_a_row
from napari_coreg.plugin.register.snippet import python_snippet
from napari_coreg.plugin.register.verdict_panel import VerdictPanel
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.layer_run import Request

_STARTS = {
    "given": "the positions in the headers",
    "centre": "the centres of the grids",
    "moments": "the centres of intensity",
    "principal_axes": "the axes of inertia",
    "phase_correlation": "the shift that phase correlation finds",
    "fourier_mellin": "the turn and shift that Fourier-Mellin finds",
    "features": "matched keypoints",
    "search": "the best of all poses",
}


class ResultPanel(QWidget):
    """The last result and its buttons; hidden until there is one."""

    said = Signal(str, str)  # a sentence and its role, for the widget's message line
    deformation_wanted = Signal(object)  # to be seen, of this result

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._request: Request | None = None
        self._result: RegistrationResult | None = None
        self._compare: Callable[[], object] | None = None
        self.verdict = VerdictPanel()
        self.words = Note()
        self.notes = Note()
        self.compare = QPushButton("Compare...")
        self.compare.setToolTip("Look at fixed and result together: checkerboard, flicker, before and after, and more.")
        self.compare.clicked.connect(self._on_compare)
        self.deformation = QPushButton("See the deformation...")
        self.deformation.setToolTip("Show arrows, a warped grid, and where the volume swells, shrinks or folds.")
        self.deformation.clicked.connect(self._on_deformation)
        self.save_result = QPushButton("Save result...")
        self.save_result.setToolTip(
            "Write a folder with the transform, the inverse of a deformation that has one, the registered volume, the "
            "displacement field and a record that repeats the run."
        )
        self.save_result.clicked.connect(self._on_save_result)
        self.save_transform = QPushButton("Save transform...")
        self.save_transform.setToolTip("Write the transform alone; it maps fixed points to moving points (LPS, mm).")
        self.save_transform.clicked.connect(self._on_save_transform)
        self.save_inverse = QPushButton("Save inverse...")
        self.save_inverse.setToolTip(
            "Write the inverse alone; it maps moving points to fixed points (LPS, mm). That of a displacement is "
            "worked out first, which takes some seconds; how accurate it is will be said."
        )
        self.save_inverse.clicked.connect(self._on_save_inverse)
        self.copy_python = QPushButton("Copy as Python")
        self.copy_python.setToolTip("Copy the lines that repeat this run in napari's console or in a script.")
        self.copy_python.clicked.connect(self._on_copy_python)
        self.copy_command = QPushButton("Copy command line")
        self.copy_command.setToolTip("Copy the line that repeats this run in a terminal, from the volumes' files.")
        self.copy_command.clicked.connect(self._on_copy_command)
        self.save_recipe = QPushButton("Save recipe...")
        self.save_recipe.setToolTip("Write what was run as a recipe, for other volumes and for the command line.")
        self.save_recipe.clicked.connect(self._on_save_recipe)
        layout = column(self)
        layout.addWidget(self.verdict)
        layout.addWidget(self.words)
        layout.addWidget(self.notes)
        layout.addWidget(self.compare)
        layout.addWidget(self.deformation)
        layout.addLayout(in_a_row(self.save_result, self.copy_python))
        layout.addLayout(in_a_row(self.save_recipe, self.copy_command))
        layout.addLayout(in_a_row(self.save_transform, self.save_inverse))
        self.hide()

    def shows(self, result: Any) -> bool:
        """Whether it is this result that is shown."""
        return result is self._result and not self.isHidden()

    def show_result(self, request: Request, result: RegistrationResult, compare: Callable[[], object] | None) -> None:
        """Show a finished run; its button calls `compare`, which is None where its layer is not there."""
        self.compare.setEnabled(compare is not None)
        self._request, self._result, self._compare = request, result, compare
        self.verdict.show_verdict(result.verdict)
        self.words.say(in_words(request, result))
        notes = [note for note in result.notes if note not in result.verdict.reasons]
        self.notes.say("\n".join(f"Note: {note}." for note in notes))
        self.show()

    def leave(self) -> None:
        """Hide, as another run begins."""
        self.hide()

    def write_result(self, folder: str | Path) -> None:
        """Write the result folder, in a worker."""
        if self._request is None or self._result is None:
            return
        result = self._result
        self._write(lambda: f"Saved in {save_result(result, folder)}")

    def write_transform(self, path: str | Path) -> None:
        """Write the transform, in a worker."""
        if self._result is not None:
            transform = self._result.transform
            self._write_one(lambda: write_transform(transform, path), path)

    def write_inverse(self, path: str | Path) -> None:
        """Find the inverse, write it and say how accurate it is, in a worker."""
        if self._result is None:
            return
        result = self._result

        def task() -> str:
            inverse = result.find_inverse()
            write_transform(inverse.transform, path)
            return f"Saved {path}: {inverse}"

        self._write(task)

    def write_recipe(self, path: str | Path) -> None:
        """Write the recipe that was run, in a worker."""
        if self._result is not None:
            recipe = self._result.recipe
            self._write_one(lambda: write_recipe(recipe, path), path)

    def _write_one(self, write: Callable[[], None], path: str | Path) -> None:
        def task() -> str:
            write()
            return f"Saved {path}"

        self._write(task)

    def _write(self, task: Callable[[], str]) -> None:
        """Carry out a task in a worker, and say what it returns."""
        worker = TaskWorker(task)
        worker.returned.connect(self._on_saved)
        worker.failed.connect(self._on_failed)
        self.said.emit("Saving...", "note")
        worker.start()

    def _on_saved(self, words: str) -> None:
        self.said.emit(words, "note")

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")

    def _on_save_result(self) -> None:
        if self._request is None:
            return
        folder, _ = QFileDialog.getSaveFileName(self, "New folder for the result", _file_name(self._request))
        if folder:
            self.write_result(folder)

    def _on_save_transform(self) -> None:
        if self._request is None:
            return
        path = self._ask_for_file("Save transform", _file_name(self._request))
        if path:
            self.write_transform(path)

    def _on_save_inverse(self) -> None:
        if self._request is None:
            return
        path = self._ask_for_file("Save inverse", f"{_file_name(self._request)}_inverse")
        if path:
            self.write_inverse(path)

    def _on_save_recipe(self) -> None:
        if self._result is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Save recipe", f"{self._result.recipe.name}.json", "Recipe (*.json)"
        )
        if path:
            self.write_recipe(path if Path(path).suffix else f"{path}.json")

    def _on_copy_command(self) -> None:
        if self._result is not None:
            repeat = repeat_of_result(self._result)
            copy_to_clipboard(repeat.command)
            self.said.emit(" ".join(["Copied: paste it into a terminal.", *repeat.notes]), "note")

    def _ask_for_file(self, title: str, name: str) -> str:
        """Return where to write a transform, with its suffix; empty if that was not said."""
        linear = "ITK transform, text (*.tfm)"
        is_linear = self._result is not None and self._result.is_linear
        kinds = ["ITK transform, HDF5 (*.h5)", *([linear] if is_linear else [])]
        path, kind = QFileDialog.getSaveFileName(self, title, name, ";;".join(kinds))
        if not path or Path(path).suffix in (".h5", ".tfm"):
            return str(path)
        return f"{path}{'.tfm' if kind == linear else '.h5'}"

    def _on_compare(self) -> None:
        if self._compare is not None:
            self._compare()

    def _on_deformation(self) -> None:
        if self._result is not None:
            self.deformation_wanted.emit(self._result)

    def _on_copy_python(self) -> None:
        if self._request is not None:
            copy_to_clipboard(python_snippet(self._request))
            self.said.emit("Copied: paste it into napari's console.", "note")


def in_words(request: Request, result: RegistrationResult) -> str:
    """Return metric before and after, time and start of a run in two sentences."""
    before, after = (_metric(value) for value in (result.metric_before, result.metric_after))
    start = f"Started from {_STARTS.get(result.initialization, result.initialization)}."
    if request.initial_transform is not None:
        start = "Started from the layers' position in the viewer."
    if request.start_source:
        start = f"Start: {request.start_source}."
    ended = "Done in" if result.verdict.state != "failed" else "Ended after"
    ended = "Taken after" if result.ended_early else ended
    said = f"{ended} {result.seconds:.1f} s. Metric {before} → {after} (lower is better). {start}"
    return said if result.folding is None else f"{said} {result.folding}.".replace("-", "−")


def _metric(value: float | None) -> str:
    return "no overlap" if value is None else f"{value:.4g}".replace("-", "−")


def _file_name(request: Request) -> str:
    name = f"{request.moving.name} to {request.fixed.name}"
    return re.sub(r"[^\w\-]+", "_", name).strip("_")
