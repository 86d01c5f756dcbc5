"""How each labelled structure moves: how far, how much of that is rigid, and whether its volume is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.folding import jacobian_determinant
from napari_coreg.core.geometry import Grid, require_scalars
from napari_coreg.core.point_fits import fit_linear
from napari_coreg.core.rigid_part import rigid_size
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled

_RIGID_POINTS = 20_000


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
        Its volume as labelled; in 2-D its area, 1000 mm^2.
    mean_mm, median_mm, p95_mm, maximum_mm : float
        Of the lengths of the displacements of its voxels.
    rigid_shift_mm, rigid_angle_degrees : float
        The rotation and shift that come nearest to its motion, by least squares: how far its centroid moves, and by how
        much it turns. The angle is NaN where its voxels lie on one line or in one place.
    residual_mean_mm, residual_maximum_mm : float
        Lengths of what is left of the displacements when that is taken back.
    minimum_determinant, maximum_determinant : float
        Of the Jacobian determinant in its voxels.
    folded : int
        Voxels whose determinant is 0 or less.
    volume_change : float
        The mean determinant less 1, which is the integral of the determinant over the structure: 0.1 where it is a
        tenth larger in the moving volume than in the fixed one.
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


def motion_per_structure(
    transform: sitk.Transform, labels: sitk.Image, *, is_cancelled: IsCancelled | None = None
) -> dict[int, StructureMotion]:
    """Return what a transform does to each structure, by label in rising order; label 0 is background.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    labels : SimpleITK.Image
        Whole numbers, in the fixed space, on any grid; measured at its voxels.
    is_cancelled : callable, optional
        Asked between two structures.

    Raises
    ------
    GeometryError
        The transform has other axes than the labels, or an axis of these has fewer than two voxels.
    VolumeError
        The labels are not whole numbers, or are all 0.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> labels = sitk.Image([6, 6, 6], sitk.sitkUInt8)
    >>> labels[2:4, 2:4, 2:4] = 7
    >>> moved = motion_per_structure(sitk.TranslationTransform(3, (3.0, 0.0, 4.0)), labels)[7]
    >>> moved.voxels, moved.median_mm, moved.rigid_shift_mm, round(moved.residual_maximum_mm, 6)
    (8, 5.0, 5.0, 0.0)
    """
    grid = Grid.of(labels)
    require_axes(transform, grid)
    if min(grid.size_xyz) < 2:
        raise GeometryError(f"labels of {grid.size_xyz} voxels have no Jacobian determinant; each axis needs 2")
    whole = _whole(labels)
    boxes = sitk.LabelShapeStatisticsImageFilter()
    boxes.ComputeOrientedBoundingBoxOff()
    boxes.Execute(whole)
    if not boxes.GetLabels():
        raise VolumeError("all labels are 0, which is background; choose a volume in which structures are marked")
    found = {}
    for label in sorted(boxes.GetLabels()):
        if is_cancelled is not None and is_cancelled():
            raise RegistrationCancelled("measuring the structures was cancelled")
        found[int(label)] = _motion(transform, _around(whole, boxes.GetBoundingBox(label)) == label, int(label))
    return found


def _whole(labels: sitk.Image) -> sitk.Image:
    """Return labels as integers, after a check that they are."""
    require_scalars(labels, "labels")
    if "float" not in labels.GetPixelIDTypeAsString():
        return labels
    values = sitk.GetArrayViewFromImage(labels)
    if not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise VolumeError("labels must be whole numbers, but some have fractions; was the volume interpolated?")
    return sitk.Cast(labels, sitk.sitkInt32)


def _around(labels: sitk.Image, box: tuple[int, ...]) -> sitk.Image:
    """Return the part of the labels in a box and one voxel beyond, for differences."""
    n = labels.GetDimension()
    first = [max(0, start - 1) for start in box[:n]]
    last = [min(size, start + count + 1) for size, start, count in zip(labels.GetSize(), box[:n], box[n:], strict=True)]
    return sitk.RegionOfInterest(labels, [end - start for start, end in zip(first, last, strict=True)], first)


def _motion(transform: sitk.Transform, structure: sitk.Image, label: int) -> StructureMotion:
    grid = Grid.of(structure)
    inside = sitk.GetArrayViewFromImage(structure) != 0
    field = displacement_field(transform, grid)
    vectors = sitk.GetArrayViewFromImage(field)[inside]
    lengths = np.linalg.norm(vectors, axis=-1)
    determinants = sitk.GetArrayFromImage(jacobian_determinant(field))[inside]
    shift_mm, angle, residuals = _rigid(grid, vectors, inside)
    median, p95 = np.percentile(lengths, (50, 95))
    return StructureMotion(
        label=label,
        voxels=len(lengths),
        volume_ml=len(lengths) * math.prod(grid.spacing_xyz) / 1000,
        mean_mm=float(lengths.mean(dtype=np.float64)),
        median_mm=float(median),
        p95_mm=float(p95),
        maximum_mm=float(lengths.max()),
        rigid_shift_mm=shift_mm,
        rigid_angle_degrees=angle,
        residual_mean_mm=float(residuals.mean(dtype=np.float64)),
        residual_maximum_mm=float(residuals.max()),
        minimum_determinant=float(determinants.min()),
        maximum_determinant=float(determinants.max()),
        folded=int(np.count_nonzero(determinants <= 0)),
        volume_change=float(determinants.mean(dtype=np.float64)) - 1,
    )


def _rigid(
    grid: Grid, vectors: NDArray[np.float32], inside: NDArray[np.bool_]
) -> tuple[float, float, NDArray[np.floating]]:
    """Return shift, mm, and angle, degrees, of the rigid part, and the lengths of what is left without it."""
    places = np.argwhere(inside)
    if np.linalg.matrix_rank(places - places[0]) < grid.dimension - 1:  # a turn about the line would not be seen
        shift = vectors.mean(axis=0)
        return float(np.linalg.norm(shift)), math.nan, np.linalg.norm(vectors - shift, axis=-1)
    points = grid.to_lps(places[:, ::-1].astype(np.float64))
    moved = points + vectors
    every = max(1, len(points) // _RIGID_POINTS)
    rigid = fit_linear("rigid", points[::every], moved[::every])
    return *rigid_size(rigid.transform), np.linalg.norm(moved - rigid(points), axis=-1)
