"""Measures how alike the intensities are, before and after, where the volumes overlap and inside the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.found import Found
from napari_coreg.core.resample import resample
from napari_coreg.core.similarity import Similarity, similarity
from napari_coreg.core.transforms import on_grid
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled
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


def measure_intensities(subject: Subject, grader: Grader, *, is_cancelled: IsCancelled | None = None) -> Found:
    """Return every measure of similarity, before and after.

    Parameters
    ----------
    subject : Subject
        What is judged.
    grader : Grader
        Makes the rows.
    is_cancelled : callable, optional
        Asked between two parts of the volumes.

    Raises
    ------
    RegistrationCancelled
        `is_cancelled` said so.
    """
    identity = sitk.Transform(subject.fixed.GetDimension(), sitk.sitkIdentity)
    transform = on_grid(subject.transform, Grid.of(subject.fixed))
    pairs = [_Pair(subject, each, is_cancelled) for each in (identity, transform)]
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

    def __init__(self, subject: Subject, transform: sitk.Transform, is_cancelled: IsCancelled | None) -> None:
        self._subject, self._transform, self._is_cancelled = subject, transform, is_cancelled
        # NaN where there is no voxel behind it, which similarity() leaves out, is the mask of the overlap.
        moving = sitk.Cast(subject.moving, sitk.sitkFloat32)
        self._warped = resample(moving, Grid.of(subject.fixed), transform, background=np.nan)
        self.overlaps = not bool(np.isnan(sitk.GetArrayViewFromImage(self._warped)).all())

    def similarity(self, *, in_masks: bool = False) -> Similarity | None:
        """Return the similarity; None where there is nothing to compare."""
        mask = self._in_masks() if in_masks else None
        if not self.overlaps:
            return None
        try:
            return similarity(self._subject.fixed, self._warped, mask, is_cancelled=self._is_cancelled)
        except VolumeError:  # nothing of the overlap is in the masks
            return None

    def _in_masks(self) -> sitk.Image:
        grid, identity = Grid.of(self._subject.fixed), sitk.Transform(self._transform.GetDimension(), sitk.sitkIdentity)
        masks = (self._subject.fixed_mask, identity), (self._subject.moving_mask, self._transform)
        given = [
            resample(sitk.Cast(mask != 0, sitk.sitkUInt8), grid, transform, interpolator="nearest", background=0)
            for mask, transform in masks
            if mask is not None
        ]
        return given[0] if len(given) == 1 else given[0] & given[1]


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
