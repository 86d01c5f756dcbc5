"""How well labelled structures lie on each other: overlap, distance of their surfaces, volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError, VolumeError

_LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True)
class LabelMeasures:
    """How well one structure A of the fixed labels lies on the same structure B of the moved ones.

    Attributes
    ----------
    label : int
        Its value.
    dice : float
        2 |A and B| / (|A| + |B|), 0 (apart) to 1 (the same).
    jaccard : float
        |A and B| / |A or B|, 0 to 1; dice / (2 - dice).
    hausdorff_95_mm : float or None
        The larger of the two 95th percentiles of the distances from the surface of one to the surface of the other, mm;
        None where one of the two lacks the structure.
    mean_surface_distance_mm : float or None
        Mean of the distances from either surface to the other, mm; None where one of the two lacks the structure.
    fixed_volume_ml, moved_volume_ml : float
        Voxels times the volume of one, ml (in 2-D the area, ml for a slice 1 mm thick); 0 where it is missing.
    volume_change : float or None
        (moved - fixed) / fixed; None where the fixed labels lack it.
    """

    label: int
    dice: float
    jaccard: float
    hausdorff_95_mm: float | None
    mean_surface_distance_mm: float | None
    fixed_volume_ml: float
    moved_volume_ml: float
    volume_change: float | None


def compare_labels(fixed_labels: sitk.Image, moved_labels: sitk.Image) -> dict[int, LabelMeasures]:
    """Measure every label but 0.

    Parameters
    ----------
    fixed_labels, moved_labels : SimpleITK.Image
        Whole numbers, on one grid (resample the moving labels with "nearest" or "label" first).

    Returns
    -------
    dict of int to LabelMeasures
        By rising label.

    Raises
    ------
    GeometryError
        If the grids differ.
    VolumeError
        If the values are not whole numbers, or there is no label but 0.
    """
    raise NotImplementedError


def dice_per_label(fixed_labels: sitk.Image, moved_labels: sitk.Image) -> dict[int, float]:
    """Return Dice's coefficient of every label but 0.

    2 |A and B| / (|A| + |B|), from 0 (apart) to 1 (the same); 0 for a label that only one of the two has.

    Parameters
    ----------
    fixed_labels, moved_labels : SimpleITK.Image
        Whole numbers, on one grid (resample the moving labels with "nearest" or "label" first).

    Returns
    -------
    dict of int to float
        By rising label.

    Raises
    ------
    GeometryError
        If the grids differ.
    VolumeError
        If the values are not whole numbers, or there is no label but 0.

    References
    ----------
    Dice, "Measures of the amount of ecologic association between species", Ecology 26, 1945.
    """
    first, second = (_as_labels(image, role) for image, role in ((fixed_labels, "fixed"), (moved_labels, "moving")))
    try:
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(first, second)
    except RuntimeError as error:
        raise GeometryError(
            "the fixed and the moved labels lie on different grids; resample one onto the other"
        ) from error
    found = set(np.unique(sitk.GetArrayViewFromImage(first))) | set(np.unique(sitk.GetArrayViewFromImage(second)))
    labels = sorted(int(label) for label in found if label != 0)
    if not labels:
        raise VolumeError("neither volume has a label other than 0, so there is no overlap to measure")
    return {label: float(overlap.GetDiceCoefficient(label)) for label in labels}


def _as_labels(image: sitk.Image, role: str) -> sitk.Image:
    values = sitk.GetArrayViewFromImage(image)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise VolumeError(f"the {role} labels are not whole numbers; give a volume of labels, not of intensities")
    if values.min() < 0 or values.max() > _LARGEST_LABEL:
        raise VolumeError(f"the {role} labels go from {values.min()} to {values.max()}; use 0 to {_LARGEST_LABEL}")
    return sitk.Cast(image, sitk.sitkUInt32)
