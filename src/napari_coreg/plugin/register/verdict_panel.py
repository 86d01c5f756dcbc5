"""Shows the verdict on a result: a strip with a sign and a word, the weightiest reasons, and all of them on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from napari_coreg.plugin.fields import humane
from napari_coreg.plugin.parts import Note, Section, column, form, repolish
from napari_coreg.plugin.signs import pixmap

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
        self.strip = QFrame()
        self.sign = QLabel()
        self.word = QLabel()
        self.word.setTextFormat(Qt.TextFormat.RichText)
        self.word.setSizePolicy(Note().sizePolicy())
        line = QHBoxLayout(self.strip)
        line.setContentsMargins(8, 5, 8, 5)
        line.setSpacing(8)
        line.addWidget(self.sign)
        line.addWidget(self.word, 1)
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
        sign = SIGNS[verdict.state]
        self.sign.setPixmap(pixmap(sign, self.devicePixelRatioF(), inverted=True))
        self.word.setText(f"<b>{word}</b>: {advice}")
        for part in (self.strip, self.word):
            part.setProperty("role", f"strip-{sign}")
            repolish(part)
        self.strip.setToolTip("\n".join((_listed(verdict.reasons), _ABOUT)).strip())
        self.strip.setAccessibleName(f"Verdict: {word}")
        first, rest = verdict.reasons[:_FIRST_REASONS], verdict.reasons[_FIRST_REASONS:]
        self.reasons.say(_listed(first))
        self.other_reasons.say(_listed(rest))
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


def _listed(reasons: tuple[str, ...]) -> str:
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
