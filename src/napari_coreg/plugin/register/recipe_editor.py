"""Edits a whole recipe; knows at any moment whether it can be run, and says in one sentence why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_coreg.core.recipe import Recipe
from napari_coreg.errors import CoregError, RecipeError
from napari_coreg.io.atomic import replacing
from napari_coreg.plugin.parts import Note, column
from napari_coreg.plugin.register.model_editor import ModelEditor, titles_of
from napari_coreg.plugin.register.stage_values import STAGE_CLASSES
from napari_coreg.plugin.register.stages_editor import StagesEditor

EDITED = " (edited)"
_ELSEWHERE = ("title", "description", "references", "stages")
_REST = ("preprocessing", "seed")
_TOP = tuple(name for name in Recipe.model_fields if name not in (*_ELSEWHERE, *_REST))
_FILES = "Recipes (*.json);;All files (*)"
_WORDS = {
    "int_parsing": "{input!r} is not a whole number",
    "int_type": "{input!r} is not a whole number",
    "int_from_float": "{input!r} is not a whole number",
    "float_parsing": "{input!r} is not a number",
    "float_type": "{input!r} is not a number",
    "finite_number": "{input!r} is not a finite number",
    "string_too_short": "must not be empty",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
    "missing": "is missing: give as many as there are places",
}


class RecipeEditor(QWidget):
    """Edits every setting of a recipe.

    ``value()`` returns the recipe, ``setValue()`` shows one in silence, ``valueChanged`` follows every edit by hand,
    also one that leaves the recipe invalid; ``error()`` says what is wrong then.
    """

    valueChanged = Signal()  # noqa: N815 - Qt's spelling, as value() and setValue()

    def __init__(self, recipe: Recipe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._baseline = recipe
        self._kept: dict[str, Any] = {}
        self._recipe: Recipe | None = recipe
        self._error = ""
        self._head = Note(role="error")
        self._top = ModelEditor(Recipe, _TOP)
        self._stages = StagesEditor()
        self._rest = ModelEditor(Recipe, _REST)
        models: tuple[type[BaseModel], ...] = (Recipe, *STAGE_CLASSES)
        self._names = {name: title for model in models for name, title in titles_of(model)}
        layout = column(self, spacing=8)
        layout.addWidget(self._head)
        layout.addWidget(self._top)
        layout.addWidget(Note("Stages", role="heading"))
        layout.addWidget(self._stages)
        layout.addWidget(self._rest)
        layout.addLayout(self._file_buttons())
        for part in (self._top, self._stages, self._rest):
            part.changed.connect(self._on_edited)
        self.setValue(recipe)

    def value(self) -> Recipe:
        """Return the recipe as it stands.

        Raises
        ------
        RecipeError
            With what `error` says.
        """
        if self._recipe is None:
            raise RecipeError(self._error)
        return self._recipe

    def setValue(self, recipe: Recipe) -> None:
        """Show `recipe`, in silence."""
        self._baseline = recipe
        plain = recipe.model_dump(mode="json")
        self._kept = {name: plain[name] for name in plain if name not in (*_TOP, *_REST, "stages")}
        self._top.set_plain(plain)
        self._stages.set_plain(plain["stages"])
        self._rest.set_plain(plain)
        self._validate()

    def error(self) -> str:
        """Return what is wrong in one sentence; empty where nothing is."""
        return self._error

    def load(self, path: str | Path) -> None:
        """Show the recipe of a JSON file, or say why that is impossible."""
        try:
            recipe = Recipe.from_file(path)
        except RecipeError as error:
            self._head.say(str(error))
            return
        self.setValue(recipe)
        self.valueChanged.emit()

    def save(self, path: str | Path) -> None:
        """Write the recipe as a JSON file, or say why that is impossible."""
        target = Path(path) if Path(path).suffix else Path(path).with_suffix(".json")
        try:
            with replacing(target) as temporary:
                temporary.write_text(self.value().to_json(), encoding="utf-8")
        except CoregError as error:
            self._head.say(str(error))

    def _on_edited(self) -> None:
        self._rename()
        self._validate()
        self.valueChanged.emit()

    def _plain(self) -> dict[str, Any]:
        top, rest = self._top.plain(), self._rest.plain()
        shown = {**{name: top[name] for name in _TOP}, **{name: rest[name] for name in _REST}}
        return {**self._kept, **shown, "stages": self._stages.plain()}

    def _rename(self) -> None:
        """Call an edited recipe edited, as long as nobody gave it another name."""
        plain, before = self._plain(), self._baseline.model_dump(mode="json")
        if plain["name"] not in (before["name"], before["name"] + EDITED):
            self._kept["title"] = plain["name"]
            return
        same = all(plain[key] == before[key] for key in before if key not in ("name", "title"))
        suffix = "" if same or before["name"].endswith(EDITED) else EDITED
        self._kept["title"] = (before["title"] or before["name"]) + suffix if suffix else before["title"]
        self._top.set_plain({**self._top.plain(), "name": before["name"] + suffix})

    def _validate(self) -> None:
        findings: list[tuple[tuple[int | str, ...], str]] = []
        try:
            self._recipe = Recipe.model_validate(self._plain())
        except ValidationError as error:
            self._recipe = None
            found = error.errors()
            real = [item for item in found if item["loc"] != ("stages",)]  # a wrong stage counts as missing, too
            findings = [self._finding(item) for item in real or found]
        self._error = "" if not findings else self._sentence(*findings[0], others=len(findings) - 1)
        self._head.say(self._error)
        self._top.show_findings([item for item in findings if item[0] and item[0][0] in _TOP])
        self._rest.show_findings([item for item in findings if item[0] and item[0][0] in _REST])
        self._stages.show_findings([(path[1:], text) for path, text in findings if path and path[0] == "stages"])

    def _finding(self, item: Any) -> tuple[tuple[int | str, ...], str]:
        """Return where pydantic found something, and what, in the words of the editor's labels."""
        if item["type"] in _WORDS:
            return item["loc"], _WORDS[item["type"]].format(input=item["input"], **item.get("ctx", {}))
        text = item["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        subject, _, rest = text.partition(" ")
        subject = subject.removesuffix(":")
        if all(part in self._names for part in subject.split(".")):  # a sentence about one field: put it there
            return (*item["loc"], *subject.split(".")), self._humane(rest)
        return item["loc"], self._humane(text)

    def _humane(self, text: str) -> str:
        """Replace names of fields by what a person reads."""
        return re.sub(r"\b(?:[a-z]+\.)?([a-z]+_[a-z_]+|percentages)\b", self._title, text)

    def _title(self, match: re.Match[str]) -> str:
        return self._names.get(match.group(1), match.group(0))

    def _sentence(self, path: tuple[int | str, ...], text: str, others: int) -> str:
        editor = self._top if path and path[0] in _TOP else self._rest
        titles = self._stages.titles(path[1:]) if path and path[0] == "stages" else editor.titles(path)
        more = f" (and {others} more)" if others else ""
        return f"{', '.join(titles) or 'Recipe'}: {text}{more}"

    def _file_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        load = QPushButton("Load recipe...")
        load.setToolTip("Read a recipe from a JSON file (or from the result.json of an earlier run).")
        load.clicked.connect(self._on_load)
        save = QPushButton("Save recipe...")
        save.setToolTip("Write this recipe to a JSON file, for the command line or another day.")
        save.clicked.connect(self._on_save)
        row.addWidget(load)
        row.addWidget(save)
        return row

    def _on_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load recipe", "", _FILES)
        if path:
            self.load(path)

    def _on_save(self) -> None:
        if self._error:
            return
        path, _ = QFileDialog.getSaveFileName(self, "Save recipe", f"{self.value().name}.json", _FILES)
        if path:
            self.save(path)
