"""About how long stages take: for the progress, and for a note where it is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core import bspline_grid
from napari_coreg.core.job import runs_on_coreg
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.core.stages import BSplineStage

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.job import Job
    from napari_coreg.core.stages import Stage

SECONDS_PER_SAMPLE_AND_PARAMETER = 7.5e-9  # of SimpleITK's B-spline with Mattes MI, measured on two cores
SECONDS_PER_SAMPLE_OF_COREG = 2.5e-8  # of our B-spline engine, measured on two cores
SECONDS_PER_CELL_OF_COREG = 4e-7  # of its penalties and its optimizer, measured on two cores
SECONDS_PER_SAMPLE = 1e-7  # of linear stages, which stop after about a quarter of their iterations
SLOW_SECONDS = 60.0


def level_costs(stage: Stage, fixed: Grid, moving: Grid) -> list[float]:
    """Return about how many seconds each of the stage's levels takes on two cores; the ratios are what matters."""
    edge = min(fixed.voxel_edge_mm, moving.voxel_edge_mm)
    costs = []
    for index, factor in enumerate(stage.pyramid.shrink_factors):
        voxels = fixed.number_of_voxels / float(np.prod(shrink_factors_xyz(fixed, factor * edge)))
        samples = max(stage.sampling.minimum_samples, voxels * stage.sampling.percentages[index] / 100)
        an_iteration = SECONDS_PER_SAMPLE * samples
        if isinstance(stage, BSplineStage):
            mesh = bspline_grid.mesh_sizes(fixed, stage.grid_spacings_mm)[index]
            control_points = float(np.prod([cells + bspline_grid.ORDER for cells in mesh]))
            an_iteration = SECONDS_PER_SAMPLE_AND_PARAMETER * samples * fixed.dimension * control_points
            if runs_on_coreg(stage):
                an_iteration = SECONDS_PER_SAMPLE_OF_COREG * samples + SECONDS_PER_CELL_OF_COREG * control_points
        costs.append(an_iteration * stage.optimizer.number_of_iterations)
    return costs


def note_if_slow(stage_index: int, job: Job, correction: sitk.Transform) -> str:
    """Return a sentence about a level of a B-spline that may take more than a minute; empty for any other."""
    if job.stage.kind != "bspline" or runs_on_coreg(job.stage):
        return ""
    parameters = len(correction.GetParameters())
    an_iteration = SECONDS_PER_SAMPLE_AND_PARAMETER * job.number_of_samples * parameters
    seconds = an_iteration * job.stage.optimizer.number_of_iterations
    if seconds <= SLOW_SECONDS:
        return ""
    return (
        f"stage {stage_index + 1}, level {job.level_index + 1}: {parameters} B-spline parameters and "
        f"{job.number_of_samples} samples may take up to {seconds / 60:.0f} min; a wider grid spacing or a "
        "lower sampling percentage is quicker"
    )
