"""First guesses from keypoints of two volumes that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.canvas import make_canvas
from napari_coreg.core.consensus import find_consensus, residuals
from napari_coreg.core.keypoints import HALF_TURNS, describe_corners, find_corners
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import GeometryError, RegistrationError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.canvas import Canvas, Half
    from napari_coreg.core.consensus import LinearModel
    from napari_coreg.core.keypoints import Keypoints

SIZE = 112  # voxels along every axis of the canvas
RATIO = 0.95  # largest distance of a match, in distances of the next best one
TOLERANCE = 2.5  # voxels of the canvas between a match and where the transform takes it
LEAST_INLIERS = {"rigid": 5, "similarity": 6, "affine": 8}  # and of the matches:
LEAST_PART = 0.12  # strangers of one outline agree on up to a sixth of theirs, and on no more than 14
ENOUGH_INLIERS = 25  # so many of the matches that may be turned leave no need to try upright ones
LEAST_SPREAD = 0.08  # least standard deviation of the inliers along any axis, in widths of the body


@dataclass(frozen=True)
class FeatureMatch:
    """What keypoints of two images agree on.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    matches : int
        Pairs of keypoints that look alike.
    inliers : int
        Those of them that the transform takes onto each other.
    rms_mm : float
        Root mean square of the distances that it leaves between these.
    fixed_points_lps, moving_points_lps : array, shape (inliers, D)
        These pairs, LPS mm.
    """

    transform: sitk.Transform
    matches: int
    inliers: int
    rms_mm: float
    fixed_points_lps: NDArray[np.float64]
    moving_points_lps: NDArray[np.float64]


def features_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    model: LinearModel = "rigid",
    *,
    seed: int = 0,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> FeatureMatch:
    """Return the transform on which most matches of keypoints agree.

    Keypoints are matched twice, turned each into a frame of its own and upright, and the transform that more of them
    agree on is taken: the first finds any turn, the second needs turns of less than some 20 degrees but is better
    between contrasts.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar volumes on any grids.
    model : {"rigid", "similarity", "affine"}
        What the transform may do.
    seed : int
        Of the random draws; the same one gives the same result.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only what they mark (not 0) is looked at; any grid.

    Raises
    ------
    GeometryError, VolumeError
        If an image or a mask cannot be used.
    RegistrationError
        If too few matches agree, or they lie on a line.

    Notes
    -----
    Two people's T1, T1 and PD of one head, and slabs of a quarter of a head's width or depth were matched to within
    3 mm whatever the turn and shift. CT with MR is refused nearly always, and so are most axial slabs. Keypoints are
    corners (see `find_corners`): extrema of differences of Gaussians gave a third as many right matches between
    contrasts.
    """
    if fixed.GetDimension() != 3:
        raise GeometryError(
            f"keypoints of volumes need 3 axes, but the fixed image has {fixed.GetDimension()}; use "
            "register_2d_features for images"
        )
    canvas = make_canvas(fixed, moving, SIZE, fixed_mask, moving_mask)
    corners = [find_corners(half.values, half.inside) for half in (canvas.fixed, canvas.moving)]
    found: list[FeatureMatch] = []
    for upright in (False, True):
        keypoints = [describe_corners(each, upright=upright) for each in corners]
        found.append(_matched(canvas, keypoints[0], keypoints[1], model, np.random.default_rng(seed)))
        if found[-1].inliers >= ENOUGH_INLIERS:
            break
    best = max(found, key=lambda match: match.inliers - LEAST_PART * match.matches)
    if (
        best.inliers < LEAST_INLIERS[model] + LEAST_PART * best.matches
        or _spread(best.fixed_points_lps, canvas) < LEAST_SPREAD
    ):
        raise RegistrationError(
            f"only {best.inliers} of {best.matches} matches of keypoints agree on one {model} transform; the images "
            "have too little structure in common for keypoints: start from the centres or from Fourier spectra"
        )
    return best


def _matched(
    canvas: Canvas, fixed: Keypoints, moving: Keypoints, model: LinearModel, rng: np.random.Generator
) -> FeatureMatch:
    ours, theirs, half_turns = _pairs(fixed, moving)
    points, others = (
        _to_lps(canvas, half, keypoints.positions[rows])
        for half, keypoints, rows in ((canvas.fixed, fixed, ours), (canvas.moving, moving, theirs))
    )
    if len(ours) < 3:
        return FeatureMatch(from_matrix(np.eye(4)), len(ours), 0, 0.0, points[:0], others[:0])
    rotations = canvas.axes @ (moving.frames[theirs] * half_turns[:, None, :]) @ fixed.frames[ours].transpose(0, 2, 1)
    guesses = np.tile(np.eye(4), (len(ours), 1, 1))  # a match with its frames is a whole rigid transform
    guesses[:, :3, :3] = rotations @ canvas.axes.T
    guesses[:, :3, 3] = others - (guesses[:, :3, :3] @ points[:, :, None])[..., 0]
    matrix, agrees = find_consensus(points, others, model, TOLERANCE * canvas.voxel_mm, rng=rng, guesses=guesses)
    points, others = points[agrees], others[agrees]
    rms = float(np.sqrt(np.mean(residuals(matrix, points, others) ** 2))) if agrees.any() else 0.0
    transform = from_matrix(matrix, canvas.fixed.centre_lps)
    return FeatureMatch(transform, len(ours), len(points), rms, points, others)


def _pairs(fixed: Keypoints, moving: Keypoints) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return rows of keypoints that look most alike both ways, and clearly so, and half turns between their frames."""
    if min(len(fixed.positions), len(moving.positions)) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros((0, 3))
    likeness = np.stack([fixed.descriptors @ moving.turned(half_turn).T for half_turn in HALF_TURNS])
    turn, best = likeness.argmax(axis=0), likeness.max(axis=0)
    theirs, back = best.argmax(axis=1), best.argmax(axis=0)
    ours = np.arange(len(best))
    distances = np.sqrt(np.maximum(2 - 2 * np.partition(best, -2, axis=1)[:, -2:], 0))  # next best, best
    kept = (back[theirs] == ours) & (distances[:, 1] < RATIO * distances[:, 0])
    ours, theirs = ours[kept], theirs[kept]
    return ours, theirs, np.array(HALF_TURNS, float)[turn[ours, theirs]]


def _to_lps(canvas: Canvas, half: Half, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = (np.array(half.values.shape) - 1) / 2
    return np.asarray(half.centre_lps + (positions - middle) * canvas.voxel_mm @ canvas.axes.T)


def _spread(points: NDArray[np.float64], canvas: Canvas) -> float:
    """Return how far points lie from a line, as their second deviation in widths of the body."""
    deviations = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
    return float(deviations[1] / (SIZE * canvas.voxel_mm))
