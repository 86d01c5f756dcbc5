"""Numbers that tell how well two volumes lie on each other: similarity, overlap of labels, error at landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.resample import resample
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid

_LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True)
class Similarity:
    """How alike the intensities of two volumes on one grid are.

    With fixed values f and warped values w at the n voxels looked at:

    Attributes
    ----------
    mean_squares : float
        sum((f - w)^2) / n, in squared units of the values; 0 is best. For one modality only.
    root_mean_square : float
        Its square root, in units of the values.
    correlation : float or None
        Pearson's r, cov(f, w) / (std(f) std(w)), -1 to 1; 1 is best for one modality. None where a volume is constant.
    mutual_information : float
        H(f) + H(w) - H(f, w), in nats, of the joint histogram; 0 or more, higher is better. For any two modalities.
    normalized_mutual_information : float or None
        (H(f) + H(w)) / H(f, w), 1 to 2, higher is better; changes less with the overlap. None where both are constant.
    voxels : int
        n.

    References
    ----------
    Viola and Wells, "Alignment by maximization of mutual information", Int J Comput Vis 24, 1997; Studholme, Hill and
    Hawkes, "An overlap invariant entropy measure of 3D medical image alignment", Pattern Recognition 32, 1999.
    """

    mean_squares: float
    root_mean_square: float
    correlation: float | None
    mutual_information: float
    normalized_mutual_information: float | None
    voxels: int


@dataclass(frozen=True)
class TargetRegistrationError:
    """Distances, in mm, between where landmarks are and where the transform puts them.

    Attributes
    ----------
    mean, median, p95, maximum : float
        Over all landmarks; p95 is the 95th percentile.
    errors_mm : tuple of float
        One per landmark.

    References
    ----------
    Fitzpatrick, West and Maurer, "Predicting error in rigid-body point-based registration", IEEE TMI 17, 1998.
    """

    mean: float
    median: float
    p95: float
    maximum: float
    errors_mm: tuple[float, ...]


def overlap_mask(fixed: Grid, moving: Grid, transform: sitk.Transform) -> sitk.Image:
    """Return where `fixed` has a voxel of `moving` behind it.

    Parameters
    ----------
    fixed, moving : Grid
        The two grids.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.

    Returns
    -------
    SimpleITK.Image
        Of type uint8, on the fixed grid: 1 where the point lies within the moving grid, else 0.
    """
    everywhere = sitk.Image(list(moving.size_xyz), sitk.sitkUInt8) + 1
    everywhere.SetSpacing(moving.spacing_xyz)
    everywhere.SetOrigin(moving.origin_lps)
    everywhere.SetDirection(moving.direction)
    return resample(everywhere, fixed, transform, interpolator="nearest", background=0)


def similarity(fixed: sitk.Image, warped: sitk.Image, mask: sitk.Image | None = None, *, bins: int = 64) -> Similarity:
    """Compare the intensities of two volumes on the same grid.

    Parameters
    ----------
    fixed, warped : SimpleITK.Image
        Scalar volumes on one grid.
    mask : SimpleITK.Image, optional
        On that grid; only voxels that are not 0 are looked at (see `overlap_mask`). Voxels that are NaN or infinite in
        either volume are left out anyway.
    bins : int
        Bins of the joint histogram along each axis, from minimum to maximum of the values looked at.

    Raises
    ------
    GeometryError
        If the grids have different sizes.
    VolumeError
        If there is no voxel to look at.

    Examples
    --------
    >>> image = sitk.GaussianSource(sitk.sitkFloat32, [16, 16, 16], [4, 4, 4], [8, 8, 8])
    >>> similarity(image, image).correlation
    1.0
    """
    others = [warped] if mask is None else [warped, mask]
    for other in others:
        if other.GetSize() != fixed.GetSize():
            raise GeometryError(
                f"the volumes have {fixed.GetSize()} and {other.GetSize()} voxels; bring them on one grid"
            )
    f, w = (sitk.GetArrayViewFromImage(image).astype(np.float64) for image in (fixed, warped))
    looked_at = np.isfinite(f) & np.isfinite(w)
    if mask is not None:
        looked_at &= sitk.GetArrayViewFromImage(mask) != 0
    f, w = f[looked_at], w[looked_at]
    if f.size == 0:
        raise VolumeError("the two volumes do not overlap, so there is nothing to compare")
    mean_squares = float(np.mean((f - w) ** 2))
    f_entropy, w_entropy, joint_entropy = _entropies(f, w, bins)
    return Similarity(
        mean_squares=mean_squares,
        root_mean_square=mean_squares**0.5,
        correlation=_correlation(f, w),
        mutual_information=max(0.0, f_entropy + w_entropy - joint_entropy),
        normalized_mutual_information=(f_entropy + w_entropy) / joint_entropy if joint_entropy > 0 else None,
        voxels=int(f.size),
    )


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


def target_registration_error(
    transform: sitk.Transform, fixed_points_lps: NDArray[np.float64], moving_points_lps: NDArray[np.float64]
) -> TargetRegistrationError:
    """Return how far the transform misses corresponding landmarks: |T(p) - q|, mm.

    Parameters
    ----------
    transform : SimpleITK.Transform
        T, fixed -> moving, LPS mm.
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        p and q: the same N landmarks, in the same order, in the fixed and in the moving volume.

    Raises
    ------
    GeometryError
        If the numbers of points differ, there are none, or they have other axes than the transform.

    Examples
    --------
    >>> points = np.zeros((1, 2))
    >>> target_registration_error(sitk.TranslationTransform(2, (3.0, 4.0)), points, points).mean
    5.0
    """
    fixed, moving = np.asarray(fixed_points_lps, float), np.asarray(moving_points_lps, float)
    n = transform.GetDimension()
    if fixed.ndim != 2 or fixed.shape != moving.shape or len(fixed) == 0 or fixed.shape[1] != n:
        raise GeometryError(
            f"the fixed points are an array of shape {fixed.shape} and the moving points of {moving.shape}, but both "
            f"must be (N, {n}) with the same landmarks in the same order"
        )
    mapped = np.array([transform.TransformPoint(point) for point in fixed.tolist()])
    errors = np.linalg.norm(mapped - moving, axis=1)
    return TargetRegistrationError(
        mean=float(errors.mean()),
        median=float(np.median(errors)),
        p95=float(np.percentile(errors, 95)),
        maximum=float(errors.max()),
        errors_mm=tuple(errors.tolist()),
    )


def _correlation(f: NDArray[np.float64], w: NDArray[np.float64]) -> float | None:
    f, w = f - f.mean(), w - w.mean()
    scale = float(np.sqrt(np.dot(f, f)) * np.sqrt(np.dot(w, w)))
    return float(np.clip(np.dot(f, w) / scale, -1, 1)) if scale > 0 else None


def _entropies(f: NDArray[np.float64], w: NDArray[np.float64], bins: int) -> tuple[float, float, float]:
    """Return the entropies of f, of w and of both together, in nats."""
    joint = np.bincount(_binned(f, bins) * bins + _binned(w, bins), minlength=bins * bins).reshape(bins, bins)
    return _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0)), _entropy(joint)


def _binned(values: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.zeros(values.shape, np.intp)
    return np.minimum(((values - low) * (bins / (high - low))).astype(np.intp), bins - 1)


def _entropy(counts: NDArray[np.intp]) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-np.sum(p * np.log(p)))


def _as_labels(image: sitk.Image, role: str) -> sitk.Image:
    values = sitk.GetArrayViewFromImage(image)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise VolumeError(f"the {role} labels are not whole numbers; give a volume of labels, not of intensities")
    if values.min() < 0 or values.max() > _LARGEST_LABEL:
        raise VolumeError(f"the {role} labels go from {values.min()} to {values.max()}; use 0 to {_LARGEST_LABEL}")
    return sitk.Cast(image, sitk.sitkUInt32)
