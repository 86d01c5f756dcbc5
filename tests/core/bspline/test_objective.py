"""Values of the metrics against SimpleITK's MetricEvaluate, gradients against differences of the values."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from napari_coreg.core import metrics
from napari_coreg.core.bspline.lattice import Lattice
from napari_coreg.core.bspline.objective import Objective
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.geometry import Grid
from napari_coreg.core.job import Job
from napari_coreg.core.pyramid import Level
from napari_coreg.core.stages import BSplineStage, Pyramid, Regularization, Sampling

NO_PENALTY = Regularization(bending_energy_weight=0, log_jacobian_weight=0)
SIZES = {2: 120, 3: 20}  # so many voxels that one which crosses a border counts little


def make_image(seed, size_xyz, spacing, direction, origin):
    rng = np.random.default_rng(seed)
    voxels = gaussian_filter(rng.normal(0, 300, size_xyz[::-1]), 2.0) + 100
    image = sitk.GetImageFromArray(voxels.astype(np.float32))
    image.SetSpacing(spacing)
    image.SetDirection(np.asarray(direction).ravel().tolist())
    image.SetOrigin(origin)
    return image


def make_stage(metric, **changes):
    return BSplineStage(
        metric=metric,
        pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0.0,)),
        sampling=Sampling(strategy="none", percentages=(100.0,)),
        grid_spacings_mm=(10.0,),
        **{"regularization": NO_PENALTY, **changes},
    )


def make_job(fixed, moving, stage, **changes):
    n = fixed.GetDimension()
    job = Job(
        stage=stage,
        level_index=0,
        level=Level(fixed, moving, (1,) * n, (1,) * n, 0.0),
        fixed_mask=None,
        moving_mask=None,
        start=None,
        seed=1,
        threads=1,
    )
    return replace(job, **changes)


@st.composite
def jobs(draw, metric, dimension):
    """Two images on any two grids that overlap, with masks and a linear start, and a deformation."""
    seed, edge = draw(st.integers(0, 2**16)), SIZES[dimension]
    rng = np.random.default_rng(seed)
    angles = [draw(st.integers(-180, 180)) for _ in range(3)]

    def axes(some):
        if dimension == 2:
            c, s = np.cos(np.deg2rad(some[0])), np.sin(np.deg2rad(some[0]))
            return np.array([[c, -s], [s, c]])
        return Rotation.from_euler("xyz", some, degrees=True).as_matrix()

    fixed_axes = axes(angles)
    if draw(st.booleans()):
        fixed_axes[:, 0] *= -1
    moving_axes = axes(angles) @ axes([draw(st.integers(-15, 15)) for _ in range(3)])
    size = tuple(draw(st.integers(edge - 4, edge)) for _ in range(dimension))
    spacing = tuple(draw(st.sampled_from([0.8, 1.0, 1.5])) for _ in range(dimension))
    fixed = make_image(seed, size, spacing, fixed_axes, [3.0, -5.0, 40.0][:dimension])
    centre = Grid.of(fixed).centre_lps
    moving_spacing = tuple(draw(st.sampled_from([0.9, 1.2])) for _ in range(dimension))
    moving_size = (edge + 2,) * dimension
    corner = centre - moving_axes @ (np.array(moving_spacing) * (edge + 1) / 2) + rng.normal(0, 1, dimension)
    moving = make_image(seed + 1, moving_size, moving_spacing, moving_axes, corner.tolist())
    # What they share keeps the metrics away from 0, where a relative bound would ask for more than single precision.
    moving = 0.5 * moving + sitk.Resample(fixed, moving, sitk.Transform(), sitk.sitkLinear, 100.0)
    changes = {}
    if draw(st.booleans()):
        mask = np.zeros(size[::-1], np.uint8)
        mask[(slice(3, -2),) * dimension] = 1
        changes["fixed_mask"] = _mask_of(mask, fixed)
    if draw(st.booleans()):
        mask = np.ones(moving_size, np.uint8)
        mask[(slice(0, 6),) * dimension] = 0
        changes["moving_mask"] = _mask_of(mask, moving)
    if draw(st.booleans()):
        start = sitk.AffineTransform(dimension)
        start.SetCenter(centre.tolist())
        start.SetMatrix((np.eye(dimension) + rng.normal(0, 0.03, (dimension, dimension))).ravel().tolist())
        start.SetTranslation(rng.normal(0, 0.7, dimension).tolist())
        changes["start"] = start
    transform = make_bspline(Grid.of(fixed), tuple(draw(st.integers(1, 3)) for _ in range(dimension)))
    transform.SetParameters(rng.normal(0, 1.0, len(transform.GetParameters())).tolist())
    return make_job(fixed, moving, make_stage(metric), **changes), transform


def _mask_of(values, image):
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(image)
    return mask


def metric_of_simpleitk(job, transform):
    method = sitk.ImageRegistrationMethod()
    metric = job.stage.metric
    match metric.kind:
        case "mean_squares":
            method.SetMetricAsMeanSquares()
        case "correlation":
            method.SetMetricAsCorrelation()
        case "mattes_mutual_information":
            method.SetMetricAsMattesMutualInformation(metric.number_of_histogram_bins)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricSamplingStrategy(method.NONE)
    if job.fixed_mask is not None:
        method.SetMetricFixedMask(job.fixed_mask)
    if job.moving_mask is not None:
        method.SetMetricMovingMask(job.moving_mask)
    if job.start is not None:
        method.SetMovingInitialTransform(job.start)
    method.SetInitialTransform(transform)
    return method.MetricEvaluate(job.level.fixed, job.level.moving)


def value_of(job, transform):
    lattice = Lattice.of(transform)
    value, _ = Objective(job, job.stage, lattice)(lattice.coefficients(transform))  # without penalties: the metric
    return value


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(
    ("metric", "relative"),
    [
        (metrics.MeanSquares(), 1e-5),
        (metrics.Correlation(), 1e-5),
        (metrics.MattesMutualInformation(number_of_histogram_bins=20), 1e-3),
        (metrics.MattesMutualInformation(number_of_histogram_bins=50), 1e-3),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_values_are_those_of_simpleitk(dimension, metric, relative, data):
    job, transform = data.draw(jobs(metric, dimension))
    assert value_of(job, transform) == pytest.approx(metric_of_simpleitk(job, transform), rel=relative)


ALL_METRICS = [
    metrics.MeanSquares(),
    metrics.Correlation(),
    metrics.MattesMutualInformation(number_of_histogram_bins=16),
    metrics.NormalizedMutualInformation(number_of_histogram_bins=16),
    metrics.LocalNormalizedCorrelation(radius=2),
]


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("metric", ALL_METRICS, ids=lambda metric: metric.kind)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_gradients_are_the_differences_of_the_values(dimension, metric, data):
    job, transform = data.draw(jobs(metric, dimension))
    stage = make_stage(metric, regularization=Regularization(bending_energy_weight=5.0, linear_elasticity_weight=0.1))
    lattice = Lattice.of(transform)
    at = lattice.coefficients(transform)
    job = replace(job, stage=stage, fixed_mask=surely_inside(job, transform))
    assume(sitk.GetArrayViewFromImage(job.fixed_mask).any())
    objective = Objective(job, job.stage, lattice)
    value, gradient = objective(at)
    assert np.isfinite(value)
    rng = np.random.default_rng(5)
    direction = lattice.coefficients(_like(transform, rng.normal(size=len(transform.GetParameters()))))
    # Long enough for single precision, short enough to cross few borders of voxels, where linear interpolation bends.
    step = 2e-4
    slope = (objective(at + step * direction)[0] - objective(at - step * direction)[0]) / (2 * step)
    scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
    assert np.sum(gradient * direction) == pytest.approx(slope, abs=0.005 * scale)


def surely_inside(job, transform):
    """A fixed mask of the voxels that stay in the moving image: a voxel that leaves it makes the value jump."""
    moving = job.level.moving
    inside = job.moving_mask if job.moving_mask is not None else sitk.Cast(moving * 0 + 1, sitk.sitkUInt8)
    inside = sitk.BinaryErode(inside, [2] * moving.GetDimension(), boundaryToForeground=False)
    chain = transform if job.start is None else sitk.CompositeTransform([job.start, transform])
    mask = sitk.Resample(inside, job.level.fixed, chain, sitk.sitkNearestNeighbor, 0)
    return mask if job.fixed_mask is None else mask * job.fixed_mask


def _like(transform, parameters):
    copy = sitk.BSplineTransform(transform)
    copy.SetParameters(parameters.tolist())
    return copy
