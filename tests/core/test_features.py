"""Keypoints of volumes against known moves of a texture and of real heads."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from napari_coreg.core.consensus import find_consensus, fit_linear
from napari_coreg.core.features import features_transform
from napari_coreg.core.transforms import is_rigid, to_matrix
from napari_coreg.errors import GeometryError, RegistrationError, VolumeError


def texture(seed=0):
    """A body of about 60 mm of blobs of several sizes, on a grid of 96 x 96 x 96 points 1 mm apart about the origin."""
    rng = np.random.default_rng(seed)
    body = sum(size * ndimage.gaussian_filter(rng.normal(size=(96, 96, 96)), size) for size in (2.0, 4.0, 8.0))
    along = np.arange(96) - 47.5
    radius = np.sqrt(sum(axis**2 for axis in np.meshgrid(along, along * 1.2, along * 1.1, indexing="ij")))
    return ((body - body.min()) * np.clip((40 - radius) / 6, 0, 1)).astype(np.float32)


BODY = texture()


def view(truth, size, spacing, angles=(0.0, 0.0, 0.0), contrast=None, *, left_handed=False, body=BODY):
    """The body as `truth` (fixed -> moving) moves it, on a grid turned by `angles` about where it went."""
    axes = np.reshape(sitk.Euler3DTransform((0.0, 0.0, 0.0), *angles).GetMatrix(), (3, 3))
    if left_handed:
        axes = axes[:, ::-1]
    blank = sitk.Image(size, sitk.sitkUInt8)
    blank.SetSpacing(spacing)
    blank.SetDirection(axes.ravel().tolist())
    centre = np.array(truth.TransformPoint((0.0, 0.0, 0.0)))
    blank.SetOrigin((centre - axes @ ((np.array(size) - 1) / 2 * spacing)).tolist())
    where = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat64, blank.GetSize(), blank.GetOrigin(), blank.GetSpacing(), blank.GetDirection()
    )
    inverse = np.linalg.inv(to_matrix(truth))
    points = sitk.GetArrayFromImage(where) @ inverse[:3, :3].T + inverse[:3, 3]
    values = ndimage.map_coordinates(body, np.moveaxis(points, -1, 0) + 47.5, order=1)
    image = sitk.GetImageFromArray((values if contrast is None else contrast(values)).astype(np.float32))
    image.CopyInformation(blank)
    return image


def pair(truth, contrast=None):
    """A fixed volume on a left-handed oblique grid, and a moving one of thicker slices."""
    nowhere = sitk.TranslationTransform(3)
    fixed = view(nowhere, (84, 90, 78), (1.0, 0.9, 1.1), (0.2, -0.1, 0.3), left_handed=True)
    return fixed, view(truth, (96, 92, 64), (1.0, 1.1, 1.6), (-0.2, 0.1, 0.1), contrast)


def error_mm(found, truth):
    points = np.random.default_rng(1).uniform(-25, 25, (60, 3)).tolist()
    apart = [np.subtract(found.TransformPoint(point), truth.TransformPoint(point)) for point in points]
    return np.linalg.norm(apart, axis=1).mean()


@pytest.mark.parametrize("angles", [(0.1, 0.0, -0.1), (1.0, -0.5, 2.0), (3.0, 0.3, 0.2)])
def test_any_turn_and_shift_is_found(angles):
    truth = sitk.Euler3DTransform((0.0, 0.0, 0.0), *angles, (50.0, -30.0, 80.0))
    match = features_transform(*pair(truth))
    assert is_rigid(match.transform)
    assert error_mm(match.transform, truth) < 0.5
    assert match.inliers == len(match.fixed_points_lps) == len(match.moving_points_lps) <= match.matches


def test_bright_may_be_dark():
    truth = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.7, -0.4, 1.5, (5.0, -3.0, 8.0))
    inverted = features_transform(*pair(truth, lambda values: np.where(values > 0, 1.5 * BODY.max() - values, 0)))
    assert error_mm(inverted.transform, truth) < 1.0


def test_a_scale_is_found():
    truth = sitk.Similarity3DTransform(1.12, (0.2, 0.5, -0.8), 0.9, (5.0, -3.0, 8.0))
    found = features_transform(*pair(truth), "similarity").transform
    assert np.cbrt(np.linalg.det(to_matrix(found)[:3, :3])) == pytest.approx(1.12, abs=0.01)
    assert error_mm(found, truth) < 0.5


def test_an_affine_transform_is_found():
    truth = sitk.AffineTransform(3)
    truth.SetMatrix((1.08, 0.05, 0.0, -0.1, 0.95, 0.04, 0.06, 0.0, 1.02))
    truth.SetTranslation((5.0, -3.0, 8.0))
    assert error_mm(features_transform(*pair(truth), "affine").transform, truth) < 0.5


def test_pairs_and_their_error_are_what_the_transform_says():
    truth = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.2, 0.1, (5.0, -3.0, 8.0))
    match = features_transform(*pair(truth))
    mapped = [match.transform.TransformPoint(point) for point in match.fixed_points_lps.tolist()]
    apart = np.linalg.norm(mapped - match.moving_points_lps, axis=1)
    assert match.rms_mm == pytest.approx(np.sqrt(np.mean(apart**2)), abs=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_transform():
    images = pair(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.2, 0.1, (5.0, -3.0, 8.0)))
    one, other = (features_transform(*images, seed=5).transform for _ in range(2))
    assert one.GetParameters() == other.GetParameters()


def test_only_what_the_masks_mark_is_matched():
    truth = sitk.TranslationTransform(3, (5.0, -3.0, 8.0))
    fixed, moving = pair(truth)
    mask = sitk.Cast(fixed * 0, sitk.sitkUInt8)
    mask[0:50, 0:90, 0:78] = 1
    match = features_transform(fixed, moving, fixed_mask=mask)
    indices = [fixed.TransformPhysicalPointToContinuousIndex(point)[0] for point in match.fixed_points_lps.tolist()]
    assert max(indices) < 50
    assert error_mm(match.transform, truth) < 1.0


@pytest.mark.parametrize(("model", "seed"), [("rigid", 1), ("similarity", 2), ("affine", 9)])
def test_volumes_of_different_things_are_refused_even_of_one_outline(model, seed):
    nowhere = sitk.TranslationTransform(3)
    fixed = view(nowhere, (80, 80, 80), (1.1, 1.1, 1.1))
    with pytest.raises(RegistrationError, match="too little structure in common"):
        features_transform(fixed, view(nowhere, (80, 80, 80), (1.1, 1.1, 1.1), body=texture(seed)), model)


def test_a_volume_without_structure_is_refused():
    fixed = view(sitk.TranslationTransform(3), (80, 80, 80), (1.1, 1.1, 1.1))
    ball = sitk.GetImageFromArray(
        np.fromfunction(lambda z, y, x: 1.0 / (1 + (x - 20) ** 2 + y**2 + z**2), (40, 40, 40))
    )
    with pytest.raises(RegistrationError, match="too little structure in common"):
        features_transform(fixed, ball)
    with pytest.raises(VolumeError, match="every voxel is 0"):
        features_transform(fixed, fixed * 0)


def test_slices_are_sent_to_the_function_for_them():
    fixed = view(sitk.TranslationTransform(3), (40, 40, 40), (1.1, 1.1, 1.1))[:, :, 20]
    with pytest.raises(GeometryError, match="register_2d_features"):
        features_transform(fixed, fixed)


@pytest.mark.parametrize("model", ["rigid", "similarity", "affine"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_fit_to_exact_pairs_is_exact(model, dimension):
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    rotation[:, 0] *= np.linalg.det(rotation)
    linear = {"rigid": rotation, "similarity": 1.7 * rotation, "affine": rng.normal(size=(dimension, dimension))}[model]
    points = rng.normal(size=(12, dimension))
    matrix = fit_linear(points, points @ linear.T + 3.0, model)
    np.testing.assert_allclose(matrix[:dimension, :dimension], linear, atol=1e-9)
    np.testing.assert_allclose(matrix[:dimension, dimension], 3.0, atol=1e-9)


def test_a_fit_to_mirrored_pairs_does_not_mirror():
    points = np.random.default_rng(0).normal(size=(12, 3))
    assert np.linalg.det(fit_linear(points, points * [1, 1, -1], "rigid")[:3, :3]) == pytest.approx(1.0)


@pytest.mark.parametrize("model", ["rigid", "similarity", "affine"])
def test_consensus_finds_the_few_that_agree(model):
    rng = np.random.default_rng(2)
    points = rng.uniform(-80, 80, (120, 3))
    truth = to_matrix(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.5, -1.0, 2.0, (30.0, 0.0, -9.0)))
    others = rng.uniform(-80, 80, (120, 3))
    others[:30] = points[:30] @ truth[:3, :3].T + truth[:3, 3] + rng.normal(size=(30, 3)) * 0.5
    matrix, agrees = find_consensus(points, others, model, 3.0, rng=np.random.default_rng(0))
    assert agrees[:30].sum() >= 28
    assert agrees[30:].sum() <= 2
    np.testing.assert_allclose(matrix, truth, atol=1.0)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 180.0])
def test_two_contrasts_of_a_real_head_match_from_anywhere(real_data, degrees):
    fixed = sitk.ReadImage(str(real_data / "chris" / "chris_t1.nii.gz"), sitk.sitkFloat32)
    moving = sitk.ReadImage(str(real_data / "chris" / "chris_PD.nii.gz"), sitk.sitkFloat32)
    base = features_transform(fixed, moving).transform
    move = sitk.VersorRigid3DTransform((0.3, -0.5, 0.8), np.deg2rad(degrees), (50.0, -20.0, 40.0))
    turned = sitk.Image(moving)
    turned.SetOrigin(move.TransformPoint(moving.GetOrigin()))
    axes = np.reshape(move.GetMatrix(), (3, 3)) @ np.reshape(moving.GetDirection(), (3, 3))
    turned.SetDirection(axes.ravel().tolist())
    found = features_transform(fixed, turned).transform
    expected = sitk.CompositeTransform([move, base])
    assert error_mm(found, expected) < 6.0
