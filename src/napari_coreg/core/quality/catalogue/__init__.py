"""Every measure of a registration, once: name, unit, formula, range, source, what it tells and what it cannot tell."""

from __future__ import annotations

from napari_coreg.core.quality.catalogue.accuracy import LANDMARK_MEASURES, STRUCTURE_MEASURES
from napari_coreg.core.quality.catalogue.checks import CHECK_MEASURES, VERDICT_MEASURES
from napari_coreg.core.quality.catalogue.intensities import SIMILARITY_MEASURES
from napari_coreg.core.quality.catalogue.measure import Measure
from napari_coreg.core.quality.catalogue.motion import DEFORMATION_MEASURES

__all__ = ["CATALOGUE", "GROUPS", "Measure", "measure_of"]

#: The headings, in the order of a report.
GROUPS = (
    "Verdict",
    "Landmarks",
    "Structures",
    "Deformation",
    "Inverse consistency",
    "Transitivity",
    "Repeatability",
    "Simulation",
    "Similarity",
)

_ALL = (
    *VERDICT_MEASURES,
    *LANDMARK_MEASURES,
    *STRUCTURE_MEASURES,
    *DEFORMATION_MEASURES,
    *CHECK_MEASURES,
    *SIMILARITY_MEASURES,
)

#: All measures by key, in the order of a report.
CATALOGUE: dict[str, Measure] = {measure.key: measure for measure in _ALL}


def measure_of(key: str) -> Measure:
    """Return the measure with this key.

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> measure_of("tre_mean").unit
    'mm'
    """
    return CATALOGUE[key]
