"""Keypoints of 2-D images against known views of a texture."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from napari_coreg import register_2d_features
from napari_coreg.core.projective import Projective
from napari_coreg.errors import GeometryError, RegistrationError, VolumeError

needs_opencv = pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="OpenCV is an extra")
DETECTORS = ["sift", "orb", pytest.param("akaze", marks=needs_opencv)]
TRUTHS = {
    "rigid": np.array([[np.cos(2.0), -np.sin(2.0), 30.0], [np.sin(2.0), np.cos(2.0), -50.0], [0, 0, 1.0]]),
    "similarity": np.array([[0.9, -0.9, 30.0], [0.9, 0.9, -50.0], [0, 0, 1.0]]),
    "affine": np.array([[1.15, -0.3, 30.0], [0.1, 0.9, -50.0], [0, 0, 1.0]]),
    "projective": np.array([[0.8, -0.5, 30.0], [0.6, 0.85, -50.0], [1.5e-3, -1e-3, 1.0]]),
}


def texture(seed=0):
    """Blobs of many sizes on a plane of 240 x 240 mm, as a function of points, which is made once."""
    rng = np.random.default_rng(seed)
    plane = sum(
        size * ndimage.gaussian_filter(rng.normal(size=(480, 480)), size).astype(np.float32) for size in (2, 4, 8, 16)
    )
    fade = np.clip((240 - np.abs(np.arange(480) - 239.5)) / 20, 0, 1)
    return (plane - plane.min()) * fade[:, None] * fade


PLANE = texture()


def view(truth, size, spacing, angle=0.0, gain=1.0, *, left_handed=False, centre=(0.0, 0.0), plane=PLANE):
    """What `truth` (fixed -> moving) shows of the plane on a grid turned by `angle`."""
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if left_handed:
        axes = axes[:, ::-1]
    origin = np.array(centre) - axes @ ((np.array(size) - 1) / 2 * spacing)
    columns, rows = np.meshgrid(*[np.arange(n) for n in size])
    points = np.stack([columns, rows], axis=-1) * np.array(spacing) @ axes.T + origin
    at = np.moveaxis(truth.inverse.map_points(points), -1, 0)[::-1] * 2 + 239.5
    image = sitk.GetImageFromArray(ndimage.map_coordinates(plane, np.nan_to_num(at, nan=-1e3), order=1) * gain)
    image.SetSpacing(spacing)
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin(origin.tolist())
    return sitk.Cast(image, sitk.sitkFloat32)


def pair(truth, gain=1.0):
    """A fixed image on a left-handed oblique grid, and a moving one with oblong pixels."""
    fixed = view(Projective(np.eye(3)), (260, 240), (0.8, 0.9), 0.3, left_handed=True)
    centre = truth.map_points(np.zeros(2))
    return fixed, view(truth, (300, 240), (0.9, 1.1), -0.2, gain, centre=centre)


def error_mm(match, truth):
    points = np.random.default_rng(1).uniform(-60, 60, (60, 2))
    expected = truth.map_points(points)
    direct = np.linalg.norm(match.projective.map_points(points) - expected, axis=1).mean()
    through = [match.transform.TransformPoint(point) for point in points.tolist()]
    assert np.linalg.norm(through - expected, axis=1).mean() == pytest.approx(direct, abs=0.01)
    return direct


@pytest.mark.parametrize("model", TRUTHS)
@pytest.mark.parametrize("detector", DETECTORS)
def test_every_model_is_found_with_every_detector(model, detector):
    truth = Projective(TRUTHS[model])
    match = register_2d_features(*pair(truth), model, detector)
    assert error_mm(match, truth) < 0.3  # of pixels of 0.8 to 1.1 mm
    assert match.inliers == len(match.fixed_points_lps) == len(match.moving_points_lps) <= match.matches
    assert match.rms_mm < 3.5
    assert match.correlation is None


def test_pairs_lie_where_the_truth_takes_them():
    truth = Projective(TRUTHS["projective"])
    match = register_2d_features(*pair(truth))
    apart = np.linalg.norm(truth.map_points(match.fixed_points_lps) - match.moving_points_lps, axis=1)
    assert np.median(apart) < 1.0


def test_the_negative_is_found_too():
    truth = Projective(TRUTHS["affine"])
    assert error_mm(register_2d_features(*pair(truth, -2.0), "affine"), truth) < 1.0


@needs_opencv
@pytest.mark.parametrize("model", TRUTHS)
def test_ecc_brings_features_nearer(model):
    truth = Projective(TRUTHS[model])
    match = register_2d_features(*pair(truth), model, "orb", refine_ecc=True)
    assert error_mm(match, truth) < 0.1
    assert match.correlation is not None
    assert match.correlation > 0.98


def test_the_same_seed_gives_the_same_transform():
    images = pair(Projective(TRUTHS["affine"]))
    one, other = (register_2d_features(*images, "affine", "orb", seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.projective.matrix, other.projective.matrix)


def test_only_keypoints_inside_the_masks_count():
    truth = Projective(TRUTHS["rigid"])
    fixed, moving = pair(truth)
    mask = sitk.Cast(fixed * 0, sitk.sitkUInt8)
    mask[0:130, 0:240] = 1
    match = register_2d_features(fixed, moving, "rigid", "orb", fixed_mask=mask)
    indices = [fixed.TransformPhysicalPointToContinuousIndex(point)[0] for point in match.fixed_points_lps.tolist()]
    assert max(indices) < 132
    assert error_mm(match, truth) < 1.5


@pytest.mark.parametrize("detector", DETECTORS)
def test_images_of_different_things_are_refused(detector):
    fixed = view(Projective(np.eye(3)), (240, 240), (1.0, 1.0))
    moving = view(Projective(np.eye(3)), (240, 240), (1.0, 1.0), plane=texture(5))
    with pytest.raises(RegistrationError, match="too little structure in common"):
        register_2d_features(fixed, moving, "projective", detector)


@pytest.mark.parametrize("detector", DETECTORS)
def test_an_image_without_structure_is_refused(detector):
    fixed = view(Projective(np.eye(3)), (100, 100), (2.0, 2.0))
    ramp = sitk.GetImageFromArray(np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1)))
    with pytest.raises(RegistrationError, match="too little structure in common"):
        register_2d_features(fixed, ramp, "affine", detector)
    with pytest.raises(VolumeError, match="every voxel is 0"):
        register_2d_features(fixed, ramp * 0, "affine", detector)


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_strip_of_few_pixels_is_refused(detector):
    fixed = view(Projective(np.eye(3)), (100, 100), (2.0, 2.0))
    with pytest.raises(RegistrationError, match="only 0 of 0 matches"):
        register_2d_features(fixed, fixed[:, 40:45], "rigid", detector)


def test_volumes_are_refused(phantom):
    volume = phantom.image(phantom.grid())
    with pytest.raises(GeometryError, match="2-D"):
        register_2d_features(volume, volume)
