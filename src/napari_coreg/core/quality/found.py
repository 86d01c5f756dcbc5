"""What one part of the assessment found: rows, remarks and maps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import SimpleITK as sitk

    from napari_coreg.core.quality.record import LandmarkRow, Row


@dataclass(frozen=True, eq=False)
class Found:
    """What one part of the assessment found.

    Attributes
    ----------
    rows : tuple of Row
        Its numbers.
    remarks : tuple of str
        What a reader must know of them, or why there are none.
    maps : mapping of str to SimpleITK.Image
        As in `Assessment.maps`.
    landmarks : tuple of LandmarkRow
        Each pair, the worst first.
    """

    rows: tuple[Row, ...] = ()
    remarks: tuple[str, ...] = ()
    maps: Mapping[str, sitk.Image] = field(default_factory=dict)
    landmarks: tuple[LandmarkRow, ...] = ()
