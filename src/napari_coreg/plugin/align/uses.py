"""What stands below the numbers of an alignment by hand: how well the volumes match, and what to do with the pose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_coreg.plugin.align.keys import HELP
from napari_coreg.plugin.align.metric import LiveMetric
from napari_coreg.plugin.parts import Note, Section, column, form

if TYPE_CHECKING:
    from napari_coreg.plugin.align.hand import HandAlignment

_METRIC = "Normalized mutual information"


class MatchPanel(QWidget):
    """Shows how well the volumes match in the pose of the moment, and how they did at the beginning."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.metric: LiveMetric | None = None
        self._hand: HandAlignment | None = None
        self._at_start: float | None = None
        self.now, self.before = Note("", "heading"), Note()
        self.setToolTip(
            "How well both volumes match where they overlap, measured on few voxels: 1 for not at all, 2 for the same "
            "image. Compare its values for one pair only."
        )
        rows = column(self, spacing=1)
        rows.addWidget(self.now)
        rows.addWidget(self.before)

    def take(self, hand: HandAlignment) -> None:
        """Follow an alignment that has begun."""
        self._hand, self._at_start = hand, None
        self.metric = LiveMetric(hand.fixed_volume, hand.moving_volume, self)
        self.metric.measured.connect(self._on_measured)
        self.metric.failed.connect(self.now.say)
        hand.changed.connect(self._ask)
        self.now.say("Match: working it out...")
        self.before.say("")
        self._ask()

    def leave(self) -> None:
        """Let go of the alignment."""
        if self._hand is not None:
            self._hand.changed.disconnect(self._ask)
        if self.metric is not None:
            self.metric.stop()
        self._hand = self.metric = None

    def _ask(self) -> None:
        if self._hand is not None and self.metric is not None:
            self.metric.ask(self._hand.transform)

    def _on_measured(self, value: float | None) -> None:
        if self._at_start is None:
            self._at_start = value
        self.now.say("Match: the volumes do not overlap" if value is None else f"Match: {value:.3f}")
        before = "none" if self._at_start is None else f"{self._at_start:.3f}"
        self.before.say(f"{_METRIC}; {before} at the start, higher is better")


class UsesPanel(QWidget):
    """Buttons for what becomes of the pose, and the list of keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run = QPushButton("Start registration from here")
        self.run.setProperty("role", "main")
        self.run.setToolTip("End the alignment and register this pair, beginning at this pose.")
        self.start = QPushButton("Use as start")
        self.start.setToolTip("End the alignment; the next registration of this pair begins at this pose.")
        self.apply = QPushButton("Apply to the moving layer")
        self.apply.setToolTip("End the alignment and move the layer itself there (its affine); can be taken back.")
        self.keep = QPushButton("Keep as layer")
        self.keep.setToolTip("Add the moving volume as it lies now, resampled on the grid of the fixed one.")
        buttons = QGridLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.run, 0, 0, 1, 2)
        buttons.addWidget(self.start, 1, 0)
        buttons.addWidget(self.keep, 1, 1)
        buttons.addWidget(self.apply, 2, 0, 1, 2)
        keys = QWidget()
        table = form(keys)
        for key, what in HELP:
            table.addRow(QLabel(key), Note(what))
        self.keys = Section("Keys in the view", keys, tooltip="What moves the volume without the mouse.")
        rows = column(self, spacing=8)
        rows.addLayout(buttons)
        rows.addWidget(self.keys)

    def show_keeping(self, is_busy: bool) -> None:
        """Say whether a layer is being made."""
        self.keep.setEnabled(not is_busy)
        self.keep.setText("Resampling..." if is_busy else "Keep as layer")
