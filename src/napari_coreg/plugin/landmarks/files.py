"""Landmarks from files into the two layers, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_coreg.errors import FileError
from napari_coreg.io.pair_tables import read_pair_table, write_pair_table
from napari_coreg.io.points import POINT_SUFFIXES, read_points, write_points
from napari_coreg.plugin.landmarks.values import SIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.landmarks.values import Landmark

What = Literal["fixed", "moving", "both"]

FILTERS: dict[What, str] = {
    "fixed": f"Landmarks ({' '.join(f'*{suffix}' for suffix in POINT_SUFFIXES)})",
    "moving": f"Landmarks ({' '.join(f'*{suffix}' for suffix in POINT_SUFFIXES)})",
    "both": "Pairs of landmarks (*.csv)",
}


def open_landmarks(marks: LandmarkLayers, what: What, path: str | Path) -> str:
    """Take in a file of landmarks, and return a sentence on it.

    Parameters
    ----------
    marks : LandmarkLayers
        Where to.
    what : {"fixed", "moving", "both"}
        Of which volume the points are; "both" for a table of pairs.
    path : str or Path
        As `read_points` and `read_pair_table` take it.

    Raises
    ------
    FileError, GeometryError
        One sentence on what is wrong with it; nothing was changed then.
    """
    path = Path(path)
    axes = marks.images["fixed"].ndim
    if what == "both":
        fixed, moving, names = read_pair_table(path)
        _require_axes(path, fixed.shape[1], axes)
        marks.pairs.extend(fixed, moving, _own_names(names))
    else:
        points, names = read_points(path)
        _require_axes(path, points.shape[1], axes)
        marks.pairs.take(what, points, _own_names(names))
    return f"{_counted(len(names))} read from {path.name}; {_counted(len(marks.pairs.complete))} set in both volumes."


def save_landmarks(marks: LandmarkLayers, what: What, path: str | Path) -> str:
    """Write landmarks to a file, all but estimates that nobody confirmed, and return a sentence on it.

    Raises
    ------
    FileError
        There are none, or the file cannot be written.
    """
    path = Path(path)
    sides = SIDES if what == "both" else (what,)
    chosen = [
        landmark
        for landmark in marks.pairs.landmarks
        if any(landmark.at(side) is not None and landmark.guessed != side for side in sides)
    ]
    if not chosen:
        raise FileError(f"{path}: not written, for there are no landmarks yet")
    names = [landmark.name or str(marks.pairs.number(landmark.key)) for landmark in chosen]
    places = {side: _places(chosen, side, marks.images[side].ndim) for side in SIDES}
    if what == "both":
        write_pair_table(places["fixed"], places["moving"], path, names)
    else:
        write_points(places[what], path, names)
    left = len(marks.pairs) - len(chosen)
    return f"{_counted(len(chosen))} written to {path.name}" + (f"; {left} not set there left out." if left else ".")


def _places(landmarks: Sequence[Landmark], side: Literal["fixed", "moving"], axes: int) -> np.ndarray:
    nowhere = (float("nan"),) * axes
    return np.array([(landmark.at(side) if landmark.guessed != side else None) or nowhere for landmark in landmarks])


def _own_names(names: Sequence[str]) -> list[str]:
    """Drop names that only repeat the number, as it is shown anyway."""
    return ["" if name == str(number) else name for number, name in enumerate(names, 1)]


def _require_axes(path: Path, axes: int, needed: int) -> None:
    if axes != needed:
        raise FileError(f"{path}: its points are in {axes}-D, but the volumes are {needed}-D")


def _counted(number: int) -> str:
    return f"{number} landmark" + ("" if number == 1 else "s")
