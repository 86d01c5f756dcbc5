"""Keypoints of volumes: corners in three dimensions, and what their surroundings look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGMAS = (1.9, 3.0)  # voxels, of the Gaussians under which corners are looked for
OCTAVES = 2  # how often the volume is halved, and looked at again, less one
MOST = 400  # corners at each sigma of each octave
FAINTEST = 1e-8  # of a corner, where the volume goes from 0 to about 1
CELLS, POINTS_A_CELL = 4, 2  # along each axis of the surroundings
SPREAD = 1.6  # sigmas between the points that are sampled
DEPTH = 4  # voxels from where the image ends to the first keypoint
WEIGHT = 0.5  # exponent of the length of a gradient: below 1, faint edges count more, as another contrast has others
SHARPEST = 0.25  # of the length of a descriptor, at which its entries are clipped
FLATTEST = 0.02  # least to largest eigenvalue of the structure tensor: less is a smooth sheet, on which points slide
TIED = 0.9  # ratio of neighbouring eigenvalues from which the axes are not told apart
GOLDEN = (1 + np.sqrt(5)) / 2
#: The six axes of an icosahedron; half turns about the coordinate axes permute them.
AXES = np.array([(0, 1, GOLDEN), (0, 1, -GOLDEN), (1, GOLDEN, 0), (1, -GOLDEN, 0), (GOLDEN, 0, 1), (-GOLDEN, 0, 1)])
AXES = AXES / np.linalg.norm(AXES[0])
HALF_TURNS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


@dataclass(frozen=True)
class Keypoints:
    """Points of a volume.

    Attributes
    ----------
    positions : array, shape (N, 3)
        Voxels (xyz).
    frames : array, shape (N, 3, 3)
        Axes of the surroundings, one a column, up to half turns about them; the identity where they are upright.
    descriptors : array, shape (N, D)
        What the surroundings look like in that frame, of length 1; the sign of the contrast makes no difference.
    """

    positions: NDArray[np.float64]
    frames: NDArray[np.float64]
    descriptors: NDArray[np.float32]

    def turned(self, half_turn: tuple[int, int, int]) -> NDArray[np.float32]:
        """Return the descriptors as they are after one of the `HALF_TURNS` of the frame."""
        x, y, z = half_turn
        cells = self.descriptors.reshape(-1, CELLS, CELLS, CELLS, len(AXES))[:, ::x, ::y, ::z]
        swapped = np.abs(AXES @ (AXES * half_turn).T).argmax(axis=1)
        return np.ascontiguousarray(cells[..., swapped]).reshape(self.descriptors.shape)


@dataclass(frozen=True)
class Corners:
    """Where the structure tensor is large in every direction, in one smoothed volume.

    Attributes
    ----------
    level : array, shape (X, Y, Z)
        The volume.
    sigma : float
        How much it was smoothed, its own voxels.
    scale : int
        Its voxels, in those of the volume as it was given.
    positions : array, shape (N, 3)
        In its own voxels, xyz.
    """

    level: NDArray[np.float32]
    sigma: float
    scale: int
    positions: NDArray[np.float64]


def find_corners(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> list[Corners]:
    """Return the corners of a volume that stand out most, by scale.

    Corners are local maxima of det(T) / (sum of the principal 2 x 2 minors of T), where T is the structure tensor: a
    third of the harmonic mean of its eigenvalues, which no sheet and no tube makes large (Foerstner; Rohr 1997, On 3D
    differential operators for detecting point landmarks). Between modalities they gave three times as many right
    matches as extrema of differences of Gaussians.

    Parameters
    ----------
    values : array, shape (X, Y, Z)
        The volume, with cubic voxels, from 0 to about 1.
    inside : array of bool, shape (X, Y, Z)
        Where it has voxels; what is next to its end is no corner.
    """
    found = []
    for octave in range(OCTAVES):
        deep = ndimage.binary_erosion(inside, iterations=DEPTH)
        for sigma in SIGMAS:
            level = ndimage.gaussian_filter(values, sigma, truncate=3.0)
            found.append(Corners(level, sigma, 2**octave, _strongest(level, sigma, deep)))
        values = ndimage.gaussian_filter(values, 1.0)[::2, ::2, ::2]
        inside = inside[::2, ::2, ::2]
    return found


def describe_corners(corners: list[Corners], *, upright: bool) -> Keypoints:
    """Return corners with histograms of the directions of gradients about them.

    Parameters
    ----------
    corners : list of Corners
        From `find_corners`.
    upright : bool
        Whether surroundings are described along the axes of the grid, not along their own (those of the structure
        tensor about the corner). Upright descriptors tell more, but no large turn.
    """
    parts = [_described(each, upright=upright) for each in corners]
    positions, frames, descriptors = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Keypoints(positions, frames, descriptors)


def _strongest(level: NDArray[np.float32], sigma: float, deep: NDArray[np.bool_]) -> NDArray[np.float64]:
    gradient = np.gradient(level)
    xx, xy, xz, yy, yz, zz = (
        ndimage.gaussian_filter(gradient[i] * gradient[j], sigma, truncate=2.5)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    minors = (yy * zz - yz * yz) + (xx * zz - xz * xz) + (xx * yy - xy * xy)
    determinant = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    strength = determinant / np.maximum(minors, 1e-20)
    tops = (strength == ndimage.maximum_filter(strength, size=3)) & deep & (strength > FAINTEST)
    found = np.argwhere(tops)
    found = found[np.argsort(-strength[tuple(found.T)], kind="stable")[:MOST]]
    return _between_voxels(strength, found)


def _between_voxels(values: NDArray[np.float32], tops: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return where parabolas through the maxima and their neighbours along each axis are highest."""
    exact = tops.astype(np.float64)
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        low, middle, high = (values[tuple((tops + k * step).T)].astype(np.float64) for k in (-1, 0, 1))
        curvature = low - 2 * middle + high
        exact[:, axis] += np.clip(0.5 * (low - high) / np.where(curvature < 0, curvature, -np.inf), -0.5, 0.5)
    return exact


def _described(
    corners: Corners, *, upright: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    positions = corners.positions
    along = (np.arange(CELLS * POINTS_A_CELL) - (CELLS * POINTS_A_CELL - 1) / 2) * SPREAD * corners.sigma
    lattice = np.stack(np.meshgrid(along, along, along, indexing="ij"), axis=-1).reshape(-1, 3)
    radii = np.linalg.norm(lattice, axis=1)
    weights = np.exp(-0.5 * (radii / (0.75 * along[-1])) ** 2)
    gradient = list(np.gradient(corners.level))
    frames = np.broadcast_to(np.eye(3), (len(positions), 3, 3))
    vectors = _sampled(gradient, positions, frames, lattice)
    tensors = np.einsum("p,npa,npb->nab", weights * (radii < along[-1]), vectors, vectors, optimize=True)
    sizes, axes = np.linalg.eigh(tensors)
    kept = sizes[:, 0] > FLATTEST * sizes[:, 2]
    if not upright:
        kept &= (sizes[:, 0] < TIED * sizes[:, 1]) & (sizes[:, 1] < TIED * sizes[:, 2])
        axes *= np.sign(np.linalg.det(axes))[:, None, None]
        frames = axes
        vectors = _sampled(gradient, positions[kept], frames[kept], lattice)
    else:
        vectors = vectors[kept]
    return positions[kept] * corners.scale, frames[kept], _histograms(vectors, weights)


def _sampled(
    gradient: list[NDArray[np.float32]],
    positions: NDArray[np.float64],
    frames: NDArray[np.float64],
    lattice: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return gradients at a lattice about each position, both along the axes of its frame, shape (N, points, 3)."""
    where = positions[:, None, :] + lattice @ frames.transpose(0, 2, 1)
    at = np.moveaxis(where, -1, 0)
    vectors = np.stack([ndimage.map_coordinates(part, at, order=1) for part in gradient], axis=-1)
    return np.asarray(vectors @ frames)


def _histograms(vectors: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return how much gradient there is along each of six axes in each cell, as vectors of length 1."""
    lengths = np.linalg.norm(vectors, axis=-1)
    cosines = np.abs(vectors @ AXES.T) / np.maximum(lengths, 1e-12)[..., None]
    votes = np.maximum(cosines - 0.5, 0) ** 2 * (lengths**WEIGHT * weights)[..., None]
    cells = votes.reshape(-1, *(CELLS, POINTS_A_CELL) * 3, len(AXES)).sum(axis=(2, 4, 6))
    flat = _unit(cells.reshape(len(vectors), CELLS**3 * len(AXES)))
    return _unit(np.minimum(flat, SHARPEST)).astype(np.float32)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
