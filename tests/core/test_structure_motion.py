"""What is told of each structure is what closed forms say, wherever and however the labels lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.structure_motion import motion_per_structure
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()


def labels_along(direction, spacing=(1.0, 1.5, 3.0)):
    """Three structures: a box 3, a box 8 and a row 9 of voxels."""
    labels = np.zeros((12, 16, 20), np.uint8)
    labels[2:7, 3:9, 4:12] = 3
    labels[8:11, 10:15, 2:9] = 8
    labels[1, 1, 14:18] = 9
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    image.SetOrigin((-20.0, 5.0, 40.0))
    image.SetDirection(np.ravel(direction).tolist())
    return image


def points_of(image, label):
    found = np.argwhere(sitk.GetArrayViewFromImage(image) == label)[:, ::-1]
    return np.array([image.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in found])


@given(
    st.lists(st.floats(-180, 180), min_size=3, max_size=3),
    st.lists(st.floats(-60, 60), min_size=3, max_size=3),
    st.tuples(*[st.floats(0.5, 4.0)] * 3),
    st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_a_rigid_motion_is_told_back_for_each_structure(angles, turns, spacing, flip):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag([1, 1, -1 if flip else 1])
    image, turn = labels_along(direction, spacing), Rotation.from_euler("xyz", turns, degrees=True)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.as_matrix(), (3, -2, 1)
    rigid = from_matrix(matrix)
    for label, motion in motion_per_structure(rigid, image).items():
        points = points_of(image, label)
        lengths = [np.linalg.norm(np.subtract(rigid.TransformPoint(point), point)) for point in points.tolist()]
        centre = points.mean(axis=0)
        assert motion.voxels == len(points)
        assert motion.volume_ml == pytest.approx(len(points) * math.prod(spacing) / 1000)
        assert motion.mean_mm == pytest.approx(np.mean(lengths), abs=1e-3)
        assert motion.median_mm == pytest.approx(np.median(lengths), abs=1e-3)
        assert motion.p95_mm == pytest.approx(np.percentile(lengths, 95), abs=1e-3)
        assert motion.maximum_mm == pytest.approx(np.max(lengths), abs=1e-3)
        expected = np.linalg.norm(np.subtract(rigid.TransformPoint(centre.tolist()), centre))
        assert motion.rigid_shift_mm == pytest.approx(expected, abs=1e-3)
        assert motion.volume_change == pytest.approx(0, abs=1e-3)
        assert motion.folded == 0
        if label == 9:  # a row of voxels: how it turns about itself cannot be seen
            assert math.isnan(motion.rigid_angle_degrees)
        else:
            assert motion.rigid_angle_degrees == pytest.approx(np.rad2deg(turn.magnitude()), abs=1e-2)
            assert motion.residual_maximum_mm < 1e-3


def test_swelling_changes_the_volume_and_is_what_is_left_of_a_rigid_motion():
    image = labels_along(OBLIQUE)
    points = points_of(image, 3)
    centre = points.mean(axis=0)
    swell = sitk.ScaleTransform(3, (1.2, 1.2, 1.2))
    swell.SetCenter(centre.tolist())
    motion = motion_per_structure(swell, image)[3]
    assert motion.volume_change == pytest.approx(1.2**3 - 1, abs=1e-3)
    assert (motion.minimum_determinant, motion.maximum_determinant) == pytest.approx((1.2**3, 1.2**3), abs=1e-3)
    assert motion.rigid_shift_mm == pytest.approx(0, abs=1e-3)
    assert motion.rigid_angle_degrees == pytest.approx(0, abs=1e-3)
    assert motion.residual_maximum_mm == pytest.approx(0.2 * np.linalg.norm(points - centre, axis=1).max(), abs=1e-3)


def test_a_mirror_folds_every_voxel_of_every_structure():
    found = motion_per_structure(sitk.ScaleTransform(3, (-1.0, 1.0, 1.0)), labels_along(OBLIQUE))
    assert [motion.folded for motion in found.values()] == [motion.voxels for motion in found.values()]
    assert list(found) == [3, 8, 9]


def test_volume_change_is_that_of_simpleitks_resampled_structure():
    image = labels_along(np.eye(3), (1.0, 1.0, 1.0))
    shrink = sitk.AffineTransform(np.diag([0.5, 0.5, 0.5]).ravel().tolist(), (0.0, 0.0, 0.0))
    fine = sitk.Image([200, 200, 200], sitk.sitkUInt8)
    fine.SetSpacing((0.1, 0.1, 0.1))
    fine.SetOrigin((-10.0, 2.0, 20.0))
    moved = sitk.Resample(image == 3, fine, shrink.GetInverse(), sitk.sitkNearestNeighbor)
    expected = np.count_nonzero(sitk.GetArrayViewFromImage(moved)) * 0.001 / 240 - 1
    assert motion_per_structure(shrink, image)[3].volume_change == pytest.approx(expected, abs=0.01)


def test_labels_of_an_image_move_too_and_floats_that_are_whole_will_do():
    labels = sitk.Image([9, 9], sitk.sitkFloat32)
    labels[2:6, 3:5] = 4.0
    motion = motion_per_structure(sitk.TranslationTransform(2, (3.0, 4.0)), labels)[4]
    assert (motion.voxels, motion.maximum_mm, motion.rigid_angle_degrees) == pytest.approx((8, 5.0, 0.0))


def test_what_are_no_labels_is_refused():
    shift = sitk.TranslationTransform(3)
    with pytest.raises(VolumeError, match="whole numbers"):
        motion_per_structure(shift, sitk.GaussianSource(sitk.sitkFloat32, [5, 5, 5]))
    with pytest.raises(VolumeError, match="all labels are 0"):
        motion_per_structure(shift, sitk.Image([5, 5, 5], sitk.sitkUInt8))
    with pytest.raises(GeometryError, match="2-D"):
        motion_per_structure(sitk.TranslationTransform(2), labels_along(OBLIQUE))
    with pytest.raises(RegistrationCancelled):
        motion_per_structure(shift, labels_along(OBLIQUE), is_cancelled=lambda: True)
