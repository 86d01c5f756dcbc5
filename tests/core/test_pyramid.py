"""Levels keep their place in space, never get too small, and copies are prepared as asked."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.pyramid import foreground, make_levels, prepare, shrink_factors_xyz
from napari_coreg.core.recipe import Preprocessing

SIZES = st.tuples(*[st.integers(4, 600)] * 3)
SPACINGS = st.tuples(*[st.floats(0.2, 8.0)] * 3)
STRAIGHT = tuple(np.eye(3).ravel())


@given(size=SIZES, spacing=SPACINGS, voxel_mm=st.floats(0.2, 40.0))
def test_no_axis_is_shrunk_below_16_voxels_or_beyond_what_is_wanted(size, spacing, voxel_mm):
    factors = shrink_factors_xyz(Grid(size, spacing, (0.0,) * 3, STRAIGHT), voxel_mm)
    for n, mm, factor in zip(size, spacing, factors, strict=True):
        assert factor >= 1
        assert factor == 1 or n // factor >= 16
        assert factor == 1 or factor * mm <= voxel_mm + mm / 2 + 1e-9


def test_thick_slices_are_shrunk_less():
    grid = Grid((256, 256, 40), (1.0, 1.0, 4.0), (0.0,) * 3, STRAIGHT)
    assert [shrink_factors_xyz(grid, mm) for mm in (1, 2, 4, 8)] == [(1, 1, 1), (2, 2, 1), (4, 4, 1), (8, 8, 2)]


@pytest.mark.parametrize("size", [(48, 40, 33), (51, 47, 35)])
@pytest.mark.parametrize("left_handed", [False, True])
def test_a_level_lies_where_its_volume_lies(phantom, size, left_handed):
    grid = phantom.grid(size, (1.0, 1.3, 2.0), (0.4, -0.3, 0.2), left_handed=left_handed, centre=(20.0, -30.0, 400.0))
    image = phantom.image(grid)
    level = make_levels(image, image, {(2, 0.0)})[2, 0.0]
    for shrunk, factors in ((level.fixed, level.fixed_shrink_xyz), (level.moving, level.moving_shrink_xyz)):
        assert shrunk.GetSize() == tuple(n // f for n, f in zip(size, factors, strict=True))
        # the first voxel is the mean of the first block, so it lies in its middle
        middle = [(f - 1) / 2 for f in factors]
        np.testing.assert_allclose(shrunk.GetOrigin(), image.TransformContinuousIndexToPhysicalPoint(middle), atol=1e-9)
        np.testing.assert_allclose(shrunk.GetDirection(), image.GetDirection(), atol=1e-12)
        np.testing.assert_allclose(shrunk.GetSpacing(), np.multiply(image.GetSpacing(), factors), atol=1e-12)
        block = sitk.GetArrayFromImage(image)[tuple(slice(0, f) for f in factors[::-1])]
        assert shrunk[0, 0, 0] == pytest.approx(float(block.mean()), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("size", [(64, 64, 64), (67, 70, 65), (129, 66, 40)])
def test_a_cascade_of_levels_equals_shrinking_at_once(size):
    values = np.random.default_rng(0).normal(size=size[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.0, 1.0))
    levels = make_levels(image, image, {(1, 0.0), (2, 0.0), (4, 0.0), (8, 0.0)})
    for level in levels.values():
        direct = sitk.BinShrink(image, level.fixed_shrink_xyz)
        assert Grid.of(level.fixed) == Grid.of(direct)
        np.testing.assert_allclose(
            sitk.GetArrayViewFromImage(level.fixed), sitk.GetArrayViewFromImage(direct), atol=1e-5
        )


def test_both_volumes_get_voxels_of_one_length():
    fine = sitk.Image([128, 128, 128], sitk.sitkFloat32)
    coarse = sitk.Image([64, 64, 64], sitk.sitkFloat32)
    coarse.SetSpacing((2.0, 2.0, 2.0))
    for fixed, moving in ((fine, coarse), (coarse, fine)):
        level = make_levels(fixed, moving, {(4, 0.0)})[4, 0.0]
        assert level.fixed.GetSpacing() == level.moving.GetSpacing() == (4.0, 4.0, 4.0)
        assert level.voxel_mm == pytest.approx(4.0)


def test_smoothing_is_in_millimetres():
    image = sitk.Image([64, 32, 32], sitk.sitkFloat32)
    image.SetSpacing((0.5, 1.0, 1.0))
    image[32, 16, 16] = 1000
    level = make_levels(image, image, {(1, 2.0)})[1, 2.0]
    values = sitk.GetArrayFromImage(level.fixed)
    for axis, mm in zip((2, 1, 0), level.fixed.GetSpacing(), strict=True):
        profile = values.sum(axis=tuple(a for a in range(3) if a != axis))
        at = np.arange(len(profile)) * mm
        mean = np.average(at, weights=profile)
        assert np.sqrt(np.average((at - mean) ** 2, weights=profile)) == pytest.approx(2.0, rel=0.05)


def test_a_flat_image_has_levels_too(phantom):
    image = phantom.image(phantom.grid((70, 60), (1.0, 1.0)))
    level = make_levels(image, image, {(4, 1.0)})[4, 1.0]
    assert level.fixed.GetSize() == (17, 20)


@pytest.mark.parametrize(
    "pixel_type", [sitk.sitkInt8, sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkInt64, sitk.sitkFloat64]
)
def test_preparing_makes_floats_and_changes_nothing_else(phantom, pixel_type):
    image = phantom.image(phantom.grid(), pixel_type=pixel_type)
    before = sitk.Hash(image)
    prepared = prepare(image, Preprocessing())
    assert prepared.GetPixelID() == sitk.sitkFloat32
    np.testing.assert_array_equal(sitk.GetArrayFromImage(prepared), sitk.GetArrayFromImage(image).astype(np.float32))
    assert Grid.of(prepared) == Grid.of(image)
    assert sitk.Hash(image) == before


def test_clipping_takes_outliers_to_the_percentiles_negative_ones_too():
    values = np.random.default_rng(1).normal(-500, 100, (20, 20, 20)).astype(np.float32)
    values[3, 3, 3], values[4, 4, 4] = 30000, -30000
    image = sitk.GetImageFromArray(values)
    clipped = sitk.GetArrayFromImage(prepare(image, Preprocessing(clip_percentiles=(1, 99))))
    low, high = np.percentile(values, (1, 99))
    assert (clipped.min(), clipped.max()) == pytest.approx((low, high), rel=1e-4)
    kept = (values > low) & (values < high)
    np.testing.assert_array_equal(clipped[kept], values[kept])


def test_equalizing_keeps_order_and_place(phantom):
    image = phantom.image(phantom.grid(angles=(0.2, 0.3, 0.1)), pixel_type=sitk.sitkInt16)
    equalized = prepare(image, Preprocessing(equalize_histogram=True))
    assert Grid.of(equalized) == Grid.of(image)
    before, after = (sitk.GetArrayFromImage(item).ravel() for item in (image, equalized))
    order = np.argsort(before, kind="stable")
    assert (np.diff(after[order]) >= -1e-6).all()


def test_preparing_a_float_volume_does_not_change_it(phantom):
    image = phantom.image(phantom.grid())
    before = sitk.Hash(image)
    prepare(image, Preprocessing(clip_percentiles=(5, 95), equalize_histogram=True, smoothing_sigma_mm=3))
    assert sitk.Hash(image) == before


def test_the_foreground_holds_the_body_with_a_margin_and_not_the_corners(phantom):
    image = phantom.image(phantom.grid((80, 80, 80), (1.5, 1.5, 1.5), (0.1, 0.2, 0.3)), offset=-40.0)
    mask = foreground(image)
    on_grid = sitk.GetArrayFromImage(sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)) != 0
    values = sitk.GetArrayFromImage(image)
    assert on_grid[values > values.max() / 2].all()
    assert not on_grid[:5, :5, :5].any()
    assert 0.05 < on_grid.mean() < 0.6
