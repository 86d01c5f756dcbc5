"""The state of a registration and the first lines of its report: the gravest first, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.quality.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.quality.record import LandmarkRow, Row, State, VerdictRecord

_STATES: dict[str, State] = {"good": "pass", "doubtful": "look", "failed": "fail"}
_ACCURACY = ("Landmarks", "Structures")
_ORDER = (
    "tre_mean",
    "tre_max",
    "tre_median",
    "tre_p95",
    "folded_in_body",
    "mean_surface_distance",
    "dice",
    "simulated_error_p95",
    "repeatability_p95",
    "inverse_consistency_p95",
    "transitivity_p95",
    "folded",
)
_PHRASES = {
    "tre_mean": "target registration error {} on average",
    "tre_median": "target registration error {} in the median",
    "tre_p95": "target registration error {} at the 95th percentile",
    "tre_max": "target registration error {} at the worst landmark",
    "folded_in_body": "{} of the body is folded",
    "folded": "{} of the whole volume is folded",
    "mean_surface_distance": "surfaces {} apart on average",
    "dice": "Dice's coefficient {}",
    "simulated_error_p95": "on a known motion the recipe is {} off (95th percentile)",
    "repeatability_p95": "repeated runs differ by {} (95th percentile)",
    "inverse_consistency_p95": "there and back points end {} from where they were (95th percentile)",
    "transitivity_p95": "by way of the third volume points end {} from where they should (95th percentile)",
}


def summarize(
    verdict: VerdictRecord, rows: Sequence[Row], landmarks: Sequence[LandmarkRow] = ()
) -> tuple[State, tuple[str, ...]]:
    """Return the state of a registration and why, in a few lines.

    Parameters
    ----------
    verdict : VerdictRecord
        What can be said without landmarks and structures.
    rows : sequence of Row
        All numbers.
    landmarks : sequence of LandmarkRow
        The pairs, the worst first.

    Returns
    -------
    state : {"pass", "look", "fail"}
        The gravest of the verdict and of all rows that are graded; "look" at best where no landmark or structure is.
    headline : tuple of str
        One line for each reason, the gravest first; each begins with "FAIL: ", "LOOK: " or "PASS: ".
    """
    lines: dict[State, list[str]] = {"fail": [], "look": [], "pass": []}
    lines[_STATES[verdict.state]] += _of_verdict(verdict, rows)
    for status in ("fail", "look"):
        lines[status] += _of_rows([row for row in rows if row.status == status], rows, landmarks)
    has_proof = any(row.status != "info" and row.group in _ACCURACY for row in rows)
    if not has_proof and not lines["fail"]:
        lines["look"].append(_without_proof(rows, is_only=not lines["look"]))
    state: State = "fail" if lines["fail"] else "look" if lines["look"] else "pass"
    if state == "pass":
        return state, (f"PASS: {_in_favour(rows, landmarks)}",)
    return state, (
        *(f"FAIL: {line}" for line in lines["fail"]),
        *(f"LOOK: {line}" for line in lines["look"]),
    )


def number(value: float) -> str:
    """Return a number as a reader wants it: three digits that count, no exponent where none is needed.

    Examples
    --------
    >>> number(21.345), number(0.0031), number(0.0), number(12345.6)
    ('21.3', '0.0031', '0', '12346')
    """
    if value == 0 or 1e-4 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.2e}"


def with_unit(value: float, unit: str) -> str:
    """Return a number with its unit.

    Examples
    --------
    >>> with_unit(21.345, "mm"), with_unit(0.9, "")
    ('21.3 mm', '0.9')
    """
    return f"{number(value)} {unit}".rstrip()


def _of_verdict(verdict: VerdictRecord, rows: Sequence[Row]) -> list[str]:
    """Return the weightiest reason of a verdict; folds are told by their own rows."""
    folds_told = any(row.measure.startswith("folded") and row.status in ("look", "fail") for row in rows)
    reasons = [reason for reason in verdict.reasons if not (folds_told and "folds space" in reason)]
    if verdict.state == "good" or not reasons:
        return []
    return [reasons[0].partition("; ")[0]]


def _of_rows(rows: Sequence[Row], all_rows: Sequence[Row], landmarks: Sequence[LandmarkRow]) -> list[str]:
    """Return one line for each measure that has such rows."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.measure, []).append(row)
    keys = sorted(found, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    return [_line(found[key], [row for row in all_rows if row.measure == key], landmarks) for key in keys]


def _line(rows: list[Row], alike: list[Row], landmarks: Sequence[LandmarkRow]) -> str:
    sign = -1 if CATALOGUE[rows[0].measure].best == "high" else 1
    worst = max(rows, key=lambda row: sign * (row.after or 0.0))
    value = with_unit(worst.after or 0.0, worst.unit)
    phrase = _PHRASES.get(worst.measure, f"{worst.name} {{}}").format(value)
    if worst.measure == "tre_max" and landmarks:
        phrase += f" ({landmarks[0].name})"
    limit = worst.bad if worst.status == "fail" else worst.good
    told = "" if not limit else f", {'limit' if worst.status == 'fail' else 'wanted'} {with_unit(limit, worst.unit)}"
    if not worst.structure:
        return phrase + told
    if len(alike) == 1:
        return f"{worst.structure}: {phrase}{told}"
    return f"{len(rows)} of {len(alike)} structures, the worst {worst.structure}: {phrase}{told}"


def _without_proof(rows: Sequence[Row], *, is_only: bool) -> str:
    if any(row.group in _ACCURACY and row.measure != "landmark_fit_rms" for row in rows):
        missing = "no landmarks or structures that it can be graded by were given"
    else:
        missing = "no landmarks or structures were given"
    if is_only:
        return f"nothing found against it, but {missing}: look before you rely on it"
    return f"{missing}, so nothing here proves that it is accurate"


def _in_favour(rows: Sequence[Row], landmarks: Sequence[LandmarkRow]) -> str:
    of = {row.measure: row for row in rows}
    reasons = []
    if "tre_mean" in of and of["tre_mean"].after is not None:
        error = with_unit(of["tre_mean"].after, "mm")
        reasons.append(f"target registration error {error} on average over {len(landmarks)} landmarks")
    for key, words in (("dice", "Dice's coefficient"), ("mean_surface_distance", "distance of surfaces")):
        alike = [row.after for row in rows if row.measure == key and row.after is not None]
        if alike:
            worst = min(alike) if key == "dice" else max(alike)
            reasons.append(f"{words} {with_unit(worst, of[key].unit)} at worst over {len(alike)} structures")
    return "; ".join(["nothing found against it", *reasons])
