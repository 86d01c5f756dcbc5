"""The dock widget "Compare": two layers, a row of modes, and one key that flips."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_coreg.errors import CoregError
from napari_coreg.plugin.compare.before import before_of
from napari_coreg.plugin.compare.console import comparison_of
from napari_coreg.plugin.compare.controls import CompareControls
from napari_coreg.plugin.compare.inputs import can_be_compared
from napari_coreg.plugin.compare.scene import FLIP_KEY
from napari_coreg.plugin.layer_box import LayerBox
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import Note, VerticalScroll, column, follow
from napari_coreg.plugin.turns import Turns
from napari_coreg.plugin.viewers import open_dock

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QShowEvent

_WELCOME = "Choose two layers, and a mode: nothing is computed but what is on screen, and no layer is changed."
_ROLE = "Compared with the other one wherever both lie, whatever their voxels."
_TITLE = "Compare"


class CompareWidget(QWidget):
    """Compares two layers of the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    """

    def __init__(self, napari_viewer: Any, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._comparison = comparison_of(napari_viewer)
        self._turns = Turns(self)
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._suggest_pair()
        self._refresh()

    def compare(self, first: Any = None, second: Any = None, mode: str = "") -> None:
        """Compare two layers, or those that are chosen; what cannot be compared is said.

        Parameters
        ----------
        first, second : layer, optional
            To be chosen first.
        mode : str
            One of `Settings`; the one that is chosen when it is not given.
        """
        if first is not None and second is not None:
            self._choose(first, second)
        one, other = self.first.layer(), self.second.layer()
        if one is None or other is None:
            self.message.say("Choose two layers to compare.", "error")
            return
        settings = {"mode": mode} if mode else {}
        try:
            self._comparison.begin(one, other, later=self._turns.add, **settings)
        except CoregError as error:
            self.message.say(str(error), "error")

    def stop(self) -> None:
        """End the comparison; all layers come back as they were."""
        self._comparison.end(later=self._turns.add)

    def event(self, event: QEvent) -> bool:
        """End the comparison when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._comparison.end()
        return bool(super().event(event))

    def hideEvent(self, event: QHideEvent) -> None:
        """Do not flicker behind the user's back."""
        self._comparison.pause(True)
        super().hideEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Flicker again."""
        self._comparison.pause(False)
        super().showEvent(event)

    def _make_parts(self) -> None:
        from napari.layers import Image, Labels  # noqa: PLC0415 - loaded already wherever a viewer exists

        kinds: Any = (Image, Labels)
        self.first = LayerBox(self._viewer, kinds, _ROLE, fits=can_be_compared)
        self.second = LayerBox(self._viewer, kinds, _ROLE, fits=can_be_compared)
        self.exchange = QPushButton("⇅")
        self.exchange.setToolTip("Exchange the two layers.")
        self.exchange.setAccessibleName("Exchange the two layers")
        self.exchange.setFixedWidth(32)
        self.controls = CompareControls()
        self.start_button = QPushButton(_TITLE)
        self.start_button.setProperty("role", "main")
        self.start_button.setCheckable(True)
        self.start_button.setToolTip("Hide all other layers and compare these two; click again to bring all back.")
        self.flip_button = QPushButton(f"Flip ({FLIP_KEY})")
        self.message = Note()

    def _lay_out(self) -> None:
        pair = QGridLayout()
        pair.setSpacing(5)
        for row, (text, box) in enumerate((("First", self.first), ("Second", self.second))):
            label = QLabel(text)
            label.setBuddy(box)
            pair.addWidget(label, row, 0)
            pair.addWidget(box, row, 1)
        pair.addWidget(self.exchange, 0, 2, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        pair.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button, 2)
        buttons.addWidget(self.flip_button, 1)
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addLayout(pair)
        rows.addWidget(self.controls)
        rows.addLayout(buttons)
        rows.addWidget(self.message)
        rows.addStretch(1)
        column(self).addWidget(VerticalScroll(content))

    def _connect(self) -> None:
        self.first.layer_changed.connect(self._on_pair)
        self.second.layer_changed.connect(self._on_pair)
        self.second.listed.connect(self._suggest_pair)  # it hears of a new layer after the first box
        self.exchange.clicked.connect(self._on_exchange)
        self.controls.mode_chosen.connect(self._on_mode)
        self.controls.changed.connect(self._on_setting)
        self.start_button.clicked.connect(self._on_start)
        self.flip_button.clicked.connect(self._comparison.flip)
        follow(self, self._comparison.changed, self._refresh)
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        self.setStyleSheet(stylesheet(looks_of(self._viewer)))

    def _suggest_pair(self) -> None:
        """Choose two layers where there is nothing to choose, but for their order."""
        if self.first.layer() is not None or self.second.layer() is not None or self._comparison.is_on:
            return
        there = self.second.layers()
        if len(there) == 2:
            self._choose(*there)
        self._refresh()

    def _choose(self, first: Any, second: Any) -> None:
        for box, layer in ((self.first, first), (self.second, second)):
            blocked = box.blockSignals(True)
            box.set_layer(layer)
            box.blockSignals(blocked)

    def _on_pair(self) -> None:
        """Compare the new pair at once where one is being compared."""
        if self._comparison.is_on and self.first.layer() is not None and self.second.layer() is not None:
            self.compare()
        else:
            self._refresh()

    def _on_exchange(self) -> None:
        self._choose(self.second.layer(), self.first.layer())
        self._on_pair()

    def _on_mode(self, mode: str) -> None:
        """Show the mode; begin where nothing is compared yet."""
        if self._comparison.is_on or self.first.layer() is None or self.second.layer() is None:
            self._comparison.change(mode=mode)
        else:
            self.compare(mode=mode)

    def _on_setting(self, setting: dict[str, Any]) -> None:
        try:
            self._comparison.change(**setting)
        except CoregError as error:
            self.message.say(str(error), "error")

    def _on_start(self, wanted: bool) -> None:
        (self.compare if wanted else self.stop)()
        self.start_button.setChecked(self._comparison.is_on)

    def _refresh(self) -> None:
        """Show how it stands."""
        comparison, pictures = self._comparison, self._comparison.pictures
        if comparison.is_on and (comparison.first, comparison.second) != (self.first.layer(), self.second.layer()):
            self._choose(comparison.first, comparison.second)  # somebody compares by the console
        shown: dict[str, Any] = {}
        if pictures is not None:
            side = pictures.sides[comparison.roles[0]]
            shown["cell_mm"] = pictures.cell_mm(comparison.settings)
            if comparison.settings.mode == "contours" and not side.sight.is_labels:
                shown |= {"level": side.level, "levels": side.window}
        self.controls.show_settings(comparison.settings, **shown)
        self.start_button.setChecked(comparison.is_on)
        self.start_button.setText("Stop comparing" if comparison.is_on else _TITLE)
        self.start_button.setEnabled(comparison.is_on or None not in (self.first.layer(), self.second.layer()))
        self.flip_button.setEnabled(comparison.is_on)
        self.flip_button.setToolTip(self._what_flips())
        self.message.say(comparison.words() if comparison.is_on else _WELCOME, "note")

    def _what_flips(self) -> str:
        key = f"Key {FLIP_KEY} on the canvas does the same."
        chosen = [layer for layer in (self.first.layer(), self.second.layer()) if layer is not None]
        with suppress(CoregError):
            if any(before_of(layer, self._viewer.layers) is not None for layer in chosen):
                return f"Show the registered layer as it lay before, and as it is now. {key}"
        return f"Let the two layers change their roles. {key}"


def open_compare(viewer: Any, first: Any, second: Any) -> CompareWidget | None:
    """Open the dock widget and compare two layers in it; nothing happens where the viewer has no window.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    first, second : layer
        What is compared.
    """
    widget: CompareWidget | None = open_dock(viewer, _TITLE)
    if widget is not None:
        widget.compare(first, second)
    return widget
