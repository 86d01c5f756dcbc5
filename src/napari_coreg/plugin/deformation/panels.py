"""Parts of the dock widget "Deformation": what is shown the deformation of, and which views of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QLabel, QWidget

from napari_coreg.core.grid_lines import nice_spacing_mm
from napari_coreg.plugin.deformation.colours import FOLDED_COLOUR
from napari_coreg.plugin.deformation.legend import ColourLegend, Swatch
from napari_coreg.plugin.deformation.look import VIEWS, Look
from napari_coreg.plugin.deformation.source import source_of_layer, source_of_transform
from napari_coreg.plugin.parts import ElidedBox, column, guard_wheel
from napari_coreg.plugin.result_picker import ResultPicker

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid
    from napari_coreg.plugin.deformation.look import View
    from napari_coreg.plugin.deformation.source import DeformationSource
    from napari_coreg.plugin.looks import Looks

_BUTTONS = 60  # pixels that napari's style gives to the two buttons of a spin box
_ARROWS = {"few": 1000, "some": 4000, "many": 16000}
_TITLES: dict[View, tuple[str, str]] = {
    "vectors": ("Arrows", "From each point of a coarse grid to where the transform takes it; coloured by length."),
    "grid": ("Warped grid", "A regular grid of the moving volume, bent as the moving volume is."),
    "magnitude": ("Magnitude", "The length of each voxel's displacement, mm."),
    "jacobian": (
        "Jacobian determinant",
        "How much each voxel swells: red grows, blue shrinks, 1 keeps the volume. Folded voxels, where it is 0 or "
        "less, are marked in a layer of their own.",
    ),
}


class SourcePanel(ResultPicker):
    """Chooses a registered layer, or a transform from a file and the fixed layer it belongs to."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, "Show the deformation of a transform from a file instead (fixed to moving).", parent)

    def source(self) -> DeformationSource | None:
        """Return what is chosen, or None.

        Raises
        ------
        CoregError
            It cannot be shown.
        """
        if self.transform is not None:
            fixed = self.fixed.layer()
            return None if fixed is None else source_of_transform(self.transform, fixed, self.file_name)
        layer = self.result.layer()
        return None if layer is None else source_of_layer(layer)


class ViewsPanel(QWidget):
    """A check box for each view, with its setting and its legend."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[View, QCheckBox] = {view: _box(*_TITLES[view]) for view in VIEWS}
        self.density = ElidedBox()
        self.density.addItems([*_ARROWS])
        self.density.setCurrentIndex(1)
        counts = ", ".join(f"{name}: up to {count}" for name, count in _ARROWS.items())
        self.density.set_help(f"How many arrows there are in the volume ({counts}).")
        self.spacing = _Millimetres()
        self.spacing.setRange(0.1, 1000.0)
        self.spacing.setKeyboardTracking(False)
        self.spacing.setToolTip("From one line of the grid to the next, in the moving volume.")
        guard_wheel(self.spacing)
        self.relative = _box(
            "Relative to the rigid part",
            "Take off the turn and the shift that come nearest to the transform over the body, so that only the "
            "non-rigid rest is shown.",
        )
        self.legends: dict[View, ColourLegend] = {
            "vectors": ColourLegend("mm"),
            "magnitude": ColourLegend("mm"),
            "jacobian": ColourLegend("", around_one=True),
        }
        self.folded = QWidget()
        self.folded_words = QLabel("folded: determinant 0 or less")
        self._lay_out()
        for box in (*self.boxes.values(), self.relative):
            box.toggled.connect(self.changed)
        self.density.currentIndexChanged.connect(self.changed)
        self.spacing.valueChanged.connect(self.changed)

    def ticked(self) -> tuple[View, ...]:
        """Return the views that are wanted."""
        return tuple(view for view, box in self.boxes.items() if box.isChecked())

    def tick(self, view: View, *, ticked: bool = True, quietly: bool = False) -> None:
        """Want a view, or no longer; quietly tells nobody."""
        box = self.boxes[view]
        box.blockSignals(quietly)
        box.setChecked(ticked)
        box.blockSignals(False)

    def look(self) -> Look:
        """Return how the views are to look."""
        count = [*_ARROWS.values()][self.density.currentIndex()]
        return Look(count, self.spacing.value(), self.relative.isChecked())

    def set_grid(self, grid: Grid) -> None:
        """Propose a spacing for the lines that fits a volume."""
        self.spacing.blockSignals(True)
        self.spacing.setValue(nice_spacing_mm(grid))
        self.spacing.blockSignals(False)

    def set_looks(self, looks: Looks) -> None:
        """Take the theme's colours."""
        for legend in self.legends.values():
            legend.set_looks(looks)

    def show_legend(self, view: View, layers: tuple[Any, ...]) -> None:
        """Show the legend of a view's layers, or none."""
        if view in self.legends:
            self.legends[view].show_layer(layers[0] if layers else None)
        if view == "jacobian":
            self.folded.setVisible(len(layers) > 1)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self.folded)
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(Swatch(FOLDED_COLOUR))
        row.addWidget(self.folded_words, 1)
        self.folded.hide()
        settings = {"vectors": self.density, "grid": self.spacing}
        layout = column(self)
        for view, box in self.boxes.items():
            line = QHBoxLayout()
            line.addWidget(box)
            if view in settings:
                line.addWidget(settings[view], 1)
            layout.addLayout(line)
            if view in self.legends:
                layout.addWidget(self.legends[view])
        layout.addWidget(self.folded)
        layout.addWidget(self.relative)


class _Millimetres(QDoubleSpinBox):
    """A length without idle zeros, so that a narrow dock has room for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(1)
        self.setSuffix(" mm")
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("1000.5 mm") + _BUTTONS)

    def textFromValue(self, value: float) -> str:
        """Return 20 for 20.0."""
        return f"{value:g}"


def _box(title: str, tooltip: str) -> QCheckBox:
    box = QCheckBox(title)
    box.setToolTip(tooltip)
    return box
