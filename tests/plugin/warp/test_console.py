"""Layers of every kind go where SimpleITK takes their points, whatever lies how; colours, features and sizes stay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Layer

from napari_coreg import warp_layers
from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.plugin.layers import volume_to_layer_data

NEAR_MM = 0.01

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's, of each oblique layer


def oblique(size_xyz: tuple[int, ...], spacing_xyz: tuple[float, ...], seed: int, *, mirrored: bool) -> sitk.Image:
    """A smooth random volume in a turned, anisotropic grid, left-handed where mirrored."""
    random = np.random.default_rng(seed)
    values = random.normal(size=size_xyz[::-1]).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(values), 2.0) * 1000
    image.SetSpacing(spacing_xyz)
    angles = [float(angle) for angle in random.uniform(-0.3, 0.3, 3)]
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), *angles)
    direction = np.reshape(turn.GetMatrix(), (3, 3)) @ np.diag([1.0, 1.0, -1.0 if mirrored else 1.0])
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin((12.0, -20.0, 31.0) if mirrored else (10.0, -22.0, -5.0))
    return image


def deformation(fixed: sitk.Image) -> sitk.Transform:
    """A turn after a B-spline of some millimetres over a fixed volume."""
    spline = sitk.BSplineTransformInitializer(fixed, [4, 4, 4])
    count = len(spline.GetParameters())
    spline.SetParameters(np.random.default_rng(3).uniform(-2.0, 2.0, count).tolist())
    return sitk.CompositeTransform([rigid(), spline])


def rigid() -> sitk.Transform:
    return sitk.Euler3DTransform((20.0, 0.0, 10.0), 0.1, -0.05, 0.15, (3.0, -2.0, 1.5))


def sheared() -> sitk.Transform:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix([1.1, 0.15, 0.0, 0.0, 0.9, 0.1, 0.05, 0.0, 1.05])
    transform.SetTranslation((2.0, 3.0, -1.0))
    return transform


class Scene:
    """A viewer with a fixed, a moving and a registered layer; the fixed one may be moved by hand."""

    def __init__(self, kind: str = "bspline", *, hand: bool = False) -> None:
        self.fixed = oblique((30, 26, 14), (1.5, 1.8, 3.1), 1, mirrored=True)
        self.moving = oblique((34, 24, 16), (1.3, 2.1, 2.7), 2, mirrored=False)
        self.transform = {"bspline": lambda: deformation(self.fixed), "rigid": rigid, "sheared": sheared}[kind]()
        turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.2, 0.1)
        self.move = sitk.AffineTransform(turn.GetMatrix(), (5.0, 1.0, -4.0))
        self.viewer = ViewerModel()
        moved = self.move if hand else None
        for image, name in ((self.fixed, "fixed"), (self.moving, "moving")):
            self.viewer.add_layer(Layer.create(*volume_to_layer_data(image, name, moved=moved)))
        result = SimpleNamespace(transform=self.transform, fixed=self.fixed, moving=self.moving)
        made = {"result": result, "made_by": {"fixed": "fixed", "moving": "moving"}}
        registered = volume_to_layer_data(
            self.fixed, "done", moved=self.move if hand else None, metadata={"napari_coreg": made}
        )
        self.viewer.add_layer(Layer.create(*registered))
        self.hand = self.move if hand else sitk.Transform(3, sitk.sitkIdentity)

    def inside(self, image: sitk.Image, count: int, seed: int = 5) -> np.ndarray:
        """Points well inside a volume, (count, 3) LPS mm."""
        unit = np.random.default_rng(seed).uniform(0.3, 0.7, (count, 3))
        index = unit * (np.array(image.GetSize()) - 1)
        return np.array([image.TransformContinuousIndexToPhysicalPoint(each) for each in index.tolist()])

    def through(self, points: np.ndarray) -> np.ndarray:
        return np.array([self.transform.TransformPoint(point) for point in points.tolist()])

    def world(self, points_lps: np.ndarray) -> np.ndarray:
        """Where points of a volume's frame are displayed, zyx mm."""
        return np.array([self.hand.TransformPoint(point) for point in points_lps.tolist()])[:, ::-1]


#: how a layer of points, vectors or shapes may lie
PLACES: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled": {"scale": (2.0, 0.5, 1.5), "translate": (3.0, -7.0, 11.0)},
    "turned": {"scale": (1.2, 0.8, 1.0), "rotate": (10, 20, 30)},
    "mirrored": {"affine": np.diag([-1.0, 2.0, 1.0, 1.0])},
    "in µm": {"scale": (1000.0, 500.0, 2000.0), "units": ("µm",) * 3},
}


def data_of(layer: Any, world_zyx_mm: np.ndarray) -> np.ndarray:
    """Return data of a layer that are displayed at places in mm."""
    factor = 1000.0 if str(layer.units[0]) in ("micrometer", "µm") else 1.0
    return np.array([layer.world_to_data(point * factor) for point in world_zyx_mm])


def shown_mm(layer: Any, data: np.ndarray) -> np.ndarray:
    assert all(str(unit) in ("millimeter", "mm") for unit in layer.units)
    return np.array([layer.data_to_world(point) for point in data])


def of_source(scene: Scene, count: int, *, inverse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places in the source, displayed, and where they belong in the target, displayed; zyx mm."""
    fixed_points = scene.inside(scene.fixed, count)
    fixed, moving = scene.world(fixed_points), scene.world(scene.through(fixed_points))
    return (fixed, moving) if inverse else (moving, fixed)


@pytest.mark.parametrize("inverse", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["bspline", "rigid", "sheared"])
def test_points_go_where_simpleitk_takes_them(kind, place, inverse):
    scene = Scene(kind, hand=place == "turned")
    source, target = of_source(scene, 12, inverse=inverse)
    layer = scene.viewer.add_points(np.zeros((12, 3)), name="marks", **PLACES[place])
    layer.data = data_of(layer, source)
    (warped,) = warp_layers(scene.viewer, "marks", through="done", inverse=inverse)
    assert np.abs(shown_mm(warped, warped.data) - target).max() < NEAR_MM
    assert warped.name == f"marks warped to {'moving' if inverse else 'fixed'}"
    assert warped in scene.viewer.layers


def test_points_keep_features_colours_symbols_and_sizes():
    scene = Scene()
    source, _ = of_source(scene, 3, inverse=False)
    layer = scene.viewer.add_points(
        source,
        name="marks",
        features={"what": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]},
        face_color=["red", "lime", "blue"],
        border_color="yellow",
        symbol=["disc", "cross", "ring"],
        size=[1.0, 2.0, 4.0],
        text="what",
    )
    (warped,) = warp_layers(scene.viewer, layer, through="done")
    assert warped.features.to_dict("list") == layer.features.to_dict("list")
    np.testing.assert_array_equal(warped.face_color, layer.face_color)
    np.testing.assert_array_equal(warped.border_color, layer.border_color)
    np.testing.assert_array_equal(warped.size, layer.size)
    assert list(warped.symbol) == list(layer.symbol)
    assert list(warped.text.values) == ["a", "b", "c"]


def test_sizes_on_screen_stay_as_data_units_are_as_long_as_before():
    scene = Scene("rigid")
    scene.viewer.add_points(np.zeros((2, 3)), name="marks", **PLACES["scaled"])
    (warped,) = warp_layers(scene.viewer, "marks", through="done")
    np.testing.assert_allclose(warped.scale, PLACES["scaled"]["scale"])


def test_the_layers_themselves_are_not_changed():
    scene = Scene()
    source, _ = of_source(scene, 4, inverse=False)
    layer = scene.viewer.add_points(source, name="marks", features={"a": [1, 2, 3, 4]})
    before, matrix = layer.data.copy(), layer.affine.affine_matrix.copy()
    voxels = scene.viewer.layers["moving"].data.copy()
    warp_layers(scene.viewer, [layer, "moving"], through="done")
    np.testing.assert_array_equal(layer.data, before)
    np.testing.assert_array_equal(layer.affine.affine_matrix, matrix)
    np.testing.assert_array_equal(scene.viewer.layers["moving"].data, voxels)


@pytest.mark.parametrize("inverse", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("place", ["plain", "turned", "mirrored"])
@pytest.mark.parametrize("kind", ["bspline", "sheared"])
def test_vectors_turn_and_stretch_as_small_pieces_of_curves_do(kind, place, inverse):
    scene = Scene(kind)
    step = 1e-3
    starts = scene.inside(scene.fixed, 6)
    ends = starts + step * np.random.default_rng(8).normal(size=starts.shape)
    sides = [(scene.world(points), scene.world(scene.through(points))) for points in (starts, ends)]
    one, other = (0, 1) if inverse else (1, 0)
    layer = scene.viewer.add_vectors(np.zeros((6, 2, 3)), name="fibres", features={"n": range(6)}, **PLACES[place])
    begin, end = (data_of(layer, side[one]) for side in sides)
    layer.data = np.stack([begin, (end - begin) / step], axis=1)
    (warped,) = warp_layers(scene.viewer, layer, through="done", inverse=inverse)
    begin, end = (data_of(warped, side[other]) for side in sides)
    np.testing.assert_allclose(warped.data[:, 0], begin, atol=NEAR_MM)
    np.testing.assert_allclose(warped.data[:, 1], (end - begin) / step, atol=0.03)
    assert list(warped.features["n"]) == list(range(6))


@pytest.mark.parametrize("inverse", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("place", PLACES)
def test_surfaces_keep_values_and_their_outside(place, inverse):
    scene = Scene()
    source, target = of_source(scene, 5, inverse=inverse)
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 2, 4]])
    layer = scene.viewer.add_surface((np.zeros((5, 3)), faces, np.arange(5.0)), name="skin", **PLACES[place])
    layer.vertices = data_of(layer, source)
    (warped,) = warp_layers(scene.viewer, layer, through="done", inverse=inverse)
    assert np.abs(shown_mm(warped, warped.vertices) - target).max() < NEAR_MM
    np.testing.assert_array_equal(warped.vertex_values, np.arange(5.0))
    kept = faces[:, ::-1] if place == "mirrored" else faces
    np.testing.assert_array_equal(warped.faces, kept)


def plane(scene: Scene) -> tuple[list[np.ndarray], list[str]]:
    """One shape of each kind in a plane of the world, around the middle of the moving volume; zyx mm."""
    middle = scene.world(scene.through(scene.inside(scene.fixed, 40))).mean(axis=0)
    box = np.array([[0, -4, -3], [0, -4, 3], [0, 4, 3], [0, 4, -3]], dtype=float) + middle
    triangle = np.array([[0, 0, 0], [0, 5, 1], [0, 2, 6]], dtype=float) + middle
    return [box, box, triangle, triangle, triangle[:2]], ["rectangle", "ellipse", "polygon", "path", "line"]


def test_shapes_stay_what_they_are_under_a_turn():
    scene = Scene("rigid")
    shapes, kinds = plane(scene)
    layer = scene.viewer.add_shapes(
        shapes, shape_type=kinds, name="outline", edge_color=["red", "lime", "blue", "cyan", "white"], edge_width=2
    )
    (warped,) = warp_layers(scene.viewer, layer, through="done")
    assert list(warped.shape_type) == kinds
    np.testing.assert_array_equal(warped.edge_color, layer.edge_color)
    assert list(warped.edge_width) == list(layer.edge_width)
    back = scene.transform.GetInverse()
    for before, after in zip(layer.data, warped.data, strict=True):
        truth = np.array([back.TransformPoint(point[::-1].tolist())[::-1] for point in before])
        np.testing.assert_allclose(after, truth, atol=NEAR_MM)


def test_what_would_not_stay_square_or_round_becomes_a_polygon():
    scene = Scene("sheared")
    shapes, kinds = plane(scene)
    layer = scene.viewer.add_shapes(shapes, shape_type=kinds, name="outline", features={"n": range(5)})
    (warped,) = warp_layers(scene.viewer, layer, through="done")
    assert list(warped.shape_type) == ["polygon", "polygon", "polygon", "path", "line"]
    assert [len(shape) for shape in warped.data] == [4, 64, 3, 3, 2]
    assert list(warped.features["n"]) == list(range(5))
    box = shapes[1]
    for point in warped.data[1]:
        lps = scene.transform.TransformPoint(point[::-1].tolist())
        offset = (np.array(lps)[::-1] - box.mean(axis=0))[1:]
        assert np.sum((offset / (4.0, 3.0)) ** 2) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("hand", [False, True], ids=["as in the header", "moved by hand"])
def test_images_are_those_that_simpleitk_resamples(hand):
    scene = Scene(hand=hand)
    other = oblique((34, 24, 16), (1.3, 2.1, 2.7), 9, mirrored=False)
    scene.viewer.add_layer(Layer.create(*volume_to_layer_data(other, "channel", colormap="magma")))
    (warped,) = warp_layers(scene.viewer, "channel", through="done", interpolator="bspline")
    low = float(sitk.GetArrayFromImage(other).min())
    truth = sitk.Resample(other, scene.fixed, scene.transform, sitk.sitkBSpline, low)
    np.testing.assert_allclose(warped.data, sitk.GetArrayFromImage(truth), rtol=1e-4, atol=1e-2)
    fixed = scene.viewer.layers["fixed"]
    for corner in ((0, 0, 0), (13, 25, 29), (5, 0, 20)):
        np.testing.assert_allclose(warped.data_to_world(corner), fixed.data_to_world(corner), atol=1e-9)
    assert warped.colormap.name == "magma"
    assert warped.contrast_limits == scene.viewer.layers["channel"].contrast_limits


@pytest.mark.parametrize("inverse", [False, True], ids=["forth", "back"])
def test_labels_get_no_new_values_and_keep_their_colours(inverse):
    scene = Scene()
    source = scene.fixed if inverse else scene.moving
    values = (sitk.GetArrayFromImage(source) > 0) * np.int64(7) + (sitk.GetArrayFromImage(source) > 30) * 200
    layer = scene.viewer.add_labels(values, name="organs", features={"index": [0, 7, 207], "name": ["", "a", "b"]})
    like = scene.viewer.layers["fixed" if inverse else "moving"]
    layer.scale, layer.affine = like.scale, like.affine
    layer.colormap = {None: "gray", 7: "red", 207: "blue", 0: "transparent"}
    (warped,) = warp_layers(scene.viewer, "organs", through="done", inverse=inverse, interpolator="bspline")
    assert set(np.unique(warped.data)) <= {0, 7, 207}
    assert set(np.unique(warped.data)) >= {7, 207}
    assert warped.data.dtype == values.dtype
    np.testing.assert_array_equal(warped.colormap.map(7), layer.colormap.map(7))
    assert list(warped.features["name"]) == ["", "a", "b"]
    target = scene.viewer.layers["moving" if inverse else "fixed"]
    assert warped.data.shape == target.data.shape
    if not inverse:
        image = sitk.GetImageFromArray(values.astype(np.int32))
        image.CopyInformation(source)
        truth = sitk.Resample(image, scene.fixed, scene.transform, sitk.sitkNearestNeighbor)
        np.testing.assert_array_equal(warped.data, sitk.GetArrayFromImage(truth))


def test_an_image_that_goes_there_and_back_comes_back():
    scene = Scene()
    (there,) = warp_layers(scene.viewer, "moving", through="done", interpolator="bspline")
    (back,) = warp_layers(scene.viewer, there, through="done", inverse=True, interpolator="bspline")
    middle = tuple(slice(count // 3, 2 * count // 3) for count in back.data.shape)
    before, after = scene.viewer.layers["moving"].data[middle], back.data[middle]
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.98


def test_points_over_a_hand_moved_volume_follow_it():
    scene = Scene("rigid", hand=True)
    source, target = of_source(scene, 6, inverse=False)
    scene.viewer.add_points(source, name="marks")
    (warped,) = warp_layers(scene.viewer, "marks", through="done")
    assert np.abs(shown_mm(warped, warped.data) - target).max() < NEAR_MM


def test_a_bare_transform_needs_its_volumes():
    scene = Scene("rigid")
    source, target = of_source(scene, 4, inverse=False)
    scene.viewer.add_points(source, name="marks")
    with pytest.raises(VolumeError, match=r"give fixed=\.\.\. and moving="):
        warp_layers(scene.viewer, "marks", through=scene.transform)
    (warped,) = warp_layers(scene.viewer, "marks", through=scene.transform, fixed="fixed", moving="moving", add=False)
    assert np.abs(shown_mm(warped, warped.data) - target).max() < NEAR_MM
    assert warped not in scene.viewer.layers


def test_layers_of_other_axes_and_kinds_are_refused_in_a_sentence():
    scene = Scene("rigid")
    flat = scene.viewer.add_points(np.zeros((2, 2)), name="flat")
    with pytest.raises(GeometryError, match="'flat' is 2-D and 'moving' is 3-D"):
        warp_layers(scene.viewer, flat, through="done")
    tracks = scene.viewer.add_tracks(np.array([[0, 0, 1, 1], [0, 1, 1, 1]]), name="walk")
    with pytest.raises(VolumeError, match="'walk' is a Tracks layer"):
        warp_layers(scene.viewer, tracks, through="done")
    with pytest.raises(VolumeError, match="'moving' is not the result"):
        warp_layers(scene.viewer, "done", through="moving")


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    angles=st.tuples(*[st.floats(-60, 60)] * 3),
    scale=st.tuples(*[st.floats(0.2, 5.0)] * 3),
    shift=st.tuples(*[st.floats(-40, 40)] * 3),
)
def test_wherever_a_layer_lies_its_points_go_where_they_belong(angles, scale, shift):
    scene = Scene("sheared")
    source, target = of_source(scene, 3, inverse=False)
    layer = scene.viewer.add_points(np.zeros((3, 3)), name="marks", rotate=angles, scale=scale, translate=shift)
    layer.data = data_of(layer, source)
    (warped,) = warp_layers(scene.viewer, layer, through="done")
    np.testing.assert_allclose(shown_mm(warped, warped.data), target, atol=1e-6)


def test_2d_layers_go_through_2d_results():
    fixed, moving = sitk.Image([40, 30], sitk.sitkFloat32), sitk.Image([36, 32], sitk.sitkFloat32)
    fixed.SetSpacing((0.5, 0.8))
    moving.SetDirection((0.0, 1.0, -1.0, 0.0))
    transform = sitk.Euler2DTransform((4.0, 5.0), 0.3, (1.0, 2.0))
    viewer = ViewerModel()
    for image, name in ((fixed, "fixed"), (moving, "moving")):
        viewer.add_layer(Layer.create(*volume_to_layer_data(image, name)))
    points = np.array([[3.0, 4.0], [10.0, 8.0]])
    viewer.add_points(points[:, ::-1], name="marks")
    (warped,) = warp_layers(viewer, "marks", through=transform, fixed="fixed", moving="moving", inverse=True)
    truth = np.array([transform.TransformPoint(point) for point in points.tolist()])[:, ::-1]
    np.testing.assert_allclose(shown_mm(warped, warped.data), truth, atol=1e-9)
