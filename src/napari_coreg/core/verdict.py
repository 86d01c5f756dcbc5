"""The verdict on a finished registration: good, doubtful or failed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerdictState = Literal["good", "doubtful", "failed"]


@dataclass(frozen=True)
class Verdict:
    """What can be said about a result without knowing the truth.

    Attributes
    ----------
    state : {"good", "doubtful", "failed"}
        "good" where nothing speaks against the result, "doubtful" where a person must look before it is used, "failed"
        where it is wrong for all that can be told.
    reasons : tuple of str
        Why, in words; the weightiest first.
    measures : dict of float or None
        The numbers behind it, by name with unit.
    """

    state: VerdictState
    reasons: tuple[str, ...]
    measures: dict[str, float | None]
