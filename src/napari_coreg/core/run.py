"""One run: from the first guess through all stages and levels, each from where the last one ended."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import SimpleITK as sitk

from napari_coreg.core import bspline_grid, engine, initialize
from napari_coreg.core.geometry import Grid
from napari_coreg.core.job import Job
from napari_coreg.core.metrics import MattesMutualInformation, NormalizedMutualInformation
from napari_coreg.core.progress import IsCancelled, OnProgress, Progress
from napari_coreg.core.pyramid import Level, make_levels, shrink_factors_xyz
from napari_coreg.core.result import LevelTrace
from napari_coreg.core.stages import BSplineStage, RigidStage, Stage
from napari_coreg.core.transforms import compose, invert, is_identity, is_linear, linear_identity
from napari_coreg.errors import RegistrationCancelled, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.recipe import Recipe

SECONDS_PER_SAMPLE_AND_PARAMETER = 7.5e-9  # of SimpleITK's B-spline with Mattes MI, measured on two cores
SECONDS_PER_SAMPLE_OF_COREG = 1.5e-8  # of our B-spline engine, measured on two cores
SECONDS_PER_SAMPLE = 1e-7  # of linear stages, which stop after about a quarter of their iterations
SLOW_SECONDS = 60.0
VOXELS_OF_A_METRIC = 500_000
OVERLAP_OF_THE_BEST = 0.25  # of what the most overlapping guess has; the share of samples that elastix asks for
REFINED_GUESSES = 12  # of a search, taken up to a registration at the coarsest level


class Run:
    """The prepared images of one registration, and what has happened so far.

    Attributes
    ----------
    trace : list of LevelTrace
        One entry per finished level.
    notes : list of str
        What a person should know.
    initialization : str
        How the start was found.
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
        self.notes: list[str] = []
        self.initialization = ""
        self.inverse: sitk.Transform | None = None
        self._recipe = recipe
        self._fixed, self._moving = fixed, moving
        self._fixed_mask, self._moving_mask = fixed_mask, moving_mask
        self._threads = threads
        self._on_progress = on_progress
        self._is_cancelled = is_cancelled or (lambda: False)
        self._began = time.perf_counter()
        self._levels: dict[tuple[int, float], Level] = {}
        self._centre_lps = Grid.of(fixed).centre_lps
        self._costs = [_level_costs(stage, Grid.of(fixed), Grid.of(moving)) for stage in recipe.stages]
        self._fraction = 0.0

    def first_guess(self, given: sitk.Transform | None) -> sitk.Transform:
        """Return where to start: the given transform, or what the recipe's initialization says."""
        if given is not None:
            self.initialization = "given"
            return compose(given)
        guesses = {
            "given": lambda: sitk.TranslationTransform(self._fixed.GetDimension()),
            "centre": lambda: initialize.centre_transform(self._fixed, self._moving),
            "moments": self._moments,
        }
        wanted = self._recipe.initialization
        if wanted in guesses:
            self.initialization = wanted
            return guesses[wanted]()
        candidates = [(name, guess()) for name, guess in guesses.items()]
        if wanted == "search":
            turns = initialize.right_angle_turns(candidates[-1][1], self._centre_lps)
            candidates += [("search", turn) for turn in turns]
        ranked = self._ranked(candidates)
        if wanted == "search":
            chosen = ranked[:REFINED_GUESSES]
            refined = [self._refined(guess, index, len(chosen)) for index, (_, guess) in enumerate(chosen)]
            ranked = self._ranked([(name, guess) for (name, _), guess in zip(chosen, refined, strict=True)])
        self.initialization, best = ranked[0]
        return best

    def _ranked(self, candidates: list[tuple[str, sitk.Transform]]) -> list[tuple[str, sitk.Transform]]:
        """Return the candidates that overlap, best first by the metric at the coarsest level.

        A metric says nothing in a sliver of the volumes, so what overlaps far less than another candidate is left out.
        """
        fixed, moving = Grid.of(self._fixed), Grid.of(self._moving)
        overlaps = [initialize.overlap(fixed, moving, transform) for _, transform in candidates]
        least = OVERLAP_OF_THE_BEST * max(overlaps)
        values = [
            self._metric(0, 0, transform) if part >= least else None
            for part, (_, transform) in zip(overlaps, candidates, strict=True)
        ]
        usable = [(value, index) for index, value in enumerate(values) if value is not None]
        if not usable:
            raise RegistrationError(
                "the two volumes do not overlap, however they are laid on each other; check voxel sizes and masks"
            )
        return [candidates[index] for _, index in sorted(usable)]

    def _refined(self, guess: sitk.Transform, index: int, number: int) -> sitk.Transform:
        """Return the guess after a rigid registration at the coarsest level alone."""
        if self._is_cancelled():
            self._stop(guess)
        metric = self._recipe.stages[0].metric
        if isinstance(metric, NormalizedMutualInformation):  # which SimpleITK has not
            metric = MattesMutualInformation(number_of_histogram_bins=metric.number_of_histogram_bins)
        job = replace(self._job(0, 0, guess), stage=RigidStage(metric=metric))
        correction = linear_identity("rigid", self._centre_lps)

        def on_iteration(iteration: int, value: float, parameters: tuple[float, ...]) -> bool:
            if self._on_progress is not None:
                self._on_progress(
                    Progress(
                        stage=-1,
                        number_of_stages=len(self._recipe.stages),
                        stage_kind="search",
                        level=index,
                        number_of_levels=number,
                        iteration=iteration,
                        metric_value=value,
                        fraction=0.0,
                        seconds=time.perf_counter() - self._began,
                        current_transform=lambda: self._chained(_with(correction, parameters), guess),
                    )
                )
            return self._is_cancelled()

        try:
            outcome = engine.run_level(job, correction, on_iteration)
        except RegistrationError:
            return guess  # it drifted out of the overlap: as it was, it is still a candidate
        if outcome.cancelled:
            self._stop(guess)
        return self._chained(correction, guess)

    def all_stages(self, start: sitk.Transform) -> sitk.Transform:
        """Run every stage, and return the chain of `start` and all that was found."""
        chain = start
        self.inverse = invert(start) if is_linear(start) else None
        for index in range(len(self._recipe.stages)):
            chain = self._stage(index, chain)
        return chain

    def metric(self, transform: sitk.Transform) -> float | None:
        """Return the last stage's metric over all voxels of a level; None where the images do not overlap.

        The level is the finest one of at most 500,000 voxels, as SimpleITK cannot sample here.
        """
        last = len(self._recipe.stages) - 1
        levels = range(self._recipe.stages[last].pyramid.number_of_levels)
        sizes = {index: Grid.of(self._job(last, index, transform).level.fixed).number_of_voxels for index in levels}
        small = [index for index in levels if sizes[index] <= VOXELS_OF_A_METRIC] or [0]
        return self._metric(last, small[-1], transform)

    def _stage(self, index: int, chain: sitk.Transform) -> sitk.Transform:
        """Find the correction that is applied before `chain`; it starts as the identity, so it never meets a pole."""
        stage = self._recipe.stages[index]
        meshes: list[tuple[int, ...]] = []
        if isinstance(stage, BSplineStage):
            meshes = bspline_grid.mesh_sizes(Grid.of(self._fixed), stage.grid_spacings_mm)
            correction: sitk.Transform = bspline_grid.make_bspline(Grid.of(self._fixed), meshes[0])
        else:
            correction = linear_identity(stage.kind, self._centre_lps)
        for level_index in range(stage.pyramid.number_of_levels):
            while meshes and correction.GetTransformDomainMeshSize() != meshes[level_index]:
                correction = bspline_grid.refine(correction)
            self._run_level(index, level_index, correction, chain)
        undone = None if self.inverse is None else _undone(stage, correction)
        self.inverse = None if undone is None else self._chained(self.inverse, undone)
        return self._chained(_map(stage, correction), chain)

    def _run_level(self, index: int, level_index: int, correction: sitk.Transform, chain: sitk.Transform) -> None:
        began = time.perf_counter()
        if self._is_cancelled():
            self._stop(self._chained(_map(self._recipe.stages[index], correction), chain))
        job = self._job(index, level_index, chain)
        self._warn_if_slow(index, job, correction)
        values: list[float] = []

        def on_iteration(iteration: int, value: float, parameters: tuple[float, ...]) -> bool:
            values.append(value)
            self._report(
                index,
                job,
                iteration,
                value,
                lambda: self._chained(_map(job.stage, _with(correction, parameters)), chain),
            )
            return self._is_cancelled()

        if runs_on_coreg(job.stage):
            from napari_coreg.core.bspline import engine as bspline_engine  # noqa: PLC0415 - numba takes 0.5 s
            from napari_coreg.core.bspline.kernels import COMPILING, are_compiled  # noqa: PLC0415

            if not are_compiled():
                self._announce(COMPILING)
            outcome = bspline_engine.run_level(job, correction, on_iteration, self._is_cancelled)
        else:
            outcome = engine.run_level(job, correction, on_iteration)
        if outcome.cancelled:
            self._stop(self._chained(_map(job.stage, correction), chain))
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

    def _job(self, stage_index: int, level_index: int, start: sitk.Transform) -> Job:
        stage = self._recipe.stages[stage_index]
        key = _level_keys(stage)[level_index]
        if not self._levels:
            wanted = {key for stage in self._recipe.stages for key in _level_keys(stage)}
            self._levels = make_levels(self._fixed, self._moving, wanted)
        return Job(
            stage=stage,
            level_index=level_index,
            level=self._levels[key],
            fixed_mask=self._fixed_mask,
            moving_mask=self._moving_mask,
            start=None if is_identity(start) else start,
            seed=self._recipe.seed + 1,  # SimpleITK takes 0 for "from the clock"
            threads=self._threads or (0 if stage.kind == "bspline" else 1),
        )

    def _metric(self, stage_index: int, level_index: int, transform: sitk.Transform) -> float | None:
        job = self._job(stage_index, level_index, transform)
        if runs_on_coreg(job.stage):
            from napari_coreg.core.bspline import engine as bspline_engine  # noqa: PLC0415 - numba takes 0.5 s

            return bspline_engine.evaluate_metric(job)
        return engine.evaluate_metric(job, sitk.TranslationTransform(self._fixed.GetDimension()))

    def _moments(self) -> sitk.Transform:
        coarse = self._job(0, 0, sitk.Transform(self._fixed.GetDimension(), sitk.sitkIdentity)).level
        return initialize.moments_transform(coarse.fixed, coarse.moving, self._fixed_mask, self._moving_mask)

    def _chained(self, correction: sitk.Transform, chain: sitk.Transform) -> sitk.Transform:
        return compose(correction, chain, centre_lps=self._centre_lps)

    def _announce(self, message: str) -> None:
        """Tell of something that takes time before the first iteration."""
        if self._on_progress is not None:
            self._on_progress(
                Progress(
                    stage=-1,
                    number_of_stages=len(self._recipe.stages),
                    stage_kind="preparation",
                    level=0,
                    number_of_levels=1,
                    iteration=0,
                    metric_value=float("nan"),
                    fraction=self._fraction,
                    seconds=time.perf_counter() - self._began,
                    message=message,
                )
            )

    def _report(
        self, index: int, job: Job, iteration: int, value: float, current: Callable[[], sitk.Transform]
    ) -> None:
        if self._on_progress is None:
            return
        done = sum(sum(costs) for costs in self._costs[:index]) + sum(self._costs[index][: job.level_index])
        part = min(1.0, iteration / job.stage.optimizer.number_of_iterations)
        total = sum(sum(costs) for costs in self._costs)
        self._fraction = max(self._fraction, (done + part * self._costs[index][job.level_index]) / total)
        self._on_progress(
            Progress(
                stage=index,
                number_of_stages=len(self._recipe.stages),
                stage_kind=job.stage.kind,
                level=job.level_index,
                number_of_levels=job.stage.pyramid.number_of_levels,
                iteration=iteration,
                metric_value=value,
                fraction=self._fraction,
                seconds=time.perf_counter() - self._began,
                message=self.notes[-1] if self.notes else "",
                current_transform=current,
            )
        )

    def _warn_if_slow(self, index: int, job: Job, correction: sitk.Transform) -> None:
        if job.stage.kind != "bspline" or runs_on_coreg(job.stage):
            return
        parameters = len(correction.GetParameters())
        an_iteration = SECONDS_PER_SAMPLE_AND_PARAMETER * job.number_of_samples * parameters
        seconds = an_iteration * job.stage.optimizer.number_of_iterations
        if seconds > SLOW_SECONDS:
            self.notes.append(
                f"stage {index + 1}, level {job.level_index + 1}: {parameters} B-spline parameters and "
                f"{job.number_of_samples} samples may take up to {seconds / 60:.0f} min; a wider grid spacing or a "
                "lower sampling percentage is quicker"
            )

    def _stop(self, transform: sitk.Transform) -> NoReturn:
        raise RegistrationCancelled("the registration was cancelled", transform)


def runs_on_coreg(stage: Stage) -> bool:
    """Whether our own engine runs the stage; all others are run by SimpleITK's."""
    return isinstance(stage, BSplineStage) and stage.engine == "coreg"


def _with(transform: sitk.Transform, parameters: tuple[float, ...]) -> sitk.Transform:
    """Return a copy of the transform with other parameters."""
    copy = transform.__class__(transform)
    copy.SetParameters(parameters)
    return copy


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


def _level_keys(stage: Stage) -> list[tuple[int, float]]:
    return list(zip(stage.pyramid.shrink_factors, stage.pyramid.smoothing_sigmas_mm, strict=True))


def _level_costs(stage: Stage, fixed: Grid, moving: Grid) -> list[float]:
    """Return about how many seconds each of the stage's levels takes on two cores; the ratios are what matters."""
    edge = min(fixed.voxel_edge_mm, moving.voxel_edge_mm)
    costs = []
    for index, factor in enumerate(stage.pyramid.shrink_factors):
        voxels = fixed.number_of_voxels / float(np.prod(shrink_factors_xyz(fixed, factor * edge)))
        samples = max(stage.sampling.minimum_samples, voxels * stage.sampling.percentages[index] / 100)
        seconds_per_sample = SECONDS_PER_SAMPLE
        if runs_on_coreg(stage):
            seconds_per_sample = SECONDS_PER_SAMPLE_OF_COREG
        elif isinstance(stage, BSplineStage):
            mesh = bspline_grid.mesh_sizes(fixed, stage.grid_spacings_mm)[index]
            parameters = fixed.dimension * float(np.prod([cells + bspline_grid.ORDER for cells in mesh]))
            seconds_per_sample = SECONDS_PER_SAMPLE_AND_PARAMETER * parameters
        costs.append(samples * seconds_per_sample * stage.optimizer.number_of_iterations)
    return costs
