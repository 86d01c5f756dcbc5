"""The first thing to see of a quality: PASS, LOOK or FAIL, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_coreg.plugin.parts import Note, Section, column
from napari_coreg.plugin.quality.words import SIGNS, STATES
from napari_coreg.plugin.register.verdict_panel import listed
from napari_coreg.plugin.strip import Strip

if TYPE_CHECKING:
    from napari_coreg.core.quality.record import Quality

_FIRST_LINES = 3
_ABOUT = "The gravest of all that was graded. It replaces no look at the images."


class StateBox(QWidget):
    """The state of a quality, its headline, and what a reader must know to read the numbers right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip = Strip()
        self.headline = Note(role="text")
        self.rest = Note(role="text")
        self.remarks = Note()
        content = QWidget()
        lines = column(content)
        lines.addWidget(self.rest)
        lines.addWidget(self.remarks)
        self.section = Section("", content, tooltip="What else is to be known to read the numbers right.")
        layout = column(self)
        layout.addWidget(self.strip)
        layout.addWidget(self.headline)
        layout.addWidget(self.section)
        self.hide()

    def show_quality(self, quality: Quality | None) -> None:
        """Show a state and its reasons, or hide."""
        self.setVisible(quality is not None)
        if quality is None:
            return
        word, advice = STATES[quality.state]
        sign = SIGNS[quality.state]
        assert sign is not None
        tooltip = "\n".join((listed(quality.headline), _ABOUT)).strip()
        self.strip.say(sign, f"<b>{word}</b>: {advice}", tooltip=tooltip, name=f"Quality: {word}, {advice}")
        reasons = tuple(reason.removeprefix(f"{word}: ") for reason in quality.headline)  # the strip says it already
        first, rest = reasons[:_FIRST_LINES], reasons[_FIRST_LINES:]
        self.headline.say(listed(first))
        self.rest.say(listed(rest))
        self.remarks.say(listed(quality.remarks))
        more = [f"{len(rest)} more reason{'s' if len(rest) > 1 else ''}"] if rest else []
        count = len(quality.remarks)
        more += [f"{count} remark{'s' if count > 1 else ''}"] if count else []
        self.section.rename(" and ".join(more))
        self.section.setVisible(bool(more))
