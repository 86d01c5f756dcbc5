"""Two volumes at one coarse resolution, compared in any pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.chunks import run_chunks
from napari_coreg.core.geometry import Grid
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.core.search import kernels
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 24
BRIGHT_PERCENTILE = 98.0
CLIPPED_PERCENT = 0.5  # of the values at either end, so that metal and noise take no bins
MARGIN_VOXELS = 1  # of background around the foreground, whose outline tells much
POSES_PER_CHUNK = 256
BALL_3D, DISC_2D = 2.08, 2.51  # edge of the cube (square) as large as a ball (disc), by its root mean square radius


@dataclass(frozen=True)
class Side:
    """One volume at one resolution, and where it has something to show (both arrays zyx, of the same shape)."""

    grid: Grid
    values: NDArray[np.float32]
    foreground: NDArray[np.bool_]
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, image: sitk.Image, mask: sitk.Image | None, voxel_mm: float) -> Side:
        """Return `image` shrunk to voxels of about `voxel_mm`; its foreground is found by Otsu's threshold."""
        factors = shrink_factors_xyz(Grid.of(image), voxel_mm)
        coarse = sitk.BinShrink(image, factors) if max(factors) > 1 else image
        values = sitk.GetArrayFromImage(coarse)
        inside = np.ones(values.shape, bool)
        if mask is not None:
            on_grid = sitk.Resample(mask, coarse, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
            inside = sitk.GetArrayFromImage(on_grid) != 0
            if not inside.any():
                raise RegistrationError(
                    f"a mask marks less than a voxel of {voxel_mm:.3g} mm, too little to search with; widen it, or "
                    "start with initialization 'given'"
                )
        # The brightest spots, such as bladder and brain in PET, must not make background of the rest of the body.
        highest = float(np.percentile(values[inside], BRIGHT_PERCENTILE))
        lowest = min(float(values[inside].min()), highest)
        bright = sitk.BinaryFillhole(sitk.OtsuThreshold(sitk.Clamp(coarse, sitk.sitkFloat32, lowest, highest), 0, 1))
        foreground = (sitk.GetArrayFromImage(bright) != 0) & inside
        if not foreground.any():
            foreground = inside
        return cls(Grid.of(coarse), values, foreground, inside)

    @property
    def foreground_lps(self) -> NDArray[np.float64]:
        """Centres of the voxels of the foreground, shape (N, D), LPS mm."""
        return self.grid.to_lps(_indices_xyz(self.foreground))

    @property
    def extent_mm(self) -> float:
        """Edge of the cube as large as the ball that reaches as far as the foreground does, on average, mm."""
        points = self.foreground_lps
        radius = float(np.sqrt(np.mean(np.sum((points - points.mean(axis=0)) ** 2, axis=1))))
        return radius * (BALL_3D if self.grid.dimension == 3 else DISC_2D)

    @property
    def foreground_size(self) -> float:
        """Volume (area) of the foreground, mm to the power of the number of axes."""
        return float(self.foreground.sum() * np.prod(self.grid.spacing_xyz))

    @property
    def surroundings(self) -> NDArray[np.bool_]:
        """The foreground with a margin."""
        wide = sitk.BinaryDilate(
            sitk.GetImageFromArray(self.foreground.astype(np.uint8)), [MARGIN_VOXELS] * self.grid.dimension
        )
        return np.asarray((sitk.GetArrayFromImage(wide) != 0) & self.inside)

    def in_bins(self, where: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the values from 0 to BINS - 1: the mean of a linear scale and of their ranks among those at `where`.

        A linear scale alone gives nearly all bins to the few voxels of hot spots or metal, ranks alone to noise.
        """
        quantiles = np.quantile(self.values[where], np.linspace(CLIPPED_PERCENT, 100 - CLIPPED_PERCENT, 129) / 100)
        low, high = quantiles[0], quantiles[-1]
        if high <= low:
            return np.zeros(self.values.shape, np.float32)
        steps, first = np.unique(quantiles, return_index=True)
        ranks = np.interp(self.values, steps, first / (len(quantiles) - 1))
        linear = np.clip((self.values - low) / (high - low), 0, 1)
        return np.asarray((ranks + linear) * ((BINS - 1) / 2), np.float32)


class View:
    """Samples of a reference volume, and another volume to look them up in, at one resolution.

    Poses are rigid, from the reference to the other volume (LPS mm), as rotations about a centre and targets: where the
    centre goes, all in 3-D: 2-D images are one slice of a volume.

    Parameters
    ----------
    reference, other : Side
        The volumes.
    samples : int
        How many voxels of the reference are looked up, at most: of its foreground and a margin.
    seed : int
        Of their choice.
    centre_lps : array, shape (D,)
        Of the rotations.
    """

    def __init__(self, reference: Side, other: Side, samples: int, seed: int, centre_lps: NDArray[np.float64]) -> None:
        self.dimension = reference.grid.dimension
        where = reference.surroundings
        index_zyx = np.argwhere(where)
        if len(index_zyx) > samples:
            chosen = np.random.default_rng(seed).choice(len(index_zyx), samples, replace=False)
            index_zyx = index_zyx[np.sort(chosen)]
        points = reference.grid.to_lps(index_zyx[:, ::-1].astype(np.float64))
        self.points = as_3d(points - centre_lps)
        self._bins = np.rint(reference.in_bins(where)[tuple(index_zyx.T)]).astype(np.int64)
        volume = np.where(other.inside, other.in_bins(other.surroundings), np.float32(-BINS))
        self._volume = np.ascontiguousarray(volume if self.dimension == 3 else np.stack([volume, volume]))
        to_index = np.linalg.inv(other.grid.index_to_lps)
        self._to_index = np.zeros((3, 4))
        self._to_index[: self.dimension, : self.dimension] = to_index[:-1, :-1]
        self._to_index[: self.dimension, 3] = to_index[:-1, -1]
        self.radius_mm = float(np.sqrt(np.mean(np.sum(self.points**2, axis=1))))

    def scores(
        self, rotations: NDArray[np.float64], targets: NDArray[np.float64], every: int = 1
    ) -> NDArray[np.float64]:
        """Return the score of each pose, nats per sample; more is better.

        Parameters
        ----------
        rotations : array, shape (N, 3, 3)
            Of each pose.
        targets : array, shape (N, 3)
            Where the centre goes, LPS mm.
        every : int
            Only each n-th sample is looked up.
        """
        scores = np.zeros(len(rotations))
        points, bins = np.ascontiguousarray(self.points[::every]), np.ascontiguousarray(self._bins[::every])

        def score_some(_index: int, start: int, stop: int) -> None:
            kernels.score_poses(
                points,
                bins,
                self._volume,
                rotations[start:stop],
                targets[start:stop],
                self._to_index,
                BINS,
                scores[start:stop],
            )

        run_chunks(score_some, _chunks(len(rotations), POSES_PER_CHUNK))
        return scores

    def meeting(self, rotation: NDArray[np.float64], target: NDArray[np.float64]) -> float:
        """Return which part of the samples meets the other volume in a pose, 0 to 1."""
        pose, histogram = np.zeros((3, 4)), np.zeros((BINS, BINS))
        kernels.place(np.zeros(kernels.PARAMETERS), rotation, target, self._to_index, pose)
        return float(kernels.fill_histogram(self.points, self._bins, self._volume, pose, histogram) / len(self.points))

    def refined(
        self,
        rotations: NDArray[np.float64],
        targets: NDArray[np.float64],
        step_mm: float,
        smallest_mm: float,
        *,
        turning: bool = True,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return rotations, targets and scores after each pose was improved on its own.

        Parameters
        ----------
        rotations, targets
            See `scores`.
        step_mm, smallest_mm : float
            How far the first step moves a point at the samples' root mean square radius, and when to stop.
        turning : bool
            Whether the rotations may change.
        """
        steps = np.array([step_mm / self.radius_mm * turning] * 3 + [step_mm] * 3)
        if self.dimension == 2:
            steps[[0, 1, 5]] = 0.0  # turns about z, shifts in x and y
        new_rotations, new_targets, scores = rotations.copy(), targets.copy(), np.zeros(len(rotations))

        def refine_one(index: int, _start: int, _stop: int) -> None:
            change = np.zeros(kernels.PARAMETERS)
            scores[index] = kernels.refine_pose(
                self.points,
                self._bins,
                self._volume,
                rotations[index],
                targets[index],
                self._to_index,
                BINS,
                steps,
                smallest_mm / step_mm,
                MOST_SCORES,
                change,
            )
            new_rotations[index] = rotation_matrices(change[None, :3])[0] @ rotations[index]
            new_targets[index] = targets[index] + change[3:]

        run_chunks(refine_one, _chunks(len(rotations), 1))
        return new_rotations, new_targets, scores

    def distances_mm(
        self,
        rotations: NDArray[np.float64],
        targets: NDArray[np.float64],
        rotation: NDArray[np.float64],
        target: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return how far apart each pose and one other put the samples: root mean square, mm."""
        differences = rotations - rotation
        spread = self.points.T @ self.points / len(self.points)
        middle = self.points.mean(axis=0)
        shifts = targets - target
        turned = np.einsum("nij,jk,nik->n", differences, spread, differences)
        crossed = 2 * np.einsum("ni,nij,j->n", shifts, differences, middle)
        return np.asarray(np.sqrt(np.maximum(turned + crossed + np.sum(shifts**2, axis=1), 0.0)))


MOST_SCORES = 300


def rotation_matrices(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotations of rotation vectors (rad), shape (N, 3) -> (N, 3, 3)."""
    from scipy.spatial.transform import Rotation  # noqa: PLC0415 - 0.1 s that trusted starts do not need

    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())


def _indices_xyz(where: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.argwhere(where)[:, ::-1].astype(np.float64)


def as_3d(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of shape (N, D) with a third coordinate of 0 where there is none."""
    return np.ascontiguousarray(np.pad(points, ((0, 0), (0, 3 - points.shape[1]))))


def _chunks(number: int, size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, number)) for start in range(0, number, size)]
