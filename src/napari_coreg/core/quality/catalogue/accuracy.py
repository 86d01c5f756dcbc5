"""The measures that need to know what belongs to what: landmarks and structures."""

from __future__ import annotations

from napari_coreg.core.quality.catalogue.measure import FITZPATRICK, ROHLFING, TG_132, Best, Measure

_TRE_CANNOT = (
    "what happens far from the landmarks, and nothing where the transform was fitted to these very landmarks: that "
    f"error of the fit (FRE) is not a target registration error ({FITZPATRICK}). It holds the error of setting the "
    "landmarks, too"
)
_PER_AXIS = "whether all landmarks are off the same way, as after a shift; of errors that cancel it sees nothing"
_DICE_CANNOT = (
    "how far the surfaces are apart: it depends on the size of a structure, so that 1 mm costs a small or thin one far "
    "more than a large one. Overlap of large or loosely defined tissue is no evidence of accuracy; that of small, "
    f"local structures is ({ROHLFING})"
)
_SURFACE_CANNOT = (
    "what happens along the surface or away from it, nor better than the structures were outlined by hand or program"
)
_SURFACES = "Heimann et al., Comparison and evaluation of methods for liver segmentation from CT, IEEE TMI 28, 2009"


def _tre(key: str, name: str, best: Best, formula: str, tells: str, span: str = "0 or more") -> Measure:
    return Measure(
        key, name, "Landmarks", "mm", best, formula, span, f"{FITZPATRICK}; {TG_132}, Table III", tells, _TRE_CANNOT
    )


def _axis(key: str, towards: str, axis: str) -> Measure:
    formula = f"mean over the landmarks of the {axis} component (LPS) of T(p) - q"
    return _tre(key, f"offset towards {towards}", "none", formula, _PER_AXIS, "any; 0 is best")


_ERROR = "|T(p) - q| over the landmarks p in the fixed and q in the moving volume"
_TRE_TELLS = "how far the transform misses places that an expert found in both volumes, there"

LANDMARK_MEASURES = (
    _tre("tre_mean", "target registration error, mean", "low", f"mean of {_ERROR}", _TRE_TELLS),
    _tre("tre_median", "target registration error, median", "low", f"median of {_ERROR}", _TRE_TELLS),
    _tre("tre_p95", "target registration error, 95th percentile", "low", f"95th percentile of {_ERROR}", _TRE_TELLS),
    _tre("tre_max", "target registration error, maximum", "low", f"maximum of {_ERROR}", _TRE_TELLS),
    _axis("tre_left", "left", "x"),
    _axis("tre_posterior", "posterior", "y"),
    _axis("tre_superior", "superior", "z"),
    _tre(
        "landmark_error",
        "error of one landmark",
        "low",
        "|T(p) - q| of a landmark p in the fixed and q in the moving volume",
        _TRE_TELLS,
    ),
    Measure(
        "landmark_fit_rms",
        "best rigid fit to the landmarks, residual",
        "Landmarks",
        "mm",
        "low",
        "root mean square of |R(p) - q| for the rotation and shift R that fit the landmarks best (FRE)",
        "0 or more",
        FITZPATRICK,
        "how well the landmarks agree with each other, if nothing between the volumes bends",
        f"how accurate the transform is, nor how accurate one fitted to the landmarks would be ({FITZPATRICK})",
    ),
    Measure(
        "landmark_fit_leave_one_out",
        "best rigid fit to the landmarks, leave-one-out",
        "Landmarks",
        "mm",
        "low",
        "root mean square of |R_i(p_i) - q_i|, where R_i is the rigid fit to all landmarks but number i",
        "0 or more",
        "leave-one-out cross-validation; for landmarks see " + FITZPATRICK,
        "how well one could do with the landmarks alone; a transform that misses them by much more is worse than that",
        "anything of the transform itself; where the body bends it is large for a perfect one, too",
    ),
)


def _overlap(key: str, name: str, formula: str, source: str) -> Measure:
    tells = "how much of a structure lies on its counterpart"
    return Measure(key, name, "Structures", "", "high", formula, "0 to 1", source, tells, _DICE_CANNOT)


_DICE = f"Dice, Measures of the amount of ecologic association between species, Ecology 26, 1945; {TG_132}, Table III"

STRUCTURE_MEASURES = (
    _overlap("dice", "Dice's coefficient", "2 |A and B| / (|A| + |B|)", _DICE),
    _overlap("dice_mean", "Dice's coefficient, mean of all", "mean over the structures that both volumes have", _DICE),
    _overlap(
        "jaccard",
        "Jaccard's coefficient",
        "|A and B| / |A or B|",
        "Jaccard, The distribution of the flora in the alpine zone, New Phytol 11, 1912",
    ),
    Measure(
        "mean_surface_distance",
        "mean distance of surfaces",
        "Structures",
        "mm",
        "low",
        "mean, over the points of both surfaces, of the distance to the other surface (TG-132: mean distance to "
        "agreement)",
        "0 or more",
        f"{TG_132}, Table III; {_SURFACES}",
        "how far outlines are apart on average, whatever the size of the structure",
        _SURFACE_CANNOT,
    ),
    Measure(
        "hausdorff_95",
        "Hausdorff distance, 95th percentile",
        "Structures",
        "mm",
        "low",
        "the 95th percentile of the distances from each surface to the other one, the larger of both ways",
        "0 or more",
        "Huttenlocher, Klanderman and Rucklidge, Comparing images using the Hausdorff distance, IEEE TPAMI 15, 1993",
        "how far the worst parts of the outlines are apart, without single stray voxels",
        _SURFACE_CANNOT,
    ),
    Measure(
        "volume_change",
        "difference of volume",
        "Structures",
        "%",
        "none",
        "(V_moved - V_fixed) / V_fixed x 100",
        "-100 or more; 0 is best",
        "textbook",
        "whether a structure is as large as its counterpart",
        "whether it is in the right place",
    ),
)
