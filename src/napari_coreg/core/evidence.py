"""Gathers what speaks for and against a result: where it settles, what jittered starts find, what else would fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_coreg.core.search.landscape import Landscape, Matrix, Pose

JITTERS, JITTER_DEGREES, JITTER_VOXELS = 8, 12.0, 1.5
APART_VOXELS = 2.0  # of the search, 16 mm for a head: poses farther from the result are other ones
BACK_VOXELS = 0.75  # from where the result settles: a jittered start that ends there came back


@dataclass(frozen=True)
class PoseEvidence:
    """What the coarse search says of the linear part of a result.

    Attributes
    ----------
    score : float
        Mutual information of the samples that meet, nats per sample of all.
    best_elsewhere : float or None
        The best score of another pose by that of the result; 1 or more is bad. None where there is no other.
    elsewhere_mm, elsewhere_degrees : float or None
        How far that pose is from the result.
    settled_gain : float
        Score where the result settles when it is improved coarsely, by its own.
    drift_mm : float
        How far it settles from the result.
    capture_spread_mm : float
        Median distance of the ends of jittered starts from where the result settles.
    captured : float
        Part of the jittered starts that came back, 0 to 1.
    meeting : float
        Part of the smaller volume's samples that meet the larger one, 0 to 1.
    moved_mm : float
        How far the result moved the volumes from where they lay.
    voxel_mm : float
        Of the search.
    """

    score: float
    best_elsewhere: float | None
    elsewhere_mm: float | None
    elsewhere_degrees: float | None
    settled_gain: float
    drift_mm: float
    capture_spread_mm: float
    captured: float
    meeting: float
    moved_mm: float
    voxel_mm: float


def gather(
    landscape: Landscape, matrix: Matrix, untouched: Matrix, poses: list[Pose], seed: int
) -> tuple[PoseEvidence, Pose]:
    """Return what the search says of a result, and the best pose that it knows.

    Parameters
    ----------
    landscape : Landscape
        The two volumes.
    matrix : array, shape (D + 1, D + 1)
        Linear part of the result, fixed -> moving, LPS mm.
    untouched : array, shape (D + 1, D + 1)
        As the volumes lay.
    poses : list of Pose
        In which the volumes fit, from `Landscape.explore`.
    seed : int
        Of the jittered starts.
    """
    score = landscape.score(matrix)
    settled, *jittered = landscape.settled([matrix, *_jittered(landscape, matrix, seed)])
    spread = [landscape.distance_mm(pose.matrix, settled.matrix) for pose in jittered]
    others = [
        pose
        for pose in [*poses, *jittered]
        if landscape.distance_mm(pose.matrix, matrix) > APART_VOXELS * landscape.voxel_mm
    ]
    other = max(others, key=lambda pose: pose.score, default=None)
    floor = max(score, 1e-9)
    evidence = PoseEvidence(
        score=score,
        best_elsewhere=None if other is None else other.score / floor,
        elsewhere_mm=None if other is None else landscape.distance_mm(other.matrix, matrix),
        elsewhere_degrees=None if other is None else angle_degrees(other.matrix @ np.linalg.inv(matrix)),
        settled_gain=settled.score / floor,
        drift_mm=landscape.distance_mm(settled.matrix, matrix),
        capture_spread_mm=float(np.median(spread)),
        captured=float(np.mean(np.array(spread) < BACK_VOXELS * landscape.voxel_mm)),
        meeting=landscape.meeting(matrix),
        moved_mm=landscape.distance_mm(matrix, untouched),
        voxel_mm=landscape.voxel_mm,
    )
    return evidence, settled if other is None or settled.score > other.score else other


def angle_degrees(matrix: Matrix) -> float:
    """Return the angle of the rotation in a linear transform, degrees."""
    n = len(matrix) - 1
    rotation = _rotation(matrix[:n, :n])
    cosine = (np.trace(rotation) - 1) / 2 if n == 3 else rotation[0, 0]
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def nearest_rigid(matrix: Matrix, centre_lps: Matrix) -> Matrix:
    """Return the rigid transform that turns as a linear one does and takes `centre_lps` to the same place."""
    n = len(matrix) - 1
    rigid = np.eye(n + 1)
    rigid[:n, :n] = _rotation(matrix[:n, :n])
    rigid[:n, n] = matrix[:n, :n] @ centre_lps + matrix[:n, n] - rigid[:n, :n] @ centre_lps
    return rigid


def _rotation(linear: Matrix) -> Matrix:
    """Return the rotation nearest to a linear map."""
    u, _, vt = np.linalg.svd(linear)
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))
    return np.asarray(u @ vt)


def _jittered(landscape: Landscape, matrix: Matrix, seed: int) -> list[Matrix]:
    """Return poses about `matrix`, turned and shifted in random directions by what a registration should undo."""
    from napari_coreg.core.search.view import rotation_matrices  # noqa: PLC0415 - numba takes 0.5 s

    n = landscape.dimension
    rng = np.random.default_rng(seed)
    axes, shifts = rng.normal(size=(2, JITTERS, 3))
    if n == 2:
        axes[:, :2], shifts[:, 2] = 0.0, 0.0
    axes, shifts = (vectors / np.linalg.norm(vectors, axis=1)[:, None] for vectors in (axes, shifts))
    centre = landscape.centre_lps
    some = []
    for turn, shift in zip(rotation_matrices(axes * np.deg2rad(JITTER_DEGREES)), shifts, strict=True):
        jitter = np.eye(n + 1)
        jitter[:n, :n] = turn[:n, :n]
        jitter[:n, n] = centre - turn[:n, :n] @ centre + shift[:n] * JITTER_VOXELS * landscape.voxel_mm
        some.append(matrix @ jitter)
    return some
