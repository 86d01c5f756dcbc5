"""Turns a job into a configured SimpleITK ImageRegistrationMethod: the only file that calls its Set methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core import metrics
from napari_coreg.core import optimizers as opt
from napari_coreg.core.geometry import Grid

if TYPE_CHECKING:
    from napari_coreg.core.job import Job

_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


def configure(job: Job) -> sitk.ImageRegistrationMethod:
    """Return the method, ready but for the transform to optimize."""
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


def set_first_step(method: sitk.ImageRegistrationMethod, job: Job, transform: sitk.Transform) -> None:
    """Let the first step of a B-spline's descent go as far as the recipe says, whatever the unit of the metric.

    SimpleITK can estimate the step itself, but only with a scale per parameter, which takes longer than the descent
    where there are thousands. One plain step of gradient descent tells the gradient as well.
    """
    optimizer = job.stage.optimizer
    if job.stage.kind != "bspline" or not isinstance(optimizer, opt.GradientMethod):
        return
    probe, probed = configure(job), sitk.BSplineTransform(transform)
    probe.SetOptimizerAsGradientDescent(learningRate=1.0, numberOfIterations=1, estimateLearningRate=probe.Never)
    probe.SetInitialTransform(probed, inPlace=True)
    probe.Execute(job.level.fixed, job.level.moving)
    gradient = np.subtract(transform.GetParameters(), probed.GetParameters())
    steepest = float(np.linalg.norm(gradient.reshape(transform.GetDimension(), -1), axis=0).max())
    if steepest == 0:
        return
    if isinstance(optimizer, opt.RegularStepGradientDescent):  # it takes the gradient's direction only
        _set_descent(method, job, optimizer, per_mm=float(np.linalg.norm(gradient)) / steepest)
    else:
        _set_descent(method, job, optimizer, per_mm=1 / steepest)


def _set_metric(method: sitk.ImageRegistrationMethod, metric: metrics.Metric) -> None:
    match metric:
        case metrics.MattesMutualInformation():
            method.SetMetricAsMattesMutualInformation(metric.number_of_histogram_bins)
        case metrics.JointHistogramMutualInformation():
            method.SetMetricAsJointHistogramMutualInformation(
                metric.number_of_histogram_bins, metric.joint_smoothing_variance
            )
        case metrics.Correlation():
            method.SetMetricAsCorrelation()
        case metrics.LocalNormalizedCorrelation():
            method.SetMetricAsANTSNeighborhoodCorrelation(metric.radius)
        case metrics.MeanSquares():
            method.SetMetricAsMeanSquares()


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
    elif isinstance(optimizer, opt.GradientMethod):
        _set_descent(method, job, optimizer)


def _set_descent(
    method: sitk.ImageRegistrationMethod, job: Job, optimizer: opt.GradientMethod, per_mm: float | None = None
) -> None:
    """Gradient methods: the first step is given in millimetres, the parameters are scaled by what they move.

    `per_mm` is the learning rate at which no control point of a B-spline moves further than a millimetre.
    """
    first_mm = optimizer.maximum_step_voxels * job.level.voxel_mm
    if job.level_index > 0 and isinstance(optimizer, opt.RegularStepGradientDescent):
        first_mm *= optimizer.later_first_step_factor
    if job.stage.kind != "bspline":  # all parameters of a B-spline have the same scale
        method.SetOptimizerScalesFromPhysicalShift()
    common = {
        "learningRate": 1.0 if per_mm is None else first_mm * per_mm,
        "numberOfIterations": optimizer.number_of_iterations,
        "estimateLearningRate": method.Once,
        "maximumStepSizeInPhysicalUnits": first_mm,
    }
    if isinstance(optimizer, opt.RegularStepGradientDescent):
        method.SetOptimizerAsRegularStepGradientDescent(
            minStep=optimizer.minimum_step_voxels * job.level.voxel_mm * (per_mm or 1.0),
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
