"""B-spline stages on our own engine, through register(), judged by SimpleITK's own maps of points."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from napari_coreg import register
from napari_coreg.core import metrics
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.folding import folding
from napari_coreg.core.geometry import Grid
from napari_coreg.core.recipe import Recipe
from napari_coreg.core.stages import BSplineStage, Pyramid, Regularization, Sampling
from napari_coreg.errors import RegistrationCancelled, RegistrationError

AXES = {2: np.array([[0.8, 0.6], [-0.6, 0.8]]), 3: Rotation.from_euler("xyz", [20, -30, 50], degrees=True).as_matrix()}
EDGE = {2: 160, 3: 48}
SHIFT_MM = 3.0


def texture(dimension, seed=0, axes=None):
    """An image with structure at all places, on an oblique grid of 1 mm."""
    edge = EDGE[dimension]
    rng = np.random.default_rng(seed)
    voxels = gaussian_filter(rng.normal(size=(edge,) * dimension), 3.0)
    image = sitk.GetImageFromArray((voxels / voxels.std() * 100).astype(np.float32))
    image.SetDirection((AXES[dimension] if axes is None else axes).ravel().tolist())
    image.SetOrigin([-20.0, 15.0, 7.0][:dimension])
    return image


def known_deformation(grid, seed=1):
    """A smooth deformation that moves nothing at the border, so that nothing leaves the image."""
    n = grid.dimension
    transform = make_bspline(grid, (5,) * n)
    inner = np.zeros((n, *(8,) * n))
    inner[(slice(None), *(slice(2, -2),) * n)] = np.random.default_rng(seed).normal(0, SHIFT_MM, (n, *(4,) * n))
    transform.SetParameters(inner.ravel().tolist())
    return transform


def pair(dimension, remap=lambda values: values, axes=None):
    """Fixed and moving image with fixed(p) = moving(truth(p)), and the truth."""
    moving = texture(dimension, axes=axes)
    truth = known_deformation(Grid.of(moving))
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0)
    return fixed, sitk.Cast(remap(moving), sitk.sitkFloat32), truth


def errors_mm(found, truth, grid, margin=6):
    axes = [np.arange(margin, n - margin, 3) for n in grid.size_xyz]
    points = grid.to_lps(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, grid.dimension))
    return np.array(
        [np.linalg.norm(np.subtract(found.TransformPoint(p), truth.TransformPoint(p))) for p in points.tolist()]
    )


def recipe(**changes):
    values = {
        "pyramid": Pyramid(shrink_factors=(2, 1), smoothing_sigmas_mm=(0.0, 0.0)),
        "sampling": Sampling(strategy="none", percentages=(100.0, 100.0)),
        "grid_spacings_mm": (20.0, 10.0),
        "regularization": Regularization(bending_energy_weight=0.5),
        **changes,
    }
    return Recipe(name="test", initialization="given", stages=(BSplineStage(**values),))


def one_level(**changes):
    return recipe(
        pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0.0,)),
        grid_spacings_mm=(12.0,),
        **{"sampling": Sampling(strategy="none", percentages=(100.0,)), **changes},
    )


METRICS = [
    metrics.MattesMutualInformation(number_of_histogram_bins=32),
    metrics.NormalizedMutualInformation(number_of_histogram_bins=32),
    metrics.LocalNormalizedCorrelation(radius=2),
    metrics.Correlation(),
    metrics.MeanSquares(),
]


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.kind)
def test_a_known_deformation_is_found(metric, dimension):
    fixed, moving, truth = pair(dimension)
    scale = {"mean_squares": 1e4}.get(metric.kind, 1.0)  # its unit is that of the intensities, squared
    bent = recipe(metric=metric, regularization=Regularization(bending_energy_weight=0.5 * scale))
    result = register(fixed, moving, bent)
    before = errors_mm(sitk.Transform(dimension, sitk.sitkIdentity), truth, Grid.of(fixed))
    after = errors_mm(result.transform, truth, Grid.of(fixed))
    assert before.mean() > 1.0
    assert after.mean() < 0.25
    assert result.metric_after < result.metric_before


def test_another_contrast_is_no_hindrance_to_mutual_information():
    fixed, moving, truth = pair(3, lambda image: sitk.Abs(image - 50) + 0.2 * image)
    result = register(fixed, moving, recipe())
    assert errors_mm(result.transform, truth, Grid.of(fixed)).mean() < 0.35


def test_a_left_handed_grid_is_as_good_as_any():
    fixed, moving, truth = pair(3, axes=AXES[3] * [1, 1, -1])
    result = register(fixed, moving, recipe())
    assert errors_mm(result.transform, truth, Grid.of(fixed)).mean() < 0.25


def test_the_result_is_a_standard_transform_that_simpleitk_writes_reads_and_applies(tmp_path):
    fixed, moving, truth = pair(3)
    start = sitk.Euler3DTransform(Grid.of(fixed).centre_lps.tolist(), 0.02, -0.01, 0.03, (0.5, -0.4, 0.3))
    result = register(fixed, moving, recipe(), initial_transform=start)
    kinds = {part.GetTransformEnum() for part in _parts(result.transform)}
    assert kinds == {sitk.sitkBSplineTransform, sitk.sitkEuler}
    assert errors_mm(result.transform, truth, Grid.of(fixed)).mean() < 0.25
    ours = sitk.GetArrayFromImage(result.resample())
    for name in ("t.tfm", "t.h5"):
        sitk.WriteTransform(result.transform, tmp_path / name)
        read = sitk.ReadTransform(tmp_path / name)
        plain = sitk.Resample(moving, fixed, read, sitk.sitkLinear, float(ours.min()))
        inside = (slice(6, -6),) * 3
        np.testing.assert_allclose(sitk.GetArrayFromImage(plain)[inside], ours[inside], atol=0.05)


def _parts(transform):
    composite = sitk.CompositeTransform(transform)
    return [composite.GetNthTransform(i) for i in range(composite.GetNumberOfTransforms())]


@pytest.mark.parametrize("kind", ["linear", "deformable"])
def test_a_start_is_gone_on_from(kind):
    fixed, moving, truth = pair(3)
    grid = Grid.of(fixed)
    if kind == "linear":
        start = sitk.AffineTransform(3)
        start.SetCenter(grid.centre_lps.tolist())
        start.SetMatrix([1.02, 0.01, 0, 0, 0.99, 0.02, -0.01, 0, 1.01])
    else:
        start = known_deformation(grid, seed=2)
        start.SetParameters((0.3 * np.array(start.GetParameters())).tolist())
    result = register(fixed, moving, recipe(), initial_transform=start)
    assert errors_mm(start, truth, grid).mean() > 1.0
    assert errors_mm(result.transform, truth, grid).mean() < 0.35


def test_what_lies_outside_of_a_mask_has_no_say():
    fixed, moving, truth = pair(3)
    spoilt = sitk.GetArrayFromImage(fixed)
    spoilt[:, :, 30:] = 0
    spoilt_fixed = sitk.GetImageFromArray(spoilt)
    spoilt_fixed.CopyInformation(fixed)
    mask = np.zeros(spoilt.shape, np.uint8)
    mask[:, :, :30] = 1
    fixed_mask = sitk.GetImageFromArray(mask)
    fixed_mask.CopyInformation(fixed)
    result = register(spoilt_fixed, moving, recipe(), fixed_mask=fixed_mask)
    grid = Grid.of(fixed)
    left = Grid((28, *grid.size_xyz[1:]), grid.spacing_xyz, grid.origin_lps, grid.direction)
    assert errors_mm(result.transform, truth, left).mean() < 0.35


@pytest.mark.parametrize("strategy", ["regular", "random"])
def test_an_eighth_of_the_voxels_is_enough_where_there_is_structure(strategy):
    fixed, moving, truth = pair(3)
    sampling = Sampling(strategy=strategy, percentages=(12.5, 12.5), minimum_samples=1000)
    result = register(fixed, moving, recipe(sampling=sampling))
    assert errors_mm(result.transform, truth, Grid.of(fixed)).mean() < 0.5


def test_the_same_run_gives_the_same_bits_on_any_number_of_threads():
    fixed, moving, _ = pair(3)
    parameters = [register(fixed, moving, recipe(), threads=threads).transform.GetParameters() for threads in (1, 2, 3)]
    assert parameters[0] == parameters[1] == parameters[2]


def test_a_default_run_never_folds():
    """Two unrelated textures tempt every voxel to go where it matches; none may pass another."""
    fixed, moving = texture(3, seed=0), texture(3, seed=9)
    loose = recipe(regularization=Regularization(bending_energy_weight=0.001))
    result = register(fixed, moving, loose)
    found = folding(result.displacement_field())
    assert found.folded_fraction == 0
    assert found.minimum > 0
    assert np.abs(sitk.GetArrayFromImage(result.displacement_field())).max() > 2


def test_cancelling_ends_the_run_within_one_evaluation_with_the_last_transform():
    fixed, moving, _ = pair(3)
    told, asked = [], []

    def is_cancelled():
        asked.append(len(told))
        return len(told) == 3

    with pytest.raises(RegistrationCancelled) as error:
        register(fixed, moving, one_level(), on_progress=told.append, is_cancelled=is_cancelled)
    assert len(told) == 3
    assert error.value.transform.GetTransformEnum() == sitk.sitkBSplineTransform


@pytest.mark.parametrize("deformation", ["displacement", "stationary_velocity"])
@pytest.mark.parametrize("asks", [2, 4, 7, 10])
def test_a_cancel_at_the_same_question_gives_what_was_shown_last_in_the_same_bits(asks, deformation):
    fixed, moving, _ = pair(3)
    parameters = []
    for threads in (1, 2):
        shown, asked = [], []

        def on_progress(progress, shown=shown):
            shown.append(progress.current_transform().GetParameters())

        def is_cancelled(asked=asked):
            asked.append(True)
            return len(asked) >= asks

        with pytest.raises(RegistrationCancelled) as error:
            register(
                fixed,
                moving,
                one_level(deformation=deformation),
                on_progress=on_progress,
                is_cancelled=is_cancelled,
                threads=threads,
            )
        assert len(asked) == asks
        parameters.append(error.value.transform.GetParameters())
        assert parameters[-1] == shown[-1] if shown else not any(parameters[-1])
    assert parameters[0] == parameters[1]
    assert bool(shown) == (asks > 2)


def test_progress_tells_values_that_fall_and_the_transform_as_it_stands():
    fixed, moving, truth = pair(3)
    told = []

    def on_progress(progress):
        if progress.stage_kind != "bspline":
            return
        told.append((progress.metric_value, errors_mm(progress.current_transform(), truth, Grid.of(fixed)).mean()))

    register(fixed, moving, one_level(), on_progress=on_progress)
    values, apart = zip(*told, strict=True)
    assert (np.diff(values) < 0).all()
    assert apart[-1] < 0.5 * apart[0]


def test_an_empty_mask_is_told_in_plain_words():
    fixed, moving, _ = pair(3)
    outside = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    outside.CopyInformation(moving)
    corner = sitk.GetArrayFromImage(outside) * 0
    corner[:3, :3, :3] = 1
    fixed_mask = sitk.GetImageFromArray(corner)
    fixed_mask.CopyInformation(fixed)
    far = sitk.TranslationTransform(3, (300.0, 0.0, 0.0))
    with pytest.raises(RegistrationError, match="overlap"):
        register(fixed, moving, one_level(), fixed_mask=fixed_mask, initial_transform=far)


def test_both_engines_find_the_same_deformation():
    fixed, moving, truth = pair(3)
    theirs = Recipe.from_mapping(
        {
            "name": "theirs",
            "initialization": "given",
            "stages": [
                {
                    "kind": "bspline",
                    "engine": "simpleitk",
                    "optimizer": {"kind": "lbfgsb", "number_of_iterations": 30},
                    "metric": {"kind": "mean_squares"},
                    "pyramid": {"shrink_factors": [2], "smoothing_sigmas_mm": [0]},
                    "sampling": {"percentages": [50], "minimum_samples": 5000},
                    "grid_spacings_mm": [12],
                }
            ],
        }
    )
    grid = Grid.of(fixed)
    of_itk = register(fixed, moving, theirs).transform
    ours = register(fixed, moving, one_level()).transform
    assert errors_mm(of_itk, truth, grid).mean() < 0.6
    assert errors_mm(ours, of_itk, grid).mean() < 0.6


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_flow_finds_the_deformation_and_brings_its_inverse(dimension):
    fixed, moving, truth = pair(dimension)
    result = register(fixed, moving, recipe(deformation="stationary_velocity"))
    grid = Grid.of(fixed)
    assert errors_mm(result.transform, truth, grid).mean() < 0.3
    points = grid.to_lps(np.random.default_rng(0).uniform(8, EDGE[dimension] - 9, (500, dimension)))
    there = [result.transform.TransformPoint(p) for p in points.tolist()]
    back = np.array([result.inverse_transform.TransformPoint(p) for p in there])
    assert np.linalg.norm(back - points, axis=1).max() < 0.1
    assert np.linalg.norm(there - points, axis=1).max() > 1
    assert result.folding.folded_fraction == 0


def test_the_inverse_undoes_a_whole_chain():
    fixed, moving, _ = pair(3)
    start = sitk.AffineTransform(3)
    start.SetCenter(Grid.of(fixed).centre_lps.tolist())
    start.SetMatrix([1.03, 0.01, 0, 0, 0.98, 0.02, -0.01, 0, 1.02])
    result = register(fixed, moving, recipe(deformation="stationary_velocity"), initial_transform=start)
    points = Grid.of(fixed).to_lps(np.random.default_rng(0).uniform(8, 39, (300, 3)))
    there = [result.transform.TransformPoint(p) for p in points.tolist()]
    back = np.array([result.inverse_transform.TransformPoint(p) for p in there])
    assert np.linalg.norm(back - points, axis=1).max() < 0.1
    field = result.inverse_displacement_field()
    assert field.GetSize() == moving.GetSize()
    assert np.array(field.GetDirection()) == pytest.approx(np.array(moving.GetDirection()))


def test_a_displacement_has_no_closed_inverse_but_a_field_that_undoes_it():
    fixed, moving, _ = pair(3)
    result = register(fixed, moving, one_level())
    assert result.inverse_transform is None
    field = sitk.Cast(result.inverse_displacement_field(), sitk.sitkVectorFloat64)
    back = sitk.DisplacementFieldTransform(sitk.Image(field))
    inner = np.random.default_rng(0).integers(
        np.array(moving.GetSize()) // 4, np.array(moving.GetSize()) * 3 // 4, (50, 3)
    )
    points = [moving.TransformIndexToPhysicalPoint(index) for index in inner.tolist()]
    again = [result.transform.TransformPoint(back.TransformPoint(point)) for point in points]
    assert np.linalg.norm(np.subtract(again, points), axis=1).max() < 0.01
