"""Finds where a run starts: a given transform, a guess of one kind, or the best pose of all."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core import initialize
from napari_coreg.core.chunks import working_threads
from napari_coreg.core.reporter import Taken
from napari_coreg.core.transforms import compose, from_matrix, to_matrix
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.jobs import Jobs
    from napari_coreg.core.reporter import Reporter
    from napari_coreg.core.search.landscape import Landscape, Matrix, Pose

    Candidate = tuple[str, sitk.Transform]
    Guess = Callable[[Jobs], list[sitk.Transform]]

AS_GOOD = 0.97  # of the best score: the volumes stay as they lie where that fits as well, since they may be symmetric


def first_guess(jobs: Jobs, reporter: Reporter, given: sitk.Transform | None) -> tuple[Candidate, list[Pose]]:
    """Return how the start was found, and the start; and the poses that were found on the way.

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
        return ("given", compose(given)), []
    wanted = jobs.recipe.initialization
    if wanted != "auto":
        return (wanted, _best_by_metric(jobs, _GUESSES[wanted](jobs))), []
    try:
        ready_landscape(jobs, reporter)  # which one of the guesses needs, too
        guesses = {name: [to_matrix(guess) for guess in _GUESSES[name](jobs)] for name in _QUICK_GUESSES}
        poses = explore(jobs, reporter, guesses)
    except Taken:
        return ("given", _given(jobs)[0]), []
    if jobs.landscape.score(guesses["given"][0]) >= AS_GOOD * poses[0].score:
        return ("given", _given(jobs)[0]), poses
    return (poses[0].origin, from_matrix(poses[0].matrix, jobs.centre_lps)), poses


def explore(jobs: Jobs, reporter: Reporter, guesses: dict[str, list[Matrix]], kind: str = "search") -> list[Pose]:
    """Return the poses in which the volumes fit, the best first; `guesses` are tried too (see `Landscape.explore`).

    A search that is ended early gives the best pose so far, scored as the others would have been. A check goes on where
    the run was ended before it, since a result is to be judged.

    Raises
    ------
    RegistrationError
        If the volumes overlap in no pose.
    RegistrationCancelled
        If that was cancelled.
    Taken
        If it was enough before there was a pose, or in a check.
    """
    landscape, was_ended = ready_landscape(jobs, reporter), bool(reporter.ended_early)
    best_so_far: list[Pose] = []

    def on_part(part: int, parts: int, best: Pose) -> bool:
        reporter.tell_search(kind, (part, parts), -best.score, lambda: from_matrix(best.matrix, jobs.centre_lps))
        best_so_far[:] = [best]
        wish = reporter.wish()
        return wish == "cancel" or (wish == "take" and not was_ended)

    kinds = {stage.kind for stage in jobs.recipe.stages}
    with working_threads(jobs.threads):
        poses = landscape.explore(
            guesses, on_part, turning=kinds != {"translation"}, scaling=not kinds.isdisjoint({"similarity", "affine"})
        )
    if poses:
        return poses
    if reporter.wish() == "cancel":
        reporter.stop(_given(jobs)[0])
    if kind == "check":
        raise Taken
    return [replace(best, score=landscape.score(best.matrix)) for best in best_so_far]


def ready_landscape(jobs: Jobs, reporter: Reporter) -> Landscape:
    """Return the two volumes in all poses, once the kernels that look at them are compiled.

    Raises
    ------
    RegistrationError
        If masks leave too little to compare.
    RegistrationCancelled
        If that was cancelled.
    Taken
        If it was enough before they were.
    """
    from napari_coreg.core.search import compiling  # noqa: PLC0415 - numba takes 0.5 s

    if compiling.needs_compiling():
        still = _given(jobs)[0]
        reporter.tell_preparation(compiling.MESSAGE, lambda: still)
        if not compiling.compile_ahead(lambda: bool(reporter.wish())):
            if reporter.wish() == "cancel":
                reporter.stop(still)
            raise Taken
    return jobs.landscape


def _best_by_metric(jobs: Jobs, guesses: list[sitk.Transform]) -> sitk.Transform:
    """Return the guess with the best metric of the first stage at its coarsest level; a single one as it is."""
    if len(guesses) == 1:
        return guesses[0]
    values = [jobs.metric(0, 0, guess) for guess in guesses]
    usable = [(value, index) for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    if not usable:
        raise RegistrationError(
            f"with initialization {jobs.recipe.initialization!r} the two volumes do not overlap; check voxel sizes and "
            "masks, or use 'auto'"
        )
    return guesses[min(usable)[1]]


def _given(jobs: Jobs) -> list[sitk.Transform]:
    return [sitk.TranslationTransform(jobs.fixed.GetDimension())]


def _centre(jobs: Jobs) -> list[sitk.Transform]:
    return [initialize.centre_transform(jobs.fixed, jobs.moving)]


def _moments(jobs: Jobs) -> list[sitk.Transform]:
    coarse = jobs.job(0, 0, sitk.Transform(jobs.fixed.GetDimension(), sitk.sitkIdentity)).level
    return [initialize.moments_transform(coarse.fixed, coarse.moving, jobs.fixed_mask, jobs.moving_mask)]


def _principal_axes(jobs: Jobs) -> list[sitk.Transform]:
    from napari_coreg.core.principal_axes import principal_axes_transforms  # noqa: PLC0415 - scikit-image takes 0.2 s

    return principal_axes_transforms(*jobs.landscape.images, jobs.fixed_mask, jobs.moving_mask)


def _phase_correlation(jobs: Jobs) -> list[sitk.Transform]:
    from napari_coreg.core.fourier import phase_correlation_transform  # noqa: PLC0415 - scikit-image takes 0.2 s

    return [phase_correlation_transform(jobs.fixed, jobs.moving, jobs.fixed_mask, jobs.moving_mask)]


def _fourier_mellin(jobs: Jobs) -> list[sitk.Transform]:
    from napari_coreg.core.fourier import fourier_mellin_transform  # noqa: PLC0415 - scikit-image takes 0.2 s

    return [fourier_mellin_transform(jobs.fixed, jobs.moving, jobs.fixed_mask, jobs.moving_mask)]


def _features(jobs: Jobs) -> list[sitk.Transform]:
    if jobs.fixed.GetDimension() == 2:
        from napari_coreg.core.features_2d import register_2d_features  # noqa: PLC0415 - scikit-image takes 0.2 s

        found = register_2d_features(
            jobs.fixed, jobs.moving, "rigid", fixed_mask=jobs.fixed_mask, moving_mask=jobs.moving_mask
        )
        return [found.transform]
    from napari_coreg.core.features import features_transform  # noqa: PLC0415 - scikit-image takes 0.2 s

    match = features_transform(
        jobs.fixed, jobs.moving, seed=jobs.recipe.seed, fixed_mask=jobs.fixed_mask, moving_mask=jobs.moving_mask
    )
    return [match.transform]


_GUESSES: dict[str, Guess] = {
    "given": _given,
    "centre": _centre,
    "moments": _moments,
    "principal_axes": _principal_axes,
    "phase_correlation": _phase_correlation,
    "fourier_mellin": _fourier_mellin,
    "features": _features,
}
_QUICK_GUESSES = ("given", "centre", "moments", "principal_axes")  # the first is where the volumes lie
