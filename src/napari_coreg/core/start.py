"""Finds where a run starts: a given transform, a guess, the best of several, or the best after a search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core import engine, initialize
from napari_coreg.core.geometry import Grid
from napari_coreg.core.metrics import MattesMutualInformation, NormalizedMutualInformation
from napari_coreg.core.stages import RigidStage
from napari_coreg.core.transforms import compose, linear_identity, with_parameters
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.jobs import Jobs
    from napari_coreg.core.reporter import Reporter
    from napari_coreg.core.transforms import Parameters

    Candidate = tuple[str, sitk.Transform]

OVERLAP_OF_THE_BEST = 0.25  # of what the most overlapping guess has; the share of samples that elastix asks for
REFINED_GUESSES = 12  # of a search, taken up to a registration at the coarsest level


def first_guess(jobs: Jobs, reporter: Reporter, given: sitk.Transform | None) -> Candidate:
    """Return how the start was found, and the start: the given transform, or as the recipe's initialization says.

    Parameters
    ----------
    jobs : Jobs
        What is registered.
    reporter : Reporter
        Who watches.
    given : SimpleITK.Transform or None
        Where to start (fixed -> moving, LPS mm), whatever the recipe says.

    Raises
    ------
    RegistrationError
        If no guess lays the volumes on each other.
    RegistrationCancelled
        If the search was cancelled.
    """
    if given is not None:
        return "given", compose(given)
    guesses: dict[str, Callable[[], sitk.Transform]] = {
        "given": lambda: sitk.TranslationTransform(jobs.fixed.GetDimension()),
        "centre": lambda: initialize.centre_transform(jobs.fixed, jobs.moving),
        "moments": lambda: _moments(jobs),
    }
    wanted = jobs.recipe.initialization
    if wanted in guesses:
        return wanted, guesses[wanted]()
    candidates = [(name, guess()) for name, guess in guesses.items()]
    if wanted != "search":
        return _ranked(jobs, candidates)[0]
    turns = initialize.right_angle_turns(candidates[-1][1], jobs.centre_lps)
    chosen = _ranked(jobs, [*candidates, *(("search", turn) for turn in turns)])[:REFINED_GUESSES]
    refined = [
        (name, _refined(jobs, reporter, guess, (index, len(chosen)))) for index, (name, guess) in enumerate(chosen)
    ]
    return _ranked(jobs, refined)[0]


def _moments(jobs: Jobs) -> sitk.Transform:
    coarse = jobs.job(0, 0, sitk.Transform(jobs.fixed.GetDimension(), sitk.sitkIdentity)).level
    return initialize.moments_transform(coarse.fixed, coarse.moving, jobs.fixed_mask, jobs.moving_mask)


def _ranked(jobs: Jobs, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates that overlap, best first by the metric at the coarsest level.

    A metric says nothing in a sliver of the volumes, so what overlaps far less than another candidate is left out.
    """
    fixed, moving = Grid.of(jobs.fixed), Grid.of(jobs.moving)
    overlaps = [initialize.overlap(fixed, moving, transform) for _, transform in candidates]
    least = OVERLAP_OF_THE_BEST * max(overlaps)
    values = [
        jobs.metric(0, 0, transform) if part >= least else None
        for part, (_, transform) in zip(overlaps, candidates, strict=True)
    ]
    usable = [(value, index) for index, value in enumerate(values) if value is not None]
    if not usable:
        raise RegistrationError(
            "the two volumes do not overlap, however they are laid on each other; check voxel sizes and masks"
        )
    return [candidates[index] for _, index in sorted(usable)]


def _refined(jobs: Jobs, reporter: Reporter, guess: sitk.Transform, candidate: tuple[int, int]) -> sitk.Transform:
    """Return the guess after a rigid registration at the coarsest level alone; it is one `candidate` of how many."""
    if reporter.is_cancelled():
        reporter.stop(guess)
    metric = jobs.recipe.stages[0].metric
    if isinstance(metric, NormalizedMutualInformation):  # which SimpleITK has not
        metric = MattesMutualInformation(number_of_histogram_bins=metric.number_of_histogram_bins)
    job = replace(jobs.job(0, 0, guess), stage=RigidStage(metric=metric))
    correction = linear_identity("rigid", jobs.centre_lps)

    def corrected(parameters: Parameters) -> sitk.Transform:
        return compose(with_parameters(correction, parameters), guess, centre_lps=jobs.centre_lps)

    def on_iteration(iteration: int, value: float, parameters: Parameters) -> bool:
        reporter.tell_search(candidate, iteration, value, lambda: corrected(parameters))
        return reporter.is_cancelled()

    try:
        outcome = engine.run_level(job, correction, on_iteration)
    except RegistrationError:
        return guess  # it drifted out of the overlap: as it was, it is still a candidate
    if outcome.cancelled:
        reporter.stop(guess)
    return corrected(correction.GetParameters())
