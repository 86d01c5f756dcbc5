"""Runs SimpleITK's registration on one level: watched, ended at any iteration, its errors in plain words."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core.job import absorb_rigid_start, differentiate_start
from napari_coreg.core.method import configure, set_first_step
from napari_coreg.core.threads import limited_threads
from napari_coreg.core.transforms import Parameters, with_parameters
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from napari_coreg.core.job import Job
    from napari_coreg.core.reporter import Wish


@dataclass(frozen=True)
class Outcome:
    """What one level gave: the stop reason in the optimizer's words, and by which wish it was ended, if by any."""

    stop_reason: str
    ended_by: Wish = ""


OnIteration = Callable[[int, float, Parameters], "Wish"]


def run_level(job: Job, transform: sitk.Transform, on_iteration: OnIteration) -> Outcome:
    """Optimize `transform` in place.

    Parameters
    ----------
    job : Job
        What to run.
    transform : SimpleITK.Transform
        The transform to optimize; holds the result afterwards: after a cancel the last iteration's; where it was taken,
        the best of the start, the last iteration's and those about the lowest value that was told, each evaluated.
    on_iteration : callable
        Called in this thread with (iteration from 1, metric value, parameters); returns what to do next.

    Raises
    ------
    RegistrationError
        If SimpleITK cannot go on, with the reason in plain words.
    """
    job = differentiate_start(absorb_rigid_start(job))
    method = configure(job)
    method.SetInitialTransform(transform, inPlace=True)
    watch = _Watch(method, on_iteration, transform.GetParameters())
    method.AddCommand(sitk.sitkIterationEvent, watch)
    try:
        with limited_threads(job.threads):
            set_first_step(method, job, transform)
            method.Execute(job.level.fixed, job.level.moving)
    except RuntimeError as error:
        if watch.error is not None:
            raise watch.error from None
        if not watch.wish:
            raise RegistrationError(explain(str(error))) from None
        if watch.wish == "cancel":
            transform.SetParameters(watch.parameters)
            return Outcome("cancelled", "cancel")
        best = _best(job, transform, watch.candidates)
        transform.SetParameters(best)
        return Outcome(taken_after(watch.count, is_last=best == watch.parameters), "take")
    if _is_no_value(method.GetMetricValue()):
        raise RegistrationError(NO_OVERLAP)
    return Outcome(method.GetOptimizerStopConditionDescription())


def taken_after(iterations: int, *, is_last: bool = True) -> str:
    """Return the stop reason of a level that was taken as it was.

    Examples
    --------
    >>> taken_after(1), taken_after(7, is_last=False)
    ('taken as it was after 1 iteration', 'taken as it was after 7 iterations; an earlier one fitted better')
    """
    words = f"taken as it was after {iterations} iteration{'' if iterations == 1 else 's'}"
    return words if is_last else f"{words}; an earlier one fitted better"


def _best(job: Job, transform: sitk.Transform, candidates: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the parameters with the lowest metric over the level's samples; the first where none has a value."""
    several = list(dict.fromkeys(candidates))
    with limited_threads(job.threads):
        values = [_sampled_metric(job, with_parameters(transform, parameters)) for parameters in several]
    return several[values.index(min(values))]


def _sampled_metric(job: Job, transform: sitk.Transform) -> float:
    """Return the metric over the samples that the optimizer sees; infinite where there is no overlap."""
    method = configure(job)
    method.SetOptimizerAsExhaustive([0] * len(transform.GetParameters()))  # no step in any direction
    method.SetOptimizerScales([1.0] * len(transform.GetParameters()))
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(job.level.fixed, job.level.moving)
    except RuntimeError:
        return math.inf
    value = float(method.GetMetricValue())
    return math.inf if _is_no_value(value) else value


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


class _Ended(Exception):  # noqa: N818
    """Leaves `Execute` at once; `StopRegistration` would not stop LBFGSB, LBFGS2 and Amoeba."""


class _Watch(sitk.Command):  # type: ignore[misc]
    """Listens to iterations. An exception in here ends `Execute` for every optimizer, with no traceback printed."""

    def __init__(
        self, method: sitk.ImageRegistrationMethod, on_iteration: OnIteration, start: tuple[float, ...]
    ) -> None:
        super().__init__()
        self._method = method
        self._on_iteration = on_iteration
        self._start = start
        self._lowest = math.inf
        self._about_lowest: tuple[tuple[float, ...], ...] = ()
        self.count = 0
        self.parameters = start
        self.wish: Wish = ""
        self.error: BaseException | None = None

    @property
    def candidates(self) -> tuple[tuple[float, ...], ...]:
        """Where the best position may be: the value that is told is that of this iteration, or of the one before."""
        return self._start, self.parameters, *self._about_lowest

    def Execute(self) -> None:  # noqa: N802 - SimpleITK's name
        self.count += 1
        try:
            before, self.parameters = self.parameters, self._method.GetOptimizerPosition()
            value = self._method.GetMetricValue()
            if value < self._lowest:
                self._lowest, self._about_lowest = value, (before, self.parameters)
            self.wish = self._on_iteration(self.count, value, self.parameters)
        except BaseException as error:  # Ctrl-C too
            self.error = error  # SimpleITK would replace it by a RuntimeError
            raise
        if self.wish:
            raise _Ended


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
