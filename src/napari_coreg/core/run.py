"""One run: from the first guess through all stages and levels, each from where the last one ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

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
from napari_coreg.core.start import explore, first_guess, ready_landscape
from napari_coreg.core.transforms import (
    compose,
    from_matrix,
    invert,
    is_linear,
    linear_identity,
    to_matrix,
    with_parameters,
)
from napari_coreg.core.verdict import has_better_pose
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.search.landscape import Landscape, Pose
    from napari_coreg.core.stages import Stage
    from napari_coreg.core.transforms import Parameters


WORSE = 0.9  # of the score of the pose that a linear stage began with: what is below was not worth the stage


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
        self._untouched: sitk.Transform | None = None
        self._judged: tuple[NDArray[np.float64], PoseEvidence, Pose] | None = None
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
        self._untouched = given
        return start

    def all_stages(self, start: sitk.Transform) -> sitk.Transform:
        """Run every stage, and return the chain of `start` and all that was found.

        The linear stages are run once more where they left a pose that the search surely betters, and the start was its
        choice: it is coarse, but knows all poses.
        """
        bent = [index for index, stage in enumerate(self._stages) if isinstance(stage, BSplineStage)]
        linear = bent[0] if bent else len(self._stages)
        chain = self._run_stages(range(linear), start)
        better = self._better_start() if linear else None
        if better is not None:
            self._reporter.note("begun again from a pose that fits better than where the linear stages had ended")
            self.trace.clear()
            chain = self._run_stages(range(linear), better)
        return self._run_stages(range(linear, len(self._stages)), chain)

    def evidence(self) -> PoseEvidence | None:
        """Return what speaks for and against the linear part of what was found; None where there is none."""
        found = self._evidence()
        return None if found is None else found[0]

    def _evidence(self) -> tuple[PoseEvidence, Pose] | None:
        """Return it with the best pose that is known."""
        untouched = self._untouched or sitk.Transform(self._jobs.fixed.GetDimension(), sitk.sitkIdentity)
        if self.pose is None or not is_linear(untouched):
            return None
        pose, landscape = to_matrix(self.pose), self._landscape()
        if landscape is None:
            return None
        if self._judged is None or not np.array_equal(self._judged[0], pose):
            guess = nearest_rigid(pose, self._jobs.centre_lps)
            try:
                self._poses = self._poses or explore(self._jobs, self._reporter, {"given": [guess]}, "check")
            except RegistrationError:  # they overlap in no pose
                return None
            with working_threads(self._jobs.threads):
                found = gather(landscape, pose, to_matrix(untouched), self._poses, self._jobs.recipe.seed)
            self._judged = pose, *found
        return self._judged[1:]

    def _better_start(self) -> sitk.Transform | None:
        if self._jobs.recipe.initialization != "auto" or self._untouched is not None:
            return None
        found = self._evidence()
        if found is None or not has_better_pose(found[0]):
            return None
        return from_matrix(found[1].matrix, self._jobs.centre_lps)

    def _run_stages(self, indices: range, chain: sitk.Transform) -> sitk.Transform:
        if 0 in indices:
            self.pose = chain if is_linear(chain) else None
            self.inverse = invert(chain) if is_linear(chain) else None
        for index in indices:
            chain = self._run_stage(index, chain)
            self.pose = chain if is_linear(chain) else self.pose
        return chain

    def metric(self, transform: sitk.Transform) -> float | None:
        """Return the last stage's metric; None where the images do not overlap."""
        return self._jobs.last_metric(transform)

    def _run_stage(self, index: int, chain: sitk.Transform) -> sitk.Transform:
        """Find the correction that is applied before `chain`; it starts as the identity, so it never meets a pole."""
        stage = self._stages[index]
        if isinstance(stage, BSplineStage):
            meshes = bspline_grid.mesh_sizes(self._fixed_grid, stage.grid_spacings_mm)
            correction: sitk.Transform = bspline_grid.make_bspline(self._fixed_grid, meshes[0])
            for level_index, mesh in enumerate(meshes):
                while correction.GetTransformDomainMeshSize() != mesh:
                    correction = bspline_grid.refine(correction)
                self._run_level(index, level_index, correction, chain)
        else:
            correction = self._linear_correction(index, chain)
        undone = None if self.inverse is None else _undone(stage, correction)
        self.inverse = None if undone is None else self._chained(self.inverse, undone)
        return self._chained(_map(stage, correction), chain)

    def _linear_correction(self, index: int, chain: sitk.Transform) -> sitk.Transform:
        """Return what a linear stage finds; begun again at a finer level, where it left the pose worse than it was.

        Where the volumes overlap little, the metric of a coarse level may lead away from a pose that was right.
        """
        stage, landscape = self._stages[index], self._landscape() if is_linear(chain) else None
        least = -np.inf if landscape is None else WORSE * landscape.score(to_matrix(chain))
        kept: list[tuple[float, sitk.Transform, list[LevelTrace]]] = []
        done, problem = list(self.trace), None
        for first_level in range(stage.pyramid.number_of_levels):
            correction = linear_identity(stage.kind, self._jobs.centre_lps)
            self.trace[:] = done
            try:
                for level_index in range(first_level, stage.pyramid.number_of_levels):
                    self._run_level(index, level_index, correction, chain)
            except RegistrationError as error:
                problem = problem or error
                continue
            score = 0.0 if landscape is None else landscape.score(to_matrix(self._chained(correction, chain)))
            kept.append((score, correction, list(self.trace)))
            if score >= least:
                break
        if not kept:
            assert problem is not None
            raise problem
        score, correction, self.trace[:] = max(kept, key=lambda item: item[0])
        first_level = stage.pyramid.number_of_levels - (len(self.trace) - len(done))
        if score < least and stage.kind in {"translation", "rigid"}:
            self.trace[:] = done
            self._reporter.note(f"stage {index + 1} was left out: from every level it left the volumes fitting worse")
            return linear_identity(stage.kind, self._jobs.centre_lps)
        if first_level:
            self._reporter.note(
                f"stage {index + 1} was begun again at level {first_level + 1}: from a coarser one it left the volumes "
                "fitting worse"
            )
        return correction

    def _landscape(self) -> Landscape | None:
        """Return the two volumes in all poses; None where masks leave too little to compare."""
        try:
            return ready_landscape(self._jobs, self._reporter)
        except RegistrationError:
            return None

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
