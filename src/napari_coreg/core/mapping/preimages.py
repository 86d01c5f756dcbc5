"""The points that a transform takes to given ones, wherever in space the search for them has to begin."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from scipy.spatial import cKDTree

from napari_coreg.core.mapping.chain import Chain
from napari_coreg.core.mapping.kernels import FIELD, LINEAR, SLOPE
from napari_coreg.core.transforms import compose, invert, is_linear, parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SEEDS = 40_000
MOST_TRIES = 8


class Preimages:
    """Finds for points of the moving space those of the fixed space that come there.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, with a deformation in it.
    within_mm : float
        How near is near enough.
    beyond_it : int
        How deformations go on beyond their domain: `kernels.SLOPE` smoothly, `kernels.EDGE` as ITK has it half a voxel
        beyond the outermost nodes of a field.

    Attributes
    ----------
    chain : Chain
        The transform.
    linear : SimpleITK.Transform
        Its linear parts alone.
    back : SimpleITK.Transform
        The inverse of those.
    """

    def __init__(self, transform: sitk.Transform, within_mm: float, beyond_it: int = SLOPE) -> None:
        self.chain = Chain.of(transform)
        still = sitk.TranslationTransform(transform.GetDimension())
        self.linear = compose(still, *(part for part in parts(transform) if is_linear(part)))
        self.back = invert(self.linear)
        self._within_mm, self._beyond_it = within_mm, beyond_it

    def find(self, targets_lps: Floats, starts_lps: Floats | None, tries: int) -> tuple[Floats, Floats]:
        """Return points (N, D), and how far inside of the domains of all deformations each lies, mm (N,).

        Parameters
        ----------
        targets_lps : array, shape (N, D)
            Where the points are to come, the deformations going on smoothly beyond their domains.
        starts_lps : array, shape (N, D), optional
            Where to begin; at the seeds whose images are nearest, when not given.
        tries : int
            From how many seeds to try again where that did not lead to the target, as where space is folded.
        """
        starts = self._seeds_near(targets_lps, 0) if starts_lps is None else starts_lps
        points, left, inside = self.chain.solve(targets_lps, starts, self._within_mm, self._beyond_it)
        for rank in range(tries):
            lost = np.flatnonzero(~(left <= self._within_mm))
            if not len(lost):
                break
            again = self._seeds_near(targets_lps[lost], rank)
            found, still_left, found_inside = self.chain.solve(
                targets_lps[lost], again, self._within_mm, self._beyond_it
            )
            nearer = ~(still_left >= left[lost])
            chosen = lost[nearer]
            points[chosen], left[chosen], inside[chosen] = found[nearer], still_left[nearer], found_inside[nearer]
        return points, inside

    @cached_property
    def folds(self) -> bool:
        """Whether space is folded somewhere, as far as the seeds tell: the determinant has both signs."""
        determinants = np.linalg.det(self.chain.jacobians(self._seeds[0])[1])
        return bool(determinants.min() <= 0 < determinants.max())

    def _seeds_near(self, targets_lps: Floats, rank: int) -> Floats:
        """Return for each target the seed whose image is the (rank + 1)-th nearest."""
        seeds, tree = self._seeds
        _, nearest = tree.query(targets_lps, k=[min(rank + 1, len(seeds))])
        found: Floats = seeds[nearest[:, 0]]
        return found

    @cached_property
    def _seeds(self) -> tuple[Floats, cKDTree]:
        """Points over the domain of the first deformation, and a tree of where they come to.

        None lies beyond it: there the way back may be another one, and that within the domain is to be found first.
        """
        links, n = self.chain.links, self.chain.dimension
        first = int(np.flatnonzero(links.kinds != LINEAR)[0])
        counts, is_field = links.counts_xyz[first, :n], links.kinds[first] == FIELD
        long = counts > is_field
        along = max(3, round(SEEDS ** (1 / max(1, int(long.sum())))))
        axes = [
            np.linspace(0, count - is_field, along) if is_long else np.full(1, 0.0 if is_field else 0.5)
            for count, is_long in zip(counts, long, strict=True)
        ]
        places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, n)
        whole = np.eye(n + 1)
        for matrix in links.matrices[: first + 1]:
            step = np.eye(n + 1)
            step[:n, :n], step[:n, n] = matrix[:n, :n], matrix[:n, 3]
            whole = step @ whole
        back = np.linalg.inv(whole)
        seeds = places @ back[:n, :n].T + back[:n, n]
        return seeds, cKDTree(self.chain.follow(seeds, beyond_it=self._beyond_it)[0])
