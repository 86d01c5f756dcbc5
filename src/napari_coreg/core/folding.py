"""How much a transform swells and shrinks space, and whether it folds it: the Jacobian determinant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.transforms import displacement_field, spline_and_matrix
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid


@dataclass(frozen=True)
class Folding:
    """How much a transform swells and shrinks space, and whether it folds it.

    Attributes
    ----------
    minimum, maximum : float
        Of the Jacobian determinant: 1 keeps the volume, 2 doubles it, 0 or less folds space onto itself.
    folded_fraction : float
        Part of the voxels whose determinant is 0 or less, 0 to 1.
    """

    minimum: float
    maximum: float
    folded_fraction: float

    def __str__(self) -> str:
        """Return the finding in words.

        Examples
        --------
        >>> print(Folding(0.5, 2.0, 0.0))
        Jacobian determinant 0.50 to 2.00, no voxel folded
        >>> print(Folding(-0.1, 2.0, 0.001))
        Jacobian determinant -0.10 to 2.00, 0.1 % of the voxels folded
        """
        part = f"{100 * self.folded_fraction:.2g} % of the voxels" if self.folded_fraction else "no voxel"
        return f"Jacobian determinant {self.minimum:.2f} to {self.maximum:.2f}, {part} folded"


def jacobian_determinant(field: sitk.Image) -> sitk.Image:
    """Return the Jacobian determinant of the map p -> p + u(p).

    det(I + du/dp), by central differences, one-sided at the border; right for any direction of the grid.

    Parameters
    ----------
    field : SimpleITK.Image
        The displacement u in LPS mm on a grid with axes at right angles.

    Returns
    -------
    SimpleITK.Image
        32-bit floats on the field's grid.

    Raises
    ------
    GeometryError
        If an axis has fewer than two voxels, or the vectors have other axes than the grid.
    """
    n = field.GetDimension()
    if field.GetNumberOfComponentsPerPixel() != n or min(field.GetSize()) < 2:
        raise GeometryError(
            f"a field of {field.GetNumberOfComponentsPerPixel()}-vectors on a grid of {field.GetSize()} has no "
            f"Jacobian determinant; it needs {n}-vectors and 2 voxels along each axis"
        )
    from napari_coreg.core.measuring.jacobian_kernels import fill_determinants  # noqa: PLC0415 - numba takes 0.5 s

    # ITK's filter takes the vectors as if the direction were the identity, and halves the differences at the border.
    vectors = sitk.GetArrayViewFromImage(field)
    axes = np.eye(3)
    axes[:n, :n] = np.reshape(field.GetDirection(), (n, n)).T / np.reshape(field.GetSpacing(), (n, 1))
    shape = (1,) * (3 - n) + vectors.shape
    determinants = np.empty(shape[:3], np.float32)
    fill_determinants(np.ascontiguousarray(vectors, np.float32).reshape(shape), axes, determinants)
    image = sitk.GetImageFromArray(determinants.reshape(vectors.shape[:n]))
    image.CopyInformation(field)
    return image


def folding_of(transform: sitk.Transform, grid: Grid) -> Folding:
    """Return the range of the Jacobian determinant of a transform at the voxels of a grid, and how much is folded.

    From the derivatives of the B-spline itself, where the transform is one over this grid that linear transforms may
    follow; else from differences of the displacement field.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Normally the fixed image's.
    """
    chain = spline_and_matrix(transform)
    if chain is not None:
        from napari_coreg.core.bspline.fields import spline_determinants  # noqa: PLC0415 - numba takes 0.5 s

        spline, matrix = chain
        found = spline_determinants(spline, grid)
        if found is not None:
            factor = float(np.linalg.det(matrix))
            ends = sorted((found[0] * factor, found[1] * factor))
            return Folding(ends[0], ends[1], found[2] if factor > 0 else 1 - found[2])
    return folding(displacement_field(transform, grid))


def folding(field: sitk.Image) -> Folding:
    """Return the range of the Jacobian determinant of a displacement field, and how much of it is folded.

    Parameters
    ----------
    field : SimpleITK.Image
        As for `jacobian_determinant`.
    """
    determinant = jacobian_determinant(field)
    values = sitk.GetArrayViewFromImage(determinant)
    return Folding(float(values.min()), float(values.max()), float(np.mean(values <= 0)))
