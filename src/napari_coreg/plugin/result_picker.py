"""Chooses a registration: the layer that a run has made, or a transform from a file and the layers it belongs to."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_coreg.io.transforms import TRANSFORM_SUFFIXES, read_transform
from napari_coreg.plugin.deformation.source import has_result
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import Note, Section, column, form
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    import SimpleITK as sitk

_FIELD_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")


class ResultPicker(QWidget):
    """Chooses a registered layer, or a transform from a file and the fixed layer it belongs to.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are listed.
    about_file : str
        What a transform from a file is opened for.
    parent : QWidget, optional
        As in Qt.
    with_moving : bool
        Whether a transform from a file needs a moving layer, too.

    Attributes
    ----------
    transform : SimpleITK.Transform or None
        The one from a file (fixed -> moving, LPS mm), while it is chosen.
    file_name : str
        Of that file.
    file_path : Path or None
        Where it is.
    """

    changed = Signal()
    said = Signal(str, str)  # a sentence and its role

    def __init__(
        self, viewer: Any, about_file: str, parent: QWidget | None = None, *, with_moving: bool = False
    ) -> None:
        super().__init__(parent)
        from napari.layers import Image, Layer  # noqa: PLC0415 - loaded already wherever a viewer exists

        self.transform: sitk.Transform | None = None
        self.file_name = ""
        self.file_path: Path | None = None
        self._reading: Path | None = None
        self._with_moving = with_moving
        self.result = LayerBox(viewer, Layer, "A layer that a registration has made.", fits=has_result)
        self.result.setPlaceholderText("no registered layer")
        self.open_button = QPushButton("Open a transform...")
        self.open_button.setToolTip(about_file)
        self.close_button = QPushButton("Close")
        self.close_button.setToolTip("Go back to the registered layer above.")
        self.file = Note(role="plain")
        self.fixed = LayerBox(viewer, Image, "The fixed volume that the transform in the file was made for.")
        self.moving = LayerBox(viewer, Image, "The moving volume that the transform in the file was made for.")
        self._lay_out()
        self._take_first()
        self.result.layer_changed.connect(self._on_result)
        volumes = [self.fixed, *([self.moving] if with_moving else [])]
        for box in (self.result, *volumes):
            box.listed.connect(self._take_first)
        for box in volumes:
            box.layer_changed.connect(self._on_volume)
        self.open_button.clicked.connect(self._ask)
        self.close_button.clicked.connect(self.close_transform)

    def open_transform(self, path: str | Path) -> None:
        """Read a transform, in a worker, and choose it instead of a registered layer."""
        self._reading = Path(path)
        self.said.emit(f"Reading {self._reading.name}...", "note")
        worker = TaskWorker(partial(read_transform, path))
        worker.returned.connect(self._on_read)
        worker.failed.connect(self._on_failed)
        worker.start()

    def choose_transform(self, transform: sitk.Transform, path: Path) -> None:
        """Choose a transform that was read from a file already, instead of a registered layer."""
        self.transform = transform
        self._show_file(path)
        self.changed.emit()

    def close_transform(self) -> None:
        """Go back to the registered layer."""
        self.transform = None
        self._show_file(None)
        self.changed.emit()

    def _lay_out(self) -> None:
        rows = form()
        rows.addRow("Result", self.result)
        from_file = QWidget()
        file_rows = column(from_file)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button, 1)
        buttons.addWidget(self.close_button)
        file_rows.addLayout(buttons)
        file_rows.addWidget(self.file)
        self._volume_rows = QWidget()
        volume_rows = form(self._volume_rows)
        volume_rows.addRow("Fixed", self.fixed)
        if self._with_moving:
            volume_rows.addRow("Moving", self.moving)
        file_rows.addWidget(self._volume_rows)
        self.section = Section("From a file", from_file, tooltip="Take a transform that was saved before.")
        layout = column(self)
        layout.addLayout(rows)
        layout.addWidget(self.section)
        self._show_file(None)

    def _show_file(self, path: Path | None) -> None:
        self.file_path, self.file_name = path, "" if path is None else path.name
        self.file.say("" if path is None else f"Shown: {path.name}")
        self.close_button.setVisible(path is not None)
        self._volume_rows.setVisible(path is not None)
        self.result.setEnabled(path is None)
        if path is not None:
            self.section.unfold()

    def _take_first(self) -> None:
        """Choose a layer where none is chosen: the latest result, the first volume, the next volume."""
        if self.result.layer() is None and self.result.layers():
            self.result.set_layer(self.result.layers()[-1])
        if self.fixed.layer() is None and self.fixed.layers():
            self.fixed.set_layer(self.fixed.layers()[0])
        if self.moving.layer() is None and self._with_moving:
            others = [layer for layer in self.moving.layers() if layer is not self.fixed.layer()]
            self.moving.set_layer(others[0] if others else None)

    def _ask(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in (*TRANSFORM_SUFFIXES, *_FIELD_SUFFIXES))
        path, _ = QFileDialog.getOpenFileName(self, "Open a transform", "", f"Transforms ({pattern});;All files (*)")
        if path:
            self.open_transform(path)

    def _on_read(self, transform: sitk.Transform) -> None:
        assert self._reading is not None
        self.choose_transform(transform, self._reading)

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")

    def _on_result(self) -> None:
        if self.transform is None:
            self.changed.emit()

    def _on_volume(self) -> None:
        if self.transform is not None:
            self.changed.emit()
