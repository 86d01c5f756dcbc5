"""Live layers: worked out where they are looked at, right in place in every geometry, also on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels

from napari_coreg import keep_layer, reslice_layer
from napari_coreg.core.geometry import Grid
from napari_coreg.plugin.layers import layer_kwargs, read_layer
from napari_coreg.plugin.live import live_layer, live_volume, look_again, source_of, view_grid
from napari_coreg.plugin.live_volume import LiveVolume

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

# napari warns of every oblique layer that it draws; that is what live layers are for
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
VALUES = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)


def look_at_values(grid: Grid) -> Any:
    """The values of the voxels that a grid of whole indices holds."""
    axes = [np.arange(n) * s + o for n, s, o in zip(grid.size_xyz, grid.spacing_xyz, grid.origin_lps, strict=True)]
    return VALUES[np.ix_(*[np.rint(axis).astype(int) for axis in axes[::-1]])]


def smooth(size_xyz: tuple[int, ...], spacing: Any, centre: Any, direction: Any, seed: int) -> sitk.Image:
    values = np.random.default_rng(seed).uniform(0, 100, size_xyz[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(np.subtract(centre, direction @ (np.multiply(size_xyz, spacing) - spacing) / 2).tolist())
    image.SetDirection(np.ravel(direction))
    return sitk.RescaleIntensity(sitk.SmoothingRecursiveGaussian(image, 2 * max(spacing)), 0, 100)


def turned(*angles: float) -> Any:
    return np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3))


def layer_of(image: sitk.Image, name: str) -> Image:
    return Image(sitk.GetArrayFromImage(image), name=name, contrast_limits=(0, 100), **layer_kwargs(image))


PAIRS = {
    "straight": (np.eye(3), np.eye(3)),
    "moving oblique": (np.eye(3), turned(0.3, -0.2, 0.4)),
    "fixed oblique": (turned(0.2, 0.3, -0.1), turned(-0.2, 0.1, 0.3)),
    "left-handed": (np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, 1.0, 1.0]) @ turned(0.1, 0.2, 0.3)),
}


@pytest.fixture(params=PAIRS)
def oblique_pair(request: Any, viewer: ViewerModel) -> tuple[ViewerModel, sitk.Image, sitk.Image]:
    """Two anisotropic volumes, and a viewer with their layers 'fixed' and 'moving'."""
    one, other = PAIRS[request.param]
    fixed = smooth((40, 44, 20), (1.0, 1.2, 2.5), (1.0, 2.0, -3.0), one, 1)
    moving = smooth((30, 36, 26), (1.7, 1.1, 1.9), (-2.0, 1.0, 2.0), other, 2)
    viewer.add_layer(layer_of(fixed, "fixed"))
    viewer.add_layer(layer_of(moving, "moving"))
    return viewer, fixed, moving


TRANSFORM = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, -0.15, 0.2, (2.0, -3.0, 1.0))


def curved(image: sitk.Image) -> sitk.Transform:
    transform = sitk.BSplineTransformInitializer(image, [3, 3, 3])
    transform.SetParameters(np.random.default_rng(3).normal(0, 3, len(transform.GetParameters())).tolist())
    return sitk.CompositeTransform([TRANSFORM, transform])


KEYS = st.tuples(
    *[
        st.one_of(
            st.integers(-n, n - 1),
            st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda ends: slice(*ends)),
            st.just(slice(None)),
        )
        for n in VALUES.shape
    ]
)


@settings(max_examples=200, deadline=None)
@given(KEYS, st.integers(0, 3))
def test_a_live_volume_is_indexed_as_an_array_is(key: tuple[Any, ...], given_axes: int) -> None:
    live = LiveVolume(look_at_values, Grid((8, 7, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), STRAIGHT))
    key = key[:given_axes]
    np.testing.assert_array_equal(np.asarray(live[key]), VALUES[key])
    assert live[key].shape == VALUES[key].shape
    np.testing.assert_array_equal(np.asarray(live[..., 2]), VALUES[..., 2])
    np.testing.assert_array_equal(np.asarray(live[1:4][2]), VALUES[1:4][2])


def test_indexing_works_nothing_out() -> None:
    def look(_grid: Grid) -> Any:
        raise AssertionError("nobody has looked yet")

    live = LiveVolume(look, Grid((8, 7, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), STRAIGHT))
    assert live[2, 1:5].shape == (4, 8)
    with pytest.raises(IndexError, match="index 6 is beyond axis 0 of 6 voxels"):
        live[6]
    with pytest.raises(IndexError, match="without steps"):
        live[::2]


def test_a_slice_in_view_is_what_simpleitk_resamples_there(oblique_pair: Any) -> None:
    viewer, fixed, moving = oblique_pair
    for transform in (TRANSFORM, curved(fixed)):
        layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], transform)
        volume = live_volume(layer)
        for axis in range(3):
            index = volume.shape[axis] // 2
            seen = np.asarray(volume[(slice(None),) * axis + (index,)])
            truth = by_itk(moving, layer, transform)[(slice(None),) * axis + (index,)]
            assert np.abs(seen - truth).max() < 0.05 or (np.abs(seen - truth) > 0.05).mean() < 0.01  # the very edge
            assert np.ptp(truth) > 20  # there was something to see


def by_itk(moving: sitk.Image, layer: Any, transform: sitk.Transform) -> Any:
    """The moving volume on the layer's voxels as napari displays them."""
    n = layer.ndim
    origin = layer.data_to_world([0] * n)[::-1]
    steps = [np.subtract(layer.data_to_world(np.eye(n)[axis]), origin[::-1])[::-1] for axis in range(n)][::-1]
    spacing = [float(np.linalg.norm(step)) for step in steps]
    direction = np.stack([step / s for step, s in zip(steps, spacing, strict=True)], axis=1).ravel().tolist()
    size = live_volume(layer).shape[::-1]
    return sitk.GetArrayFromImage(
        sitk.Resample(moving, size, transform, sitk.sitkLinear, origin, spacing, direction, 0.0)
    )


def test_live_layers_run_along_the_worlds_axes_as_napari_slices_only_those(oblique_pair: Any) -> None:
    viewer, _, _ = oblique_pair
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], TRANSFORM)
    matrix = layer.affine.linear_matrix
    np.testing.assert_allclose(matrix, np.diag(np.diag(matrix)))
    fixed = viewer.layers["fixed"]
    low, high = fixed.extent.world
    own_low, own_high = layer.extent.world
    assert (own_low <= low + 1e-6).all()
    assert (own_high >= high - 1e-6).all()


def test_an_upright_fixed_layer_keeps_its_own_voxels() -> None:
    grid = view_grid(Image(np.zeros((4, 5, 6)), scale=(3, 1, 2), translate=(7, 8, 9)))
    assert (grid.size_xyz, grid.spacing_xyz, grid.origin_lps) == ((6, 5, 4), (2, 1, 3), (9, 8, 7))


def test_a_grid_for_two_layers_continues_the_voxels_of_the_first() -> None:
    grid = view_grid(Image(np.zeros((4, 5, 6))), Image(np.zeros((4, 5, 6)), translate=(-2.3, 0, 8.4)))
    assert grid.origin_lps == (0, 0, -3)
    assert grid.size_xyz == (15, 5, 7)


def test_another_transform_shows_at_once(oblique_pair: Any) -> None:
    viewer, fixed, moving = oblique_pair
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], TRANSFORM)
    look = live_volume(layer).look
    look.transform = curved(fixed)
    look_again(layer)
    truth = by_itk(moving, layer, look.transform)
    assert (np.abs(np.asarray(live_volume(layer)) - truth) > 0.05).mean() < 0.01


def test_a_hand_move_of_the_fixed_layer_moves_the_result_along(viewer: ViewerModel) -> None:
    fixed = smooth((40, 44, 20), (1.0, 1.2, 2.5), (1.0, 2.0, -3.0), turned(0.1, 0.2, 0.3), 1)
    moving = smooth((30, 36, 26), (1.7, 1.1, 1.9), (-2.0, 1.0, 2.0), np.eye(3), 2)
    viewer.add_layer(layer_of(fixed, "fixed"))
    viewer.add_layer(layer_of(moving, "moving"))
    move = np.eye(4)
    move[:3, 3] = 5.0, -4.0, 3.0
    viewer.layers["fixed"].affine = move @ viewer.layers["fixed"].affine.affine_matrix
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], TRANSFORM)
    back = sitk.TranslationTransform(3, (-3.0, 4.0, -5.0))
    truth = by_itk(moving, layer, sitk.CompositeTransform([TRANSFORM, back]))
    assert (np.abs(np.asarray(live_volume(layer)) - truth) > 0.05).mean() < 0.01


def test_the_coarse_level_of_3d_view_lies_where_napari_draws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_coreg.plugin.live.VOXELS_IN_3D", 3000)
    grid = Grid((30, 20, 25), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), STRAIGHT)

    def where(grid: Grid) -> Any:
        return np.broadcast_to(
            grid.origin_lps[0] + np.arange(grid.size_xyz[0]) * grid.spacing_xyz[0], grid.size_xyz[::-1]
        )

    layer = live_layer(where, grid, "x", contrast_limits=(0, 30))
    coarse = np.asarray(layer.data[1])
    assert coarse.size <= 3000
    ratio = layer.downsample_factors[1]
    np.testing.assert_allclose(coarse[0, 0], np.arange(coarse.shape[2]) * ratio[2])


def test_labels_stay_labels(viewer: ViewerModel) -> None:
    values = np.zeros((10, 10, 10), np.int32)
    values[3:7, 3:7, 3:7] = 70_000
    viewer.add_image(np.zeros((10, 10, 10), np.float32), name="fixed", contrast_limits=(0, 1))
    viewer.add_labels(values, name="moving")
    layer = reslice_layer(
        viewer, viewer.layers["fixed"], viewer.layers["moving"], sitk.TranslationTransform(3, (0.4, 0, 0))
    )
    assert isinstance(layer, Labels)
    assert set(np.unique(np.asarray(live_volume(layer)))) == {0, 70_000}


def test_a_kept_layer_is_an_ordinary_one_on_the_fixed_grid(oblique_pair: Any) -> None:
    viewer, fixed, moving = oblique_pair
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], TRANSFORM)
    kept = keep_layer(viewer, layer)
    assert layer not in viewer.layers
    assert isinstance(kept.data, np.ndarray)
    volume = read_layer(kept)
    image = sitk.Resample(moving, fixed, TRANSFORM)
    shown = sitk.Resample(volume.to_image(), fixed)  # the layer's axes may be in another order
    assert np.abs(sitk.GetArrayFromImage(shown) - sitk.GetArrayFromImage(image)).max() < 0.01
    assert kept.contrast_limits == layer.contrast_limits


def test_integers_are_kept_as_integers(viewer: ViewerModel) -> None:
    values = np.random.default_rng(0).integers(0, 250, (9, 10, 11)).astype(np.uint8)
    viewer.add_image(values, name="fixed", contrast_limits=(0, 255))
    viewer.add_image(values, name="moving", contrast_limits=(0, 255))
    shift = sitk.TranslationTransform(3, (0.3, 0, 0))
    kept = keep_layer(viewer, reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], shift))
    assert kept.data.dtype == np.uint8
    image = sitk.GetImageFromArray(values)
    np.testing.assert_allclose(
        kept.data, sitk.GetArrayFromImage(sitk.Resample(image, image, shift)).astype(int), atol=1
    )


def test_sources_share_their_voxels_with_the_layer() -> None:
    layer = Image(VALUES)
    assert np.shares_memory(source_of(layer).voxels, layer.data)


def test_two_dimensional_images_are_resliced_too(viewer: ViewerModel) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((30, 40)).astype(np.float32))
    for name in ("fixed", "moving"):
        viewer.add_image(sitk.GetArrayFromImage(image), name=name, contrast_limits=(0, 1))
    turn = sitk.Euler2DTransform((20.0, 15.0), 0.3, (1.0, 2.0))
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], turn)
    np.testing.assert_allclose(
        np.asarray(live_volume(layer)), sitk.GetArrayFromImage(sitk.Resample(image, image, turn)), atol=1e-4
    )


def test_beside_a_layer_in_pixels_a_live_one_counts_pixels_too(viewer: ViewerModel) -> None:
    viewer.add_image(VALUES, name="fixed")
    viewer.add_image(VALUES, name="moving")
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], TRANSFORM)
    assert layer.units == viewer.layers["fixed"].units


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_the_screen_shows_the_moving_volume_where_the_transform_says(
    name: str, make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    one, other = PAIRS[name]
    fixed = smooth((40, 44, 20), (1.0, 1.2, 2.5), (1.0, 2.0, -3.0), one, 1)
    moving = smooth((30, 36, 26), (1.7, 1.1, 1.9), (-2.0, 1.0, 2.0), other, 2)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    viewer.add_layer(layer_of(fixed, "fixed"))
    viewer.add_layer(layer_of(moving, "moving"))
    transform = curved(fixed)
    layer = reslice_layer(viewer, viewer.layers["fixed"], viewer.layers["moving"], transform)
    for each in viewer.layers:
        each.visible = each is layer
    layer.colormap, layer.blending, layer.contrast_limits = "gray", "opaque", (0, 100)
    truth = by_itk(moving, layer, transform)
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        viewer.dims.order = order
        viewer.reset_view()
        index = live_volume(layer).shape[order[0]] // 2
        point = layer.data_to_world([index] * 3)
        viewer.dims.set_point(order[0], point[order[0]])
        camera_of(viewer).zoom = 7.0
        qtbot.wait(300)
        shown = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(float)
        plane = np.moveaxis(truth, order, (0, 1, 2))[index]
        error, seen = compared(viewer, layer, shown, plane, order[1:], index, order[0])
        assert seen > 300
        assert np.median(error) < 1.5
        assert np.quantile(error, 0.98) < 4  # of 255


def compared(
    viewer: Any, layer: Any, shown: Any, plane: Any, axes: tuple[int, ...], index: int, sliced: int
) -> tuple[Any, int]:
    """Compare the canvas at the voxels' centres with the true values, both 0 to 255."""
    rows, columns = np.indices(plane.shape)
    data = np.zeros((plane.size, 3))
    data[:, sliced], data[:, axes[0]], data[:, axes[1]] = index, rows.ravel(), columns.ravel()
    world = np.array([layer.data_to_world(point) for point in data])[:, list(axes)]
    camera = camera_of(viewer)
    at = (world - np.array(camera.center)[-2:]) * camera.zoom + np.array(shown.shape) / 2
    pixel = np.floor(at).astype(int)
    inside = ((pixel >= 4) & (pixel < np.array(shown.shape) - 4)).all(axis=1)
    found = shown[tuple(pixel[inside].T)]
    return np.abs(found - plane.ravel()[inside] * 2.55), int(inside.sum())


def camera_of(viewer: Any) -> Any:
    return getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
