"""What a worker does for each long check: measures, and makes rows, words and layers of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_coreg.core.quality.check_rows import (
    inverse_consistency_rows,
    is_closed,
    repeatability_rows,
    simulation_rows,
)
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.core.quality.long_checks import CLOSED, region_of
from napari_coreg.core.quality.rows import Grader
from napari_coreg.errors import RecipeError
from napari_coreg.plugin.quality import long_checks_run as run
from napari_coreg.plugin.quality.long_checks_maps import map_layer, simulated_layer
from napari_coreg.plugin.quality.long_checks_run import LongCheckOutcome, Trial

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.consistency import Consistency
    from napari_coreg.core.quality.long_checks import LongCheck
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.repeatability import Repeatability
    from napari_coreg.core.simulation import SimulatedMove, SimulationOutcome
    from napari_coreg.plugin.layers import LayerVolume
    from napari_coreg.plugin.quality.long_checks_run import Jitter


@dataclass(frozen=True, eq=False)
class About:
    """What is checked: its name, the hand move of the layer that maps lie over, and the limits."""

    name: str
    moved: sitk.AffineTransform | None = None
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, eq=False)
class Finished:
    """What a check gave.

    Attributes
    ----------
    check : {"inverse_consistency", "repeatability", "simulation"}
        Which one.
    rows : tuple of Row
        Its numbers.
    words : str
        What else is to be said of them.
    layers : tuple of layer
        Ready made; the first is the map.
    outcome : LongCheckOutcome or None
        What joins the assessment; None where it was of another volume or recipe.
    """

    check: LongCheck
    rows: tuple[Row, ...]
    words: str
    layers: tuple[Any, ...]
    outcome: LongCheckOutcome | None


def there_and_back(subject: Subject, about: About, **watch: Any) -> Finished:
    """Check the inverse consistency; `watch` as in `check_inverse`."""
    found = run.check_inverse(subject, **watch)
    grader = Grader.of(subject.fixed, subject.moving, about.limits)
    rows = inverse_consistency_rows(found, grader, region=region_of(subject))
    layer = map_layer("inverse_consistency", found.map_mm, about.name, about.moved)
    outcome = LongCheckOutcome(subject, rows, {"inverse_consistency_mm": found.map_mm})
    return Finished("inverse_consistency", rows, _of_consistency(subject, found), (layer,), outcome)


def repeat(subject: Subject, about: About, jitter: Jitter, **watch: Any) -> Finished:
    """Check the repeatability; `watch` as in `check_repeatability`."""
    found = run.check_repeatability(subject, jitter, **watch)
    grader = Grader.of(subject.fixed, subject.moving, about.limits)
    rows = repeatability_rows(found, grader, region=region_of(subject))
    layer = map_layer("repeatability", found.map_mm, about.name, about.moved)
    outcome = LongCheckOutcome(subject, rows, {"repeatability_mm": found.map_mm})
    return Finished("repeatability", rows, _of_repeatability(found), (layer,), outcome)


def simulate(
    subject: Subject | None,
    about: About,
    move: SimulatedMove,
    *,
    volume: LayerVolume | None = None,
    recipe: Recipe | None = None,
    keep: bool = False,
    **watch: Any,
) -> Finished:
    """Try a recipe on a known motion; `watch` as in `check_simulation`.

    Parameters
    ----------
    subject : Subject or None
        Whose fixed volume and recipe are taken where there are no others.
    about : About
        The volume.
    move : SimulatedMove
        What is done to it.
    volume : LayerVolume, optional
        Another volume.
    recipe : Recipe, optional
        Another recipe.
    keep : bool
        Whether the moved volume is made a layer, too.
    """
    of_subject = subject is not None and volume is None and recipe is None
    tried = recipe if recipe is not None or subject is None else subject.recipe
    if tried is None or (volume is None and subject is None):
        raise RecipeError("There is nothing to be simulated: choose a volume and a recipe.")
    image = volume.to_image() if volume is not None else subject.fixed if subject is not None else None
    assert image is not None
    mask = subject.fixed_mask if subject is not None and volume is None else None
    threads = 0 if subject is None or subject.result is None else subject.result.threads
    trial = Trial(about.name, image, tried, move, mask, threads)
    found = run.check_simulation(trial, **watch)
    grader = Grader.of(image, found.simulated.moving, about.limits)
    rows = simulation_rows(found, grader, region="body" if mask is None else "mask")
    layers = [map_layer("simulation", found.map_mm, about.name, about.moved)]
    if keep:
        layers.append(simulated_layer(found.simulated.moving, about.name, about.moved))
    outcome = None
    if of_subject and subject is not None:
        outcome = LongCheckOutcome(subject, rows, {"simulated_error_mm": found.map_mm})
    return Finished("simulation", rows, _of_simulation(found, tried), tuple(layers), outcome)


def _of_consistency(subject: Subject, found: Consistency) -> str:
    part = f"Measured at {100 * found.share_measured:.0f} % of the voxels of the body: the others leave the volumes."
    words = [] if found.share_measured > 0.995 else [part]
    if subject.recipe is not None and subject.recipe.symmetric:
        words.append("This recipe registers both ways and takes the middle, so that it is consistent by construction.")
    if is_closed(found):
        words.append(f"{CLOSED[0].upper()}{CLOSED[1:]}.")
    return " ".join(words)


def _of_repeatability(found: Repeatability) -> str:
    words = f"{len(found.rows)} runs, {sum(row.seconds for row in found.rows):.0f} s."
    odd = [row for row in found.rows if row.state in ("failed", "error")]
    if odd:
        words += f" {len(odd)} failed: {odd[0].reason}."
    return words


def _of_simulation(found: SimulationOutcome, recipe: Recipe) -> str:
    state = found.result.verdict.state
    seconds = max(1, round(found.result.seconds))
    words = f"{recipe.title or recipe.name}, {seconds} s."
    return f"{words} The verdict on it, which knows no truth: {state}."
