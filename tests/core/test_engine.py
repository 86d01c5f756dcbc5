"""A level on SimpleITK's engine: optimizers and metrics improve an easy pair, stop when told, step as far as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, RegistrationCancelled, register
from napari_coreg.core import metrics, optimizers
from napari_coreg.core.engine import explain
from napari_coreg.core.stages import (
    AffineStage,
    BSplineStage,
    Pyramid,
    RigidStage,
    Sampling,
    SimilarityStage,
    TranslationStage,
)
from napari_coreg.errors import RegistrationError

OPTIMIZERS = (
    optimizers.RegularStepGradientDescent(number_of_iterations=40),
    optimizers.GradientDescentLineSearch(number_of_iterations=15),
    optimizers.ConjugateGradientLineSearch(number_of_iterations=15),
    optimizers.LBFGSB(number_of_iterations=20),
    optimizers.LBFGS2(number_of_iterations=20),
    optimizers.Powell(number_of_iterations=8),
    optimizers.OnePlusOneEvolutionary(number_of_iterations=400),
    optimizers.Amoeba(number_of_iterations=200),
)
DESCENTS = OPTIMIZERS[:3]
METRICS = (
    metrics.MattesMutualInformation(number_of_histogram_bins=32),
    metrics.JointHistogramMutualInformation(number_of_histogram_bins=20),
    metrics.Correlation(),
    metrics.LocalNormalizedCorrelation(),
    metrics.MeanSquares(),
)
STAGES = (TranslationStage, RigidStage, SimilarityStage, AffineStage, BSplineStage)
OF_SIMPLEITK = {BSplineStage: {"engine": "simpleitk", "grid_spacings_mm": (40.0,)}}
TRUTH = sitk.TranslationTransform(3, (4.0, -3.0, 3.5))


def one_level(stage: Any, *, shrink: int = 1, **settings: Any) -> Recipe:
    made = stage(
        pyramid=Pyramid(shrink_factors=(shrink,), smoothing_sigmas_mm=(0,)),
        sampling=Sampling(percentages=(30,), minimum_samples=3000),
        **OF_SIMPLEITK.get(stage, {}),
        **settings,
    )
    return Recipe(name="one level", initialization="given", stages=(made,))


def kind(model: Any) -> str:
    return getattr(model, "kind", None) or model.__name__


@pytest.fixture(scope="module")
def pair(phantom) -> tuple[sitk.Image, sitk.Image]:
    fixed = phantom.image(phantom.grid((28, 28, 28), (2.8, 2.8, 2.8)))
    moving = phantom.image(phantom.grid((30, 27, 26), (2.6, 2.9, 3.0), (0.1, -0.1, 0.1)), TRUTH)
    return fixed, moving


def pairs_that_work() -> list[Any]:
    found = []
    for stage in STAGES:
        for optimizer in OPTIMIZERS:
            try:
                one_level(stage, optimizer=optimizer)
            except ValueError:
                continue
            found.append(pytest.param(stage, optimizer, id=f"{stage.__name__}-{optimizer.kind}"))
    return found


@pytest.mark.parametrize(("stage", "optimizer"), pairs_that_work())
def test_every_optimizer_brings_an_easy_pair_closer(phantom, pair, stage, optimizer):
    result = register(*pair, one_level(stage, optimizer=optimizer, metric=metrics.MeanSquares()))
    assert result.metric_after < result.metric_before / 2
    assert phantom.error_mm(result.transform, TRUTH) < 3.0  # of 6.1 mm
    assert result.stop_reasons[0]


@pytest.mark.parametrize("metric", METRICS, ids=kind)
@pytest.mark.parametrize("stage", [TranslationStage, RigidStage])
def test_every_metric_brings_an_easy_pair_closer(phantom, pair, stage, metric):
    result = register(*pair, one_level(stage, metric=metric))
    assert result.metric_after < result.metric_before
    assert phantom.error_mm(result.transform, TRUTH) < 1.5


@pytest.mark.parametrize("metric", [m for m in METRICS if m.kind != "joint_histogram_mutual_information"], ids=kind)
def test_every_metric_that_bears_scales_leads_an_affine_stage(phantom, pair, metric):
    result = register(*pair, one_level(AffineStage, metric=metric))
    assert result.metric_after < result.metric_before
    assert phantom.error_mm(result.transform, TRUTH) < 2.0


@pytest.mark.parametrize("optimizer", DESCENTS, ids=kind)
@pytest.mark.parametrize("gain", [0.01, 1.0, 1000.0])
def test_a_b_spline_does_not_depend_on_the_unit_of_intensity(phantom, gain, optimizer):
    grid = phantom.grid((24, 24, 24), (3.2, 3.2, 3.2))
    fixed, moving = (phantom.image(grid, truth, gain=gain) for truth in (None, TRUTH))
    recipe = one_level(BSplineStage, optimizer=optimizer, metric=metrics.MeanSquares())
    assert phantom.error_mm(register(fixed, moving, recipe).transform, TRUTH) < 2.0


@pytest.mark.parametrize("step_voxels", [0.1, 0.5])
@pytest.mark.parametrize("optimizer", [optimizers.RegularStepGradientDescent, optimizers.ConjugateGradientLineSearch])
@pytest.mark.parametrize("stage", [RigidStage, AffineStage, BSplineStage])
def test_no_voxel_moves_further_in_the_first_step_than_asked(pair, stage, optimizer, step_voxels):
    fixed, moving = pair
    steps = []
    chosen = optimizer(number_of_iterations=2, maximum_step_voxels=step_voxels)
    register(
        fixed,
        moving,
        one_level(stage, optimizer=chosen, metric=metrics.MeanSquares()),
        on_progress=lambda p: steps.append(p.current_transform()),
    )
    index = np.random.default_rng(0).uniform(0, 27, (300, 3)).tolist()
    points = [fixed.TransformContinuousIndexToPhysicalPoint(i) for i in index]
    furthest = max(float(np.linalg.norm(np.subtract(steps[0].TransformPoint(p), p))) for p in points)
    asked = step_voxels * 2.8 * (1 if optimizer is optimizers.RegularStepGradientDescent else 5)
    assert 0.2 * asked / 5 < furthest < 1.05 * asked


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=kind)
def test_a_cancel_is_heard_within_one_iteration(phantom, pair, optimizer, capfd):
    heard: list[int] = []
    asked_at = []

    def is_cancelled() -> bool:
        asked_at.append(len(heard))
        return len(heard) >= 3

    recipe = one_level(TranslationStage, optimizer=optimizer, metric=metrics.MeanSquares())
    with pytest.raises(RegistrationCancelled) as caught:
        register(*pair, recipe, on_progress=lambda p: heard.append(p.iteration), is_cancelled=is_cancelled)
    assert heard == [1, 2, 3]
    assert caught.value.transform is not None
    assert np.isfinite(caught.value.transform.TransformPoint((1.0, 2.0, 3.0))).all()
    assert phantom.error_mm(caught.value.transform, TRUTH) < 30
    assert capfd.readouterr().err == ""
    again = register(*pair, recipe)
    assert phantom.error_mm(again.transform, TRUTH) < 3.0


@pytest.mark.parametrize(
    "optimizer", [o for o in OPTIMIZERS if o.kind.startswith(("lbfgs", "conj", "regular"))], ids=kind
)
def test_a_cancelled_deformation_is_the_last_one_that_was_shown(pair, optimizer):
    shown = []
    recipe = one_level(BSplineStage, optimizer=optimizer, metric=metrics.MeanSquares())
    with pytest.raises(RegistrationCancelled) as caught:
        register(
            *pair,
            recipe,
            on_progress=lambda p: shown.append(p.current_transform()),
            is_cancelled=lambda: len(shown) >= 2,
        )
    for point in ((0.0, 0.0, 0.0), (10.0, -12.0, 8.0)):
        assert caught.value.transform.TransformPoint(point) == pytest.approx(shown[-1].TransformPoint(point))
    assert shown[-1].TransformPoint((0.0, 0.0, 0.0)) != (0.0, 0.0, 0.0)


@pytest.mark.parametrize("error", [KeyError("mine"), RuntimeError("mine"), KeyboardInterrupt()], ids=repr)
def test_an_error_of_the_listener_comes_out_as_it_is(pair, error, capfd):
    def listen(_progress: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        register(*pair, one_level(TranslationStage), on_progress=listen)
    assert caught.value is error
    assert capfd.readouterr().err == ""
    register(*pair, one_level(TranslationStage))


@pytest.mark.parametrize("metric", METRICS, ids=kind)
def test_volumes_apart_are_an_error_with_every_metric(pair, metric):
    fixed, moving = pair[0], sitk.Image(pair[1])
    moving.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(RegistrationError, match="the moving volume left the fixed one"):
        register(fixed, moving, one_level(RigidStage, metric=metric))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "itk::ERROR: Mattes(0x1): All samples map outside moving image buffer. There are no ...",
            "left the fixed one",
        ),
        ("Too many samples map outside moving image buffer. There are only 3", "left the fixed one"),
        ("ITK ERROR: Joint PDF summed to zero", "share no sample"),
        ("ITK ERROR: VirtualSampledPointSet must have 1 or more points.", "inside the masks"),
        ("Zero-valued spacing is not supported\nRefusing to change spacing from [1, 1] to [0, 0]", "inside its mask"),
        ("The number of pixels along direction 2 is less than 4. ... Number of pixels along direction", "four voxels"),
        ("a.cxx:12:\nITK ERROR: something new\n", "something new"),
        ("", "no reason given"),
    ],
)
def test_itk_is_put_into_plain_words(message, words):
    told = explain(message)
    assert words in told
    assert "\n" not in told
    assert "0x" not in told
