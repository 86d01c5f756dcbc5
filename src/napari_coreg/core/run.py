"""One run: from the first guess through all stages and levels, each from where the last one ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_coreg.core import bspline_grid, engine
from napari_coreg.core.chunks import working_threads
from napari_coreg.core.costs import level_costs, note_if_slow
from napari_coreg.core.evidence import PoseEvidence, gather, nearest_rigid
from napari_coreg.core.geometry import Grid
from napari_coreg.core.job import runs_on_coreg
from napari_coreg.core.jobs import Jobs
from napari_coreg.core.reporter import Reporter
from napari_coreg.core.result import LevelTrace
from napari_coreg.core.stages import BSplineStage
from napari_coreg.core.start import explore, first_guess
from napari_coreg.core.transforms import (
    compose,
    invert,
    is_linear,
    linear_identity,
    to_matrix,
    with_parameters,
)
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.search.landscape import Pose
    from napari_coreg.core.stages import Stage
    from napari_coreg.core.transforms import Parameters


class Run:
    """The prepared images of one registration, and what has happened so far.

    Attributes
    ----------
    trace : list of LevelTrace
        One entry per finished level.
    initialization : str
        How the start was found.
    pose : SimpleITK.Transform or None
        The chain after its last linear stage; None where it starts with a deformation.
    inverse : SimpleITK.Transform or None
        Moving -> fixed, after all stages; None where a displacement is part of the chain, which has no closed inverse.
    """

    def __init__(
        self,
        recipe: Recipe,
        fixed: sitk.Image,
        moving: sitk.Image,
        *,
        fixed_mask: sitk.Image | None,
        moving_mask: sitk.Image | None,
        threads: int,
        on_progress: OnProgress | None,
        is_cancelled: IsCancelled | None,
    ) -> None:
        self.trace: list[LevelTrace] = []
        self.initialization = ""
        self.inverse: sitk.Transform | None = None
        self.pose: sitk.Transform | None = None
        self._poses: list[Pose] = []
        self._stages = recipe.stages
        self._fixed_grid = Grid.of(fixed)
        self._jobs = Jobs(recipe, fixed, moving, fixed_mask=fixed_mask, moving_mask=moving_mask, threads=threads)
        costs = [level_costs(stage, self._fixed_grid, Grid.of(moving)) for stage in recipe.stages]
        self._reporter = Reporter(costs, on_progress, is_cancelled)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know."""
        return tuple(self._reporter.notes)

    def first_guess(self, given: sitk.Transform | None) -> sitk.Transform:
        """Return where to start: the given transform, or what the recipe's initialization says."""
        (self.initialization, start), self._poses = first_guess(self._jobs, self._reporter, given)
        return start

    def all_stages(self, start: sitk.Transform) -> sitk.Transform:
        """Run every stage, and return the chain of `start` and all that was found."""
        chain = start
        self.pose = start if is_linear(start) else None
        self.inverse = invert(start) if is_linear(start) else None
        for index in range(len(self._stages)):
            chain = self._run_stage(index, chain)
            self.pose = chain if is_linear(chain) else self.pose
        return chain

    def evidence(self, untouched: sitk.Transform) -> PoseEvidence | None:
        """Return what speaks for and against the linear part of what was found; None where there is none.

        Parameters
        ----------
        untouched : SimpleITK.Transform
            As the volumes lay, fixed -> moving, LPS mm.
        """
        if self.pose is None or not is_linear(untouched):
            return None
        pose = to_matrix(self.pose)
        try:
            guess = nearest_rigid(pose, self._jobs.centre_lps)
            self._poses = self._poses or explore(self._jobs, self._reporter, {"given": [guess]}, "check")
        except RegistrationError:  # too little of the volumes is left to search
            return None
        with working_threads(self._jobs.threads):
            return gather(self._jobs.landscape, pose, to_matrix(untouched), self._poses, self._jobs.recipe.seed)

    def metric(self, transform: sitk.Transform) -> float | None:
        """Return the last stage's metric; None where the images do not overlap."""
        return self._jobs.last_metric(transform)

    def _run_stage(self, index: int, chain: sitk.Transform) -> sitk.Transform:
        """Find the correction that is applied before `chain`; it starts as the identity, so it never meets a pole."""
        stage = self._stages[index]
        meshes: list[tuple[int, ...]] = []
        if isinstance(stage, BSplineStage):
            meshes = bspline_grid.mesh_sizes(self._fixed_grid, stage.grid_spacings_mm)
            correction: sitk.Transform = bspline_grid.make_bspline(self._fixed_grid, meshes[0])
        else:
            correction = linear_identity(stage.kind, self._jobs.centre_lps)
        for level_index in range(stage.pyramid.number_of_levels):
            while meshes and correction.GetTransformDomainMeshSize() != meshes[level_index]:
                correction = bspline_grid.refine(correction)
            self._run_level(index, level_index, correction, chain)
        undone = None if self.inverse is None else _undone(stage, correction)
        self.inverse = None if undone is None else self._chained(self.inverse, undone)
        return self._chained(_map(stage, correction), chain)

    def _run_level(self, index: int, level_index: int, correction: sitk.Transform, chain: sitk.Transform) -> None:
        """Optimize `correction` in place at one level, and add to the trace."""
        began = time.perf_counter()

        def corrected(by: sitk.Transform) -> sitk.Transform:
            return self._chained(_map(self._stages[index], by), chain)

        if self._reporter.is_cancelled():
            self._reporter.stop(corrected(correction))
        job = self._jobs.job(index, level_index, chain)
        self._reporter.note(note_if_slow(index, job, correction))
        values: list[float] = []

        def on_iteration(iteration: int, value: float, parameters: Parameters) -> bool:
            values.append(value)
            self._reporter.tell_iteration(
                index, job, iteration, value, lambda: corrected(with_parameters(correction, parameters))
            )
            return self._reporter.is_cancelled()

        if runs_on_coreg(job.stage):
            from napari_coreg.core.bspline import compiling  # noqa: PLC0415 - numba takes 0.5 s
            from napari_coreg.core.bspline import engine as bspline_engine  # noqa: PLC0415

            if compiling.needs_compiling(job.stage):
                self._reporter.tell_preparation(compiling.MESSAGE, lambda: corrected(correction))
                if not compiling.compile_ahead(job.stage, self._reporter.is_cancelled):
                    self._reporter.stop(corrected(correction))
            outcome = bspline_engine.run_level(job, correction, on_iteration, self._reporter.is_cancelled)
        else:
            outcome = engine.run_level(job, correction, on_iteration)
        if outcome.cancelled:
            self._reporter.stop(corrected(correction))
        self.trace.append(
            LevelTrace(
                stage=index,
                stage_kind=job.stage.kind,
                level=level_index,
                fixed_size_xyz=job.level.fixed.GetSize(),
                fixed_shrink_xyz=job.level.fixed_shrink_xyz,
                moving_shrink_xyz=job.level.moving_shrink_xyz,
                number_of_samples=job.number_of_samples,
                metric_values=tuple(values),
                stop_reason=outcome.stop_reason,
                seconds=time.perf_counter() - began,
            )
        )

    def _chained(self, correction: sitk.Transform, chain: sitk.Transform) -> sitk.Transform:
        return compose(correction, chain, centre_lps=self._jobs.centre_lps)


def _map(stage: Stage, correction: sitk.Transform) -> sitk.Transform:
    """Return what moves points: of a velocity its flow, any other correction as it is."""
    if not isinstance(stage, BSplineStage) or stage.deformation == "displacement":
        return correction
    from napari_coreg.core.bspline.deformation import flow  # noqa: PLC0415 - numba takes 0.5 s

    return flow(correction)


def _undone(stage: Stage, correction: sitk.Transform) -> sitk.Transform | None:
    """Return what undoes a correction; None for a displacement."""
    if not isinstance(stage, BSplineStage):
        return invert(correction)
    if stage.deformation == "displacement":
        return None
    from napari_coreg.core.bspline.deformation import flow  # noqa: PLC0415 - numba takes 0.5 s

    return flow(correction, inverse=True)
