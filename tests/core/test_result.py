"""A result: what it makes of images, and what it tells."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, RegistrationResult, register
from napari_coreg.core import metrics
from napari_coreg.core.geometry import Grid
from napari_coreg.core.stages import BSplineStage, Pyramid, RigidStage, Sampling

KNOWN = sitk.Euler3DTransform((3.0, -2.0, 4.0), 0.1, -0.08, 0.12, (5.0, -4.0, 3.0))
LEVELS: dict[str, Any] = {
    "metric": metrics.Correlation(),
    "pyramid": Pyramid(shrink_factors=(2,), smoothing_sigmas_mm=(0,)),
    "sampling": Sampling(percentages=(50,), minimum_samples=3000),
}


@pytest.fixture(scope="module")
def result(phantom) -> RegistrationResult:
    fixed = phantom.image(phantom.grid((36, 34, 32), (2.3, 2.4, 2.6), (0.3, 0.2, -0.4)), pixel_type=sitk.sitkInt16)
    moving = phantom.image(
        phantom.grid((34, 36, 30), (2.5, 2.2, 2.9), (-0.2, 0.5, 0.1), left_handed=True),
        KNOWN,
        pixel_type=sitk.sitkInt16,
        offset=-50,
    )
    stages = (RigidStage(**LEVELS), BSplineStage(grid_spacings_mm=(50.0,), **LEVELS))
    return register(fixed, moving, Recipe(name="both", stages=stages))


def test_the_moving_image_lands_on_the_fixed_one(phantom, result):
    registered = result.resample()
    assert Grid.of(registered) == Grid.of(result.fixed)
    assert registered.GetPixelID() == result.moving.GetPixelID()
    errors = []
    for index in np.random.default_rng(0).integers(8, 24, (40, 3)).tolist():
        point = registered.TransformIndexToPhysicalPoint(index)
        errors.append(abs(registered[index] + 50 - float(phantom.values(np.array(point)))))
    assert np.mean(errors) < 4  # of about 200


def test_another_image_is_taken_along(result):
    labels = sitk.Cast(result.moving > 40, sitk.sitkUInt8) * 7
    there = result.resample(labels, interpolator="nearest")
    assert there.GetPixelID() == sitk.sitkUInt8
    assert set(np.unique(sitk.GetArrayViewFromImage(there))) == {0, 7}
    for index in np.random.default_rng(1).integers(6, 26, (20, 3)).tolist():
        moved = result.transform.TransformPoint(there.TransformIndexToPhysicalPoint(index))
        assert there[index] == labels[labels.TransformPhysicalPointToIndex(moved)]


def test_a_background_of_ones_own_stands_where_there_is_nothing(result):
    corner = result.resample(background=-3000)
    assert sitk.GetArrayViewFromImage(corner).min() == -3000
    assert sitk.GetArrayFromImage(result.resample()).min() == sitk.GetArrayViewFromImage(result.moving).min()


def test_the_field_is_where_each_point_goes_less_where_it_is(result):
    field = result.displacement_field()
    assert field.GetNumberOfComponentsPerPixel() == 3
    assert field.GetDirection() == result.fixed.GetDirection()
    for index in np.random.default_rng(2).integers(0, 32, (25, 3)).tolist():
        point = field.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(field[index], np.subtract(result.transform.TransformPoint(point), point), atol=1e-4)


def test_the_record_is_strict_json_and_holds_the_recipe(result):
    text = json.dumps(result.to_record(), allow_nan=False)
    record = json.loads(text)
    assert Recipe.from_mapping(record["recipe"]) == result.recipe
    assert record["fixed_grid"]["size_xyz"] == [36, 34, 32]
    assert [level["stage_kind"] for level in record["trace"]] == ["rigid", "bspline"]
    assert record["metric_after"] == result.metric_after
    assert record["fingerprints"]["moving"].startswith("sha256:")
    assert {"napari-coreg", "SimpleITK"} <= set(record["versions"])


def test_a_metric_that_could_not_be_evaluated_is_null_in_the_record(phantom):
    fixed = phantom.image(phantom.grid())
    moving = phantom.image(phantom.grid(centre=(900.0, 0.0, 0.0)), sitk.TranslationTransform(3, (900.0, 0.0, 0.0)))
    result = register(fixed, moving, Recipe(name="far", stages=(RigidStage(**LEVELS),), initialization="centre"))
    assert result.metric_before is None
    assert '"metric_before": null' in json.dumps(result.to_record(), allow_nan=False)


def test_a_result_does_not_change_and_its_text_leaves_out_the_images(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.transform = sitk.TranslationTransform(3)
    assert "PixelID" not in repr(result)
    assert "fixed=" not in repr(result)


def test_it_tells_what_kind_of_transform_it_holds(phantom, result):
    assert not result.is_linear
    fixed, moving = (phantom.image(phantom.grid(), offset=value) for value in (0.0, 5.0))
    linear = register(fixed, moving, Recipe(name="rigid", stages=(RigidStage(**LEVELS),)))
    assert linear.is_linear
    assert linear.stop_reasons == (linear.trace[0].stop_reason,)
    assert linear.fixed is fixed
    assert linear.moving is moving


def test_every_result_has_a_way_back(result):
    inverse = result.find_inverse()
    assert result.inverse_transform is None
    assert inverse.p95_mm < 0.1
    field = sitk.DisplacementFieldTransform(sitk.Cast(result.inverse_displacement_field(), sitk.sitkVectorFloat64))
    for index in np.random.default_rng(1).integers(12, 20, (20, 3)).tolist():
        point = result.moving.TransformIndexToPhysicalPoint(index)
        assert result.transform.TransformPoint(field.TransformPoint(point)) == pytest.approx(point, abs=0.15)
