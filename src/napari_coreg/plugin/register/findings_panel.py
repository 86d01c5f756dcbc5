"""Shows what the check before a run has found: a sign, a sentence and a remedy each, and a button where it is ready."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_coreg.plugin.parts import Note, Section, column
from napari_coreg.plugin.signs import pixmap, sign_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.preflight import Finding, Severity
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.plugin.signs import Sign

_SIGNS: dict[Severity, Sign] = {"error": "wrong", "warning": "doubt", "note": "note"}
_MEANINGS: dict[Severity, str] = {
    "error": "Error: the run cannot work.",
    "warning": "Warning: the result may be wrong.",
    "note": "Note: good to know.",
}
_CLEAN = "Check: nothing speaks against this run."
_OUTDATED = "Before the last change:"


class FindingsPanel(QWidget):
    """The findings of the last check, the gravest first; hidden until there is one."""

    taken = Signal(object)  # the recipe of the remedy whose button was pressed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: list[QPushButton] = []
        self._rows = QWidget()
        self._column = column(self._rows, spacing=8)
        self._column.setContentsMargins(2, 2, 0, 2)
        self.section = Section("Check", self._rows, tooltip="What was found wrong, or may be, before the run.")
        self.section.unfold()
        self.clean = QWidget()
        line = _line(sign_label("good"))
        line.addWidget(Note(_CLEAN, role="text"), 1)
        self.clean.setLayout(line)
        self._age = Note()
        layout = column(self, spacing=2)
        layout.addWidget(self._age)
        layout.addWidget(self.section)
        layout.addWidget(self.clean)
        self.hide()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Show findings, or that there are none; errors unfold the panel."""
        self._empty()
        for finding in findings:
            self._column.addWidget(self._row(finding))
        self.section.setVisible(bool(findings))
        self.clean.setVisible(not findings)
        self._age.say("")
        if findings:
            gravest: Severity = min((finding.severity for finding in findings), key=list(_SIGNS).index)
            self.section.rename(f"Check: {in_numbers(findings)}")
            self.section.button.setIcon(QIcon(pixmap(_SIGNS[gravest], self.devicePixelRatioF())))
            if gravest == "error":
                self.section.unfold()
        self._enable(True)
        self.show()

    def outdate(self) -> None:
        """Say that layers or recipe have changed since; a remedy of then would undo that."""
        if not self.isHidden() and self._rows.isEnabled():
            self._age.say(_OUTDATED)
            self._enable(False)

    def clear(self) -> None:
        """Hide, with nothing in it."""
        self._empty()
        self.hide()

    def texts(self) -> list[str]:
        """Return what is shown, a line each."""
        if self.isHidden():
            return []
        shown = [note.text() for note in self.findChildren(Note) if note.isVisibleTo(self)]
        if not self.section.isHidden():
            shown.insert(shown.count(_OUTDATED), self.section.title)
        return shown

    def fix_buttons(self) -> list[QPushButton]:
        """Return the buttons of the remedies that are ready to take."""
        return list(self._buttons)

    def _enable(self, enabled: bool) -> None:
        self._rows.setEnabled(enabled)
        self.clean.setEnabled(enabled)

    def _empty(self) -> None:
        self._buttons = []
        while (item := self._column.takeAt(0)) is not None:
            row = item.widget()
            row.setParent(None)
            row.deleteLater()

    def _take(self, recipe: Recipe, _checked: bool = False) -> None:
        self.taken.emit(recipe)

    def _row(self, finding: Finding) -> QWidget:
        row = QWidget()
        line = _line(sign_label(_SIGNS[finding.severity], _MEANINGS[finding.severity]))
        words = column(spacing=3)
        what = Note(in_words(finding), role="text")
        what.setToolTip(finding.remedy)
        words.addWidget(what)
        words.addWidget(Note(_sentence(finding.remedy)))
        if finding.fix is not None:
            button = QPushButton(finding.fix.title)
            on_command_line = f" On the command line: {finding.fix.flag}" if finding.fix.flag else ""
            button.setToolTip(f"Changes the recipe, and checks again.{on_command_line}")
            button.clicked.connect(partial(self._take, finding.fix.recipe))
            self._buttons.append(button)
            place = QHBoxLayout()
            place.setContentsMargins(4, 0, 0, 0)  # below the text, which napari's style indents
            place.addWidget(button)
            place.addStretch(1)
            words.addLayout(place)
        line.addLayout(words, 1)
        row.setLayout(line)
        return row


def in_words(finding: Finding) -> str:
    """Return what was found and its value in one sentence."""
    what = _sentence(finding.what)
    return f"{what.removesuffix('.')} ({finding.value})." if finding.value else what


def in_numbers(findings: Sequence[Finding]) -> str:
    """Return how many there are of each severity, the gravest first; empty for none."""
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in _SIGNS}
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n)


def _sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _line(sign: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(7)
    line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    return line
