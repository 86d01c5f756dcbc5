"""One run: from the first guess through all stages and levels, each from where the last one ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core import bspline_grid
from napari_coreg.core.chunks import working_threads
from napari_coreg.core.costs import level_costs
from napari_coreg.core.evidence import PoseEvidence, gather, nearest_rigid
from napari_coreg.core.geometry import Grid
from napari_coreg.core.jobs import Jobs
from napari_coreg.core.levels import Levels
from napari_coreg.core.linear_part import linear_part
from napari_coreg.core.reporter import Reporter, Taken
from napari_coreg.core.stages import BSplineStage
from napari_coreg.core.start import explore, first_guess, ready_landscape
from napari_coreg.core.transforms import (
    compose,
    from_matrix,
    invert,
    is_linear,
    linear_identity,
    to_matrix,
)
from napari_coreg.core.verdict import has_better_pose
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.reporter import Watcher
    from napari_coreg.core.result import LevelTrace
    from napari_coreg.core.search.landscape import Landscape, Pose
    from napari_coreg.core.stages import Stage


WORSE = 0.9  # of the score of the pose that a linear stage began with: what is below was not worth the stage


class Run:
    """The prepared images of one registration, and what has happened so far.

    Attributes
    ----------
    trace : list of LevelTrace
        One entry per level that was run, also in part.
    initialization : str
        How the start was found.
    pose : SimpleITK.Transform or None
        The chain after its last linear stage; None where it starts with a deformation. Where a deformation was all that
        was run, the affine map nearest to it over the body, once there is evidence.
    inverse : SimpleITK.Transform or None
        Moving -> fixed, after all stages; None where a displacement is part of the chain, which has no closed inverse.
    is_unchecked : bool
        Whether the evidence was left out, as it was enough before.
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
        watcher: Watcher,
    ) -> None:
        self.initialization = ""
        self.inverse: sitk.Transform | None = None
        self.pose: sitk.Transform | None = None
        self.is_unchecked = False
        self._poses: list[Pose] = []
        self._untouched: sitk.Transform | None = None
        self._judged: tuple[NDArray[np.float64], PoseEvidence, Pose] | None = None
        self._stages = recipe.stages
        self._fixed_grid = Grid.of(fixed)
        self._jobs = Jobs(recipe, fixed, moving, fixed_mask=fixed_mask, moving_mask=moving_mask, threads=threads)
        costs = [level_costs(stage, self._fixed_grid, Grid.of(moving)) for stage in recipe.stages]
        self._reporter = Reporter(costs, watcher)
        self._levels = Levels(self._jobs, self._reporter)
        self.trace: list[LevelTrace] = self._levels.trace

    @property
    def ended_early(self) -> str:
        """Where the run was when it was enough, in words; empty where it went to its end."""
        return self._reporter.ended_early

    def end_early(self, where: str) -> None:
        """Know that it was enough elsewhere, and so here."""
        self._reporter.end_early(where)

    def note(self, text: str) -> None:
        """Keep a note."""
        self._reporter.note(text)

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
        better = self._better_start() if linear and not self.ended_early else None
        if better is not None:
            self._reporter.note("begun again from a pose that fits better than where the linear stages had ended")
            chain = self._run_again(range(linear), better, chain)
        return self._run_stages(range(linear, len(self._stages)), chain)

    def _run_again(self, indices: range, start: sitk.Transform, before: sitk.Transform) -> sitk.Transform:
        """Run linear stages from another start; where that is ended early, the better one of both chains is kept."""
        first, landscape = list(self.trace), self._landscape()
        self.trace.clear()
        chain = self._run_stages(indices, start)
        if not self.ended_early or landscape is None:
            return chain
        if landscape.score(to_matrix(chain)) >= landscape.score(to_matrix(before)):
            return chain
        self._reporter.note("what had been found before that fits better yet, and is kept")
        self.trace[:], self.pose, self.inverse = first, before, invert(before)
        return before

    def evidence(self, transform: sitk.Transform) -> PoseEvidence | None:
        """Return what speaks for and against the linear part of what was found; None where there is none.

        `transform` is all that was found. Where no linear stage came before its deformation, that may have moved the
        volume as a whole, and the affine map nearest to it is looked at: without the bending, which can make a wrong
        pose fit as well as the right one.

        Where it becomes enough only now, this is left out; a run that was ended before is checked as any other is.
        """
        was_ended = self.ended_early
        self._reporter.enter_check()
        wish = self._reporter.wish()
        if wish == "cancel":
            self._reporter.stop(self.pose or linear_identity("translation", self._jobs.centre_lps))
        self.is_unchecked = bool(wish) and not was_ended
        if self.pose is not None and isinstance(self._stages[0], BSplineStage) and not is_linear(transform):
            matrix = linear_part(transform, self._jobs.fixed, self._jobs.fixed_mask)
            self.pose = from_matrix(matrix, self._jobs.centre_lps)
        try:
            found = None if self.is_unchecked else self._evidence()
        except Taken:
            found, self.is_unchecked = None, True
        return None if found is None else found[0]

    def _evidence(self) -> tuple[PoseEvidence, Pose] | None:
        """Return it with the best pose that is known."""
        untouched = self._untouched or sitk.Transform(self._jobs.fixed.GetDimension(), sitk.sitkIdentity)
        if self.pose is None or not is_linear(untouched):
            return None
        pose = to_matrix(self.pose)
        try:
            landscape = ready_landscape(self._jobs, self._reporter)
        except RegistrationError:  # masks leave too little
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
        try:
            found = self._evidence()
        except Taken:
            return None
        if found is None or not has_better_pose(found[0]):
            return None
        return from_matrix(found[1].matrix, self._jobs.centre_lps)

    def _run_stages(self, indices: range, chain: sitk.Transform) -> sitk.Transform:
        if 0 in indices:
            self.pose = chain if is_linear(chain) else None
            self.inverse = invert(chain) if is_linear(chain) else None
        for index in indices:
            if self.ended_early:
                break
            chain = self._run_stage(index, chain)
            self.pose = chain if is_linear(chain) else self.pose
        return chain

    def metric(self, transform: sitk.Transform) -> float | None:
        """Return the last stage's metric; None where the images do not overlap."""
        if not self._levels.make_ready(self._stages[-1], lambda: transform, lambda: self._reporter.wish() == "cancel"):
            self._reporter.stop(transform)  # the stage was never begun, so this may take some seconds, once
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
                if not self._run_level(index, level_index, correction, chain):
                    break
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
        kept: list[tuple[float, int, sitk.Transform, list[LevelTrace]]] = []
        done, problem = list(self.trace), None
        for first_level in range(stage.pyramid.number_of_levels):
            correction = linear_identity(stage.kind, self._jobs.centre_lps)
            self.trace[:] = done
            try:
                for level_index in range(first_level, stage.pyramid.number_of_levels):
                    if not self._run_level(index, level_index, correction, chain):
                        break
            except RegistrationError as error:
                problem = problem or error
                continue
            score = 0.0 if landscape is None else landscape.score(to_matrix(self._chained(correction, chain)))
            kept.append((score, first_level, correction, list(self.trace)))
            if score >= least or self.ended_early:
                break
        if not kept:
            assert problem is not None
            raise problem
        score, first_level, correction, self.trace[:] = max(kept, key=lambda item: item[0])
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
        """Return the two volumes in all poses; None where masks leave too little, or it is enough before it is made."""
        try:
            return ready_landscape(self._jobs, self._reporter)
        except (RegistrationError, Taken):
            return None

    def _run_level(self, index: int, level_index: int, correction: sitk.Transform, chain: sitk.Transform) -> bool:
        """Optimize `correction` in place at one level, and return whether to go on."""

        def whole(by: sitk.Transform) -> sitk.Transform:
            return self._chained(_map(self._stages[index], by), chain)

        return self._levels.run(index, level_index, correction, chain, whole)

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
