"""Slices of volumes: which side is up, and whether round things look round."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.pictures import compare, middle_of_overlap, planes, slice_of

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)
DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    "coronal": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
}


def blob_at(offset_lps: tuple[float, float, float], direction: np.ndarray, spacing=(1.0, 2.0, 3.0)) -> sitk.Image:
    """A volume of 48 mm about the origin of space with a ball of 5 mm away from its middle."""
    size = np.rint(48 / np.array(spacing)).astype(int)
    origin = -direction @ ((size - 1) / 2 * np.array(spacing))
    grid = Grid(tuple(size.tolist()), spacing, tuple(origin.tolist()), tuple(direction.ravel().tolist()))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1)
    far = np.linalg.norm(grid.to_lps(index.astype(float)) - np.array(offset_lps), axis=-1)
    image = sitk.GetImageFromArray(np.exp(-((far / 5) ** 2)).astype(np.float32).T)
    image.SetSpacing(spacing)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def middle_of(picture: np.ndarray) -> tuple[float, float]:
    """Row and column of the bright part, from -1 (top, left) to 1."""
    weights = np.nan_to_num(picture)
    rows, columns = (np.indices(picture.shape) * weights).sum(axis=(1, 2)) / weights.sum()
    return 2 * rows / (picture.shape[0] - 1) - 1, 2 * columns / (picture.shape[1] - 1) - 1


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_anterior_and_superior_are_up_and_the_patients_left_is_right(direction):
    offset = (9.0, -12.0, 15.0)  # left, anterior, superior
    image = blob_at(offset, direction)
    axial, coronal, sagittal = (
        slice_of(image, plane, IDENTITY) for plane in planes(Grid.of(image), np.array(offset), 96)
    )
    assert middle_of(axial) == pytest.approx((-12 / 24, 9 / 24), abs=0.08)
    assert middle_of(coronal) == pytest.approx((-15 / 24, 9 / 24), abs=0.08)
    assert middle_of(sagittal) == pytest.approx((-15 / 24, -12 / 24), abs=0.08)


def test_a_ball_is_round_whatever_the_voxels():
    image = blob_at((0.0, 0.0, 0.0), np.eye(3))
    for plane in planes(Grid.of(image), np.zeros(3), 96):
        picture = np.nan_to_num(slice_of(image, plane, IDENTITY)) > 0.5
        high, wide = (np.ptp(where) + 1 for where in np.nonzero(picture))
        assert high == pytest.approx(wide, rel=0.2)


def test_the_slice_of_the_moving_volume_is_seen_through_the_transform():
    fixed, moving = blob_at((0.0, 0.0, 0.0), np.eye(3)), blob_at((6.0, 0.0, 0.0), DIRECTIONS["RAS"])
    axial = planes(Grid.of(fixed), np.zeros(3), 96)[0]
    before, after = (slice_of(moving, axial, sitk.TranslationTransform(3, (x, 0.0, 0.0))) for x in (0.0, 6.0))
    assert middle_of(before) == pytest.approx((0, 6 / 24), abs=0.05)
    assert middle_of(after) == pytest.approx((0, 0), abs=0.05)


def test_the_middle_of_the_overlap_is_in_both_volumes():
    a = Grid((20, 20, 20), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    b = Grid((20, 20, 20), (1.0,) * 3, (10.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    assert middle_of_overlap(a, b, IDENTITY) == pytest.approx([14.5, 9.5, 9.5])
    apart = sitk.TranslationTransform(3, (500.0, 0.0, 0.0))
    assert middle_of_overlap(a, b, apart) == pytest.approx(a.centre_lps)


def test_pictures_are_colours_from_0_to_1():
    fixed, moving = blob_at((0.0, 0.0, 0.0), np.eye(3)), blob_at((6.0, 0.0, 0.0), DIRECTIONS["RAS"])
    found = compare(fixed, moving, IDENTITY, pixels=64)
    assert [plane.name for plane in found] == ["axial", "coronal", "sagittal"]
    for plane in found:
        for picture in (plane.edges, plane.checkerboard):
            assert picture.shape == (64, 64, 3)
            assert picture.min() >= 0
            assert picture.max() <= 1
        assert (plane.edges[..., 0] > plane.edges[..., 2]).any()  # edges in orange


def test_volumes_that_do_not_overlap_and_flat_ones_still_have_a_picture():
    fixed = blob_at((0.0, 0.0, 0.0), np.eye(3))
    apart = sitk.TranslationTransform(3, (500.0, 0.0, 0.0))
    assert len(compare(fixed, fixed * 0, apart, pixels=32)) == 3
    assert len(compare(fixed, fixed * 0, IDENTITY, pixels=32)) == 3


def test_a_2d_image_has_one_plane():
    image = sitk.GaussianSource(sitk.sitkFloat32, [30, 20], [5, 5], [15, 10])
    (found,) = compare(image, image, sitk.Transform(2, sitk.sitkIdentity), pixels=60)
    assert found.name == "image"
    assert found.edges.shape == (40, 60, 3)
