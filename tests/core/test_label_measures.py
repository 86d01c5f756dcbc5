"""Overlap of labels, distances of their surfaces and volumes against closed forms, SimpleITK and surface-distance."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.label_measures import dice_per_label
from napari_coreg.errors import GeometryError, VolumeError


def image_of(values: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(values)


@given(seed=st.integers(0, 2**16), dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32]))
def test_dice_is_twice_the_overlap_over_the_sum(seed, dtype):
    random = np.random.default_rng(seed)
    a, b = random.choice([0, 1, 2, 77], (2, 5, 6, 7)).astype(dtype)
    expected = {}
    for label in sorted(set(np.unique(a)) | set(np.unique(b)) - {0}):
        if label != 0:
            both = np.sum((a == label) & (b == label))
            expected[int(label)] = 2 * both / (np.sum(a == label) + np.sum(b == label))
    assert dice_per_label(image_of(a), image_of(b)) == pytest.approx(expected)


def test_dice_of_a_label_that_one_volume_lacks_is_0():
    a, b = np.zeros((2, 4, 4, 4), np.uint8)
    a[0], b[0], b[1] = 1, 1, 5
    assert dice_per_label(image_of(a), image_of(b)) == {1: 1.0, 5: 0.0}


def test_dice_refuses_intensities_empty_labels_and_other_grids():
    labels = image_of(np.ones((4, 4, 4), np.uint8))
    with pytest.raises(VolumeError, match="not whole numbers"):
        dice_per_label(labels, image_of(np.full((4, 4, 4), 0.5, np.float32)))
    with pytest.raises(VolumeError, match="-1 to -1"):
        dice_per_label(labels, image_of(np.full((4, 4, 4), -1, np.int16)))
    with pytest.raises(VolumeError, match="other than 0"):
        dice_per_label(labels * 0, labels * 0)
    with pytest.raises(GeometryError, match="different grids"):
        dice_per_label(labels, image_of(np.ones((4, 4, 5), np.uint8)))
