"""A volume in the user's hands: what is on screen, what the transform says, and that all is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image

from napari_coreg import align_by_hand
from napari_coreg.core.geometry import Grid
from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.align.hand import HandAlignment
from napari_coreg.plugin.align.outcome import affine_in_place, keeping, places
from napari_coreg.plugin.layers import initial_transform_from, layer_kwargs, read_layer
from napari_coreg.plugin.live import is_preview, live_volume
from napari_coreg.session import Start, session_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

# napari warns of every oblique layer that it draws; that is what live layers are for
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")


def turned(*angles: float) -> Any:
    return np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3))


PAIRS = {
    "straight": (np.eye(3), np.eye(3)),
    "moving oblique": (np.eye(3), turned(0.3, -0.2, 0.4)),
    "fixed oblique": (turned(0.2, 0.3, -0.1), turned(-0.2, 0.1, 0.3)),
    "left-handed": (np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, 1.0, 1.0]) @ turned(0.1, 0.2, 0.3)),
}


def smooth(size_xyz: tuple[int, ...], spacing: Any, direction: Any, seed: int) -> sitk.Image:
    values = np.random.default_rng(seed).uniform(0, 100, size_xyz[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    middle = 0.137 * seed  # no voxel of one lies on the very edge of the other
    image.SetOrigin((middle - direction @ (np.multiply(size_xyz, spacing) - spacing) / 2).tolist())
    image.SetDirection(np.ravel(direction))
    return sitk.RescaleIntensity(sitk.SmoothingRecursiveGaussian(image, 2 * max(spacing)), 0, 100)


def layer_of(image: sitk.Image, name: str) -> Image:
    return Image(sitk.GetArrayFromImage(image), name=name, contrast_limits=(0, 100), **layer_kwargs(image))


@pytest.fixture(params=PAIRS)
def pair(request: Any, viewer: ViewerModel) -> tuple[ViewerModel, sitk.Image, sitk.Image]:
    """Two anisotropic volumes, and a viewer with their layers 'fixed' and 'moving'."""
    one, other = PAIRS[request.param]
    fixed, moving = smooth((40, 44, 20), (1.0, 1.2, 2.5), one, 1), smooth((30, 36, 26), (1.7, 1.1, 1.9), other, 2)
    viewer.add_layer(layer_of(fixed, "fixed"))
    viewer.add_layer(layer_of(moving, "moving"))
    return viewer, fixed, moving


def hand_of(viewer: ViewerModel, start: sitk.Transform | None = None) -> HandAlignment:
    return HandAlignment(viewer, viewer.layers["fixed"], viewer.layers["moving"], start)


def by_itk(moving: sitk.Image, grid: Grid, transform: sitk.Transform) -> Any:
    image = sitk.Resample(
        moving, grid.size_xyz, transform, sitk.sitkLinear, grid.origin_lps, grid.spacing_xyz, grid.direction, 0.0
    )
    return sitk.GetArrayFromImage(image)


def assert_shows(layer: Any, moving: sitk.Image, transform: sitk.Transform) -> None:
    """Whether the live layer is what SimpleITK resamples on its voxels, but for the very edge."""
    volume = layer.data[0] if layer.multiscale else layer.data
    truth = by_itk(moving, volume.grid, transform)
    assert np.ptp(truth) > 20
    assert (np.abs(np.asarray(volume) - truth) > 0.05).mean() < 0.01


def assert_same_map(one: sitk.Transform, other: sitk.Transform) -> None:
    for point in np.vstack([np.zeros(3), 50 * np.eye(3)]).tolist():
        np.testing.assert_allclose(one.TransformPoint(point), other.TransformPoint(point), atol=1e-6)


def test_the_live_layer_is_what_simpleitk_resamples_through_the_transform(pair: Any) -> None:
    viewer, _, moving = pair
    hand = hand_of(viewer)
    assert_shows(hand.layers.live, moving, sitk.TranslationTransform(3))
    hand.translate((3.0, -2.0, 4.0))
    hand.rotate((1.0, 2.0, 3.0), 12.0)
    hand.set_pose(hand.pose.scaled((1.1, 0.9, 1.2)).flipped(0))
    assert_shows(hand.layers.live, moving, hand.transform)


def test_moves_by_hand_are_those_of_sitks_transforms(pair: Any) -> None:
    viewer, _, moving = pair
    hand = hand_of(viewer)
    hand.rotate((0.0, 0.0, 1.0), 20.0)
    hand.translate((3.0, -2.0, 4.0))
    centre = Grid.of(moving).centre_lps.tolist()
    move = sitk.Euler3DTransform(centre, 0.0, 0.0, np.radians(20.0), (3.0, -2.0, 4.0))
    assert_same_map(hand.transform, move.GetInverse())


def test_it_begins_where_naparis_own_transform_mode_left_the_layers(pair: Any) -> None:
    viewer, _, moving = pair
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = turned(0.1, 0.05, -0.2), (4.0, -3.0, 2.0)
    back = np.eye(4)
    back[:3, :3], back[:3, 3] = turned(-0.1, 0.2, 0.0), (1.0, 2.0, 3.0)
    for name, matrix in (("moving", move), ("fixed", back)):
        layer = viewer.layers[name]
        layer.affine = matrix @ layer.affine.affine_matrix
    on_screen = initial_transform_from(read_layer(viewer.layers["fixed"]), read_layer(viewer.layers["moving"]))
    hand = hand_of(viewer)
    assert on_screen is not None
    assert_same_map(hand.transform, on_screen)
    onto = read_layer(viewer.layers["fixed"]).moved
    assert_shows(hand.layers.live, moving, sitk.CompositeTransform([on_screen, onto.GetInverse()]))  # type: ignore[union-attr]


def test_a_move_is_in_the_displayed_world_also_where_the_fixed_layer_was_moved(pair: Any) -> None:
    viewer, _, moving = pair
    layer = viewer.layers["fixed"]
    move = np.eye(4)
    move[:3, :3] = turned(0.0, 0.0, 0.3)
    layer.affine = move @ layer.affine.affine_matrix
    hand = hand_of(viewer)
    place = hand.pose.place_lps
    np.testing.assert_allclose(place, Grid.of(moving).centre_lps, atol=1e-9)
    hand.translate((5.0, 0.0, 0.0))
    assert_shows(hand.layers.live, moving, sitk.TranslationTransform(3, (-5.0, 0.0, 0.0)))


def test_it_begins_from_a_given_transform_even_a_deformable_one(pair: Any) -> None:
    viewer, fixed, moving = pair
    start = sitk.BSplineTransformInitializer(fixed, [3, 3, 3])
    start.SetParameters(np.random.default_rng(3).normal(0, 3, len(start.GetParameters())).tolist())
    hand = hand_of(viewer, start)
    assert_same_map(hand.transform, start)
    hand.translate((5.0, 0.0, 0.0))
    shift = sitk.TranslationTransform(3, (-5.0, 0.0, 0.0))
    assert_shows(hand.layers.live, moving, sitk.CompositeTransform([start, shift]))
    with pytest.raises(GeometryError, match="deformation"):
        affine_in_place(hand)


def test_the_affine_in_place_shows_the_layer_where_the_pose_had_it(pair: Any) -> None:
    viewer, _, moving = pair
    hand = hand_of(viewer)
    hand.rotate((1.0, 0.0, 0.5), 15.0)
    hand.translate((3.0, -2.0, 4.0))
    hand.set_pose(hand.pose.scaled(1.2))
    transform, affine = hand.transform, affine_in_place(hand)
    hand.end()
    layer = viewer.layers["moving"]
    layer.affine = affine
    for index in ((0, 0, 0), (3, 7, 5)):  # xyz; what is displayed is where the inverse takes the header's point
        header = moving.TransformIndexToPhysicalPoint(index)
        world = transform.GetInverse().TransformPoint(header)
        np.testing.assert_allclose(layer.data_to_world(index[::-1])[::-1], world, atol=1e-4)
    assert_same_map(hand_of(viewer).transform, transform)  # and so the next alignment begins there


def test_the_affine_in_place_counts_in_the_units_of_the_layer(viewer: ViewerModel) -> None:
    for name in ("fixed", "moving"):
        viewer.add_image(np.random.default_rng(0).random((9, 10, 11)), name=name, scale=(0.1,) * 3, units=("cm",) * 3)
    hand = hand_of(viewer)
    hand.translate((5.0, 0.0, -2.0))
    affine = affine_in_place(hand)
    np.testing.assert_allclose(affine[:3, 3], (-0.2, 0.0, 0.5), atol=1e-9)


def test_what_is_kept_is_sitks_resampling_on_the_fixed_grid(pair: Any) -> None:
    viewer, fixed, moving = pair
    hand = hand_of(viewer)
    hand.rotate((0.0, 1.0, 0.0), 8.0)
    keep, transform = keeping(hand), hand.transform
    hand.translate((3.0, 2.0, 1.0))  # while a worker has yet to begin
    data, arguments, _ = keep()
    layer = Image(data, **arguments)
    shown = sitk.Resample(read_layer(layer).to_image(), fixed)
    truth = sitk.Resample(moving, fixed, transform)
    difference = np.abs(sitk.GetArrayFromImage(shown) - sitk.GetArrayFromImage(truth))
    assert (difference > 0.05).mean() < 0.01
    assert layer.colormap == viewer.layers["moving"].colormap
    assert not is_preview(layer)


def test_turning_keeps_the_chosen_centre(pair: Any) -> None:
    viewer, _, _ = pair
    hand = hand_of(viewer)
    hand.translate((6.0, 5.0, 4.0))
    for centre in ("moving", "fixed", (7.0, -8.0, 9.0)):
        hand.turn_about(centre)
        place = hand.centre_lps.copy()
        there = hand.transform.TransformPoint(place.tolist())
        hand.rotate((0.2, 0.5, 1.0), 25.0)
        np.testing.assert_allclose(hand.transform.TransformPoint(place.tolist()), there, atol=1e-6)
        np.testing.assert_allclose(hand.centre_lps, place, atol=1e-6)
    hand.turn_about("fixed")
    np.testing.assert_allclose(hand.centre_lps, read_layer(viewer.layers["fixed"]).geometry.centre_lps, atol=1e-6)


def test_the_marker_stands_at_the_centre_in_the_slice_that_is_shown(pair: Any) -> None:
    viewer, _, _ = pair
    hand = hand_of(viewer)
    hand.translate((3.0, -2.0, 4.0))
    viewer.dims.set_point(0, 6.0)
    marker = hand.layers.marker
    x, y, _ = hand.centre_lps
    np.testing.assert_allclose(marker.data[0], (viewer.dims.point[0], y, x), atol=1e-6)
    viewer.dims.ndisplay = 3
    np.testing.assert_allclose(marker.data[0], hand.centre_lps[::-1], atol=1e-6)


def test_a_volume_that_rests_outside_of_what_was_shown_is_shown_whole(pair: Any) -> None:
    viewer, _, moving = pair
    hand = hand_of(viewer)
    before = live_volume(hand.layers.live).grid
    hand.translate((60.0, -70.0, 80.0))
    hand.settle()
    grid = live_volume(hand.layers.live).grid
    assert np.array_equal(grid.spacing_xyz, before.spacing_xyz)
    back = hand.transform.GetInverse()
    for corner in Grid.of(moving).corners_lps.tolist():
        place = hand.layers.live.world_to_data(back.TransformPoint(corner)[::-1])
        assert (np.array(place) >= -1).all()
        assert (np.array(place) <= grid.size_xyz[::-1]).all()
    assert_shows(hand.layers.live, moving, hand.transform)
    first, last = hand.layers.live.data_to_world((0, 0, 0)), hand.layers.live.data_to_world(grid.size_xyz[::-1])
    np.testing.assert_allclose(first[::-1], grid.origin_lps, atol=1e-6)
    np.testing.assert_allclose(last[::-1], grid.to_lps(np.array(grid.size_xyz)), atol=1e-6)
    hand.end()


def test_undo_redo_and_reset_move_the_volume_back_and_forth(pair: Any) -> None:
    viewer, _, moving = pair
    hand = hand_of(viewer)
    hand.translate((3.0, 0.0, 0.0))
    for _ in range(5):
        hand.rotate((0.0, 0.0, 1.0), 2.0, step="one drag")
    hand.undo()
    assert_same_map(hand.transform, sitk.TranslationTransform(3, (-3.0, 0.0, 0.0)))
    assert_shows(hand.layers.live, moving, hand.transform)
    hand.redo()
    assert hand.pose.angles() == pytest.approx((0, 0, 10))
    hand.reset()
    assert_same_map(hand.transform, sitk.TranslationTransform(3))
    hand.undo()
    assert hand.pose.angles() == pytest.approx((0, 0, 10))


def test_everything_is_given_back_at_the_end(pair: Any) -> None:
    viewer, _, _ = pair
    fixed, moving = viewer.layers["fixed"], viewer.layers["moving"]
    viewer.layers.selection = {fixed}
    before = {layer: layer._get_state() for layer in viewer.layers}
    hand = hand_of(viewer)
    assert not fixed.visible
    assert not moving.visible
    hand.translate((1.0, 2.0, 3.0))
    hand.end()
    assert list(viewer.layers) == [fixed, moving]
    assert viewer.layers.selection == {fixed}
    for layer, state in before.items():
        after = layer._get_state()
        for key in ("visible", "opacity", "blending", "contrast_limits"):
            assert after[key] == state[key]
        np.testing.assert_array_equal(after["affine"], state["affine"])
    hand.translate((1.0, 2.0, 3.0))  # does nothing any more
    assert hand.pose.translation == (1.0, 2.0, 3.0)


def test_a_layer_that_was_hidden_stays_hidden(pair: Any) -> None:
    viewer, _, _ = pair
    viewer.layers["moving"].visible = False
    hand_of(viewer).end()
    assert not viewer.layers["moving"].visible
    assert viewer.layers["fixed"].visible


@pytest.mark.parametrize("name", ["fixed", "moving", "moving (aligning)"])
def test_deleting_a_layer_ends_it_cleanly(name: str, viewer: ViewerModel) -> None:
    for each in ("fixed", "moving"):
        viewer.add_layer(layer_of(smooth((20, 22, 18), (1.0, 1.2, 2.5), np.eye(3), 1), each))
    hand = hand_of(viewer)
    said: list[str] = []
    hand.ended.connect(said.append)
    viewer.layers.remove(viewer.layers[name])
    assert said == [f"{name!r} was deleted, so the alignment ended."]
    assert not any(is_preview(layer) for layer in viewer.layers)
    assert all(layer.visible for layer in viewer.layers)


def test_the_marker_may_be_deleted(pair: Any) -> None:
    viewer, _, _ = pair
    hand = hand_of(viewer)
    viewer.layers.remove(hand.layers.marker)
    hand.translate((1.0, 0.0, 0.0))
    assert hand.is_on
    hand.end()


def test_moving_a_layer_in_napari_meanwhile_ends_it(pair: Any) -> None:
    viewer, _, _ = pair
    hand = hand_of(viewer)
    viewer.layers["moving"].translate = (1.0, 0.0, 0.0)
    assert not hand.is_on
    assert viewer.layers["moving"].visible


def test_two_dimensional_images_are_aligned_too(viewer: ViewerModel) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((30, 40)).astype(np.float32))
    for name in ("fixed", "moving"):
        viewer.add_image(sitk.GetArrayFromImage(image), name=name, contrast_limits=(0, 1))
    hand = hand_of(viewer)
    hand.rotate(None, 30.0)
    hand.translate((2.0, 3.0))
    move = sitk.Euler2DTransform(Grid.of(image).centre_lps.tolist(), np.radians(30.0), (2.0, 3.0))
    np.testing.assert_allclose(
        np.asarray(hand.layers.live.data)[4:-4, 4:-4],
        by_itk(image, hand.layers.live.data.grid, move.GetInverse())[4:-4, 4:-4],
        atol=1e-4,
    )


def test_places_to_begin_at_are_the_start_that_holds_and_where_the_layers_lie(pair: Any) -> None:
    viewer, _, _ = pair
    fixed, moving = viewer.layers["fixed"], viewer.layers["moving"]
    assert [place.words for place in places(viewer, fixed, moving)] == ["where the layers lie"]
    start = Start(sitk.TranslationTransform(3), "rigid fit to 6 landmarks", fixed, moving)
    session_of(viewer).start = start
    found = places(viewer, fixed, moving)
    assert [place.words for place in found] == ["the start: rigid fit to 6 landmarks", "where the layers lie"]
    assert found[0].transform is start.transform
    assert len(places(viewer, moving, fixed)) == 1


def test_from_the_console_it_needs_no_window(pair: Any) -> None:
    viewer, _, _ = pair
    hand = align_by_hand(viewer, "fixed", "moving", initial_transform=sitk.TranslationTransform(3, (1.0, 2.0, 3.0)))
    hand.translate((1.0, 2.0, 3.0))
    assert_same_map(hand.transform, sitk.TranslationTransform(3))
    hand.end()


def test_one_layer_is_not_aligned_to_itself_and_2d_not_to_3d(viewer: ViewerModel) -> None:
    viewer.add_image(np.zeros((9, 9, 9)), name="fixed")
    viewer.add_image(np.zeros((9, 9)), name="moving")
    with pytest.raises(VolumeError, match="two layers"):
        align_by_hand(viewer, "fixed", "fixed")
    with pytest.raises(GeometryError, match="2-D"):
        align_by_hand(viewer, "fixed", "moving")
    assert len(viewer.layers) == 2
