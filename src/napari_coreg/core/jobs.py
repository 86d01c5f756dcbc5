"""All jobs of one run: any level of any stage, from shrunk images that are made once, and the metric there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core import engine
from napari_coreg.core.geometry import Grid
from napari_coreg.core.job import Job, runs_on_coreg
from napari_coreg.core.pyramid import Level, make_levels
from napari_coreg.core.transforms import is_identity

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.search.landscape import Landscape
    from napari_coreg.core.stages import Stage

VOXELS_OF_A_METRIC = 500_000


class Jobs:
    """The prepared images of one run, at every level that its recipe wants.

    Parameters
    ----------
    recipe : Recipe
        What to run.
    fixed, moving : SimpleITK.Image
        Full-resolution images of 32-bit floats.
    fixed_mask, moving_mask : SimpleITK.Image or None
        8-bit masks, any grid.
    threads : int
        Threads of the metric; 0 takes one for linear stages and all for B-splines.

    Attributes
    ----------
    centre_lps : array, shape (D,)
        Centre of the fixed grid, about which corrections turn, LPS mm.
    threads : int
        As given.
    """

    def __init__(
        self,
        recipe: Recipe,
        fixed: sitk.Image,
        moving: sitk.Image,
        *,
        fixed_mask: sitk.Image | None,
        moving_mask: sitk.Image | None,
        threads: int,
    ) -> None:
        self.recipe = recipe
        self.fixed, self.moving = fixed, moving
        self.fixed_mask, self.moving_mask = fixed_mask, moving_mask
        self.centre_lps = Grid.of(fixed).centre_lps
        self.threads = threads
        self._levels: dict[tuple[int, float], Level] = {}

    @cached_property
    def landscape(self) -> Landscape:
        """The two volumes in all poses."""
        from napari_coreg.core.search.landscape import Landscape  # noqa: PLC0415 - numba takes 0.5 s

        return Landscape(self.fixed, self.moving, self.fixed_mask, self.moving_mask, seed=self.recipe.seed)

    def job(self, stage_index: int, level_index: int, start: sitk.Transform) -> Job:
        """Return one level to run, with `start` applied after the transform that is optimized."""
        stage = self.recipe.stages[stage_index]
        key = _level_keys(stage)[level_index]
        if not self._levels:
            wanted = {key for stage in self.recipe.stages for key in _level_keys(stage)}
            self._levels = make_levels(self.fixed, self.moving, wanted)
        return Job(
            stage=stage,
            level_index=level_index,
            level=self._levels[key],
            fixed_mask=self.fixed_mask,
            moving_mask=self.moving_mask,
            start=None if is_identity(start) else start,
            seed=self.recipe.seed + 1,  # SimpleITK takes 0 for "from the clock"
            threads=self.threads or (0 if stage.kind == "bspline" else 1),
        )

    def metric(self, stage_index: int, level_index: int, transform: sitk.Transform) -> float | None:
        """Return a stage's metric through `transform` at a level; None where the images do not overlap."""
        job = self.job(stage_index, level_index, transform)
        if runs_on_coreg(job.stage):
            from napari_coreg.core.bspline import engine as bspline_engine  # noqa: PLC0415 - numba takes 0.5 s

            return bspline_engine.evaluate_metric(job)
        return engine.evaluate_metric(job, sitk.TranslationTransform(self.fixed.GetDimension()))

    def last_metric(self, transform: sitk.Transform) -> float | None:
        """Return the last stage's metric over all voxels of a level; None where the images do not overlap.

        The level is the finest one of at most 500,000 voxels, as SimpleITK cannot sample here.
        """
        last = len(self.recipe.stages) - 1
        levels = range(self.recipe.stages[last].pyramid.number_of_levels)
        sizes = {index: Grid.of(self.job(last, index, transform).level.fixed).number_of_voxels for index in levels}
        small = [index for index in levels if sizes[index] <= VOXELS_OF_A_METRIC] or [0]
        return self.metric(last, small[-1], transform)


def _level_keys(stage: Stage) -> list[tuple[int, float]]:
    return list(zip(stage.pyramid.shrink_factors, stage.pyramid.smoothing_sigmas_mm, strict=True))
