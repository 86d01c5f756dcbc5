"""Checks of what the recipe plans for volumes of this size: levels, samples, smoothing and B-spline grids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core import bspline_grid
from napari_coreg.core.costs import SLOW_SECONDS, level_costs
from napari_coreg.core.metrics import JointHistogramMutualInformation, MattesMutualInformation
from napari_coreg.core.preflight.findings import Finding, Fix
from napari_coreg.core.preflight.words import duration
from napari_coreg.core.pyramid import shrink_factors_xyz
from napari_coreg.core.stages import BSplineStage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_coreg.core.preflight.pair import Pair
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.stages import Stage

FEWEST_SAMPLES = 200
WIDEST_SMOOTHING = 0.25  # sigma, of the longest axis
VOXELS_PER_CELL = 2.0  # of a B-spline, at least
WIDEST_SPACING_MM = 1000.0  # that a recipe takes


@dataclass(frozen=True)
class Plan:
    """What one level does to the fixed volume.

    Attributes
    ----------
    stage, level : int
        Which one, from 0.
    shrink_xyz : tuple of int
        How much it is shrunk.
    voxel_mm : array, shape (D,)
        Its voxels then.
    samples : float
        Points that enter the metric, about.
    """

    stage: int
    level: int
    shrink_xyz: tuple[int, ...]
    voxel_mm: NDArray[np.float64]
    samples: float

    @property
    def name(self) -> str:
        """Which level it is, as people count."""
        return f"stage {self.stage + 1}, level {self.level + 1}"


def plans(pair: Pair) -> list[Plan]:
    """Return what every level of the recipe does; none where the volumes lie nowhere."""
    if not pair.is_placed:
        return []
    return [
        _plan(pair, stage_index, level, stage)
        for stage_index, stage in enumerate(pair.recipe.stages)
        for level in range(stage.pyramid.number_of_levels)
    ]


def _plan(pair: Pair, stage_index: int, level: int, stage: Stage) -> Plan:
    grid = pair.fixed.grid
    edge = min(side.grid.voxel_edge_mm for side in pair.sides)
    shrink = shrink_factors_xyz(grid, stage.pyramid.shrink_factors[level] * edge)
    voxels = float(np.prod([size // factor for size, factor in zip(grid.size_xyz, shrink, strict=True)]))
    voxels *= pair.fixed.marked_fraction
    wanted = max(stage.sampling.minimum_samples, voxels * stage.sampling.percentages[level] / 100)
    samples = voxels if stage.sampling.strategy == "none" else min(voxels, wanted)
    return Plan(stage_index, level, shrink, np.array(grid.spacing_xyz) * shrink, samples)


def check_levels(pair: Pair) -> Iterator[Finding]:
    """Find pyramids whose levels are all alike, as the volume is too small to be shrunk."""
    all_plans = plans(pair)
    for index, stage in enumerate(pair.recipe.stages):
        shrinks = {plan.shrink_xyz for plan in all_plans if plan.stage == index}
        if len(shrinks) == 1 and len(set(stage.pyramid.shrink_factors)) > 1:
            yield Finding(
                "note",
                "levels_alike",
                f"the volumes are too small to be shrunk, so all levels of stage {index + 1} run at one resolution",
                " x ".join(map(str, pair.fixed.grid.size_xyz)) + " voxels",
                "Nothing to do; a larger shrink factor changes nothing.",
            )


def check_samples(pair: Pair) -> Iterator[Finding]:
    """Find levels with too few points for a metric to mean something."""
    few = [plan for plan in plans(pair) if plan.samples < FEWEST_SAMPLES]
    if few:
        fewest = min(few, key=lambda plan: plan.samples)
        yield Finding(
            "warning",
            "few_samples",
            f"the metric has too few points to look at in {fewest.name}",
            f"about {fewest.samples:.0f} points",
            "Mark more in the fixed mask, shrink less, or sample more.",
        )


def check_smoothing(pair: Pair) -> Iterator[Finding]:
    """Find smoothing that leaves nothing to see."""
    if not pair.is_placed:
        return
    sigmas = [sigma for stage in pair.recipe.stages for sigma in stage.pyramid.smoothing_sigmas_mm]
    widest = max([*sigmas, pair.recipe.preprocessing.smoothing_sigma_mm])
    longest = min(float(side.extents_mm.max()) for side in pair.sides)
    if widest > WIDEST_SMOOTHING * longest:
        yield Finding(
            "warning",
            "smoothing",
            "the recipe smooths away nearly all that there is to see",
            f"sigma {widest:g} mm, and the longest axis has {longest:.3g} mm",
            "Take smaller smoothing sigmas, and check the voxel sizes.",
        )


def check_bspline_grids(pair: Pair) -> Iterator[Finding]:
    """Find B-spline grids that are finer than the voxels, or wider than the volume."""
    if not pair.is_placed:
        return
    for index, stage in enumerate(pair.recipe.stages):
        if not isinstance(stage, BSplineStage):
            continue
        cells, plan = _finest(pair, index, stage)
        ratio = float((cells / plan.voxel_mm).min())
        if ratio < VOXELS_PER_CELL:
            yield Finding(
                "warning",
                "bspline_fine",
                f"the B-spline's cells are shorter than {VOXELS_PER_CELL:g} voxels of their level in {plan.name}",
                f"cells of {_edges(cells)} mm, voxels of {_edges(plan.voxel_mm)} mm",
                "Take wider grid spacings, or smaller shrink factors.",
                _wider(pair, index, stage, ratio),
            )
        if stage.grid_spacings_mm[-1] > float(pair.fixed.extents_mm.max()):
            yield Finding(
                "warning",
                "bspline_wide",
                f"even the finest grid of the B-spline in stage {index + 1} is wider than the fixed volume",
                f"{stage.grid_spacings_mm[-1]:g} mm, the volume's longest axis {pair.fixed.extents_mm.max():.3g} mm",
                "Take smaller grid spacings, and check the voxel sizes.",
            )


def check_slow_stages(pair: Pair) -> Iterator[Finding]:
    """Find B-spline stages that take minutes on SimpleITK's engine."""
    if not pair.is_placed:
        return
    for index, stage in enumerate(pair.recipe.stages):
        if not isinstance(stage, BSplineStage) or stage.engine == "coreg":
            continue
        seconds = sum(level_costs(stage, pair.fixed.grid, pair.moving.grid))
        if seconds > SLOW_SECONDS:
            yield Finding(
                "warning",
                "slow",
                f"stage {index + 1}, a B-spline on SimpleITK's engine, takes long",
                f"up to about {duration(seconds)}",
                "Choose the engine 'coreg', a wider grid spacing, or a lower sampling percentage.",
                Fix.by_settings(
                    "Run it on the engine coreg", pair.recipe, _replaced(pair.recipe, index, _on_coreg(stage))
                ),
            )


def _finest(pair: Pair, index: int, stage: BSplineStage) -> tuple[NDArray[np.float64], Plan]:
    """Return the cells' edges (mm) at the level where they have the fewest voxels, and that level."""
    meshes = bspline_grid.mesh_sizes(pair.fixed.grid, stage.grid_spacings_mm)
    levels = [plan for plan in plans(pair) if plan.stage == index]
    found = [(pair.fixed.extents_mm / np.array(mesh), plan) for mesh, plan in zip(meshes, levels, strict=True)]
    return min(found, key=lambda item: float((item[0] / item[1].voxel_mm).min()))


def _wider(pair: Pair, index: int, stage: BSplineStage, ratio: float) -> Fix | None:
    """Return the recipe with wider grid spacings; None where that does not help."""
    factor = 2.0 ** math.ceil(math.log2(VOXELS_PER_CELL / ratio))
    spacings = tuple(spacing * factor for spacing in stage.grid_spacings_mm)
    if max(spacings) > WIDEST_SPACING_MM:
        return None
    wider = stage.model_copy(update={"grid_spacings_mm": spacings})
    cells, plan = _finest(pair, index, wider)
    if (cells / plan.voxel_mm).min() < VOXELS_PER_CELL:
        return None
    return Fix.by_settings(
        f"Widen the grid by a factor of {factor:g}", pair.recipe, _replaced(pair.recipe, index, wider)
    )


def _on_coreg(stage: BSplineStage) -> BSplineStage:
    """Return the stage on our own engine, with its levels and grid, and its metric where that engine has it."""
    is_known = not isinstance(stage.metric, JointHistogramMutualInformation)
    return BSplineStage(
        metric=stage.metric if is_known else MattesMutualInformation(),
        pyramid=stage.pyramid,
        sampling=stage.sampling,
        grid_spacings_mm=stage.grid_spacings_mm,
    )


def _replaced(recipe: Recipe, index: int, stage: Stage) -> Recipe:
    stages = (*recipe.stages[:index], stage, *recipe.stages[index + 1 :])
    return recipe.model_copy(update={"stages": stages})


def _edges(lengths_mm: NDArray[np.float64]) -> str:
    return " x ".join(f"{length:.3g}" for length in lengths_mm)
