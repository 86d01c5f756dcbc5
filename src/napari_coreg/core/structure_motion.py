"""How each labelled structure moves: how far, how much of that is rigid, and whether its volume is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class StructureMotion:
    """What a transform does to one structure of the fixed volume.

    Attributes
    ----------
    label : int
        Of the structure.
    voxels : int
        How many it has.
    volume_ml : float
        Its volume as labelled.
    mean_mm, median_mm, p95_mm, maximum_mm : float
        Of the lengths of the displacements of its voxels.
    rigid_shift_mm, rigid_angle_degrees : float
        The rotation and shift that come nearest to its motion: how far its centroid moves, and by how much it turns.
    residual_mean_mm, residual_maximum_mm : float
        What is left of the displacements when that is taken back.
    minimum_determinant, maximum_determinant : float
        Of the Jacobian determinant in its voxels.
    folded : int
        Voxels whose determinant is 0 or less.
    volume_change : float
        The mean determinant less 1: 0.1 where the structure is a tenth larger in the moving volume.
    """

    label: int
    voxels: int
    volume_ml: float
    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    rigid_shift_mm: float
    rigid_angle_degrees: float
    residual_mean_mm: float
    residual_maximum_mm: float
    minimum_determinant: float
    maximum_determinant: float
    folded: int
    volume_change: float


def motion_per_structure(transform: sitk.Transform, labels: sitk.Image) -> dict[int, StructureMotion]:
    """Return what a transform does to each structure, by label; label 0 is background.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    labels : SimpleITK.Image
        Whole numbers, in the fixed space.
    """
    raise NotImplementedError
