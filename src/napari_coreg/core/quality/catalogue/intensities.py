"""The measures of how alike the intensities are."""

from __future__ import annotations

from napari_coreg.core.quality.catalogue.measure import ROHLFING, TG_132, Best, Measure

_GROUP = "Similarity"
_CANNOT = (
    f"how accurate a registration is: a wrong one can score better than a right one ({ROHLFING}). It says nothing of "
    f"its own where the recipe made this very number good ({TG_132}, section 4.C.3), and it is not a distance in mm"
)
_ONE_MODALITY = "whether voxels hold the same values; for two volumes of one modality and scale only"
_ANY_MODALITY = "whether the values of one volume foretell those of the other; for any two modalities"


def _measure(key: str, name: str, best: Best, formula: str, span: str, source: str, tells: str) -> Measure:
    return Measure(key, name, _GROUP, "", best, formula, span, source, tells, _CANNOT)


SIMILARITY_MEASURES = (
    _measure(
        "mean_squares",
        "mean squared difference",
        "low",
        "sum((f - w)^2) / n over the n voxels looked at, of fixed values f and warped values w; in squared units of "
        "the values",
        "0 or more",
        "textbook",
        _ONE_MODALITY,
    ),
    _measure(
        "root_mean_square",
        "root mean square difference",
        "low",
        "the root of the mean squared difference, in units of the values",
        "0 or more",
        "textbook",
        _ONE_MODALITY,
    ),
    _measure(
        "correlation",
        "correlation",
        "high",
        "Pearson's r: cov(f, w) / (std(f) std(w))",
        "-1 to 1",
        "textbook",
        "whether values rise and fall together, whatever their scale; for one modality",
    ),
    _measure(
        "local_correlation",
        "local correlation",
        "high",
        "mean over the voxels of the squared correlation in a box about each, of 9 x 9 x 9 voxels where they are cubes",
        "0 to 1",
        "Avants et al., Symmetric diffeomorphic image registration with cross-correlation, Med Image Anal 12, 2008",
        "whether values vary together from place to place, whatever slow shading there is",
    ),
    _measure(
        "mutual_information",
        "mutual information",
        "high",
        "H(f) + H(w) - H(f, w) of the joint histogram, in nats",
        "0 or more",
        "Viola and Wells, Alignment by maximization of mutual information, Int J Comput Vis 24, 1997",
        f"{_ANY_MODALITY}; it depends on the overlap and on the bins",
    ),
    _measure(
        "normalized_mutual_information",
        "normalized mutual information",
        "high",
        "(H(f) + H(w)) / H(f, w)",
        "1 to 2",
        "Studholme, Hill and Hawkes, An overlap invariant entropy measure of 3D medical image alignment, Pattern "
        "Recognition 32, 1999",
        f"{_ANY_MODALITY}; it changes less with the overlap",
    ),
    _measure(
        "structural_similarity",
        "structural similarity (SSIM)",
        "high",
        "mean over the voxels of (2 m_f m_w + c1)(2 c_fw + c2) / ((m_f^2 + m_w^2 + c1)(v_f + v_w + c2)) with the means "
        "m, variances v and covariance c_fw in windows of 7 x 7 x 7 voxels (scikit-image)",
        "-1 to 1",
        "Wang, Bovik, Sheikh and Simoncelli, Image quality assessment, IEEE Trans Image Process 13, 2004",
        "whether brightness, contrast and pattern agree from place to place; for one modality",
    ),
    _measure(
        "overlapping_voxels",
        "voxels looked at",
        "none",
        "the fixed voxels that have a moving voxel behind them (and lie in the masks)",
        "0 to the size of the fixed volume",
        "count",
        "over how much the numbers of this group were taken",
    ),
)
