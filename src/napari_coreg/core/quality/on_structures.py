"""Measures a registration by labelled structures: how well each lies on its counterpart, and how far it was moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.label_measures import compare_labels, labels_of
from napari_coreg.core.quality.found import Found
from napari_coreg.core.resample import resample
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_coreg.core.label_measures import LabelMeasures
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.rows import Grader
    from napari_coreg.core.quality.subject import Subject

_NO_LABELS = "no labels were given for both volumes, so overlap and distance of structures are not known"
_MANY_NAMED = 6


def measure_structures(subject: Subject, grader: Grader, *, is_cancelled: IsCancelled | None = None) -> Found:
    """Return overlap, distance of surfaces and volume of every structure that both volumes have, before and after.

    Parameters
    ----------
    subject : Subject
        With labels of both volumes, or without.
    grader : Grader
        Makes the rows.
    is_cancelled : callable, optional
        Asked between two structures.

    Raises
    ------
    CoregError
        If the labels are none, or do not fit.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    fixed, moving = subject.fixed_labels, subject.moving_labels
    if fixed is None or moving is None:
        return Found(remarks=(_NO_LABELS,))
    in_both, alone = _shared(fixed, moving)
    if not in_both:
        raise VolumeError(
            "the labels of the two volumes have no value in common but 0; give labels in which the same structures "
            "have the same values"
        )
    identity = sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)
    before, after = (_compared(fixed, moving, each, is_cancelled) for each in (identity, subject.transform))
    names = {label: structure_name(label, subject.label_names) for label in (*in_both, *alone)}
    rows = [*_mean_rows(in_both, before, after, grader)]
    for label in in_both:
        rows += _rows_of(before[label], after[label], names[label], grader)
    remarks = []
    if alone:
        remarks.append(f"left out, as only one volume has them: {_listed([names[label] for label in alone])}")
    return Found(tuple(rows), tuple(remarks))


def structure_name(label: int, names: Mapping[int, str]) -> str:
    """Return the name of a structure, or its number in words.

    Examples
    --------
    >>> structure_name(17, {17: "Left-Hippocampus"}), structure_name(3, {})
    ('Left-Hippocampus', 'label 3')
    """
    return names.get(label) or f"label {label}"


def _shared(fixed: sitk.Image, moving: sitk.Image) -> tuple[list[int], list[int]]:
    """Return the labels that both have, and those that only one has."""
    one, other = set(labels_of(fixed, "fixed")), set(labels_of(moving, "moving"))
    return sorted(one & other), sorted(one ^ other)


def _compared(
    fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, is_cancelled: IsCancelled | None
) -> dict[int, LabelMeasures]:
    moved = resample(moving, Grid.of(fixed), transform, interpolator="nearest", background=0)
    return compare_labels(fixed, moved, is_cancelled=is_cancelled)


def _mean_rows(
    labels: list[int], before: dict[int, LabelMeasures], after: dict[int, LabelMeasures], grader: Grader
) -> list[Row]:
    if len(labels) < 2:
        return []
    old, new = (float(np.mean([found[label].dice for label in labels])) for found in (before, after))
    return [grader.row("dice_mean", new, old)]


def _rows_of(before: LabelMeasures, after: LabelMeasures, name: str, grader: Grader) -> list[Row]:
    values = {
        "dice": (after.dice, before.dice),
        "jaccard": (after.jaccard, before.jaccard),
        "mean_surface_distance": (after.mean_surface_distance_mm, before.mean_surface_distance_mm),
        "hausdorff_95": (after.hausdorff_95_mm, before.hausdorff_95_mm),
        "volume_change": tuple(
            None if each.volume_change is None else 100 * each.volume_change for each in (after, before)
        ),
    }
    return [grader.row(key, new, old, structure=name) for key, (new, old) in values.items()]


def _listed(names: list[str]) -> str:
    more = len(names) - _MANY_NAMED
    return ", ".join(names[:_MANY_NAMED]) + (f" and {more} more" if more > 0 else "")
