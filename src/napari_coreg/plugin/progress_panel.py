"""How far the run is: a bar, a line of words and the metric's plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QWidget

from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.metric_plot import MetricPlot
from napari_coreg.plugin.parts import Note, column
from napari_coreg.plugin.preview import COLOURS

if TYPE_CHECKING:
    from napari_coreg.core.progress import Progress
    from napari_coreg.plugin.worker import Update

_STEPS = 1000


class ProgressPanel(QWidget):
    """Shows a run while it goes on; the plot stays afterwards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Note(role="text")
        self.colours = Note()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.plot = MetricPlot()
        layout = column(self)
        layout.addWidget(self.words)
        layout.addWidget(self.bar)
        layout.addWidget(self.colours)
        layout.addWidget(self.plot)
        self.hide()

    def begin(self) -> None:
        """Show that a run begins."""
        self.colours.say("")
        self.plot.clear()
        self.bar.setRange(0, 0)  # busy, until the first iteration tells how far it is
        self.bar.show()
        self.words.say("Preparing the volumes...")
        self.show()

    def explain_preview(self) -> None:
        """Say what the colours of the preview mean."""
        self.colours.say(COLOURS)

    def update_to(self, update: Update) -> None:
        """Show where the run is."""
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(round(update.latest.fraction * _STEPS))
        self.words.say(in_words(update.latest))
        self.plot.add(moment for moment in update.moments if moment.stage >= 0)  # a search has no course to plot

    def complete(self) -> None:
        """Show that the transform is found, and that the new layers take a moment."""
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(_STEPS)
        self.words.say("Bringing the moving volume onto the fixed grid...")

    def finish(self) -> None:
        """Leave only the plot, where there is one."""
        self.bar.setRange(0, _STEPS)
        self.bar.hide()
        self.words.say("")
        self.colours.say("")
        self.setVisible(bool(self.plot.curves))


def in_words(progress: Progress) -> str:
    """Return where a run is, and about how long it will take."""
    if progress.stage_kind == "preparation":
        return f"{progress.message[:1].upper()}{progress.message[1:]}..."
    if progress.stage < 0:
        what = "Searching the start" if progress.stage_kind == "search" else "Checking the result"
        return f"{what}, part {progress.level + 1} of {progress.number_of_levels}"
    where = f"Stage {progress.stage + 1}/{progress.number_of_stages} {humane(progress.stage_kind)}, "
    where += f"level {progress.level + 1}/{progress.number_of_levels}, iteration {progress.iteration}"
    left = time_left(progress.fraction, progress.seconds)
    return f"{where} - {left}" if left else where


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
