"""A transform as a compiled map of many points: there, with the Jacobian, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.bspline.lattice import Lattice
from napari_coreg.core.bspline_grid import ORDER
from napari_coreg.core.chunks import run_chunks, split, working_threads
from napari_coreg.core.geometry import Grid
from napari_coreg.core.mapping import kernels
from napari_coreg.core.transforms import displacement_field, is_linear, parts, to_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NODES_PER_CELL = 8  # of splines that are not cubic, which are sampled


@dataclass(frozen=True, eq=False)
class Chain:
    """A transform as a compiled map.

    Attributes
    ----------
    dimension : int
        2 or 3.
    links : kernels.Links
        Its parts as arrays.
    """

    dimension: int
    links: kernels.Links = field(repr=False)

    @classmethod
    def of(cls, transform: sitk.Transform) -> Chain:
        """Return any transform of SimpleITK as a chain."""
        links = [_link(part) for part in parts(transform)]
        kinds, matrices, counts, steps, values = zip(*links, strict=True) if links else ((),) * 5
        sizes = [len(part) for part in values]
        joined = np.concatenate(values) if sum(map(bool, sizes)) > 1 else max(values, key=len, default=np.zeros(0))
        return cls(
            transform.GetDimension(),
            kernels.Links(
                np.array(kinds, np.int64),
                np.reshape(np.array(matrices, np.float64), (-1, 3, 4)),
                np.reshape(np.array(counts, np.int64), (-1, 3)),
                np.reshape(np.array(steps, np.float64), (-1, 3)),
                np.cumsum([0, *sizes[:-1]], dtype=np.int64)[: len(sizes)],
                np.ascontiguousarray(joined, np.float32),
            ),
        )

    def follow(self, points_lps: Floats, *, beyond_it: int = kernels.STILL) -> tuple[Floats, Floats]:
        """Return where points (N, D) come to, and how far inside of all domains each was, mm (N,).

        Outside of a domain (negative) a deformation moves nothing, as in ITK, or goes on as `kernels` tells.
        """
        moved, _, inside = self._follow(points_lps, beyond_it, 0)
        return moved[:, : self.dimension], inside

    def jacobians(self, points_lps: Floats) -> tuple[Floats, Floats]:
        """Return where points (N, D) come to, and the Jacobian there, shape (N, D, D): derivatives in columns."""
        n = self.dimension
        moved, jacobians, _ = self._follow(points_lps, kernels.STILL, len(points_lps))
        return moved[:, :n], np.ascontiguousarray(jacobians[:, :n, :n])

    def solve(
        self, targets_lps: Floats, starts_lps: Floats, within_mm: float, beyond_it: int
    ) -> tuple[Floats, Floats, Floats]:
        """Return the points (N, D) that come to targets by Newton's method, what is left, mm, and how far inside, mm.

        Beyond its domains the chain goes on (`kernels.EDGE` or `SLOPE`), so that there is a solution for every target.
        """
        targets, points = _in_3d(targets_lps), _in_3d(starts_lps)
        left, inside = np.empty(len(points)), np.empty(len(points))
        self._run(kernels.solve, len(points), beyond_it, targets, within_mm, points, left, inside)
        return points[:, : self.dimension], left, inside

    def _follow(self, points_lps: Floats, beyond_it: int, jacobians: int) -> tuple[Floats, Floats, Floats]:
        moved, inside, filled = _in_3d(points_lps), np.empty(len(points_lps)), np.empty((jacobians, 3, 3))
        self._run(kernels.follow, len(moved), beyond_it, moved, filled, inside)
        return moved, filled, inside

    def _run(self, kernel: object, count: int, *arguments: object) -> None:
        with working_threads(0 if count > 10_000 else 1):
            run_chunks(kernel, split(count, count), self.links, *arguments)  # type: ignore[arg-type]


def _in_3d(points: Floats) -> Floats:
    """Return a copy with z = 0 where there is no z."""
    copy = np.zeros((len(points), 3))
    copy[:, : points.shape[1]] = points
    return copy


Link = tuple[int, "Floats", tuple[int, ...], tuple[float, ...], "NDArray[np.float32]"]


def _link(part: sitk.Transform) -> Link:
    if is_linear(part):
        n = part.GetDimension()
        matrix = np.eye(3, 4)
        linear = to_matrix(part)
        matrix[:n, :n], matrix[:n, 3] = linear[:n, :n], linear[:n, n]
        return kernels.LINEAR, matrix, (0, 0, 0), (0.0, 0.0, 0.0), np.zeros(0, np.float32)
    if part.GetTransformEnum() == sitk.sitkBSplineTransform:
        spline = sitk.BSplineTransform(part)
        return _spline_link(spline) if spline.GetOrder() == ORDER else _field_link(_sampled(spline))
    return _field_link(sitk.DisplacementFieldTransform(part).GetDisplacementField())


def _spline_link(spline: sitk.BSplineTransform) -> Link:
    lattice = Lattice.of(spline)
    to_cells = np.linalg.inv(lattice.axes * lattice.spacing_xyz)
    values = np.ascontiguousarray(np.moveaxis(lattice.coefficients(spline), 0, -1), np.float32).ravel()
    matrix = np.column_stack([to_cells, -to_cells @ lattice.origin_lps])
    return kernels.SPLINE, matrix, lattice.cells_xyz, _steps(lattice.spacing_xyz, lattice.dimension), values


def _field_link(image: sitk.Image) -> Link:
    n = image.GetDimension()
    inverse = np.linalg.inv(Grid.of(image).index_to_lps)
    matrix = np.eye(3, 4)
    matrix[:n, :n], matrix[:n, 3] = inverse[:n, :n], inverse[:n, n]
    vectors = sitk.GetArrayViewFromImage(image)
    if n == 2:
        vectors = np.concatenate([vectors, np.zeros((*vectors.shape[:2], 1))], axis=-1)
    counts = (*image.GetSize(), *[1] * (3 - n))
    return kernels.FIELD, matrix, counts, _steps(image.GetSpacing(), n), vectors.astype(np.float32).ravel()


def _steps(spacing_xyz: tuple[float, ...], dimension: int) -> tuple[float, ...]:
    """Return lengths of units; the third of a 2-D deformation has no edge."""
    return (*spacing_xyz[:dimension], *[kernels.FAR] * (3 - dimension))


def _sampled(spline: sitk.BSplineTransform) -> sitk.Image:
    """Return the displacement field of a spline over its domain."""
    n = spline.GetDimension()
    counts = [NODES_PER_CELL * cells for cells in spline.GetTransformDomainMeshSize()]
    lengths = spline.GetTransformDomainPhysicalDimensions()
    spacing = tuple(length / count for length, count in zip(lengths, counts, strict=True))
    axes = np.reshape(spline.GetTransformDomainDirection(), (n, n))
    origin = np.add(spline.GetTransformDomainOrigin(), axes @ np.multiply(spacing, 0.5))
    grid = Grid(tuple(counts), spacing, tuple(origin.tolist()), tuple(axes.ravel().tolist()))
    return displacement_field(spline, grid)
