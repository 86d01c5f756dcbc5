"""A smooth random deformation that never folds, together with its inverse: the flow of a random velocity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.bspline_grid import ORDER, refine, with_cells
from napari_coreg.core.chunks import working_threads
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid

    Array = NDArray[np.float64]

INVERSE_ERROR_MM = 0.008  # more makes the grids finer
_FADE = 3  # cells beyond the volume in which the velocity fades out
_MOST_CELLS = 40_000  # of the velocity
_MOST_REFINED = 3_000_000  # of the displacement; some 300 bytes each while it is made
_LEAST_DETERMINANT = 0.05  # what is pressed together more has no inverse that is known well enough
_TRIES, _REFINEMENTS = 6, 3
_CHECKED = 20_000  # points


@dataclass(frozen=True, eq=False)
class RandomField:
    """A smooth one-to-one map of space onto itself, and its inverse; both are the identity far from the volume.

    Attributes
    ----------
    forward, inverse : SimpleITK.BSplineTransform
        LPS mm; `forward` is what it is by definition, and `inverse` undoes it to `error_mm`.
    error_mm : float
        The largest |forward(inverse(q)) - q| at random points q.
    """

    forward: sitk.BSplineTransform
    inverse: sitk.BSplineTransform
    error_mm: float


def random_field(
    grid: Grid, points_lps: Array, longest_mm: float, smoothness_mm: float, rng: np.random.Generator
) -> RandomField:
    """Return a random field over a grid that fades out beyond it.

    The velocity is a cubic B-spline with control points every `smoothness_mm`, each drawn from a normal distribution;
    velocities of places that far apart correlate by about a half. Its flow over unit time is scaled so that the longest
    displacement of `points_lps` is `longest_mm`, to a hundredth of it. The forward map is that flow as a B-spline with
    control points so close that the flow backwards undoes it to `INVERSE_ERROR_MM`.

    Parameters
    ----------
    grid : Grid
        Of the volume.
    points_lps : array, shape (N, D)
        The body, mm.
    longest_mm : float
        Of the displacements.
    smoothness_mm : float
        Between control points.
    rng : numpy.random.Generator
        Of the randomness.

    Raises
    ------
    GeometryError
        The smoothness is too fine for the volume, or so little for so long displacements that space would fold.
    """
    from napari_coreg.core.bspline.deformation import flow  # noqa: PLC0415 - numba takes 0.5 s

    velocity = _domain(grid, smoothness_mm)
    shape = _shape(velocity)
    drawn = np.zeros(shape)
    inner = (slice(None), *[slice(_FADE, -_FADE)] * grid.dimension)
    drawn[inner] = rng.standard_normal(drawn[inner].shape)
    velocity = _with(velocity, drawn * _factor(velocity, drawn, points_lps, longest_mm))
    for _ in range(_REFINEMENTS):
        velocity = refine(velocity)
        if math.prod(2 * cells for cells in velocity.GetTransformDomainMeshSize()) > _MOST_REFINED:
            break
        with working_threads(0):
            forward, inverse = (_faded(flow(velocity, inverse=way)) for way in (False, True))
            error = _error(forward, inverse)
            if error <= INVERSE_ERROR_MM and _least_determinant(forward) >= _LEAST_DETERMINANT:
                return RandomField(forward, inverse, error)
    raise GeometryError(
        f"a deformation of {longest_mm:g} mm that changes within {smoothness_mm:g} mm would press tissue flat; choose "
        f"{smoothness_mm / 5:.3g} mm or less, or a larger smoothness"
    )


def _factor(velocity: sitk.BSplineTransform, drawn: Array, points_lps: Array, longest_mm: float) -> float:
    """Return by what to multiply a velocity for the longest displacement of the points to be as wanted."""
    from napari_coreg.core.bspline.deformation import flow  # noqa: PLC0415 - numba takes 0.5 s

    factor = longest_mm / _longest(_with(velocity, drawn), points_lps)
    most = 3 * factor  # what flows into one place gets no further by flowing faster
    for _ in range(_TRIES):
        reached = _longest(flow(_with(velocity, factor * drawn)), points_lps)
        if abs(reached / longest_mm - 1) < 1e-3:
            break
        factor = min(most, factor * longest_mm / reached)
    return factor


def displaced(spline: sitk.BSplineTransform, points_lps: Array) -> Array:
    """Return where a cubic B-spline takes points, shape (N, D), LPS mm."""
    from scipy.ndimage import map_coordinates  # noqa: PLC0415 - only simulations need it

    n = spline.GetDimension()
    axes = np.reshape(spline.GetTransformDomainDirection(), (n, n))
    places = (points_lps - spline.GetTransformDomainOrigin()) @ axes / _cell(spline) + 1
    coefficients = np.reshape(spline.GetParameters(), _shape(spline))
    moved = [
        map_coordinates(one, places.T[::-1], order=ORDER, prefilter=False, mode="constant") for one in coefficients
    ]
    there: Array = points_lps + np.stack(moved, axis=-1)
    return there


def _domain(grid: Grid, smoothness_mm: float) -> sitk.BSplineTransform:
    """Return the identity over the volume and what is around it, with cells of `smoothness_mm`."""
    extent = np.multiply(grid.size_xyz, grid.spacing_xyz)
    cells = np.maximum(1, np.ceil(extent / smoothness_mm)) + 2 * _FADE
    if math.prod(cells) > _MOST_CELLS:
        finest = float(np.prod(extent) / _MOST_CELLS) ** (1 / grid.dimension)
        raise GeometryError(
            f"a smoothness of {smoothness_mm:g} mm is too fine for a volume of {' x '.join(f'{e:.0f}' for e in extent)}"
            f" mm; choose {math.ceil(1.5 * finest)} mm or more"
        )
    axes = np.reshape(grid.direction, (grid.dimension, grid.dimension))
    domain = sitk.BSplineTransform(grid.dimension, ORDER)
    domain.SetTransformDomainOrigin((grid.centre_lps - axes @ (cells * smoothness_mm / 2)).tolist())
    domain.SetTransformDomainDirection(list(grid.direction))
    domain.SetTransformDomainPhysicalDimensions((cells * smoothness_mm).tolist())
    domain.SetTransformDomainMeshSize([int(count) for count in cells])
    return domain


def _shape(spline: sitk.BSplineTransform) -> tuple[int, ...]:
    mesh = spline.GetTransformDomainMeshSize()
    return (len(mesh), *(cells + ORDER for cells in reversed(mesh)))


def _cell(spline: sitk.BSplineTransform) -> Array:
    cell: Array = np.divide(spline.GetTransformDomainPhysicalDimensions(), spline.GetTransformDomainMeshSize())
    return cell


def _with(spline: sitk.BSplineTransform, coefficients: Array) -> sitk.BSplineTransform:
    filled = with_cells(spline, spline.GetTransformDomainMeshSize())
    filled.SetParameters(coefficients.ravel().tolist())
    return filled


def _faded(spline: sitk.BSplineTransform) -> sitk.BSplineTransform:
    """Return the spline with the outermost control points at rest, so that it is smooth across its border."""
    coefficients = np.zeros(_shape(spline))
    inner = (slice(None), *[slice(ORDER, -ORDER)] * spline.GetDimension())
    coefficients[inner] = np.reshape(spline.GetParameters(), coefficients.shape)[inner]
    return _with(spline, coefficients)


def _longest(spline: sitk.BSplineTransform, points_lps: Array) -> float:
    return float(np.linalg.norm(displaced(spline, points_lps) - points_lps, axis=-1).max())


def _least_determinant(spline: sitk.BSplineTransform) -> float:
    from napari_coreg.core.bspline.lattice import Lattice  # noqa: PLC0415 - numba takes 0.5 s
    from napari_coreg.core.bspline.penalties import determinant_range  # noqa: PLC0415

    lattice = Lattice.of(spline)
    cells = lattice.cells_xyz
    return determinant_range(lattice.coefficients(spline), cells, lattice.spacing_xyz, lattice.axes, cells)[0]


def _error(forward: sitk.BSplineTransform, inverse: sitk.BSplineTransform) -> float:
    n = forward.GetDimension()
    axes = np.reshape(forward.GetTransformDomainDirection(), (n, n))
    parts = np.random.default_rng(0).uniform(size=(_CHECKED, n))
    points = forward.GetTransformDomainOrigin() + (parts * forward.GetTransformDomainPhysicalDimensions()) @ axes.T
    missed = displaced(forward, displaced(inverse, points)) - points
    return float(np.linalg.norm(missed, axis=-1).max())
