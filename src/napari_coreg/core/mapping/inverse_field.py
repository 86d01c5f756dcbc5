"""Displacement fields that invert a transform over a grid, finer and finer, with the error of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.inverse import SOLVED, Inverse
from napari_coreg.core.mapping.chain import Chain
from napari_coreg.core.mapping.preimages import MOST_TRIES, Preimages
from napari_coreg.core.transforms import compose, to_matrix
from napari_coreg.core.warp import warp_points
from napari_coreg.errors import RegistrationCancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]

FIRST_NODES = 2**16
MOST_NODES = 2**23  # 200 MB
MOST_AT_VOXELS = 2**25  # 800 MB: 256^3 and 512 x 512 x 128
_AT_ONCE = 100_000  # points, between two looks at whether to go on
_MEASURED = 120_000  # points, by the compiled map
_CHECKED = 20_000  # of them, by SimpleITK itself
_MOST_OF_P95 = 3.0  # where the largest error is more, single points are off, not nodes far apart
_FOLD_OF_P95 = 50.0  # the largest error is more where space is folded
_LEAST_FINER, _MOST_FINER = 1.25, 4.0  # times that nodes come closer at once
_TRIES_AGAIN = 1  # from another start, where nodes after the first are lost


class Watch:
    """Asks whether to go on, and tells how far it is: each round takes half of what is left of the bar."""

    def __init__(self, on_fraction: OnFraction | None, is_cancelled: IsCancelled | None) -> None:
        self._on_fraction, self._is_cancelled = on_fraction, is_cancelled
        self._done = 0.0

    def tell(self, fraction_of_round: float) -> None:
        """Tell how far the round is, and ask."""
        if self._is_cancelled is not None and self._is_cancelled():
            raise RegistrationCancelled("looking for the inverse was cancelled")
        if self._on_fraction is not None:
            self._on_fraction(self._done + fraction_of_round * (1 - self._done) / 2)

    def next_round(self) -> None:
        """Begin another round."""
        self._done = (1 + self._done) / 2

    def finish(self) -> None:
        """Tell that all is done."""
        if self._on_fraction is not None:
            self._on_fraction(1.0)


class InverseSearch:
    """Displacement fields that invert one transform over one grid, finer and finer."""

    def __init__(self, transform: sitk.Transform, grid: Grid, tolerance_mm: float, watch: Watch) -> None:
        self._transform, self._grid, self._tolerance_mm, self._watch = transform, grid, tolerance_mm, watch
        self._preimages = Preimages(transform, tolerance_mm * SOLVED)

    def run(self) -> Inverse:
        """Return the best inverse."""
        spacing_mm = _spacing_mm(self._grid, FIRST_NODES)
        finest_mm = _spacing_mm(self._grid, MOST_NODES)
        before: Inverse | None = None
        best = self._attempt(spacing_mm, None)
        while best.maximum_mm > self._tolerance_mm and spacing_mm > 1.01 * finest_mm:
            error_mm = min(best.maximum_mm, _MOST_OF_P95 * best.p95_mm)
            wanted = math.sqrt(error_mm / (0.7 * self._tolerance_mm))  # errors fall with the square
            finer_mm = max(finest_mm, spacing_mm / min(max(wanted, _LEAST_FINER), _MOST_FINER))
            self._watch.next_round()
            before, now = best, self._attempt(finer_mm, best.transform)
            if now.maximum_mm <= before.maximum_mm or now.p95_mm < before.p95_mm:
                best = now
            if not self._helps(before, now, spacing_mm / finer_mm):
                break
            spacing_mm = finer_mm
        self._watch.finish()
        return best

    def at_voxels(self) -> Inverse:
        """Return the inverse with a node at each voxel of the grid, and its error there."""
        if self._grid.number_of_voxels > MOST_AT_VOXELS:
            return self.run()
        start = self._over(nodes_over(self._grid, _spacing_mm(self._grid, FIRST_NODES)), None)
        self._watch.next_round()
        errors, inside = np.empty((2, self._grid.number_of_voxels), np.float32)
        inverse = self._over(self._grid, start, (errors, inside))
        self._watch.finish()
        counted = errors[inside > self._tolerance_mm]
        figures = _figures(counted) if len(counted) else (math.nan, math.nan, math.nan)
        found = Inverse(inverse, False, *figures, unreached=float(np.mean(inside <= 0)))
        if not self._preimages.folds:
            return found
        between = self.measured(inverse, self._grid)  # neighbours may come from different sheets
        return between if between.maximum_mm > found.maximum_mm else found

    def _helps(self, before: Inverse, now: Inverse, finer: float) -> bool:
        """Whether closer nodes lessen the error, as they do unless space is folded."""
        if now.p95_mm <= self._tolerance_mm / 2 and now.maximum_mm > _FOLD_OF_P95 * now.p95_mm:
            return False
        if now.maximum_mm <= finer**-0.8 * before.maximum_mm:
            return True
        return bool(self._tolerance_mm < now.p95_mm <= finer**-0.5 * before.p95_mm)

    def _attempt(self, spacing_mm: float, start: sitk.Transform | None) -> Inverse:
        nodes = nodes_over(self._grid, spacing_mm)
        return self.measured(self._over(nodes, start), nodes)

    def _over(
        self, nodes: Grid, start: sitk.Transform | None, fill: tuple[Singles, Singles] | None = None
    ) -> sitk.Transform:
        """Return the inverse with displacements at `nodes`, solved from where `start` leads.

        Fills in for each node its error and how far inside of all domains its counterpart lies, where that is wanted.
        """
        n, count = nodes.dimension, nodes.number_of_voxels
        first = None if start is None else Chain.of(start)
        matrix = to_matrix(self._preimages.linear)
        field = np.empty((count, n))
        for begin in range(0, count, _AT_ONCE):
            end = min(count, begin + _AT_ONCE)
            targets = nodes.to_lps(np.stack(np.unravel_index(np.arange(begin, end), nodes.size_xyz, "F"), axis=-1))
            starts = None if first is None else first.follow(targets)[0]
            found, inside = self._preimages.find(targets, starts, MOST_TRIES if first is None else _TRIES_AGAIN)
            if fill is not None:
                back = self._preimages.chain.follow(found)[0]
                fill[0][begin:end], fill[1][begin:end] = np.linalg.norm(back - targets, axis=1), inside
            field[begin:end] = found @ matrix[:n, :n].T + matrix[:n, n] - targets
            self._watch.tell(end / count)
        image = sitk.GetImageFromArray(field.reshape(*nodes.size_xyz[::-1], n), isVector=True)
        image.SetOrigin(nodes.origin_lps)
        image.SetSpacing(nodes.spacing_xyz)
        image.SetDirection(nodes.direction)
        return compose(sitk.DisplacementFieldTransform(image), self._preimages.back)

    def measured(self, inverse: sitk.Transform, nodes: Grid) -> Inverse:
        """Return an inverse with its error between `nodes`."""
        points, chain = _between(self._grid, nodes), Chain.of(inverse)
        errors, inside = np.empty(len(points)), np.empty(len(points))
        for begin in range(0, len(points), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            back = chain.follow(points[part])[0]
            errors[part] = np.linalg.norm(self._preimages.chain.follow(back)[0] - points[part], axis=1)
            inside[part] = self._preimages.find(points[part], back, 0)[1]
            self._watch.tell(1.0)
        counted = np.flatnonzero(inside > self._tolerance_mm)
        unreached = float(np.mean(inside <= 0))
        if not len(counted):
            return Inverse(inverse, False, math.nan, math.nan, math.nan, unreached)
        some = points[counted[:: max(1, len(counted) // _CHECKED)]]
        checked = np.linalg.norm(warp_points(self._transform, warp_points(inverse, some)) - some, axis=1)
        mean, p95, maximum = np.maximum(_figures(errors[counted]), _figures(checked))
        return Inverse(inverse, False, float(mean), float(p95), float(maximum), unreached)


def _figures(errors_mm: Floats | Singles) -> tuple[float, float, float]:
    return float(errors_mm.mean()), float(np.percentile(errors_mm, 95)), float(errors_mm.max())


def _extent_mm(grid: Grid) -> Floats:
    return np.multiply(grid.size_xyz, grid.spacing_xyz)


def _spacing_mm(grid: Grid, number: int) -> float:
    """Return how far from each other about so many nodes lie."""
    return float((np.prod(_extent_mm(grid)) / number) ** (1 / grid.dimension))


def nodes_over(grid: Grid, spacing_mm: float) -> Grid:
    """Return nodes from corner to corner of a grid (half a voxel beyond the centres), no farther apart than asked."""
    extent = _extent_mm(grid)
    cells = np.maximum(1, np.ceil(extent / spacing_mm - 1e-6)).astype(int)
    corner = grid.to_lps(np.full(grid.dimension, -0.5))
    return Grid(tuple((cells + 1).tolist()), tuple((extent / cells).tolist()), tuple(corner.tolist()), grid.direction)


def _between(grid: Grid, nodes: Grid) -> Floats:
    """Return points all over a grid: half of them anywhere, half in the middle between nodes, where errors are."""
    n = grid.dimension
    points = np.random.default_rng(0).uniform(-0.5, np.array(grid.size_xyz) - 0.5, (_MEASURED, n))
    cells = (points[::2] + 0.5) * grid.spacing_xyz / nodes.spacing_xyz
    points[::2] = (np.floor(cells) + 0.5) * nodes.spacing_xyz / grid.spacing_xyz - 0.5
    return grid.to_lps(points)
