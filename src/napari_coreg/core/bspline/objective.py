"""What the B-spline engine minimizes: a similarity of the warped moving image, plus what the deformation costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.bspline import kernels
from napari_coreg.core.bspline.penalties import BendingEnergy, LinearElasticity, LogJacobian
from napari_coreg.core.bspline.similarity import make_similarity
from napari_coreg.core.chunks import run_chunks, split
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.bspline.lattice import Lattice
    from napari_coreg.core.bspline.similarity import Similarity
    from napari_coreg.core.job import Job
    from napari_coreg.core.stages import BSplineStage, Regularization

    Coefficients = NDArray[np.float64]

MARGIN_MM = 30.0  # around the fixed image, where a moving image is kept that a deformable start has warped
RIDGE = 0.02  # of the typical curvature: what control points without any structure get
NO_SAMPLE = (
    "no voxel is left to compare: the masks, or the overlap of the two volumes, are empty. Check that each mask lies "
    "on its volume, or start closer"
)


class Objective:
    """The value to minimize and its gradient, for the images of one level.

    Attributes
    ----------
    number_of_evaluations : int
        Calls so far.
    """

    def __init__(self, job: Job, stage: BSplineStage, lattice: Lattice) -> None:
        self.number_of_evaluations = 0
        self._lattice = lattice
        fixed_image = _sampled(job)
        moving_image, moving_mask, matrix = _moving(job)
        n = fixed_image.GetDimension()
        self._basis = lattice.axis_weights(Grid.of(fixed_image))
        self._fixed = _volume(fixed_image)
        _forget(self._fixed, job, fixed_image)
        self._moving = _volume(moving_image, slices_of_2d=2)  # to be read linearly it needs a neighbour
        self._has_mask = moving_mask is not None
        self._mask = np.zeros((1, 1, 1), np.uint8)
        if moving_mask is not None:
            self._mask = _slab(sitk.GetArrayFromImage(moving_mask), slices_of_2d=2)
        # fixed index -> LPS -> start -> moving index
        to_index = np.linalg.inv(Grid.of(moving_image).index_to_lps) @ matrix
        self._to_moving = _three(to_index @ Grid.of(fixed_image).index_to_lps)[:3]
        self._per_mm = _three(to_index)[:3, :3] * ([1.0] * n + [0.0] * (3 - n))
        self._warped = np.full(self._fixed.shape, np.nan, np.float32)
        self._gradient = np.zeros((*self._fixed.shape, 3), np.float32)
        self._residual = np.zeros(self._fixed.shape, np.float32)
        self._chunks = split(len(self._fixed), self._fixed.size)
        self._planes = np.empty((len(self._fixed), *np.array(lattice.shape)[[0, 2, 3]]))
        self._gathered = np.empty(lattice.shape)
        self._similarity = _similarity(job, self._fixed)
        self._penalties = _penalties(stage.regularization, lattice)

    def __call__(self, coefficients: Coefficients) -> tuple[float, Coefficients]:
        """Return value (metric plus penalties; infinite without overlap) and gradient, shape (3, cz, cy, cx)."""
        self.number_of_evaluations += 1
        total, gradient = 0.0, np.zeros(self._lattice.shape)
        for weight, penalty in self._penalties:
            value, slope = penalty(coefficients)
            total += weight * value
            gradient += weight * slope
        value, slope = self._match(coefficients)
        return total + value, self._lattice.constrain(gradient + slope)

    def _match(self, coefficients: Coefficients) -> tuple[float, Coefficients]:
        self._warp(coefficients)
        value = self._similarity(self._warped, self._residual)
        if not np.isfinite(value):
            return np.inf, np.zeros(self._lattice.shape)
        run_chunks(kernels.gather_planes, self._chunks, self._basis, self._residual, self._gradient, self._planes)
        self._sum_slices(self._planes, self._gathered)
        return value, np.tensordot(self._per_mm.T, self._gathered, 1)

    def _warp(self, coefficients: Coefficients) -> None:
        in_voxels = np.tensordot(self._per_mm, coefficients, 1)
        run_chunks(
            kernels.warp,
            self._chunks,
            in_voxels,
            self._basis,
            self._to_moving,
            self._fixed,
            self._moving,
            self._mask,
            self._has_mask,
            self._warped,
            self._gradient,
        )

    def _sum_slices(self, planes: NDArray[np.float64], gathered: Coefficients) -> None:
        slices = split(gathered.shape[1], self._fixed.size)
        run_chunks(kernels.gather_slices, slices, self._basis, planes, gathered)

    def curvature_blocks(self) -> NDArray[np.float64]:
        """Return a 3 x 3 block per control point, shape (cz, cy, cx, 3, 3): about the Hessian at the last evaluation.

        The Gauss-Newton Hessian with its rows summed up into the diagonal blocks.
        """
        weights = self._residual
        self._similarity.fill_weights(self._warped, weights)
        planes = np.empty((len(self._fixed), 6, *self._lattice.shape[2:]))
        gathered = np.empty((6, *self._lattice.shape[1:]))
        run_chunks(kernels.gather_blocks, self._chunks, self._basis, weights, self._gradient, planes)
        self._sum_slices(planes, gathered)
        rows = [[0, 3, 4], [3, 1, 5], [4, 5, 2]]
        blocks = np.moveaxis(gathered[rows], (0, 1), (-2, -1))
        blocks = self._per_mm.T @ blocks @ self._per_mm
        typical = np.trace(blocks, axis1=-2, axis2=-1) / 3
        informative = typical[typical > 0.01 * typical.max()]
        ridge = RIDGE * (float(np.median(informative)) if informative.size else 1.0)
        diagonal = np.full(self._lattice.shape[1:], ridge)
        for weight, penalty in self._penalties:
            diagonal += weight * penalty.curvature
        blocks += diagonal[..., None, None] * np.eye(3)
        if self._lattice.dimension == 2:  # what is repeated along z moves as one
            blocks = np.broadcast_to(blocks.mean(axis=0), blocks.shape)
        return blocks


def metric_through_start(job: Job) -> float | None:
    """Return the job's metric of the moving image seen through the job's start, over all voxels; None if no overlap."""
    image, grid = job.level.moving, Grid.of(job.level.fixed)
    start = job.start or sitk.Transform(grid.dimension, sitk.sitkIdentity)
    warped = _volume(_resampled(image, grid, start, sitk.sitkLinear, np.nan))
    if job.moving_mask is not None:
        inside = _resampled(job.moving_mask, grid, start, sitk.sitkNearestNeighbor, 0)
        warped[_slab(sitk.GetArrayViewFromImage(inside)) == 0] = np.nan
    fixed = _volume(job.level.fixed)
    if job.fixed_mask is not None:
        fixed[_outside(job.fixed_mask, grid)] = np.nan
    if np.isnan(fixed + warped).all():
        return None
    warped[np.isnan(fixed)] = np.nan
    return _similarity(job, fixed)(warped, np.empty_like(warped))


def _similarity(job: Job, fixed: NDArray[np.float32]) -> Similarity:
    moving_range = _range(job.level.moving, job.moving_mask)
    return make_similarity(job.stage.metric, fixed, moving_range, _range(job.level.fixed, job.fixed_mask))


def _penalties(
    regularization: Regularization, lattice: Lattice
) -> list[tuple[float, BendingEnergy | LinearElasticity | LogJacobian]]:
    grid = (lattice.cells_xyz, lattice.spacing_xyz)
    makers = (
        (regularization.log_jacobian_weight, lambda: LogJacobian(*grid, lattice.axes)),
        (regularization.bending_energy_weight, lambda: BendingEnergy(*grid)),
        (regularization.linear_elasticity_weight, lambda: LinearElasticity(*grid, lattice.axes)),
    )
    return [(weight, make()) for weight, make in makers if weight > 0]


def _sampled(job: Job) -> sitk.Image:
    """Return every n-th voxel of the level's fixed image, along each axis as suits its spacing."""
    image = job.level.fixed
    if job.stage.sampling.strategy != "regular":
        return image
    strides = sampling_strides(Grid.of(image), job.sampling_fraction)
    return image[tuple(slice((stride - 1) // 2, None, stride) for stride in strides)]


def sampling_strides(grid: Grid, fraction: float) -> list[int]:
    """Return the steps per axis (xyz) that leave at least this fraction of the voxels, about evenly spaced in mm.

    Examples
    --------
    >>> grid = Grid((64, 64, 64), (1.0, 1.0, 1.0), (0.0,) * 3, tuple(np.eye(3).ravel()))
    >>> sampling_strides(grid, 0.125)
    [2, 2, 2]
    >>> sampling_strides(grid, 1.0)
    [1, 1, 1]
    """
    strides = [1] * grid.dimension
    while True:
        finest_first = sorted(range(grid.dimension), key=lambda axis: strides[axis] * grid.spacing_xyz[axis])
        for axis in finest_first:
            wider = [stride + (index == axis) for index, stride in enumerate(strides)]
            enough_left = grid.size_xyz[axis] // wider[axis] >= 4
            if enough_left and np.prod(wider) * fraction <= 1 + 1e-9:
                strides = wider
                break
        else:
            return strides


def _moving(job: Job) -> tuple[sitk.Image, sitk.Image | None, NDArray[np.float64]]:
    """Return the moving image, its mask on the same grid, and the linear map (homogeneous) that leads into it."""
    n = job.level.moving.GetDimension()
    image, mask, start = job.level.moving, job.moving_mask, job.start
    if start is not None and not is_linear(start):
        # The moving image seen through the start; what is optimized is applied before it.
        padded = _padded(Grid.of(job.level.fixed))
        image = _resampled(image, padded, start, sitk.sitkLinear, np.nan)
        mask = None if mask is None else _resampled(mask, padded, start, sitk.sitkNearestNeighbor, 0)
        return image, mask, np.eye(n + 1)
    if mask is not None:
        mask = _resampled(mask, Grid.of(image), sitk.Transform(n, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0)
    return image, mask, np.eye(n + 1) if start is None else to_matrix(start)


def _resampled(image: sitk.Image, grid: Grid, transform: sitk.Transform, how: int, outside: float) -> sitk.Image:
    return sitk.Resample(
        image, grid.size_xyz, transform, how, grid.origin_lps, grid.spacing_xyz, grid.direction, outside
    )


def _padded(grid: Grid) -> Grid:
    """Return the grid with a margin on all sides."""
    more = [int(np.ceil(MARGIN_MM / spacing)) for spacing in grid.spacing_xyz]
    size = tuple(n + 2 * k for n, k in zip(grid.size_xyz, more, strict=True))
    origin = grid.to_lps(-np.array(more, float))
    return Grid(size, grid.spacing_xyz, tuple(origin.tolist()), grid.direction)


def _forget(fixed: NDArray[np.float32], job: Job, image: sitk.Image) -> None:
    """Write NaN where the fixed image is not looked at: outside of its mask, or not drawn."""
    if job.fixed_mask is not None:
        fixed[_outside(job.fixed_mask, Grid.of(image))] = np.nan
    if job.stage.sampling.strategy == "random" and job.sampling_fraction < 1:
        drawn = np.random.default_rng(job.seed).random(fixed.shape) < job.sampling_fraction
        fixed[~drawn] = np.nan
    if np.isnan(fixed).all():
        raise RegistrationError(NO_SAMPLE)


def _range(image: sitk.Image, mask: sitk.Image | None) -> tuple[float, float]:
    """Return the lowest and highest value, inside the mask."""
    values = sitk.GetArrayViewFromImage(image)
    if mask is not None:
        values = _slab(values)[~_outside(mask, Grid.of(image))]
        if not values.size:
            raise RegistrationError(NO_SAMPLE)
    return float(values.min()), float(values.max())


def _outside(mask: sitk.Image, grid: Grid) -> NDArray[np.bool_]:
    """Return where on a grid a mask is 0, shape (nz, ny, nx)."""
    identity = sitk.Transform(grid.dimension, sitk.sitkIdentity)
    there = _slab(sitk.GetArrayFromImage(_resampled(mask, grid, identity, sitk.sitkNearestNeighbor, 0)))
    outside: NDArray[np.bool_] = there == 0
    return outside


def _volume(image: sitk.Image, slices_of_2d: int = 1) -> NDArray[np.float32]:
    """Return a copy of the voxels, shape (nz, ny, nx)."""
    return np.array(_slab(sitk.GetArrayViewFromImage(image), slices_of_2d), np.float32)


def _slab(values: NDArray[Any], slices_of_2d: int = 1) -> NDArray[Any]:
    """Return 3-D values as they are, 2-D ones as this many equal slices."""
    return values if values.ndim == 3 else np.repeat(values[None], slices_of_2d, axis=0)


def _three(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a homogeneous 2-D matrix as a 3-D one, a 3-D one as it is; shape (4, 4)."""
    n = len(matrix) - 1
    wide = np.eye(4)
    wide[:n, :n], wide[:n, 3] = matrix[:n, :n], matrix[:n, n]
    return wide
