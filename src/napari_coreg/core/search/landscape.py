"""Searches all poses of two volumes: the best one, and the others that a registration could fall into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.core.search.view import Side, View, as_3d, rotation_matrices
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    OnPart = Callable[[int, int, "Pose"], bool]

VOXELS_ACROSS = 20  # of the cube that reaches as far as the larger foreground: 8 mm for a head
VOXELS_KEPT = 96  # of the cube that is as large as a volume; all resolutions are made from these
SMALLER = 0.8  # of the fixed foreground: then samples are taken from the moving one
COARSE_SAMPLES, FINE_SAMPLES = 2000, 8000
ROTATIONS, TURNS_2D = 600, 72  # about 20 degrees from any rotation to the nearest; 5 degrees apart in 2-D
STEP_VOXELS = 3.0  # between the shifts that are tried
NEAR_DEGREES = 45.0  # of turns that are tried where the volumes lie
LEAST_SCALE = 1.06  # that is tried besides 1: a smaller one is found from there
SCANNED = 2  # each second sample is enough to sort poses
REFINED, RACED = 40, 6
FIRST_STEP_VOXELS, LAST_STEP_VOXELS = 1.5, 0.06
DISTINCT_VOXELS = 1.5  # poses that lie closer are one
POSES_AT_ONCE = 4096  # between two looks whether the search shall go on


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid pose and how well the volumes fit there.

    Attributes
    ----------
    origin : str
        The guess that it grew from: "given", "centre", "moments" ... or "search".
    matrix : array, shape (D + 1, D + 1)
        Fixed -> moving, LPS mm.
    score : float
        Mutual information of the samples that meet, nats per sample of all; more is better.
    """

    origin: str
    matrix: Matrix
    score: float


@dataclass(frozen=True, eq=False)
class _Poses:
    """Many rigid poses from the reference to the other volume: see `View`; row i came from guess names[i]."""

    rotations: NDArray[np.float64]
    targets: NDArray[np.float64]
    names: tuple[str, ...]

    def take(self, rows: NDArray[np.intp]) -> _Poses:
        return _Poses(self.rotations[rows], self.targets[rows], tuple(self.names[row] for row in rows))

    @staticmethod
    def joined(several: list[_Poses]) -> _Poses:
        return _Poses(
            np.concatenate([poses.rotations for poses in several]),
            np.concatenate([poses.targets for poses in several]),
            tuple(name for poses in several for name in poses.names),
        )


class Landscape:
    """Two volumes, coarsely, in all rigid poses.

    Samples are taken from the volume with the smaller foreground and looked up in the larger one, so that a slab is
    found in a head either way round. The same input gives the same poses, bit for bit, on any number of threads.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images of 32-bit floats, both 3-D or both 2-D.
    fixed_mask, moving_mask : SimpleITK.Image or None
        8-bit masks, any grid.
    seed : int
        Of the choice of samples.

    Attributes
    ----------
    dimension : int
        3 or 2.
    images : tuple of SimpleITK.Image
        Fixed and moving, shrunk to what the search can use at most.
    voxel_mm : float
        Edge of a voxel of the coarse view.
    centre_lps : array, shape (D,)
        Centre of the fixed foreground, LPS mm.
    """

    def __init__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        fixed_mask: sitk.Image | None = None,
        moving_mask: sitk.Image | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.dimension = fixed.GetDimension()
        self._seed = seed
        self.images = _kept(fixed), _kept(moving)
        self._images = [(self.images[0], fixed_mask), (self.images[1], moving_mask)]
        sides = [Side.of(*pair, 2 * Grid.of(pair[0]).voxel_edge_mm) for pair in self._images]
        sizes = [side.foreground_size for side in sides]
        centres = [side.foreground_lps.mean(axis=0) for side in sides]
        self.voxel_mm = max(side.extent_mm for side in sides) / VOXELS_ACROSS
        self.centre_lps = centres[0]
        self._is_swapped = sizes[1] < SMALLER * sizes[0]
        if self._is_swapped:
            self._images.reverse()
            centres.reverse()
            sizes.reverse()
        self._centre, self._other_centre = centres
        self._scale = (sizes[1] / sizes[0]) ** (1 / self.dimension)

    @cached_property
    def coarse(self) -> View:
        """Both volumes with some 20 voxels across the foreground."""
        return self._view(self.voxel_mm, COARSE_SAMPLES)

    @cached_property
    def fine(self) -> View:
        """Both volumes at twice the resolution."""
        return self._view(self.voxel_mm / 2, FINE_SAMPLES)

    def explore(
        self, guesses: dict[str, list[Matrix]], on_part: OnPart, *, turning: bool = True, scaling: bool = False
    ) -> list[Pose]:
        """Return distinct poses in which the volumes fit, the best first; none where that was cancelled.

        Tried are all rotations with the centres of the foregrounds near each other, turns and shifts about the first
        guess, and the guesses; the best ones are improved, and the best of those raced at twice the resolution.

        Parameters
        ----------
        guesses : dict of str to list of array, shape (D + 1, D + 1)
            Rigid guesses by name, fixed -> moving, LPS mm.
        on_part : callable
            Called with which part is done (from 1), of how many, and the best pose so far; returns True to cancel.
        turning : bool
            Whether poses may be turned against the first guess, or shifted only.
        scaling : bool
            Whether all are also tried with the scale at which both foregrounds are as large, where that is not 1.

        Raises
        ------
        RegistrationError
            If the volumes overlap in no pose.
        """
        scales = [1.0, self._scale] if scaling and abs(np.log(self._scale)) > np.log(LEAST_SCALE) else [1.0]
        tried, group = self._candidates(guesses, scales, turning=turning)
        scores = np.zeros(len(tried.names))
        starts = range(0, len(scores), POSES_AT_ONCE)
        parts = len(starts) + 2
        for index, start in enumerate(starts):
            some = slice(start, start + POSES_AT_ONCE)
            scores[some] = self.coarse.scores(tried.rotations[some], tried.targets[some], SCANNED)
            if on_part(index + 1, parts, self._pose(tried, scores, int(scores.argmax()))):
                return []
        if not scores.any():
            raise RegistrationError(
                "the two volumes do not overlap, however they are laid on each other; check voxel sizes and masks"
            )
        guessed = np.flatnonzero([name != "search" for name in tried.names])
        poses = tried.take(np.unique(np.concatenate([guessed, _best_of_each(scores, group)[:REFINED]])))
        for index, (view, finer) in enumerate(((self.coarse, 1), (self.fine, 2))):
            poses, scores = self._improved(view, poses, self.voxel_mm / finer, turning=turning)
            if on_part(parts - 1 + index, parts, self._pose(poses, scores, 0)):
                return []
        return [self._pose(poses, scores, row) for row in range(len(scores))]

    def score(self, matrix: Matrix) -> float:
        """Return how well the volumes fit through a linear transform (fixed -> moving, LPS mm), finely."""
        rotation, target = self._placed(matrix)
        return float(self.fine.scores(rotation[None], target[None])[0])

    def meeting(self, matrix: Matrix) -> float:
        """Return which part of the samples meets the other volume through a linear transform, 0 to 1."""
        rotation, target = self._placed(matrix)
        return self.coarse.meeting(rotation, target)

    def settled(self, matrices: list[Matrix]) -> list[Pose]:
        """Return where poses come to rest when they are improved at both resolutions, in their order."""
        placed = [self._placed(matrix) for matrix in matrices]
        rotations, targets = (np.stack(parts) for parts in zip(*placed, strict=True))
        for view, voxel_mm in ((self.coarse, self.voxel_mm), (self.fine, self.voxel_mm / 2)):
            steps = FIRST_STEP_VOXELS * voxel_mm, LAST_STEP_VOXELS * voxel_mm
            rotations, targets, scores = view.refined(rotations, targets, *steps)
        return [
            Pose("", self._matrix(rotation, target), float(score))
            for rotation, target, score in zip(rotations, targets, scores, strict=True)
        ]

    def distance_mm(self, one: Matrix, other: Matrix) -> float:
        """Return how far apart two linear transforms (fixed -> moving) put the samples: root mean square, mm."""
        rotation, target = self._placed(one)
        return float(self.coarse.distances_mm(rotation[None], target[None], *self._placed(other))[0])

    def _view(self, voxel_mm: float, samples: int) -> View:
        reference, other = (Side.of(*pair, voxel_mm) for pair in self._images)
        return View(reference, other, samples, self._seed, self._centre)

    def _candidates(
        self, guesses: dict[str, list[Matrix]], scales: list[float], *, turning: bool
    ) -> tuple[_Poses, NDArray[np.intp]]:
        """Return all poses to try, and a number per pose that those of one rotation in one family share."""
        turns = all_rotations(self.dimension) if turning else np.eye(3)[None]
        near = np.concatenate([np.eye(3)[None], turns[_angles(turns) < np.deg2rad(NEAR_DEGREES)]])
        everywhere, near = (np.concatenate([scale * some for scale in scales]) for some in (turns, near))
        shifts = self._lattice(1)
        families = [_family(everywhere, as_3d(self._other_centre[None]) + shifts)]
        groups = [np.repeat(np.arange(len(everywhere)), len(shifts))]
        named = [(name, *self._placed(matrix)) for name, matrices in guesses.items() for matrix in matrices]
        if named:
            _, rotation, target = named[0]
            shifts = self._lattice(2)
            families.append(_family(rotation @ near, target + shifts))
            groups.append(len(everywhere) + np.repeat(np.arange(len(near)), len(shifts)))
            families.append(
                _Poses(
                    np.stack([turn for _, turn, _ in named]),
                    np.stack([shift for *_, shift in named]),
                    tuple(name for name, *_ in named),
                )
            )
            groups.append(len(everywhere) + len(near) + np.arange(len(named)))
        return _Poses.joined(families), np.concatenate(groups)

    def _lattice(self, reach: int) -> NDArray[np.float64]:
        steps = np.arange(-reach, reach + 1) * STEP_VOXELS * self.voxel_mm
        axes = [steps] * self.dimension + [np.zeros(1)] * (3 - self.dimension)
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)

    def _improved(
        self, view: View, poses: _Poses, voxel_mm: float, *, turning: bool
    ) -> tuple[_Poses, NDArray[np.float64]]:
        """Return the best distinct poses after each was improved, best first, and their scores."""
        steps = FIRST_STEP_VOXELS * voxel_mm, LAST_STEP_VOXELS * voxel_mm
        rotations, targets, scores = view.refined(poses.rotations, poses.targets, *steps, turning=turning)
        chosen: list[int] = []
        for row in np.argsort(-scores, kind="stable"):
            taken = np.array(chosen, np.intp)
            apart = view.distances_mm(rotations[taken], targets[taken], rotations[row], targets[row])
            if (apart > DISTINCT_VOXELS * self.voxel_mm).all():
                chosen.append(int(row))
        rows = np.array(chosen[:RACED], np.intp)
        return _Poses(rotations, targets, poses.names).take(rows), scores[rows]

    def _pose(self, poses: _Poses, scores: NDArray[np.float64], row: int) -> Pose:
        return Pose(poses.names[row], self._matrix(poses.rotations[row], poses.targets[row]), float(scores[row]))

    def _placed(self, matrix: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a transform (fixed -> moving) as a linear part and a target of the view, in 3-D."""
        n = self.dimension
        matrix = _inverse(matrix) if self._is_swapped else matrix
        linear, target = np.eye(3), np.zeros(3)
        linear[:n, :n] = matrix[:n, :n]
        target[:n] = matrix[:n, :n] @ self._centre + matrix[:n, n]
        return linear, target

    def _matrix(self, rotation: NDArray[np.float64], target: NDArray[np.float64]) -> Matrix:
        """Return the transform (fixed -> moving) of a pose."""
        n = self.dimension
        matrix = np.eye(n + 1)
        matrix[:n, :n] = rotation[:n, :n]
        matrix[:n, n] = target[:n] - rotation[:n, :n] @ self._centre
        return _inverse(matrix) if self._is_swapped else matrix


def all_rotations(dimension: int) -> NDArray[np.float64]:
    """Return rotations that lie evenly among all, shape (N, 3, 3); of 2-D images those about z.

    References
    ----------
    Alexa, "Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3)", CVPR 2022.
    """
    if dimension == 2:
        angles = np.arange(TURNS_2D) * (2 * np.pi / TURNS_2D)
        return rotation_matrices(np.stack([0 * angles, 0 * angles, angles], axis=1))
    from scipy.spatial.transform import Rotation  # noqa: PLC0415 - 0.1 s that trusted starts do not need

    phi, psi = np.sqrt(2.0), 1.533751168755204288118041  # the root of psi^4 = psi + 4
    steps = np.arange(ROTATIONS) + 0.5
    inner, outer = np.sqrt(steps / ROTATIONS), np.sqrt(1 - steps / ROTATIONS)
    alpha, beta = 2 * np.pi * steps / phi, 2 * np.pi * steps / psi
    quaternions = [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)]
    return np.asarray(Rotation.from_quat(np.stack(quaternions, axis=1)).as_matrix())


def _kept(image: sitk.Image) -> sitk.Image:
    """Return the image shrunk to what the search can use at most."""
    grid = Grid.of(image)
    edge = float(np.prod([n * s for n, s in zip(grid.size_xyz, grid.spacing_xyz, strict=True)])) ** (1 / grid.dimension)
    factors = shrink_factors_xyz(grid, edge / VOXELS_KEPT)
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image


def _family(rotations: NDArray[np.float64], targets: NDArray[np.float64]) -> _Poses:
    """Return each rotation with each target."""
    number = len(rotations) * len(targets)
    return _Poses(
        np.repeat(rotations, len(targets), axis=0), np.tile(targets, (len(rotations), 1)), ("search",) * number
    )


def _best_of_each(scores: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the row of the best score of each group, best first."""
    order = np.argsort(-scores, kind="stable")
    _, first = np.unique(group[order], return_index=True)
    return order[np.sort(first)]


def _angles(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)
