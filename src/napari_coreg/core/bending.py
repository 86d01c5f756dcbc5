"""How much a transform bends space: its bending energy on any grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.body import marked
from napari_coreg.core.deformation import require_axes
from napari_coreg.core.slabs import slab_grid, slabs
from napari_coreg.core.transforms import displacements, is_linear, spline_and_matrix
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    import SimpleITK as sitk

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
    >>> import SimpleITK as sitk
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
    from napari_coreg.core.measuring.bending_kernels import sum_energies  # noqa: PLC0415 - numba takes 0.5 s

    n, last = grid.dimension, grid.size_xyz[-1]
    spacing = np.array([*[1.0] * (3 - n), *grid.spacing_xyz[::-1]])
    total, voxels = 0.0, 0
    for start, stop in slabs(grid, None, is_cancelled):
        here = slab_grid(grid, start, stop)
        inside = np.ones(here.size_xyz[::-1], bool) if mask is None else np.ascontiguousarray(marked(mask, here).T)
        if not inside.any():
            continue
        before, after = max(0, min(start - 1, last - 3)), min(last, max(stop + 1, 3))
        vectors = displacements(transform, slab_grid(grid, before, after))
        inner = [[start - before, stop - before], *([0, size] for size in grid.size_xyz[-2::-1])]
        shape = (1,) * (3 - n) + vectors.shape
        total += sum_energies(
            np.ascontiguousarray(vectors).reshape(shape),
            spacing,
            np.array([*[[0, 1]] * (3 - n), *inner]),
            inside.reshape(shape[: 3 - n] + inside.shape),
        )
        voxels += int(np.count_nonzero(inside))
    return total / voxels
