"""Edits any settings model: a row per field of its class, built from the fields' own titles, help and ranges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_coreg.plugin.fields import ValueField, humane, members, tooltip
from napari_coreg.plugin.parts import ElidedBox, Note, RowLabel, column, form

LABEL_WIDTH = "Smoothing sigmas (mm) "  # rows of all groups line up where no label is longer
Path = tuple[int | str, ...]
Findings = Sequence[tuple[Path, str]]  # where in the model, and what is wrong there
Change = Callable[[str, dict[str, Any]], dict[str, Any]]  # (new kind, values of the old one) -> values of the new one
LimitsOf = Callable[[Mapping[str, Any]], "Limits"]


@dataclass(frozen=True)
class Limits:
    """What some settings leave out of the others.

    Attributes
    ----------
    withheld : mapping of str to collection of str
        Choices that are not offered, by field.
    hidden : collection of str
        Fields that are not shown.
    """

    withheld: Mapping[str, Collection[str]]
    hidden: Collection[str]


class ModelEditor(QWidget):
    """Rows for the fields of one model class; holds plain values, valid or not.

    Parameters
    ----------
    model : type of BaseModel
        The class of the settings.
    shown : sequence of str, optional
        Fields to show; the others are kept as they are. All when not given.
    """

    changed = Signal()

    def __init__(
        self, model: type[BaseModel], shown: Sequence[str] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._kept: dict[str, Any] = {}
        self._fields: dict[str, ValueField | ModelEditor | UnionEditor] = {}
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        self._notes: dict[str, Note] = {}
        self._head = Note(role="error")
        self._layout = column(self)
        self._layout.addWidget(self._head)
        self._form: Any = None
        for name in shown if shown is not None else model.model_fields:
            if name != "kind":
                self._add_field(name, model.model_fields[name])

    def plain(self) -> dict[str, Any]:
        """Return all values, those that are not shown too."""
        return {**self._kept, **{name: field.plain() for name, field in self._fields.items()}}

    def set_plain(self, values: Mapping[str, Any]) -> None:
        """Show `values`, in silence."""
        self._kept = {name: value for name, value in values.items() if name not in self._fields}
        for name, field in self._fields.items():
            if name in values:
                field.set_plain(values[name])

    def limit(self, limits: Limits) -> None:
        """Offer only the choices that are left, and show only the fields that leave one."""
        for name, field in self._fields.items():
            shown = name not in limits.hidden
            if isinstance(field, ValueField | UnionEditor):
                shown = field.withhold(limits.withheld.get(name, ())) and shown
            for widget in self._rows[name]:
                widget.setVisible(shown)

    def show_findings(self, findings: Findings) -> None:
        """Write each finding beside its field, and wipe the others."""
        self._head.say("; ".join(text for path, text in findings if not path or path[0] not in self._fields))
        for name, field in self._fields.items():
            mine = [(path[1:], text) for path, text in findings if path and path[0] == name]
            if isinstance(field, ValueField):
                self._notes[name].say("; ".join(dict.fromkeys(text for _, text in mine)))
            else:
                field.show_findings(mine)

    def titles(self, path: Path) -> list[str]:
        """Return the titles of the fields along a path, for a sentence about it."""
        if not path or path[0] not in self._model.model_fields:
            return []
        name = str(path[0])
        title = self._model.model_fields[name].title or name
        field = self._fields.get(name)
        return [title, *(field.titles(path[1:]) if isinstance(field, ModelEditor | UnionEditor) else [])]

    def _add_field(self, name: str, info: Any) -> None:
        title = info.title or name
        nested: ModelEditor | UnionEditor | None = None
        if members(info.annotation):
            nested = UnionEditor(members(info.annotation), title, info.description or "")
        elif isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            nested = ModelEditor(info.annotation)
        if nested is not None:
            nested.setObjectName(name)
            nested.changed.connect(self.changed)
            self._rows[name] = self._add_group(title, info.description or "", nested)
            self._fields[name] = nested
            return
        field = ValueField(name, info, self._on_edited)
        if self._form is None:
            self._form = form()
            self._layout.addLayout(self._form)
        label = RowLabel(title, LABEL_WIDTH)
        label.setToolTip(tooltip(info))
        label.setBuddy(field.native)
        self._form.addRow(label, field.native)
        self._rows[name] = (label, field.native)
        self._notes[name] = Note(role="error")
        self._form.addRow(self._notes[name])
        self._fields[name] = field

    def _on_edited(self) -> None:
        self.changed.emit()

    def _add_group(self, title: str, description: str, nested: QWidget) -> tuple[QWidget, ...]:
        self._form = None  # later fields go below the group
        if isinstance(nested, UnionEditor):
            self._layout.addWidget(nested)
            return (nested,)
        heading = Note(title, role="heading")
        heading.setToolTip(description)
        self._layout.addWidget(heading)
        self._layout.addWidget(nested)
        return (heading, nested)


class UnionEditor(QWidget):
    """A choice of kinds, and the fields of the kind that is chosen only.

    Parameters
    ----------
    classes : sequence of type
        Model classes with a field ``kind``.
    title, description : str
        Of the field that holds the choice.
    change : callable, optional
        Makes the values of a kind that is chosen for the first time; its defaults when not given.
    limits_of : callable, optional
        Returns what the values leave out; nothing when not given.
    first : sequence of str, optional
        Fields that are shown before the others.
    """

    changed = Signal()

    def __init__(
        self,
        classes: Sequence[type[BaseModel]],
        title: str,
        description: str = "",
        change: Change | None = None,
        limits_of: LimitsOf | None = None,
        first: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._limits_of = limits_of
        self._first = first
        self._carries = change is not None
        self._change = change or (lambda kind, _: defaults(self._classes[kind]))
        self._classes = {kind_of(item): item for item in classes}
        self._remembered: dict[str, dict[str, Any]] = {}
        self._editor: ModelEditor | None = None
        self._kind = ""
        self._box = ElidedBox()
        self._box.setObjectName("kind")
        self._box.set_help(description)
        for kind in self._classes:
            self._box.addItem(humane(kind), kind)
        self._about = Note()
        self._layout: QVBoxLayout = column(self)
        row = form()
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        heading.setToolTip(description)
        row.addRow(heading, self._box)
        self._layout.addLayout(row)
        self._layout.addWidget(self._about)
        self._show_kind(next(iter(self._classes)))
        self._box.activated.connect(self._on_chosen)

    def plain(self) -> dict[str, Any]:
        """Return the values of the kind that is chosen."""
        return {"kind": self._kind, **(self._editor.plain() if self._editor else {})}

    def set_plain(self, values: Mapping[str, Any]) -> None:
        """Show `values`, in silence."""
        self._show_kind(str(values["kind"]))
        if self._editor is not None:
            if self._limits_of is not None:
                self._editor.limit(self._limits_of(values))
            self._editor.set_plain({name: value for name, value in values.items() if name != "kind"})

    def withhold(self, kinds: Collection[str]) -> bool:
        """Offer all kinds but these, in silence; return whether any is left."""
        left = [kind for kind in self._classes if kind not in kinds]
        if left != [self._box.itemData(index) for index in range(self._box.count())]:
            self._box.clear()
            for kind in left:
                self._box.addItem(humane(kind), kind)
            self._box.setCurrentIndex(self._box.findData(self._kind))
        return bool(left)

    def show_findings(self, findings: Findings) -> None:
        """Write each finding beside its field, and wipe the others."""
        if self._editor is not None:
            self._editor.show_findings([(path[1:], text) for path, text in findings])

    def titles(self, path: Path) -> list[str]:
        """Return the titles of the fields along a path."""
        return self._editor.titles(path[1:]) if self._editor is not None else []

    def _on_chosen(self, _index: int) -> None:
        before, kind = self.plain(), self._box.currentData()
        if kind == self._kind:
            return
        self._remembered[self._kind] = before
        known = None if self._carries else self._remembered.get(kind)
        self.set_plain(known or self._change(kind, before))
        self.changed.emit()

    def _show_kind(self, kind: str) -> None:
        self._box.setCurrentIndex(self._box.findData(kind))
        if kind == self._kind:
            return
        self._kind = kind
        if self._editor is not None:
            self._layout.removeWidget(self._editor)
            self._editor.setParent(None)
            self._editor.deleteLater()
        self._about.say(summary(self._classes[kind]))
        model = self._classes[kind]
        first = [name for name in self._first if name in model.model_fields]
        self._editor = ModelEditor(model, [*first, *(name for name in model.model_fields if name not in first)])
        self._editor.changed.connect(self.changed)
        self._layout.addWidget(self._editor)


def kind_of(model: type[BaseModel]) -> str:
    """Return the value of a model class's field ``kind``."""
    return str(get_args(model.model_fields["kind"].annotation)[0])


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Return the plain values of a model that has a default for every field."""
    return model().model_dump(mode="json")


def summary(model: type[BaseModel]) -> str:
    """Return the first paragraph of a class's docstring in one line."""
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def titles_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield name and title of every field of a model and of the models in it."""
    for name, info in model.model_fields.items():
        yield name, info.title or name
        annotations = (info.annotation, *members(info.annotation), *get_args(info.annotation))
        for item in [inner for annotation in annotations for inner in (annotation, *members(annotation))]:
            if isinstance(item, type) and issubclass(item, BaseModel):
                yield from titles_of(item)
