"""The comparison of two layers, over a viewer without a window: what is shown where, and that all is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes, Surface, Tracks, Vectors
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts

from napari_coreg import compare_layers
from napari_coreg.core.compare import checkerboard
from napari_coreg.errors import CoregError, GeometryError, VolumeError
from napari_coreg.plugin.compare.console import comparison_of
from napari_coreg.plugin.compare.scene import FLIP_KEY, line_of
from napari_coreg.plugin.compare.settings import MODES, Settings
from napari_coreg.plugin.layer_run import add_layers, carry_out, read_volumes, request_from_layers
from napari_coreg.plugin.layers import METADATA_KEY, volume_to_layer_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.geometry import Grid

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari, of the oblique layer itself
OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.4).GetMatrix()


def volume(spacing: tuple[float, ...], centre: tuple[float, ...], direction: Any, gain: float) -> sitk.Image:
    """An image of a ball of 14 mm around `centre` (LPS), brighter towards +x; smooth, so that two grids agree."""
    image = sitk.Image([int(70 / s) for s in spacing], sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    corner = np.reshape(direction, (3, 3)) @ (np.array(spacing) * (np.array(image.GetSize()) - 1) / 2)
    image.SetOrigin((-corner).tolist())
    axes = [sitk.Cast(sitk.PhysicalPointSource(sitk.sitkVectorFloat32, image.GetSize(), image.GetOrigin(),
            image.GetSpacing(), direction), sitk.sitkVectorFloat32)]  # fmt: skip
    x, y, z = (sitk.VectorIndexSelectionCast(axes[0], i) - c for i, c in enumerate(centre))
    distance = sitk.Sqrt(x * x + y * y + z * z)
    return gain * (1 + x / 40) / (1 + sitk.Exp((distance - 14) / 2))


FIRST = volume((1.0, 1.2, 2.0), (0, 0, 0), np.eye(3).ravel().tolist(), 1000.0)
SECOND = volume((1.5, 1.0, 1.7), (2, -3, 1), OBLIQUE, 50.0)


@pytest.fixture
def two(viewer: ViewerModel) -> ViewerModel:
    """A viewer with an upright and an oblique volume, a hidden one, and points."""
    viewer.add_layer(Layer.create(*volume_to_layer_data(FIRST, "first")))
    viewer.add_layer(Layer.create(*volume_to_layer_data(SECOND, "second", opacity=0.4)))
    viewer.add_image(np.zeros((5, 5, 5)), name="hidden", visible=False, units=("mm",) * 3)
    viewer.add_points(np.zeros((1, 3)), name="points", units=("mm",) * 3)
    viewer.dims.set_point(0, 0.0)
    return viewer


def looks(viewer: ViewerModel) -> dict[str, Any]:
    line = line_of(viewer)
    return {
        **{layer.name: (layer.visible, layer.opacity, layer.blending) for layer in viewer.layers},
        "order": [layer.name for layer in viewer.layers],
        "line": (line.text, line.visible, line.position),
        "selected": {layer.name for layer in viewer.layers.selection},
        "keys": dict(viewer.keymap),
        "mouse": len(viewer.mouse_drag_callbacks),
        "second": (viewer.layers["second"].contrast_limits, viewer.layers["second"].colormap.name),
    }


def seen(layer: Any, grid: Grid) -> np.ndarray:
    """What a live layer shows on all of its own grid."""
    data = layer.data[0] if layer.multiscale else layer.data
    assert data.shape == grid.size_xyz[::-1]
    return np.asarray(data)


def truth(image: sitk.Image, grid: Grid, beyond: float) -> np.ndarray:
    resampled = sitk.Resample(
        image,
        grid.size_xyz,
        sitk.Transform(),
        sitk.sitkLinear,
        grid.origin_lps,
        grid.spacing_xyz,
        grid.direction,
        beyond,
    )
    return sitk.GetArrayFromImage(resampled)


def well_inside(image: sitk.Image, grid: Grid) -> np.ndarray:
    """Where SimpleITK and we agree on what is inside: it ends at the centres of the outermost voxels."""
    return truth(image * 0 + 1, grid, 0.0) == 1


class TestPictures:
    def test_each_part_of_a_board_is_what_simpleitk_resamples_there(self, two):
        comparison = compare_layers(two, "first", "second", cell_mm=9.0)
        grid = comparison.pictures.grid
        board = checkerboard(grid, 9.0)
        for image, layer, mask in zip((FIRST, SECOND), comparison.pictures.layers, (board, ~board), strict=True):
            inside = well_inside(image, grid)
            got, expected = seen(layer, grid), truth(image, grid, 0.0)
            assert (inside & mask).sum() > 10_000
            np.testing.assert_allclose(got[inside & mask], expected[inside & mask], atol=2e-3 * expected.max())
            assert (got[~mask] == layer.contrast_limits[0]).all()

    def test_the_curtain_follows_the_screen(self, two):
        comparison = compare_layers(two, "first", "second", "wipe", position=0.25)
        grid = comparison.pictures.grid
        for order, direction, axis in (((0, 1, 2), "across", 2), ((0, 1, 2), "down", 1), ((2, 0, 1), "across", 1)):
            comparison.change(direction=direction)
            two.dims.order = order
            black = comparison.pictures.layers[0].contrast_limits[0]
            there = (seen(comparison.pictures.layers[1], grid) != comparison.pictures.layers[1].contrast_limits[0]).any(
                axis=tuple({0, 1, 2} - {axis})
            )
            share = (seen(comparison.pictures.layers[0], grid) != black).any(axis=tuple({0, 1, 2} - {axis}))
            edge = round(0.25 * grid.size_xyz[2 - axis])
            assert not share[edge + 1 :].any()
            assert not there[: edge - 1].any()

    def test_left_and_right_are_those_of_the_screen(self, two):
        camera = two.scene.camera if hasattr(two, "scene") else two.camera
        comparison = compare_layers(two, "first", "second", "wipe")
        assert comparison.words() == "left: first, right: second"
        camera.orientation = ("towards", "up", "left")
        assert comparison.words() == "left: second, right: first"
        comparison.change(direction="down")
        assert comparison.words() == "above: second, below: first"

    def test_the_difference_is_of_what_is_seen_of_both(self, two):
        comparison = compare_layers(two, "first", "second", "difference")
        pictures = comparison.pictures
        grid = pictures.grid
        shades = []
        for index, image in enumerate((FIRST, SECOND)):
            low, high = pictures.window(index)
            shades.append(np.clip((truth(image, grid, 0.0) - low) / (high - low), 0, 1))
        inside = well_inside(FIRST, grid) & well_inside(SECOND, grid)
        expected = shades[1] - shades[0]
        np.testing.assert_allclose(seen(pictures.extra, grid)[inside], expected[inside], atol=3e-3)
        beyond = truth(FIRST * 0 + 1, grid, 0.0) * truth(SECOND * 0 + 1, grid, 0.0) == 0
        assert np.median(np.abs(seen(pictures.extra, grid)[beyond])) == 0

    def test_the_difference_follows_the_contrast_limits(self, two):
        comparison = compare_layers(two, "first", "second", "difference")
        pictures = comparison.pictures
        before = seen(pictures.extra, pictures.grid)
        pictures.layers[1].contrast_limits = (0, 500)
        assert seen(pictures.extra, pictures.grid).max() < before.max()

    def test_a_contour_in_a_slice_is_where_the_ball_ends(self, viewer):
        """The ball's half height lies 14 mm from its centre, whatever the grid and its obliqueness."""
        ball = volume((1.5, 1.0, 1.7), (2, -3, 1), OBLIQUE, 50.0)
        x = sitk.VectorIndexSelectionCast(
            sitk.PhysicalPointSource(
                sitk.sitkVectorFloat32, ball.GetSize(), ball.GetOrigin(), ball.GetSpacing(), ball.GetDirection()
            ),
            0,
        ) - 2  # fmt: skip
        flat = ball / (1 + x / 40)
        viewer.add_layer(Layer.create(*volume_to_layer_data(flat, "ball")))
        viewer.add_layer(Layer.create(*volume_to_layer_data(FIRST, "other")))
        comparison = compare_layers(viewer, "ball", "other", "contours", level=25.0)
        grid = comparison.pictures.grid
        for axis in range(3):
            middle = grid.size_xyz[2 - axis] // 2
            cut = (slice(None),) * axis + (middle,)
            data = comparison.pictures.extra.data
            lines = np.asarray((data[0] if comparison.pictures.extra.multiscale else data)[cut])
            indices = np.insert(np.argwhere(lines > 0), axis, middle, axis=1)[:, ::-1].astype(float)
            distances = np.linalg.norm(grid.to_lps(indices) - (2, -3, 1), axis=1)
            assert len(distances) > 40
            assert np.abs(distances - 14).max() < max(grid.spacing_xyz) * 0.75

    def test_labels_are_compared_with_an_image(self, viewer):
        image, labels = np.zeros((12, 14, 16), np.float32), np.zeros((12, 14, 16), np.uint8)
        image[4:8, 4:8, 4:8], labels[4:8, 4:8, 4:10] = 5, 3
        viewer.add_image(image, name="image")
        viewer.add_labels(labels, name="labels")
        comparison = compare_layers(viewer, "image", "labels", "contours")
        assert comparison.words() == "yellow lines: labels, picture: image"
        lines = seen(comparison.pictures.extra, comparison.pictures.grid)[6]
        assert lines.sum() > 0
        for mode in MODES:
            comparison.change(mode=mode)
        comparison.end()
        assert set(np.unique(labels)) == {0, 3}

    def test_two_slices_are_compared(self, viewer):
        viewer.add_image(np.random.default_rng(0).random((30, 40)), name="a")
        viewer.add_image(np.random.default_rng(1).random((25, 50)), name="b", scale=(1.5, 0.8))
        comparison = compare_layers(viewer, "a", "b")
        for mode in MODES:
            comparison.change(mode=mode)
            comparison.flip()
        assert comparison.pictures.layers[0].ndim == 2

    def test_the_finer_voxels_are_taken(self, viewer):
        viewer.add_image(np.zeros((10, 10, 10)), name="coarse", scale=(4, 4, 4), units=("mm",) * 3)
        viewer.add_image(np.zeros((40, 40, 40)), name="fine", scale=(1, 1, 1), units=("mm",) * 3)
        for pair in (("coarse", "fine"), ("fine", "coarse")):
            assert compare_layers(viewer, *pair).pictures.grid.spacing_xyz == (1, 1, 1)

    def test_only_the_layers_that_a_mode_needs_are_visible(self, two):
        comparison = compare_layers(two, "first", "second")
        for mode, names in (
            ("checkerboard", {"first (comparison)", "second (comparison)"}),
            ("difference", {"difference (comparison)"}),
            ("contours", {"second (comparison)", "contours (comparison)"}),
            ("blend", {"first (comparison)", "second (comparison)"}),
        ):
            comparison.change(mode=mode)
            assert {layer.name for layer in two.layers if layer.visible} == names

    def test_a_blend_is_a_weighted_mean(self, two):
        comparison = compare_layers(two, "first", "second", "blend", balance=0.3)
        assert [layer.opacity for layer in comparison.pictures.layers] == pytest.approx([0.7, 0.3])
        assert {layer.blending for layer in comparison.pictures.layers} == {"additive"}


class TestGivingBack:
    @pytest.mark.parametrize("mode", MODES)
    def test_everything_is_as_before(self, two, mode):
        line_of(two).text = "mine"
        before = looks(two)
        comparison = compare_layers(two, "first", "second", mode)
        comparison.flip()
        two.dims.ndisplay = 3
        two.dims.ndisplay = 2
        assert looks(two) != before
        comparison.end()
        assert looks(two) == before

    def test_what_was_seen_of_others_is_given_back_whatever_was_done_meanwhile(self, two):
        comparison = compare_layers(two, "first", "second")
        two.layers["points"].visible = True
        two.layers["second"].opacity = 1.0
        comparison.end()
        assert two.layers["second"].opacity == 0.4
        assert not two.layers["hidden"].visible

    def test_a_key_of_the_user_is_given_back(self, two):
        two.bind_key(FLIP_KEY, print)
        comparison = compare_layers(two, "first", "second")
        comparison.end()
        assert two.keymap[coerce_keybinding(FLIP_KEY)] is print

    def test_another_pair_takes_the_place_of_the_first(self, two):
        before = looks(two)
        compare_layers(two, "first", "second", "difference")
        comparison = compare_layers(two, "hidden", "second", "blend")
        assert sum("(comparison)" in layer.name for layer in two.layers) == 2
        comparison.end()
        assert looks(two) == before

    def test_limits_that_the_user_set_are_kept_in_every_mode_and_for_the_next_time(self, two):
        comparison = compare_layers(two, "first", "second")
        comparison.pictures.layers[0].contrast_limits = (100, 321)
        for mode in MODES:
            comparison.change(mode=mode)
            comparison.flip()
        assert tuple(comparison.pictures.layers[0].contrast_limits) == (100, 321)
        comparison.end()
        assert tuple(compare_layers(two, "first", "second").pictures.layers[0].contrast_limits) == (100, 321)

    def test_ending_twice_does_no_harm(self, two):
        comparison = comparison_of(two)
        comparison.end()
        compare_layers(two, "first", "second")
        comparison.end()
        comparison.end()
        assert not comparison.is_on


class TestFlipping:
    def test_the_key_is_none_of_napari(self):
        taken = {key for keys in default_shortcuts.values() for key in keys}
        for provider in (ViewerModel, Layer, Image, Labels, Points, Shapes, Surface, Tracks, Vectors):
            taken |= set(provider.class_keymap)
        assert coerce_keybinding(FLIP_KEY) not in taken

    @pytest.mark.parametrize("mode", MODES)
    def test_two_layers_change_their_roles_and_back(self, two, mode):
        comparison = compare_layers(two, "first", "second", mode, balance=0.3)
        press: Callable[[Any], None] = two.keymap[coerce_keybinding(FLIP_KEY)]
        pictures = comparison.pictures

        def state() -> list[Any]:
            shown = [layer for layer in two.layers if layer.visible]
            return [
                (layer.name, layer.opacity, repr(layer.colormap.colors[-1]), seen(layer, pictures.grid).sum())
                for layer in shown
            ]

        before = state()
        press(two)
        assert comparison.flipped
        assert state() != before
        press(two)
        assert state() == before

    def test_the_difference_changes_its_sign(self, two):
        comparison = compare_layers(two, "first", "second", "difference")
        before = seen(comparison.pictures.extra, comparison.pictures.grid)
        comparison.flip()
        np.testing.assert_allclose(seen(comparison.pictures.extra, comparison.pictures.grid), -before)


@pytest.fixture
def registered(pair: ViewerModel, fake_register: Any, rigid: Any) -> ViewerModel:
    """The pair and a result; the pair is 4 mm apart along y, and what undoes that is the result's transform."""
    request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], rigid, deformation=False)
    add_layers(pair, carry_out(request, read_volumes(request), register=fake_register))
    return pair


class TestBeforeAndAfter:
    result = "moving registered to fixed"

    def test_the_key_shows_the_moving_layer_as_it_lay_in_every_mode(self, registered):
        comparison = compare_layers(registered, "fixed", self.result)
        grid = comparison.pictures.grid
        for mode in MODES:
            comparison.change(mode=mode)
            comparison.flip()
            assert line_of(registered).text.startswith("before")
            comparison.change(mode="blend")
            before = seen(comparison.pictures.layers[1], grid)
            comparison.flip()
            after = seen(comparison.pictures.layers[1], grid)
            np.testing.assert_allclose(before, registered.layers["moving"].data, atol=1e-4)
            np.testing.assert_allclose(after, registered.layers[self.result].data, atol=1e-4)
            assert line_of(registered).text.startswith("after")
            comparison.change(mode=mode)

    def test_without_the_moving_layer_the_result_knows_it(self, registered):
        moving = registered.layers["moving"].data
        registered.layers.remove("moving")
        comparison = compare_layers(registered, "fixed", self.result, "blend")
        comparison.flip()
        got = seen(comparison.pictures.layers[1], comparison.pictures.grid)
        np.testing.assert_allclose(got, moving, atol=1e-4)

    def test_the_result_may_be_the_first(self, registered):
        comparison = compare_layers(registered, self.result, "fixed", "wipe")
        comparison.flip()
        assert comparison.words() == "before - left: moving, right: fixed"

    def test_the_result_is_told_by_its_metadata(self, registered):
        assert "result" in registered.layers[self.result].metadata[METADATA_KEY]
        assert compare_layers(registered, "fixed", "moving").before is None


class TestFollowing:
    def test_a_layer_that_is_moved_is_seen_where_it_lies(self, qtbot, two):
        comparison = compare_layers(two, "first", "second", "blend")
        grid = comparison.pictures.grid
        two.layers["second"].translate = (0, 0, 6)  # x, within the layer's own axes
        moved = sitk.Image(SECOND)
        step = np.reshape(OBLIQUE, (3, 3)) @ (6, 0, 0)
        moved.SetOrigin(np.add(SECOND.GetOrigin(), step).tolist())
        inside = well_inside(moved, grid)
        np.testing.assert_allclose(
            seen(comparison.pictures.layers[1], grid)[inside], truth(moved, grid, 0.0)[inside], atol=0.1
        )
        qtbot.waitUntil(lambda: comparison.pictures.grid != grid)  # and the picture reaches as far as it now does
        assert comparison.is_on

    def test_new_voxels_are_seen(self, two):
        comparison = compare_layers(two, "first", "second", "blend")
        two.layers["first"].data = np.full_like(two.layers["first"].data, 77)
        assert seen(comparison.pictures.layers[0], comparison.pictures.grid).max() == 77

    @pytest.mark.parametrize("name", ["first", "second", "second (comparison)", "contours (comparison)"])
    def test_it_ends_with_a_layer_that_is_removed(self, qtbot, two, name):
        comparison = compare_layers(two, "first", "second", "contours")
        two.layers.remove(name)
        qtbot.waitUntil(lambda: not comparison.is_on)
        assert not any("(comparison)" in layer.name for layer in two.layers)
        assert two.layers["points"].visible
        assert (0.4, True) in {(layer.opacity, layer.visible) for layer in two.layers} or name == "second"

    def test_it_ends_when_all_layers_are_removed(self, qtbot, two):
        comparison = compare_layers(two, "first", "second", "flicker")
        two.layers.clear()
        qtbot.waitUntil(lambda: not comparison.is_on)
        assert not two.layers

    def test_it_ends_when_a_layer_cannot_be_compared_any_more(self, qtbot, two):
        comparison = compare_layers(two, "first", "second")
        two.layers["second"].units = ("s",) * 3
        qtbot.waitUntil(lambda: not comparison.is_on)
        assert two.layers["first"].visible

    def test_a_new_name_is_said(self, two):
        compare_layers(two, "first", "second")
        two.layers["first"].name = "CT"
        assert "CT" in line_of(two).text


class TestFlickering:
    def test_one_is_seen_after_the_other_and_it_is_said_which(self, qtbot, two):
        comparison = compare_layers(two, "first", "second", "flicker", rate_hz=20)
        said = set()

        def both() -> bool:
            said.add((line_of(two).text, tuple(layer.opacity for layer in comparison.pictures.layers)))
            return len(said) == 2

        qtbot.waitUntil(both)
        assert said == {("first", (1, 0)), ("second", (0, 1))}

    def test_nothing_ticks_when_it_has_ended_or_is_held(self, qtbot, two):
        comparison = compare_layers(two, "first", "second", "flicker", rate_hz=20)
        assert comparison.flickers
        comparison.pause(True)
        assert not comparison.flickers
        comparison.pause(False)
        assert comparison.flickers
        comparison.change(mode="blend")
        assert not comparison.flickers
        comparison.change(mode="flicker")
        comparison.end()
        assert not comparison.flickers
        qtbot.wait(120)
        assert not comparison.is_on


class TestRefusing:
    @pytest.mark.parametrize(
        "settings",
        [
            {"mode": "x"}, {"balance": 2}, {"position": -0.1}, {"rate_hz": 0}, {"rate_hz": 100}, {"cell_mm": 0},
            {"direction": "up"}, {"colours": "red-green"}, {"level": np.nan},
        ],
    )  # fmt: skip
    def test_a_setting_that_makes_no_sense(self, settings):
        with pytest.raises(CoregError, match=r"\w+ is .*: choose"):
            Settings(**settings)

    def test_two_layers_that_cannot_be_compared(self, two):
        two.add_image(np.zeros((20, 20)), name="slice")
        for pair, error in ((("first", "first"), VolumeError), (("first", "points"), VolumeError),
                            (("first", "slice"), GeometryError), (("first", "nobody"), VolumeError)):  # fmt: skip
            before = looks(two)
            with pytest.raises(error):
                compare_layers(two, *pair)
            assert looks(two) == before

    def test_a_refused_setting_leaves_a_comparison_as_it_is(self, two):
        comparison = compare_layers(two, "first", "second", "blend")
        with pytest.raises(CoregError):
            comparison.change(balance=3)
        assert comparison.settings.balance == 0.5
        assert comparison.is_on


def test_the_crosshair_of_another_dock_stays_in_sight(pair: ViewerModel) -> None:
    crosshair = pair.add_vectors(np.zeros((2, 2, 3)), metadata={METADATA_KEY: {"preview": True}})
    compare_layers(pair, "fixed", "moving")
    assert crosshair.visible
    assert not pair.layers["fixed"].visible
