"""How alike the intensities of two volumes on one grid are, and where two grids overlap."""

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
    local_correlation : float or None
        Mean over the voxels of Pearson's r within a box about each, -1 to 1; 1 is best, and contrast and brightness may
        change from place to place. None where it was not asked for, or no box has any contrast in both volumes.
    mutual_information : float
        H(f) + H(w) - H(f, w), in nats, of the joint histogram; 0 or more, higher is better. For any two modalities.
    normalized_mutual_information : float or None
        (H(f) + H(w)) / H(f, w), 1 to 2, higher is better; changes less with the overlap. None where both are constant.
    structural_similarity : float or None
        SSIM, at most 1; 1 is best. For one modality on one scale. None where it was not asked for, or the fixed volume
        is constant.
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
    local_correlation: float | None
    mutual_information: float
    normalized_mutual_information: float | None
    structural_similarity: float | None
    voxels: int


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


def similarity(
    fixed: sitk.Image, warped: sitk.Image, mask: sitk.Image | None = None, *, bins: int = 64, local: bool = True
) -> Similarity:
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
    local : bool
        Whether to compute `local_correlation` and `structural_similarity`, which take most of the time.

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
        local_correlation=None,
        mutual_information=max(0.0, f_entropy + w_entropy - joint_entropy),
        normalized_mutual_information=(f_entropy + w_entropy) / joint_entropy if joint_entropy > 0 else None,
        structural_similarity=None,
        voxels=int(f.size),
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
