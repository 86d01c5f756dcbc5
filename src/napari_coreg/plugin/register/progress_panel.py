"""How far the run is: a bar, a line of words, the metric's plot, and the buttons that hold or end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.parts import Note, column
from napari_coreg.plugin.register.metric_plot import MetricPlot
from napari_coreg.plugin.register.preview import COLOURS

if TYPE_CHECKING:
    from napari_coreg.core.progress import Progress
    from napari_coreg.plugin.worker import Update

_STEPS = 1000
_PAUSE, _RESUME = "Pause", "Resume"
_ABOUT_PAUSE = (
    "Let the run stand still from its next iteration on; it uses no processor then, and the time does not count."
)
_ABOUT_RESUME = "Let the run go on."
_ABOUT_TAKE = (
    "End the run here, and make a result of what it has found so far: its layers are named so, and its verdict is "
    "doubtful at best. While the result is checked, the rest of the check is left out."
)


class ProgressPanel(QWidget):
    """Shows a run while it goes on; the plot stays afterwards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._latest: Progress | None = None
        self._held = ""
        self._is_ending = False
        self.words = Note(role="text")
        self.colours = Note()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.pause_button = QPushButton(_PAUSE)
        self.take_button = QPushButton("Take what there is")
        self.take_button.setToolTip(_ABOUT_TAKE)
        self.plot = MetricPlot()
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.pause_button, 1)
        row.addWidget(self.take_button, 2)
        layout = column(self)
        layout.addWidget(self.words)
        layout.addWidget(self.bar)
        layout.addWidget(self.buttons)
        layout.addWidget(self.colours)
        layout.addWidget(self.plot)
        self.hide()

    def begin(self) -> None:
        """Show that a run begins."""
        self._latest, self._is_ending = None, False
        self.colours.say("")
        self.plot.clear()
        self.bar.setRange(0, 0)  # busy, until the first iteration tells how far it is
        self.bar.show()
        self.buttons.show()
        self.buttons.setEnabled(False)  # until there is something to take
        self.hold("")
        self.words.say("Preparing the volumes...")
        self.show()

    def explain_preview(self) -> None:
        """Say what the colours of the preview mean."""
        self.colours.say(COLOURS)

    def update_to(self, update: Update) -> None:
        """Show where the run is."""
        self._latest = update.latest
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(round(update.latest.fraction * _STEPS))
        if update.latest.stage_kind != "preparation" and not self._is_ending:
            self.buttons.setEnabled(True)
        self._say()
        self.plot.add(moment for moment in update.moments if moment.stage >= 0)  # a search has no course to plot

    def hold(self, word: str) -> None:
        """Say that the run is held, as "Pausing" or "Paused"; an empty word lets it go on."""
        self._held = word
        self.pause_button.setText(_RESUME if word else _PAUSE)
        self.pause_button.setToolTip(_ABOUT_RESUME if word else _ABOUT_PAUSE)
        self._say()

    def end(self, words: str) -> None:
        """Say that the run is being ended, which cannot be held any more."""
        self.hold("")
        self._is_ending = True
        self.buttons.setEnabled(False)
        self.words.say(words)

    def complete(self) -> None:
        """Show that the transform is found, and that the new layers take a moment."""
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(_STEPS)
        self.end("Bringing the moving volume onto the fixed grid...")

    def finish(self) -> None:
        """Leave only the plot, where there is one."""
        self.end("")
        self.bar.setRange(0, _STEPS)
        self.bar.hide()
        self.buttons.hide()
        self.colours.say("")
        self.setVisible(bool(self.plot.curves))

    def _say(self) -> None:
        if self._latest is None or self._is_ending:
            return
        if self._held:
            self.words.say(f"{self._held} - {where_of(self._latest)}")
        else:
            self.words.say(in_words(self._latest))


def in_words(progress: Progress) -> str:
    """Return where a run is, and about how long it will take."""
    where = where_of(progress)
    if progress.stage < 0:
        return where
    left = time_left(progress.fraction, progress.seconds)
    return f"{where} - {left}" if left else where


def where_of(progress: Progress) -> str:
    """Return where a run is."""
    if progress.stage_kind == "preparation":
        return f"{progress.message[:1].upper()}{progress.message[1:]}..."
    if progress.stage < 0:
        what = "Searching the start" if progress.stage_kind == "search" else "Checking the result"
        return f"{what}, part {progress.level + 1} of {progress.number_of_levels}"
    where = f"Stage {progress.stage + 1}/{progress.number_of_stages} {humane(progress.stage_kind)}, "
    return where + f"level {progress.level + 1}/{progress.number_of_levels}, iteration {progress.iteration}"


def time_left(fraction: float, seconds: float) -> str:
    """Return about how long a run will take yet; empty where it is too early to say.

    Examples
    --------
    >>> time_left(0.25, 10.0), time_left(0.5, 300.0), time_left(0.01, 1.0)
    ('about 30 s left', 'about 5 min left', '')
    """
    if fraction < 0.05 or seconds < 1.0:
        return ""
    left = seconds * (1 - fraction) / fraction
    if left >= 90:
        return f"about {left / 60:.0f} min left"
    return f"about {max(1, round(left)) if left < 10 else round(left / 5) * 5} s left"
