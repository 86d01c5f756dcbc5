"""The measures that need no truth: the verdict, and what comes of registering again in other ways."""

from __future__ import annotations

from napari_coreg.core.quality.catalogue.measure import ROHLFING, TG_132, Best, Measure

_OURS = "napari-coreg, see the page on starts and verdicts"
_VERDICT_CANNOT = (
    "whether the transform is right to the millimetre: it looks at the linear part, at voxels of several millimetres"
)
_CONSISTENCY_CANNOT = (
    "how accurate a registration is: one that moves nothing, or two that make the same mistake, are perfectly "
    f"consistent ({ROHLFING}). Large values prove an error, small ones prove nothing"
)
_REPEATABILITY_CANNOT = "a mistake that all runs make alike"
_SIMULATION_CANNOT = (
    "how this registration went: it is of a made-up motion of the same volume, whose contrast and noise are simpler "
    "than those of another scan"
)
_CHRISTENSEN = "Christensen and Johnson, Consistent image registration, IEEE TMI 20, 2001"


def _verdict(key: str, name: str, unit: str, best: Best, formula: str, span: str, tells: str) -> Measure:
    return Measure(key, name, "Verdict", unit, best, formula, span, _OURS, tells, _VERDICT_CANNOT)


VERDICT_MEASURES = (
    _verdict(
        "best_elsewhere",
        "best score in another pose, by that of this one",
        "",
        "low",
        "mutual information in the best other pose found in a search of all, by that in this pose",
        "0 or more",
        "whether the volumes fit better in another pose: from 1 on they do",
    ),
    _verdict(
        "drift",
        "moves when improved coarsely",
        "mm",
        "low",
        "root mean square motion of the body when the pose is improved by mutual information on coarse voxels",
        "0 or more",
        "whether the pose is an optimum; far from one it runs away",
    ),
    _verdict(
        "captured",
        "jittered starts that come back",
        "%",
        "high",
        "part of 8 starts, turned and shifted in random directions, that end where this pose does",
        "0 to 100",
        "how sharp the optimum is",
    ),
    _verdict(
        "meeting",
        "part that meets the other volume",
        "%",
        "high",
        "part of the samples of the smaller body that lie inside the other volume",
        "0 to 100",
        "how much the other numbers rest on",
    ),
)


def _distances(key: str, group: str, unit: str, words: str, formula: str, source: str, *told: str) -> list[Measure]:
    """Return mean, 95th percentile and maximum of one map."""
    tells, cannot = told
    return [
        Measure(f"{key}_{end}", f"{words}, {name}", group, unit, "low", formula, "0 or more", source, tells, cannot)
        for end, name in (("mean", "mean"), ("p95", "95th percentile"), ("max", "maximum"))
    ]


CHECK_MEASURES = (
    *_distances(
        "inverse_consistency",
        "Inverse consistency",
        "mm",
        "inverse consistency",
        "|B(T(p)) - p| over the voxels p of the body, of T and of B that was found by registering the other way round",
        f"{_CHRISTENSEN}; {TG_132}, Table III",
        "whether both ways agree",
        _CONSISTENCY_CANNOT,
    ),
    *_distances(
        "transitivity",
        "Transitivity",
        "mm",
        "transitivity",
        "|T23(T12(p)) - T13(p)| over the voxels p of the body, of transforms between three volumes",
        f"Christensen et al., Introduction to the non-rigid image registration evaluation project, 2006; {TG_132}",
        "whether going by a third volume leads to the same place",
        _CONSISTENCY_CANNOT,
    ),
    *_distances(
        "repeatability",
        "Repeatability",
        "mm",
        "spread of repeated runs",
        "root mean square distance of T_i(p) from the mean over the runs i, over the voxels p of the body; the "
        "runs have other seeds and jittered starts",
        "napari-coreg; compare Kybic, Bootstrap resampling for image registration uncertainty, IEEE TIP 19, 2010",
        "how much of the result is chance",
        _REPEATABILITY_CANNOT,
    ),
    *_distances(
        "simulated_error",
        "Simulation",
        "mm",
        "error on a known motion",
        "|T(p) - S(p)| over the voxels p of the body, of T that the recipe finds for a motion S that was made up",
        "napari-coreg; digital phantoms as in " + TG_132,
        "what this recipe can do on this kind of image",
        _SIMULATION_CANNOT,
    ),
)
