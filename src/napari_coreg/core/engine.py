"""Turns one level of a recipe's stage into a configured SimpleITK ImageRegistrationMethod, and runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core import optimizers as opt
from napari_coreg.core import recipe as rcp
from napari_coreg.core.geometry import Grid
from napari_coreg.core.threads import limited_threads
from napari_coreg.core.transforms import invert, is_rigid, to_matrix
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.pyramid import Level

_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


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

    stage: rcp.Stage
    level_index: int
    level: Level
    fixed_mask: sitk.Image | None
    moving_mask: sitk.Image | None
    start: sitk.Transform | None
    seed: int
    threads: int

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


@dataclass(frozen=True)
class Outcome:
    """What one level gave: the stop reason in the optimizer's words, and whether it was cancelled."""

    stop_reason: str
    cancelled: bool


OnIteration = Callable[[int, float, tuple[float, ...]], bool]


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
    job = _absorb_rigid_start(job)
    method = _configure(job)
    method.SetInitialTransform(transform, inPlace=True)
    watch = _Watch(method, on_iteration)
    method.AddCommand(sitk.sitkIterationEvent, watch)
    try:
        with limited_threads(job.threads):
            method.Execute(job.level.fixed, job.level.moving)
    except RuntimeError as error:
        if watch.error is not None:
            raise watch.error from None
        if not watch.cancelled:
            raise RegistrationError(explain(str(error))) from None
        transform.SetParameters(watch.parameters)
        return Outcome("cancelled", cancelled=True)
    return Outcome(method.GetOptimizerStopConditionDescription(), cancelled=False)


def evaluate_metric(job: Job, transform: sitk.Transform) -> float | None:
    """Return the job's metric for `transform` followed by the job's start; None where the images do not overlap."""
    job = _absorb_rigid_start(job)
    method = _configure(job)
    method.SetInitialTransform(transform)
    try:
        with limited_threads(job.threads):
            return float(method.MetricEvaluate(job.level.fixed, job.level.moving))
    except RuntimeError:
        return None


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
        self.error: Exception | None = None

    def Execute(self) -> None:  # noqa: N802 - SimpleITK's name
        self._count += 1
        self.parameters = self._method.GetOptimizerPosition()
        try:
            self.cancelled = self._on_iteration(self._count, self._method.GetMetricValue(), self.parameters)
        except Exception as error:
            self.error = error  # SimpleITK would replace it by a RuntimeError
            raise
        if self.cancelled:
            raise _Cancelled


def _configure(job: Job) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    _set_metric(method, job.stage.metric)
    # By default ITK filters a gradient image of each whole image first; gradients at the samples give the same.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    method.SetInterpolator(_INTERPOLATORS[job.stage.interpolator])
    _set_sampling(method, job)
    _set_optimizer(method, job)
    if job.fixed_mask is not None:
        method.SetMetricFixedMask(job.fixed_mask)
    if job.moving_mask is not None:
        method.SetMetricMovingMask(job.moving_mask)
    if job.start is not None:
        method.SetMovingInitialTransform(job.start)
    return method


def _absorb_rigid_start(job: Job) -> Job:
    """Return the same job with a rigid start put into the moving image's geometry, which spares it at every sample."""
    if job.start is None or not is_rigid(job.start):
        return job
    inverse = to_matrix(invert(job.start))
    level = replace(job.level, moving=_repositioned(job.level.moving, inverse))
    mask = None if job.moving_mask is None else _repositioned(job.moving_mask, inverse)
    return replace(job, level=level, moving_mask=mask, start=None)


def _repositioned(image: sitk.Image, matrix: NDArray[np.float64]) -> sitk.Image:
    n = image.GetDimension()
    moved = sitk.Image(image)
    moved.SetOrigin((matrix[:n, :n] @ image.GetOrigin() + matrix[:n, n]).tolist())
    moved.SetDirection((matrix[:n, :n] @ np.reshape(image.GetDirection(), (n, n))).ravel().tolist())
    return moved


def _set_metric(method: sitk.ImageRegistrationMethod, metric: rcp.Metric) -> None:
    match metric:
        case rcp.MattesMutualInformation():
            method.SetMetricAsMattesMutualInformation(metric.number_of_histogram_bins)
        case rcp.JointHistogramMutualInformation():
            method.SetMetricAsJointHistogramMutualInformation(
                metric.number_of_histogram_bins, metric.joint_smoothing_variance
            )
        case rcp.Correlation():
            method.SetMetricAsCorrelation()
        case rcp.AntsNeighborhoodCorrelation():
            method.SetMetricAsANTSNeighborhoodCorrelation(metric.radius)
        case rcp.MeanSquares():
            method.SetMetricAsMeanSquares()
        case rcp.Demons():
            method.SetMetricAsDemons(metric.intensity_difference_threshold)


def _set_sampling(method: sitk.ImageRegistrationMethod, job: Job) -> None:
    fraction = job.sampling_fraction
    # ITK's regular sampling jitters the points even at 100 %; all voxels are then the plainer and quicker choice.
    if job.stage.sampling.strategy == "none" or fraction >= 1.0:
        method.SetMetricSamplingStrategy(method.NONE)
        return
    strategies = {"regular": method.REGULAR, "random": method.RANDOM}
    method.SetMetricSamplingStrategy(strategies[job.stage.sampling.strategy])
    method.SetMetricSamplingPercentage(fraction, job.seed)


def _set_optimizer(method: sitk.ImageRegistrationMethod, job: Job) -> None:
    optimizer = job.stage.optimizer
    if isinstance(optimizer, opt.LBFGSB):
        method.SetOptimizerAsLBFGSB(
            gradientConvergenceTolerance=optimizer.gradient_convergence_tolerance,
            numberOfIterations=optimizer.number_of_iterations,
            maximumNumberOfCorrections=optimizer.maximum_number_of_corrections,
            maximumNumberOfFunctionEvaluations=20 * optimizer.number_of_iterations,
            costFunctionConvergenceFactor=optimizer.cost_function_convergence_factor,
        )
    elif isinstance(optimizer, opt.LBFGS2):
        method.SetOptimizerAsLBFGS2(
            solutionAccuracy=optimizer.solution_accuracy,
            numberOfIterations=optimizer.number_of_iterations,
            hessianApproximateAccuracy=optimizer.hessian_approximate_accuracy,
            deltaConvergenceDistance=optimizer.delta_convergence_distance,
            deltaConvergenceTolerance=optimizer.delta_convergence_tolerance,
            lineSearchMaximumEvaluations=optimizer.line_search_maximum_evaluations,
        )
    elif isinstance(optimizer, opt.Powell | opt.OnePlusOneEvolutionary | opt.Amoeba):
        _set_search(method, job, optimizer)
    else:
        _set_descent(method, job, optimizer)


def _set_descent(method: sitk.ImageRegistrationMethod, job: Job, optimizer: opt.GradientMethod) -> None:
    """Gradient methods: the first step is given in millimetres, the parameters are scaled by what they move."""
    if job.stage.kind != "bspline":  # all parameters of a B-spline have the same scale
        method.SetOptimizerScalesFromPhysicalShift()
    common = {
        "learningRate": 1.0,
        "numberOfIterations": optimizer.number_of_iterations,
        "estimateLearningRate": method.Once,
        "maximumStepSizeInPhysicalUnits": optimizer.maximum_step_voxels * job.level.voxel_mm,
    }
    if isinstance(optimizer, opt.RegularStepGradientDescent):
        method.SetOptimizerAsRegularStepGradientDescent(
            minStep=optimizer.minimum_step_voxels * job.level.voxel_mm,
            relaxationFactor=optimizer.relaxation_factor,
            gradientMagnitudeTolerance=optimizer.gradient_magnitude_tolerance,
            **common,
        )
        return
    common["convergenceMinimumValue"] = optimizer.convergence_minimum_value
    common["convergenceWindowSize"] = optimizer.convergence_window_size
    common["lineSearchMaximumIterations"] = optimizer.line_search_maximum_iterations
    if isinstance(optimizer, opt.GradientDescentLineSearch):
        method.SetOptimizerAsGradientDescentLineSearch(**common)
    else:
        method.SetOptimizerAsConjugateGradientLineSearch(**common)


def _set_search(
    method: sitk.ImageRegistrationMethod, job: Job, optimizer: opt.Powell | opt.OnePlusOneEvolutionary | opt.Amoeba
) -> None:
    """Methods without a gradient: one unit of every scaled parameter moves the edge of the volume by about 1 mm."""
    method.SetOptimizerScales(_millimetre_scales(job))
    if isinstance(optimizer, opt.Powell):
        method.SetOptimizerAsPowell(
            numberOfIterations=optimizer.number_of_iterations,
            maximumLineIterations=optimizer.maximum_line_iterations,
            stepLength=optimizer.step_length_mm,
            stepTolerance=optimizer.step_tolerance_mm,
            valueTolerance=optimizer.value_tolerance,
        )
    elif isinstance(optimizer, opt.OnePlusOneEvolutionary):
        method.SetOptimizerAsOnePlusOneEvolutionary(
            numberOfIterations=optimizer.number_of_iterations,
            epsilon=optimizer.smallest_radius_mm,
            initialRadius=optimizer.initial_radius_mm,
            growthFactor=optimizer.growth_factor,
            seed=max(1, job.seed),
        )
    else:
        method.SetOptimizerAsAmoeba(
            simplexDelta=optimizer.simplex_size_mm,
            numberOfIterations=optimizer.number_of_iterations,
            parametersConvergenceTolerance=optimizer.parameters_convergence_tolerance_mm,
            functionConvergenceTolerance=optimizer.function_convergence_tolerance,
        )


def _millimetre_scales(job: Job) -> list[float]:
    """Return per parameter the millimetres that a unit of it moves a point half-way to the edge of the volume."""
    grid = Grid.of(job.level.fixed)
    radius = float(np.linalg.norm(grid.corners_lps[0] - grid.centre_lps)) / 2
    n = grid.dimension
    number_of_shifts = n
    number_of_others = {
        "translation": 0,
        "rigid": 1 if n == 2 else 3,
        "similarity": 2 if n == 2 else 4,
        "affine": n * n,
    }[job.stage.kind]
    others, shifts = [radius] * number_of_others, [1.0] * number_of_shifts
    if job.stage.kind == "similarity" and n == 3:  # versor, translation, scale
        return [radius] * 3 + shifts + [radius]
    return others + shifts


_EXPLANATIONS = (
    (
        ("Too many samples map outside", "All samples map outside", "all samples map outside"),
        "the moving volume left the fixed one: too few samples fall into it. Start closer (initialization 'centre' or "
        "'moments', or align by hand), or check that both volumes show the same region",
    ),
    (
        ("Joint PDF summed to zero", "joint PDF", "Joint pdf"),
        "the two volumes share no sample with intensities (their overlap is empty or constant). Start closer, or check "
        "the masks",
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
