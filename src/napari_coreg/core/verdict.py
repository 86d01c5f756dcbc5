"""The verdict on a finished registration: good, doubtful or failed, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_coreg.core.evidence import APART_VOXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_coreg.core.evidence import PoseEvidence
    from napari_coreg.core.folding import Folding
    from napari_coreg.core.search.landscape import Matrix

    Findings = Iterator[tuple["VerdictState", str]]

VerdictState = Literal["good", "doubtful", "failed"]

# Of heads: results within 1 mm of the truth had no other pose above 0.81 of their score and settled within 0.25 voxels
# of the search (8 mm); results 5 mm or more off settled as far away as they were off, with 1.25 times the score at
# least.
BETTER_ELSEWHERE, AS_GOOD_ELSEWHERE = 1.1, 0.9
FAR_DRIFT_VOXELS, DRIFT_VOXELS, LARGE_GAIN = 0.6, 0.4, 1.15
FEWEST_CAPTURED = 0.5
FEWEST_MEETING, FEW_MEETING = 0.03, 0.15
WILD_STRETCHES, STRETCHES = (0.4, 2.5), (0.7, 1.4)
LARGEST_SHEAR = 1.5  # the longest stretch by the shortest


@dataclass(frozen=True)
class Verdict:
    """What can be said about a result without knowing the truth.

    Attributes
    ----------
    state : {"good", "doubtful", "failed"}
        "good" where nothing speaks against the result, "doubtful" where a person must look before it is used, "failed"
        where it is wrong for all that can be told.
    reasons : tuple of str
        Why, in words; the weightiest first.
    measures : dict of float or None
        The numbers behind it, by name with unit.
    """

    state: VerdictState
    reasons: tuple[str, ...]
    measures: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Facts:
    """What a verdict is made from.

    Attributes
    ----------
    pose : PoseEvidence or None
        What the search says of the linear part of the result; None where it begins with a deformation.
    matrix : array, shape (D + 1, D + 1), or None
        That linear part, fixed -> moving, LPS mm.
    folding : Folding or None
        Of the result, where it is deformable.
    metric_before, metric_after : float or None
        The last stage's metric as the volumes lay, and as they lie now; lower is better.
    swap_mm : float or None
        How far the result is from undoing the registration the other way round, where that was asked for.
    was_searched : bool
        Whether the start came from a search of all poses.
    ended_early : str
        Where the run was ended before its time, in words; empty where it went to its end.
    is_unchecked : bool
        Whether there is no evidence only because it was enough before it was gathered.
    """

    pose: PoseEvidence | None
    matrix: Matrix | None
    folding: Folding | None
    metric_before: float | None
    metric_after: float | None
    swap_mm: float | None = None
    was_searched: bool = False
    ended_early: str = ""
    is_unchecked: bool = False


def judge(facts: Facts) -> Verdict:
    """Return the verdict: the gravest of all findings decides."""
    kinds = (_of_end, _of_pose, _of_shape, _of_metric, _of_folding, _of_swap)
    findings = [finding for of_kind in kinds for finding in of_kind(facts)]
    failed = [reason for state, reason in findings if state == "failed"]
    doubtful = [reason for state, reason in findings if state == "doubtful"]
    state: VerdictState = "failed" if failed else "doubtful" if doubtful else "good"
    return Verdict(state, tuple(failed + doubtful) or _in_favour(facts), _measures(facts))


def has_better_pose(pose: PoseEvidence) -> bool:
    """Whether the volumes surely fit better in another pose, or a step away from this one."""
    is_better = pose.best_elsewhere is not None and pose.best_elsewhere >= BETTER_ELSEWHERE
    return is_better or (pose.drift_mm > FAR_DRIFT_VOXELS * pose.voxel_mm and pose.settled_gain > LARGE_GAIN)


def _of_end(facts: Facts) -> Findings:
    if facts.ended_early:
        yield "doubtful", f"the run was ended early, {facts.ended_early}"


def _of_pose(facts: Facts) -> Findings:
    pose = facts.pose
    if pose is None and facts.is_unchecked:
        yield "doubtful", "the pose was not checked, as the run was ended before"
        return
    if pose is None:
        yield (
            "doubtful",
            "the pose could not be checked: it starts from a deformation, or too little is left to compare",
        )
        return
    elsewhere, drift = list(_of_other_poses(pose, was_searched=facts.was_searched)), list(_of_drift(pose))
    is_near = pose.drift_mm < APART_VOXELS * pose.voxel_mm and pose.settled_gain > (pose.best_elsewhere or 0.0)
    yield from (*drift, *elsewhere) if is_near else (*elsewhere, *drift)
    if pose.captured < FEWEST_CAPTURED:
        yield (
            "doubtful",
            f"of starts about the result only {100 * pose.captured:.0f} % come back to it; the others end "
            f"{pose.capture_spread_mm:.1f} mm away (median)",
        )
    if pose.meeting < FEW_MEETING:
        state: VerdictState = "failed" if pose.meeting < FEWEST_MEETING else "doubtful"
        yield state, f"only {100 * pose.meeting:.0f} % of the smaller volume meets the other one"


def _of_other_poses(pose: PoseEvidence, *, was_searched: bool) -> Findings:
    if pose.best_elsewhere is not None and pose.best_elsewhere >= AS_GOOD_ELSEWHERE:
        place = f"{pose.elsewhere_mm:.0f} mm and {pose.elsewhere_degrees:.0f} degrees away"
        if pose.best_elsewhere >= BETTER_ELSEWHERE:
            yield (
                "failed",
                f"the volumes fit better in another pose, {place} ({pose.best_elsewhere:.2f} times the score); "
                + ("start by hand or from landmarks" if was_searched else "start with initialization 'auto'"),
            )
        else:
            yield (
                "doubtful",
                f"the volumes fit about as well in another pose, {place} ({100 * pose.best_elsewhere:.0f} % of the "
                "score): they may be symmetric or share too little",
            )


def _of_drift(pose: PoseEvidence) -> Findings:
    drift = pose.drift_mm / pose.voxel_mm
    if drift > FAR_DRIFT_VOXELS and pose.settled_gain > LARGE_GAIN:
        yield "failed", f"a better fit lies {pose.drift_mm:.1f} mm away: the optimizer stopped short of it"
    elif drift > DRIFT_VOXELS:
        yield "doubtful", f"improved coarsely, the result moves by {pose.drift_mm:.1f} mm"


def _of_shape(facts: Facts) -> Findings:
    if facts.matrix is None:
        return
    stretches = _stretches(facts.matrix)
    words = f"the volume is stretched by {stretches.min():.2f} to {stretches.max():.2f}"
    n = len(stretches)
    if np.linalg.det(facts.matrix[:n, :n]) <= 0:
        yield "failed", "the transform mirrors the volume or squeezes it flat"
    elif stretches.min() < WILD_STRETCHES[0] or stretches.max() > WILD_STRETCHES[1]:
        yield "failed", f"{words}, which no body does; check the voxel sizes"
    elif stretches.min() < STRETCHES[0] or stretches.max() > STRETCHES[1]:
        yield "doubtful", f"{words}; check the voxel sizes"
    elif stretches.max() / stretches.min() > LARGEST_SHEAR:
        yield "doubtful", f"{words}, so angles are bent"


def _of_metric(facts: Facts) -> Findings:
    before, after = facts.metric_before, facts.metric_after
    if after is None:
        yield "failed", "the volumes do not overlap where the result puts them"
    elif before is not None and after > before and facts.pose is not None:
        moved = facts.pose.moved_mm
        if moved > DRIFT_VOXELS * facts.pose.voxel_mm:
            yield (
                "doubtful",
                f"the metric got worse, from {before:.4g} to {after:.4g}, and the volume moved {moved:.1f} mm",
            )


def _of_folding(facts: Facts) -> Findings:
    if facts.folding is not None and facts.folding.folded_fraction > 0:
        yield "doubtful", f"the deformation folds space: {facts.folding}"


def _of_swap(facts: Facts) -> Findings:
    if facts.swap_mm is None or facts.pose is None:
        return
    voxels = facts.swap_mm / facts.pose.voxel_mm
    if voxels > DRIFT_VOXELS:
        state: VerdictState = "failed" if voxels > 2 else "doubtful"
        yield state, f"registered the other way round, the result is {facts.swap_mm:.1f} mm off"


def _in_favour(facts: Facts) -> tuple[str, ...]:
    """Return what speaks for a result against which nothing does."""
    reasons = []
    pose = facts.pose
    if pose is not None:
        if pose.best_elsewhere is None:
            reasons.append("no other pose fits")
        else:
            reasons.append(f"the best other pose has {100 * pose.best_elsewhere:.0f} % of the score")
        reasons.append(
            f"{100 * pose.captured:.0f} % of starts about the result come back to it, within "
            f"{pose.capture_spread_mm:.1f} mm (median)"
        )
    if facts.swap_mm is not None:
        reasons.append(f"registered the other way round, the result is the same within {facts.swap_mm:.2f} mm")
    if facts.folding is not None:
        reasons.append(str(facts.folding))
    return tuple(reasons)


def _measures(facts: Facts) -> dict[str, float | None]:
    measures: dict[str, float | None] = {} if facts.pose is None else asdict(facts.pose)
    if facts.matrix is not None:
        stretches = _stretches(facts.matrix)
        measures |= {"least_stretch": float(stretches.min()), "largest_stretch": float(stretches.max())}
    return measures | {"swap_mm": facts.swap_mm}


def _stretches(matrix: Matrix) -> Matrix:
    n = len(matrix) - 1
    return np.asarray(np.linalg.svd(matrix[:n, :n], compute_uv=False))
