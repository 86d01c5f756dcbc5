"""A quality in words and figures, for the dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.quality.catalogue import CATALOGUE

if TYPE_CHECKING:
    from napari_coreg.core.quality.limits import Limit, Limits, Status
    from napari_coreg.core.quality.record import LandmarkRow, Row, State
    from napari_coreg.plugin.signs import Sign

SIGNS: dict[Status, Sign | None] = {"pass": "good", "look": "doubt", "fail": "wrong", "info": None}
STATES: dict[State, tuple[str, str]] = {
    "pass": ("PASS", "within all limits"),
    "look": ("LOOK", "look before you use it"),
    "fail": ("FAIL", "do not use this result"),
}
GRAVITY: dict[Status, int] = {"info": 0, "pass": 1, "look": 2, "fail": 3}
_SHORT = (
    ("Hausdorff distance, 95th percentile", "HD95"),
    ("target registration error", "TRE"),
    ("folded, inside the ", "folded in "),
    ("folded, in the whole volume", "folded in all"),
    ("bending energy", "bending"),
    ("95th percentile", "95 %"),
    ("99th percentile", "99 %"),
    ("1st percentile", "1 %"),
    ("offset towards", "towards"),
    ("best rigid fit to the landmarks, leave-one-out", "rigid fit, left out"),
    ("best rigid fit to the landmarks", "rigid fit"),
    ("best rigid part, shift of the centre", "rigid part, shift"),
    ("best rigid part", "rigid part"),
    ("displacement of the structure", "displacement"),
    ("best score in another pose, by that of this one", "best other pose"),
    ("moves when improved coarsely", "drift"),
    ("jittered starts that come back", "starts back"),
    ("part that meets the other volume", "overlap"),
    ("difference of volume", "volume"),
    ("Dice's coefficient", "Dice"),
    ("Jaccard's coefficient", "Jaccard"),
    ("mean distance of surfaces", "surface gap"),
    ("mean squared difference", "mean squares"),
    ("root mean square difference", "RMS difference"),
    ("structural similarity (SSIM)", "SSIM"),
    ("normalized mutual information", "NMI"),
    ("Jacobian determinant", "Jacobian"),
)
_MANY, _THIN = 1e6, "\N{NARROW NO-BREAK SPACE}"  # from where on millions are counted, as columns are narrow
_AXES = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))  # LPS: where each axis points, and not


def short_name(name: str) -> str:
    """Return the name of a measure as a narrow table has room for it.

    Examples
    --------
    >>> short_name("target registration error, mean"), short_name("folded voxels")
    ('TRE, mean', 'Folded voxels')
    """
    for long, short in _SHORT:
        name = name.replace(long, short)
    return name[:1].upper() + name[1:]


def title(row: Row) -> str:
    """Return what a row of the table begins with."""
    unit = unit_sign(row.unit)
    return f"{short_name(row.name)}{f' ({unit})' if unit else ''}"


def unit_sign(unit: str) -> str:
    """Return a unit as a narrow table has room for it; empty where there is none to be named.

    Examples
    --------
    >>> unit_sign("degrees"), unit_sign("1/mm^2"), unit_sign("mm"), unit_sign("count")
    ('°', '1/mm²', 'mm', '')
    """
    return {"degrees": "°", "1/mm^2": "1/mm²", "count": ""}.get(unit, unit)


def figure(value: float | None, unit: str = "") -> str:
    """Return a number as it stands in the table.

    Examples
    --------
    >>> figure(1.8372, "mm"), figure(0.9137), figure(123.0, "count"), figure(-0.25, "%"), figure(None)
    ('1.84', '0.914', '123', '−0.25', '')
    >>> figure(6605842, "count"), figure(619770.01)
    ('6.61\u202fM', '619\u202f770')
    """
    if value is None:
        return ""
    size = abs(value)
    if size >= _MANY:
        text = f"{value / _MANY:.2f}{_THIN}M" if size < 1000 * _MANY else f"{value:.1e}"
    elif unit == "count" or size >= 1e4 or value == int(value):
        text = f"{value:,.0f}".replace(",", _THIN)
    elif not unit and size < 10:
        text = f"{value:.3f}" if size >= 0.001 else f"{value:.1e}"
    else:
        text = f"{value:.2f}" if size < 100 else f"{value:.4g}"
        text = f"{value:.1e}" if size < 0.005 and unit != "mm" else text
    return text.replace("-", "−")


def limit_in_words(row: Row, limits: Limits) -> str:
    """Return what a row must be to pass; empty where it is not graded.

    Examples
    --------
    >>> from napari_coreg.core.quality.limits import DEFAULT_LIMITS
    >>> from napari_coreg.core.quality.record import Row
    >>> limit_in_words(Row(measure="tre_mean", group="", name="", unit="mm", good=2, bad=3), DEFAULT_LIMITS)
    '≤ 2'
    >>> limit_in_words(Row(measure="dice", group="", name="", good=0.9, bad=0.8), DEFAULT_LIMITS)
    '≥ 0.900'
    """
    limit = limits.of(row.measure)
    if limit is None or row.good is None or row.bad is None:
        return ""
    return f"{'≥' if limit.best == 'high' else '≤'} {figure(row.good, row.unit)}"


def about(row: Row, limits: Limits) -> str:
    """Return all there is to say of a row: its numbers, its limit, and what it can and cannot tell."""
    measure = CATALOGUE.get(row.measure)
    of_what = f"{row.structure}: " if row.structure else ""
    lines = [f"{of_what}{row.name}{f', {row.region}' if row.region else ''}"]
    unit = f" {sign}" if (sign := unit_sign(row.unit)) else ""
    numbers = [(text, value) for text, value in (("before", row.before), ("after", row.after)) if value is not None]
    lines.append(", ".join(f"{text} {figure(value, row.unit)}{unit}" for text, value in numbers))
    limit = limits.of(row.measure)
    if limit is not None:
        lines.append(_about_limit(row, limit, unit))
    if measure is not None:
        lines += [f"How: {measure.formula}.", f"It tells {measure.tells}.", f"It cannot tell {measure.cannot_tell}."]
        lines.append(f"Source: {measure.source}.")
    return "\n".join(line for line in lines if line)


def about_landmark(row: LandmarkRow) -> str:
    """Return how far a landmark is off, and to which side."""
    parts = [
        f"{figure(abs(value), 'mm')} mm {names[value < 0]}"
        for value, names in zip(row.after_lps, _AXES, strict=False)
        if abs(value) >= 0.005
    ]
    off = f"\nafter it lands {', '.join(parts)} of the place set in the moving volume" if parts else ""
    numbers = f"before {figure(row.before_mm, 'mm')} mm, after {figure(row.after_mm, 'mm')} mm"
    return f"{row.name}\n{numbers}{off}\nA click goes there."


def step_in_words(words: str) -> str:
    """Return what is done now as a sentence.

    Examples
    --------
    >>> step_in_words("measuring structures"), step_in_words("")
    ('Measuring structures...', '')
    """
    return f"{words[:1].upper()}{words[1:].rstrip('.')}..." if words else ""


def _about_limit(row: Row, limit: Limit, unit: str) -> str:
    if row.good is None or row.bad is None:
        return "Not graded here."
    sign = "at least" if limit.best == "high" else "at most"
    passes = f"Passes with {sign} {figure(row.good, row.unit)}{unit}"
    grey = f", fails beyond {figure(row.bad, row.unit)}{unit}" if row.bad != row.good else ", else fails"
    return f"{passes}{grey} ({limit.source or 'no source given'})."
