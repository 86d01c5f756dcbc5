"""Measure: what one number is, where it comes from, and what it can and cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Best = Literal["low", "high", "none"]

ROHLFING = (
    "Rohlfing, Image similarity and tissue overlaps as surrogates for image registration accuracy: widely used but "
    "unreliable, IEEE TMI 31(2), 2012, doi 10.1109/TMI.2011.2163944"
)
FITZPATRICK = "Fitzpatrick, West and Maurer, Predicting error in rigid-body point-based registration, IEEE TMI 17, 1998"
TG_132 = "AAPM TG-132: Brock et al., Med Phys 44, 2017"


@dataclass(frozen=True)
class Measure:
    """One kind of number that a registration is judged by.

    Attributes
    ----------
    key : str
        Short name, for limits, JSON and CSV.
    name : str
        In words.
    group : str
        Heading under which it stands; see `GROUPS`.
    unit : str
        "mm", "%", "degrees" ...; empty for a ratio.
    best : {"low", "high", "none"}
        Which way is better; "none" where neither is.
    formula : str
        How it is computed.
    range : str
        Which values it can take.
    source : str
        Paper or standard.
    tells, cannot_tell : str
        What may, and what may not, be concluded from it.
    """

    key: str
    name: str
    group: str
    unit: str
    best: Best
    formula: str
    range: str
    source: str
    tells: str
    cannot_tell: str
