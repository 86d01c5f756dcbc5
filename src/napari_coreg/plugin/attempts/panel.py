"""The finished runs of a viewer in a small table: show, flip, rename, delete, bring back, and keep as a project."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton, QShortcut, QWidget

from napari_coreg.attempts import memory_bytes
from napari_coreg.core.result import RegistrationResult
from napari_coreg.io.project import read_project
from napari_coreg.plugin.attempts.errands import Errands
from napari_coreg.plugin.attempts.layers import FLIP_KEY, Host, layers_of_attempts, registered_layer
from napari_coreg.plugin.attempts.projects import attempts_of, opened, saving
from napari_coreg.plugin.attempts.table import AttemptsTable
from napari_coreg.plugin.compare.console import comparison_of
from napari_coreg.plugin.compare.widget import open_compare
from napari_coreg.plugin.deformation.source import result_of
from napari_coreg.plugin.parts import Note, Section, column, in_a_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_coreg.attempts import Attempt
    from napari_coreg.plugin.register.result_panel import ResultPanel
    from napari_coreg.plugin.turns import Turns

_EMPTY = "Each finished run is kept here, to be shown again, compared and saved."
_TITLE = "Attempts"


class AttemptsPanel(QWidget):
    """The table of attempts and what can be done with them; folded until there is one.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose attempts.
    turns : Turns
        Where layers are added and removed.
    result : ResultPanel, optional
        Shows the verdict and what can be kept of the attempt that is shown.
    """

    def __init__(
        self, viewer: Any, turns: Turns, result: ResultPanel | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._turns, self._result = viewer, turns, result
        self._attempts = attempts_of(viewer)
        self._errands = Errands(self)
        self._folder: str | None = None
        self._had = 0
        self._make_parts()
        self._lay_out()
        self._connect()
        self._lend()
        self._refresh()

    def later(self, job: Callable[[], None]) -> None:
        """Call `job` in a turn of its own, after those that wait."""
        self._turns.add(job)

    def work(self, task: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Call `task` in a worker, and one of the other two in the GUI's thread."""
        self._errands.add(task, done, failed)

    def tell_busy(self, text: str) -> None:
        """Show what is on its way, until all has ended."""
        self.busy.say(text)

    def complain(self, text: str) -> None:
        """Show a sentence about what went wrong, or may be, until something else is asked for."""
        self.message.say(text, "error")

    def is_busy(self) -> bool:
        """Whether layers are made, or a project is read or written."""
        return self._errands.is_busy()

    def save_to(self, folder: str | Path) -> None:
        """Write the project folder, in a worker."""
        self.message.say("")
        self.tell_busy("Saving...")
        task = saving(self._viewer, folder, registered=self.registered.isChecked())
        self.work(task, self._on_saved, self.complain)

    def open_from(self, folder: str | Path) -> None:
        """Read a project folder, in a worker, and show what was shown then."""
        self.message.say("")
        self.tell_busy("Reading...")

        def done(project: Any) -> None:
            self._on_read(project, str(folder))

        self.work(partial(read_project, folder), done, self.complain)

    def _make_parts(self) -> None:
        self.table = AttemptsTable()
        key = FLIP_KEY
        self.flip = _button(
            f"Flip ({key})",
            f"Show the attempt that was shown before; again, and back. Over the image, the key is {key}.",
        )
        self.delete = _button("Delete", "Delete the attempts of the selected rows, with their layers (Delete).")
        self.undo = _button("Undo", "Bring back what was deleted last (Ctrl+Z); delete it again with Ctrl+Shift+Z.")
        self.save = _button("Save", "Bring the project folder up to date.")
        self.save_as = _button(
            "Save project...",
            "Write a folder with the attempts: transforms, recipes and verdicts, and where the volumes came from.",
        )
        self.open = _button("Open project...", "Read a project folder back, and its volumes where they are not open.")
        self.registered = QCheckBox("Save registered volumes, too")
        self.registered.setToolTip(
            "Each as large as the fixed volume. Without, they are made again from the transform."
        )
        self.memory = Note()
        self.busy = Note()
        self.message = Note()

    def _lay_out(self) -> None:
        self.content = QWidget()
        rows = column(self.content)
        rows.addWidget(self.table)
        rows.addLayout(in_a_row(self.flip, self.delete, self.undo))
        rows.addWidget(self.memory)
        rows.addLayout(in_a_row(self.save, self.save_as, self.open))
        rows.addWidget(self.registered)
        rows.addWidget(self.busy)
        rows.addWidget(self.message)
        self.section = Section(_TITLE, self.content, tooltip=_EMPTY)
        column(self).addWidget(self.section)

    def _connect(self) -> None:
        self._attempts.changed.connect(self._refresh)
        self._attempts.shown.connect(self._on_shown)
        self.table.chosen.connect(self._on_chosen)
        self.table.renamed.connect(self._attempts.rename)
        self.table.removal_wanted.connect(self._on_delete)
        self.table.itemSelectionChanged.connect(self._show_state)
        self.flip.clicked.connect(self._attempts.flip)
        self.delete.clicked.connect(self._on_delete)
        self.undo.clicked.connect(self._attempts.undo)
        self.save.clicked.connect(self._on_save)
        self.save_as.clicked.connect(self._on_save_as)
        self.open.clicked.connect(self._on_open)
        self._errands.changed.connect(self._on_errands)
        for keys, slot in (("Ctrl+Z", self._attempts.undo), ("Ctrl+Shift+Z", self._attempts.redo)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    def _lend(self) -> None:
        """Let the layers of the attempts be added and made by this widget, for as long as it lives."""
        weak = weakref.ref(self)

        def host() -> Host | None:
            panel = weak()
            return panel if panel is not None and isalive(panel) else None

        layers_of_attempts(self._viewer).set_host(host)

    def _refresh(self) -> None:
        if not isalive(self):
            return
        number = len(self._attempts)
        self.table.fill(tuple(self._attempts), self._attempts.current)
        self.table.setVisible(number > 0)
        self.section.rename(f"{_TITLE} ({number})" if number else _TITLE)
        if number and not self._had:
            self.section.unfold()
        self._had = number
        self._say_memory()
        self._show_state()

    def _say_memory(self) -> None:
        """Say what one attempt costs besides the volumes, which attempts of one pair share."""
        everything = memory_bytes(self._attempts)
        if not everything:
            self.memory.say("" if len(self._attempts) else _EMPTY)
            return
        last = self._attempts[len(self._attempts) - 1]
        alone = everything - memory_bytes([attempt for attempt in self._attempts if attempt is not last])
        if len(self._attempts) > 1:
            self.memory.say(f"They hold {_size(everything)}; the last one added {_size(alone)}.")
        else:
            self.memory.say(f"It holds {_size(everything)}, volumes included.")

    def _show_state(self) -> None:
        attempts, busy = self._attempts, self.is_busy()
        self.flip.setEnabled(attempts.previous is not None)
        self.delete.setEnabled(bool(self.table.selected()))
        self.undo.setEnabled(attempts.can_undo)
        for part in (self.flip, self.delete, self.undo, self.registered, self.save_as):
            part.setVisible(len(attempts) > 0 or (part is self.undo and attempts.can_undo))
        self.save.setVisible(self._folder is not None and len(attempts) > 0)
        self.save_as.setText("Save project..." if self._folder is None else "Save as...")
        self.open.setText("Open project..." if self.save.isHidden() else "Open...")
        for button in (self.save, self.save_as, self.open):
            button.setEnabled(not busy)

    def _on_errands(self) -> None:
        if not self.is_busy():
            self.busy.say("")
        self._show_state()

    def _on_shown(self, attempt: Attempt | None) -> None:
        if isalive(self):
            self.table.mark(attempt)
            self._show_state()
            self._show_result(attempt)

    def _show_result(self, attempt: Attempt | None) -> None:
        """Let verdict and buttons above be about the attempt that is shown."""
        panel = self._result
        if panel is None or (attempt is not None and panel.shows(attempt.result) and panel.compare.isEnabled()):
            return
        layer = None if attempt is None else registered_layer(attempt)
        if attempt is None or not isinstance(attempt.result, RegistrationResult):
            panel.leave()
        else:
            fixed = self._fixed_of(attempt)
            is_there = layer is not None and fixed is not None
            compare = partial(open_compare, self._viewer, fixed, layer) if is_there else None
            panel.show_result(attempt.request, attempt.result, compare)
        self._compare_too(attempt, layer)

    def _compare_too(self, attempt: Attempt | None, layer: Any) -> None:
        """Let what is compared with the result of another attempt be compared with this one's."""
        comparison = comparison_of(self._viewer)
        first, second = comparison.first, comparison.second
        if attempt is None or layer is None or not comparison.is_on or second is layer or result_of(second) is None:
            return
        comparison.end(later=self._turns.add)
        layers_of_attempts(self._viewer).reveal(attempt)  # the layers that came back are those of another one
        comparison.begin(first, layer, later=self._turns.add)

    def _fixed_of(self, attempt: Attempt) -> Any:
        return next((layer for layer in self._viewer.layers if layer.name == attempt.fixed.name), None)

    def _on_chosen(self, attempt: Attempt) -> None:
        self.message.say("")
        self._attempts.show(attempt)

    def _on_delete(self) -> None:
        self._attempts.delete(*self.table.selected())

    def _on_save(self) -> None:
        if self._folder is not None:
            self.save_to(self._folder)

    def _on_save_as(self) -> None:
        folder, _ = QFileDialog.getSaveFileName(self, "New folder for the project", self._folder or "registration")
        if folder:
            self.save_to(folder)

    def _on_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the project", self._folder or "")
        if folder:
            self.open_from(folder)

    def _on_saved(self, folder: Path) -> None:
        self._keep_folder(str(folder))
        self.message.say(f"Saved in {folder}", "note")

    def _on_read(self, project: Any, folder: str) -> None:
        self._keep_folder(folder)
        number = len(opened(self._viewer, project))
        if project.notes:
            self.complain(" ".join(project.notes))
        elif not number:
            self.message.say("Its attempts are all here already.", "note")

    def _keep_folder(self, folder: str) -> None:
        self._folder = folder
        self.save.setToolTip(f"Bring {folder} up to date.")
        self._show_state()


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button


def _size(number_of_bytes: int) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> _size(140_000), _size(67_000_000), _size(2_340_000_000)
    ('0.1 MB', '67 MB', '2.34 GB')
    """
    if number_of_bytes >= 1e9:
        return f"{number_of_bytes / 1e9:.2f} GB"
    megabytes = number_of_bytes / 1e6
    return f"{megabytes:.0f} MB" if megabytes >= 9.5 else f"{megabytes:.1f} MB"
