"""A strip in the colour of a sign, with the sign and a few words in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from napari_coreg.plugin.parts import Note, repolish
from napari_coreg.plugin.signs import pixmap

if TYPE_CHECKING:
    from napari_coreg.plugin.signs import Sign


class Strip(QFrame):
    """Says in a word, a sign and a colour how something stands; readable in each theme."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sign = QLabel()
        self.word = QLabel()
        self.word.setTextFormat(Qt.TextFormat.RichText)
        self.word.setSizePolicy(Note().sizePolicy())
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 5, 8, 5)
        line.setSpacing(8)
        line.addWidget(self.sign)
        line.addWidget(self.word, 1)

    def say(self, sign: Sign, html: str, *, tooltip: str = "", name: str = "") -> None:
        """Show a sign and words.

        Parameters
        ----------
        sign : {"good", "note", "doubt", "wrong"}
            Which one.
        html : str
            The words.
        tooltip : str
            More of them.
        name : str
            What a screen reader says.
        """
        self.sign.setPixmap(pixmap(sign, self.devicePixelRatioF(), inverted=True))
        self.word.setText(html)
        for part in (self, self.word):
            part.setProperty("role", f"strip-{sign}")
            repolish(part)
        self.setToolTip(tooltip)
        self.setAccessibleName(name)
