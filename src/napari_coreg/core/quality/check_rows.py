"""Rows of the checks that need more than one transform: consistency, repeatability, a known motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_coreg.core.consistency import Consistency
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.rows import Grader
    from napari_coreg.core.repeatability import Repeatability
    from napari_coreg.core.simulation import SimulationOutcome


_CLOSED_MM = 1e-3  # a way back that is nearer than this to the inverse was made from it


def is_closed(found: Consistency) -> bool:
    """Whether the way back is the inverse of the way there, so that they agree whatever the registration is worth."""
    return found.maximum_mm < _CLOSED_MM


def inverse_consistency_rows(found: Consistency, grader: Grader, *, region: str = "body") -> tuple[Row, ...]:
    """Return mean, 95th percentile and maximum; not graded where one transform is the inverse of the other."""
    values = found.mean_mm, found.p95_mm, found.maximum_mm
    return _rows("inverse_consistency", values, grader, region, is_graded=not is_closed(found))


def transitivity_rows(found: Consistency, grader: Grader, *, region: str = "body") -> tuple[Row, ...]:
    """Return mean, 95th percentile and maximum."""
    return _rows("transitivity", (found.mean_mm, found.p95_mm, found.maximum_mm), grader, region)


def repeatability_rows(found: Repeatability, grader: Grader, *, region: str = "body") -> tuple[Row, ...]:
    """Return mean, 95th percentile and maximum of the spread."""
    return _rows("repeatability", (found.mean_mm, found.p95_mm, found.maximum_mm), grader, region)


def simulation_rows(found: SimulationOutcome, grader: Grader, *, region: str = "body") -> tuple[Row, ...]:
    """Return mean, 95th percentile and maximum of the error, as the motion was made up and as the recipe left it."""
    before, after = found.before, found.after
    old = before.mean_mm, before.p95_mm, before.maximum_mm
    return _rows("simulated_error", (after.mean_mm, after.p95_mm, after.maximum_mm), grader, region, before=old)


def _rows(
    key: str,
    after: tuple[float, float, float],
    grader: Grader,
    region: str,
    *,
    before: tuple[float, float, float] | None = None,
    is_graded: bool = True,
) -> tuple[Row, ...]:
    old = (None, None, None) if before is None else before
    return tuple(
        grader.row(f"{key}_{end}", new, then, region=region, is_graded=is_graded)
        for end, new, then in zip(("mean", "p95", "max"), after, old, strict=True)
    )
