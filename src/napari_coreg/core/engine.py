"""Runs SimpleITK's registration on one level: watched, cancelled at any iteration, its errors in plain words."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core.job import absorb_rigid_start, differentiate_start
from napari_coreg.core.method import configure, set_first_step
from napari_coreg.core.threads import limited_threads
from napari_coreg.core.transforms import Parameters
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from napari_coreg.core.job import Job


@dataclass(frozen=True)
class Outcome:
    """What one level gave: the stop reason in the optimizer's words, and whether it was cancelled."""

    stop_reason: str
    cancelled: bool


OnIteration = Callable[[int, float, Parameters], bool]


def run_level(job: Job, transform: sitk.Transform, on_iteration: OnIteration) -> Outcome:
    """Optimize `transform` in place.

    Parameters
    ----------
    job : Job
        What to run.
    transform : SimpleITK.Transform
        The transform to optimize; holds the result afterwards (after a cancel: the last iteration's).
    on_iteration : callable
        Called in this thread with (iteration from 1, metric value, parameters); returns True to cancel.

    Raises
    ------
    RegistrationError
        If SimpleITK cannot go on, with the reason in plain words.
    """
    job = differentiate_start(absorb_rigid_start(job))
    method = configure(job)
    method.SetInitialTransform(transform, inPlace=True)
    watch = _Watch(method, on_iteration)
    method.AddCommand(sitk.sitkIterationEvent, watch)
    try:
        with limited_threads(job.threads):
            set_first_step(method, job, transform)
            method.Execute(job.level.fixed, job.level.moving)
    except RuntimeError as error:
        if watch.error is not None:
            raise watch.error from None
        if not watch.cancelled:
            raise RegistrationError(explain(str(error))) from None
        transform.SetParameters(watch.parameters)
        return Outcome("cancelled", cancelled=True)
    if _is_no_value(method.GetMetricValue()):
        raise RegistrationError(NO_OVERLAP)
    return Outcome(method.GetOptimizerStopConditionDescription(), cancelled=False)


def evaluate_metric(job: Job, transform: sitk.Transform) -> float | None:
    """Return the job's metric for `transform` followed by the job's start; None where the images do not overlap."""
    job = absorb_rigid_start(job)
    method = configure(job)
    method.SetInitialTransform(transform)
    try:
        with limited_threads(job.threads):
            value = float(method.MetricEvaluate(job.level.fixed, job.level.moving))
    except RuntimeError:
        return None
    return None if _is_no_value(value) else value


def _is_no_value(value: float) -> bool:
    """Whether this stands for no overlap: Mattes' metric raises there, the others give the largest number."""
    return not math.isfinite(value) or value >= sys.float_info.max


class _Cancelled(Exception):  # noqa: N818
    """Leaves `Execute` at once; `StopRegistration` would not stop LBFGSB, LBFGS2 and Amoeba."""


class _Watch(sitk.Command):  # type: ignore[misc]
    """Listens to iterations. An exception in here ends `Execute` for every optimizer, with no traceback printed."""

    def __init__(self, method: sitk.ImageRegistrationMethod, on_iteration: OnIteration) -> None:
        super().__init__()
        self._method = method
        self._on_iteration = on_iteration
        self._count = 0
        self.parameters: tuple[float, ...] = ()
        self.cancelled = False
        self.error: BaseException | None = None

    def Execute(self) -> None:  # noqa: N802 - SimpleITK's name
        self._count += 1
        try:
            self.parameters = self._method.GetOptimizerPosition()
            self.cancelled = self._on_iteration(self._count, self._method.GetMetricValue(), self.parameters)
        except BaseException as error:  # Ctrl-C too
            self.error = error  # SimpleITK would replace it by a RuntimeError
            raise
        if self.cancelled:
            raise _Cancelled


NO_OVERLAP = (
    "the moving volume left the fixed one: too few samples fall into it. Start closer (initialization 'centre' or "
    "'moments', or align by hand), or check that both volumes show the same region"
)
_EXPLANATIONS = (
    (("Too many samples map outside", "All samples map outside", "all samples map outside"), NO_OVERLAP),
    (
        ("Joint PDF summed to zero", "joint PDF", "Joint pdf"),
        "the two volumes share no sample with intensities (their overlap is empty or constant). Start closer, or check "
        "the masks",
    ),
    (
        ("Refusing to change spacing",),  # of the histogram, whose range is taken inside the masks
        "one of the volumes has no voxel inside its mask, or is constant there. Check that each mask lies on its "
        "volume",
    ),
    (
        ("VirtualSampledPointSet must have 1 or more points", "no points", "zero points"),
        "no sample lies inside the masks. Check that each mask lies on its volume, or raise the sampling percentages",
    ),
    (
        ("Number of pixels along direction",),
        "a level of the pyramid has fewer than four voxels along an axis. Use smaller shrink factors",
    ),
)


def explain(message: str) -> str:
    """Return what SimpleITK's error message means and what to do."""
    for needles, words in _EXPLANATIONS:
        if any(needle in message for needle in needles):
            return words
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"SimpleITK could not go on: {lines[-1] if lines else 'no reason given'}"
