"""What a fit to landmarks is given, checked: numbers, pairs, names, weights and the grid to sample on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_SAME_MM = 1e-3  # landmarks that fall together when rounded to this are one


def require_choice(model: str, known: Sequence[str], smoothing: float, like: object) -> None:
    """Refuse an unknown model, and what does not go with the model."""
    if model not in known:
        raise GeometryError(f"the model '{model}' is not known; choose one of {', '.join(known)}")
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise GeometryError(f"smoothing is {smoothing}, but must be 0 or more")
    if smoothing and model != "thin_plate":
        raise GeometryError(f"smoothing is for the model 'thin_plate', not for '{model}'; leave it out")
    if like is None and model == "thin_plate":
        raise GeometryError("a thin-plate spline is sampled as a field; give the fixed volume or its grid as like")


def checked_points(points_lps: ArrayLike, role: str) -> NDArray[np.float64]:
    """Return an own copy of points, shape (N, D), that are all finite."""
    try:
        points = np.array(points_lps, np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"the {role} landmarks are not an array of numbers: {error}") from error
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise GeometryError(
            f"the {role} landmarks are an array of shape {points.shape}, but (N, 2) or (N, 3) is needed"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise GeometryError(
            f"{role} landmark number {bad[0] + 1} of {len(points)} is {tuple(points[bad[0]].tolist())}; leave out, in "
            "both volumes, landmarks that were not set"
        )
    points.flags.writeable = False
    return points


def checked_names(names: Sequence[str] | None, number: int) -> tuple[str, ...]:
    """Return one name for each landmark: what was given, or "1", "2", ..."""
    called = tuple(str(index) for index in range(1, number + 1)) if names is None else tuple(map(str, names))
    if len(called) != number:
        raise GeometryError(f"there are {len(called)} names for {number} landmarks; give one for each, or none")
    return called


def checked_weights(weights: ArrayLike | None, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return one positive weight for each landmark."""
    w = np.ones(len(names)) if weights is None else np.array(weights, np.float64)
    if w.shape != (len(names),):
        raise GeometryError(f"the weights are an array of shape {w.shape}, but {len(names)} numbers are needed")
    bad = np.flatnonzero(~(np.isfinite(w) & (w > 0)))
    if len(bad):
        raise GeometryError(
            f"the weight of landmark '{names[bad[0]]}' is {w[bad[0]]}, but it must be above 0; to do without the "
            "landmark, leave it out"
        )
    return w


def require_distinct(points: NDArray[np.float64], names: tuple[str, ...], role: str) -> None:
    """Refuse a landmark that stands twice."""
    _, first, counts = np.unique(np.round(points / _SAME_MM), axis=0, return_index=True, return_counts=True)
    if len(first) < len(points):
        one = int(first[counts > 1].min())
        other = next(i for i in range(one + 1, len(points)) if np.allclose(points[i], points[one], 0, _SAME_MM))
        raise GeometryError(
            f"the landmarks '{names[one]}' and '{names[other]}' are at the same place in the {role} volume; leave one "
            "of them out, in both volumes"
        )


def checked_grid(like: Grid | sitk.Image | None, dimension: int) -> Grid:
    """Return the grid to sample on, which must have as many axes as the landmarks."""
    grid = Grid.of(like) if isinstance(like, sitk.Image) else like
    if grid is None or grid.dimension != dimension:
        raise GeometryError(f"the landmarks are in {dimension}-D, but the volume given as like is not")
    return grid
