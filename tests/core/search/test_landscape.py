"""The search of all poses: found from anywhere, the same on any number of threads, scored as its definition says."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from napari_coreg.core.chunks import working_threads
from napari_coreg.core.search.landscape import Landscape, all_rotations
from napari_coreg.errors import RegistrationError


def body(seed=0, size=(44, 40, 36)):
    """A lump with structure in it and air around it, on 3 mm voxels."""
    rng = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in size], indexing="ij")
    inside = (x / 0.75) ** 2 + (y / 0.6) ** 2 + (z / 0.7) ** 2 < 1
    texture = gaussian_filter(rng.normal(size=size), 3.0)
    values = np.where(inside, 100 + 60 * texture / texture.std(), 0.0)
    image = sitk.GetImageFromArray(values.T.astype(np.float32))
    image.SetSpacing((3.0, 3.0, 3.0))
    image.SetOrigin((-60.0, 20.0, 900.0))
    return image


def other_contrast(image):
    return sitk.Cast(sitk.Exp(-sitk.Square((image - 90.0) / 60.0)) * 200.0, sitk.sitkFloat32)


def laid_elsewhere(image, turn, shift):
    """The image with its header moved, and the matrix that takes points where they were to where they are."""
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + shift
    moved = sitk.Image(image)
    moved.SetOrigin((matrix[:3, :3] @ np.array(image.GetOrigin()) + matrix[:3, 3]).tolist())
    moved.SetDirection((matrix[:3, :3] @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    return moved, matrix


def error_mm(found, truth, image):
    rng = np.random.default_rng(1)
    size = np.array(image.GetSize())
    points = np.array(
        [image.TransformContinuousIndexToPhysicalPoint(p.tolist()) for p in rng.uniform(0.2, 0.8, (50, 3)) * size]
    )
    return np.linalg.norm(points @ (found - truth)[:3, :3].T + (found - truth)[:3, 3], axis=1).mean()


turns = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array).filter(lambda v: np.linalg.norm(v) > 0.1)
degrees = st.floats(0, 180)


@given(turns, degrees, turns, st.booleans())
@settings(deadline=None, max_examples=15)
def test_any_pose_is_found_whatever_the_contrast_and_no_other_fits_as_well(axis, angle, shift, mirrored_axes):
    fixed = body()
    moving = other_contrast(sitk.Flip(fixed, [True, False, False]) if mirrored_axes else fixed)
    moving, truth = laid_elsewhere(moving, np.deg2rad(angle) * axis / np.linalg.norm(axis), 150 * shift)
    best, *others = Landscape(fixed, moving).explore({"given": [np.eye(4)]}, lambda *_: False)
    assert error_mm(best.matrix, truth, fixed) < 3.0  # a voxel
    assert all(other.score < 0.8 * best.score for other in others)


@pytest.mark.parametrize("slab_is_fixed", [True, False])
def test_a_slab_is_found_in_the_whole_either_way_round(slab_is_fixed):
    whole = body()
    slab = whole[:, :, 12:22]
    moved, matrix = laid_elsewhere(other_contrast(whole if slab_is_fixed else slab), np.array([0.2, 0.1, -0.1]), 20.0)
    fixed = slab if slab_is_fixed else whole
    best = Landscape(fixed, moved).explore({"given": [np.eye(4)]}, lambda *_: False)[0]
    assert error_mm(best.matrix, matrix, slab) < 3.0


def test_an_image_of_two_axes_is_found_in_the_plane():
    fixed = body()[:, :, 18]
    moving = other_contrast(fixed)
    turn = np.deg2rad(140.0)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moving.SetDirection(axes.ravel().tolist())
    moving.SetOrigin((300.0, -70.0))
    best = Landscape(fixed, moving).explore({"given": [np.eye(3)]}, lambda *_: False)[0]
    corners = [fixed.TransformContinuousIndexToPhysicalPoint(index) for index in ([10, 9], [30, 12], [20, 30])]
    truths = [moving.TransformContinuousIndexToPhysicalPoint(index) for index in ([10, 9], [30, 12], [20, 30])]
    mapped = np.array(corners) @ best.matrix[:2, :2].T + best.matrix[:2, 2]
    assert np.linalg.norm(mapped - truths, axis=1).max() < 3.0


def test_a_mask_keeps_what_it_leaves_out_from_misleading():
    fixed, decoy = body(), body(seed=5)
    moving, truth = laid_elsewhere(other_contrast(fixed), np.array([0.0, 0.0, 2.5]), 30.0)
    pasted = sitk.Tile([moving, decoy], [2, 1, 1])  # a second body beside the first, brighter and alike to none
    values = sitk.GetArrayFromImage(pasted)
    values[..., moving.GetSize()[0] :] *= 3
    both = sitk.GetImageFromArray(values)
    both.SetSpacing(moving.GetSpacing())
    both.SetDirection(moving.GetDirection())
    both.SetOrigin(moving.GetOrigin())
    mask = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    mask.CopyInformation(moving)
    best = Landscape(fixed, both, None, mask).explore({"given": [np.eye(4)]}, lambda *_: False)[0]
    assert error_mm(best.matrix, truth, fixed) < 3.0


def test_the_same_poses_come_out_on_any_number_of_threads():
    fixed = body()
    moving, _ = laid_elsewhere(other_contrast(fixed), np.array([0.5, 1.5, 0.0]), 30.0)
    found = []
    for threads in (1, 2, 3):
        with working_threads(threads):
            found.append(Landscape(fixed, moving, seed=3).explore({"given": [np.eye(4)]}, lambda *_: False))
    for poses in found[1:]:
        assert [pose.score for pose in poses] == [pose.score for pose in found[0]]
        assert all(np.array_equal(a.matrix, b.matrix) for a, b in zip(poses, found[0], strict=True))


def test_the_score_is_the_information_that_meeting_samples_share_per_sample_of_all():
    fixed = body()
    landscape = Landscape(fixed, fixed)
    same = landscape.score(np.eye(4))
    away = np.eye(4)
    away[:3, 3] = 5000.0
    assert landscape.score(away) == 0
    assert landscape.meeting(np.eye(4)) > 0.9
    assert landscape.meeting(away) == 0
    # Of a volume with itself it is the entropy of its bins, but for what interpolation blurs.
    half = np.eye(4)
    half[0, 3] = 66.0  # half of it meets air: what the rest tells is less
    assert 0 < landscape.score(half) < 0.3 * same


def test_distances_are_those_of_the_points_that_are_compared():
    fixed = body()
    landscape = Landscape(fixed, fixed)
    shifted = np.eye(4)
    shifted[:3, 3] = (3.0, 4.0, 12.0)
    assert landscape.distance_mm(shifted, np.eye(4)) == pytest.approx(13.0)


def test_poses_that_are_a_little_off_settle_on_the_right_one():
    fixed = body()
    moving, truth = laid_elsewhere(other_contrast(fixed), np.array([0.3, 0.0, 0.2]), 15.0)
    _, off = laid_elsewhere(fixed, np.array([0.1, -0.1, 0.05]), 3.0)
    settled = Landscape(fixed, moving).settled([truth, truth @ off])
    assert all(error_mm(pose.matrix, truth, fixed) < 3.0 for pose in settled)


def test_a_search_that_only_shifts_turns_nothing():
    fixed = body()
    moving, _ = laid_elsewhere(fixed, np.array([0.0, 0.0, 0.2]), np.array([25.0, -14.0, 8.0]))
    poses = Landscape(fixed, moving).explore({"given": [np.eye(4)]}, lambda *_: False, turning=False)
    assert all(pose.matrix[:3, :3] == pytest.approx(np.eye(3)) for pose in poses)
    assert np.linalg.norm(poses[0].matrix[:3, 3] - (25.0, -14.0, 8.0)) < 12  # nearer than the turn of 11 degrees allows


@pytest.mark.parametrize("scale", [0.75, 1.3])
def test_a_body_of_another_size_is_found_where_scales_are_tried(scale):
    fixed = body()
    moving, truth = laid_elsewhere(other_contrast(fixed), np.array([1.0, -1.5, 0.4]), 40.0)
    moving.SetSpacing((3.0 * scale,) * 3)
    truth[:3, 3] += truth[:3, :3] @ np.array(fixed.GetOrigin()) * (1 - scale)
    truth[:3, :3] *= scale
    best = Landscape(fixed, moving).explore({"given": [np.eye(4)]}, lambda *_: False, scaling=True)[0]
    assert error_mm(best.matrix, truth, fixed) < 4.5
    unscaled = Landscape(fixed, moving).explore({"given": [np.eye(4)]}, lambda *_: False)
    assert all(np.linalg.det(pose.matrix[:3, :3]) == pytest.approx(1) for pose in unscaled)


def test_it_ends_where_it_is_cancelled():
    parts = []

    def on_part(part, of, best):
        parts.append((part, of))
        return len(parts) == 2

    assert Landscape(body(), body()).explore({"given": [np.eye(4)]}, on_part) == []
    assert parts == [(1, parts[0][1]), (2, parts[0][1])]


def test_a_mask_that_leaves_next_to_nothing_is_told():
    fixed = body()
    speck = sitk.Image(fixed.GetSize(), sitk.sitkUInt8)
    speck.CopyInformation(fixed)
    speck[2, 2, 2] = 1
    with pytest.raises(RegistrationError, match="mask marks less than a voxel"):
        Landscape(fixed, fixed, None, speck).explore({"given": [np.eye(4)]}, lambda *_: False)


def test_rotations_lie_evenly():
    rotations = Rotation.from_matrix(all_rotations(3))
    anywhere = Rotation.random(300, random_state=4)
    nearest = [np.rad2deg((rotations * one.inv()).magnitude()).min() for one in anywhere]
    assert max(nearest) < 35
    assert np.median(nearest) < 22
