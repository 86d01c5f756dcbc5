"""Measures a registration, in a worker, and keeps what came of it together with where it was measured."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import SimpleITK as sitk
from qtpy.QtCore import Signal

from napari_coreg.core.quality.assess import assess
from napari_coreg.core.quality.grading import regraded, with_rows
from napari_coreg.core.quality.on_structures import structure_name
from napari_coreg.core.quality.subject import Assessment
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.worker import SECONDS_BETWEEN_UPDATES, TaskSignals, TaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.quality.assess import LongCheck
    from napari_coreg.core.quality.limits import Limits
    from napari_coreg.core.quality.record import Quality
    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.plugin.quality.long_checks import LongCheckOutcome
    from napari_coreg.plugin.quality.subjects import Wanted

Point = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """What a registration was found to be.

    Attributes
    ----------
    name : str
        What was registered.
    subject : Subject
        What was measured.
    assessment : Assessment
        What came of it.
    places_lps : mapping of str to tuple
        Where each structure has its centre and each landmark lies in the fixed volume's own frame, LPS mm; structures
        by "structure:" and their name, landmarks by "landmark:" and theirs.
    """

    name: str
    subject: Subject
    assessment: Assessment
    places_lps: Mapping[str, Point] = field(default_factory=dict, repr=False)

    @property
    def quality(self) -> Quality:
        """The numbers."""
        return self.assessment.quality

    def under(self, limits: Limits) -> Measured:
        """Return the same numbers under other limits."""
        return self._with(regraded(self.quality, limits))

    def joined(self, outcome: LongCheckOutcome, limits: Limits) -> Measured:
        """Return it together with what a check has found that ran since, which was graded under these limits."""
        found = self.quality.model_copy(update={"rows": outcome.rows, "limits": limits})
        quality = with_rows(self.quality, regraded(found, self.quality.limits).rows)
        return self._with(quality, {**self.assessment.maps, **outcome.maps})

    def _with(self, quality: Quality, maps: Mapping[str, sitk.Image] | None = None) -> Measured:
        assessment = Assessment(quality, self.assessment.maps if maps is None else maps)
        return replace(self, assessment=assessment)


def measure(
    wanted: Wanted,
    limits: Limits,
    long_checks: Sequence[LongCheck] = (),
    *,
    on_step: Callable[[str, float], None] | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Measured:
    """Copy the voxels of what is wanted, and measure it.

    Raises
    ------
    CoregError
        As `assess`, RegistrationCancelled included.
    """
    if on_step is not None:
        on_step("Reading the volumes", 0.0)
    subject = wanted.subject()
    assessment = assess(subject, limits=limits, long_checks=long_checks, on_step=on_step, is_cancelled=is_cancelled)
    return Measured(wanted.known.name, subject, assessment, places_of(subject))


def places_of(subject: Subject) -> dict[str, Point]:
    """Return where structures and landmarks are in the fixed volume; see `Measured.places_lps`."""
    places: dict[str, Point] = {}
    if subject.fixed_labels is not None:
        shapes = sitk.LabelShapeStatisticsImageFilter()
        shapes.Execute(sitk.Cast(subject.fixed_labels, sitk.sitkInt32))
        for label in shapes.GetLabels():
            places[f"structure:{structure_name(label, subject.label_names)}"] = tuple(shapes.GetCentroid(label))
    landmarks = subject.landmarks
    if landmarks is not None:
        for name, point in zip(landmarks.names, landmarks.fixed_points_lps.tolist(), strict=True):
            places[f"landmark:{name}"] = tuple(point)
    return places


class MeasurerSignals(TaskSignals):
    """What a `Measurer` says besides; `returned` carries a `Measured`."""

    stepped = Signal(str, float)  # what is measured now, and the part of all that is done, 0 to 1


class Measurer(TaskWorker):
    """Measures in a worker thread; ``quit()`` cancels it, and neither `returned` nor `failed` is emitted then."""

    def __init__(self, wanted: Wanted, limits: Limits) -> None:
        super().__init__(partial(self._measure, wanted, limits), MeasurerSignals)
        self._last = ""
        self._next = 0.0

    def _measure(self, wanted: Wanted, limits: Limits) -> Measured | None:
        try:
            return measure(wanted, limits, on_step=self._on_step, is_cancelled=lambda: bool(self.abort_requested))
        except RegistrationCancelled:
            self.quit()  # so that `returned` is not emitted
            return None

    def _on_step(self, words: str, fraction: float) -> None:
        now = time.perf_counter()
        if words != self._last or now >= self._next:
            self._last, self._next = words, now + SECONDS_BETWEEN_UPDATES
            self.stepped.emit(words, fraction)
