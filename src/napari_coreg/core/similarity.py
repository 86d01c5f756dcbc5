"""How alike the intensities of two volumes on one grid are, and where two grids overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import as_grid
from napari_coreg.core.local_similarity import LocalCorrelation, StructuralSimilarity, window_radius
from napari_coreg.core.paired_values import PairedValues, as_3d
from napari_coreg.core.resample import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.paired_values import Block, Moments
    from napari_coreg.core.progress import IsCancelled


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
        Mean over the voxels of Pearson's r squared within a box about each, 0 to 1; 1 is best. Contrast may change from
        place to place, and turn round. The box is about a cube in mm, of 9 x 9 x 9 voxels (2-D: 9 x 9) where they are
        cubes, so numbers of grids with other spacing do not compare. See `local_similarity.LocalCorrelation` for flat
        boxes and those at a border. None where it was not asked for, or no box has any contrast.
    mutual_information : float
        H(f) + H(w) - H(f, w), in nats, of the joint histogram; 0 or more, higher is better. For any two modalities.
    normalized_mutual_information : float or None
        (H(f) + H(w)) / H(f, w), 1 to 2, higher is better; changes less with the overlap. None where both are constant.
    structural_similarity : float or None
        SSIM of scikit-image in windows of 7 x 7 x 7 voxels, with the range of the fixed values looked at as its data
        range, averaged over the voxels whose whole window is looked at; -1 to 1, 1 is best. For one modality on one
        scale only. None where it was not asked for, the fixed volume is constant, or no whole window is looked at.
    voxels : int
        n.

    References
    ----------
    Viola and Wells, "Alignment by maximization of mutual information", Int J Comput Vis 24, 1997; Studholme, Hill and
    Hawkes, "An overlap invariant entropy measure of 3D medical image alignment", Pattern Recognition 32, 1999; Avants
    et al., "Symmetric diffeomorphic image registration with cross-correlation", Med Image Anal 12, 2008; Wang et al.,
    "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13, 2004.
    """

    mean_squares: float
    root_mean_square: float
    correlation: float | None
    local_correlation: float | None
    mutual_information: float
    normalized_mutual_information: float | None
    structural_similarity: float | None
    voxels: int


def overlap_mask(fixed: Grid | sitk.Image, moving: Grid | sitk.Image, transform: sitk.Transform) -> sitk.Image:
    """Return where `fixed` has a voxel of `moving` behind it.

    Parameters
    ----------
    fixed, moving : Grid or SimpleITK.Image
        The two grids, or volumes on them.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.

    Returns
    -------
    SimpleITK.Image
        Of type uint8, on the fixed grid: 1 where the point lies within the moving grid, else 0.
    """
    fixed, moving = as_grid(fixed), as_grid(moving)
    everywhere = sitk.Image(list(moving.size_xyz), sitk.sitkUInt8) + 1
    everywhere.SetSpacing(moving.spacing_xyz)
    everywhere.SetOrigin(moving.origin_lps)
    everywhere.SetDirection(moving.direction)
    return resample(everywhere, fixed, transform, interpolator="nearest", background=0)


def similarity(
    fixed: sitk.Image,
    warped: sitk.Image,
    mask: sitk.Image | None = None,
    *,
    bins: int = 64,
    local: bool = True,
    is_cancelled: IsCancelled | None = None,
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
    is_cancelled : callable, optional
        Asked between two parts of the volumes.

    Returns
    -------
    Similarity

    Raises
    ------
    GeometryError
        If the grids have different sizes.
    VolumeError
        If there is no voxel to look at.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> image = sitk.GaussianSource(sitk.sitkFloat32, [16, 16, 16], [4, 4, 4], [8, 8, 8])
    >>> similarity(image, image).correlation
    1.0
    """
    pair = PairedValues(fixed, warped, mask, is_cancelled)
    moments = pair.moments
    local_correlation, structural = _local_measures(pair, fixed.GetSpacing()[::-1]) if local else (None, None)
    margin = max([0, *(measure.margin for measure in (local_correlation, structural) if measure is not None)])
    joint = np.zeros((bins, bins), np.int64)
    for block in pair.blocks(margin):
        _count(block, moments, joint)
        for measure in (local_correlation, structural):
            if measure is not None:
                measure.add(block)
    f_entropy, w_entropy, joint_entropy = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0)), _entropy(joint)
    return Similarity(
        mean_squares=moments.squares / moments.number,
        root_mean_square=(moments.squares / moments.number) ** 0.5,
        correlation=_correlation(moments),
        local_correlation=None if local_correlation is None else local_correlation.value,
        mutual_information=max(0.0, f_entropy + w_entropy - joint_entropy),
        normalized_mutual_information=(f_entropy + w_entropy) / joint_entropy if joint_entropy > 0 else None,
        structural_similarity=None if structural is None else structural.value,
        voxels=moments.number,
    )


def _local_measures(
    pair: PairedValues, spacing_zyx: tuple[float, ...]
) -> tuple[LocalCorrelation | None, StructuralSimilarity | None]:
    moments = pair.moments
    means = moments.f_mean, moments.w_mean
    deviations = (moments.ff / moments.number) ** 0.5, (moments.ww / moments.number) ** 0.5
    correlation = LocalCorrelation(window_radius(spacing_zyx), pair.shape, means, deviations)
    data_range = moments.f_high - moments.f_low
    if data_range == 0:
        return correlation, None
    return correlation, StructuralSimilarity(pair.shape, data_range, means, deviations)


def _correlation(moments: Moments) -> float | None:
    scale = moments.ff**0.5 * moments.ww**0.5
    return float(np.clip(moments.fw / scale, -1, 1)) if scale > 0 else None


def _count(block: Block, moments: Moments, joint: NDArray[np.int64]) -> None:
    """Add the pairs of a block to the joint histogram."""
    from napari_coreg.core.measuring.pair_kernels import count_pairs  # noqa: PLC0415 - numba takes 0.5 s

    ends = (moments.f_low, moments.f_high), (moments.w_low, moments.w_high)
    lows = np.array([low for low, _ in ends])
    scales = np.array([len(joint) / (high - low) if high > low else 0.0 for low, high in ends])
    count_pairs(as_3d(block.f), as_3d(block.w), as_3d(block.inside), block.inner_zyx, lows, scales, joint)


def _entropy(counts: NDArray[np.int64]) -> float:
    """Return the entropy of a histogram, in nats."""
    p = counts[counts > 0] / counts.sum()
    return float(-np.sum(p * np.log(p)))
