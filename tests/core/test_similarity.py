"""Similarity of intensities against closed forms and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from skimage.metrics import mean_squared_error, normalized_mutual_information

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
    assert found == similarity(image_of(f[2:5, 3:9, 1:8]), image_of(w[2:5, 3:9, 1:8]))


def test_similarity_leaves_nan_out(pair):
    f, w = pair
    holed = w.copy()
    holed[0] = np.nan
    assert similarity(image_of(f), image_of(holed)) == similarity(image_of(f[1:]), image_of(w[1:]))


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
