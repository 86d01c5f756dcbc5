"""One level to run: what to compare, from where, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.stages import BSplineStage
from napari_coreg.core.transforms import displacement_field, invert, is_linear, is_rigid, parts, to_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.pyramid import Level
    from napari_coreg.core.stages import Stage

NODES_PER_CELL = 8  # of a B-spline that is sampled


@dataclass(frozen=True)
class Job:
    """One level to run: what to compare, from where, and how.

    Attributes
    ----------
    stage : Stage
        The recipe's stage.
    level_index : int
        Which of its levels.
    level : Level
        The shrunk images.
    fixed_mask, moving_mask : SimpleITK.Image or None
        8-bit masks, any grid.
    start : SimpleITK.Transform or None
        What is applied after the transform that is optimized (the chain so far).
    seed : int
        Of the sampling.
    threads : int
        Threads of the metric; SimpleITK's own number where 0.
    """

    stage: Stage
    level_index: int
    level: Level
    fixed_mask: sitk.Image | None
    moving_mask: sitk.Image | None
    start: sitk.Transform | None
    seed: int
    threads: int

    @property
    def is_last_level(self) -> bool:
        """Whether no finer level of the stage follows."""
        return self.level_index == self.stage.pyramid.number_of_levels - 1

    @property
    def sampling_fraction(self) -> float:
        """Part of the level's voxels that is sampled, raised to the least number of samples, 0 to 1."""
        sampling = self.stage.sampling
        if sampling.strategy == "none":
            return 1.0
        voxels = Grid.of(self.level.fixed).number_of_voxels * self._inside_fraction
        wanted = sampling.percentages[self.level_index] / 100
        return float(min(1.0, max(wanted, sampling.minimum_samples / max(voxels, 1.0))))

    @property
    def number_of_samples(self) -> int:
        """About how many points enter the metric."""
        return round(Grid.of(self.level.fixed).number_of_voxels * self._inside_fraction * self.sampling_fraction)

    @property
    def _inside_fraction(self) -> float:
        if self.fixed_mask is None:
            return 1.0
        mask = sitk.Resample(self.fixed_mask, self.level.fixed, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
        return max(float(np.mean(sitk.GetArrayViewFromImage(mask) != 0)), 1e-6)


def runs_on_coreg(stage: Stage) -> TypeGuard[BSplineStage]:
    """Whether our own engine runs the stage; all others are run by SimpleITK's."""
    return isinstance(stage, BSplineStage) and stage.engine == "coreg"


def absorb_rigid_start(job: Job) -> Job:
    """Return the same job with a rigid start put into the moving image's geometry, which spares it at every sample."""
    if job.start is None or not is_rigid(job.start):
        return job
    inverse = to_matrix(invert(job.start))
    level = replace(job.level, moving=_repositioned(job.level.moving, inverse))
    mask = None if job.moving_mask is None else _repositioned(job.moving_mask, inverse)
    return replace(job, level=level, moving_mask=mask, start=None)


def differentiate_start(job: Job) -> Job:
    """Return the job with the B-splines of its start as displacement fields: of a B-spline ITK knows no derivative."""
    if job.start is None or is_linear(job.start):
        return job
    chain = [_as_field(part, job.level.voxel_mm) for part in parts(job.start)]
    return replace(job, start=sitk.CompositeTransform(chain[::-1]))


def _as_field(transform: sitk.Transform, voxel_mm: float) -> sitk.Transform:
    """Return a B-spline sampled over its domain, beyond which both move nothing; any other transform as it is."""
    if transform.GetTransformEnum() != sitk.sitkBSplineTransform:
        return transform
    spline = sitk.BSplineTransform(transform)
    extent = np.array(spline.GetTransformDomainPhysicalDimensions())
    finest = NODES_PER_CELL * np.array(spline.GetTransformDomainMeshSize())
    size = np.clip(np.ceil(extent / voxel_mm).astype(int), 2, finest)
    direction = spline.GetTransformDomainDirection()
    axes = np.reshape(direction, (len(size), len(size)))
    origin = np.array(spline.GetTransformDomainOrigin()) + axes @ (extent / size / 2)
    grid = Grid(tuple(size.tolist()), tuple((extent / size).tolist()), tuple(origin.tolist()), direction)
    return sitk.DisplacementFieldTransform(sitk.Cast(displacement_field(spline, grid), sitk.sitkVectorFloat64))


def _repositioned(image: sitk.Image, matrix: NDArray[np.float64]) -> sitk.Image:
    n = image.GetDimension()
    moved = sitk.Image(image)
    moved.SetOrigin((matrix[:n, :n] @ image.GetOrigin() + matrix[:n, n]).tolist())
    moved.SetDirection((matrix[:n, :n] @ np.reshape(image.GetDirection(), (n, n))).ravel().tolist())
    return moved
