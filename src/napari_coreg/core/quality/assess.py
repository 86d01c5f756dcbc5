"""assess(): a registration in, all that can be measured of it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.quality.subject import Assessment, Subject

LongCheck = Literal["inverse_consistency", "repeatability", "simulation"]
LONG_CHECKS: tuple[LongCheck, ...] = ("inverse_consistency", "repeatability", "simulation")


def assess(
    subject: Subject,
    *,
    limits: Limits = DEFAULT_LIMITS,
    long_checks: Sequence[LongCheck] = (),
    on_step: Callable[[str, float], None] | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Assessment:
    """Measure a registration in every way that what is known of it allows.

    Parameters
    ----------
    subject : Subject
        What to judge.
    limits : Limits
        What the numbers are held against.
    long_checks : sequence of {"inverse_consistency", "repeatability", "simulation"}
        Checks that run the recipe again, several times; they need `subject.recipe`.
    on_step : callable, optional
        Called with what is measured now, in words, and the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between the parts, and at every iteration of the long checks.

    Raises
    ------
    CoregError
        What is given does not fit together; says what and what to do.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    raise NotImplementedError
