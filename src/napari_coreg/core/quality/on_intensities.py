"""Measures how alike the intensities are, before and after, where the volumes overlap and inside the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.bodies import on_grid_of
from napari_coreg.core.quality.found import Found
from napari_coreg.core.resample import resample
from napari_coreg.core.similarity import Similarity, overlap_mask, similarity

if TYPE_CHECKING:
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.rows import Grader
    from napari_coreg.core.quality.subject import Subject

_FIELDS = {
    "mean_squares": "mean_squares",
    "root_mean_square": "root_mean_square",
    "correlation": "correlation",
    "local_correlation": "local_correlation",
    "mutual_information": "mutual_information",
    "normalized_mutual_information": "normalized_mutual_information",
    "structural_similarity": "structural_similarity",
    "overlapping_voxels": "voxels",
}
_OPTIMIZED = {
    "mean_squares": "mean_squares",
    "correlation": "correlation",
    "local_correlation": "local_correlation",
    "mattes_mutual_information": "mutual_information",
    "joint_histogram_mutual_information": "mutual_information",
}


def measure_intensities(subject: Subject, grader: Grader) -> Found:
    """Return every measure of similarity, before and after.

    Parameters
    ----------
    subject : Subject
        What is judged.
    grader : Grader
        Makes the rows.
    """
    identity = sitk.Transform(subject.fixed.GetDimension(), sitk.sitkIdentity)
    pairs = [_Pair(subject, each) for each in (identity, subject.transform)]
    rows = _rows("overlap", [pair.similarity() for pair in pairs], grader)
    remarks = [
        f"{when} the transform the volumes do not overlap, so there is no similarity"
        for when, pair in zip(("without", "with"), pairs, strict=True)
        if not pair.overlaps
    ]
    if subject.fixed_mask is not None or subject.moving_mask is not None:
        in_masks = [pair.similarity(in_masks=True) for pair in pairs]
        if in_masks[1] is None:
            remarks.append("nothing of the volumes overlaps inside the masks, so there is no similarity there")
        rows += _rows("masks", in_masks, grader)
    return Found(tuple(rows), (*remarks, *_optimized(subject)))


class _Pair:
    """The fixed volume and the moving one as a transform brings it there."""

    def __init__(self, subject: Subject, transform: sitk.Transform) -> None:
        self._subject, self._transform = subject, transform
        grid = Grid.of(subject.fixed)
        self._overlap = overlap_mask(grid, Grid.of(subject.moving), transform)
        self.overlaps = bool(np.any(sitk.GetArrayViewFromImage(self._overlap)))
        self._warped = resample(sitk.Cast(subject.moving, sitk.sitkFloat32), grid, transform) if self.overlaps else None

    def similarity(self, *, in_masks: bool = False) -> Similarity | None:
        """Return the similarity; None where there is nothing to compare."""
        mask = self._overlap
        if in_masks and self._subject.fixed_mask is not None:
            mask = mask & on_grid_of(self._subject.fixed_mask, mask)
        if in_masks and self._subject.moving_mask is not None:
            binary = sitk.Cast(self._subject.moving_mask != 0, sitk.sitkUInt8)
            mask = mask & resample(binary, Grid.of(mask), self._transform, interpolator="nearest", background=0)
        if self._warped is None or not np.any(sitk.GetArrayViewFromImage(mask)):
            return None
        return similarity(self._subject.fixed, self._warped, mask)


def _rows(region: str, found: list[Similarity | None], grader: Grader) -> list[Row]:
    before, after = found
    if before is None and after is None:
        return []
    return [
        grader.row(
            key,
            None if after is None else getattr(after, field),
            None if before is None else getattr(before, field),
            region=region,
        )
        for key, field in _FIELDS.items()
    ]


def _optimized(subject: Subject) -> tuple[str, ...]:
    """Say which of the numbers the recipe made good itself."""
    if subject.recipe is None:
        return ()
    kinds = dict.fromkeys(stage.metric.kind for stage in subject.recipe.stages)
    told = " and ".join(kind.replace("_", " ") for kind in kinds)
    return (f"the recipe optimised {told}: that it is good now says only that the optimizer did its work",)
