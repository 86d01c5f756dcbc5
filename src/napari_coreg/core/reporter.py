"""Tells how far a run is, and asks whether it shall go on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NoReturn

from napari_coreg.core.clock import Clock
from napari_coreg.core.progress import Progress
from napari_coreg.errors import RegistrationCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.job import Job
    from napari_coreg.core.progress import IsCancelled, IsEnough, OnProgress
    from napari_coreg.core.stages import Stage

#: What a run is to do next: go on (empty, so false), end with what there is, or end with nothing.
Wish = Literal["", "take", "cancel"]


class Taken(Exception):  # noqa: N818 - a request that is honoured, not a fault
    """Leaves what cannot be used half-done, as the run is to end with what there is."""


@dataclass(frozen=True)
class Watcher:
    """Who watches a run: what `register` was given, and the clock of the whole call."""

    on_progress: OnProgress | None = None
    is_cancelled: IsCancelled | None = None
    is_enough: IsEnough | None = None
    clock: Clock = field(default_factory=Clock)


class Reporter:
    """Between a run and who watches it.

    Parameters
    ----------
    costs : list of list of float
        About how long each level of each stage takes, in any unit.
    watcher : Watcher
        Whom to tell and to ask.

    Attributes
    ----------
    notes : list of str
        What a person should know; the last one goes along with each progress.
    clock : Clock
        It stands still while the watcher thinks about whether to go on.
    ended_early : str
        Where the run was when it was enough, in words; empty as long as it was not.
    """

    def __init__(self, costs: list[list[float]], watcher: Watcher) -> None:
        self.notes: list[str] = []
        self.clock = watcher.clock
        self.ended_early = ""
        self._costs = costs
        self._watcher = watcher
        self._where = "before its start was known"
        self._fraction = 0.0

    def wish(self) -> Wish:
        """Ask what to do next. A cancel goes before all; what was once enough stays so."""
        watcher = self._watcher
        with self.clock.held():
            if watcher.is_cancelled is not None and watcher.is_cancelled():
                return "cancel"
            if not self.ended_early and watcher.is_enough is not None and watcher.is_enough():
                self.end_early(self._where)
        return "take" if self.ended_early else ""

    def end_early(self, where: str) -> None:
        """Know that it is enough, and where that became so."""
        self.ended_early = where
        self.note(f"the run was ended early, {where}")

    def stop(self, transform: sitk.Transform) -> NoReturn:
        """End the run with the last good transform."""
        raise RegistrationCancelled("the registration was cancelled", transform)

    def note(self, text: str) -> None:
        """Keep a note; an empty one is none."""
        if text:
            self.notes.append(text)

    def enter_check(self) -> None:
        """Know that the transform is found, and is judged now."""
        self._where = "before the check of the result"

    def enter_level(self, stage_index: int, stage: Stage, level_index: int) -> None:
        """Know which level comes."""
        self._where = f"before {self._place(stage_index, stage, level_index)}"

    def tell_preparation(self, message: str, current: Callable[[], sitk.Transform]) -> None:
        """Tell of something that takes time before the first iteration."""
        self._tell(-1, "preparation", (0, 1), 0, math.nan, message, current)

    def tell_search(
        self, kind: str, part: tuple[int, int], value: float, current: Callable[[], sitk.Transform]
    ) -> None:
        """Tell which part of a "search" of the start or a "check" of the result is done (from 1), of how many."""
        of_what = "search of the start" if kind == "search" else "check of the result"
        self._where = f"after part {part[0]} of {part[1]} of the {of_what}"
        self._tell(-1, kind, (part[0] - 1, part[1]), 0, value, "", current)

    def tell_iteration(
        self, stage_index: int, job: Job, iteration: int, value: float, current: Callable[[], sitk.Transform]
    ) -> None:
        """Tell of an iteration of a stage."""
        costs, most = self._costs[stage_index], job.stage.optimizer.number_of_iterations
        place = self._place(stage_index, job.stage, job.level_index)
        self._where = f"at iteration {iteration} of at most {most} of {place}"
        done = sum(map(sum, self._costs[:stage_index])) + sum(costs[: job.level_index])
        part = min(1.0, iteration / most)
        self._fraction = max(self._fraction, (done + part * costs[job.level_index]) / sum(map(sum, self._costs)))
        level = job.level_index, job.stage.pyramid.number_of_levels
        note = self.notes[-1] if self.notes else ""
        self._tell(stage_index, job.stage.kind, level, iteration, value, note, current)

    def _place(self, stage_index: int, stage: Stage, level_index: int) -> str:
        level = f"level {level_index + 1} of {stage.pyramid.number_of_levels}"
        return f"{level} of stage {stage_index + 1} of {len(self._costs)} ({stage.kind})"

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
        if self._watcher.on_progress is None:
            return
        self._watcher.on_progress(
            Progress(
                stage=stage,
                number_of_stages=len(self._costs),
                stage_kind=kind,
                level=level[0],
                number_of_levels=level[1],
                iteration=iteration,
                metric_value=value,
                fraction=self._fraction,
                seconds=self.clock.seconds,
                message=message,
                current_transform=current,
            )
        )
