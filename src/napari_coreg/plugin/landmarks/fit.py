"""Fits to landmarks while they are being set: fast enough for each edit, and where a landmark should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.geometry import Grid
from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_coreg.core.landmarks import LandmarkFit, LandmarkModel
    from napari_coreg.plugin.landmarks.pairs import LandmarkPairs
    from napari_coreg.plugin.landmarks.values import Landmark, Side

_STEPS = 30
_CLOSE_MM = 1e-6


def fit_to(landmarks: Sequence[Landmark], names: Sequence[str], model: LandmarkModel, grid: Grid) -> LandmarkFit:
    """Fit a model to landmarks that are set in both volumes.

    Parameters
    ----------
    landmarks : sequence of Landmark
        Complete ones.
    names : sequence of str
        What messages call them.
    model : str
        As in `fit_landmarks`.
    grid : Grid
        Where a thin-plate spline is sampled: the fixed volume's, or `coarsest` of it where the transform is not needed.

    Raises
    ------
    GeometryError
        They do not determine the model.
    """
    n = grid.dimension
    fixed, moving = (
        np.array([landmark.at(side) for landmark in landmarks], dtype=float).reshape(-1, n)
        for side in ("fixed", "moving")
    )
    return fit_landmarks(fixed, moving, model, names=names, like=grid)


def coarsest(grid: Grid) -> Grid:
    """Return a grid of two voxels along each axis over the same place."""
    lengths = np.maximum((np.array(grid.size_xyz) - 1) * grid.spacing_xyz, grid.spacing_xyz)
    return Grid((2,) * grid.dimension, tuple(lengths.tolist()), grid.origin_lps, grid.direction)


def estimate(fit: LandmarkFit, point_lps: Sequence[float], side: Side) -> NDArray[np.float64] | None:
    """Return where a point of one volume is in the other one, LPS mm, as a fit has it.

    Parameters
    ----------
    fit : LandmarkFit
        T, fixed -> moving.
    point_lps : sequence of float
        Where it is.
    side : {"fixed", "moving"}
        In which volume that is.

    Returns
    -------
    array, shape (D,), or None
        T(p) of a fixed point p, or the p of a moving point T(p); None where Newton's method finds no such p, as where
        a spline folds.
    """
    target: NDArray[np.float64] = np.array(point_lps, dtype=float)
    if side == "fixed":
        return fit.map_points(target)
    nearest = int(np.argmin(np.linalg.norm(fit.moving_points_lps - target, axis=1)))
    point: NDArray[np.float64] = fit.fixed_points_lps[nearest].astype(float)
    step = 1e-3 * np.eye(len(target))  # mm
    for _ in range(_STEPS):
        off = target - fit.map_points(point)
        if np.linalg.norm(off) < _CLOSE_MM:
            return point
        slopes = (fit.map_points(point + step) - fit.map_points(point - step)).T / (2 * step[0, 0])
        point = point + np.linalg.lstsq(slopes, off, rcond=None)[0]
        if not np.isfinite(point).all():
            break
    return None


class LiveFit:
    """The fit to the landmarks as they are now, made anew only where something that it depends on has changed.

    Attributes
    ----------
    fit : LandmarkFit or None
        A thin-plate spline is exact in `map_points`, residuals and errors left out, but sampled on two voxels along
        each axis, so that the fit takes milliseconds; `fit_to` with the fixed volume's grid makes its transform.
    why_not : str
        Why there is none, in a sentence.
    made_of : tuple
        What it was made of, to be compared.
    """

    def __init__(self) -> None:
        self.fit: LandmarkFit | None = None
        self.why_not = ""
        self.made_of: tuple[object, ...] = ()

    def update(self, pairs: LandmarkPairs, model: LandmarkModel, grid: Grid) -> LandmarkFit | None:
        """Return the fit to the complete ones of `pairs`, or None."""
        made_of = (pairs.complete, model, grid)
        if made_of != self.made_of:
            self.made_of, self.fit, self.why_not = made_of, None, ""
            try:
                self.fit = fit_to(pairs.complete, titles(pairs), model, coarsest(grid)) if pairs.complete else None
            except GeometryError as error:
                self.why_not = str(error)
        return self.fit


def titles(pairs: LandmarkPairs) -> list[str]:
    """Return what messages call the complete ones."""
    return [pairs.title(landmark.key) for landmark in pairs.complete]
