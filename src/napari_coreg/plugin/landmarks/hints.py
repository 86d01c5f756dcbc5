"""What the dock widget "Landmarks" says: what to do next, how good the fit is, and a row for each landmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.plugin.landmarks.rows import COLOURS
from napari_coreg.plugin.landmarks.table import TableRow
from napari_coreg.plugin.landmarks.values import SIDES

if TYPE_CHECKING:
    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.landmarks.values import Side

WELCOME = "Open two volumes to begin: drop their files onto the viewer, or take File > Open Sample > Coreg."
BEGIN = "Press 'Add in fixed', then click a place that can be found in both volumes."
MODEL_NAMES = {"thin_plate": "thin-plate spline"}


def hint(marks: LandmarkLayers, adding: Side | None, return_to: Side | None) -> str:
    """Say what the next step is."""
    pairs = marks.pairs
    current = pairs.find(marks.current)
    if current is not None and current.guessed is not None:
        name = marks.images[current.guessed].name
        return (
            f"Landmark {pairs.number(current.key)} is estimated in {name!r}, as a ring. Drag it if it is off, then "
            "press Confirm."
        )
    if adding is not None:
        name, waiting = marks.images[adding].name, pairs.waiting(adding)
        if waiting is not None:
            return f"Click landmark {pairs.title(waiting)} in {name!r}, where it has no partner yet."
        return f"Click a new landmark in {name!r}."
    if return_to is not None:
        return f"Press Confirm (or Enter) to go on in {marks.images[return_to].name!r}."
    return "" if len(pairs) else BEGIN


def fit_told(fit: LandmarkFit | None, why_not: str, complete: int) -> tuple[str, str]:
    """Say how good the fit is, or why there is none; a text and its role."""
    if fit is None:
        return (f"No fit yet: {why_not}." if why_not else "", "note")
    left_out = fit.leave_one_out_rms_mm
    text = f"{complete} landmark{'' if complete == 1 else 's'}: residual {fit.rms_mm:.2f} mm"
    return (f"{text}, left out {left_out:.2f} mm (rms)." if left_out is not None else f"{text} (rms)."), "note"


def start_told(marks: LandmarkLayers, fit: LandmarkFit, *, run: bool) -> str:
    """Say what a start that was just set will do."""
    fixed, moving = (marks.images[side].name for side in SIDES)
    begun = "A run is asked for; it" if run else f"Nothing is run yet. The next run of {moving!r} onto {fixed!r}"
    off = f" The sampled spline is off by {fit.sampling_error_mm:.2g} mm at most." if fit.sampling_error_mm > 0 else ""
    return f"{begun} begins from the {fit_in_words(fit)}.{off}"


def fit_in_words(fit: LandmarkFit) -> str:
    """Return where a start comes from, in a few words.

    Examples
    --------
    >>> from napari_coreg.core.landmarks import fit_landmarks
    >>> fit_in_words(fit_landmarks([[0.0, 0.0]], [[1.0, 0.0]], "translation"))
    'translation fit to 1 landmark'
    """
    number = len(fit.names)
    return f"{MODEL_NAMES.get(fit.model, fit.model)} fit to {number} landmark{'' if number == 1 else 's'}"


def table_rows(marks: LandmarkLayers, fit: LandmarkFit | None) -> list[TableRow]:
    """Return what the table shows."""
    pairs = marks.pairs
    index = {landmark.key: place for place, landmark in enumerate(pairs.complete)}
    rows = []
    for number, landmark in enumerate(pairs.landmarks, 1):
        place = index.get(landmark.key) if fit is not None else None
        missing = next((side for side in SIDES if landmark.at(side) is None), None)
        remark = ""
        if landmark.guessed is not None:
            remark = f"to confirm in {landmark.guessed}"
        elif missing is not None:
            remark = "no partner yet"
        rows.append(
            TableRow(
                key=landmark.key,
                number=number,
                name=landmark.name,
                colour=COLOURS[landmark.key % len(COLOURS)],
                residual_mm=None if fit is None or place is None else fit.residuals_mm[place],
                left_out_mm=None if fit is None or place is None else fit.leave_one_out_mm[place],
                remark=remark,
            )
        )
    return rows
