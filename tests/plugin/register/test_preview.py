"""The preview of a run: the moving volume through the newest transform, and gone at the end."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import load_preset
from napari_coreg.plugin.layer_run import request_from_layers
from napari_coreg.plugin.live import is_preview, live_volume
from napari_coreg.plugin.register.preview import Pace, PreviewLayers, make_ready

NOWHERE = sitk.TranslationTransform(3)
SHIFT = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))  # what brings 'moving' onto 'fixed'


@pytest.fixture
def layers(pair, qtbot) -> PreviewLayers:
    return preview_of(pair)


def preview_of(pair, later=None) -> PreviewLayers:
    fixed, moving = pair.layers["fixed"], pair.layers["moving"]
    return PreviewLayers(pair, fixed, moving, request_from_layers(fixed, moving, load_preset("rigid")), later)


def test_the_preview_is_the_moving_volume_through_the_transform(pair, layers):
    layers.show(SHIFT)
    seen = np.asarray(live_volume(pair.layers["moving (preview)"]))
    fixed = pair.layers["fixed"].data
    np.testing.assert_allclose(seen[3:-3, 3:-3, 3:-3], fixed[3:-3, 3:-3, 3:-3], atol=1e-3)
    assert pair.layers["moving (preview)"].contrast_limits == pair.layers["moving"].contrast_limits


def test_the_preview_follows_the_newest_transform(pair, layers, qtbot):
    layers.show(NOWHERE)
    layer = pair.layers["moving (preview)"]
    with qtbot.waitSignal(layers.looked):
        layers.show(sitk.TranslationTransform(3, (0.0, 2.0, 0.0)))
        layers.show(SHIFT)
    np.testing.assert_allclose(
        np.asarray(live_volume(layer))[3:-3, 3:-3, 3:-3], pair.layers["fixed"].data[3:-3, 3:-3, 3:-3], atol=1e-3
    )


def test_the_preview_takes_only_a_part_of_the_guis_time(pair, layers, qtbot, monkeypatch):
    monkeypatch.setattr("napari_coreg.plugin.register.preview.look_again", lambda _layer: qtbot.wait(60))
    layers.show(NOWHERE)
    looks = []
    layers.looked.connect(lambda: looks.append(1))
    for _ in range(50):
        layers.show(SHIFT)
        qtbot.wait(10)
    assert 1 <= len(looks) <= 4  # 60 ms each, and three times as long a rest


def test_an_oblique_fixed_volume_lies_under_the_preview_as_it_is(pair, qtbot):
    turn = sitk.Euler3DTransform((0, 0, 0), 0.2, 0.1, 0.3)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(turn.GetMatrix(), (3, 3))
    pair.layers["fixed"].visible = False  # napari warns of what it cannot draw
    pair.layers["fixed"].affine = affine
    preview_of(pair).show(NOWHERE)
    under = pair.layers["fixed (under the preview)"]
    values = np.asarray(live_volume(under))
    where = np.array(np.unravel_index(values.argmax(), values.shape))
    assert np.linalg.norm(under.data_to_world(where) - affine[:3, :3] @ [24, 26, 30]) < 1.5  # the blob's summit
    assert pair.layers["moving (preview)"].data_to_world((0, 0, 0)) == under.data_to_world((0, 0, 0))


def test_transforms_are_not_sent_too_often():
    pace = Pace()
    assert pace.due()
    assert not pace.due()


def test_what_looks_through_a_deformation_is_made_ready():
    volume = sitk.Image(24, 28, 32, sitk.sitkUInt8)
    make_ready(sitk.BSplineTransformInitializer(volume, [2, 2, 2]), Grid.of(volume))
    make_ready(NOWHERE, Grid.of(volume))


def test_preview_layers_come_and_go_and_leave_the_viewer_as_it_was(pair, layers):
    pair.layers.selection.active = pair.layers["fixed"]
    camera = getattr(pair, "scene", pair).camera  # napari 0.9 has it in the scene
    zoom, centre = camera.zoom, camera.center
    layers.show(NOWHERE)
    assert [is_preview(layer) for layer in pair.layers] == [False, False, True, True]
    assert pair.layers[-1].name == "moving (preview)"
    assert pair.layers.selection.active is pair.layers["fixed"]
    assert (camera.zoom, camera.center) == (zoom, centre)
    np.testing.assert_allclose(
        pair.layers[-1].data_to_world((2, 3, 4)), pair.layers["fixed"].data_to_world((2, 3, 4)), atol=1e-6
    )
    layers.remove()
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]


def test_a_preview_that_was_deleted_by_hand_is_left_alone(pair, layers, qtbot):
    layers.show(NOWHERE)
    del pair.layers[-1]
    layers.show(SHIFT)
    qtbot.wait(50)
    layers.remove()
    assert [layer.name for layer in pair.layers] == ["fixed", "moving"]


def test_a_preview_that_ended_before_it_was_shown_never_appears(pair, qtbot):
    waiting = []
    layers = preview_of(pair, waiting.append)
    layers.show(NOWHERE)
    layers.remove()
    for job in waiting:
        job()
    assert len(pair.layers) == 2
