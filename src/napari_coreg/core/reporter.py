"""Tells how far a run is, and asks whether it shall go on."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NoReturn

from napari_coreg.core.progress import Progress
from napari_coreg.errors import RegistrationCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.job import Job
    from napari_coreg.core.progress import IsCancelled, OnProgress


class Reporter:
    """Between a run and who watches it.

    Parameters
    ----------
    costs : list of list of float
        About how long each level of each stage takes, in any unit.
    on_progress, is_cancelled : callable or None
        As given to `register`.

    Attributes
    ----------
    notes : list of str
        What a person should know; the last one goes along with each progress.
    """

    def __init__(
        self, costs: list[list[float]], on_progress: OnProgress | None, is_cancelled: IsCancelled | None
    ) -> None:
        self.notes: list[str] = []
        self._costs = costs
        self._on_progress = on_progress
        self._is_cancelled = is_cancelled
        self._began = time.perf_counter()
        self._fraction = 0.0

    def is_cancelled(self) -> bool:
        """Whether the run shall stop."""
        return self._is_cancelled is not None and self._is_cancelled()

    def stop(self, transform: sitk.Transform) -> NoReturn:
        """End the run with the last good transform."""
        raise RegistrationCancelled("the registration was cancelled", transform)

    def note(self, text: str) -> None:
        """Keep a note; an empty one is none."""
        if text:
            self.notes.append(text)

    def tell_preparation(self, message: str, current: Callable[[], sitk.Transform]) -> None:
        """Tell of something that takes time before the first iteration."""
        self._tell(-1, "preparation", (0, 1), 0, math.nan, message, current)

    def tell_search(
        self, kind: str, part: tuple[int, int], value: float, current: Callable[[], sitk.Transform]
    ) -> None:
        """Tell which part of a "search" of the start or a "check" of the result is done (from 1), of how many."""
        self._tell(-1, kind, (part[0] - 1, part[1]), 0, value, "", current)

    def tell_iteration(
        self, stage_index: int, job: Job, iteration: int, value: float, current: Callable[[], sitk.Transform]
    ) -> None:
        """Tell of an iteration of a stage."""
        costs = self._costs[stage_index]
        done = sum(map(sum, self._costs[:stage_index])) + sum(costs[: job.level_index])
        part = min(1.0, iteration / job.stage.optimizer.number_of_iterations)
        self._fraction = max(self._fraction, (done + part * costs[job.level_index]) / sum(map(sum, self._costs)))
        level = job.level_index, job.stage.pyramid.number_of_levels
        note = self.notes[-1] if self.notes else ""
        self._tell(stage_index, job.stage.kind, level, iteration, value, note, current)

    def _tell(
        self,
        stage: int,
        kind: str,
        level: tuple[int, int],
        iteration: int,
        value: float,
        message: str,
        current: Callable[[], sitk.Transform] | None = None,
    ) -> None:
        if self._on_progress is None:
            return
        self._on_progress(
            Progress(
                stage=stage,
                number_of_stages=len(self._costs),
                stage_kind=kind,
                level=level[0],
                number_of_levels=level[1],
                iteration=iteration,
                metric_value=value,
                fraction=self._fraction,
                seconds=time.perf_counter() - self._began,
                message=message,
                current_transform=current,
            )
        )
