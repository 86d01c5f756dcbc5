"""Similarity of intensities against closed forms and scikit-image."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import mean_squared_error, normalized_mutual_information, structural_similarity

from napari_coreg.core.geometry import Grid
from napari_coreg.core.similarity import overlap_mask, similarity
from napari_coreg.errors import GeometryError, VolumeError


def image_of(values: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(values)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    first = random.normal(100, 20, (9, 10, 11)).astype(np.float32)
    return first, (0.6 * first + random.normal(0, 9, first.shape)).astype(np.float32)


def test_similarity_agrees_with_numpy_and_scikit_image(pair):
    f, w = pair
    found = similarity(image_of(f), image_of(w), bins=20)
    assert found.mean_squares == pytest.approx(mean_squared_error(f, w))
    assert found.root_mean_square == pytest.approx(math.sqrt(mean_squared_error(f, w)))
    assert found.correlation == pytest.approx(np.corrcoef(f.ravel(), w.ravel())[0, 1])
    assert found.normalized_mutual_information == pytest.approx(normalized_mutual_information(f, w, bins=20), rel=1e-3)
    assert found.voxels == f.size


def test_similarity_looks_only_where_the_mask_is(pair):
    f, w = pair
    mask = np.zeros(f.shape, np.uint8)
    mask[2:5, 3:9, 1:8] = 7
    spoilt = np.where(mask > 0, w, 1e6).astype(np.float32)
    found = similarity(image_of(f), image_of(spoilt), image_of(mask))
    assert asdict(found) == pytest.approx(asdict(similarity(image_of(f[2:5, 3:9, 1:8]), image_of(w[2:5, 3:9, 1:8]))))


def test_similarity_leaves_nan_out(pair):
    f, w = pair
    holed = w.copy()
    holed[0] = np.nan
    found, expected = similarity(image_of(f), image_of(holed)), similarity(image_of(f[1:]), image_of(w[1:]))
    assert asdict(found) == pytest.approx(asdict(expected))


def test_mutual_information_of_an_image_with_itself_is_its_entropy():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 16).reshape(4, 4, 4)
    found = similarity(image_of(values), image_of(values), bins=4)
    assert found.mutual_information == pytest.approx(math.log(4))
    assert found.normalized_mutual_information == pytest.approx(2)


def test_mutual_information_sees_through_inverted_contrast(pair):
    f, _ = pair
    assert similarity(image_of(f), image_of(-f)).normalized_mutual_information == pytest.approx(2, rel=0.02)
    assert similarity(image_of(f), image_of(-f)).correlation == pytest.approx(-1)


def test_constant_volumes_have_no_correlation():
    flat = image_of(np.ones((4, 4, 4), np.float32))
    found = similarity(flat, flat)
    assert found.correlation is None
    assert found.normalized_mutual_information is None
    assert found.mutual_information == 0


def test_similarity_refuses_other_sizes_and_empty_masks(pair):
    f, w = pair
    with pytest.raises(GeometryError, match="on one grid"):
        similarity(image_of(f), image_of(w[1:]))
    with pytest.raises(VolumeError, match="do not overlap"):
        similarity(image_of(f), image_of(w), image_of(np.zeros(f.shape, np.uint8)))


def test_overlap_is_where_the_transform_ends_in_the_moving_grid():
    grid = Grid((10, 8, 6), (1.0, 2.0, 3.0), (5.0, 5.0, 5.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    shift = sitk.TranslationTransform(3, (3.0, 0.0, -6.0))
    inside = sitk.GetArrayFromImage(overlap_mask(grid, grid, shift))
    assert inside[2:, :, :7].all()
    assert inside.sum() == 4 * 8 * 7


def smooth(seed: int, shape: tuple[int, ...], sigma: float = 1.5) -> np.ndarray:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 100, shape), sigma)


def local_correlation_by_hand(f: np.ndarray, w: np.ndarray, inside: np.ndarray, radius: tuple[int, ...]) -> float:
    found = []
    extent = [int(np.ptp(np.nonzero(inside)[axis])) + 1 for axis in range(f.ndim)]
    fitting = np.prod([min(2 * half + 1, size) for half, size in zip(radius, extent, strict=True)])
    for place in np.argwhere(inside):
        pairs = zip(place, radius, strict=True)
        box = tuple(slice(max(0, int(at) - half), int(at) + half + 1) for at, half in pairs)
        here = inside[box]
        if here.sum() >= fitting / 4:
            found.append(np.corrcoef(f[box][here], w[box][here])[0, 1] ** 2)
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("shape", "spacing_xyz", "radius"),
    [
        ((11, 12, 13), (1.0, 1.0, 1.0), (4, 4, 4)),
        ((9, 20, 18), (0.8, 0.8, 3.0), (2, 6, 6)),
        ((24, 31), (0.5, 0.5), (4, 4)),
        ((3, 16, 17), (1.0, 1.0, 1.0), (4, 4, 4)),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_local_correlation_is_the_mean_of_squared_correlations_in_boxes(shape, spacing_xyz, radius, masked):
    f = smooth(1, shape)
    w = f * np.linspace(-2, 3, f.shape[-1]) + smooth(2, shape)
    inside = smooth(3, shape) > -10 if masked else np.ones(shape, bool)
    fixed, warped = image_of(f), image_of(w)
    fixed.SetSpacing(spacing_xyz)
    found = similarity(fixed, warped, image_of(inside.astype(np.uint8)) if masked else None)
    assert found.local_correlation == pytest.approx(local_correlation_by_hand(f, w, inside, radius), rel=1e-9)


def test_local_correlation_is_that_of_itk_but_for_its_corners():
    f = smooth(4, (40, 40, 40), 1)
    fixed, warped = image_of(f), image_of(f + smooth(5, f.shape, 1))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsANTSNeighborhoodCorrelation(4)
    value = method.MetricEvaluate(sitk.Cast(fixed, sitk.sitkFloat32), sitk.Cast(warped, sitk.sitkFloat32))
    assert similarity(fixed, warped).local_correlation == pytest.approx(-value, rel=3e-3)


def test_local_correlation_is_1_whatever_becomes_of_contrast_and_brightness():
    f = smooth(6, (12, 14, 16))
    found = similarity(image_of(f), image_of(700 - 3 * f))
    assert found.local_correlation == pytest.approx(1)
    assert found.structural_similarity < 0.1


def test_flat_boxes_tell_nothing_but_what_only_one_volume_shows_counts_against_it():
    f = np.zeros((30, 30, 30))
    f[10:20, 10:20, 10:20] = smooth(7, (10, 10, 10))
    assert similarity(image_of(f), image_of(f)).local_correlation == pytest.approx(1)
    elsewhere = np.zeros(f.shape)
    elsewhere[25:] = smooth(8, (5, 30, 30))
    assert similarity(image_of(f), image_of(elsewhere)).local_correlation < 0.01
    flat = image_of(np.ones(f.shape))
    assert similarity(flat, flat).local_correlation is None
    assert similarity(flat, flat).structural_similarity is None


@pytest.mark.parametrize("shape", [(12, 14, 16), (20, 26), (5, 14, 16), (4, 9, 9)])
def test_structural_similarity_is_that_of_scikit_image(shape):
    f, w = smooth(9, shape), smooth(9, shape) + 0.4 * smooth(10, shape)
    window = min(7, shape[0] - 1 + shape[0] % 2)
    expected = structural_similarity(f, w, data_range=np.ptp(f), win_size=window)
    assert similarity(image_of(f), image_of(w)).structural_similarity == pytest.approx(expected)


def test_structural_similarity_heeds_nothing_beyond_the_mask():
    f, w = smooth(11, (14, 20, 22)), smooth(12, (14, 20, 22))
    mask = np.zeros(f.shape, np.uint8)
    mask[2:12, 3:15, 4:20] = 1
    mask[2:5, 3:6, 4:9] = 0
    within = ndimage.minimum_filter(mask, 7, mode="constant") > 0
    local = structural_similarity(f, w, data_range=np.ptp(f[mask > 0]), full=True)[1]
    spoilt = np.where(mask > 0, w, np.nan)
    found = similarity(image_of(f), image_of(spoilt), image_of(mask)).structural_similarity
    assert found == pytest.approx(local[within].mean())
    assert similarity(image_of(f), image_of(w), image_of(mask)).structural_similarity == pytest.approx(found)


def test_volumes_thinner_than_a_window_have_no_structural_similarity():
    f = smooth(13, (2, 12, 12))
    assert similarity(image_of(f), image_of(f)).structural_similarity is None


def test_local_measures_are_left_out_where_they_are_not_wanted(pair):
    f, w = pair
    found, whole = similarity(image_of(f), image_of(w), local=False), similarity(image_of(f), image_of(w))
    assert found.local_correlation is None
    assert found.structural_similarity is None
    assert found == replace(whole, local_correlation=None, structural_similarity=None)


@settings(max_examples=15, deadline=None)
@given(voxels=st.integers(300, 4000), seed=st.integers(0, 2**16), margin=st.booleans())
def test_blocks_change_nothing(voxels, seed, margin):
    f, w = smooth(seed, (23, 12, 10)), smooth(seed + 1, (23, 12, 10))
    mask = image_of((smooth(seed + 2, f.shape) > -24).astype(np.uint8)) if margin else None
    with pytest.MonkeyPatch.context() as patch:
        whole = similarity(image_of(f), image_of(w), mask)
        patch.setattr("napari_coreg.core.paired_values.BLOCK_VOXELS", voxels)
        assert asdict(similarity(image_of(f), image_of(w), mask)) == pytest.approx(asdict(whole), rel=1e-9)


def test_numbers_keep_their_digits_far_from_0(pair):
    f, w = (values.astype(np.float64) for values in pair)
    found, far = similarity(image_of(f), image_of(w)), similarity(image_of(f + 1e7), image_of(w + 1e7))
    assert far.correlation == pytest.approx(found.correlation, rel=1e-7)
    assert far.local_correlation == pytest.approx(found.local_correlation, rel=1e-6)
