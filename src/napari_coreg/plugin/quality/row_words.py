"""What rows of a quality have in common, in words: their unit, their measure, the worst of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.plugin.quality.words import GRAVITY, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.quality.limits import Status
    from napari_coreg.core.quality.record import Row


def shared_unit(rows: Sequence[Row]) -> str:
    """Return the unit that all numbers of the whole have, so that it is written once; empty where they differ."""
    units = {row.unit for row in rows if not row.structure}
    return units.pop() if len(units) == 1 and len(rows) > 1 else ""


def parts(row: Row) -> tuple[str, str]:
    """Return what is measured, and which number of it, as short words.

    Examples
    --------
    >>> from napari_coreg.core.quality.record import Row
    >>> parts(Row(measure="displacement_p95", group="", name="displacement, 95th percentile"))
    ('Displacement', '95 %')
    """
    measure, _, which = short_name(row.name).partition(", ")
    return measure, which


def gravest(rows: Sequence[Row]) -> Status:
    """Return the worst status of some rows."""
    return max((row.status for row in rows), key=GRAVITY.__getitem__)


def uncapitalised(text: str) -> str:
    """Return words as they stand within a sentence; abbreviations stay as they are.

    Examples
    --------
    >>> uncapitalised("Displacement, mean"), uncapitalised("TRE, mean")
    ('displacement, mean', 'TRE, mean')
    """
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
