"""Distances to simple solids, and wavy fields: the clay that the phantom is made of.

Points are arrays of shape (3, N), rows x, y, z, in millimetres; distances are negative inside. Sums are written out,
so that every machine adds in the same order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Triple = tuple[float, float, float]


def length(vectors: Array) -> Array:
    """Euclidean length of each column of `vectors`, shape (3, N) -> (N,)."""
    x, y, z = vectors
    return np.sqrt(x * x + y * y + z * z)  # type: ignore[no-any-return]


def column(values: Triple) -> Array:
    """Three numbers as a (3, 1) array, ready to be combined with points."""
    return np.array(values, dtype=np.float64)[:, None]


def ellipsoid(points: Array, centre: Triple, radii: Triple) -> Array:
    """Distance (first order, exact at the surface) to an ellipsoid with axes along x, y, z."""
    scaled = (points - column(centre)) / column(radii)
    inner = length(scaled)
    return inner * (inner - 1) / np.maximum(length(scaled / column(radii)), 1e-9)


def tube(points: Array, nodes: Sequence[tuple[float, float, float, float]]) -> Array:
    """Distance to a chain of round cones through `nodes`, each (x, y, z, radius)."""
    nearest = np.full(points.shape[1], np.inf)
    for start, end in pairwise(nodes):
        axis = column(end[:3]) - column(start[:3])
        offset = points - column(start[:3])
        squared = float(axis[0, 0] ** 2 + axis[1, 0] ** 2 + axis[2, 0] ** 2)
        dot = offset[0] * axis[0] + offset[1] * axis[1] + offset[2] * axis[2]
        along = np.clip(dot / squared, 0, 1)
        distance = length(offset - axis * along) - (start[3] + (end[3] - start[3]) * along)
        np.minimum(nearest, distance, out=nearest)
    return nearest


def ring(points: Array, centre: Triple, radius: float, thickness: float, axis: int) -> Array:
    """Distance to a torus of tube radius `thickness` around the coordinate `axis` (0, 1, 2)."""
    offset = points - column(centre)
    first, second = (offset[other] for other in range(3) if other != axis)
    return np.hypot(np.hypot(first, second) - radius, offset[axis]) - thickness  # type: ignore[no-any-return]


def blend(first: Array, second: Array, reach: float) -> Array:
    """Union of two solids, rounded where their distances differ by less than `reach` mm."""
    mix = np.clip(0.5 + 0.5 * (second - first) / reach, 0, 1)
    return second * (1 - mix) + first * mix - reach * mix * (1 - mix)


def cut(first: Array, second: Array, reach: float) -> Array:
    """Intersection of two solids, rounded over `reach` mm."""
    return -blend(-first, -second, reach)


class Waves:
    """A seeded random field of about unit variance whose waves all have one length.

    Parameters
    ----------
    wavelength : float
        Length of the waves, mm.
    count : int
        How many plane waves are added.
    seed : int
        Seed of their directions and phases.
    """

    def __init__(self, wavelength: float, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        directions = rng.normal(size=(count, 3))
        norms = length(directions.T)[:, None]
        self.wave_vectors = directions / norms * (2 * np.pi / wavelength)
        self.phases = rng.uniform(0, 2 * np.pi, count)
        self.scale = float(np.sqrt(2 / count))

    def value(self, points: Array) -> Array:
        """Field at `points`, shape (N,)."""
        total = np.zeros(points.shape[1])
        for (kx, ky, kz), phase in zip(self.wave_vectors, self.phases, strict=True):
            total += np.cos(kx * points[0] + ky * points[1] + kz * points[2] + phase)
        return total * self.scale

    def value_and_gradient(self, points: Array) -> tuple[Array, Array]:
        """Field, shape (N,), and its gradient per mm, shape (3, N)."""
        total, gradient = np.zeros(points.shape[1]), np.zeros_like(points)
        for wave, phase in zip(self.wave_vectors, self.phases, strict=True):
            angle = wave[0] * points[0] + wave[1] * points[1] + wave[2] * points[2] + phase
            total += np.cos(angle)
            slope = np.sin(angle)
            for axis in range(3):
                gradient[axis] -= wave[axis] * slope
        return total * self.scale, gradient * self.scale
