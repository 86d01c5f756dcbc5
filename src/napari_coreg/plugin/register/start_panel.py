"""Says where the next run starts when somebody set that, and lets it be dropped."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.layers import read_layer
from napari_coreg.plugin.parts import Note, column, follow
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid
    from napari_coreg.session import Start


_STALE = "The start that was set ({}) does not count: a layer was moved since."


class StartPanel(QWidget):
    """The session's start, as far as it holds for the chosen pair; hidden where there is none.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose session.
    """

    changed = Signal()  # another start, or none

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session_of(viewer)
        self.words = Note()
        self.drop_button = QPushButton("Start as the recipe says")
        self.drop_button.setToolTip("Forget this start: the next run begins where the recipe or the layers say.")
        self.drop_button.clicked.connect(self.drop)
        layout = column(self)
        layout.addWidget(self.words)
        layout.addWidget(self.drop_button)
        follow(self, self._session.start_changed, self._on_changed)
        self.hide()

    def start_for(self, fixed: Any, moving: Any) -> Start | None:
        """Return the start that was set for these two layers, and show it; None where there is none."""
        start = self._session.start
        if start is None or not start.holds_for(fixed, moving):
            self.hide()
            return None
        holds = start.holds_for(fixed, moving, _frames(fixed, moving))
        self.words.say(f"The run starts from: {start.source}." if holds else _STALE.format(start.source))
        self.show()
        return start if holds else None

    def drop(self) -> None:
        """Leave the start to the recipe and the layers again."""
        self._session.start = None

    def _on_changed(self) -> None:
        self.changed.emit()


def _frames(fixed: Any, moving: Any) -> tuple[Grid, Grid] | None:
    with suppress(CoregError):  # which the run will tell
        return read_layer(fixed).geometry, read_layer(moving).geometry
    return None
