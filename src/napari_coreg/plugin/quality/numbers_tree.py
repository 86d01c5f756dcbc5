"""The table of a quality: every number, group by group, with structures and landmarks below their headings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QIcon
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_coreg.plugin.looks import readable
from napari_coreg.plugin.quality.row_words import gravest, parts, shared_unit, uncapitalised
from napari_coreg.plugin.quality.words import (
    GRAVITY,
    SIGNS,
    about,
    about_landmark,
    figure,
    limit_in_words,
    short_name,
    title,
)
from napari_coreg.plugin.signs import COLOURS, pixmap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QWidget

    from napari_coreg.core.quality.limits import Limits, Status
    from napari_coreg.core.quality.record import LandmarkRow, Quality, Row
    from napari_coreg.plugin.looks import Looks

NAME, BEFORE, AFTER, LIMIT, RESULT = range(5)
_HEADS = (
    ("Measure", "Point at a row to read what it can tell and what it cannot. Click to sort structures and landmarks."),
    ("Before", "As the volumes lay. Click to sort structures and landmarks."),
    ("After", "With the transform; a wider dock tells how it was before, too. Click to sort structures and landmarks."),
    ("Limit", "What passes; the section 'Limits' has all."),
    ("Result", "pass, look or fail, as the limits have it; info where there is none. Click to sort."),
)
_PLACE, _VALUES, _WAITING = (Qt.ItemDataRole.UserRole + place for place in range(3))
_WIDE = 430  # pixels, from which on there is room for the limits
_NARROW = 275  # pixels, below which there is none for how it was before
_AIR = 6
_LEAST_HEIGHT = 230
_EACH_LANDMARK, _EACH_STRUCTURE = "Each landmark", "Each structure"
_LINE = 6  # pixels between the words of two rows
_MANY = 5  # rows of one measure, from which on it gets a heading of its own
_FIRST = ("dice", "structure_displacement_mean")  # what stands for a structure before it is unfolded


class NumbersTree(QTreeWidget):
    """Shows the rows of a quality; a click on a structure or a landmark asks to go there."""

    place_wanted = Signal(str)  # "structure:" or "landmark:" and the name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quality: Quality | None = None
        self._colours: dict[Status, QBrush] = {}
        self._sorted_by: tuple[int, bool] | None = None  # and whether the largest is first
        self.setColumnCount(len(_HEADS))
        self._label()
        heads = self.header()
        heads.setMinimumSectionSize(24)
        heads.setStretchLastSection(False)
        heads.setSectionsClickable(True)
        heads.setSectionsMovable(False)
        heads.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        heads.sectionClicked.connect(self.sort_by)
        self.setIndentation(10)
        self.setIconSize(QSize(14, 14))
        self.setUniformRowHeights(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setAccessibleName("Numbers")
        self.itemClicked.connect(self._on_item)
        self.itemActivated.connect(self._on_item)
        self.itemExpanded.connect(self._on_expanded)

    def set_looks(self, looks: Looks) -> None:
        """Take the theme's colours."""
        self._colours = {"info": QBrush(QColor(*looks.muted))}
        for status in ("pass", "look", "fail"):
            sign = SIGNS[status]
            assert sign is not None
            colour = readable(COLOURS[sign][0], looks.background, looks.text)
            self._colours[status] = QBrush(QColor(*colour))
        if self._quality is not None:
            self.show_quality(self._quality)

    def show_quality(self, quality: Quality | None) -> None:
        """Show these numbers; what was unfolded before stays so, where it is still there."""
        unfolded = self._unfolded()
        self._quality = quality
        self.clear()
        if quality is None:
            return
        groups: dict[str, list[Row]] = {}
        for row in quality.rows:
            groups.setdefault(row.group, []).append(row)
        graded = {name for name, rows in groups.items() if any(row.status != "info" for row in rows)}
        for name, rows in groups.items():
            landmarks = quality.landmarks if name == "Landmarks" else ()
            item = self._group(name, rows, landmarks, quality.limits)
            is_open = name in graded or not graded
            item.setExpanded(is_open if unfolded is None else item.text(NAME) in unfolded)
            if unfolded is not None:
                self._unfold_again(item, unfolded)
        if self._sorted_by is not None:
            self._sort()
        self._fit_width()

    def sort_by(self, column: int) -> None:
        """Sort structures and landmarks within their headings; again, and the order is reversed."""
        if column == LIMIT:
            return
        was = self._sorted_by
        first = column != NAME
        self._sorted_by = column, (not was[1] if was is not None and was[0] == column else first)
        self._label()
        self._sort()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the columns the new width."""
        super().resizeEvent(event)
        self._fit_width()

    def _group(self, name: str, rows: list[Row], landmarks: Sequence[LandmarkRow], limits: Limits) -> QTreeWidgetItem:
        unit = shared_unit(rows)
        item = self._item(self, f"{name} ({unit})" if unit else name, status=gravest(rows), heading=True)
        self._rows(item, [row for row in rows if not row.structure], limits, unit)
        structures: dict[str, list[Row]] = {}
        for row in rows:
            if row.structure:
                structures.setdefault(row.structure, []).append(row)
        above = item
        for structure, own in structures.items():
            first = next((row for key in _FIRST for row in own if row.measure == key), own[0])
            if name == "Structures":
                item.setText(NAME, f"{name} ({title(first)})")
            elif above is item:
                above = self._item(item, f"{_EACH_STRUCTURE} ({len(structures)}), {uncapitalised(title(first))}")
            parent = self._row(above, first, limits, text=structure, status=gravest(own))
            parent.setData(NAME, _PLACE, f"structure:{structure}")
            tooltip = f"{structure}: the numbers beside it are {title(first)}; unfold it for all.\nA click goes there."
            parent.setToolTip(NAME, tooltip)
            parent.setData(NAME, _WAITING, (own, limits))
            parent.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
        if landmarks:
            parent = self._item(item, f"{_EACH_LANDMARK} ({len(landmarks)})")
            for pair in landmarks:
                texts = {BEFORE: figure(pair.before_mm, "mm"), AFTER: figure(pair.after_mm, "mm")}
                child = self._item(parent, pair.name, texts, tooltip=about_landmark(pair))
                child.setData(NAME, _VALUES, (pair.name.lower(), pair.before_mm, pair.after_mm, None, pair.after_mm))
                child.setData(NAME, _PLACE, f"landmark:{pair.name}")
        return item

    def _rows(self, parent: QTreeWidgetItem, rows: list[Row], limits: Limits, unit: str) -> None:
        """Add rows of the whole; many of one measure stand below its name, which would leave no room for theirs."""
        many = Counter(parts(row)[0] for row in rows)
        above: dict[str, QTreeWidgetItem] = {}
        for row in rows:
            measure, which = parts(row)
            if many[measure] < _MANY:
                self._row(parent, row, limits, text=short_name(row.name) if unit else "")
                continue
            if measure not in above:
                own = [each for each in rows if parts(each)[0] == measure]
                shared, status = "" if unit else shared_unit(own), gravest(own)
                name = f"{measure} ({shared})" if shared else measure
                above[measure] = self._item(parent, name, status=None if status == "info" else status)
                above[measure].setExpanded(True)
            self._row(above[measure], row, limits, text=which[:1].upper() + which[1:])

    def _row(self, parent: Any, row: Row, limits: Limits, text: str = "", status: Status | None = None) -> Any:
        texts = {
            BEFORE: figure(row.before, row.unit),
            AFTER: figure(row.after, row.unit),
            LIMIT: limit_in_words(row, limits),
        }
        status = row.status if status is None else status
        item = self._item(parent, text or title(row), texts, status=status, tooltip=about(row, limits))
        item.setData(NAME, _VALUES, ((text or title(row)).lower(), row.before, row.after, None, GRAVITY[status]))
        return item

    def _item(
        self,
        parent: Any,
        name: str,
        texts: dict[int, str] | None = None,
        *,
        status: Status | None = None,
        tooltip: str = "",
        heading: bool = False,
    ) -> QTreeWidgetItem:
        item = QTreeWidgetItem(parent)
        item.setText(NAME, name)
        item.setSizeHint(NAME, QSize(0, self.fontMetrics().height() + _LINE))
        for column, text in (texts or {}).items():
            item.setText(column, text)
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column in range(len(_HEADS)):
            item.setToolTip(column, tooltip)
        if heading:
            font = item.font(NAME)
            font.setBold(True)
            item.setFont(NAME, font)
        if status is not None and not (heading and status == "info"):
            self._mark(item, status)
        return item

    def _mark(self, item: QTreeWidgetItem, status: Status) -> None:
        """Say the result in a word, a sign and a colour."""
        item.setText(RESULT, status)
        sign = SIGNS[status]
        if sign is not None:
            icon = QIcon()
            for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):  # or Qt would tint it where the row is selected
                icon.addPixmap(pixmap(sign, self.devicePixelRatioF()), mode)
            item.setIcon(RESULT, icon)
        if status in self._colours:
            item.setForeground(RESULT, self._colours[status])

    def _unfolded(self) -> set[str] | None:
        """Return which items are unfolded, by their names; None where there are none yet."""
        if not self.topLevelItemCount():
            return None
        found: set[str] = set()

        def look(item: QTreeWidgetItem, above: str) -> None:
            path = f"{above}{item.text(NAME)}"
            if item.isExpanded():
                found.add(path)
            for place in range(item.childCount()):
                look(item.child(place), f"{path}/")

        for place in range(self.topLevelItemCount()):
            look(self.topLevelItem(place), "")
        return found

    def _unfold_again(self, item: QTreeWidgetItem, unfolded: set[str], above: str = "") -> None:
        path = f"{above}{item.text(NAME)}"
        for place in range(item.childCount()):
            child = item.child(place)
            child.setExpanded(f"{path}/{child.text(NAME)}" in unfolded)
            self._unfold_again(child, unfolded, f"{path}/")

    def _sort(self) -> None:
        assert self._sorted_by is not None
        column, descending = self._sorted_by
        for place in range(self.topLevelItemCount()):
            group = self.topLevelItem(place)
            _sort_children(group, _is_place, column, descending)
            for each in range(group.childCount()):
                _sort_children(group.child(each), _is_place, column, descending)

    def _label(self) -> None:
        column, descending = self._sorted_by or (-1, False)
        head = self.headerItem()
        for place, (text, tooltip) in enumerate(_HEADS):
            head.setText(place, text + ("▾" if descending else "▴") * (place == column))
            head.setToolTip(place, tooltip)
            side = Qt.AlignmentFlag.AlignLeft if place in (NAME, RESULT) else Qt.AlignmentFlag.AlignRight
            head.setTextAlignment(place, side | Qt.AlignmentFlag.AlignVCenter)

    def _fit_width(self) -> None:
        """Give numbers and results the room they need, and the rest to the words."""
        room = self.viewport().width()
        self.setColumnHidden(LIMIT, room < _WIDE)
        self.setColumnHidden(BEFORE, room < _NARROW)
        left = room
        for column in (BEFORE, AFTER, LIMIT, RESULT):
            if not self.isColumnHidden(column):
                need = max(self.sizeHintForColumn(column), self.header().sectionSizeHint(column)) + _AIR
                self.setColumnWidth(column, need)
                left -= need
        self.setColumnWidth(NAME, max(left, 60))

    def _on_expanded(self, item: QTreeWidgetItem) -> None:
        """Make the rows of a structure when they are wanted: of a hundred structures there are many."""
        waiting = item.data(NAME, _WAITING)
        if waiting is not None:
            item.setData(NAME, _WAITING, None)
            rows, limits = waiting
            for row in rows:
                self._row(item, row, limits)
        self._fit_width()

    def _on_item(self, item: QTreeWidgetItem, _column: int) -> None:
        place = item.data(NAME, _PLACE)
        if place:
            self.place_wanted.emit(place)


def _is_place(item: QTreeWidgetItem) -> bool:
    return bool(item.data(NAME, _PLACE))


def _sort_children(
    parent: QTreeWidgetItem, fits: Callable[[QTreeWidgetItem], bool], column: int, descending: bool
) -> None:
    """Sort those children that fit among themselves; what has no number comes last."""
    places = [place for place in range(parent.childCount()) if fits(parent.child(place))]
    if len(places) < 2:
        return
    unfolded = [parent.child(place) for place in places if parent.child(place).isExpanded()]
    children = [parent.takeChild(place) for place in reversed(places)][::-1]
    known = [child for child in children if child.data(NAME, _VALUES)[column] is not None]
    known.sort(key=lambda child: child.data(NAME, _VALUES)[column], reverse=descending)
    ordered = known + [child for child in children if child not in known]
    for place, child in zip(places, ordered, strict=True):
        parent.insertChild(place, child)
    for child in unfolded:
        child.setExpanded(True)
