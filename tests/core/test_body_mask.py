"""Where the body is, in any geometry, and in volumes in which little stands out."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.body_mask import body_mask, body_or_all, finite

TURN = (0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, -1.0)  # oblique and left-handed
CENTRE = (40, 20, 10)  # index of the middle of the body, of 60 x 60 x 30 voxels of 1, 1.5 and 4 mm


def head(sign=1.0, hole=True):
    """An ellipsoid with a hole in it, turned, with noise."""
    x, y, z = np.meshgrid(*(np.arange(count) for count in (60, 60, 30)), indexing="ij")
    at = np.linalg.norm(np.stack([x - CENTRE[0], (y - CENTRE[1]) * 1.5, (z - CENTRE[2]) * 4.0]), axis=0)
    values = 100.0 * (at < 18) * (~(at < 3) if hole else 1.0) + np.random.default_rng(0).normal(0, 1, at.shape)
    image = sitk.GetImageFromArray((sign * values).astype(np.float32).T)
    image.SetSpacing((1.0, 1.5, 4.0))
    image.SetDirection(TURN)
    image.SetOrigin((-30.0, 12.0, 200.0))
    return image, (at < 18).T


def on_grid_of(mask, image):
    back = sitk.Resample(mask, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0)
    return sitk.GetArrayFromImage(back) != 0


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_body_is_found_where_it_lies_bright_or_dark_and_without_holes(sign):
    image, truth = head(sign)
    found = on_grid_of(body_mask(image), image)
    assert dice(found, truth) > 0.9
    assert found[CENTRE[::-1]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_number_are_background(value):
    image, truth = head()
    values = sitk.GetArrayFromImage(image)
    values[:, :5] = value
    broken = sitk.GetImageFromArray(values)
    broken.CopyInformation(image)
    assert dice(on_grid_of(body_mask(broken), image), truth) > 0.9


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_where_no_body_stands_out_there_is_none_or_all_is_taken(value):
    image = sitk.GetImageFromArray(np.full((8, 9, 10), value, np.float32))
    assert not sitk.GetArrayFromImage(body_mask(image)).any()
    assert sitk.GetArrayFromImage(body_or_all(image)).all()


def test_a_volume_of_numbers_is_not_copied():
    image, _ = head()
    assert finite(image) is image


def test_a_mended_volume_keeps_its_type_and_place():
    values = np.array([[1.0, np.nan], [np.inf, 3.0]])
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2.0, 3.0))
    mended = finite(image)
    assert sitk.GetArrayFromImage(mended).tolist() == [[1.0, 1.0], [1.0, 3.0]]
    assert mended.IsSameImageGeometryAs(image)
    assert mended.GetPixelID() == sitk.sitkFloat64
