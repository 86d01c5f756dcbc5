"""Principal axes against the phantom's known moves."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.principal_axes import principal_axes_transforms
from napari_coreg.core.transforms import is_rigid
from napari_coreg.errors import GeometryError, VolumeError


def brick(turn, shift=(0.0, 0.0, 0.0), gain=1.0, offset=0.0, angles=(0.0, 0.0, 0.0), *, left_handed=False):
    """An ellipsoid with a bump, 40 x 26 x 16 mm in half, as a transform with `turn` and `shift` moves it."""
    truth = sitk.Euler3DTransform((3.0, -2.0, 4.0), *turn, shift)
    grid_turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), *angles)
    axes = np.reshape(grid_turn.GetMatrix(), (3, 3))[:, :: -1 if left_handed else 1]
    image = sitk.Image([64, 60, 56], sitk.sitkFloat32)
    image.SetSpacing((2.0, 2.2, 2.4))
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin((np.array(shift) - axes @ (np.array([31.5, 29.5, 27.5]) * [2.0, 2.2, 2.4])).tolist())
    where = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
    )
    points = sitk.GetArrayFromImage(where)
    inverse = truth.GetInverse()
    linear = np.reshape(inverse.GetMatrix(), (3, 3))
    points = points @ linear.T + np.array(inverse.TransformPoint((0.0, 0.0, 0.0)))
    inside = ((points / [40.0, 26.0, 16.0]) ** 2).sum(axis=-1) < 1
    filled = sitk.GetImageFromArray((inside * gain + offset).astype(np.float32))
    filled.CopyInformation(image)
    return filled, truth


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (250.0, -1000.0)])
def test_one_of_the_four_is_the_truth_whatever_the_contrast_and_grid(gain, offset, left_handed):
    fixed, _ = brick((0.0, 0.0, 0.0))
    moving, truth = brick((0.5, -1.1, 2.4), (30.0, -20.0, 50.0), gain, offset, (0.3, 0.2, 0.1), left_handed=left_handed)
    found = principal_axes_transforms(fixed, moving)
    assert len(found) == 4
    assert all(is_rigid(each) for each in found)
    probe = (20.0, 10.0, -8.0)
    errors = [np.linalg.norm(np.subtract(each.TransformPoint(probe), truth.TransformPoint(probe))) for each in found]
    assert min(errors) < 1.5


def test_the_one_that_turns_least_comes_first():
    fixed, _ = brick((0.0, 0.0, 0.0))
    moving, truth = brick((0.1, -0.1, 0.2), (5.0, 0.0, 0.0))
    probe = (20.0, 10.0, -8.0)
    found = principal_axes_transforms(fixed, moving)[0].TransformPoint(probe)
    np.testing.assert_allclose(found, truth.TransformPoint(probe), atol=1.5)


def test_there_are_two_in_two_dimensions():
    fixed = brick((0.0, 0.0, 0.0))[0][:, :, 28]
    moving = brick((0.0, 0.0, 0.6))[0][:, :, 28]
    found = principal_axes_transforms(fixed, moving)
    assert len(found) == 2
    angles = [np.arctan2(each.GetMatrix()[2], each.GetMatrix()[0]) for each in found]
    np.testing.assert_allclose(np.sort(np.abs(angles)), [0.6, np.pi - 0.6], atol=0.05)


def test_only_what_the_masks_mark_counts():
    fixed, _ = brick((0.0, 0.0, 0.0))
    moving = sitk.Image(fixed)
    moving[0:12, 0:12, 0:12] = 5.0
    mask = sitk.Cast(fixed > 0, sitk.sitkUInt8)
    found = principal_axes_transforms(fixed, moving, moving_mask=mask)[0]
    np.testing.assert_allclose(found.TransformPoint((20.0, 10.0, -8.0)), (20.0, 10.0, -8.0), atol=0.5)


def test_a_mask_off_its_image_is_refused():
    fixed, _ = brick((0.0, 0.0, 0.0))
    mask = sitk.Image([8, 8, 8], sitk.sitkUInt8) + 1
    mask.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(VolumeError, match="fixed mask: what it marks lies outside"):
        principal_axes_transforms(fixed, fixed, fixed_mask=mask)


def test_a_constant_image_and_a_line_have_no_axes():
    fixed, _ = brick((0.0, 0.0, 0.0))
    with pytest.raises(VolumeError, match="every voxel is 0"):
        principal_axes_transforms(fixed, fixed * 0)
    line = fixed * 0
    line[:, 30, 30] = 1.0
    with pytest.raises(VolumeError, match="no principal axes"):
        principal_axes_transforms(fixed, line)


def test_a_volume_and_a_slice_are_refused():
    fixed, _ = brick((0.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="both must be"):
        principal_axes_transforms(fixed, fixed[:, :, 28])
