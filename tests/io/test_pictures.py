"""The PNG of before and after."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from napari_coreg.errors import FileError
from napari_coreg.io.pictures import overlay, save_overlay


@pytest.fixture(scope="module")
def pair():
    fixed = sitk.GaussianSource(sitk.sitkFloat32, [24, 20, 12], [6, 5, 6], [12, 10, 12], 100, [0, 0, 0], [1, 1, 2])
    moving = sitk.GaussianSource(sitk.sitkFloat32, [24, 20, 12], [6, 5, 6], [17, 10, 12], 100, [0, 0, 0], [1, 1, 2])
    return fixed, moving


def test_the_file_holds_the_picture(pair, tmp_path):
    shift = sitk.TranslationTransform(3, (5.0, 0.0, 0.0))
    path = save_overlay(tmp_path / "overlay.png", *pair, shift, pixels=96)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(np.asarray(opened), overlay(*pair, shift, pixels=96))
    assert [item.name for item in tmp_path.iterdir()] == ["overlay.png"]


def test_before_and_after_differ_by_the_transform_only(pair):
    still = overlay(*pair, sitk.Transform(3, sitk.sitkIdentity), pixels=96)
    moved = overlay(*pair, sitk.TranslationTransform(3, (5.0, 0.0, 0.0)), pixels=96)
    assert still.shape == moved.shape
    assert not np.array_equal(still, moved)
    width = 96 + 10
    panels = [still[60:, 10 + number * width : 10 + number * width + 96] for number in range(4)]
    words = np.s_[24:]  # below the plane's name, which stands in the first column only
    np.testing.assert_array_equal(panels[0][words, 60:], panels[1][words, 60:])
    np.testing.assert_array_equal(panels[2], panels[3])


def test_names_that_cannot_be_written_are_refused(pair, tmp_path):
    identity = sitk.Transform(3, sitk.sitkIdentity)
    with pytest.raises(FileError, match=r"\.png"):
        save_overlay(tmp_path / "overlay.jpg", *pair, identity)
    with pytest.raises(FileError, match="does not exist"):
        save_overlay(tmp_path / "no" / "overlay.png", *pair, identity)
    assert list(tmp_path.iterdir()) == []
