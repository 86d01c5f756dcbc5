"""The limits that numbers of a registration are held against: data, with where each comes from, for anyone to edit."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_coreg.core.frozen import FrozenModel

Status = Literal["pass", "look", "fail", "info"]

_TG_132 = "AAPM TG-132 (Brock et al., Med Phys 44, 2017), Table III"
_LATIFI = "AAPM TG-132, as quoted by Latifi et al., J Appl Clin Med Phys 19, 2018: 2 mm on average, 5 mm at most"
_OURS = "napari-coreg's own choice"


class Limit(FrozenModel):
    """What a number must be to pass, and from where on it fails; between the two a person must look.

    Attributes
    ----------
    measure : str
        Key of the measure, as in `napari_coreg.core.quality.catalogue`.
    best : {"low", "high"}
        Which way is better.
    good, bad : float
        Passes up to `good`, fails beyond `bad` (both inclusive to the better side), in the measure's unit.
    at_least_voxels : float
        A limit in mm is never tighter than this many times the longest voxel side of the two volumes; 0 for no such
        rule.
    source : str
        Where the numbers come from.
    """

    measure: str
    best: Literal["low", "high"] = "low"
    good: float
    bad: float
    at_least_voxels: float = Field(default=0.0, ge=0)
    source: str = ""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if (self.bad - self.good) * (1 if self.best == "low" else -1) < 0:
            raise ValueError(
                f"the limits of {self.measure!r} are the wrong way round: good {self.good}, bad {self.bad}"
            )
        return self

    def bounds(self, longest_voxel_mm: float) -> tuple[float, float]:
        """Return `good` and `bad` as they hold for volumes with this longest voxel side, mm."""
        least = self.at_least_voxels * longest_voxel_mm
        return max(self.good, least), max(self.bad, least)

    def status_of(self, value: float, longest_voxel_mm: float) -> Status:
        """Return whether a value passes.

        Examples
        --------
        >>> limit = Limit(measure="tre_mean", good=2, bad=3, at_least_voxels=1)
        >>> limit.status_of(2.5, 1.0), limit.status_of(2.5, 5.0), limit.status_of(float("nan"), 1.0)
        ('look', 'pass', 'fail')
        """
        good, bad = self.bounds(longest_voxel_mm)
        sign = 1 if self.best == "low" else -1
        if sign * value <= sign * good:
            return "pass"
        return "look" if sign * value <= sign * bad else "fail"


class Limits(FrozenModel):
    """All limits in use, one at most for each measure; a measure without one is told, but not graded."""

    schema_version: Literal[1] = 1
    name: str = "default"
    limits: tuple[Limit, ...]

    @model_validator(mode="after")
    def _require_one_each(self) -> Self:
        measures = [limit.measure for limit in self.limits]
        doubles = sorted({measure for measure in measures if measures.count(measure) > 1})
        if doubles:
            raise ValueError(f"there is more than one limit for {', '.join(doubles)}")
        return self

    def of(self, measure: str) -> Limit | None:
        """Return the limit of a measure; None where it has none."""
        return next((limit for limit in self.limits if limit.measure == measure), None)


DEFAULT_LIMITS = Limits(
    limits=(
        Limit(measure="tre_mean", good=2, bad=3, at_least_voxels=1, source=f"{_TG_132}; {_LATIFI}"),
        Limit(measure="tre_max", good=3, bad=5, at_least_voxels=1, source=_LATIFI),
        Limit(measure="mean_surface_distance", good=2, bad=3, at_least_voxels=1, source=_TG_132),
        Limit(measure="dice", best="high", good=0.9, bad=0.8, source=_TG_132),
        Limit(measure="folded_in_body", good=0, bad=0, source=f"{_TG_132}: no negative Jacobian determinant"),
        Limit(measure="folded", good=0, bad=100, source=f"{_OURS}: folding outside the body is to be looked at"),
        Limit(measure="inverse_consistency_p95", good=2, bad=3, at_least_voxels=1, source=_TG_132),
        Limit(measure="transitivity_p95", good=2, bad=3, at_least_voxels=1, source=_TG_132),
        Limit(measure="repeatability_p95", good=1, bad=2, at_least_voxels=1, source=_OURS),
        Limit(measure="simulated_error_p95", good=2, bad=3, at_least_voxels=1, source=f"{_OURS}, as for landmarks"),
    )
)
