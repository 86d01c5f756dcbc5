"""What a Points layer shows of the landmarks, row by row: which, in what colour, with what text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_coreg.plugin.landmarks.pairs import LandmarkPairs
    from napari_coreg.plugin.landmarks.values import Side

COLOURS = (
    "#4cc9f0", "#ffb000", "#7ae582", "#ff5c8a", "#c59bff", "#ffe14d",
    "#ff8552", "#3dd6c4", "#9db4ff", "#e377ff", "#b5d334", "#ff9f9f",
)  # fmt: skip
"""Of the landmarks, by their keys; each is seen on black, on grey and on white."""

SYMBOLS: dict[Side, str] = {"fixed": "disc", "moving": "diamond"}
GUESS_SYMBOL = "ring"
TEXT = {"string": "{label}", "anchor": "upper_left", "size": 11}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one layer.

    Attributes
    ----------
    keys : tuple of int
        The landmarks.
    features : dict of str to list
        The layer's features: number, name, label (what is written at the point) and guess.
    colours : list of str
        One for each.
    symbols : list of str
        One for each; a ring where the place is an estimate.
    """

    keys: tuple[int, ...]
    features: dict[str, list[Any]]
    colours: list[str]
    symbols: list[str]

    @property
    def looks(self) -> tuple[str, ...]:
        """Colours and symbols, to be compared."""
        return (*self.colours, *self.symbols)


def rows_of(pairs: LandmarkPairs, side: Side) -> Rows:
    """Return what the layer of one volume shows."""
    numbers = {landmark.key: number for number, landmark in enumerate(pairs.landmarks, 1)}
    shown = pairs.shown(side)
    guesses = [landmark.guessed == side for landmark in shown]
    titles = [f"{numbers[landmark.key]} {landmark.name}".strip() for landmark in shown]
    return Rows(
        keys=tuple(landmark.key for landmark in shown),
        features={
            "number": [numbers[landmark.key] for landmark in shown],
            "name": [landmark.name for landmark in shown],
            "label": [f"{title} ?" if guess else title for title, guess in zip(titles, guesses, strict=True)],
            "guess": guesses,
        },
        colours=[COLOURS[landmark.key % len(COLOURS)] for landmark in shown],
        symbols=[GUESS_SYMBOL if guess else SYMBOLS[side] for guess in guesses],
    )


def with_features_of_others(features: Any, keys: Sequence[int], rows: Rows) -> dict[str, list[Any]]:
    """Return the features of `rows`, and with them those that a table had besides for the landmarks `keys`."""
    index = {key: row for row, key in enumerate(keys) if row < len(features)}
    kept = {
        str(name): [values[index[key]] if key in index else None for key in rows.keys]
        for name, values in ((name, features[name].tolist()) for name in features if name not in rows.features)
    }
    return {**kept, **rows.features}


def match_rows(before: NDArray[np.float64], now: NDArray[np.float64], removed: Sequence[int] = ()) -> list[int | None]:
    """Say which of the points before each of the points now is; None for a new one.

    Parameters
    ----------
    before, now : array, shape (N, D) and (M, D)
        The same layer's points, before and after an edit of an unknown kind.
    removed : sequence of int
        Which of `before` are said to be gone.

    Examples
    --------
    >>> before = np.array([[0.0], [1.0], [2.0]])
    >>> match_rows(before, np.array([[0.0], [2.0]]))
    [0, 2]
    >>> match_rows(before, np.array([[0.0], [5.0], [2.0], [7.0]]))
    [0, 1, 2, None]
    """
    kept = [index for index in range(len(before)) if index not in set(removed)]
    if removed and len(kept) == len(now):
        return [*kept]
    if len(now) < len(before):  # which are left?
        found, start = [], 0
        for point in now:
            same = [index for index in range(start, len(before)) if np.array_equal(before[index], point)]
            if not same:
                break
            found.append(same[0])
            start = same[0] + 1
        if len(found) == len(now):
            return [*found]
    return [index if index < len(before) else None for index in range(len(now))]
