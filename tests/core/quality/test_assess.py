"""What an assessment says of right and wrong registrations, with and without landmarks and structures."""

import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import fit_landmarks, load_preset, read_volume
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.assess import LONG_CHECKS, assess
from napari_coreg.core.quality.catalogue import CATALOGUE, GROUPS
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limit, Limits
from napari_coreg.core.quality.subject import Landmarks, Subject
from napari_coreg.core.register import register
from napari_coreg.errors import GeometryError, RegistrationCancelled, RegistrationError, VolumeError
from napari_coreg.io.points import read_points
from napari_coreg.samples import SAMPLES, read_truth, sample_path

TRUTH = sitk.Euler3DTransform((2.0, 3.0, -4.0), 0.2, -0.3, 0.12, (5.0, -4.0, 3.0))


def values(assessment, measure, when="after"):
    return [getattr(row, when) for row in assessment.quality.rows if row.measure == measure]


def landmarks_of(phantom, noise_mm=0.3):
    fixed = np.array(phantom.points(12))
    moving = np.array([TRUTH.TransformPoint(point) for point in fixed.tolist()])
    moving += np.random.default_rng(5).normal(0, noise_mm, moving.shape)
    return Landmarks(fixed, moving, tuple(f"p{number}" for number in range(len(fixed))))


def off_by(truth, *shift):
    return sitk.CompositeTransform([sitk.TranslationTransform(3, shift), truth])


def bent(image, mm, meshes=10, seed=0):
    spline = sitk.BSplineTransformInitializer(image, [meshes] * 3)
    spline.SetParameters(np.random.default_rng(seed).normal(0, mm, len(spline.GetParameters())).tolist())
    return spline


@pytest.fixture(scope="module")
def subject(phantom):
    """A right registration in oblique, anisotropic and left-handed geometry, of which the volumes alone are known."""
    fixed = phantom.image(phantom.grid((40, 36, 44), (2.0, 2.4, 1.8), (0.2, -0.1, 0.3), left_handed=True))
    moving = phantom.image(phantom.grid((42, 38, 40), (2.1, 2.2, 2.0), (-0.1, 0.3, 0.0)), TRUTH)
    return Subject(fixed, moving, TRUTH)


@pytest.fixture(scope="module")
def plain(subject):
    """What is found of it."""
    return assess(subject)


@pytest.fixture(scope="module")
def with_labels(subject):
    """The same with two structures, which are parts of the body above two thresholds."""

    def labels(image):
        return sitk.Cast(image > 40, sitk.sitkUInt8) + sitk.Cast(image > 80, sitk.sitkUInt8)

    return replace(subject, fixed_labels=labels(subject.fixed), moving_labels=labels(subject.moving))


def test_a_right_registration_without_landmarks_is_to_be_looked_at(plain):
    quality = plain.quality
    assert quality.verdict.state == "good"
    assert quality.state == "look"
    assert quality.headline == (
        "LOOK: nothing found against it, but no landmarks or structures were given: look before you rely on it",
    )


def test_a_right_registration_with_landmarks_passes(subject, phantom):
    found = assess(replace(subject, landmarks=landmarks_of(phantom)))
    assert found.quality.state == "pass"
    assert found.quality.headline[0].startswith("PASS: nothing found against it; target registration error")
    assert values(found, "tre_mean")[0] < 1.0 < values(found, "tre_mean", "before")[0]


def test_the_error_at_landmarks_is_that_of_simpleitk(subject, phantom):
    landmarks = landmarks_of(phantom)
    wrong = off_by(TRUTH, 3.0, 0.0, 0.0)
    found = assess(replace(subject, landmarks=landmarks, transform=wrong))
    pairs = zip(landmarks.fixed_points_lps.tolist(), landmarks.moving_points_lps, strict=True)
    errors = np.array([wrong.TransformPoint(p) - q for p, q in pairs])
    lengths = np.linalg.norm(errors, axis=1)
    assert values(found, "tre_mean") == [pytest.approx(lengths.mean())]
    assert values(found, "tre_max") == [pytest.approx(lengths.max())]
    assert values(found, "tre_left") == [pytest.approx(errors[:, 0].mean())]
    pairs_of = found.quality.landmarks
    assert [pair.after_mm for pair in pairs_of] == pytest.approx(sorted(lengths, reverse=True))
    assert pairs_of[0].after_lps == pytest.approx(errors[lengths.argmax()])


def test_landmarks_that_the_transform_was_fitted_to_prove_nothing(subject, phantom):
    landmarks = landmarks_of(phantom)
    fit = fit_landmarks(landmarks.fixed_points_lps, landmarks.moving_points_lps)
    quality = assess(replace(subject, landmarks=landmarks, transform=fit.transform)).quality
    assert {row.status for row in quality.rows if row.group == "Landmarks"} == {"info"}
    assert any("fit to these very landmarks" in remark for remark in quality.remarks)
    assert quality.state == "look"


@pytest.mark.parametrize("shift", [(20.0, 0.0, 0.0), (0.0, 0.0, -20.0)])
def test_twenty_millimetres_off_are_the_first_words(subject, shift):
    quality = assess(replace(subject, transform=off_by(TRUTH, *shift))).quality
    assert quality.state == "fail"
    assert quality.headline[0].startswith(("FAIL: the volumes fit better in another pose", "FAIL: a better fit lies"))


def test_twenty_millimetres_off_are_told_by_landmarks_and_structures(with_labels, phantom):
    wrong = replace(with_labels, landmarks=landmarks_of(phantom), transform=off_by(TRUTH, 20.0, 0.0, 0.0))
    headline = " | ".join(assess(wrong).quality.headline)
    assert re.search(r"FAIL: target registration error (19|20)[.\d]* mm on average, limit 3 mm", headline)
    assert "FAIL: 2 of 2 structures, the worst label 2: Dice's coefficient" in headline


def test_a_folded_field_is_the_first_words(subject):
    wild = sitk.CompositeTransform([TRUTH, bent(subject.fixed, 9.0)])
    found = assess(replace(subject, transform=wild))
    (folded,) = values(found, "folded_in_body")
    assert folded > 0
    assert found.quality.state == "fail"
    assert any(line.startswith("FAIL: ") and line.endswith("of the body is folded") for line in found.quality.headline)
    assert "folded" in found.maps


def test_what_is_true_by_definition_is_not_graded(plain):
    quality = plain.quality
    assert {row.status for row in quality.rows if row.group == "Deformation"} == {"info"}
    assert any("1 by definition" in remark for remark in quality.remarks)


def test_structures_are_those_of_simpleitk(with_labels):
    found = assess(replace(with_labels, label_names={1: "shell", 2: "core"}))
    moved = sitk.Resample(
        with_labels.moving_labels, with_labels.fixed_labels, TRUTH, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8
    )
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(with_labels.fixed_labels, moved)
    dice = {row.structure: row.after for row in found.quality.rows if row.measure == "dice"}
    assert dice == {
        "shell": pytest.approx(overlap.GetDiceCoefficient(1)),
        "core": pytest.approx(overlap.GetDiceCoefficient(2)),
    }
    assert values(found, "dice_mean") == [pytest.approx(np.mean(list(dice.values())))]


def test_a_structure_that_one_volume_lacks_is_left_out_aloud(with_labels):
    extra = sitk.Image(with_labels.fixed_labels)
    extra[2, 2, 2] = 7
    quality = assess(replace(with_labels, fixed_labels=extra)).quality
    assert not any(row.structure == "label 7" for row in quality.rows if row.group == "Structures")
    assert any("left out" in remark and "label 7" in remark for remark in quality.remarks)


def test_fixed_labels_alone_tell_how_far_each_structure_moves(with_labels):
    alone = replace(with_labels, moving_labels=None, transform=sitk.TranslationTransform(3, (3.0, 4.0, 0.0)))
    found = assess(alone)
    assert values(found, "structure_displacement_mean") == [pytest.approx(5.0, abs=1e-4)] * 2
    assert not values(found, "dice")


def test_before_is_as_the_headers_put_the_volumes(subject, plain):
    identity = assess(replace(subject, transform=sitk.Transform(3, sitk.sitkIdentity)))
    for measure in ("correlation", "mutual_information"):
        assert values(plain, measure, "before") == values(identity, measure)


def test_the_order_of_groups_is_that_of_the_catalogue(with_labels, phantom):
    quality = assess(replace(with_labels, landmarks=landmarks_of(phantom))).quality
    places = [GROUPS.index(row.group) for row in quality.rows]
    assert places == sorted(places)
    for row in quality.rows:
        described = CATALOGUE[row.measure]
        assert (row.group, row.name, row.unit) == (described.group, described.name, described.unit)


def test_limits_are_as_given_and_never_tighter_than_a_voxel(subject, phantom):
    strict = Limits(name="mine", limits=(Limit(measure="tre_mean", good=0.001, bad=0.002),))
    marked = replace(subject, landmarks=landmarks_of(phantom))
    assert assess(marked, limits=strict).quality.state == "fail"
    (row,) = (row for row in assess(marked).quality.rows if row.measure == "tre_mean")
    assert row.good == max(DEFAULT_LIMITS.of("tre_mean").good, 2.4)


def test_masks_give_numbers_of_their_own(subject):
    mask = sitk.Cast(subject.fixed > 60, sitk.sitkUInt8)
    rows = assess(replace(subject, fixed_mask=mask)).quality.rows
    counted = {row.region: row.after for row in rows if row.measure == "overlapping_voxels"}
    assert counted["masks"] <= np.count_nonzero(sitk.GetArrayViewFromImage(mask)) < counted["overlap"]


def test_what_was_not_measured_is_said(plain):
    remarks = " | ".join(plain.quality.remarks)
    for words in ("no landmarks were given", "no labels were given", "repeatability was not measured"):
        assert words in remarks


def test_volumes_that_do_not_meet_are_failed_and_said_so(subject):
    quality = assess(replace(subject, transform=sitk.TranslationTransform(3, (900.0, 0.0, 0.0)))).quality
    assert quality.headline[0] == "FAIL: the volumes do not overlap where the result puts them"
    assert any("do not overlap" in remark for remark in quality.remarks)


def test_a_constant_volume_is_measured_as_far_as_it_can_be(subject):
    quality = assess(replace(subject, moving=subject.moving * 0)).quality
    assert quality.state == "look"
    assert "could not be judged" in quality.verdict.reasons[0]


def test_progress_rises_to_the_end(subject):
    told = []
    assess(subject, on_step=lambda words, fraction: told.append((words, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert told[-1] == ("done", 1.0)
    assert "judging the pose" in [words for words, _ in told]


def test_a_cancel_ends_it(subject):
    with pytest.raises(RegistrationCancelled):
        assess(subject, is_cancelled=lambda: True)


def test_what_does_not_fit_is_refused(subject, with_labels):
    with pytest.raises(GeometryError, match="fixed labels has 2 axes"):
        assess(replace(subject, fixed_labels=sitk.Image([8, 8], sitk.sitkUInt8)))
    other = sitk.Cast(with_labels.moving_labels > 0, sitk.sitkUInt8) * 9
    with pytest.raises(VolumeError, match="no value in common"):
        assess(replace(with_labels, moving_labels=other))
    with pytest.raises(RegistrationError, match="there is no long check 'magic'"):
        assess(subject, long_checks=["magic"])


def test_long_checks_need_a_recipe(subject):
    remarks = " | ".join(assess(subject, long_checks=LONG_CHECKS).quality.remarks)
    assert "repeatability was not measured: the recipe that made the transform is not known" in remarks


def test_a_way_back_that_is_the_inverse_does_not_count(subject):
    found = assess(replace(subject, backward=TRUTH.GetInverse()), long_checks=["inverse_consistency"])
    assert values(found, "inverse_consistency_max") == [pytest.approx(0, abs=1e-3)]
    (row,) = (row for row in found.quality.rows if row.measure == "inverse_consistency_p95")
    assert row.status == "info"
    assert any("by definition" in remark and "does not count" in remark for remark in found.quality.remarks)


def test_a_way_back_that_is_off_is_told_in_millimetres(subject):
    backward = sitk.CompositeTransform([sitk.TranslationTransform(3, (0.0, 7.0, 0.0)), TRUTH.GetInverse()])
    found = assess(replace(subject, backward=backward), long_checks=["inverse_consistency"])
    assert values(found, "inverse_consistency_p95") == [pytest.approx(7.0, abs=1e-3)]
    assert found.quality.state == "fail"
    assert "inverse_consistency_mm" in found.maps


def test_going_by_a_third_volume_is_measured(subject):
    middle = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, 0.0, 0.0, (1.0, 2.0, 3.0))
    rest = sitk.CompositeTransform([sitk.TranslationTransform(3, (0.0, 0.0, 4.0)), TRUTH, middle.GetInverse()])
    found = assess(replace(subject, to_third=middle, from_third=rest))
    assert values(found, "transitivity_p95") == [pytest.approx(4.0, abs=1e-3)]


@pytest.mark.slow
def test_the_recipe_is_run_again_for_the_long_checks(subject):
    result = register(subject.fixed, subject.moving, load_preset("rigid"))
    ran = replace(subject, transform=result.transform, recipe=result.recipe, result=result)
    found = assess(ran, long_checks=LONG_CHECKS)
    for measure in ("inverse_consistency_p95", "repeatability_p95", "simulated_error_p95"):
        assert values(found, measure)[0] < 2.0
    assert set(found.maps) >= {"inverse_consistency_mm", "repeatability_mm", "simulated_error_mm"}
    assert found.quality.run["seed"] == result.recipe.seed
    assert found.quality.recipe["name"] == "rigid"


def test_another_volume_than_was_registered_is_said(subject):
    result = register(subject.fixed, subject.moving, load_preset("translation"))
    other = replace(subject, transform=result.transform, result=result, moving=subject.moving + 1)
    remarks = " | ".join(assess(other).quality.remarks)
    assert "this moving volume is not the one that was registered" in remarks
    assert "this fixed volume" not in remarks


@pytest.mark.slow
def test_the_sample_heads_pass_with_their_truth():
    sample = SAMPLES["ct-mr"]
    fixed, moving = (read_volume(sample_path(name)).image for name in sample.files)
    points = [read_points(sample_path(f"landmarks_{name}.csv")) for name in ("ct", "mr_t1")]
    labels = [read_volume(sample_path(f"labels_{name}.nii.gz")).image for name in ("ct", "mr_t1")]
    landmarks = Landmarks(points[0][0], points[1][0], points[0][1])
    quality = assess(
        Subject(
            fixed,
            moving,
            read_truth("ct-mr"),
            fixed_labels=labels[0],
            moving_labels=labels[1],
            landmarks=landmarks,
        )
    ).quality
    assert quality.state != "fail"
    assert quality.verdict.state == "good"
    assert Grid.of(fixed).size_xyz == quality.fixed.size_xyz
