"""Arrows start and end where the transform says, and every slice along every axis has some."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Vectors
from scipy.spatial.transform import Rotation

from napari_coreg.core.geometry import Grid
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.field_layers import (
    displacement_magnitude,
    displacement_vectors,
)
from napari_coreg.plugin.layers import read_layer

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "oblique": OBLIQUE,
    "oblique, left-handed": OBLIQUE @ np.diag([1.0, 1.0, -1.0]),
}


def make_transform():
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((Rotation.from_rotvec((0.1, -0.05, 0.2)).as_matrix() * 1.05).ravel().tolist())
    transform.SetTranslation((4.0, -3.0, 2.0))
    return transform


def make_field(direction=OBLIQUE, size=(24, 31, 12), spacing=(0.8, 0.9, 3.0), origin=(-80.0, 12.0, 40.0)):
    grid = (size, origin, spacing, direction.ravel().tolist())
    return sitk.TransformToDisplacementField(make_transform(), sitk.sitkVectorFloat64, *grid)


def as_layer(layer_data):
    data, kwargs, kind = layer_data
    return {"vectors": Vectors, "image": Image}[kind](data, **kwargs)


def ends_lps(layer):
    """Both ends of every arrow as napari draws it, LPS mm."""
    starts = np.array([layer.data_to_world(start) for start in layer.data[:, 0]])
    tips = np.array([layer.data_to_world(start + arrow * layer.length) for start, arrow in layer.data])
    return starts[:, ::-1], tips[:, ::-1]


class TestVectors:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_arrows_lead_from_a_fixed_point_to_its_moving_point(self, direction):
        starts, tips = ends_lps(as_layer(displacement_vectors(make_field(direction), max_vectors=200)))
        expected = [make_transform().TransformPoint(start.tolist()) for start in starts]
        np.testing.assert_allclose(tips, expected, atol=1e-4)

    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_arrows_start_on_voxels_of_the_fixed_grid(self, direction):
        field = make_field(direction)
        starts, _ = ends_lps(as_layer(displacement_vectors(field, max_vectors=200)))
        indices = np.array([field.TransformPhysicalPointToContinuousIndex(start.tolist()) for start in starts])
        np.testing.assert_allclose(indices, np.rint(indices), atol=1e-4)
        assert (indices > -1e-4).all()
        assert (indices < np.array(field.GetSize()) - 1 + 1e-4).all()

    def test_arrows_of_a_moved_fixed_layer_move_with_it(self):
        moved = sitk.AffineTransform(3)
        moved.SetTranslation((7.0, 8.0, 9.0))
        here = ends_lps(as_layer(displacement_vectors(make_field(), max_vectors=50)))
        there = ends_lps(as_layer(displacement_vectors(make_field(), max_vectors=50, moved=moved)))
        for before, after in zip(here, there, strict=True):
            np.testing.assert_allclose(after - before, np.broadcast_to((7.0, 8.0, 9.0), before.shape), atol=1e-4)

    @pytest.mark.parametrize("max_vectors", [1, 7, 100, 4000, 10**6])
    @pytest.mark.parametrize("size", [(24, 31, 12), (64, 5, 1), (4, 4, 4)])
    def test_every_slice_along_every_axis_has_arrows_within_half_a_data_unit(self, size, max_vectors):
        layer = as_layer(displacement_vectors(make_field(np.eye(3), size), max_vectors=max_vectors))
        assert len(layer.data) <= max_vectors
        image = sitk.Image(size, sitk.sitkUInt8)
        image.CopyInformation(make_field(np.eye(3), size))
        for axis in range(3):
            for step in range(size[axis]):
                index = [0, 0, 0]
                index[axis] = step
                world_zyx = image.TransformIndexToPhysicalPoint(index)[::-1]
                where = layer.world_to_data(world_zyx)[2 - axis]
                assert np.abs(layer.data[:, 0, 2 - axis] - where).min() <= 0.5 + 1e-6

    def test_colour_is_the_true_length_in_millimetres(self):
        layer = as_layer(displacement_vectors(make_field(), max_vectors=300))
        starts, tips = ends_lps(layer)
        np.testing.assert_allclose(layer.features["displacement_mm"], np.linalg.norm(tips - starts, axis=1), rtol=1e-4)
        assert layer.edge_contrast_limits == pytest.approx((0, np.percentile(layer.features["displacement_mm"], 99)))
        assert layer.metadata["napari_coreg"]["limits_mm"] == pytest.approx(layer.edge_contrast_limits)
        assert str(layer.vector_style) == "arrow"
        assert layer.length == 1
        assert layer.axis_labels == ("z", "y", "x")
        assert {str(unit) for unit in layer.units} == {"millimeter"}

    def test_spacing_of_arrows_is_even_in_millimetres(self):
        coarse, _, _ = coarse_grid(Grid.of(make_field(np.eye(3), (200, 200, 50), (1.0, 1.0, 4.0))), 1000)
        assert max(coarse.spacing_xyz) <= 1.25 * min(coarse.spacing_xyz)
        assert 500 <= coarse.number_of_voxels <= 1000

    def test_an_identity_field_gives_arrows_without_length_and_rising_limits(self):
        field = sitk.Image([8, 9, 10], sitk.sitkVectorFloat64, 3)
        layer = as_layer(displacement_vectors(field))
        assert layer.edge_contrast_limits == (0, 1)

    def test_two_dimensional_fields_have_arrows_too(self):
        field = sitk.GetImageFromArray(np.tile((3.0, 4.0), (9, 8, 1)), isVector=True)
        field.SetSpacing((2.0, 1.0))
        starts, tips = ends_lps(as_layer(displacement_vectors(field, max_vectors=20)))
        np.testing.assert_allclose(tips - starts, np.broadcast_to((3.0, 4.0), starts.shape), atol=1e-5)

    def test_an_image_without_vectors_is_refused(self):
        with pytest.raises(VolumeError, match="holds 3 numbers a voxel, not 1"):
            displacement_vectors(sitk.Image([4, 5, 6], sitk.sitkFloat32))


class TestMagnitude:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_every_voxel_holds_the_distance_from_fixed_to_moving_point(self, direction):
        layer = as_layer(displacement_magnitude(make_field(direction)))
        for index_zyx in np.random.default_rng(0).integers(0, layer.data.shape, (20, 3)):
            fixed = np.array(layer.data_to_world(index_zyx))[::-1]
            moving = make_transform().TransformPoint(fixed.tolist())
            assert layer.data[tuple(index_zyx)] == pytest.approx(np.linalg.norm(moving - fixed), rel=1e-4)

    def test_it_lies_on_the_fixed_grid_and_says_millimetres(self):
        layer = as_layer(displacement_magnitude(make_field(), opacity=0.4))
        assert "mm" in layer.name
        assert layer.opacity == 0.4
        assert layer.contrast_limits == pytest.approx([0, np.percentile(layer.data, 99)])
        assert read_layer(layer).geometry == Grid.of(make_field())
