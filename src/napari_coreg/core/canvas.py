"""Both images of a pair on one small isotropic grid, for methods that need arrays of equal shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_coreg.core.body import OUTSIDE, Body, marked, otsu, sampled, shrunk
from napari_coreg.core.checks import check_inputs
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

FILLED = 0.8  # of the canvas, by the larger of the two bodies: the rest is room for shifts and turns
TAILS = (1.0, 99.0)  # percentiles of the foreground's coordinates: what lies beyond may be a speck
CLIPPED = (0.5, 99.5)  # percentiles of the values
LEAST_OVERLAP = 0.3  # of the smaller body; a likeness in a sliver says nothing
BINS = 32
SCORED_POINTS = 30_000


@dataclass(frozen=True)
class Half:
    """One image of a pair on its canvas.

    Attributes
    ----------
    values : array, shape (N,) * D
        Values in xyz order, 0 in the background, about 1 where it is brightest.
    inside : array of bool, shape (N,) * D
        Where the image (and its mask) has voxels.
    centre_lps : array, shape (D,)
        Centre of the canvas, which is that of the body, LPS mm.
    """

    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    centre_lps: NDArray[np.float64]

    @cached_property
    def edges(self) -> NDArray[np.float32]:
        """Magnitude of the gradient: alike where contrasts differ."""
        smooth = ndimage.gaussian_filter(self.values, 1.0)
        steps = np.gradient(smooth)
        magnitude = np.sqrt(np.sum(np.square(steps), axis=0))
        border = ndimage.binary_erosion(self.inside, iterations=2)  # the end of the image is no edge of the body
        return np.where(border, magnitude, 0.0).astype(np.float32)

    def halved(self) -> Half:
        """Return the same with voxels of twice the edge."""
        shape = [part for size in self.values.shape for part in (size // 2, 2)]
        within = tuple(range(1, len(shape), 2))
        values = self.values.reshape(shape).mean(axis=within)
        return Half(values, np.asarray(self.inside.reshape(shape).all(axis=within)), self.centre_lps)


@dataclass(frozen=True)
class Canvas:
    """Two images on cubic (square) grids of one size, voxel and orientation, each about the centre of its body.

    Attributes
    ----------
    fixed, moving : Half
        The images.
    voxel_mm : float
        Edge of a voxel.
    axes : array, shape (D, D)
        Directions of the canvas in LPS, one a column: those of the fixed image.
    """

    fixed: Half
    moving: Half
    voxel_mm: float
    axes: NDArray[np.float64]

    @property
    def dimension(self) -> int:
        """Number of axes, 2 or 3."""
        return len(self.axes)

    def halved(self) -> Canvas:
        """Return the same with voxels of twice the edge."""
        return replace(self, fixed=self.fixed.halved(), moving=self.moving.halved(), voxel_mm=2 * self.voxel_mm)

    def matrix(self, linear: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the map of LPS mm (fixed -> moving) that is `linear` and `shift` on the canvas.

        Parameters
        ----------
        linear : array, shape (D, D)
            Of canvas coordinates (xyz, from its centre): moving = linear @ fixed + shift.
        shift : array, shape (D,)
            Voxels of the canvas.

        Returns
        -------
        array, shape (D + 1, D + 1)
            Homogeneous.
        """
        n = self.dimension
        matrix = np.eye(n + 1)
        matrix[:n, :n] = self.axes @ linear @ self.axes.T
        offset = self.moving.centre_lps + self.axes @ shift * self.voxel_mm
        matrix[:n, n] = offset - matrix[:n, :n] @ self.fixed.centre_lps
        return matrix

    def transform(self, linear: NDArray[np.float64], shift: NDArray[np.float64]) -> sitk.Transform:
        """Return the same as a transform about the body's centre, fixed -> moving, LPS mm."""
        return from_matrix(self.matrix(linear, shift), self.fixed.centre_lps)

    def moved(
        self, values: NDArray[np.float32], linear: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return values of the moving canvas as seen from the fixed one through `linear` and `shift`."""
        middle = (np.array(values.shape) - 1) / 2
        offset = middle + shift - linear @ middle
        result: NDArray[np.float32] = ndimage.affine_transform(values, linear, offset, order=1, output=np.float32)
        return result

    def likeness(self, linear: NDArray[np.float64], shift: NDArray[np.float64]) -> float:
        """Return the normalized mutual information, 1 to 2, of the bodies where both images have voxels.

        0 where less than 30 % of the smaller body is seen by both.
        """
        values, inside = self.moving.values, self.moving.inside
        size = self.fixed.values.shape
        step = max(1, int((np.prod(size) / SCORED_POINTS) ** (1 / self.dimension)))
        some = (slice(None, None, step),) * self.dimension
        where = np.stack(np.meshgrid(*[np.arange(0, n, step) for n in size], indexing="ij")).reshape(len(size), -1)
        middle = (np.array(size)[:, None] - 1) / 2
        at = linear @ (where - middle) + shift[:, None] + middle
        seen = ndimage.map_coordinates(inside.astype(np.float32), at, order=1) > 0.99
        both = seen & self.fixed.inside[some].ravel()
        ours = self.fixed.values[some].ravel()[both]
        theirs = ndimage.map_coordinates(values, at[:, both], order=1)
        bodies = [np.count_nonzero(half.values > 0.15) / step**self.dimension for half in (self.fixed, self.moving)]
        if np.count_nonzero((ours > 0.15) & (theirs > 0.15)) < LEAST_OVERLAP * min(bodies):
            return 0.0
        return normalized_mutual_information(ours, theirs)


def normalized_mutual_information(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return (H(a) + H(b)) / H(a, b) of two lists of values of about 0 to 1; 1 where neither tells of the other."""
    binned = [np.clip((values * (BINS - 1)).astype(np.intp), 0, BINS - 1) for values in (one, other)]
    joint = np.bincount(binned[0] * BINS + binned[1], minlength=BINS * BINS).reshape(BINS, BINS) / max(len(one), 1)
    entropies = [_entropy(part) for part in (joint.sum(axis=0), joint.sum(axis=1), joint.ravel())]
    return float((entropies[0] + entropies[1]) / entropies[2]) if entropies[2] > 0 else 1.0


def make_canvas(
    fixed: sitk.Image,
    moving: sitk.Image,
    size: int,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> Canvas:
    """Return both images on canvases of `size` voxels along every axis.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images on any grids; each is averaged over blocks before it is sampled, so nothing aliases.
    size : int
        Voxels along every axis of the canvas.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only what they mark (not 0) is drawn; any grid.

    Raises
    ------
    GeometryError
        If a grid cannot be used, or the images differ in their number of axes.
    VolumeError
        If the values of an image cannot be used, or a mask leaves no voxel.
    """
    masks = {"fixed_mask": fixed_mask, "moving_mask": moving_mask}
    check_inputs(fixed, moving, {name: mask for name, mask in masks.items() if mask is not None}, None)
    n = fixed.GetDimension()
    axes = np.reshape(fixed.GetDirection(), (n, n))
    bodies = [Body.of(fixed, fixed_mask), Body.of(moving, moving_mask)]
    boxes = [np.percentile(body.points_lps @ axes, TAILS, axis=0) for body in bodies]
    extent_mm = max(float((high - low).max()) for low, high in boxes)
    finest_mm = min(Grid.of(image).voxel_edge_mm for image in (fixed, moving))
    voxel_mm = max(extent_mm / (FILLED * size), finest_mm)
    halves = []
    for image, mask, body, box in zip((fixed, moving), (fixed_mask, moving_mask), bodies, boxes, strict=True):
        origin = axes @ (box.mean(axis=0) - voxel_mm * (size - 1) / 2)
        grid = Grid((size,) * n, (voxel_mm,) * n, tuple(origin.tolist()), tuple(axes.ravel().tolist()))
        halves.append(_drawn(image, mask, body.sign, grid))
    return Canvas(halves[0], halves[1], voxel_mm, axes)


def _drawn(image: sitk.Image, mask: sitk.Image | None, sign: float, grid: Grid) -> Half:
    values = sampled(shrunk(image, grid.voxel_edge_mm), grid)
    inside = values > OUTSIDE / 2
    if mask is not None:
        inside &= marked(mask, grid)
    if not inside.any():
        raise VolumeError("a mask has no voxel inside its image; check that both lie in the same place")
    values = np.where(inside, sign * values, 0.0)
    seen = values[inside]
    background = np.median(seen[seen <= otsu(seen)])
    low, high = np.percentile(seen, CLIPPED)
    scaled = (np.clip(values, low, high) - background) / max(high - background, (high - low) / 2, 1e-12)
    return Half(np.ascontiguousarray(np.where(inside, scaled, 0.0), np.float32), inside, grid.centre_lps)


def _entropy(probabilities: NDArray[np.float64]) -> float:
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())
