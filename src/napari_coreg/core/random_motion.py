"""Turns and shifts by given amounts in random directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from napari_coreg.core.transforms import from_matrix

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def random_turn(dimension: int, degrees: float, rng: np.random.Generator) -> Array:
    """Return the matrix of a turn by an angle about a random axis (2-D: to a random side)."""
    if dimension == 2:
        angle = np.deg2rad(degrees) * rng.choice([-1, 1])
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    axis = rng.standard_normal(3)
    matrix: Array = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    return matrix


def random_shift(dimension: int, length_mm: float, rng: np.random.Generator) -> Array:
    """Return a vector of a length in a random direction, mm."""
    direction = rng.standard_normal(dimension)
    vector: Array = length_mm * direction / np.linalg.norm(direction)
    return vector


def random_rigid(centre_lps: Array, degrees: float, length_mm: float, rng: np.random.Generator) -> sitk.Transform:
    """Return a turn by an angle about a centre (LPS mm), then a shift by a length; both in random directions."""
    n = len(centre_lps)
    matrix = np.eye(n + 1)
    matrix[:n, :n] = random_turn(n, degrees, rng)
    matrix[:n, n] = centre_lps - matrix[:n, :n] @ centre_lps + random_shift(n, length_mm, rng)
    return from_matrix(matrix, centre_lps)
