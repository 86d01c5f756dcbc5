"""Rows of a table of quality, each named by the catalogue and held against the limits in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_coreg.core.quality.catalogue import measure_of
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.core.quality.record import Row

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class Grader:
    """Makes rows for one pair of volumes.

    Attributes
    ----------
    limits : Limits
        What the numbers are held against.
    longest_voxel_mm : float
        The longest voxel side of the two volumes; no limit in mm is tighter than its share of that.
    """

    limits: Limits
    longest_voxel_mm: float

    @classmethod
    def of(cls, fixed: sitk.Image, moving: sitk.Image, limits: Limits = DEFAULT_LIMITS) -> Grader:
        """Return the grader of two volumes."""
        return cls(limits, max(*fixed.GetSpacing(), *moving.GetSpacing()))

    def row(
        self,
        measure: str,
        after: float | None,
        before: float | None = None,
        *,
        structure: str = "",
        region: str = "",
        is_graded: bool = True,
    ) -> Row:
        """Return one number with its name, unit and status.

        Parameters
        ----------
        measure : str
            Key in the catalogue.
        after, before : float or None
            With and without the transform.
        structure, region : str
            What it is of, and where it was measured; see `Row`.
        is_graded : bool
            Whether its limit is applied, where it has one; not where the number is true by definition.
        """
        described, limit = measure_of(measure), self.limits.of(measure)
        values = {
            "measure": measure,
            "group": described.group,
            "name": described.name,
            "unit": described.unit,
            "structure": structure,
            "region": region,
            "before": None if before is None else float(before),
            "after": None if after is None else float(after),
        }
        if limit is None or after is None or not is_graded:
            return Row(**values)
        longest = self.longest_voxel_mm if described.unit == "mm" else 0.0
        good, bad = limit.bounds(longest)
        status = limit.status_of(float(after), longest)
        return Row(**values, status=status, good=good, bad=bad)
