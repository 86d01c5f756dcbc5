"""The checks before a run: each finding where it belongs, none on a sound pair, and no image that upsets them."""

from __future__ import annotations

import ast
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg import Recipe, load_preset, read_volume, read_volumes, register
from napari_coreg.core import preflight
from napari_coreg.core.geometry import Grid
from napari_coreg.core.preflight import Finding, check_pair
from napari_coreg.core.pyramid import prepare
from napari_coreg.errors import CoregError, RecipeError, RegistrationError
from napari_coreg.samples import SAMPLES, sample_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

RNG = np.random.default_rng(7)
MEAN_SQUARES = {"kind": "mean_squares"}


def volume(
    values: NDArray[Any], spacing: Sequence[float] = (2.0, 2.0, 2.0), origin: Sequence[float] = (-40.0, -36.0, -32.0)
) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(list(spacing))
    image.SetOrigin(list(origin))
    return image


def head(size: Sequence[int] = (40, 36, 32)) -> NDArray[np.float32]:
    """A bright ellipsoid with some texture in noisy air, shape zyx."""
    zyx = np.meshgrid(*[np.linspace(-1.3, 1.3, n) for n in reversed(size)], indexing="ij")
    inside = sum(axis**2 for axis in zyx) < 1
    texture = np.sin(3 * zyx[0]) + np.cos(5 * zyx[1] + 2 * zyx[-1])
    return np.where(inside, 100 + 20 * texture, 4).astype(np.float32) + RNG.uniform(0, 4, inside.shape).astype("f4")


def hounsfield(size: Sequence[int] = (40, 36, 32)) -> NDArray[np.int16]:
    """Air at -1000 about soft tissue and a little bone, shape zyx."""
    values = head(size)
    tissue = np.where(values > 130, 900, 40) + RNG.integers(-15, 15, values.shape)
    return np.where(values > 20, tissue, -1000 + RNG.integers(-10, 10, values.shape)).astype(np.int16)


def keys(findings: Sequence[Finding], *severities: str) -> set[str]:
    return {finding.key for finding in findings if not severities or finding.severity in severities}


def the(findings: Sequence[Finding], key: str) -> Finding:
    (found,) = [finding for finding in findings if finding.key == key]
    return found


def recipe(kind: str = "rigid", **changes: Any) -> Recipe:
    stage = {"kind": kind} | {key: changes.pop(key) for key in list(changes) if key not in Recipe.model_fields}
    return Recipe.model_validate({"name": "mine", "stages": [stage], **changes})


# Sound pairs


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_pair_and_its_recipe_are_sound(sample):
    fixed, moving = (read_volume(sample_path(name)).image for name in sample.files)
    assert keys(check_pair(fixed, moving, sample.recipe)) <= {"needs", "left_handed"}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("fixed", "moving", "preset"),
    [
        ("chris/chris_t1.nii.gz", "chris/chris_PD.nii.gz", "mr-mr-same-person"),
        ("chris/chris_t1.nii.gz", "chris/chris_MRA.nii.gz", "rigid"),
        ("colin27/ch2.nii.gz", "chris/chris_t1.nii.gz", "affine"),
        ("fsaverage/brain.nii.gz", "mne_seeg/brain.nii.gz", "brain-to-atlas"),
        ("mridir_head/mr_t2.nii.gz", "chris/chris_t1.nii.gz", "rigid"),
    ],
)
def test_a_sound_real_pair_gives_no_warning(real_data, fixed, moving, preset):
    images = [read_volume(real_data / path).image for path in (fixed, moving)]
    assert keys(check_pair(*images, preset), "error", "warning") == set()


@pytest.mark.real_data
def test_two_real_series_with_their_modalities_give_no_warning(real_data):
    fixed, moving = read_volumes(real_data / "brain_t1_t2_dicom")
    findings = check_pair(
        fixed.image, moving.image, "follow-up", fixed_modality=fixed.modality, moving_modality=moving.modality
    )
    assert keys(findings, "error", "warning") == set()


@pytest.mark.real_data
def test_the_padding_of_a_real_ct_is_found_and_the_fix_leaves_it_out(real_data):
    fixed, moving = (read_volume(real_data / "mridir_head" / name).image for name in ("ct.nii.gz", "mr_t2.nii.gz"))
    findings = check_pair(fixed, moving, "ct-mr-head")
    padding = the(findings, "padding")
    assert "-2048" in padding.value
    assert keys(findings, "error", "warning") == {"padding"}
    assert keys(check_pair(fixed, moving, padding.fix.recipe), "error", "warning") == set()
    prepared = sitk.GetArrayFromImage(prepare(fixed, padding.fix.recipe.preprocessing))
    assert -1100 < prepared.min() < -900


def test_every_finding_says_what_its_value_and_a_remedy_the_gravest_first():
    nan = head()
    nan[3, 4, 5] = np.nan
    fixed = volume(nan, (0.5, 0.5, 15.0), (0, 0, 0))
    mask = volume(np.ones((3, 3, 3), np.uint8))
    findings = check_pair(fixed, volume(hounsfield()), recipe("rigid", metric=MEAN_SQUARES), moving_mask=mask)
    assert {"not_finite", "anisotropic", "mask_small", "mask_grid", "needs"} <= keys(findings)
    order = [("error", "warning", "note").index(finding.severity) for finding in findings]
    assert order == sorted(order)
    for finding in findings:
        assert finding.what
        assert finding.value
        assert finding.remedy.endswith(".")


# What register would refuse


def refusals() -> dict[str, tuple[str, Callable[[], dict[str, Any]]]]:
    def sheared() -> sitk.Image:
        image = volume(head())
        image.SetDirection([1, 0.3, 0, 0, 1, 0, 0, 0, 1])
        return image

    def nowhere() -> sitk.Image:
        image = volume(head())
        image.SetOrigin([float("nan"), 0, 0])
        return image

    def with_value(value: float) -> sitk.Image:
        values = head().astype(np.float64)
        values[0, :2, 0] = value
        return volume(values)

    good = volume(head())
    vectors = sitk.Compose(good, good)
    flat = sitk.AffineTransform([1, 0, 0, 0, 1, 0, 0, 0, 0], [0.0] * 3)
    return {
        "frames": ("dimension", lambda: {"fixed": sitk.Image([5, 5, 5, 2], sitk.sitkFloat32)}),
        "slice and volume": ("dimensions_differ", lambda: {"moving": good[:, :, 3]}),
        "single slice": ("thin_axis", lambda: {"fixed": volume(head()[:1])}),
        "three slices": ("thin_axis", lambda: {"moving": volume(head()[:3])}),
        "nowhere": ("position", lambda: {"fixed": nowhere()}),
        "sheared": ("sheared", lambda: {"moving": sheared()}),
        "vectors": ("not_scalar", lambda: {"fixed": vectors}),
        "complex": ("not_scalar", lambda: {"fixed": sitk.Image([8, 8, 8], sitk.sitkComplexFloat32)}),
        "label map": ("not_scalar", lambda: {"fixed": sitk.Image([8, 8, 8], sitk.sitkLabelUInt8)}),
        "NaN": ("not_finite", lambda: {"moving": with_value(np.nan)}),
        "infinity": ("not_finite", lambda: {"moving": with_value(np.inf)}),
        "too large": ("too_large", lambda: {"fixed": with_value(1e60)}),
        "constant": ("constant", lambda: {"fixed": volume(np.full((9, 9, 9), 5, np.int16))}),
        "mask of a slice": ("mask_unusable", lambda: {"fixed_mask": good[:, :, 3]}),
        "mask of vectors": ("mask_unusable", lambda: {"fixed_mask": vectors}),
        "mask with NaN": ("mask_unusable", lambda: {"moving_mask": with_value(np.nan)}),
        "empty mask": ("mask_empty", lambda: {"moving_mask": good * 0}),
        "mask outside": ("mask_outside", lambda: {"fixed_mask": volume(head(), origin=(900, 0, 0))}),
        "flat transform": ("initial_transform", lambda: {"initial_transform": flat}),
        "2-D transform": ("initial_transform", lambda: {"initial_transform": sitk.TranslationTransform(2)}),
    }


@pytest.mark.parametrize(("key", "changes"), refusals().values(), ids=refusals())
def test_what_register_refuses_is_an_error_here_and_not_an_exception(key, changes):
    given_images = {"fixed": volume(head()), "moving": volume(head()), **changes()}
    assert key in keys(check_pair(**given_images, recipe="rigid"), "error")
    with pytest.raises(CoregError):
        register(**given_images, recipe="rigid")


def test_a_recipe_that_is_none_is_refused_like_everywhere():
    with pytest.raises(RecipeError):
        check_pair(volume(head()), volume(head()), "magic")


def test_all_that_is_wrong_is_told_at_once():
    nan = head()
    nan[:2] = np.nan
    away = volume(np.full((9, 9, 9), 5, np.int16), origin=(5000, 0, 0))
    findings = check_pair(volume(nan), away, recipe("rigid", initialization="given"))
    assert {"not_finite", "constant", "no_overlap"} <= keys(findings, "error")
    assert the(findings, "not_finite").value == f"{2 * 36 * 40} of {nan.size} voxels, 6.2 %"


# Where they lie


def test_volumes_that_do_not_meet_are_an_error_only_where_the_positions_are_trusted():
    fixed, moving = volume(head()), volume(head(), origin=(500, 0, 0))
    trusting = recipe("rigid", initialization="given")
    error = the(check_pair(fixed, moving, trusting), "no_overlap")
    assert (error.severity, error.fix.flag, error.fix.recipe.initialization) == ("error", "--initial auto", "auto")
    with pytest.raises(RegistrationError):
        register(fixed, moving, trusting)
    assert the(check_pair(fixed, moving, error.fix.recipe), "no_overlap").severity == "note"
    there = sitk.TranslationTransform(3, (540.0, 36.0, 32.0))
    assert not keys(check_pair(fixed, moving, trusting, initial_transform=there)) & {"no_overlap", "small_overlap"}
    back = the(check_pair(fixed, moving, trusting, initial_transform=there.GetInverse()), "no_overlap")
    assert (back.severity, back.fix) == ("error", None)


def test_a_small_overlap_counts_against_the_smaller_volume():
    fixed, slab = volume(head((80, 72, 64))), volume(head((40, 36, 8)))
    trusting = recipe("rigid", initialization="given")
    assert "small_overlap" not in keys(check_pair(fixed, slab, trusting))
    assert "small_overlap" not in keys(check_pair(slab, fixed, trusting))
    slab.SetOrigin((-40 + 0.9 * 160, -36, -32))
    for pair in ((fixed, slab), (slab, fixed)):
        assert the(check_pair(*pair, trusting), "small_overlap").severity == "warning"


def test_a_sliver_is_no_error():
    fixed, moving = volume(head()), volume(head(), origin=(38.5, -36, -32))  # which ends at 39
    sliver = the(check_pair(fixed, moving, recipe("rigid", initialization="given")), "small_overlap")
    assert (sliver.severity, sliver.value) == ("warning", "less than 1 % of the smaller one")


def test_the_overlap_follows_a_turned_start_and_a_deformation():
    fixed, moving = volume(head()), volume(head(), origin=(-40, -36, 300))
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), np.pi, 0.0, 0.0, (0.0, 0.0, 332.0))
    assert "no_overlap" not in keys(check_pair(fixed, moving, "rigid", initial_transform=turn))
    field = sitk.DisplacementFieldTransform(3)
    field.SetDisplacementField(sitk.Image([4, 4, 4], sitk.sitkVectorFloat64))
    assert the(check_pair(fixed, moving, "rigid", initial_transform=field), "no_overlap").severity == "error"


@pytest.mark.parametrize(
    ("factor", "key"), [(1000.0, "units_differ"), (0.001, "units_differ"), (0.1, "units_differ"), (1.0, None)]
)
def test_units_that_differ_are_found(factor, key):
    moving = volume(head((38, 36, 33)), [2 * factor] * 3, [-38 * factor] * 3)
    found = keys(check_pair(volume(head()), moving), "warning")
    assert found == ({key, "size"} if factor in (1000.0, 0.001) else {key} if key else set())


def test_two_volumes_of_a_microscope_are_only_noted():
    images = [volume(head(), (0.01, 0.01, 0.01), (0, 0, 0)), volume(head((38, 36, 33)), (0.01,) * 3, (0, 0, 0))]
    findings = check_pair(*images)
    assert {finding.severity for finding in findings if finding.key == "size"} == {"note"}


def test_a_missing_spacing_is_found_where_1_mm_is_not_plausible():
    bare = sitk.GetImageFromArray(head((64, 64, 16)))
    assert the(check_pair(bare, volume(head())), "no_spacing").severity == "warning"
    nifti_like = sitk.Image(bare)  # without qform and sform, its centre lies at the origin
    nifti_like.SetDirection([-1, 0, 0, 0, -1, 0, 0, 0, 1])
    nifti_like.SetOrigin([31.5, 31.5, -7.5])
    assert "no_spacing" in keys(check_pair(volume(head()), nifti_like), "warning")
    cube = sitk.GetImageFromArray(head((40, 36, 32)))
    assert "no_spacing" in keys(check_pair(cube, volume(head((40, 36, 32)), (5, 5, 5))))  # 40 mm, the other 200
    assert "no_spacing" not in keys(check_pair(cube, volume(head((40, 36, 32)), (1.1, 1.1, 1.1))))
    assert "no_spacing" not in keys(check_pair(cube[:, :, 4], cube[:, :, 6]))


def test_long_voxels_are_noted_and_very_long_ones_warned_of():
    for spacing, severity in (((1, 1, 5), None), ((0.5, 0.5, 5), "note"), ((0.2, 0.2, 5), "warning")):
        findings = check_pair(volume(head(), spacing), volume(head()))
        assert [finding.severity for finding in findings if finding.key == "anisotropic"] == [severity] * bool(severity)


def test_left_handed_axes_are_noted():
    image = volume(head())
    image.SetDirection([1, 0, 0, 0, 1, 0, 0, 0, -1])
    assert the(check_pair(volume(head()), image), "left_handed").severity == "note"


def test_very_different_fields_of_view_and_resolutions_are_told():
    large, small = volume(head(), (4, 4, 4), (-80, -72, -64)), volume(head(), (0.9, 0.9, 0.9), (-18, -16, -14))
    findings = check_pair(large, small)
    assert the(findings, "field_of_view").severity == the(findings, "resolution").severity == "note"
    misled = the(check_pair(large, small, recipe("rigid", initialization="centre")), "field_of_view")
    assert (misled.severity, misled.fix.recipe.initialization) == ("warning", "auto")


# What they hold


def test_a_nearly_constant_volume_is_found():
    values = np.zeros((32, 36, 40), np.int16)
    values[10:13, 10:13, 10:13] = RNG.integers(1, 99, (3, 3, 3))
    assert "nearly_constant" in keys(check_pair(volume(head()), volume(values)), "warning")


def test_labels_and_masks_are_told_from_images():
    labels = np.digitize(head(), [50, 95, 110]).astype(np.uint8)
    for values, word in ((labels, "labels"), (labels > 0, "a mask")):
        finding = the(check_pair(volume(head()), volume(values.astype(np.uint8))), "labels")
        assert (finding.severity, word in finding.what) == ("warning", True)
    assert "labels" not in keys(check_pair(volume(head()), volume(head().astype(np.uint8))))


def test_the_same_volume_twice_is_a_warning_in_the_same_place_only():
    image = volume(head())
    assert the(check_pair(image, sitk.Image(image)), "same_volume").severity == "warning"
    moved = sitk.Image(image)
    moved.SetOrigin((0, 0, 0))
    assert the(check_pair(image, moved), "same_volume").severity == "note"
    other = sitk.Image(image)
    other[7, 9, 11] = 60.0
    assert "same_volume" not in keys(check_pair(image, other))


def test_a_background_that_dominates_is_noted_with_the_foreground_as_fix():
    values = np.zeros((64, 72, 80), np.float32)
    values[16:48, 18:54, 20:60] = head()
    findings = check_pair(volume(values), volume(head()))
    background = the(findings, "background")
    assert background.fix.recipe.preprocessing.foreground_only
    assert "background" not in keys(check_pair(volume(values), volume(head()), background.fix.recipe))
    assert "background" not in keys(check_pair(volume(head()), volume(values)))  # only the fixed one is sampled


def test_padding_is_found_below_and_above_and_the_fix_clips_it():
    low, high = hounsfield(), head().astype(np.int16)
    low[:, :, :6] = -2048
    high[:, :3] = 32767
    for values, end in ((low, 0), (high, 1)):
        finding = the(check_pair(volume(values), volume(head())), "padding")
        clipped = finding.fix.recipe.preprocessing.clip_percentiles
        assert np.ptp(np.clip(values, *np.percentile(values, clipped))) < 2500
        assert clipped[1 - end] == (100.0, 0.0)[end]
        assert "padding" not in keys(check_pair(volume(values), volume(head()), finding.fix.recipe))


def test_zero_and_the_air_of_a_ct_are_no_padding():
    stripped = np.where(head() > 20, head() + 800, 0)
    ct = hounsfield()
    ct[:, :, :6] = -1024
    assert "padding" not in keys(check_pair(volume(stripped), volume(ct)))


def test_a_mask_over_the_padding_is_enough():
    values = hounsfield()
    values[:, :, :6] = -2048
    mask = volume((values > -2048).astype(np.uint8))
    assert "padding" not in keys(check_pair(volume(values), volume(head()), fixed_mask=mask))


# Metric


@pytest.mark.parametrize("metric", ["mean_squares", "correlation"])
@pytest.mark.parametrize(
    ("kinds", "modalities", "flag"),
    [
        (("rigid",), ("CT", "MR"), "--recipe ct-mr-head"),
        (("rigid",), ("MR", "PT"), "--recipe pet-mr-head"),
        (("rigid", "affine"), ("MR", "CT"), "--recipe rigid-affine"),
        (("similarity",), ("CT", "MR"), "--set 'stages.0.metric={"),
    ],
)
def test_a_metric_for_one_modality_is_warned_of_where_there_are_two(metric, kinds, modalities, flag):
    stages = [{"kind": kind, "metric": {"kind": metric}} for kind in kinds]
    mine = Recipe.model_validate({"name": "mine", "stages": stages})
    told = {"fixed_modality": modalities[0], "moving_modality": modalities[1]}
    finding = the(check_pair(volume(head()), volume(head((38, 36, 32))), mine, **told), "metric")
    assert finding.severity == "warning"
    assert finding.fix.flag.startswith(flag)
    assert [stage.kind for stage in finding.fix.recipe.stages] == list(kinds)
    assert {stage.metric.kind for stage in finding.fix.recipe.stages} == {"mattes_mutual_information"}
    same = check_pair(volume(head()), volume(head((38, 36, 32))), mine, fixed_modality="MR", moving_modality="MR")
    assert "metric" not in keys(same)


def test_what_a_ct_looks_like_is_enough_for_the_warning_and_mutual_information_needs_none():
    ct, mr = volume(hounsfield()), volume(head())
    finding = the(check_pair(ct, mr, "follow-up"), "metric")
    assert "looks like CT" in finding.value
    assert "metric" not in keys(check_pair(ct, mr, "rigid"))
    assert "metric" not in keys(check_pair(ct, volume(hounsfield((38, 36, 33))), "follow-up"))


def test_mean_squares_is_warned_of_where_the_intensities_differ():
    dark, bright = volume(head()), volume(10 * head((38, 36, 33)))
    squares = recipe("rigid", metric=MEAN_SQUARES)
    finding = the(check_pair(dark, bright, squares), "intensities_differ")
    assert finding.fix.flag == "--recipe rigid"
    assert "intensities_differ" not in keys(check_pair(dark, bright, recipe("rigid", metric={"kind": "correlation"})))
    assert "intensities_differ" not in keys(check_pair(dark, volume(head((38, 36, 33))), squares))


# Masks


def test_masks_are_judged_by_what_they_mark_of_their_volume():
    image, everything = volume(head()), np.ones((32, 36, 40), np.uint8)
    little = everything * 0
    little[:4, :4, :4] = 1
    labels = np.digitize(head(), [50, 95, 110]).astype(np.uint8)
    assert the(check_pair(image, volume(head()), fixed_mask=volume(everything)), "mask_full").severity == "note"
    assert the(check_pair(image, volume(head()), moving_mask=volume(little)), "mask_small").severity == "warning"
    assert the(check_pair(image, volume(head()), fixed_mask=volume(labels)), "mask_labels").severity == "note"
    assert the(check_pair(image, volume(head()), fixed_mask=image), "mask_grey").severity == "warning"
    part = (head() > 50).astype(np.uint8)
    assert not {key for key in keys(check_pair(image, volume(head()), fixed_mask=volume(part))) if "mask" in key}
    other_grid = volume(part[::2, ::2, ::2], (4, 4, 4))
    assert the(check_pair(image, volume(head()), fixed_mask=other_grid), "mask_grid").severity == "note"


def test_a_mask_that_leaves_few_points_is_warned_of():
    mask = np.zeros((32, 36, 40), np.uint8)
    mask[14:17, 16:19, 18:21] = 1
    finding = the(check_pair(volume(head()), volume(head()), fixed_mask=volume(mask)), "few_samples")
    assert "stage 1, level 1" in finding.what


# Levels, B-splines, needs


def test_levels_that_cannot_be_shrunk_are_noted():
    small = head((24, 20, 18))
    assert the(check_pair(volume(small), volume(small)), "levels_alike").severity == "note"
    assert "levels_alike" not in keys(check_pair(volume(head((64, 64, 64))), volume(head())))


def test_smoothing_that_leaves_nothing_is_warned_of():
    wide = recipe("rigid", pyramid={"shrink_factors": [2], "smoothing_sigmas_mm": [40]}, sampling={"percentages": [9]})
    assert "smoothing" in keys(check_pair(volume(head()), volume(head()), wide), "warning")


def test_a_b_spline_finer_than_the_voxels_is_warned_of_and_widened():
    levels = {"shrink_factors": [2, 1], "smoothing_sigmas_mm": [0, 0]}
    common = {"pyramid": levels, "sampling": {"percentages": [20, 20]}}
    fine = recipe("bspline", grid_spacings_mm=[6, 3], **common)
    finding = the(check_pair(volume(head()), volume(head()), fine), "bspline_fine")
    assert finding.severity == "warning"
    assert "bspline_fine" not in keys(check_pair(volume(head()), volume(head()), finding.fix.recipe))
    register(volume(head()), volume(head()), finding.fix.recipe)


def test_a_b_spline_wider_than_the_volume_is_warned_of():
    one_level = {"pyramid": {"shrink_factors": [1], "smoothing_sigmas_mm": [0]}, "sampling": {"percentages": [20]}}
    wide = recipe("bspline", grid_spacings_mm=[200], **one_level)
    assert "bspline_wide" in keys(check_pair(volume(head()), volume(head()), wide), "warning")


def test_a_slow_engine_is_warned_of_and_the_fix_runs_on_ours():
    stage = {
        "engine": "simpleitk",
        "grid_spacings_mm": [4],
        "pyramid": {"shrink_factors": [1], "smoothing_sigmas_mm": [0]},
        "sampling": {"percentages": [100]},
        "metric": {"kind": "joint_histogram_mutual_information"},
    }
    slow = the(check_pair(volume(head()), volume(head()), recipe("bspline", **stage)), "slow")
    assert slow.fix.recipe.stages[0].engine == "coreg"
    assert Recipe.model_validate(slow.fix.recipe.model_dump()) == slow.fix.recipe
    assert "slow" not in keys(check_pair(volume(head()), volume(head()), slow.fix.recipe))


def test_time_and_memory_are_told_and_warned_of_where_memory_is_short(monkeypatch):
    # An image of one million voxels along x costs nothing here, as its levels are only planned.
    image = volume(head((200, 200, 100)))
    told = the(check_pair(image, image, "rigid"), "needs")
    assert told.severity == "note"
    assert "MB" in told.value
    assert "on two cores" in told.value
    monkeypatch.setattr("napari_coreg.core.preflight.needs.free_bytes", lambda: 60e6)
    assert "60 MB are free" in the(check_pair(image, image, "rigid"), "memory").value
    monkeypatch.setattr("napari_coreg.core.preflight.needs.free_bytes", lambda: None)
    assert "memory" not in keys(check_pair(image, image, "rigid"))


@pytest.mark.slow
def test_it_is_quick():
    values = np.tile(head((128, 128, 100)), (4, 4, 4))
    for image, seconds in ((volume(values[:181, :217, :181]), 0.3), (volume(values.astype(np.int16)), 1.0)):
        other = volume(sitk.GetArrayFromImage(image)[::-1])
        took = []
        for _ in range(3):
            began = time.perf_counter()
            check_pair(image, other, "bspline")
            took.append(time.perf_counter() - began)
        assert min(took) < seconds


# Any image at all

DTYPES = (np.uint8, np.int16, np.int32, np.int64, np.uint64, np.float32, np.float64)
ODD = st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e300, -1e40, 1e-300, 0.0])
NUMBERS = st.one_of(st.floats(-999, 999), st.floats(), ODD)
SPACINGS = st.one_of(st.floats(1e-3, 1e3), st.floats(1e-30, 1e30), st.sampled_from([float("nan"), float("inf")]))


@st.composite
def images(draw: st.DrawFn) -> sitk.Image:
    """Images of two to four axes, any values, anywhere."""
    n = draw(st.sampled_from([2, 3, 3, 3, 4]))
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.tuples(*[st.integers(1, 9)] * n))
    elements = draw(st.sampled_from([None, st.integers(0, 2).map(dtype)]))
    image = sitk.GetImageFromArray(draw(npst.arrays(dtype, shape, elements=elements)), isVector=False)
    if draw(st.booleans()):
        image.SetSpacing([draw(SPACINGS) for _ in range(n)])
        image.SetOrigin([draw(NUMBERS) for _ in range(n)])
    if draw(st.booleans()):
        axes = np.eye(n) + draw(npst.arrays(np.float64, (n, n), elements=st.floats(-0.3, 0.3)))
        image.SetDirection(axes.ravel().tolist())
    return image


@st.composite
def transforms(draw: st.DrawFn) -> sitk.Transform | None:
    n = draw(st.sampled_from([2, 3]))
    affine = sitk.AffineTransform(n)
    affine.SetParameters([draw(st.one_of(st.floats(-9, 9), NUMBERS)) for _ in affine.GetParameters()])
    bspline = sitk.BSplineTransform(n)
    return draw(st.sampled_from([None, affine, bspline, sitk.CompositeTransform([affine, bspline])]))


def state(image: sitk.Image) -> tuple[Any, ...]:
    return (repr(Grid.of(image)), image.GetPixelID(), sitk.GetArrayFromImage(image).tobytes())


@settings(deadline=None, max_examples=300)
@given(
    pair=st.tuples(images(), images()),
    masks=st.tuples(st.none() | images(), st.none() | images()),
    name=st.sampled_from(["rigid", "bspline", "follow-up", "brain-to-atlas"]),
    start=transforms(),
    told=st.tuples(*[st.sampled_from(["", "CT", "MR", "PT", "XA", " ?"])] * 2),
)
def test_no_image_upsets_it_and_none_is_changed(pair, masks, name, start, told):
    given_images = [image for image in (*pair, *masks) if image is not None]
    before = [state(image) for image in given_images]
    findings = check_pair(
        *pair,
        load_preset(name),
        fixed_mask=masks[0],
        moving_mask=masks[1],
        initial_transform=start,
        fixed_modality=told[0],
        moving_modality=told[1],
    )
    assert [state(image) for image in given_images] == before
    assert all(finding.what and finding.value and finding.remedy for finding in findings)


@settings(deadline=None, max_examples=60)
@given(pair=st.tuples(images(), images()))
def test_what_has_no_error_is_not_refused(pair):
    if not keys(check_pair(*pair, "translation"), "error"):
        with suppress(RegistrationError):  # it ran, and found nothing
            register(*pair, "translation")


def test_empty_images_do_not_upset_it():
    for size in ([0, 0], [0, 4, 4], [4, 4, 4, 0]):
        empty = sitk.Image(size, sitk.sitkFloat32)
        assert keys(check_pair(empty, volume(head()), fixed_mask=empty), "error")
        assert keys(check_pair(volume(head()), empty, moving_mask=empty), "error")


def test_a_recipe_file_will_do(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(recipe("rigid").to_json())
    assert "needs" in keys(check_pair(volume(head()), volume(head()), path))


def test_every_key_is_documented_and_no_other():
    page = Path(__file__).parents[2] / "docs" / "how-to" / "check-a-pair-before-the-run.md"
    documented = set(re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(preflight.__file__).parent.glob("*.py")]
    nodes = [node for source in sources for node in ast.walk(source)]
    calls = [node.args for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"]
    written = {args[1].value for args in calls if len(args) > 1 and isinstance(args[1], ast.Constant)}
    assert len(written) > 35
    assert written <= documented
    assert documented <= {node.value for node in nodes if isinstance(node, ast.Constant)}
