"""Holds numbers that are measured already against other limits, or puts other numbers among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.quality.catalogue import CATALOGUE, GROUPS
from napari_coreg.core.quality.headline import summarize
from napari_coreg.core.quality.long_checks import LONG_CHECKS, NAMES, NOT_MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_coreg.core.quality.limits import Limits
    from napari_coreg.core.quality.long_checks import LongCheck
    from napari_coreg.core.quality.record import Quality, Row


def regraded(quality: Quality, limits: Limits) -> Quality:
    """Return the same numbers held against other limits: rows, state and headline are graded anew.

    Parameters
    ----------
    quality : Quality
        Whose numbers.
    limits : Limits
        What they are held against from now on.
    """
    longest = max((*quality.fixed.spacing_xyz, *quality.moving.spacing_xyz))
    rows = tuple(_regraded(row, quality.limits, limits, longest) for row in quality.rows)
    return _judged(quality.model_copy(update={"rows": rows, "limits": limits}))


def with_rows(quality: Quality, rows: Iterable[Row]) -> Quality:
    """Return the numbers with others among them: those of the same groups are replaced, the rest stays.

    Parameters
    ----------
    quality : Quality
        Measured before.
    rows : iterable of Row
        Of checks that were run since, graded with the same limits.
    """
    new = tuple(rows)
    groups = {row.group for row in new}
    joined = [row for row in quality.rows if row.group not in groups] + list(new)
    order = {group: place for place, group in enumerate(GROUPS)}
    joined.sort(key=lambda row: order.get(row.group, len(order)))
    outdated = {f"{NAMES[check]} {NOT_MEASURED}" for check in LONG_CHECKS if _group_of(check) in groups}
    remarks = tuple(remark for remark in quality.remarks if not remark.startswith(tuple(outdated)))
    return _judged(quality.model_copy(update={"rows": tuple(joined), "remarks": remarks}))


def _group_of(check: LongCheck) -> str:
    return CATALOGUE[f"{'simulated_error' if check == 'simulation' else check}_mean"].group


def _regraded(row: Row, before: Limits, limits: Limits, longest_voxel_mm: float) -> Row:
    """Grade one row anew, where it is one that is graded: what is true by definition never is."""
    limit = limits.of(row.measure)
    was_left_out = row.status == "info" and before.of(row.measure) is not None
    if limit is None or row.after is None or was_left_out:
        return row.model_copy(update={"status": "info", "good": None, "bad": None})
    voxel = longest_voxel_mm if row.unit == "mm" else 0.0
    good, bad = limit.bounds(voxel)
    return row.model_copy(update={"status": limit.status_of(row.after, voxel), "good": good, "bad": bad})


def _judged(quality: Quality) -> Quality:
    """Say of the rows, as they are graded now, what state they are and why."""
    state, headline = summarize(quality.verdict, quality.rows, quality.landmarks)
    return quality.model_copy(update={"state": state, "headline": headline})
