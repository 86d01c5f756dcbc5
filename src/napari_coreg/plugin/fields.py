"""One row of an editor: a magicgui widget for a number, a choice, a text or a list of numbers, by the field's type."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QComboBox

from napari_coreg.plugin.parts import guard_wheel, shrinkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pydantic.fields import FieldInfo
    from qtpy.QtWidgets import QWidget

_NAMES = {
    "auto": "Automatic",
    "centre": "Centres of the grids",
    "coreg": "napari-coreg",
    "fourier_mellin": "Fourier-Mellin",
    "given": "As the volumes lie",
    "moments": "Centres of intensity",
    "none": "All voxels",
    "simpleitk": "SimpleITK",
    "stationary_velocity": "Stationary velocity field",
}
_WORDS = {"bspline": "B-spline", "lbfgs": "L-BFGS", "lbfgs2": "L-BFGS2", "lbfgsb": "L-BFGS-B"}


class ValueField:
    """A setting with one plain value (as in JSON) and the widget that edits it.

    Parameters
    ----------
    name : str
        The field's name; also the widget's objectName.
    info : FieldInfo
        The model's field: its type, range, title and description.
    on_change : callable
        Called after every edit by hand.
    """

    def __init__(self, name: str, info: FieldInfo, on_change: Callable[[], None]) -> None:
        kind, limits = _kind_and_limits(info)
        self._choices: tuple[str, ...] = get_args(info.annotation) if kind == "choice" else ()
        self._read, self._write = _CONVERSIONS.get(kind, (_same, _same))
        annotation, options = _widget_for(kind, info, limits)
        self._widget = cast("Any", create_widget(annotation=annotation, options=options))
        self._widget.changed.connect(on_change)
        self.native: QWidget = self._widget.native
        self.native.setObjectName(name)
        self.native.setToolTip(tooltip(info, limits))
        if isinstance(self.native, QComboBox):
            shrinkable(self.native)
        guard_wheel(self.native)

    def plain(self) -> Any:
        """Return the value as JSON would hold it; text that is no number stays text."""
        return self._read(self._widget.value)

    def set_plain(self, value: Any) -> None:
        """Show `value`, in silence; text that means it already stays as it was typed."""
        if self.plain() == value:
            return
        with self._widget.changed.blocked():
            self._widget.value = self._write(value)

    def withhold(self, values: Collection[str]) -> bool:
        """Offer all choices but these, in silence; return whether there is anything to set."""
        left = [choice for choice in self._choices if choice not in values]
        if self._choices and left != list(self._widget.choices):
            with self._widget.changed.blocked():
                self._widget.choices = [(humane(choice), choice) for choice in left]
        return not self._choices or len(left) > 1


def humane(kind: str) -> str:
    """Return what a person reads for the name of a choice.

    Examples
    --------
    >>> humane("mattes_mutual_information"), humane("lbfgsb"), humane("none")
    ('Mattes mutual information', 'L-BFGS-B', 'All voxels')
    """
    if kind in _NAMES:
        return _NAMES[kind]
    words = [_WORDS.get(word, word) for word in kind.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def tooltip(info: FieldInfo, limits: dict[str, float] | None = None) -> str:
    """Return description and range of a field."""
    limits = _kind_and_limits(info)[1] if limits is None else limits
    low = next((f"{sign} {limits[key]:g}" for key, sign in (("ge", "at least"), ("gt", "above")) if key in limits), "")
    high = next((f"{sign} {limits[key]:g}" for key, sign in (("le", "at most"), ("lt", "below")) if key in limits), "")
    span = ", ".join(part for part in (low, high) if part)
    return "\n".join(part for part in (info.description or "", span.capitalize()) if part)


def format_number(value: float) -> str:
    """Return a number as short as it can be read back.

    Examples
    --------
    >>> format_number(40.0), format_number(0.005), format_number(1e-08)
    ('40', '0.005', '1e-08')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e6 else repr(value)


def parse_number(text: str) -> float | int | str:
    """Return the number in `text`, or the text itself where it is none."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def format_numbers(values: Any) -> str:
    """Return numbers as one line.

    Examples
    --------
    >>> format_numbers([8, 4.0, 0.5])
    '8, 4, 0.5'
    """
    return ", ".join(value if isinstance(value, str) else format_number(value) for value in values)


def parse_numbers(line: str) -> list[float | int | str]:
    """Return the numbers of a line, separated by commas, semicolons or blanks; what is no number stays text.

    Examples
    --------
    >>> parse_numbers("8, 4 x")
    [8, 4, 'x']
    """
    return [parse_number(text) for text in line.replace(",", " ").replace(";", " ").split()]


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the classes of a union, with or without a discriminator; empty for anything else."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()


def _kind_and_limits(info: FieldInfo) -> tuple[str, dict[str, float]]:
    """Return what sort of value the field holds, and its range."""
    annotation, metadata = info.annotation, list(info.metadata)
    kind = "text"
    if get_origin(annotation) is Literal:
        kind = "choice"
    elif get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        kind = "numbers"
        metadata = [item for extra in get_args(inner)[1:] for item in getattr(extra, "metadata", ())]
    elif isinstance(annotation, type):
        kind = {bool: "switch", int: "whole", float: "number"}.get(annotation, "text")
    limits = {
        key: float(getattr(item, key)) for item in metadata for key in ("ge", "gt", "le", "lt") if hasattr(item, key)
    }
    return kind, limits


def _widget_for(kind: str, info: FieldInfo, limits: dict[str, float]) -> tuple[Any, dict[str, Any]]:
    """Return the annotation and the options for magicgui's `create_widget`."""
    if kind == "choice":
        return str, {"choices": [(humane(value), value) for value in get_args(info.annotation)]}
    if kind == "switch":
        return bool, {"text": ""}
    if kind == "whole" and "le" in limits:
        return int, {"min": int(limits.get("ge", 0)), "max": int(limits["le"])}
    return str, {}  # fractions span ten orders of magnitude here, and a spin box would round them


def _same(value: Any) -> Any:
    return value


def _write_number(value: Any) -> str:
    return value if isinstance(value, str) else format_number(value)


_CONVERSIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "number": (parse_number, _write_number),
    "numbers": (parse_numbers, format_numbers),
}
