"""Small Qt parts that the dock widgets share: notes, foldable sections, boxes that behave in a narrow dock."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable


_INDENT = 4  # pixels, as Qt paints it when it is not said; but then it makes room for twice that, and so for more lines


class Note(QLabel):
    """A word-wrapped text in one of the roles that `looks.stylesheet` knows: 'note', 'error', 'done' or 'heading'."""

    def __init__(self, text: str = "", role: str = "note", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setWordWrap(True)
        self.setIndent(_INDENT)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setVisible(bool(text))

    def say(self, text: str, role: str | None = None) -> None:
        """Show `text`, or hide when it is empty."""
        if role is not None and role != self.property("role"):
            self.setProperty("role", role)
            repolish(self)
        self.setText(text)
        self.setVisible(bool(text))


class VerticalScroll(QScrollArea):
    """Scrolls up and down only, and never becomes narrower than what it holds."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        content.installEventFilter(self)
        self._fit_width()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the content's least width."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self._fit_width()
        return bool(super().eventFilter(watched, event))

    def _fit_width(self) -> None:
        content = self.widget()
        least = max(content.minimumSizeHint().width(), content.minimumWidth())
        self.setMinimumWidth(least + self.verticalScrollBar().sizeHint().width())


class Section(QWidget):
    """A heading that folds and unfolds what stands below it."""

    def __init__(self, title: str, content: QWidget, *, tooltip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.content = content
        self.button = QPushButton(self)
        self.button.setCheckable(True)
        self.button.setProperty("role", "section")
        self.button.setToolTip(tooltip)
        self.button.toggled.connect(self._on_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(content)
        self._on_toggled(False)

    @property
    def title(self) -> str:
        """What the heading says."""
        return self._title

    def rename(self, title: str) -> None:
        """Change what the heading says."""
        self._title = title
        self._on_toggled(self.button.isChecked())

    def unfold(self, unfolded: bool = True) -> None:
        """Show or hide the content."""
        self.button.setChecked(unfolded)

    def _on_toggled(self, unfolded: bool) -> None:
        self.button.setText(f"{'▾' if unfolded else '▸'}  {self._title}")
        self.content.setVisible(unfolded)


class ElidedBox(QComboBox):
    """A combo box that may become narrow: a long entry loses its middle, and the tooltip has all of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        shrinkable(self)
        self.help = ""
        self.currentIndexChanged.connect(self._update_tooltip)
        guard_wheel(self)

    def set_help(self, text: str) -> None:
        """Set what the tooltip says below the whole entry."""
        self.help = text
        self._update_tooltip()

    def _update_tooltip(self) -> None:
        self.setToolTip("\n".join(part for part in (self.currentText(), self.help) if part))

    def paintEvent(self, _event: Any) -> None:
        """Paint the entry with its middle elided."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        metrics = QFontMetrics(self.font())
        if self.currentIndex() < 0:
            option.currentText = self.placeholderText()
        option.currentText = metrics.elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room.width() - 4)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:
        """Open a list that is wide enough for its entries, within reason."""
        wide = self.view().sizeHintForColumn(0) + 30
        self.view().setMinimumWidth(min(max(wide, self.width()), 600))
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        super().showPopup()

    def minimumSizeHint(self) -> QSize:
        """Let the dock become narrow."""
        return QSize(80, super().minimumSizeHint().height())


class _WheelGuard(QObject):
    """Leaves the wheel to the scroll area unless the box was clicked; else scrolling past changes settings."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def guard_wheel(widget: QWidget) -> None:
    """Let the wheel change `widget` only while it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


def shrinkable(box: QComboBox) -> None:
    """Let a combo box become narrower than its longest entry."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def form(parent: QWidget | None = None) -> QFormLayout:
    """Return a form layout for a narrow dock."""
    layout = QFormLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    layout.setHorizontalSpacing(8)
    layout.setVerticalSpacing(5)
    return layout


class RowLabel(QLabel):
    """A label at least as wide as the text `like` would be, so that the rows of several forms line up."""

    def __init__(self, text: str, like: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._like = like

    def sizeHint(self) -> QSize:
        """Make room for the longer of the two texts."""
        own, metrics = super().sizeHint(), self.fontMetrics()
        missing = metrics.horizontalAdvance(self._like) - metrics.horizontalAdvance(self.text())
        return QSize(own.width() + max(0, missing), own.height())

    def minimumSizeHint(self) -> QSize:
        """Do not give that room away."""
        return self.sizeHint()


def column(parent: QWidget | None = None, *, spacing: int = 6) -> QVBoxLayout:
    """Return a vertical layout without margins."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    return layout


def in_a_row(*widgets: QWidget, stretch: int = 0) -> QHBoxLayout:
    """Return a layout with widgets side by side; with a `stretch` they share the room evenly."""
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget, stretch)
    return layout


def repolish(widget: QWidget) -> None:
    """Apply the stylesheet again after a property has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def copy_to_clipboard(text: str) -> None:
    """Put `text` on the clipboard."""
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)


def follow(widget: QWidget, emitter: Any, method: Callable[[], None]) -> Callable[[], None]:
    """Call a method of `widget` at each of napari's events, for as long as the widget lives.

    Returns
    -------
    callable
        Ends it earlier.
    """
    weak_method, weak_widget = weakref.WeakMethod(method), weakref.ref(widget)

    def on_event(_event: Any = None) -> None:
        target, owner = weak_method(), weak_widget()
        if target is None or owner is None or not isalive(owner):
            stop()  # not at `destroyed`: Python may be taking both apart then
        else:
            target()

    def stop() -> None:
        with suppress(ValueError):
            emitter.disconnect(on_event)

    emitter.connect(on_event)
    return stop
