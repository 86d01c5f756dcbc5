"""The controls of the dock widget "Landmarks": layers, model, table and buttons, without what they do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Points
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QMenu, QPushButton, QWidget

from napari_coreg.core.landmarks import LANDMARK_MODELS
from napari_coreg.plugin.landmarks.table import LandmarkTable
from napari_coreg.plugin.landmarks.values import SIDES
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.parts import ElidedBox, Note, RowLabel, Section, VerticalScroll, column, form, in_a_row

if TYPE_CHECKING:
    from napari_coreg.core.landmarks import LandmarkModel
    from napari_coreg.plugin.landmarks.values import Side

_MODELS: dict[LandmarkModel, tuple[str, str]] = {
    "translation": ("Translation", "A shift alone; 1 landmark is enough."),
    "rigid": ("Rigid", "Shift and turn: one person, one bone. 3 landmarks or more (2 in 2-D)."),
    "similarity": ("Similarity", "Rigid, with a scale. 3 landmarks or more (2 in 2-D)."),
    "affine": ("Affine", "With scales and shears: another person, wrong voxel sizes. 4 or more (3 in 2-D)."),
    "thin_plate": ("Thin-plate spline", "Bends through all landmarks. 4 or more (3 in 2-D), better many."),
}
_WHICH = {"fixed": "Fixed landmarks...", "moving": "Moving landmarks...", "both": "Both, in one table..."}


class LandmarkControls(QWidget):
    """What the user sees. The dock widget connects it."""

    file_wanted = Signal(str, str)  # "open" or "save"; "fixed", "moving" or "both"

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make_choices(viewer)
        self._make_fit()
        self._make_actions()
        self._lay_out()

    def _make_choices(self, viewer: Any) -> None:
        self.images: dict[Side, LayerBox] = {
            "fixed": LayerBox(viewer, Image, "The volume that stays where it is."),
            "moving": LayerBox(viewer, Image, "The volume that is to be brought onto the fixed one."),
        }
        about = "A Points layer that you have already, to hold the landmarks of the {} volume; (none) makes one."
        self.points: dict[Side, LayerBox] = {
            side: LayerBox(viewer, Points, about.format(side), optional=True) for side in SIDES
        }
        self.add_buttons: dict[Side, QPushButton] = {
            side: _button(
                f"Add in {side}",
                f"Click landmarks in the {side} volume; press again to stop. N adds one at the cursor.",
                checkable=True,
            )
            for side in SIDES
        }
        self.alone = QCheckBox("Show one volume at a time")
        self.alone.setChecked(True)
        self.alone.setToolTip(
            "Hides all volumes but the one that is being clicked in. Unticking it, and closing this widget, bring them "
            "back."
        )
        self.straight = QCheckBox("Show oblique volumes straight")
        self.straight.setChecked(True)
        self.straight.setToolTip(
            "napari's slices show volumes that lie askew in a wrong place, centimetres off at the border. While "
            "landmarks are set, a straight view stands in for such a volume, which is hidden meanwhile."
        )
        self.hint = Note()

    def _make_fit(self) -> None:
        self.model = ElidedBox()
        for model in LANDMARK_MODELS:
            self.model.addItem(_MODELS[model][0], model)
        self.model.setCurrentIndex(LANDMARK_MODELS.index("rigid"))
        self.model.set_help("\n".join(f"{title}: {text}" for title, text in _MODELS.values()))
        self.summary = Note()
        self.see = _button(
            "See the fit",
            "Show the moving volume as the fit brings it onto the fixed one, also while landmarks are moved. It and "
            "its landmarks are hidden meanwhile; press again to bring them back.",
            checkable=True,
        )
        self.keep = _button(
            "Keep as layer", "Add what is seen as an ordinary layer, resampled on the fixed volume's grid."
        )

    def _make_actions(self) -> None:
        self.table = LandmarkTable()
        self.confirm = _button("Confirm", "Take the estimated place for true, and go on in the other volume (Enter).")
        self.up = _button("Up", "Move the selected landmark up in the order; the numbers follow, in both volumes.")
        self.down = _button("Down", "Move the selected landmark down in the order; the numbers follow.")
        self.delete = _button("Delete", "Remove the selected landmarks from both volumes (Delete).")
        self.undo = _button("Undo", "Take back the last change of the landmarks (Ctrl+Z in their layers).")
        self.redo = _button("Redo", "Do again what was taken back (Ctrl+Shift+Z in the layers of the landmarks).")
        self.open = self._menu_button("Open", "Read landmarks of 3D Slicer, elastix or ITK, or tables (.csv).")
        self.save = self._menu_button("Save", "Write landmarks for 3D Slicer, elastix or ITK, or tables (.csv).")
        self.start = _button("Use as start", "The next run of this pair begins from the fit. Nothing is run yet.")
        self.run = _button("Use and run", "Begin from the fit, and run the recipe of the dock widget Register now.")
        self.run.setProperty("role", "main")
        self.message = Note()

    def chosen_model(self) -> LandmarkModel:
        """Return the model to be fitted."""
        model: LandmarkModel = self.model.currentData()
        return model

    def _lay_out(self) -> None:
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        pair = form()
        for side in SIDES:
            pair.addRow(RowLabel(side.capitalize(), "Moving "), self.images[side])
        rows.addLayout(pair)
        rows.addWidget(self._points_section())
        rows.addLayout(in_a_row(*[self.add_buttons[side] for side in SIDES], stretch=1))
        rows.addWidget(self.alone)
        rows.addWidget(self.straight)
        rows.addWidget(self.hint)
        fit = form()
        fit.addRow(RowLabel("Fit", "Moving "), self.model)
        rows.addLayout(fit)
        rows.addWidget(self.summary)
        rows.addLayout(in_a_row(self.see, self.keep, stretch=1))
        rows.addWidget(self.table, 1)
        grid = QGridLayout()
        for index, button in enumerate((self.confirm, self.up, self.down, self.delete, self.undo, self.redo)):
            grid.addWidget(button, index // 3, index % 3)
        rows.addLayout(grid)
        rows.addLayout(in_a_row(self.open, self.save, stretch=1))
        rows.addLayout(in_a_row(self.start, self.run, stretch=1))
        rows.addWidget(self.message)
        column(self).addWidget(VerticalScroll(content))

    def _points_section(self) -> Section:
        content = QWidget()
        rows = form(content)
        for side in SIDES:
            rows.addRow(RowLabel(side.capitalize(), "Moving "), self.points[side])
        return Section("Points layers", content, tooltip="Use Points layers of your own. Not needed for most.")

    def _menu_button(self, verb: str, tooltip: str) -> QPushButton:
        button = _button(f"{verb}...", tooltip)
        menu = QMenu(button)
        for what, text in _WHICH.items():
            menu.addAction(text).triggered.connect(partial(self._on_file, verb.lower(), what))
        button.setMenu(menu)
        return button

    def _on_file(self, verb: str, what: str, _checked: bool = False) -> None:
        self.file_wanted.emit(verb, what)


def _button(text: str, tooltip: str, *, checkable: bool = False) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setCheckable(checkable)
    return button
