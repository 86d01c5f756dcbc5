"""Resampling: features land where SimpleITK's point mapping says, values stay what the pixel type can hold."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.resample import INTERPOLATORS, resample

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


@settings(deadline=None, max_examples=15)
@given(
    angles=st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3),
    turn=st.tuples(*[st.integers(-600, 600).map(lambda n: n / 1000)] * 3),
    shift=st.tuples(*[st.floats(-8.0, 8.0)] * 3),
    left_handed=st.booleans(),
)
def test_a_fixed_point_shows_the_moving_value_that_it_is_mapped_to(phantom, angles, turn, shift, left_handed):
    transform = sitk.Euler3DTransform((3.0, -4.0, 5.0), *turn, shift)
    moving = phantom.image(phantom.grid((44, 40, 36), (2.0, 2.2, 2.4), angles), transform)
    fixed = phantom.grid((30, 28, 26), (2.1, 2.0, 2.3), angles[::-1], left_handed=left_handed)
    result = resample(moving, fixed, transform)
    assert Grid.of(result).size_xyz == fixed.size_xyz
    for index in np.random.default_rng(0).integers(8, 20, (15, 3)).tolist():
        point = np.array(result.TransformIndexToPhysicalPoint(index))
        assert result[index] == pytest.approx(float(phantom.values(point)), abs=6)  # of about 200


@pytest.mark.parametrize("interpolator", [name for name in INTERPOLATORS if name != "label"])  # that one votes
def test_on_its_own_grid_an_image_stays_as_it_is(phantom, interpolator):
    image = phantom.image(phantom.grid(angles=(0.1, 0.2, 0.3), left_handed=True), pixel_type=sitk.sitkInt16)
    again = resample(image, Grid.of(image), IDENTITY, interpolator=interpolator)
    assert again.GetPixelID() == image.GetPixelID()
    inside = (slice(2, -2),) * 3
    difference = sitk.GetArrayFromImage(again)[inside] - sitk.GetArrayFromImage(image)[inside]
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("interpolator", ["nearest", "label"])
def test_labels_make_no_new_values(phantom, interpolator):
    labels = sitk.Cast(sitk.Cast(phantom.image(phantom.grid()), sitk.sitkInt16) / 40 * 7, sitk.sitkUInt8)
    turned = resample(
        labels, Grid.of(labels), sitk.Euler3DTransform((0, 0, 0), 0.3, 0.2, 0.1), interpolator=interpolator
    )
    assert set(np.unique(sitk.GetArrayViewFromImage(turned))) <= set(np.unique(sitk.GetArrayViewFromImage(labels))) | {
        0
    }


@pytest.mark.parametrize("interpolator", ["linear", "bspline", "windowed_sinc"])
def test_overshoot_does_not_wrap_round(interpolator):
    block = np.zeros((20, 20, 20), np.uint8)
    block[5:15, 5:15, 5:15] = 255
    image = sitk.GetImageFromArray(block)
    shifted = resample(image, Grid.of(image), sitk.TranslationTransform(3, (0.4, 0.3, 0.2)), interpolator=interpolator)
    values = sitk.GetArrayFromImage(shifted)
    assert values[8:12, 8:12, 8:12].min() > 200
    assert values[:3].max() < 50


@pytest.mark.parametrize(
    ("pixel_type", "background", "shown"),
    [
        (sitk.sitkUInt8, -1000, 0),
        (sitk.sitkUInt8, 1000, 255),
        (sitk.sitkUInt16, -1, 0),
        (sitk.sitkInt16, -1000, -1000),
        (sitk.sitkInt16, 1e9, 32767),
        (sitk.sitkFloat32, -1e9, -1e9),
    ],
)
def test_background_is_the_nearest_value_that_the_pixel_type_holds(phantom, pixel_type, background, shown):
    image = phantom.image(phantom.grid(), pixel_type=pixel_type)
    far = phantom.grid((4, 4, 4), centre=(900.0, 0.0, 0.0))
    values = sitk.GetArrayFromImage(resample(image, far, IDENTITY, background=background))
    assert np.unique(values).tolist() == [shown]


def test_where_there_is_no_voxel_stands_the_minimum_or_no_label(phantom):
    image = phantom.image(phantom.grid(), pixel_type=sitk.sitkInt16, offset=-1000)
    far = phantom.grid((4, 4, 4), centre=(900.0, 0.0, 0.0))
    lowest = sitk.GetArrayViewFromImage(image).min()
    assert resample(image, far, IDENTITY)[0, 0, 0] == lowest
    assert resample(image, far, IDENTITY, interpolator="nearest")[0, 0, 0] == 0


def test_the_image_is_not_changed(phantom):
    image = phantom.image(phantom.grid())
    before = sitk.Hash(image), Grid.of(image)
    resample(image, phantom.grid((9, 9, 9)), IDENTITY, interpolator="bspline")
    assert (sitk.Hash(image), Grid.of(image)) == before


def test_a_flat_image_is_resampled_too(phantom):
    image = phantom.image(phantom.grid((40, 36), (2.0, 2.0), (0.4,)))
    shift = sitk.TranslationTransform(2, (4.0, -6.0))
    result = resample(image, phantom.grid((30, 30), (2.0, 2.0)), shift)
    point = np.array(result.TransformIndexToPhysicalPoint((15, 14)))
    assert result[15, 14] == pytest.approx(float(phantom.values(point + shift.GetOffset())), abs=4)
