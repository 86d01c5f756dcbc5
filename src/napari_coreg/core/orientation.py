"""How a grid lies in the body, in letters and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_coreg.core.geometry import Grid

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))  # against and along each axis of LPS
_OPPOSITE = str.maketrans("RLAPIS", "LRPASI")
_SECOND_LETTER = 0.34  # of the sine of 20 degrees
_LEAST_DEGREES = 0.05


def orientation(grid: Grid) -> str | None:
    """Return where the axes x, y, z point to, such as "LPS" (left, posterior, superior); None for 2-D images."""
    if grid.dimension != 3:
        return None
    return str(sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(grid.direction))


def obliqueness(grid: Grid) -> float:
    """Return the largest angle between an axis of the grid and the nearest axis of the body, degrees."""
    n = grid.dimension
    nearest = np.abs(np.reshape(grid.direction, (n, n))).max(axis=0)
    return float(np.degrees(np.arccos(np.clip(nearest, 0, 1))).max())


def is_left_handed(grid: Grid) -> bool:
    """Return whether the axes x, y, z of a grid are mirrored against those of space."""
    n = grid.dimension
    return bool(np.linalg.det(np.reshape(grid.direction, (n, n))) < 0)


def orientation_words(grid: Grid) -> str:
    """Return how a grid lies in the body, in words.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> orientation_words(Grid((4, 4, 4), (1.0,) * 3, (0.0,) * 3, (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)))
    'RPS, straight, left-handed'
    """
    degrees = obliqueness(grid)
    letters = orientation(grid)
    return ", ".join(
        [
            *([] if letters is None else [letters]),
            "straight" if degrees < _LEAST_DEGREES else f"oblique {degrees:.1f} degrees",
            "left-handed" if is_left_handed(grid) else "right-handed",
        ]
    )


def letters_towards(direction_lps: ArrayLike) -> str:
    """Return where a direction in the body points to: L, R, P, A, S or I, and a second letter where it is slanted.

    Parameters
    ----------
    direction_lps : array, shape (3,)
        In LPS, of any length but 0.

    Examples
    --------
    >>> letters_towards((-1.0, 0.1, 0.0)), letters_towards((0.0, 2.0, 1.0)), opposite("PS")
    ('R', 'PS', 'AI')
    """
    unit = np.asarray(direction_lps, float)
    unit = unit / np.linalg.norm(unit)
    first, second = np.argsort(-np.abs(unit), kind="stable")[:2]
    word = _LETTERS[first][int(unit[first] > 0)]
    return word + _LETTERS[second][int(unit[second] > 0)] if abs(unit[second]) > _SECOND_LETTER else word


def opposite(letters: str) -> str:
    """Return the letters of the opposite direction."""
    return letters.translate(_OPPOSITE)
