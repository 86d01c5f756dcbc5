"""The numbers and buttons of an alignment by hand; each shows the pose and changes it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_coreg.plugin.align.hand import Bursts
from napari_coreg.plugin.parts import ElidedBox, Section, column, form, guard_wheel, in_a_row

if TYPE_CHECKING:
    from napari_coreg.plugin.align.hand import HandAlignment
    from napari_coreg.plugin.align.mouse import Drags

_AXES = ("R → L", "A → P", "I → S")
_LINES = ("R - L", "A - P", "I - S")
_NAMES = ("x", "y", "z")
_MODES = {
    "move": ("Move", "Drag in the view to move the volume; with Shift to turn it."),
    "turn": ("Turn", "Drag in the view to turn the volume about the centre."),
    "camera": ("Camera", "Drag in the view to move the camera, as napari does; with Shift to turn the volume."),
}
_CENTRES = {
    "moving": "of the moving volume",
    "fixed": "of the fixed volume",
    "point": "a point: click on it",
}


class PosePanel(QWidget):
    """Shows and changes the pose of a `HandAlignment`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hand: HandAlignment | None = None
        self._drags: Drags | None = None
        self._bursts = Bursts()
        self._angles = (0.0, 0.0, 0.0)
        self._make_drag_row()
        self._make_numbers()
        self._make_scales()
        self._make_steps()
        self._lay_out()

    def take(self, hand: HandAlignment, drags: Drags) -> None:
        """Show an alignment that has begun."""
        self._hand, self._drags = hand, drags
        self._angles = (0.0,) * 3
        flat = hand.dimension == 2
        for row in range(3):
            self.row_labels[row].setText(f"{_NAMES[row]}" if flat else f"{_AXES[row]}  ({_NAMES[row]})")
            self.row_labels[row].setVisible(True)
            self.shifts[row].setVisible(row < hand.dimension)
            self.turns[row].setVisible(not flat or row == 2)
            for part in (self.scales[row], self.flips[row], self.scale_labels[row]):
                part.setVisible(row < hand.dimension)
        step = float(min(hand.fixed_volume.geometry.spacing_xyz))
        decimals = max(2, int(np.ceil(-np.log10(step))) + 2)
        for spin in self.shifts:
            spin.setDecimals(decimals)
            spin.setSingleStep(10.0 ** np.floor(np.log10(step)))
        self.modes[drags.mode].setChecked(True)
        hand.changed.connect(self.show_pose)
        hand.centre_changed.connect(self.show_centre)
        self.show_pose()
        self.show_centre()

    def leave(self) -> None:
        """Let go of the alignment."""
        if self._hand is not None:
            self._hand.changed.disconnect(self.show_pose)
            self._hand.centre_changed.disconnect(self.show_centre)
        self._hand = self._drags = None

    def show_pose(self) -> None:
        """Bring all numbers to the pose."""
        if self._hand is None:
            return
        pose = self._hand.pose
        flat = pose.dimension == 2
        near = self._angles[-1:] if flat else self._angles
        angles = pose.angles(near)
        self._angles = (0.0, 0.0, *angles) if flat else angles  # type: ignore[assignment]
        for spins, values in ((self.shifts, pose.translation), (self.turns, self._angles), (self.scales, pose.scales)):
            for spin, value in zip(spins, values, strict=False):
                _show(spin, value)
        for box, flipped in zip(self.flips, pose.flips, strict=False):
            box.blockSignals(True)
            box.setChecked(flipped)
            box.blockSignals(False)
        self.undo.setEnabled(self._hand.can_undo)
        self.redo.setEnabled(self._hand.can_redo)

    def show_centre(self) -> None:
        """Bring the box of the centre up to date."""
        if self._hand is not None:
            self.centre.blockSignals(True)
            self.centre.setCurrentIndex(list(_CENTRES).index(self._hand.centre))
            self.centre.blockSignals(False)

    def set_mode(self, mode: Any) -> None:
        """Choose what a plain drag does."""
        if self._drags is not None:
            self._drags.mode = mode

    def _make_drag_row(self) -> None:
        self.modes: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        for mode, (text, tooltip) in _MODES.items():
            button = QPushButton(text)
            button.setCheckable(True)
            button.setToolTip(tooltip)
            button.clicked.connect(partial(self.set_mode, mode))
            self._group.addButton(button)
            self.modes[mode] = button
        self.modes["move"].setChecked(True)
        self.centre = ElidedBox()
        self.centre.addItems(list(_CENTRES.values()))
        self.centre.set_help("What the volume is turned and scaled about; a Control-click in the view sets it, too.")
        self.centre.activated.connect(self._on_centre)

    def _make_numbers(self) -> None:
        self.row_labels = [QLabel(f"{axis}  ({name})") for axis, name in zip(_AXES, _NAMES, strict=True)]
        self.shifts, self.turns = [], []
        for row, (axis, name) in enumerate(zip(_AXES, _NAMES, strict=True)):
            self.row_labels[row].setToolTip(f"The axis {name} of the world, which counts up in the arrow's direction.")
            shift = _number(-1e5, 1e5, f"How far the volume was moved along {axis} ({name}), mm.")
            shift.valueChanged.connect(partial(self._on_shift, row))
            turn = _number(
                -360.0, 360.0, f"How far it was turned about the axis {axis} ({name}), degrees: x, y, then z."
            )
            turn.setSingleStep(1.0)
            turn.valueChanged.connect(partial(self._on_turn, row))
            self.shifts.append(shift)
            self.turns.append(turn)

    def _make_scales(self) -> None:
        self.proportions = QCheckBox("Keep proportions")
        self.proportions.setChecked(True)
        self.proportions.setToolTip("Scale all axes by the same factor.")
        self.scales, self.flips, self.scale_labels = [], [], []
        for row, (line, name) in enumerate(zip(_LINES, _NAMES, strict=True)):
            scale = _number(0.01, 100.0, f"How much larger the volume is along its own axis {line}.")
            scale.setDecimals(4)
            scale.setSingleStep(0.01)
            scale.setValue(1.0)
            scale.valueChanged.connect(partial(self._on_scale, row))
            flip = QCheckBox("flip")
            flip.setToolTip(f"Mirror the volume along its own axis {line}, as a section that lies upside down.")
            flip.toggled.connect(partial(self._on_flip, row))
            self.scale_labels.append(QLabel(f"{line}  ({name})"))
            self.scales.append(scale)
            self.flips.append(flip)

    def _make_steps(self) -> None:
        self.undo, self.redo, self.reset = QPushButton("Undo"), QPushButton("Redo"), QPushButton("Reset")
        self.undo.setToolTip("Take the last step back (Ctrl+Z in the view).")
        self.redo.setToolTip("Take it again (Ctrl+Shift+Z in the view).")
        self.reset.setToolTip("Go back to where the alignment began; that can be undone, too.")
        for button, name in ((self.undo, "undo"), (self.redo, "redo"), (self.reset, "reset")):
            button.clicked.connect(partial(self._call, name))

    def _lay_out(self) -> None:
        top = form()
        top.addRow("Drag", in_a_row(*self.modes.values(), stretch=1))
        top.addRow("Centre", self.centre)
        numbers = _table(("", "Shift, mm", "Turn, °"), (self.row_labels, self.shifts, self.turns))
        scales = QWidget()
        rows = column(scales)
        rows.addLayout(_table(("", "Scale", ""), (self.scale_labels, self.scales, self.flips)))
        rows.addWidget(self.proportions)
        layout = column(self, spacing=8)
        layout.addLayout(top)
        layout.addLayout(numbers)
        self.scale_section = Section("Scale and flip", scales, tooltip="For another size, or a folded section.")
        layout.addWidget(self.scale_section)
        layout.addLayout(in_a_row(self.undo, self.redo, self.reset, stretch=1))

    def _call(self, name: str) -> None:
        if self._hand is not None:
            getattr(self._hand, name)()

    def _on_centre(self, index: int) -> None:
        centre = list(_CENTRES)[index]
        if self._hand is None or self._drags is None:
            return
        self._drags.waits_for_centre = centre == "point"
        if centre != "point":
            self._hand.turn_about(centre)  # type: ignore[arg-type]

    def _on_shift(self, axis: int, value: float) -> None:
        if self._hand is not None:
            shift = list(self._hand.pose.translation)
            shift[axis] = value
            self._hand.set_pose(self._hand.pose.moved_to(shift), step=self._bursts.step(f"shift {axis}"))

    def _on_turn(self, axis: int, value: float) -> None:
        if self._hand is not None:
            angles = list(self._angles)
            angles[axis] = value
            self._angles = tuple(angles)  # type: ignore[assignment]
            turned = angles[-1:] if self._hand.dimension == 2 else angles
            pose = self._hand.pose.with_angles(turned, self._hand.centre_lps)
            self._hand.set_pose(pose, step=self._bursts.step(f"turn {axis}"))

    def _on_scale(self, axis: int, value: float) -> None:
        if self._hand is not None:
            pose = self._hand.pose
            scales = np.array(pose.scales)
            if self.proportions.isChecked():
                scales *= value / scales[axis]
            scales[axis] = value
            scaled = pose.with_scales(scales, self._hand.centre_lps)
            self._hand.set_pose(scaled, step=self._bursts.step(f"scale {axis}"))

    def _on_flip(self, axis: int, _checked: bool) -> None:
        if self._hand is not None:
            self._hand.set_pose(self._hand.pose.flipped(axis, self._hand.centre_lps))


def _number(low: float, high: float, tooltip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setKeyboardTracking(False)
    spin.setToolTip(tooltip)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    spin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    spin.setMinimumWidth(64)
    spin.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)  # arrows and wheel step; digits need the room
    guard_wheel(spin)
    return spin


def _show(spin: QDoubleSpinBox, value: float) -> None:
    spin.blockSignals(True)
    spin.setValue(value)
    spin.blockSignals(False)


def _table(headings: tuple[str, ...], columns: tuple[list[Any], ...]) -> QGridLayout:
    table = QGridLayout()
    table.setContentsMargins(0, 0, 0, 0)
    table.setHorizontalSpacing(6)
    table.setVerticalSpacing(5)
    for column_index, (heading, parts) in enumerate(zip(headings, columns, strict=True)):
        table.setColumnStretch(column_index, 1 if isinstance(parts[0], QDoubleSpinBox) else 0)
        table.addWidget(QLabel(heading), 0, column_index)
        for row, part in enumerate(parts, 1):
            table.addWidget(part, row, column_index)
    return table
