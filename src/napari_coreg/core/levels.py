"""Runs the levels of a registration, each on the engine of its stage, and keeps their trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core import engine
from napari_coreg.core.costs import note_if_slow
from napari_coreg.core.job import runs_on_coreg
from napari_coreg.core.result import LevelTrace
from napari_coreg.core.transforms import with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.engine import OnIteration, Outcome
    from napari_coreg.core.job import Job
    from napari_coreg.core.jobs import Jobs
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.reporter import Reporter, Wish
    from napari_coreg.core.stages import Stage
    from napari_coreg.core.transforms import Parameters

    Corrected = Callable[[sitk.Transform], sitk.Transform]


class Levels:
    """The levels of one run.

    Parameters
    ----------
    jobs : Jobs
        What is registered.
    reporter : Reporter
        Who watches.

    Attributes
    ----------
    trace : list of LevelTrace
        One entry per level that was run, also in part; none where not one iteration was made.
    """

    def __init__(self, jobs: Jobs, reporter: Reporter) -> None:
        self.trace: list[LevelTrace] = []
        self._jobs = jobs
        self._reporter = reporter

    def run(
        self, stage_index: int, level_index: int, correction: sitk.Transform, chain: sitk.Transform, whole: Corrected
    ) -> bool:
        """Optimize `correction` in place at one level, add to the trace, and return whether to go on.

        Parameters
        ----------
        stage_index, level_index : int
            Which level.
        correction, chain : SimpleITK.Transform
            What is found, and what is applied after it.
        whole : callable
            Returns the transform of the run with a correction.

        Raises
        ------
        RegistrationCancelled
            With the last good transform.
        """
        began = self._reporter.clock.seconds
        self._reporter.enter_level(stage_index, self._jobs.recipe.stages[stage_index], level_index)
        if self._is_ended(whole, correction):
            return False
        job = self._jobs.job(stage_index, level_index, chain)
        self._reporter.note(note_if_slow(stage_index, job, correction))
        values: list[float] = []

        def on_iteration(iteration: int, value: float, parameters: Parameters) -> Wish:
            values.append(value)
            self._reporter.tell_iteration(
                stage_index, job, iteration, value, lambda: whole(with_parameters(correction, parameters))
            )
            return self._reporter.wish()

        outcome = self._optimize(job, correction, on_iteration, whole)
        if outcome is None:
            return False
        if outcome.ended_by == "cancel":
            self._reporter.stop(whole(correction))
        if values or not outcome.ended_by:
            self.trace.append(
                LevelTrace(
                    stage=stage_index,
                    stage_kind=job.stage.kind,
                    level=level_index,
                    fixed_size_xyz=job.level.fixed.GetSize(),
                    fixed_shrink_xyz=job.level.fixed_shrink_xyz,
                    moving_shrink_xyz=job.level.moving_shrink_xyz,
                    number_of_samples=job.number_of_samples,
                    metric_values=tuple(values),
                    stop_reason=outcome.stop_reason,
                    seconds=self._reporter.clock.seconds - began,
                )
            )
        return not outcome.ended_by

    def _optimize(
        self, job: Job, correction: sitk.Transform, on_iteration: OnIteration, whole: Corrected
    ) -> Outcome | None:
        """Return what the stage's engine made of the level; None where it was enough before that engine was ready."""
        if not runs_on_coreg(job.stage):
            return engine.run_level(job, correction, on_iteration)
        if not self.make_ready(job.stage, lambda: whole(correction), lambda: bool(self._reporter.wish())):
            self._is_ended(whole, correction)
            return None
        from napari_coreg.core.bspline import engine as bspline_engine  # noqa: PLC0415 - numba takes 0.5 s

        return bspline_engine.run_level(job, correction, on_iteration, self._reporter.wish)

    def make_ready(self, stage: Stage, current: Callable[[], sitk.Transform], is_ended: IsCancelled) -> bool:
        """Compile what the engine of a stage needs, where that is not done yet; return False where that was ended."""
        if not runs_on_coreg(stage):
            return True
        from napari_coreg.core.bspline import compiling  # noqa: PLC0415 - numba takes 0.5 s

        if not compiling.needs_compiling(stage):
            return True
        self._reporter.tell_preparation(compiling.MESSAGE, current)
        return compiling.compile_ahead(stage, is_ended)

    def _is_ended(self, whole: Corrected, correction: sitk.Transform) -> bool:
        """Ask whether it is enough; a cancel leaves here."""
        wish = self._reporter.wish()
        if wish == "cancel":
            self._reporter.stop(whole(correction))
        return bool(wish)
