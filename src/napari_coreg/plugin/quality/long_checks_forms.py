"""What each long check tells and how long it takes, in plain words, with its few settings and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QPushButton, QSpinBox, QWidget

from napari_coreg.core.presets import load_preset, preset_names
from napari_coreg.core.simulation import SimulatedMove
from napari_coreg.errors import RecipeError
from napari_coreg.plugin.fields import ValueField
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import ElidedBox, Note, Section, column, form, guard_wheel
from napari_coreg.plugin.quality.long_checks_numbers import Numbers
from napari_coreg.plugin.quality.long_checks_run import Jitter

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe

_NO_RECIPE = "This transform came without its recipe, so it cannot be run again. Register the pair, and choose that."
_NO_SUBJECT = "Measure a registration first."
_OWN_RECIPE = "(as it was run)"
_FIXED = "(the fixed one)"
_INTENSITIES = {"none": "As they are", "gamma": "By a gamma", "remap": "As another modality"}


class CheckForm(QWidget):
    """One check.

    Parameters
    ----------
    title : str
        Of the section that holds it.
    about : str
        What it tells, and what not.
    button : str
        What the button says that begins it.
    """

    run_wanted = Signal()

    def __init__(self, title: str, about: str, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.about = Note(about, parent=self)  # without a parent it would be a window for a moment
        self.settings = QWidget()
        self.rows = form(self.settings)
        self.estimate = Note()
        self.run_button = QPushButton(button)
        self.run_button.setToolTip("Begin; it runs in the background and can be cancelled.")
        self.run_button.clicked.connect(self.run_wanted)
        self.numbers = Numbers()
        body = QWidget()
        self._layout = column(body)
        self._layout.setContentsMargins(8, 0, 0, 6)
        for part in (self.about, self.settings, self.estimate, self.run_button, self.numbers):
            self._layout.addWidget(part)
        self.section = Section(title, body, tooltip=about)
        column(self).addWidget(self.section)
        self._seconds: float | None = None

    def hold(self, status: QWidget) -> None:
        """Take in what tells of a run, below the button."""
        self._layout.insertWidget(self._layout.indexOf(self.numbers), status)

    def runs(self) -> int:
        """Return how often the recipe is run."""
        return 1

    def is_of_result(self) -> bool:
        """Whether it runs the recipe of the result, on its volumes."""
        return True

    def set_state(self, *, busy: bool, subject: bool, recipe: bool, seconds: float | None) -> None:
        """Say whether it can be run, and how long that takes; seconds of one run where they are known."""
        self._seconds = seconds
        missing = ("" if recipe else _NO_RECIPE) if subject else _NO_SUBJECT
        self.settings.setEnabled(not busy)
        self.run_button.setEnabled(not busy and not missing)
        self.estimate.say(missing or self._takes())

    def _takes(self) -> str:
        runs = self.runs()
        words = "The recipe is run once" if runs == 1 else f"The recipe is run {runs} times"
        if self._seconds is None or not self.is_of_result():
            return f"{words}."
        return f"{words}: about {in_time(runs * self._seconds)}."


class InverseForm(CheckForm):
    """Registers the other way round."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Inverse consistency",
            "Registers the other way round, and follows each voxel there and back. Far from where it started, at least "
            "one way is wrong; near it, both may still share a mistake.",
            "Check there and back",
            parent,
        )
        self.settings.hide()


class RepeatForm(CheckForm):
    """Registers again from other seeds and starts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Repeatability",
            "Registers again from other seeds and other starts. Where the runs differ, the result is chance; where "
            "they agree, it may still be wrong.",
            "Run again and again",
            parent,
        )
        standard = Jitter()
        self.count = QSpinBox()
        self.count.setRange(2, 50)
        self.count.setValue(standard.runs)
        self.count.setToolTip("How often the recipe is run.")
        self.mm, self.degrees = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value, most, unit in ((self.mm, standard.mm, 200.0, " mm"), (self.degrees, standard.degrees, 90, "°")):
            box.setRange(0.0, most)
            box.setDecimals(1)
            box.setSuffix(unit)
            box.setValue(value)
        self.mm.setToolTip("By how much each start is shifted, in a direction of its own.")
        self.degrees.setToolTip("By how much each start is turned, about an axis of its own.")
        for label, widget in (("Runs", self.count), ("Start shifted by", self.mm), ("Start turned by", self.degrees)):
            guard_wheel(widget)
            self.rows.addRow(label, widget)
        self.count.valueChanged.connect(self._on_count)

    def jitter(self) -> Jitter:
        """Return the settings."""
        return Jitter(self.count.value(), self.degrees.value(), self.mm.value())

    def runs(self) -> int:
        """Return how often the recipe is run."""
        return int(self.count.value())

    def _on_count(self) -> None:
        if self.run_button.isEnabled():
            self.estimate.say(self._takes())


class SimulateForm(CheckForm):
    """Registers a volume to itself, moved by a known amount."""

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(
            "Known motion",
            "Moves a volume by a known amount, lets the recipe find that, and shows how far it is off, voxel by voxel: "
            "what this recipe can do on this kind of image. It says nothing of this very registration.",
            "Simulate",
            parent,
        )
        from napari.layers import Image  # noqa: PLC0415 - loaded already wherever a viewer exists

        self.volume = LayerBox(
            viewer, Image, "What is moved: the fixed volume of the result, or another.", optional=True, nothing=_FIXED
        )
        self.recipe_box = ElidedBox()
        self._recipes = [load_preset(name) for name in preset_names()]
        self.recipe_box.addItems([_OWN_RECIPE, *(recipe.title or recipe.name for recipe in self._recipes)])
        self.recipe_box.set_help("Which recipe is tried: that of the result, or another.")
        of_what = form()
        of_what.addRow("Volume", self.volume)
        of_what.addRow("Recipe", self.recipe_box)
        self.rows.addRow(of_what)
        self.fields: dict[str, ValueField] = {}
        for name, info in SimulatedMove.model_fields.items():
            field = ValueField(name, info, self._on_edited)
            field.set_plain(info.default)
            self.fields[name] = field
            self.rows.addRow(info.title or name, field.native)
        self._name_intensities()
        self._proposed_mm = float(SimulatedMove().deformation_mm)
        self.keep = QCheckBox("Add the moved volume, too")
        self.keep.setToolTip("As a hidden layer, where the recipe found it.")
        self.rows.addRow(self.keep)
        self.error = Note(role="error")
        self.rows.addRow(self.error)
        for box in (self.volume.layer_changed, self.recipe_box.currentIndexChanged):
            box.connect(self._on_edited)

    def move(self) -> SimulatedMove:
        """Return what is to be done to the volume.

        Raises
        ------
        RecipeError
            One sentence on a setting that is out of its range.
        """
        try:
            return SimulatedMove.model_validate({name: field.plain() for name, field in self.fields.items()})
        except ValidationError as error:
            first = error.errors()[0]
            title = SimulatedMove.model_fields[str(first["loc"][0])].title
            raise RecipeError(f"{title}: {first['msg']}.") from None

    def recipe(self) -> Recipe | None:
        """Return the recipe that is chosen, or None for that of the result."""
        index = self.recipe_box.currentIndex()
        return self._recipes[index - 1] if index > 0 else None

    def propose(self, recipe: Recipe | None) -> None:
        """Propose no deformation for a recipe that finds none, unless somebody has set another length."""
        tried = self.recipe() or recipe
        bends = tried is None or any(stage.kind == "bspline" for stage in tried.stages)
        proposed = float(SimulatedMove().deformation_mm) if bends else 0.0
        if self.fields["deformation_mm"].plain() == self._proposed_mm:
            self.fields["deformation_mm"].set_plain(proposed)
            self._proposed_mm = proposed

    def is_of_result(self) -> bool:
        """Whether volume and recipe are those of the result."""
        return self.volume.layer() is None and self.recipe() is None

    def set_state(self, *, busy: bool, subject: bool, recipe: bool, seconds: float | None) -> None:
        """Say whether it can be run: with another volume and recipe it needs no result."""
        has_volume, has_recipe = self.volume.layer() is not None, self.recipe() is not None
        super().set_state(busy=busy, subject=subject or has_volume, recipe=recipe or has_recipe, seconds=seconds)
        if not busy:
            self._show_error()

    def _name_intensities(self) -> None:
        box = self.fields["intensity"].native
        for index in range(box.count() if isinstance(box, QComboBox) else 0):
            words = _INTENSITIES.get(str(box.itemData(index)), box.itemText(index))
            box.setItemText(index, words)

    def _on_edited(self, _value: Any = None) -> None:
        self.changed.emit()

    def _show_error(self) -> None:
        try:
            self.move()
        except RecipeError as error:
            self.error.say(str(error))
            self.run_button.setEnabled(False)
        else:
            self.error.say("")


def in_time(seconds: float) -> str:
    """Return about how long something takes.

    Examples
    --------
    >>> in_time(0.4), in_time(44.0), in_time(200.0), in_time(9000.0)
    ('1 s', '45 s', '3 min', '2.5 h')
    """
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 100:
        return f"{5 * round(seconds / 5)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
