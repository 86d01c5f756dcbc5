"""Thin-plate splines through or near paired points, and their form as a field that SimpleITK can carry.

The spline is T(x) = A(x) + sum c_i U(|x - p_i|), with A affine, U(r) = -r in 3-D and r^2 log r in 2-D. Lengths inside U
are in units of the points' own extent, so that the equations are as well conditioned for micrometres as for mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import from_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_FIELD = 2**23
"""Nodes of a sampled field at most: 200 MB in 3-D."""

_AT_ONCE = 2**16  # distances in memory together: few enough to stay in the processor's cache


@dataclass(frozen=True, eq=False)
class ThinPlateSpline:
    """A fitted spline; call it with points (..., D) in LPS mm to map them, fixed -> moving.

    Attributes
    ----------
    knots_lps : array, shape (N, D)
        p_i, the fixed points.
    coefficients_mm : array, shape (N, D)
        c_i; each column sums to 0, so that the bending fades away from the knots.
    matrix : array, shape (D + 1, D + 1)
        A, homogeneous, LPS mm.
    unit_mm : float
        The length that U takes as 1.
    """

    knots_lps: NDArray[np.float64]
    coefficients_mm: NDArray[np.float64]
    matrix: NDArray[np.float64]
    unit_mm: float

    def __call__(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points (..., D), LPS mm."""
        return self.affine(points_lps) + self.bending(points_lps)

    def affine(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return A of points (..., D), LPS mm."""
        n = points_lps.shape[-1]
        mapped: NDArray[np.float64] = points_lps @ self.matrix[:n, :n].T + self.matrix[:n, n]
        return mapped

    def bending(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the spline adds to A at points (..., D), mm."""
        flat = points_lps.reshape(-1, points_lps.shape[-1])
        bent = np.empty_like(flat, dtype=np.float64)
        step = max(1, _AT_ONCE // len(self.knots_lps))
        for start in range(0, len(flat), step):
            part = slice(start, start + step)
            bent[part] = _kernel(flat[part], self.knots_lps, self.unit_mm) @ self.coefficients_mm
        return bent.reshape(points_lps.shape)


def fit_thin_plate(
    fixed_points_lps: NDArray[np.float64],
    moving_points_lps: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    smoothing: float = 0.0,
) -> tuple[ThinPlateSpline, NDArray[np.float64]]:
    """Return the spline through or near paired points, and its error at each of them when it is left out.

    Of all maps T, the spline has the least sum(w |T(p) - q|^2) + smoothing / (8 pi) B, where B, the bending energy, is
    the integral of all squared second derivatives; without smoothing, T(p) = q and B is least.

    Parameters
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        p and q, LPS mm, in 2-D or 3-D; the p all different and not in one plane (line in 2-D).
    weights : array, shape (N,), optional
        w, positive; without smoothing they change nothing.
    smoothing : float
        0 or more, in mm (mm^2 in 2-D).

    Returns
    -------
    spline : ThinPlateSpline
        T.
    left_out : array, shape (N, D)
        q - T_i(p), mm, where T_i is fitted without this pair; NaN where the others do not suffice.

    References
    ----------
    Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE TPAMI 11, 1989; Rohr et
    al., "Landmark-based elastic registration using approximating thin-plate splines", IEEE TMI 20, 2001. Leaving out:
    Rippa, "An algorithm for selecting a good value for the parameter c in radial basis function interpolation",
    Advances in Computational Mathematics 11, 1999.
    """
    number, n = fixed_points_lps.shape
    w = np.ones(number) if weights is None else weights
    centre = fixed_points_lps.mean(axis=0)
    unit = float(np.sqrt(((fixed_points_lps - centre) ** 2).sum(axis=1).mean()))
    system = np.zeros((number + n + 1, number + n + 1))
    system[:number, :number] = _kernel(fixed_points_lps, fixed_points_lps, unit)
    system[range(number), range(number)] += smoothing / unit ** (1 if n == 3 else 2) / w
    linear = np.column_stack([(fixed_points_lps - centre) / unit, np.ones(number)])
    system[:number, number:], system[number:, :number] = linear, linear.T
    inverse = np.linalg.inv(system)
    values = np.zeros((number + n + 1, n))
    values[:number] = moving_points_lps
    solution = np.linalg.solve(system, values)
    coefficients = solution[:number]
    needed = np.einsum("ij,ji->i", linear, np.linalg.pinv(linear)) > 1 - 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.where(needed[:, None], np.nan, coefficients / np.diag(inverse)[:number, None])
    matrix = np.eye(n + 1)
    matrix[:n, :n] = solution[number:-1].T / unit
    matrix[:n, n] = solution[-1] - matrix[:n, :n] @ centre
    return ThinPlateSpline(fixed_points_lps, coefficients, matrix, unit), left_out


def sampled(spline: ThinPlateSpline, grid: Grid) -> tuple[sitk.Transform, float]:
    """Return the spline as a field on a grid, followed by its affine part, and how far that is off at worst.

    Parameters
    ----------
    spline : ThinPlateSpline
        What to sample.
    grid : Grid
        Where, normally the fixed image's grid. Above `LARGEST_FIELD` nodes, wider steps are taken.

    Returns
    -------
    transform : SimpleITK.CompositeTransform
        A displacement field, then an affine transform. Outside the grid the affine part alone is left.
    error_mm : float
        The largest distance between transform and spline at the knots that lie in the grid and at the centres of the
        cells about them, where the spline is bent most; NaN if no knot lies in it.
    """
    nodes = _coarsened(grid)
    n = grid.dimension
    back = np.linalg.inv(spline.matrix[:n, :n])
    field = np.empty((*nodes.size_xyz[::-1], n))
    across = np.stack(np.meshgrid(*map(np.arange, nodes.size_xyz[:-1]), indexing="ij"), axis=-1).astype(float)
    across = across.transpose(*range(n - 2, -1, -1), n - 1)
    for last in range(nodes.size_xyz[-1]):
        index_xyz = np.concatenate([across, np.full((*across.shape[:-1], 1), float(last))], axis=-1)
        field[last] = spline.bending(nodes.to_lps(index_xyz)) @ back.T
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetOrigin(nodes.origin_lps)
    image.SetSpacing(nodes.spacing_xyz)
    image.SetDirection(nodes.direction)
    affine = from_matrix(spline.matrix, spline.knots_lps.mean(axis=0))
    transform = sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(image)])  # the last comes first
    return transform, _error(transform, spline, nodes)


def _kernel(points: NDArray[np.float64], knots: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """Return U of all distances, shape (points, knots), with the sign that makes it positive where that counts."""
    squares = np.zeros((len(points), len(knots)))
    for axis in range(points.shape[1]):
        squares += np.subtract.outer(points[:, axis] / unit, knots[:, axis] / unit) ** 2
    if points.shape[1] == 3:
        return -np.sqrt(squares, out=squares)
    return 0.5 * squares * np.log(squares, where=squares > 0, out=np.zeros_like(squares))


def _coarsened(grid: Grid) -> Grid:
    """Return the grid, or one over the same place with fewer nodes where it has too many."""
    if grid.number_of_voxels <= LARGEST_FIELD:
        return grid
    factor = (grid.number_of_voxels / LARGEST_FIELD) ** (1 / grid.dimension)
    size = [max(2, int((voxels - 1) / factor) + 1) for voxels in grid.size_xyz]
    lengths = [
        spacing * (voxels - 1) / (nodes - 1)
        for spacing, voxels, nodes in zip(grid.spacing_xyz, grid.size_xyz, size, strict=True)
    ]
    return Grid(tuple(size), tuple(lengths), grid.origin_lps, grid.direction)


def _error(transform: sitk.Transform, spline: ThinPlateSpline, nodes: Grid) -> float:
    n = nodes.dimension
    to_index = np.linalg.inv(nodes.index_to_lps)
    index = spline.knots_lps @ to_index[:n, :n].T + to_index[:n, n]
    last = np.array(nodes.size_xyz) - 1.0
    index = index[((index >= 0) & (index <= last)).all(axis=1)]
    if not len(index):
        return float("nan")
    centres = np.clip(np.floor(index) + 0.5, 0, last)
    points = nodes.to_lps(np.concatenate([index, centres]))
    mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
    return float(np.linalg.norm(mapped - spline(points), axis=1).max())
