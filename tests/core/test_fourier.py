"""Phase correlation and Fourier-Mellin against known moves of the phantom, and of real heads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.fourier import (
    fourier_mellin_transform,
    fourier_mellin_transforms,
    phase_correlation_transform,
)
from napari_coreg.core.transforms import is_rigid, to_matrix
from napari_coreg.errors import GeometryError, RegistrationError, VolumeError

TURNS = [(0.2, -0.1, 0.3), (1.2, 0.4, -0.7), (3.0, 0.1, -0.2), (-0.5, 2.2, 1.9)]


def rigid(angles, shift):
    return sitk.Euler3DTransform((0.0, 0.0, 0.0), *angles, shift)


def pair(phantom, truth, contrast=(1.0, 0.0), *, left_handed=False):
    """A fixed volume on an oblique anisotropic grid, and the moving one on another grid, about where the body went."""
    fixed = phantom.image(phantom.grid((48, 44, 30), (2.2, 2.3, 3.4), (0.2, -0.1, 0.4), left_handed=left_handed))
    centre = truth.TransformPoint((0.0,) * 3)
    grid = phantom.grid((44, 50, 46), (2.6, 2.2, 2.4), (-0.1, 0.3, 0.2), centre=np.add(centre, (3.0, -4.0, 5.0)))
    gain, offset = contrast
    return fixed, phantom.image(grid, truth, gain=gain, offset=offset)


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("contrast", [(1.0, 0.0), (-4.0, 1000.0)])
def test_phase_correlation_finds_any_shift(phantom, contrast, left_handed):
    truth = sitk.TranslationTransform(3, (60.0, -35.0, 140.0))
    found = phase_correlation_transform(*pair(phantom, truth, contrast, left_handed=left_handed))
    assert isinstance(found, sitk.TranslationTransform)
    assert phantom.error_mm(found, truth) < 0.6  # of voxels of 1.5 mm and more


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("angles", TURNS)
def test_the_turn_of_a_body_is_found_however_large(phantom, angles, left_handed):
    truth = rigid(angles, (60.0, -35.0, 140.0))
    found = fourier_mellin_transform(*pair(phantom, truth, left_handed=left_handed))
    assert is_rigid(found)
    assert phantom.error_mm(found, truth) < 1.5


def test_the_turn_is_found_between_inverted_contrasts(phantom):
    truth = rigid(TURNS[1], (10.0, 20.0, -30.0))
    found = fourier_mellin_transform(*pair(phantom, truth, (-4.0, 1000.0)))
    assert phantom.error_mm(found, truth) < 2.0


def test_a_scale_is_found_with_the_turn(phantom):
    truth = sitk.Similarity3DTransform(1.2, (0.3, 0.8, -0.5), 0.9, (0.0, 0.0, 0.0))
    fixed = phantom.image(phantom.grid((40, 40, 40), (2.4, 2.4, 2.4)))
    moving = phantom.image(phantom.grid((48, 48, 48), (2.4, 2.4, 2.4)), truth)
    found = fourier_mellin_transform(fixed, moving, model="similarity")
    assert np.cbrt(np.linalg.det(to_matrix(found)[:3, :3])) == pytest.approx(1.2, abs=0.06)
    assert phantom.error_mm(found, truth) < 3.0


@pytest.mark.parametrize("scale", [1.0, 0.6, 1.7])
@pytest.mark.parametrize("degrees", [0.0, 25.0, 100.0, 180.0, -140.0])
def test_turn_and_scale_of_a_slice_are_found(phantom, degrees, scale):
    truth = sitk.Similarity2DTransform(scale, np.deg2rad(degrees), (15.0, -40.0))
    fixed = phantom.image(phantom.grid((80, 70), (1.2, 1.4), (0.3,), left_handed=True))
    moving = phantom.image(phantom.grid((90, 90), (scale, scale), (0.5,), centre=(15.0, -40.0)), truth)
    found = fourier_mellin_transform(fixed, moving, model="similarity")
    assert phantom.error_mm(found, truth) < 2.0
    if scale == 1.0:
        assert phantom.error_mm(fourier_mellin_transform(fixed, moving), truth) < 1.0


def test_a_slice_that_shifted_is_found_to_a_part_of_its_voxel(phantom):
    truth = sitk.TranslationTransform(2, (31.3, -12.7))
    fixed = phantom.image(phantom.grid((80, 70), (1.2, 1.4), (0.3,)))
    moving = phantom.image(phantom.grid((90, 80), (1.0, 1.3), (-0.2,), centre=(31.0, -12.0)), truth)
    assert phantom.error_mm(phase_correlation_transform(fixed, moving), truth) < 0.1


def test_masks_keep_what_is_bright_elsewhere_out(phantom):
    truth = sitk.TranslationTransform(3, (10.0, -5.0, 0.0))
    fixed, moving = pair(phantom, truth)
    mask = sitk.BinaryThreshold(moving, 20.0, 1e9)
    moving[0:10, 0:10, 0:10] = 1000.0
    for found in (
        phase_correlation_transform(fixed, moving, moving_mask=mask),
        fourier_mellin_transform(fixed, moving, sitk.BinaryThreshold(fixed, 20.0, 1e9), mask),
    ):
        assert phantom.error_mm(found, truth) < 2.0


@pytest.mark.parametrize("dimension", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_same_pair_gives_the_same_transform(phantom, dimension):
    fixed, moving = pair(phantom, rigid(TURNS[3], (5.0, 5.0, 5.0)))
    if dimension == 2:
        fixed, moving = (phantom.image(phantom.grid((60, 60), (1.3, 1.3), (angle,))) for angle in (0.0, 1.0))
    one, other = (fourier_mellin_transform(fixed, moving) for _ in range(2))
    assert one.GetParameters() == other.GetParameters()


def test_the_best_of_several_turns_comes_first_and_all_differ(phantom):
    truth = rigid(TURNS[3], (5.0, 5.0, 5.0))
    found = fourier_mellin_transforms(*pair(phantom, truth), number=3)
    assert len(found) == 3
    errors = [phantom.error_mm(each, truth) for each in found]
    assert errors[0] == min(errors) < 1.5
    assert all(phantom.error_mm(one, other) > 1.0 for one, other in itertools.combinations(found, 2))


@pytest.mark.parametrize("size", [(40, 40, 4), (90, 4, 30)])
def test_volumes_of_few_slices_have_a_shift_still(phantom, size):
    truth = sitk.TranslationTransform(3, (30.0, -12.0, 8.0))
    fixed = phantom.image(phantom.grid(size, (2.0, 2.5, 3.0), (0.3, 0.0, 0.1)))
    moving = phantom.image(phantom.grid(size, (2.0, 2.5, 3.0), (0.3, 0.0, 0.1), centre=(30.0, -12.0, 8.0)), truth)
    assert phantom.error_mm(phase_correlation_transform(fixed, moving), truth) < 2.0
    assert phantom.error_mm(fourier_mellin_transform(fixed, moving), truth) < 10.0


def test_the_smallest_volume_has_a_shift_and_no_turn(phantom):
    image = phantom.image(phantom.grid((4, 5, 6), (2.0, 2.5, 3.0)))
    assert phantom.error_mm(phase_correlation_transform(image, image), sitk.TranslationTransform(3)) < 0.1
    with pytest.raises(RegistrationError, match="no turn that the Fourier spectra agree on"):
        fourier_mellin_transform(image, image)


@pytest.mark.parametrize("guess", [phase_correlation_transform, fourier_mellin_transform])
def test_what_cannot_be_compared_is_refused(phantom, guess):
    image = phantom.image(phantom.grid())
    with pytest.raises(VolumeError, match="every voxel is 0"):
        guess(image, image * 0)
    with pytest.raises(GeometryError, match="both must be"):
        guess(image, image[:, :, 16])
    with pytest.raises(VolumeError, match="mask"):
        guess(image, image, fixed_mask=sitk.Image([4, 4, 4], sitk.sitkUInt8))


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("degrees", [10.0, 30.0, 90.0, 180.0])
def test_a_real_head_of_other_contrast_is_found_from_anywhere(real_data, degrees):
    fixed = sitk.ReadImage(str(real_data / "chris" / "chris_t1.nii.gz"), sitk.sitkFloat32)
    moving = sitk.ReadImage(str(real_data / "chris" / "chris_PD.nii.gz"), sitk.sitkFloat32)
    base = fourier_mellin_transform(fixed, moving)
    move = sitk.VersorRigid3DTransform((0.3, -0.5, 0.8), np.deg2rad(degrees), (50.0, -20.0, 40.0))
    turned = sitk.Image(moving)
    turned.SetOrigin(move.TransformPoint(moving.GetOrigin()))
    axes = np.reshape(move.GetMatrix(), (3, 3)) @ np.reshape(moving.GetDirection(), (3, 3))
    turned.SetDirection(axes.ravel().tolist())
    found = fourier_mellin_transform(fixed, turned)
    probes = np.random.default_rng(0).uniform(-60, 60, (20, 3)).tolist()
    apart = [
        np.linalg.norm(np.subtract(found.TransformPoint(p), move.TransformPoint(base.TransformPoint(p))))
        for p in probes
    ]
    assert np.mean(apart) < 6.0
