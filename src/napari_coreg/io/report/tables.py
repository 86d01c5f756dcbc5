"""The rows of a quality as tables: one line a number, or one line a structure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_coreg.core.quality.catalogue import CATALOGUE
from napari_coreg.io.report.words import listed, row_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_coreg.core.quality.catalogue import Measure
    from napari_coreg.core.quality.limits import Limit, Limits, Status
    from napari_coreg.core.quality.record import Quality, Row

_GRAVITY: dict[Status, int] = {"fail": 0, "look": 1, "pass": 2, "info": 3}
_SHORT = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "hausdorff_95": "HD95",
    "mean_surface_distance": "Surface distance",
    "volume_change": "Volume change",
    "structure_displacement_mean": "Moved, mean",
    "structure_displacement_median": "Moved, median",
    "structure_displacement_p95": "Moved, 95 %",
    "structure_displacement_max": "Moved, max.",
    "structure_folded": "Folded",
}


@dataclass(frozen=True)
class Line:
    """One number in a table of numbers."""

    row: Row
    limit: str
    source: int | None


@dataclass(frozen=True)
class Column:
    """One measure in a table of structures; graded ones also show the number before."""

    measure: str
    title: str
    unit: str
    is_graded: bool
    limit: str
    source: int | None


@dataclass(frozen=True)
class Structures:
    """A line for each structure, the gravest and worst first, with a cell for each column; None where there is none."""

    columns: tuple[Column, ...]
    lines: tuple[tuple[str, tuple[Row | None, ...]], ...]


@dataclass(frozen=True)
class Group:
    """All numbers under one heading."""

    title: str
    lines: tuple[Line, ...] = ()
    structures: Structures | None = None


@dataclass(frozen=True)
class Explained:
    """What the measures of one group are.

    Attributes
    ----------
    title : str
        Of the group.
    measures : tuple of Measure
        Those in use.
    cannot_tell, sources : tuple of (str, str)
        What may not be concluded, and where the measures come from: each text once, after the names of the measures
        that it is of; these are empty where it is of all.
    """

    title: str
    measures: tuple[Measure, ...]
    cannot_tell: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]


def groups_of(quality: Quality) -> tuple[Group, ...]:
    """Return the tables of all rows, in the order of the quality; those of structures stand together in one."""
    of_structures = [row for row in quality.rows if row.structure]
    home = next((row.group for row in of_structures if row.group == "Structures"), None)
    home = home or next((row.group for row in of_structures), None)
    made = []
    for title in dict.fromkeys(row.group for row in quality.rows):
        rows = [row for row in quality.rows if row.group == title and not row.structure]
        table = _structures(of_structures, quality.limits) if title == home else None
        if rows or table is not None:
            made.append(Group(title, tuple(_line(row, quality.limits) for row in rows), table))
    return tuple(made)


def counts_of(rows: Iterable[Row]) -> dict[Status, int]:
    """Return how many rows pass, are to be looked at, fail, and are not graded."""
    counts: dict[Status, int] = dict.fromkeys(_GRAVITY, 0)
    for row in rows:
        counts[row.status] += 1
    return counts


def explained(quality: Quality) -> tuple[Explained, ...]:
    """Return what the measures in use are, group by group; the same caveat of several is told once."""
    keys = [key for key in dict.fromkeys(row.measure for row in quality.rows) if key in CATALOGUE]
    made = []
    for title in dict.fromkeys(CATALOGUE[key].group for key in keys):
        measures = tuple(CATALOGUE[key] for key in keys if CATALOGUE[key].group == title)
        made.append(Explained(title, measures, _told(measures, "cannot_tell"), _told(measures, "source")))
    return tuple(made)


def _told(measures: Sequence[Measure], what: str) -> tuple[tuple[str, str], ...]:
    """Return each text of the measures once, with the names of those that share it."""
    texts = [getattr(measure, what) for measure in measures]
    told = []
    for text in dict.fromkeys(texts):
        names = [measure.name for measure, own in zip(measures, texts, strict=True) if own == text]
        told.append(("" if len(names) == len(measures) else listed(names), text))
    return tuple(told)


def name_of(limit: Limit) -> str:
    """Return the name of a limit's measure."""
    return CATALOGUE[limit.measure].name if limit.measure in CATALOGUE else limit.measure


def _line(row: Row, limits: Limits) -> Line:
    limit = limits.of(row.measure)
    return Line(row, row_limit(row, limit), _source(row, limits))


def _source(row: Row, limits: Limits) -> int | None:
    """Return the number, from 1, of a row's limit in the list of limits; None where it was held against none."""
    limit = limits.of(row.measure)
    return None if limit is None or row.good is None else limits.limits.index(limit) + 1


def _structures(rows: Sequence[Row], limits: Limits) -> Structures:
    keys = tuple(dict.fromkeys((row.measure, row.region) for row in rows))
    found = {(row.structure, row.measure, row.region): row for row in rows}
    columns = tuple(_column(key, [row for row in rows if (row.measure, row.region) == key], limits) for key in keys)
    names = dict.fromkeys(row.structure for row in rows)
    lines = [(name, tuple(found.get((name, *key)) for key in keys)) for name in names]
    lines.sort(key=lambda line: _rank([row for row in line[1] if row is not None]))
    return Structures(columns, tuple(lines))


def _rank(rows: Sequence[Row]) -> tuple[int, float]:
    """Return what structures are sorted by: the gravest status, then how far the worst number is from passing."""
    return min(_GRAVITY[row.status] for row in rows), -max(map(_excess, rows))


def _excess(row: Row) -> float:
    """Return how far a number is from its limit, as part of that; negative where it passes, none where not graded."""
    if row.after is None or row.good is None or row.bad is None:
        return -math.inf
    limit = row.bad if row.status == "fail" else row.good
    beyond = (row.after - limit) * (1 if row.good <= row.bad else -1)
    return beyond / abs(limit) if limit else beyond


def _column(key: tuple[str, str], rows: Sequence[Row], limits: Limits) -> Column:
    measure, region = key
    graded = next((row for row in rows if row.good is not None), None)
    title = _SHORT.get(measure, rows[0].name) + (f", {region}" if region else "")
    if graded is None:
        return Column(measure, title, rows[0].unit, False, "", None)
    line = _line(graded, limits)
    return Column(measure, title, rows[0].unit, True, line.limit, line.source)
