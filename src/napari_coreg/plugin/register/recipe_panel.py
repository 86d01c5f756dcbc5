"""Which recipe is run: a list of those that ship, what the chosen one is for, and its editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_coreg.core.presets import load_preset, preset_names
from napari_coreg.plugin.parts import ElidedBox, Note, RowLabel, Section, column, form
from napari_coreg.plugin.register.recipe_editor import EDITED, RecipeEditor

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe


class RecipePanel(QWidget):
    """Chooses and edits a recipe; an edited or loaded one becomes the last entry of the list."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipes: list[Recipe] = [load_preset(name) for name in preset_names()]
        self._presets = len(self._recipes)
        self.box = ElidedBox()
        self.box.set_help("What is done, and with which settings.")
        self.box.addItems([recipe.title or recipe.name for recipe in self._recipes])
        self.about = Note()
        self.editor = RecipeEditor(self._recipes[0])
        self.section = Section("Edit recipe", self.editor, tooltip="All settings of the recipe.")
        row = form()
        row.addRow(RowLabel("Recipe", "Moving "), self.box)
        layout = column(self)
        layout.addLayout(row)
        layout.addWidget(self.about)
        layout.addWidget(self.section)
        self._describe()
        self.box.currentIndexChanged.connect(self._on_chosen)
        self.editor.valueChanged.connect(self._on_edited)

    def recipe(self) -> Recipe:
        """Return the recipe to run.

        Raises
        ------
        RecipeError
            If its settings contradict each other; one sentence.
        """
        return self.editor.value()

    def set_recipe(self, recipe: Recipe) -> None:
        """Choose a preset, or any other recipe."""
        self.editor.setValue(recipe)
        self._list(recipe)
        self._describe()
        self.changed.emit()

    def take(self, recipe: Recipe) -> None:
        """Choose a recipe that a program changed; one that still has a preset's name is called edited."""
        presets = self._recipes[: self._presets]
        if recipe not in presets and recipe.name in [preset.name for preset in presets]:
            title = (recipe.title or recipe.name) + EDITED
            recipe = recipe.model_copy(update={"name": recipe.name + EDITED, "title": title})
        self.set_recipe(recipe)

    def error(self) -> str:
        """Return what is wrong with the recipe; empty where nothing is."""
        return self.editor.error()

    def _on_chosen(self, index: int) -> None:
        self.editor.setValue(self._recipes[index])
        self._describe()
        self.changed.emit()

    def _on_edited(self) -> None:
        if not self.editor.error():
            self._list(self.editor.value())
            self._describe()
        self.changed.emit()

    def _list(self, recipe: Recipe) -> None:
        """Choose the recipe in the box, as the one entry after the presets where it is none of them."""
        self.box.blockSignals(True)
        if recipe not in self._recipes[: self._presets]:
            self._recipes[self._presets :] = [recipe]
            if self.box.count() == self._presets:
                self.box.addItem("")
            self.box.setItemText(self._presets, recipe.title or recipe.name)
        self.box.setCurrentIndex(self._recipes.index(recipe))
        self.box.blockSignals(False)

    def _describe(self) -> None:
        recipe = self._recipes[self.box.currentIndex()]
        self.about.say(recipe.description)
        self.about.setToolTip("\n".join(recipe.references))
