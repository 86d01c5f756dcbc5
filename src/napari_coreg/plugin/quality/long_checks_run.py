"""The checks that run a recipe again: what is asked of them, and what comes of it; for any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_coreg.core.body_mask import body_or_all
from napari_coreg.core.consistency import inverse_consistency
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.long_checks import recipe_of, register_backward, threads_of
from napari_coreg.core.repeatability import repeatability
from napari_coreg.core.simulation import SimulatedMove, simulated_error
from napari_coreg.errors import RegistrationError
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
    RegistrationError
        No point of the body, or of the mask, stays inside the moving volume.
    CoregError
        As `register`, RegistrationCancelled included.
    """
    backward = subject.backward
    if backward is None:
        told = _told(on_step, "The other way round")
        backward = register_backward(subject, on_progress=told, is_cancelled=is_cancelled)
    mask = body_or_all(subject.fixed) if subject.fixed_mask is None else subject.fixed_mask

    def tell(part: float) -> None:
        if on_step is not None:
            on_step("Following points there and back", _AFTER_RUN + (1 - _AFTER_RUN) * part)

    found = inverse_consistency(
        subject.transform,
        backward,
        Grid.of(subject.fixed),
        mask,
        moving_grid=Grid.of(subject.moving),
        on_fraction=tell,
        is_cancelled=is_cancelled,
    )
    if found.voxels == 0:
        raise RegistrationError("no point of the body stays inside the moving volume: none can be followed back")
    return found


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
        recipe_of(subject),
        runs=jitter.runs,
        jitter_degrees=jitter.degrees,
        jitter_mm=jitter.mm,
        fixed_mask=subject.fixed_mask,
        moving_mask=subject.moving_mask,
        initial_transform=subject.initial_transform,
        threads=threads_of(subject),
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


def _told(on_step: OnStep | None, prefix: str) -> Callable[[Progress], None] | None:
    if on_step is None:
        return None

    def tell(progress: Progress) -> None:
        on_step(f"{prefix}: {in_words(progress)}", _AFTER_RUN * progress.fraction)

    return tell
