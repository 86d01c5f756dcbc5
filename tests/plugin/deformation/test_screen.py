"""On screen: lines where mapped points meet planes, yellow where the transform folds, nothing where J is 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg import show_deformation
from napari_coreg.plugin.layers import volume_to_layer_data

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")]

SPACING = (1.0, 1.5, 3.0)
TURN = Rotation.from_euler("z", 20.0, degrees=True).as_matrix()  # oblique, and yet shown in 2-D as it is


def volume(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values, isVector=values.ndim == 4)
    image.SetSpacing(SPACING)
    image.SetOrigin((-12.0, 7.0, 30.0))
    image.SetDirection(TURN.ravel().tolist())
    return image


@pytest.fixture
def viewer(request: Any) -> Any:
    viewer = request.getfixturevalue("make_napari_viewer")(show=True)
    viewer.window.resize(900, 700)
    data, arguments, _ = volume_to_layer_data(volume(np.zeros((9, 30, 40), np.float32)), "fixed")
    viewer.add_image(data, **arguments)
    return viewer


def colours_at(viewer: Any, layer: Any, index: int, qtbot: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (zyx) of a slice's voxels, and the colours of the pixels over their centres, RGB."""
    viewer.dims.set_point(0, layer.data_to_world((index, 0, 0))[0])
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    camera.zoom = 7.0
    qtbot.wait(300)
    shown = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    rows, columns = np.indices((30, 40))
    indices = np.stack([np.full(rows.size, index), rows.ravel(), columns.ravel()], axis=1)
    world = np.array([layer.data_to_world(point) for point in indices])[:, 1:]
    at = (world - np.array(camera.center)[-2:]) * camera.zoom + np.array(shown.shape[:2]) / 2
    pixel = np.floor(at).astype(int)
    inside = ((pixel >= 0) & (pixel < shown.shape[:2])).all(axis=1)
    assert inside.sum() > 600
    return indices[inside], shown[tuple(pixel[inside].T)]


def test_lines_are_on_screen_where_mapped_points_meet_planes(viewer, qtbot):
    affine = sitk.AffineTransform([1.1, 0.2, 0.0, -0.1, 0.9, 0.05, 0.0, 0.1, 1.0], [2.0, 1.0, 0.5])
    (layer,) = show_deformation(viewer, affine, "grid", fixed="fixed", spacing_mm=10.0)
    indices, colours = colours_at(viewer, layer, 3, qtbot)
    fixed = volume(np.zeros((9, 30, 40), np.float32))
    centre = np.array(fixed.TransformContinuousIndexToPhysicalPoint([19.5, 14.5, 4.0]))
    points = [fixed.TransformIndexToPhysicalPoint(index[::-1].tolist()) for index in indices]
    along = (np.array([affine.TransformPoint(point) for point in points]) - centre) @ TURN
    distance = np.abs(along - 10.0 * np.rint(along / 10.0))[:, :2]
    on_line, far = (distance < 0.2).any(axis=1), (distance > 2.5).all(axis=1)
    assert min(on_line.sum(), far.sum()) > 30
    assert (colours[on_line, 1] > 200).mean() > 0.98  # cyan
    assert (colours[far] < 20).all(axis=1).mean() > 0.98


def test_folded_voxels_are_yellow_and_still_ones_are_left_as_they_are(viewer, qtbot):
    steps = np.zeros((9, 30, 40, 3))
    steps[:, :, 20:22] = TURN[:, 0] * 6.0
    transform = sitk.DisplacementFieldTransform(volume(steps))
    image, labels = show_deformation(viewer, transform, "jacobian", fixed="fixed")
    indices, colours = colours_at(viewer, image, 4, qtbot)
    folded = np.array([labels.data[tuple(index)] != 0 for index in indices])
    still = np.array([abs(image.data[tuple(index)] - 1) < 1e-6 for index in indices])
    assert folded.sum() > 30
    assert np.ptp(indices[folded][:, 2]) <= 3
    yellow = (colours[:, 0] > 200) & (colours[:, 1] > 200) & (colours[:, 2] < 60)
    assert yellow[folded].mean() > 0.98
    assert not yellow[~folded].any()
    assert (colours[still] < 8).all(axis=1).mean() > 0.98
