"""Compiles the kernels of a stage ahead of its run; run as a module, it is what compiles them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_coreg.core.bspline import kernels, velocity_kernels
from napari_coreg.core.compiling import compile_aside, is_compiled

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.stages import BSplineStage

MESSAGE = "compiling kernels, once (about 10 s)"


def needs_compiling(stage: BSplineStage) -> bool:
    """Whether kernels of a stage are not there as machine code yet."""
    is_flow = stage.deformation == "stationary_velocity"
    return not all(map(is_compiled, [kernels.warp, *([velocity_kernels.pull] if is_flow else [])]))


def compile_ahead(stage: BSplineStage, is_cancelled: IsCancelled) -> bool:
    """Have the kernels of a stage compiled onto the disk; return False where that was cancelled."""
    return compile_aside(__name__, [stage.deformation, stage.metric.kind], is_cancelled)


def _register_something(deformation: str, metric: str) -> None:
    """Call every kernel that a stage of this kind calls, on two small images."""
    import numpy as np  # noqa: PLC0415
    import SimpleITK as sitk  # noqa: PLC0415

    from napari_coreg.core.bspline.engine import run_level  # noqa: PLC0415
    from napari_coreg.core.bspline_grid import make_bspline  # noqa: PLC0415
    from napari_coreg.core.folding import folding_of  # noqa: PLC0415
    from napari_coreg.core.geometry import Grid  # noqa: PLC0415
    from napari_coreg.core.job import Job  # noqa: PLC0415
    from napari_coreg.core.pyramid import Level  # noqa: PLC0415
    from napari_coreg.core.stages import BSplineStage  # noqa: PLC0415
    from napari_coreg.core.transforms import displacement_field  # noqa: PLC0415

    stage = BSplineStage.model_validate(
        {
            "deformation": deformation,
            "metric": {"kind": metric},
            "optimizer": {"kind": "lbfgs", "number_of_iterations": 1},
            "regularization": {"linear_elasticity_weight": 0.1},
            "pyramid": {"shrink_factors": [1], "smoothing_sigmas_mm": [0]},
            "sampling": {"percentages": [100]},
            "grid_spacings_mm": [8],
        }
    )
    rng = np.random.default_rng(0)
    fixed, moving = (sitk.GetImageFromArray(rng.normal(size=(16, 16, 16)).astype(np.float32)) for _ in range(2))
    level = Level(fixed, moving, (1, 1, 1), (1, 1, 1), 0.0)
    job = Job(stage, 0, level, fixed_mask=None, moving_mask=None, start=None, seed=1, threads=1)
    transform = make_bspline(Grid.of(fixed), (2, 2, 2))
    run_level(job, transform, lambda *_: "", lambda: "")
    displacement_field(transform, Grid.of(fixed))
    folding_of(transform, Grid.of(fixed))


if __name__ == "__main__":
    _register_something(*sys.argv[1:3])
