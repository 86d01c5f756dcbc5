"""Quality in words and tables for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from napari_coreg.cli.terminal import table
from napari_coreg.core.quality.catalogue import GROUPS
from napari_coreg.core.quality.headline import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_coreg.core.quality.limits import Limits
    from napari_coreg.core.quality.record import Quality, Row, VolumeRecord

WIDTH = 100
_WORST = 12  # pairs of landmarks that are shown
_STATUS = {"pass": "pass", "look": "look", "fail": "FAIL", "info": ""}
_NAME = 26
_LONGEST_HEAD = 11
_STRUCTURES = {
    "Dice": ("dice", "both"),
    "surfaces mm": ("mean_surface_distance", "both"),
    "HD95 mm": ("hausdorff_95", "after"),
    "volume %": ("volume_change", "after"),
}
_MOTION = {
    "moved mm": ("structure_displacement_mean", "after"),
    "at most mm": ("structure_displacement_max", "after"),
    "folded %": ("structure_folded", "after"),
}


def as_text(quality: Quality) -> str:
    """Return the whole of it: the headline first, then what was judged, the tables and the remarks."""
    shift, angle = quality.transform.rigid_shift_mm, quality.transform.rigid_angle_degrees
    about = [
        ("fixed", _volume(quality.fixed)),
        ("moving", _volume(quality.moving)),
        ("transform", f"{quality.transform.kind} {_source(quality)}".rstrip()),
        ("", f"turned by {number(angle)} degrees, shifted by {number(shift)} mm at the centre of the body"),
        ("verdict", f"{quality.verdict.state}: {'; '.join(quality.verdict.reasons)}"),
    ]
    blocks = [
        "\n".join(_wrapped("", line) for line in quality.headline),
        "\n".join(_wrapped(f"{name:<11}", words) for name, words in about),
        *_tables(quality),
        "\n".join(_wrapped("- ", remark) for remark in quality.remarks),
    ]
    return "\n\n".join(block for block in blocks if block)


def limits_text(limits: Limits) -> str:
    """Return the limits as a table, with the source of each below it."""
    rows = [(f"limits '{limits.name}'", "passes", "fails", "at least")]
    for limit in limits.limits:
        sign = "up to" if limit.best == "low" else "from"
        beyond = "above" if limit.best == "low" else "below"
        least = f"{number(limit.at_least_voxels)} voxel" if limit.at_least_voxels else ""
        rows.append((limit.measure, f"{sign} {number(limit.good)}", f"{beyond} {number(limit.bad)}", least))
    sources = [_wrapped(f"{limit.measure}: ", limit.source) for limit in limits.limits if limit.source]
    return "\n\n".join([table(rows), "\n".join(sources)])


def _tables(quality: Quality) -> Iterator[str]:
    for group in GROUPS:
        rows = [row for row in quality.rows if row.group == group]
        whole = [row for row in rows if not row.structure]
        if whole:
            yield _of_rows(group, whole)
        if group == "Landmarks" and quality.landmarks:
            yield _of_landmarks(quality)
        parts = [row for row in rows if row.structure]
        if parts:
            yield _of_structures(parts, _STRUCTURES if group == "Structures" else _MOTION)


def _of_rows(group: str, rows: list[Row]) -> str:
    regions = {row.region for row in rows} - {""}
    lines: list[tuple[str, ...]] = [(group, "before", "after", "", "limits")]
    for row in rows:
        name = f"  {row.name}{f' ({row.unit})' if row.unit else ''}"
        if len(regions) > 1 and row.region:
            name += f", {row.region}"
        limits = "" if row.good is None or row.bad is None else f"{number(row.good)} / {number(row.bad)}"
        lines.append((name, _cell(row.before), _cell(row.after), _STATUS[row.status], limits))
    if not any(line[-1] for line in lines[1:]):
        lines = [line[:-2] for line in lines]
    if not any(row.before is not None for row in rows):
        lines = [(line[0], *line[2:]) for line in lines]
    return table(lines)


def _of_landmarks(quality: Quality) -> str:
    axes = ("left", "posterior", "superior")[: len(quality.landmarks[0].after_lps)]
    lines = [("  landmark, the worst first", "before mm", "after mm", *axes)]
    for pair in quality.landmarks[:_WORST]:
        errors = _cell(pair.before_mm), _cell(pair.after_mm)
        lines.append((f"  {pair.name[:_NAME]}", *errors, *(f"{value:+.2f}" for value in pair.after_lps)))
    more = len(quality.landmarks) - _WORST
    return table(lines) + (f"\n  and {more} more" if more > 0 else "")


def _of_structures(rows: list[Row], columns: dict[str, tuple[str, str]]) -> str:
    """Return one line for each structure; of what is graded the status stands after the number."""
    found = {(row.structure, row.measure): row for row in rows}
    names = list(dict.fromkeys(row.structure for row in rows))
    there = {head: place for head, place in columns.items() if any((name, place[0]) in found for name in names)}
    head = [cell for title, (_, when) in there.items() for cell in (("before", title) if when == "both" else (title,))]
    lines: list[tuple[str, ...]] = [("  structure", *head)]
    for name in names:
        cells: list[str] = []
        for measure, when in there.values():
            row = found.get((name, measure))
            if when == "both":
                cells.append(_cell(None if row is None else row.before))
            status = "" if row is None else _STATUS[row.status]
            cells.append(" ".join([_cell(None if row is None else row.after), *([f"{status:<4}"] if status else [])]))
        lines.append((f"  {name if len(name) <= _NAME else name[: _NAME - 1] + '…'}", *cells))
    return table(lines)


def _volume(volume: VolumeRecord) -> str:
    size = " x ".join(map(str, volume.size_xyz))
    spacing = " x ".join(f"{step:.4g}" for step in volume.spacing_xyz)
    return f"{volume.name}, {size} voxels of {spacing} mm"


def _source(quality: Quality) -> str:
    return f"({quality.transform.source})" if quality.transform.source else ""


def _cell(value: float | None) -> str:
    return "-" if value is None else number(value)


def _wrapped(head: str, words: str) -> str:
    indent = " " * (len(head) if len(head) <= _LONGEST_HEAD else 4)
    return textwrap.fill(head + words, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
