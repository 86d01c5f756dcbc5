from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import load_preset
from napari_coreg.plugin.layer_run import read_volumes, request_from_layers
from napari_coreg.plugin.preview import Previewer, PreviewLayers, coarser, is_preview, padded, shrunk_to_bytes

UNIT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def previewer(pair) -> Previewer:
    request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"))
    return Previewer(request, read_volumes(request))


@given(
    size=st.tuples(*[st.integers(4, 600)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 5)] * 3),
)
@settings(max_examples=60, deadline=None)
def test_a_coarser_grid_covers_the_same_space_with_few_voxels(size, spacing):
    grid = Grid(size, spacing, (1.0, -2.0, 3.0), UNIT)
    coarse = coarser(grid, 50_000)
    assert coarse.number_of_voxels <= 50_000
    edge = np.asarray(grid.spacing_xyz)
    np.testing.assert_allclose(coarse.corners_lps[0], grid.corners_lps[0], atol=1e-6)
    assert np.all(coarse.corners_lps[-1] >= grid.corners_lps[-1] - 1e-6)
    assert np.all(np.asarray(coarse.spacing_xyz) >= edge - 1e-9)


def test_a_padded_grid_reaches_one_voxel_further_on_every_side():
    grid = Grid((10, 11, 12), (1.0, 2.0, 3.0), (5.0, 5.0, 5.0), UNIT)
    np.testing.assert_allclose(padded(grid).corners_lps[0], grid.corners_lps[0] - (1, 2, 3))
    np.testing.assert_allclose(padded(grid).corners_lps[-1], grid.corners_lps[-1] + (1, 2, 3))


def test_contrast_limits_become_0_and_255():
    image = sitk.GetImageFromArray(np.arange(64, dtype=np.int16).reshape(4, 4, 4))
    array = sitk.GetArrayFromImage(shrunk_to_bytes(image, (10, 20)))
    assert array.dtype == np.uint8
    assert (array.ravel()[:11] == 0).all()
    assert (array.ravel()[20:] == 255).all()


def test_a_frame_is_the_moving_volume_through_the_transform(pair, previewer):
    shift = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))
    frame = previewer.frame(shift)
    fixed = pair.layers["fixed"].data
    assert frame.shape == fixed.shape
    low, high = pair.layers["moving"].contrast_limits
    expected = 255 * np.clip((fixed - low) / (high - low), 0, 1)
    np.testing.assert_allclose(frame[3:-3, 3:-3, 3:-3], expected[3:-3, 3:-3, 3:-3], atol=4)


def test_a_frame_through_a_deformation_is_near_the_exact_one(previewer):
    grid = sitk.Image(24, 28, 32, sitk.sitkUInt8)
    grid.SetSpacing((2.0, 2.0, 2.0))
    bspline = sitk.BSplineTransformInitializer(grid, [2, 2, 2])
    bspline.SetParameters(np.random.default_rng(1).normal(0, 3, len(bspline.GetParameters())).tolist())
    quick = previewer.frame(bspline).astype(float)
    exact = previewer.frame(sitk.TranslationTransform(3)).astype(float)
    volume = sitk.GetImageFromArray(exact)
    volume.SetSpacing((2.0, 2.0, 2.0))
    slow = sitk.GetArrayFromImage(sitk.Resample(volume, volume, bspline, sitk.sitkLinear, 0.0))
    assert np.abs(quick - slow).mean() < 0.15 * np.abs(exact - slow).mean()


def test_frames_are_not_made_too_often(previewer):
    assert previewer.due()
    previewer.frame(sitk.TranslationTransform(3))
    assert not previewer.due()


def test_preview_layers_come_and_go_and_leave_the_viewer_as_it_was(pair, previewer):
    pair.layers.selection.active = pair.layers["fixed"]
    camera = getattr(pair, "scene", pair).camera  # napari 0.9 has it in the scene
    zoom, centre = camera.zoom, camera.center
    layers = PreviewLayers(pair, pair.layers["fixed"])
    layers.show(previewer.canvas)
    assert [is_preview(layer) for layer in pair.layers] == [False, False, True, True]
    assert pair.layers[-1].name == "moving (preview)"
    assert pair.layers.selection.active is pair.layers["fixed"]
    assert (camera.zoom, camera.center) == (zoom, centre)
    np.testing.assert_allclose(
        pair.layers[-1].data_to_world((2, 3, 4)), pair.layers["fixed"].data_to_world((2, 3, 4)), atol=1e-6
    )
    frame = np.full(previewer.canvas.frame.shape, 9, np.uint8)
    layers.update(frame)
    assert pair.layers[-1].data is frame
    layers.remove()
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]


def test_a_preview_that_was_deleted_by_hand_is_left_alone(pair, previewer):
    layers = PreviewLayers(pair, pair.layers["fixed"])
    layers.show(previewer.canvas)
    del pair.layers[-1]
    layers.update(previewer.canvas.frame)
    layers.remove()
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]


def test_a_preview_that_ended_before_it_was_shown_never_appears(pair, previewer):
    waiting = []
    layers = PreviewLayers(pair, pair.layers["fixed"], waiting.append)
    layers.show(previewer.canvas)
    layers.remove()
    for job in waiting:
        job()
    assert len(pair.layers) == 2
