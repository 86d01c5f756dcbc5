"""Numbers, limits and geometry as a reader of the report sees them."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from napari_coreg.core.geometry import Grid
from napari_coreg.core.orientation import orientation_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_coreg.core.quality.limits import Limit, Status
    from napari_coreg.core.quality.record import Row, VolumeRecord

NOTHING = "–"
SIGNS: dict[Status, str] = {"pass": "✓", "look": "▲", "fail": "✕", "info": ""}
WORDS: dict[Status, str] = {"pass": "pass", "look": "look", "fail": "fail", "info": NOTHING}
_LENGTHS = ("mm", "degrees")  # less than a hundredth of one means nothing


def number(value: float | None, unit: str = "") -> str:
    """Return a number with as many digits as mean something in its unit; a dash for none.

    Examples
    --------
    >>> number(1.23456, "mm"), number(0.000123, "1/mm^2"), number(None), number(0.9), number(1.0)
    ('1.23', '0.00012', '–', '0.900', '1.000')
    >>> number(0.003, "%"), number(0.003, "mm"), number(0.0, "%"), number(float("nan"), "mm")
    ('0.003', '0.00', '0', 'not a number')
    >>> number(967.934), number(37.1803), number(46900.0, "%"), number(100.0, "%"), number(51.789, "%")
    ('967.9', '37.18', '46\u202f900', '100', '51.79')
    """
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    is_whole = unit not in _LENGTHS and abs(value) >= 10 and float(value).is_integer()
    if abs(value) < 1e12 and (abs(value) >= 1000 or is_whole):
        text = f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    elif unit in _LENGTHS or (unit == "%" and abs(value) >= 0.005):
        text = f"{value:.2f}"
    elif 1e-3 <= abs(value) < 1000 and unit != "%":
        text = f"{value:.{3 - (abs(value) >= 10) - (abs(value) >= 100)}f}"
    else:
        text = f"{value:.2g}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def plain(value: float) -> str:
    """Return a number as a person writes a limit.

    Examples
    --------
    >>> plain(2.0), plain(0.85), plain(0.8789062)
    ('2', '0.85', '0.88')
    """
    return f"{round(value, 2):g}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def whole(value: float) -> str:
    """Return a coordinate without decimals.

    Examples
    --------
    >>> whole(-0.4), whole(-7.6), whole(12.2)
    ('0', '−8', '12')
    """
    return _signed(round(value), 0)


def limit_words(good: float, bad: float, best: str, unit: str = "") -> str:
    """Return a limit in words.

    Examples
    --------
    >>> limit_words(2, 3, "low", "mm"), limit_words(0.9, 0.8, "high"), limit_words(0, 0, "low", "%")
    ('pass ≤ 2, fail > 3 mm', 'pass ≥ 0.9, fail < 0.8', 'pass ≤ 0, else fail %')
    """
    inside, outside = ("≤", ">") if best == "low" else ("≥", "<")
    fails = "else fail" if good == bad else f"fail {outside} {plain(bad)}"
    return f"pass {inside} {plain(good)}, {fails} {unit}".rstrip()


def listed(names: Iterable[str]) -> str:
    """Return names of measures in one line; what several begin with is said once.

    Examples
    --------
    >>> listed(["error, mean", "error, maximum", "bending energy"])
    'error (mean, maximum); bending energy'
    >>> listed(["overlap", "overlap, mean of all"])
    'overlap (also mean of all)'
    """
    ends: dict[str, list[str]] = {}
    for name in names:
        stem, _, end = name.partition(", ")
        ends.setdefault(stem, []).append(end)
    told = []
    for stem, found in ends.items():
        named = [end for end in found if end]
        also = "also " if len(named) < len(found) else ""
        told.append(f"{stem} ({also}{', '.join(named)})" if named and len(found) > 1 else ", ".join([stem, *named]))
    return "; ".join(told)


def sentence(text: str) -> str:
    """Return a text that begins with a large letter and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def without_state(line: str, state: str) -> str:
    """Return a headline without the state that it may begin with, as that stands beside it."""
    return line.removeprefix(f"{state.upper()}: ")


def row_limit(row: Row, limit: Limit | None) -> str:
    """Return the limits of a row as they hold for its volumes; empty where it has none."""
    if row.good is None or row.bad is None:
        return ""
    return limit_words(row.good, row.bad, limit.best if limit is not None else "low")


def volume_facts(volume: VolumeRecord) -> dict[str, str]:
    """Return what a volume is, line by line."""
    grid = Grid(volume.size_xyz, volume.spacing_xyz, volume.origin_lps, volume.direction)
    n = grid.dimension
    rows = [volume.direction[i * n : (i + 1) * n] for i in range(n)]
    return {
        "Name": volume.name,
        "File": volume.path or NOTHING,
        "Modality": volume.modality,
        "Size, voxels x y z": _times(str(size) for size in volume.size_xyz),
        "Spacing x y z, mm": _times(f"{spacing:.4g}" for spacing in volume.spacing_xyz),
        "Extent x y z, mm": _times(f"{n * s:.1f}" for n, s in zip(volume.size_xyz, volume.spacing_xyz, strict=True)),
        "Origin (first voxel), LPS mm": ", ".join(_signed(x, 2) for x in volume.origin_lps),
        "Axes point to": orientation_words(grid),
        "Direction cosines, rows": "; ".join(" ".join(_cosine(x) for x in row) for row in rows),
    }


def names_of(fixed: VolumeRecord, moving: VolumeRecord) -> tuple[str, str]:
    """Return the names of two volumes; with their folders where they are called the same."""
    if fixed.name != moving.name or not (fixed.path and moving.path):
        return fixed.name, moving.name
    return f"{PurePath(fixed.path).parent.name}/{fixed.name}", f"{PurePath(moving.path).parent.name}/{moving.name}"


def _times(words: Iterable[str]) -> str:
    return " × ".join(words)


def _cosine(value: float) -> str:
    """Return a cosine with four decimals; just its digit where it is 0 or 1."""
    return _signed(value, 0 if abs(value - round(value)) < 5e-7 else 4)


def _signed(value: float, decimals: int) -> str:
    text = f"{value + 0.0:.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")
