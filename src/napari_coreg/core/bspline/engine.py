"""Runs one level of a B-spline stage with our own engine, whose time grows with the number of samples alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.bspline import lbfgs
from napari_coreg.core.bspline.deformation import make_deformation
from napari_coreg.core.bspline.lattice import Lattice
from napari_coreg.core.bspline.objective import NO_SAMPLE, Objective, metric_through_start
from napari_coreg.core.bspline.unfold import unfold
from napari_coreg.core.chunks import working_threads
from napari_coreg.core.engine import OnIteration, Outcome, taken_after
from napari_coreg.core.optimizers import LBFGS
from napari_coreg.core.stages import BSplineStage
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.bspline.deformation import Deformation
    from napari_coreg.core.job import Job
    from napari_coreg.core.reporter import Wish

    Coefficients = NDArray[np.float64]


class _Ended(Exception):  # noqa: N818
    """Leaves the minimization between two evaluations."""


def run_level(
    job: Job, transform: sitk.BSplineTransform, on_iteration: OnIteration, wish: Callable[[], Wish]
) -> Outcome:
    """Optimize `transform` in place.

    Parameters
    ----------
    job : Job
        What to run.
    transform : SimpleITK.BSplineTransform
        The transform to optimize; holds the result afterwards. Where it was ended early, that is the last iteration's,
        and the best, as each has a lower value than the one before.
    on_iteration : callable
        Called in this thread with (iteration from 1, value, parameters); returns what to do next.
    wish : callable
        Asked before each evaluation what to do next.

    Raises
    ------
    RegistrationError
        If the images do not overlap, or nothing is left to compare.
    """
    stage = job.stage
    if not isinstance(stage, BSplineStage) or not isinstance(stage.optimizer, LBFGS):
        raise TypeError(f"a {stage.kind!r} stage with optimizer {stage.optimizer.kind!r} is not for this engine")
    optimizer = stage.optimizer
    lattice = Lattice.of(transform)
    coefficients = lattice.coefficients(transform)
    count = 0
    ended_by: Wish = ""

    def told(value: float, reached: Coefficients) -> bool:
        nonlocal count, coefficients, ended_by
        count, coefficients = count + 1, reached
        ended_by = on_iteration(count, value, lattice.parameters(reached))
        return bool(ended_by)

    with working_threads(job.threads):
        deformation = make_deformation(stage, lattice)
        objective = Objective(job, stage, deformation.lattice)

        def function(at: Coefficients) -> tuple[float, Coefficients]:
            nonlocal ended_by
            ended_by = wish()
            if ended_by:
                raise _Ended
            value, gradient = objective(deformation.displacement(at))
            return value, deformation.pullback(gradient)

        try:
            first = function(coefficients)
            if not np.isfinite(first[0]):
                raise RegistrationError(NO_SAMPLE)
            step_mm = optimizer.maximum_step_voxels * job.level.voxel_mm
            coefficients, reason = lbfgs.minimize(
                function, coefficients, first, _preconditioner(objective, deformation), optimizer, step_mm, told
            )
        except _Ended:
            pass
        if ended_by:
            reason = "cancelled" if ended_by == "cancel" else taken_after(count)
        is_last = job.is_last_level or ended_by == "take"
        if is_last and ended_by != "cancel" and _may_be_unfolded(stage):
            coefficients, folded = unfold(coefficients, lattice, _full_size_xyz(job, lattice))
            reason += f"; {folded} folded voxels were unfolded" if folded else ""
    transform.SetParameters(lattice.parameters(coefficients).tolist())
    return Outcome(reason, ended_by)


def evaluate_metric(job: Job) -> float | None:
    """Return the metric of the job's stage where the job's start leads, over all voxels; None without overlap."""
    with working_threads(job.threads):
        return metric_through_start(job)


def _preconditioner(objective: Objective, deformation: Deformation) -> Callable[[Coefficients], Coefficients]:
    """Return the inverse of the objective's blocks of curvature."""
    inverse = np.linalg.inv(deformation.restrict(objective.curvature_blocks()))

    def apply(gradient: Coefficients) -> Coefficients:
        return np.ascontiguousarray(np.einsum("zyxij,jzyx->izyx", inverse, gradient))

    return apply


def _may_be_unfolded(stage: BSplineStage) -> bool:
    """Whether folds are unwanted and can be taken out; a flow has none."""
    return stage.regularization.log_jacobian_weight > 0 and stage.deformation == "displacement"


def _full_size_xyz(job: Job, lattice: Lattice) -> tuple[int, int, int]:
    """Return how many voxels of the unshrunk fixed image fill the lattice's domain."""
    level = job.level
    edges = [spacing / shrink for spacing, shrink in zip(level.fixed.GetSpacing(), level.fixed_shrink_xyz, strict=True)]
    size = [round(extent / edge) for extent, edge in zip(lattice.extent_xyz, edges, strict=False)]
    x, y, z = (*size, 1)[:3]
    return (x, y, z)
