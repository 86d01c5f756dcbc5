"""Carries points, vectors, surfaces and labels through a transform, the way it maps; its inverse carries them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import SimpleITK as sitk
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Surface:
    """A surface of triangles.

    Attributes
    ----------
    vertices_lps : array, shape (N, 3)
        LPS mm.
    faces : array of int, shape (M, 3)
        Numbers of the vertices of each triangle, anticlockwise as seen from outside.
    """

    vertices_lps: NDArray[np.float64] = field(repr=False)
    faces: NDArray[np.int64] = field(repr=False)


def warp_points(transform: sitk.Transform, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a transform takes points (N, D), LPS mm: points of the fixed space to the moving space."""
    raise NotImplementedError


def warp_vectors(
    transform: sitk.Transform, positions_lps: NDArray[np.float64], vectors_lps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where a transform takes positions (N, D), and vectors (N, D) there as its Jacobian carries them, LPS mm."""
    raise NotImplementedError


def warp_surface(transform: sitk.Transform, surface: Surface) -> Surface:
    """Return a surface with its vertices where a transform takes them; turned inside in where the map mirrors."""
    raise NotImplementedError


def warp_labels(labels: sitk.Image, grid: Any, transform: sitk.Transform) -> sitk.Image:
    """Return a volume of labels of the moving space on `grid` (fixed space) through `transform` (fixed -> moving)."""
    raise NotImplementedError
