"""What the planes show: layers of every kind, cut where they lie in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Labels, Layer, Points

from napari_coreg.plugin.layers import volume_to_layer_data
from napari_coreg.plugin.live import Resliced, live_layer, source_of, view_grid
from napari_coreg.plugin.orthogonal.planes import (
    AXIAL,
    CORONAL,
    PLANES,
    SAGITTAL,
    Plane,
    bounds_mm,
    dots_of,
    look_at,
    paint,
)

if TYPE_CHECKING:
    from napari_coreg.core.geometry import Grid

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # of napari's canvas, not of ours

ORIGIN = (0.0, 0.0, 0.0)


def oblique() -> sitk.Image:
    """A smooth volume with anisotropic voxels that lies askew, away from the origin."""
    shape = (20, 24, 28)
    z, y, x = np.indices(shape)
    array = 50 + 20 * np.sin(x / 4) + 15 * np.cos(y / 5) + 10 * np.sin(z / 3)
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing((1.5, 1.0, 3.0))
    image.SetDirection(sitk.VersorTransform((0.3, 0.5, 0.8), 0.6).GetMatrix())
    image.SetOrigin((-40.0, 25.0, 110.0))
    return image


def layer_of(image: sitk.Image, **looks: Any) -> Any:
    return Layer.create(*volume_to_layer_data(image, "volume", contrast_limits=(0, 100), **looks))


def middle_zyx(image: sitk.Image) -> np.ndarray:
    centre = [(count - 1) / 2 for count in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(centre))[::-1]


def window(plane: Plane, point_zyx: np.ndarray, size: tuple[int, int] = (40, 50), mm: float = 0.9) -> Grid:
    return plane.grid(point_zyx, point_zyx, mm, size)


def as_image(grid: Grid) -> sitk.Image:
    reference = sitk.Image(grid.size_xyz, sitk.sitkFloat32)
    reference.SetOrigin(grid.origin_lps)
    reference.SetSpacing(grid.spacing_xyz)
    return reference


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_each_plane_of_an_oblique_volume_is_what_simpleitk_resamples_there(plane: Plane) -> None:
    image = oblique()
    grid = window(plane, middle_zyx(image))
    seen = look_at(layer_of(image), grid, ORIGIN)[..., 0]
    truth = sitk.GetArrayFromImage(sitk.Resample(image, as_image(grid), sitk.Transform(), sitk.sitkLinear, -1.0))
    inside = truth >= 0
    assert inside.sum() > 300
    np.testing.assert_allclose(seen[inside], truth[inside] / 100, atol=1 / 255)


def test_a_live_layer_is_cut_through_its_transform() -> None:
    fixed, moving = layer_of(oblique()), layer_of(oblique())
    transform = sitk.Euler3DTransform(middle_zyx(oblique())[::-1].tolist(), 0.2, -0.1, 0.3, (4.0, -3.0, 2.0))
    live = live_layer(
        Resliced(source_of(moving), transform), view_grid(fixed), "live", contrast_limits=(0, 100), like=fixed
    )
    grid = window(CORONAL, middle_zyx(oblique()))
    seen = look_at(live, grid, ORIGIN)[..., 0]
    truth = sitk.GetArrayFromImage(sitk.Resample(oblique(), as_image(grid), transform, sitk.sitkLinear, -1.0))
    core = sitk.GetArrayFromImage(
        sitk.BinaryErode(sitk.GetImageFromArray((truth >= 0).astype(np.uint8)), (3, 0, 3))
    ).astype(bool)
    assert core.sum() > 100
    assert np.abs(seen[core] - truth[core] / 100).max() < 0.05  # a voxel of the live layer lies in between


def test_superior_is_up_and_the_left_of_the_patient_is_right() -> None:
    array = np.zeros((9, 9, 9), np.float32)
    array[8, 0, 8] = 1  # superior, anterior, left of the patient
    layer = Image(array, contrast_limits=(0, 1), units=("mm",) * 3)
    for plane, corner in ((AXIAL, (0, -1)), (CORONAL, (0, -1)), (SAGITTAL, (0, 0))):
        at = np.array([8.0, 0.0, 8.0])
        grid = plane.grid(at, np.full(3, 4.0), 1.0, (9, 9))
        picture = paint([layer], plane, grid, ORIGIN, (0, 0, 0))
        assert picture[corner].min() == 255, plane.name
        assert picture.sum() == 3 * 255


def test_beyond_a_volume_is_the_canvas() -> None:
    layer = Image(np.ones((4, 4, 4), np.float32), contrast_limits=(0, 1))
    far = window(AXIAL, np.array([90.0, 0.0, 0.0]))
    assert (paint([layer], AXIAL, far, ORIGIN, (10, 20, 30)) == (10, 20, 30)).all()


def test_layers_are_blended_as_napari_does() -> None:
    looks = {"contrast_limits": (0, 1), "colormap": "gray"}
    low = Image(np.full((4, 4, 4), 0.5, np.float32), **looks)
    high = Image(np.full((4, 4, 4), 0.25, np.float32), **looks)
    grid = AXIAL.grid(np.ones(3), np.ones(3), 1.0, (1, 1))

    def seen(blending: str, opacity: float = 1.0) -> float:
        high.blending, high.opacity = blending, opacity
        return float(paint([low, high], AXIAL, grid, ORIGIN, (0, 0, 0))[0, 0, 0]) / 255

    assert seen("translucent") == pytest.approx(0.25, abs=0.01)
    assert seen("translucent", 0.5) == pytest.approx(0.375, abs=0.01)
    assert seen("additive") == pytest.approx(0.75, abs=0.01)
    assert seen("minimum") == pytest.approx(0.25, abs=0.01)
    assert seen("multiplicative") == pytest.approx(0.125, abs=0.01)
    high.visible = False
    assert seen("additive") == pytest.approx(0.5, abs=0.01)


def test_labels_have_their_colours_and_nothing_where_they_are_0() -> None:
    array = np.zeros((3, 3, 3), np.uint8)
    array[1, 1, 1] = 7
    layer = Labels(array, opacity=1.0)
    grid = AXIAL.grid(np.ones(3), np.ones(3), 1.0, (3, 3))
    picture = paint([layer], AXIAL, grid, ORIGIN, (0, 0, 0))
    np.testing.assert_allclose(picture[1, 1], np.asarray(layer.get_color(7))[:3] * 255, atol=1)
    assert picture.sum() == picture[1, 1].sum()


def test_of_a_time_series_the_frame_in_the_viewer_is_seen() -> None:
    array = np.zeros((3, 4, 4, 4), np.float32)
    array[2] = 1
    layer = Image(array, contrast_limits=(0, 1), scale=(10, 1, 1, 1))
    grid = CORONAL.grid(np.ones(3), np.ones(3), 1.0, (2, 2))
    assert paint([layer], CORONAL, grid, (20.0, 0, 0, 0), (0, 0, 0)).min() == 255
    assert paint([layer], CORONAL, grid, (10.0, 0, 0, 0), (0, 0, 0)).max() == 0


def test_colours_of_a_colour_volume_are_its_own() -> None:
    array = np.zeros((3, 3, 3, 3), np.uint8)
    array[..., 1] = 200
    grid = AXIAL.grid(np.ones(3), np.ones(3), 1.0, (1, 1))
    assert paint([Image(array, rgb=True)], AXIAL, grid, ORIGIN, (0, 0, 0))[0, 0].tolist() == [0, 200, 0]


def test_of_a_pyramid_the_level_that_serves_is_seen() -> None:
    levels = [np.zeros((32, 32, 32), np.float32), np.ones((8, 8, 8), np.float32)]
    layer = Image(levels, multiscale=True, contrast_limits=(0, 1))
    near, far = (AXIAL.grid(np.full(3, 15.0), np.full(3, 15.0), mm, (2, 2)) for mm in (1.0, 5.0))
    assert paint([layer], AXIAL, near, ORIGIN, (0, 0, 0)).max() == 0
    assert paint([layer], AXIAL, far, ORIGIN, (0, 0, 0)).min() == 255


def test_micrometres_are_thousandths() -> None:
    layer = Image(np.zeros((5, 5, 5), np.float32), scale=(1000, 500, 500), units=("um",) * 3)
    np.testing.assert_allclose(bounds_mm([layer]), [[-0.5, -0.25, -0.25], [4.5, 2.25, 2.25]])


def test_a_point_is_where_its_layer_shows_it() -> None:
    image = oblique()
    index = (3.0, 5.0, 7.0)
    lps = image.TransformContinuousIndexToPhysicalPoint(index)
    like = layer_of(image)
    points = Points([index[::-1]], size=2, text={"string": ["nose"]}, scale=like.scale, affine=like.affine)
    (dot,) = dots_of(points, ORIGIN)
    np.testing.assert_allclose(dot.point_mm, lps[::-1], atol=1e-6)
    assert dot.text == "nose"
    points.shown = [False]
    assert list(dots_of(points, ORIGIN)) == []
