"""First guesses against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.initialize import centre_transform, moments_transform
from napari_coreg.errors import VolumeError

ANGLES = st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3)


@settings(deadline=None, max_examples=20)
@given(angles=ANGLES, left_handed=st.booleans())
def test_the_centre_goes_to_the_centre(phantom, angles, left_handed):
    fixed = phantom.image(phantom.grid(angles=angles, centre=(100.0, 50.0, -900.0)))
    moving = phantom.image(phantom.grid((20, 30, 25), left_handed=left_handed, centre=(-3.0, 4.0, 5.0)))
    found = centre_transform(fixed, moving).TransformPoint((100.0, 50.0, -900.0))
    np.testing.assert_allclose(found, (-3.0, 4.0, 5.0), atol=1e-9)


@settings(deadline=None, max_examples=10)
@given(angles=ANGLES, left_handed=st.booleans(), offset=st.sampled_from([0.0, -1000.0, 300.0]))
def test_moments_find_the_body_wherever_the_grids_lie(phantom, angles, left_handed, offset):
    truth = sitk.TranslationTransform(3, (12.0, -9.0, 15.0))
    fixed = phantom.image(phantom.grid((40, 40, 40), (2.5, 2.5, 2.5)), offset=offset)
    moving_grid = phantom.grid((36, 40, 44), (2.7, 2.4, 2.2), angles, left_handed=left_handed, centre=(8.0, -4.0, 9.0))
    found = moments_transform(fixed, phantom.image(moving_grid, truth, offset=offset))
    assert phantom.error_mm(found, truth) < 1.5


def test_moments_count_inside_the_masks_only(phantom):
    image = phantom.image(phantom.grid())
    bright = sitk.Image(image)
    bright[0:6, 0:6, 0:6] = 1e6
    mask = sitk.Image([8, 8, 8], sitk.sitkUInt8) + 1  # on another grid: the body, and not the bright corner
    mask.SetSpacing((6.0, 6.0, 6.0))
    mask.SetOrigin((-21.0, -21.0, -21.0))
    assert np.linalg.norm(moments_transform(image, bright).TransformPoint((0.0, 0.0, 0.0))) > 20
    found = moments_transform(image, bright, mask, mask)
    np.testing.assert_allclose(found.TransformPoint((0.0, 0.0, 0.0)), (0.0, 0.0, 0.0), atol=1e-9)


def test_moments_of_an_empty_mask_are_refused(phantom):
    image = phantom.image(phantom.grid())
    with pytest.raises(VolumeError, match="no voxel inside"):
        moments_transform(image, image, sitk.Image([4, 4, 4], sitk.sitkUInt8))
