"""Shows the verdict on a result: a strip with a sign and a word, the weightiest reasons, and all of them on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QWidget

from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.parts import Note, Section, column, form
from napari_coreg.plugin.strip import Strip

if TYPE_CHECKING:
    from napari_coreg.core.verdict import Verdict, VerdictState
    from napari_coreg.plugin.signs import Sign

SIGNS: dict[VerdictState, Sign] = {"good": "good", "doubtful": "doubt", "failed": "wrong"}
WORDS: dict[VerdictState, tuple[str, str]] = {
    "good": ("Good", "nothing speaks against it"),
    "doubtful": ("Doubtful", "look before you use it"),
    "failed": ("Failed", "do not use this result"),
}
_FIRST_REASONS = 2
_ABOUT = "What can be said about the result without knowing the truth. It replaces no look at the images."


class VerdictPanel(QWidget):
    """The verdict on the last result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip = Strip()
        self.sign, self.word = self.strip.sign, self.strip.word
        self.reasons = Note(role="text")
        self.other_reasons = Note(role="text")
        self._numbers = QWidget()
        content = QWidget()
        self._content = column(content)
        self._content.addWidget(self.other_reasons)
        self._content.addWidget(self._numbers)
        self.section = Section("Reasons and numbers", content, tooltip=_ABOUT)
        layout = column(self)
        layout.addWidget(self.strip)
        layout.addWidget(self.reasons)
        layout.addWidget(self.section)

    def show_verdict(self, verdict: Verdict) -> None:
        """Show a verdict."""
        word, advice = WORDS[verdict.state]
        tooltip = "\n".join((listed(verdict.reasons), _ABOUT)).strip()
        sign = SIGNS[verdict.state]
        self.strip.say(sign, f"<b>{word}</b>: {advice}", tooltip=tooltip, name=f"Verdict: {word}")
        first, rest = verdict.reasons[:_FIRST_REASONS], verdict.reasons[_FIRST_REASONS:]
        self.reasons.say(listed(first))
        self.other_reasons.say(listed(rest))
        self._show_numbers(verdict.measures)
        more = f"{len(rest)} more reason{'s' if len(rest) > 1 else ''}, and the numbers"
        self.section.rename(more if rest else "The numbers behind it")
        self.section.setVisible(bool(rest or verdict.measures))
        self.section.unfold(False)

    def numbers(self) -> dict[str, str]:
        """Return the numbers that the section shows, by what stands before them."""
        labels = [label.text() for label in self._numbers.findChildren(QLabel)]
        return dict(zip(labels[::2], labels[1::2], strict=True))

    def _show_numbers(self, measures: dict[str, float | None]) -> None:
        numbers = QWidget()
        rows = form(numbers)
        rows.setVerticalSpacing(1)
        rows.setContentsMargins(0, 0, 0, 4)
        for name, value in measures.items():
            rows.addRow(QLabel(_title(name)), QLabel(_number(value)))
        self._content.replaceWidget(self._numbers, numbers)
        self._numbers.setParent(None)
        self._numbers.deleteLater()
        self._numbers = numbers


def listed(reasons: tuple[str, ...]) -> str:
    """Return reasons as a list for a person, a line each."""
    return "\n".join(f"• {reason[:1].upper()}{reason[1:].rstrip('.')}." for reason in reasons)


def _title(name: str) -> str:
    """Return the name of a measure as a person reads it.

    Examples
    --------
    >>> _title("spread_mm"), _title("converged")
    ('Spread (mm)', 'Converged')
    """
    body, _, unit = name.rpartition("_")
    known = {"mm": "mm", "percent": "%", "degrees": "degrees", "seconds": "s"}
    return f"{humane(body)} ({known[unit]})" if unit in known and body else humane(name)


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}".replace("-", "−")
