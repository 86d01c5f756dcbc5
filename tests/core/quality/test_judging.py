"""The verdict on transforms that were not found here: right ones are good, wrong ones are failed."""

import re

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_volume, register
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.judging import judge_transform, linear_part
from napari_coreg.core.transforms import displacement_field, from_matrix
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError
from napari_coreg.samples import SAMPLES, read_truth, sample_path


@pytest.fixture(scope="module", params=["ct-mr", "deformed"])
def head(request):
    """A fixed volume, a moving one, and the true transform, which bends in the second pair."""
    fixed, moving = (read_volume(sample_path(name)).image for name in SAMPLES[request.param].files)
    return fixed, moving, read_truth(request.param)


def off_by(truth, *shift):
    return sitk.CompositeTransform([sitk.TranslationTransform(3, shift), truth])


def test_the_truth_is_good(head):
    assert judge_transform(*head).state == "good"


@pytest.mark.parametrize("shift", [(20.0, 0.0, 0.0), (0.0, -20.0, 0.0), (0.0, 0.0, 20.0), (10.0, 0.0, 0.0)])
def test_what_is_off_by_centimetres_is_failed(head, shift):
    fixed, moving, truth = head
    verdict = judge_transform(fixed, moving, off_by(truth, *shift))
    assert verdict.state == "failed"
    assert verdict.measures["drift_mm"] == pytest.approx(np.linalg.norm(shift), abs=2.0)


def test_twenty_millimetres_are_told_as_such(head):
    fixed, moving, truth = head
    (reason, *_) = judge_transform(fixed, moving, off_by(truth, 20.0, 0.0, 0.0)).reasons
    assert re.match(r"the volumes fit better in another pose, 20 mm and [01] degrees away", reason)


def test_five_millimetres_are_not_called_good(head):
    fixed, moving, truth = head
    assert judge_transform(fixed, moving, off_by(truth, 0.0, 5.0, 0.0)).state != "good"


def started_off_by(head, *shift):
    """The result of a deformation alone, from a linear start that is so far off."""
    fixed, moving, truth = head
    near = from_matrix(linear_part(truth, fixed))
    return register(fixed, moving, "fast-bspline", initial_transform=off_by(near, *shift))


def test_a_wrong_pose_that_was_bent_until_it_fits_is_failed(head):
    result = started_off_by(head, 0.0, 0.0, 50.0)
    assert result.metric_after < result.metric_before
    assert result.verdict.state == "failed"
    assert judge_transform(*head[:2], result.transform).state == "failed"


@pytest.mark.parametrize("head", ["deformed"], indirect=True)  # of one contrast: right inside, too
def test_a_deformation_that_also_moved_the_volume_as_a_whole_is_good(head):
    fixed, _, truth = head
    result = started_off_by(head, 6.0, -4.0, 3.0)
    near = [(Grid.of(fixed).centre_lps + offset).tolist() for offset in 25.0 * np.vstack([np.eye(3), -np.eye(3)])]
    errors = [np.subtract(result.transform.TransformPoint(p), truth.TransformPoint(p)) for p in near]
    assert np.linalg.norm(errors, axis=1).mean() < 1.5
    assert result.verdict.state == "good"
    assert result.verdict.measures["moved_mm"] == pytest.approx(np.linalg.norm((6, 4, 3)), abs=1.5)


def test_folds_are_told(head):
    fixed, moving, truth = head
    wild = sitk.BSplineTransformInitializer(fixed, [10, 10, 10])
    wild.SetParameters(np.random.default_rng(0).normal(0, 25.0, len(wild.GetParameters())).tolist())
    verdict = judge_transform(fixed, moving, sitk.CompositeTransform([truth, wild]))
    assert verdict.state != "good"
    assert any("folds space" in reason for reason in verdict.reasons)


def test_a_field_says_the_same_as_what_it_was_sampled_from(head):
    fixed, moving, truth = head
    field = sitk.Cast(displacement_field(truth, Grid.of(fixed)), sitk.sitkVectorFloat64)
    assert judge_transform(fixed, moving, sitk.DisplacementFieldTransform(field)).state == "good"


def test_the_linear_part_of_a_linear_transform_is_itself(phantom):
    turn = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.2, -0.1, 0.3, (4.0, 5.0, 6.0))
    fixed = phantom.image(phantom.grid(left_handed=True))
    field = sitk.Cast(displacement_field(turn, Grid.of(fixed)), sitk.sitkVectorFloat64)
    sampled = linear_part(sitk.DisplacementFieldTransform(field), fixed)
    np.testing.assert_allclose(sampled, linear_part(turn, fixed), atol=1e-3)


def test_a_mirror_image_is_failed(phantom):
    fixed = phantom.image(phantom.grid())
    mirror = sitk.AffineTransform(3)
    mirror.SetMatrix((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    verdict = judge_transform(fixed, fixed, mirror)
    assert verdict.state == "failed"
    assert "mirrors" in " ".join(verdict.reasons)


def test_volumes_that_do_not_meet_are_failed(phantom):
    fixed = phantom.image(phantom.grid())
    verdict = judge_transform(fixed, fixed, sitk.TranslationTransform(3, (900.0, 0.0, 0.0)))
    assert verdict.state == "failed"
    assert "do not overlap" in verdict.reasons[0]


def test_a_2d_image_is_judged(phantom):
    fixed = phantom.image(phantom.grid((64, 60), (1.1, 1.3), (0.2,)))
    assert judge_transform(fixed, fixed, sitk.TranslationTransform(2, (0.0, 0.0))).state != "failed"
    assert judge_transform(fixed, fixed, sitk.TranslationTransform(2, (20.0, 0.0))).state == "failed"


def test_nan_voxels_count_as_background(phantom):
    fixed = phantom.image(phantom.grid())
    values = sitk.GetArrayFromImage(fixed)
    values[0] = np.nan
    holed = sitk.GetImageFromArray(values)
    holed.CopyInformation(fixed)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    assert judge_transform(holed, fixed, identity).state == judge_transform(fixed, fixed, identity).state


def test_what_cannot_be_judged_is_refused(phantom):
    fixed, identity = phantom.image(phantom.grid()), sitk.Transform(3, sitk.sitkIdentity)
    with pytest.raises(GeometryError, match="same axes"):
        judge_transform(fixed, fixed, sitk.Transform(2, sitk.sitkIdentity))
    with pytest.raises(VolumeError, match="nothing to align"):
        judge_transform(fixed, fixed * 0, identity)


def test_a_cancel_ends_it(phantom):
    fixed = phantom.image(phantom.grid())
    with pytest.raises(RegistrationCancelled):
        judge_transform(fixed, fixed, sitk.Transform(3, sitk.sitkIdentity), is_cancelled=lambda: True)


@pytest.mark.slow
@pytest.mark.real_data
def test_two_series_of_one_head_are_good_by_the_consensus_and_failed_when_off(real_data):
    folder = real_data / "brain_t1_t2_dicom"
    t1, t2 = (read_volume(folder, which).image for which in (0, "AX FSE T2"))
    consensus = sitk.ReadTransform(str(real_data / "brain_t1_t2_consensus.tfm"))
    assert judge_transform(t1, t2, consensus).state == "good"
    for axis in range(3):
        shift = [0.0, 0.0, 0.0]
        shift[axis] = 20.0
        assert judge_transform(t1, t2, off_by(consensus, *shift)).state == "failed"
