"""The checks that run a recipe again: what is asked of them, and what comes of it; for any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from napari_coreg.core.consistency import inverse_consistency
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.bodies import body_mask
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.core.quality.rows import Grader
from napari_coreg.core.register import register
from napari_coreg.core.repeatability import repeatability
from napari_coreg.core.simulation import SimulatedMove, simulated_error
from napari_coreg.core.transforms import invert, is_linear
from napari_coreg.errors import RecipeError
from napari_coreg.plugin.register.progress_panel import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import SimpleITK as sitk

    from napari_coreg.core.consistency import Consistency
    from napari_coreg.core.progress import IsCancelled, Progress
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.repeatability import Repeatability
    from napari_coreg.core.simulation import SimulationOutcome

    OnStep = Callable[[str, float], None]

Check = Literal["inverse_consistency", "repeatability", "simulation"]
CHECKS: tuple[Check, ...] = get_args(Check)
_AFTER_RUN = 0.95  # part of the time that the registration itself takes


@dataclass(frozen=True, eq=False)
class LongCheckOutcome:
    """What one of the checks found.

    Attributes
    ----------
    subject : Subject
        What was checked.
    rows : tuple of Row
        Its numbers, for the table and the report; those of the same measures are outdated by them.
    maps : mapping of str to SimpleITK.Image
        As in `Assessment.maps`: "inverse_consistency_mm", "repeatability_mm" or "simulated_error_mm".
    """

    subject: Subject
    rows: tuple[Row, ...]
    maps: Mapping[str, sitk.Image] = field(repr=False)


@dataclass(frozen=True)
class Jitter:
    """How a registration is repeated: how often, and how far the starts are from the one it had."""

    runs: int = 5
    degrees: float = 5.0
    mm: float = 5.0


@dataclass(frozen=True, eq=False)
class Trial:
    """A recipe tried on a volume that is moved by a known amount.

    Attributes
    ----------
    name : str
        Of the volume.
    volume : SimpleITK.Image
        To be moved, LPS mm.
    recipe : Recipe
        To be tried.
    move : SimulatedMove
        What is done to the volume.
    mask : SimpleITK.Image or None
        Where the error counts; the body where none is given.
    threads : int
        As for `register`.
    """

    name: str
    volume: sitk.Image = field(repr=False)
    recipe: Recipe
    move: SimulatedMove
    mask: sitk.Image | None = None
    threads: int = 0


def check_inverse(
    subject: Subject, *, on_step: OnStep | None = None, is_cancelled: IsCancelled | None = None
) -> Consistency:
    """Register the other way round, and follow points there and back.

    Parameters
    ----------
    subject : Subject
        With a recipe, or with the transform of the way back.
    on_step : callable, optional
        Called with what is done now, in words, and the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at every iteration.

    Raises
    ------
    CoregError
        As `register`, RegistrationCancelled included.
    """
    backward = subject.backward
    if backward is None:
        backward = register(
            subject.moving,
            subject.fixed,
            _recipe_of(subject),
            fixed_mask=subject.moving_mask,
            moving_mask=subject.fixed_mask,
            initial_transform=_start_back(subject),
            on_progress=_told(on_step, "The other way round"),
            is_cancelled=is_cancelled,
            threads=_threads_of(subject),
        ).transform
    mask = body_mask(subject.fixed) if subject.fixed_mask is None else subject.fixed_mask

    def tell(part: float) -> None:
        if on_step is not None:
            on_step("Following points there and back", _AFTER_RUN + (1 - _AFTER_RUN) * part)

    return inverse_consistency(
        subject.transform,
        backward,
        Grid.of(subject.fixed),
        mask,
        moving_grid=Grid.of(subject.moving),
        on_fraction=tell,
        is_cancelled=is_cancelled,
    )


def check_repeatability(
    subject: Subject,
    jitter: Jitter,
    *,
    on_step: OnStep | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Repeatability:
    """Run the recipe again from other seeds and starts.

    Raises
    ------
    CoregError
        As `repeatability`, RegistrationCancelled included.
    """

    def tell(part: float) -> None:
        if on_step is not None:
            run = min(jitter.runs, int(part * jitter.runs) + 1)
            on_step(f"Run {run} of {jitter.runs}", part)

    return repeatability(
        subject.fixed,
        subject.moving,
        _recipe_of(subject),
        runs=jitter.runs,
        jitter_degrees=jitter.degrees,
        jitter_mm=jitter.mm,
        fixed_mask=subject.fixed_mask,
        moving_mask=subject.moving_mask,
        initial_transform=None if subject.result is None else subject.result.initial_transform,
        threads=_threads_of(subject),
        on_fraction=tell,
        is_cancelled=is_cancelled,
    )


def check_simulation(
    trial: Trial, *, on_step: OnStep | None = None, is_cancelled: IsCancelled | None = None
) -> SimulationOutcome:
    """Move a volume by a known amount, and let the recipe find it.

    Raises
    ------
    CoregError
        As `simulated_error`, RegistrationCancelled included.
    """
    words = "Making the moved volume"

    def note(progress: Progress) -> None:
        nonlocal words
        words = in_words(progress)

    def tell(part: float) -> None:
        if on_step is not None:
            on_step(words, part)

    return simulated_error(
        trial.volume,
        trial.recipe,
        trial.move,
        mask=trial.mask,
        threads=trial.threads,
        on_progress=note,
        on_fraction=tell,
        is_cancelled=is_cancelled,
    )


def rows_of_consistency(subject: Subject, found: Consistency, limits: Limits = DEFAULT_LIMITS) -> tuple[Row, ...]:
    """Return what was found as rows of the table."""
    grader = Grader.of(subject.fixed, subject.moving, limits)
    region = "body" if subject.fixed_mask is None else "mask"
    row = partial(grader.row, region=region)
    return (
        row("inverse_consistency_mean", found.mean_mm),
        row("inverse_consistency_p95", found.p95_mm),
        row("inverse_consistency_max", found.maximum_mm),
    )


def rows_of_repeatability(subject: Subject, found: Repeatability, limits: Limits = DEFAULT_LIMITS) -> tuple[Row, ...]:
    """Return what was found as rows of the table."""
    grader = Grader.of(subject.fixed, subject.moving, limits)
    region = "body" if subject.fixed_mask is None else "mask"
    row = partial(grader.row, region=region)
    return (
        row("repeatability_mean", found.mean_mm),
        row("repeatability_p95", found.p95_mm),
        row("repeatability_max", found.maximum_mm),
    )


def rows_of_simulation(trial: Trial, found: SimulationOutcome, limits: Limits = DEFAULT_LIMITS) -> tuple[Row, ...]:
    """Return what was found as rows of the table."""
    grader = Grader.of(trial.volume, found.simulated.moving, limits)
    row = partial(grader.row, region="body" if trial.mask is None else "mask")
    before, after = found.before, found.after
    return (
        row("simulated_error_mean", after.mean_mm, before.mean_mm),
        row("simulated_error_p95", after.p95_mm, before.p95_mm),
        row("simulated_error_max", after.maximum_mm, before.maximum_mm),
    )


def _recipe_of(subject: Subject) -> Recipe:
    if subject.recipe is None:
        raise RecipeError("this transform came without its recipe, so it cannot be run again; register the pair anew")
    return subject.recipe


def _start_back(subject: Subject) -> sitk.Transform | None:
    """Return the start of the way back: that of the way there, undone, where one was given that can be."""
    given = None if subject.result is None else subject.result.initial_transform
    return None if given is None or not is_linear(given) else invert(given)


def _threads_of(subject: Subject) -> int:
    return 0 if subject.result is None else subject.result.threads


def _told(on_step: OnStep | None, prefix: str) -> Callable[[Progress], None] | None:
    if on_step is None:
        return None

    def tell(progress: Progress) -> None:
        on_step(f"{prefix}: {in_words(progress)}", _AFTER_RUN * progress.fraction)

    return tell
