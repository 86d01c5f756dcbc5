"""simulate_layer() and repeatability_of(): what they show is what SimpleITK's own mapping says of the transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.components import ViewerModel
from napari.layers import Layer

from napari_coreg import load_preset, register, repeatability_of, simulate_layer
from napari_coreg.errors import RecipeError, VolumeError
from napari_coreg.plugin.layers import volume_to_layer_data

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")]


def body() -> sitk.Image:
    """A lopsided body of some parts in a turned, anisotropic, left-handed grid."""
    parts = [((18, 20, 12), (9, 7, 6), 100.0), ((24, 14, 10), (3, 2, 3), 80.0), ((12, 25, 15), (2, 4, 2), -60.0)]
    image = sitk.Image([40, 38, 26], sitk.sitkFloat32)
    for centre, widths, height in parts:
        image += height * sitk.GaussianSource(sitk.sitkFloat32, image.GetSize(), widths, centre, 1.0)
    image.SetSpacing((2.0, 2.5, 4.0))
    turn = np.reshape(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, -0.2, 0.15).GetMatrix(), (3, 3))
    image.SetDirection((turn @ np.diag([1.0, -1.0, 1.0])).ravel().tolist())
    image.SetOrigin((-30.0, 50.0, -70.0))
    return image


@pytest.fixture
def scene() -> ViewerModel:
    viewer = ViewerModel()
    viewer.add_layer(Layer.create(*volume_to_layer_data(body(), "head")))
    return viewer


def test_the_error_shown_is_the_distance_of_the_two_mappings(scene):
    outcome = simulate_layer(scene, "head", "rigid", rotation_degrees=4, shift_mm=6, deformation_mm=0, noise=0.01)
    layer = scene.layers["Error on a known motion of head (mm)"]
    head = scene.layers["head"]
    places = np.argwhere(sitk.GetArrayFromImage(outcome.map_mm) > 0)[::701]
    assert len(places) > 5
    for place in places:
        lps = head.data_to_world(place)[::-1]
        found, truth = (np.array(t.TransformPoint(lps)) for t in (outcome.result.transform, outcome.truth))
        shown = np.linalg.norm(found - truth)
        assert layer.data[tuple(layer.world_to_data(head.data_to_world(place)).round().astype(int))] == pytest.approx(
            shown, abs=1e-3
        )
    assert outcome.after.p95_mm < 1.0 < outcome.before.mean_mm
    assert not scene.layers["head, moved by a known amount"].visible


def test_a_setting_that_there_is_not_is_told(scene):
    with pytest.raises(RecipeError, match="there are rotation_degrees"):
        simulate_layer(scene, "head", rotation=4)


def registered(scene: ViewerModel) -> Any:
    fixed, moving = body(), body()
    moving.SetOrigin((-27.0, 46.0, -68.0))
    result = register(fixed, moving, load_preset("rigid"))
    made: dict[str, Any] = {"result": result, "made_by": {"fixed": "head", "moving": "later"}}
    layer = Layer.create(*volume_to_layer_data(fixed, "done", metadata={"napari_coreg": made}))
    scene.add_layer(layer)
    return result


def test_the_spread_shown_is_that_of_the_runs(scene):
    registered(scene)
    found = repeatability_of(scene, "done", runs=3, jitter_mm=4, jitter_degrees=3)
    layer = scene.layers["Spread of repeated runs of later (mm)"]
    head = scene.layers["head"]
    middle = (12, 20, 18)
    lps = head.data_to_world(middle)[::-1]
    ends = np.array([transform.TransformPoint(lps) for transform in found.transforms])
    squares = np.square(ends - ends.mean(axis=0)).sum(axis=1)
    assert layer.data[middle] == pytest.approx(np.sqrt(squares.sum() / (len(ends) - 1)), abs=1e-3)
    assert len(found.rows) == 3
    assert found.p95_mm < 1.0


def test_what_is_no_result_cannot_be_repeated(scene):
    with pytest.raises(VolumeError, match="'head' is not the result"):
        repeatability_of(scene, "head")
