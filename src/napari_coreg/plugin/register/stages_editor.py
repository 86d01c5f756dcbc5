"""The stages of a recipe: a list to add to, shorten and reorder, and the settings of the stage that is chosen."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QPushButton, QWidget

from napari_coreg.core.recipe import Recipe
from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.parts import Note, column
from napari_coreg.plugin.register.model_editor import Findings, Path, UnionEditor
from napari_coreg.plugin.register.stage_values import STAGE_CLASSES, change_engine, change_kind, limits_of

_VISIBLE_ROWS = 4
_FIRST = ("engine", "deformation", "grid_spacings_mm", "interpolator")


class StagesEditor(QWidget):
    """Edits plain values of stages, valid or not."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stages: list[dict[str, Any]] = []
        self._of_engines: dict[str, dict[str, Any]] = {}  # the chosen stage as it was left on each engine
        self._findings: Findings = ()
        self._list = QListWidget()
        self._list.setObjectName("stages")
        self._list.setToolTip(Recipe.model_fields["stages"].description or "")
        self._list.currentRowChanged.connect(self._on_chosen)
        self._editor = UnionEditor(
            STAGE_CLASSES, "Kind", "What the stage may do to the volume.", change_kind, limits_of, _FIRST
        )
        self._editor.setObjectName("stage")
        self._editor.changed.connect(self._on_edited)
        self._buttons = {
            "add": _button("Add", "Add a stage after the chosen one, with the same settings.", self._add),
            "remove": _button("Remove", "Remove the chosen stage.", self._remove),
            "up": _button("Up", "Run the chosen stage earlier.", lambda: self._move(-1)),
            "down": _button("Down", "Run the chosen stage later.", lambda: self._move(1)),
        }
        row = QHBoxLayout()
        row.setSpacing(4)
        for name, button in self._buttons.items():
            button.setObjectName(name)
            row.addWidget(button)
        self._heading = Note("Stage 1", role="heading")
        layout = column(self)
        layout.addWidget(self._list)
        layout.addLayout(row)
        layout.addWidget(self._heading)
        layout.addWidget(self._editor)

    def plain(self) -> list[dict[str, Any]]:
        """Return the values of all stages."""
        return deepcopy(self._stages)

    def set_plain(self, stages: list[dict[str, Any]]) -> None:
        """Show `stages`, in silence."""
        self._stages = deepcopy(stages)
        self._show(0)

    def choose(self, row: int) -> None:
        """Show the settings of a stage."""
        self._list.setCurrentRow(row)

    def show_findings(self, findings: Findings) -> None:
        """Mark the stages that something is wrong with, and write it beside the fields of the chosen one."""
        self._findings = findings
        wrong = {path[0] for path, _ in findings if path}
        for row in range(self._list.count()):
            self._list.item(row).setText(self._caption(row) + ("   (!)" if row in wrong else ""))
        row = self._list.currentRow()
        self._editor.show_findings([(path[1:], text) for path, text in findings if path and path[0] == row])

    def titles(self, path: Path) -> list[str]:
        """Return the titles along a path, beginning with the number of the stage."""
        if not path:
            return ["Stages"]
        row = int(path[0])
        if row == self._list.currentRow():
            return [f"Stage {row + 1}", *self._editor.titles(path[1:])]
        return [f"Stage {row + 1}"]

    def _caption(self, row: int) -> str:
        return f"{row + 1}   {humane(self._stages[row]['kind'])}"

    def _show(self, row: int) -> None:
        self._list.blockSignals(True)
        self._list.clear()
        for index in range(len(self._stages)):
            self._list.addItem(self._caption(index))
        self._list.blockSignals(False)
        self._list.setCurrentRow(row)
        self._on_chosen(row)
        height = self._list.sizeHintForRow(0) * min(max(2, len(self._stages)), _VISIBLE_ROWS)
        self._list.setFixedHeight(height + 2 * self._list.frameWidth() + 4)

    def _on_chosen(self, row: int) -> None:
        if not 0 <= row < len(self._stages):
            return
        self._of_engines = {}
        self._editor.set_plain(self._stages[row])
        self._heading.say(f"Stage {row + 1}")
        self._buttons["remove"].setEnabled(len(self._stages) > 1)
        self._buttons["up"].setEnabled(row > 0)
        self._buttons["down"].setEnabled(row < len(self._stages) - 1)
        self.show_findings(self._findings)

    def _on_edited(self) -> None:
        row = self._list.currentRow()
        self._stages[row] = self._on_its_engine(self._stages[row], self._editor.plain())
        self._list.item(row).setText(self._caption(row))
        self.changed.emit()

    def _on_its_engine(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        """Return the edited stage; on another engine than before, as it was left there, or as it suits that engine."""
        if before["kind"] != after["kind"]:
            self._of_engines = {}
        elif after.get("engine") != before.get("engine"):
            self._of_engines[before["engine"]] = before
            after = self._of_engines.get(after["engine"]) or change_engine(after["engine"], before)
            self._editor.set_plain(after)
        return after

    def _add(self) -> None:
        row = self._list.currentRow()
        self._stages.insert(row + 1, deepcopy(self._stages[row]))
        self._restructured(row + 1)

    def _remove(self) -> None:
        row = self._list.currentRow()
        del self._stages[row]
        self._restructured(min(row, len(self._stages) - 1))

    def _move(self, step: int) -> None:
        row = self._list.currentRow()
        self._stages[row], self._stages[row + step] = self._stages[row + step], self._stages[row]
        self._restructured(row + step)

    def _restructured(self, row: int) -> None:
        self._findings = ()
        self._show(row)
        self.changed.emit()


def _button(text: str, tooltip: str, action: Any) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.clicked.connect(lambda _checked=False: action())
    return button
