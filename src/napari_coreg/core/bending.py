"""How much a transform bends space: its bending energy on any grid."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import marked
from napari_coreg.core.deformation import require_axes
from napari_coreg.core.slabs import slab_grid, slabs
from napari_coreg.core.transforms import is_linear, on_grid, spline_and_matrix
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled


def bending_energy(
    transform: sitk.Transform,
    grid: Grid,
    mask: sitk.Image | None = None,
    *,
    is_cancelled: IsCancelled | None = None,
) -> float:
    """Return the mean over a grid of all squared second derivatives of the displacement u, 1/mm^2.

    The sum over c, i and j of (d^2 u_c / dp_i dp_j)^2, as in Rueckert et al., "Nonrigid registration using free-form
    deformations: application to breast MR images", IEEE TMI 18(8), 1999; the mixed derivatives count twice. No affine
    map has any, and neither the direction of the grid nor a rotation before or after the transform changes it. Of
    tissue that is bent to a radius of r mm it is of the order of 1/r^2.

    Exact, as an integral over the grid, where the transform is a B-spline over this very grid that linear transforms
    may follow, and there is no mask; else by central differences at the voxels, those at the border of the grid taking
    the value of their neighbour further in. Of a displacement field, take the field's own grid: between its nodes the
    field is straight, and all of its bending is at them.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Normally the fixed image's.
    mask : SimpleITK.Image, optional
        On any grid; only voxels where it is not 0 count.
    is_cancelled : callable, optional
        Asked between two slabs.

    Raises
    ------
    GeometryError
        The transform has other axes than the grid, or an axis of the grid has fewer than three voxels.
    VolumeError
        No voxel of the grid is in the mask.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> grid = Grid((9, 9), (1.0, 2.0), (0.0, 0.0), (0.6, -0.8, 0.8, 0.6))
    >>> bending_energy(sitk.ScaleTransform(2, (1.5, 0.5)), grid)
    0.0
    """
    require_axes(transform, grid)
    if min(grid.size_xyz) < 3:
        raise GeometryError(
            f"a grid of {' x '.join(map(str, grid.size_xyz))} voxels has no second derivatives; they need 3 along "
            "each axis"
        )
    if mask is not None and not marked(mask, grid).any():
        raise VolumeError("the mask has no voxel inside the grid; check that both lie in the same place")
    if is_linear(transform):
        return 0.0
    exact = _of_spline(transform, grid) if mask is None else None
    return _by_differences(transform, grid, mask, is_cancelled) if exact is None else exact


def _of_spline(transform: sitk.Transform, grid: Grid) -> float | None:
    chain = spline_and_matrix(transform)
    if chain is None:
        return None
    from napari_coreg.core.bspline.fields import spline_bending  # noqa: PLC0415 - numba takes 0.5 s

    spline, matrix = chain
    return spline_bending(spline, matrix, grid)


def _by_differences(
    transform: sitk.Transform, grid: Grid, mask: sitk.Image | None, is_cancelled: IsCancelled | None
) -> float:
    total, voxels, last = 0.0, 0, grid.size_xyz[-1]
    for start, stop in slabs(grid, None, is_cancelled):
        before, after = max(0, min(start - 1, last - 3)), min(last, max(stop + 1, 3))
        part = slab_grid(grid, before, after)
        energy = _energies(_vectors(transform, part), grid.spacing_xyz[::-1])[start - before : stop - before]
        if mask is not None:
            energy = energy[marked(mask, slab_grid(grid, start, stop)).T]
        total, voxels = total + float(energy.sum()), voxels + energy.size
    return total / voxels


def _vectors(transform: sitk.Transform, grid: Grid) -> NDArray[np.float64]:
    """Return the displacements as 64-bit floats, shape (..., y, x, D): second differences want all digits."""
    field = sitk.TransformToDisplacementField(
        on_grid(transform, grid),
        sitk.sitkVectorFloat64,
        list(grid.size_xyz),
        list(grid.origin_lps),
        list(grid.spacing_xyz),
        list(grid.direction),
    )
    vectors: NDArray[np.float64] = sitk.GetArrayFromImage(field)
    return vectors


def _energies(vectors: NDArray[np.float64], spacing_zyx: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the squared second derivatives, summed, at each voxel; LPS components, derivatives along the axes."""
    n = vectors.shape[-1]
    inner = (slice(1, -1),) * n
    sums = np.zeros(tuple(size - 2 for size in vectors.shape[:-1]))

    def shifted(*steps: int) -> NDArray[np.float64]:
        return vectors[
            tuple(slice(1 + step, size - 1 + step) for step, size in zip(steps, vectors.shape, strict=False))
        ]

    for axis in range(n):
        ahead = tuple(int(other == axis) for other in range(n))
        second = shifted(*ahead) + shifted(*(-step for step in ahead)) - 2 * vectors[inner]
        sums += np.square(second).sum(axis=-1) / spacing_zyx[axis] ** 4
    for one, other in itertools.combinations(range(n), 2):
        along = [[sign * (k == one) + turn * (k == other) for k in range(n)] for sign in (1, -1) for turn in (1, -1)]
        plus, cross, back, minus = (shifted(*steps) for steps in along)
        mixed = plus - cross - back + minus
        sums += 2 * np.square(mixed).sum(axis=-1) / (4 * spacing_zyx[one] * spacing_zyx[other]) ** 2
    return np.pad(sums, 1, mode="edge")
