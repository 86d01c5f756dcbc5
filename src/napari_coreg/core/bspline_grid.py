"""Control-point grids of B-spline transforms: laid over a volume, and refined exactly by halving."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid

ORDER = 3


def mesh_sizes(grid: Grid, spacings_mm: tuple[float, ...]) -> list[tuple[int, ...]]:
    """Return the number of B-spline cells per axis (xyz) for each level.

    The finest level's cells are no longer than asked; the coarser levels are exact halvings of it.

    Parameters
    ----------
    grid : Grid
        The fixed image's grid, which the cells cover.
    spacings_mm : tuple of float
        Wanted distance between control points, one per level, each the same as before or half of it.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> mesh_sizes(Grid.of(sitk.Image([100, 100, 60], sitk.sitkUInt8)), (40.0, 20.0))
    [(3, 3, 2), (6, 6, 4)]
    """
    extents = [size * spacing for size, spacing in zip(grid.size_xyz, grid.spacing_xyz, strict=True)]
    coarsest = [max(1, math.ceil(extent / spacings_mm[0] - 1e-6)) for extent in extents]
    return [tuple(cells * round(spacings_mm[0] / spacing) for cells in coarsest) for spacing in spacings_mm]


def make_bspline(grid: Grid, mesh_size: tuple[int, ...]) -> sitk.BSplineTransform:
    """Return the identity as a cubic B-spline transform whose domain is the volume that `grid` covers."""
    n = grid.dimension
    transform = sitk.BSplineTransform(n, ORDER)
    transform.SetTransformDomainOrigin(grid.to_lps(np.full(n, -0.5)).tolist())
    transform.SetTransformDomainDirection(list(grid.direction))
    transform.SetTransformDomainPhysicalDimensions(
        [size * spacing for size, spacing in zip(grid.size_xyz, grid.spacing_xyz, strict=True)]
    )
    transform.SetTransformDomainMeshSize(list(mesh_size))
    return transform


def with_cells(transform: sitk.BSplineTransform, mesh_size: tuple[int, ...]) -> sitk.BSplineTransform:
    """Return the identity over the same domain, with other cells."""
    other = sitk.BSplineTransform(transform.GetDimension(), ORDER)
    other.SetTransformDomainOrigin(transform.GetTransformDomainOrigin())
    other.SetTransformDomainDirection(transform.GetTransformDomainDirection())
    other.SetTransformDomainPhysicalDimensions(transform.GetTransformDomainPhysicalDimensions())
    other.SetTransformDomainMeshSize(list(mesh_size))
    return other


def refine(transform: sitk.BSplineTransform) -> sitk.BSplineTransform:
    """Return the same deformation on a grid of half the spacing.

    Exact, by the two-scale relation of the cubic B-spline (Catmull and Clark, "Recursively generated B-spline
    surfaces on arbitrary topological meshes", Computer-Aided Design 10, 1978).
    """
    mesh = transform.GetTransformDomainMeshSize()
    shape_zyx = tuple(cells + ORDER for cells in reversed(mesh))
    n = len(mesh)
    coefficients = np.reshape(transform.GetParameters(), (n, *shape_zyx))
    for axis in range(1, n + 1):
        coefficients = _refine_axis(coefficients, axis)
    fine = with_cells(transform, tuple(2 * cells for cells in mesh))
    fine.SetParameters(coefficients.ravel().tolist())
    return fine


def _refine_axis(coefficients: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Halve the knot distance along one axis: m + 3 coefficients become 2 m + 3."""
    coarse = np.moveaxis(coefficients, axis, 0)
    between = (coarse[:-1] + coarse[1:]) / 2
    on = (coarse[:-2] + 6 * coarse[1:-1] + coarse[2:]) / 8
    fine = np.empty((len(between) + len(on), *coarse.shape[1:]))
    fine[0::2] = between
    fine[1::2] = on
    return np.moveaxis(fine, 0, axis)
