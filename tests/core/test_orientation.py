"""Words for how a grid lies in the body."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core.geometry import Grid
from napari_coreg.core.orientation import letters_towards, opposite, orientation, orientation_words


def grid_of(direction):
    return Grid((8, 8, 8), (1.0,) * 3, (0.0,) * 3, tuple(np.asarray(direction, float).ravel().tolist()))


@pytest.mark.parametrize("degrees", [0.0, 4.6, 20.0])
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_words_tell_how_oblique_and_which_hand(degrees, mirror):
    direction = Rotation.from_euler("z", degrees, degrees=True).as_matrix() @ np.diag([mirror, 1, 1])
    words = orientation_words(grid_of(direction))
    assert words.startswith("LPS" if mirror > 0 else "RPS")
    assert (f"oblique {degrees:.1f} degrees" in words) == (degrees > 0)
    assert ("left-handed" in words) == (mirror < 0)


def test_letters_of_axes_are_those_of_simpleitk():
    for letters in ("LPS", "RAS", "PIR", "SLA", "ALI"):
        image = sitk.DICOMOrient(sitk.Image([4, 5, 6], sitk.sitkUInt8), letters)
        grid = Grid.of(image)
        assert orientation(grid) == letters
        towards = [letters_towards(axis) for axis in np.reshape(grid.direction, (3, 3)).T]
        assert "".join(towards) == letters


def test_a_slanted_direction_has_two_letters_and_a_nearly_straight_one_has_one():
    assert letters_towards((np.cos(0.6), 0, np.sin(0.6))) == "LS"
    assert letters_towards((np.cos(0.2), 0, np.sin(0.2))) == "L"
    assert opposite("LS") == "RI"


def test_a_2d_image_has_a_hand_and_no_letters():
    grid = Grid((4, 4), (1.0, 1.0), (0.0, 0.0), (-1.0, 0.0, 0.0, 1.0))
    assert orientation_words(grid) == "straight, left-handed"
