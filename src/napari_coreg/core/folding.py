"""How much a transform swells and shrinks space, and whether it folds it: the Jacobian determinant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError


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
    # ITK differentiates along the grid's axes but takes the vectors as they are, so its determinant is wrong unless the
    # direction is the identity: turn the vectors into the grid's axes. It also repeats the border voxels, which halves
    # the differences there: continue the field linearly by one voxel instead.
    axes = np.reshape(field.GetDirection(), (n, n))
    vectors = sitk.GetArrayViewFromImage(field) @ axes.astype(np.float32)
    padded = np.pad(vectors, [(1, 1)] * n + [(0, 0)], mode="reflect", reflect_type="odd")
    upright = sitk.GetImageFromArray(padded.astype(np.float32, copy=False), isVector=True)
    upright.SetSpacing(field.GetSpacing())
    determinant = sitk.Crop(sitk.DisplacementFieldJacobianDeterminant(upright), [1] * n, [1] * n)
    determinant.SetOrigin(field.GetOrigin())
    determinant.SetDirection(field.GetDirection())
    return sitk.Cast(determinant, sitk.sitkFloat32)


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
