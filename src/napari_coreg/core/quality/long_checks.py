"""The checks that run the recipe again: the other way round, from other starts, and on a known motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_coreg.core.consistency import inverse_consistency, transitivity
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.check_rows import (
    inverse_consistency_rows,
    is_closed,
    repeatability_rows,
    simulation_rows,
    transitivity_rows,
)
from napari_coreg.core.quality.found import Found
from napari_coreg.core.quality.rows import Grader
from napari_coreg.core.register import register
from napari_coreg.core.repeatability import repeatability
from napari_coreg.core.simulation import SimulatedMove, simulated_error
from napari_coreg.core.transforms import invert, is_linear
from napari_coreg.errors import RecipeError, RegistrationCancelled, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.core.recipe import Recipe

LongCheck = Literal["inverse_consistency", "repeatability", "simulation"]
LONG_CHECKS: tuple[LongCheck, ...] = ("inverse_consistency", "repeatability", "simulation")
NAMES: dict[LongCheck, str] = {
    "inverse_consistency": "inverse consistency",
    "repeatability": "repeatability",
    "simulation": "the error on a known motion",
}
STEPS: dict[LongCheck, str] = {
    "inverse_consistency": "registering the other way round",
    "repeatability": "registering again from other starts",
    "simulation": "registering a known motion",
}
NOT_MEASURED = "was not measured"
CLOSED = (
    "the way back is the inverse of the transform, so that inverse consistency is 0 by definition: it does not count, "
    "and is not graded"
)
_NO_RECIPE = "the recipe that made the transform is not known; give the folder of a result instead of a transform"


@dataclass(frozen=True, eq=False)
class Runs:
    """What the long checks need.

    Attributes
    ----------
    subject : Subject
        What is judged.
    body : SimpleITK.Image
        Where numbers count if the subject has no mask; on any grid in fixed space.
    grader : Grader
        Makes the rows.
    on_fraction : callable, optional
        Called with the part of the check that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at every iteration.
    """

    subject: Subject
    body: sitk.Image
    grader: Grader
    on_fraction: Callable[[float], None] | None = None
    is_cancelled: IsCancelled | None = None

    @property
    def mask(self) -> sitk.Image:
        """Where numbers count: the mask of the fixed volume, or else the body."""
        return self.body if self.subject.fixed_mask is None else self.subject.fixed_mask


def region_of(subject: Subject) -> str:
    """Return in a word where the long checks of a subject count."""
    return "body" if subject.fixed_mask is None else "mask"


def measure_check(check: LongCheck, runs: Runs) -> Found:
    """Return what one of the long checks finds; a remark where it cannot be made.

    Raises
    ------
    RegistrationCancelled
        `runs.is_cancelled` said so.
    """
    subject = runs.subject
    if subject.recipe is None and not (check == "inverse_consistency" and subject.backward is not None):
        return not_measured(check, _NO_RECIPE)
    try:
        return {
            "inverse_consistency": _inverse_consistency,
            "repeatability": _repeatability,
            "simulation": _simulation,
        }[check](runs)
    except RegistrationCancelled:
        raise
    except RegistrationError as error:
        return not_measured(check, f"the run ended without a result ({error})")


def measure_transitivity(runs: Runs) -> Found:
    """Return how the transform agrees with a way round by a third volume, where both ways are given."""
    subject = runs.subject
    if subject.to_third is None or subject.from_third is None:
        return Found()
    found = transitivity(
        subject.to_third,
        subject.from_third,
        subject.transform,
        Grid.of(subject.fixed),
        runs.mask,
        third_grid=Grid.of(subject.moving),
        on_fraction=runs.on_fraction,
        is_cancelled=runs.is_cancelled,
    )
    rows = transitivity_rows(found, runs.grader, region=region_of(subject))
    return Found(rows, maps={"transitivity_mm": found.map_mm})


def register_backward(
    subject: Subject, *, on_progress: OnProgress | None = None, is_cancelled: IsCancelled | None = None
) -> sitk.Transform:
    """Run the recipe of a subject the other way round, and return the transform moving -> fixed, LPS mm.

    It begins where the subject's own run began, undone; from the headers where that start is not linear.

    Raises
    ------
    RecipeError
        The subject has no recipe.
    CoregError
        As `register`, RegistrationCancelled included.
    """
    start = subject.initial_transform
    return register(
        subject.moving,
        subject.fixed,
        recipe_of(subject),
        fixed_mask=subject.moving_mask,
        moving_mask=subject.fixed_mask,
        initial_transform=invert(start) if start is not None and is_linear(start) else None,
        threads=threads_of(subject),
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    ).transform


def recipe_of(subject: Subject) -> Recipe:
    """Return the recipe of a subject, or refuse to run what is not known."""
    if subject.recipe is None:
        raise RecipeError("this transform came without its recipe, so it cannot be run again; register the pair anew")
    return subject.recipe


def threads_of(subject: Subject) -> int:
    """Return the threads that the run of a subject had; 0, all there are, where that is not known."""
    return 0 if subject.result is None else subject.result.threads


def not_measured(check: LongCheck, why: str = "it was not asked for") -> Found:
    """Return the remark on a check that was not made."""
    return Found(remarks=(f"{NAMES[check]} {NOT_MEASURED}: {why}",))


def _inverse_consistency(runs: Runs) -> Found:
    subject, remarks = runs.subject, []
    if subject.backward is not None:
        backward = subject.backward
    else:
        told = None if runs.on_fraction is None else lambda progress: _tell(runs, progress.fraction)
        backward = register_backward(subject, on_progress=told, is_cancelled=runs.is_cancelled)
        remarks.append("inverse consistency is that with a registration of its own the other way round")
    if subject.result is not None and subject.result.recipe.symmetric:
        remarks.append(
            "the recipe is symmetric, so that both ways agree by the way it works: inverse consistency says little"
        )
    found = inverse_consistency(
        subject.transform,
        backward,
        Grid.of(subject.fixed),
        runs.mask,
        moving_grid=Grid.of(subject.moving),
        is_cancelled=runs.is_cancelled,
    )
    if found.voxels == 0:
        return not_measured("inverse_consistency", "no point of the body stays inside the moving volume")
    if is_closed(found):
        remarks.append(CLOSED)
    rows = inverse_consistency_rows(found, runs.grader, region=region_of(subject))
    return Found(rows, tuple(remarks), {"inverse_consistency_mm": found.map_mm})


def _tell(runs: Runs, fraction: float) -> None:
    assert runs.on_fraction is not None
    runs.on_fraction(0.95 * fraction)


def _repeatability(runs: Runs) -> Found:
    subject = runs.subject
    found = repeatability(
        subject.fixed,
        subject.moving,
        recipe_of(subject),
        fixed_mask=subject.fixed_mask,
        moving_mask=subject.moving_mask,
        initial_transform=subject.initial_transform,
        threads=threads_of(subject),
        on_fraction=runs.on_fraction,
        is_cancelled=runs.is_cancelled,
    )
    remarks = [
        f"repeatability: {len(found.rows)} runs with other seeds, from starts turned by up to "
        f"{max(row.jitter_degrees for row in found.rows):.1f} degrees and shifted by up to "
        f"{max(row.jitter_mm for row in found.rows):.1f} mm"
    ]
    if found.failures:
        remarks.append(f"repeatability: {found.failures} of {len(found.rows)} runs failed")
    rows = repeatability_rows(found, runs.grader, region=region_of(subject))
    return Found(rows, tuple(remarks), {"repeatability_mm": found.map_mm})


def _simulation(runs: Runs) -> Found:
    subject, recipe = runs.subject, recipe_of(runs.subject)
    bends = any(stage.kind == "bspline" for stage in recipe.stages)
    move = SimulatedMove() if bends else SimulatedMove(deformation_mm=0.0)
    found = simulated_error(
        subject.fixed,
        recipe,
        move,
        mask=subject.fixed_mask,
        threads=threads_of(subject),
        on_fraction=runs.on_fraction,
        is_cancelled=runs.is_cancelled,
    )
    bend = f", bent by up to {move.deformation_mm:g} mm" if move.deformation_mm else ""
    told = (
        f"simulation: the fixed volume turned by {move.rotation_degrees:g} degrees, shifted by {move.shift_mm:g} mm"
        f"{bend}, with noise of {100 * move.noise:g} % of its range; the verdict on it was "
        f"'{found.result.verdict.state}'"
    )
    grader = Grader.of(subject.fixed, found.simulated.moving, runs.grader.limits)
    rows = simulation_rows(found, grader, region=region_of(subject))
    return Found(rows, (told,), {"simulated_error_mm": found.map_mm})
