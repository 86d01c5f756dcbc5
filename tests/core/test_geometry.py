"""Grids against SimpleITK's own mapping, and what is refused, by its role and its value."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid, describe, mask_meets, require_grid, require_values
from napari_coreg.errors import CoregError, GeometryError, VolumeError

NAN, INF = float("nan"), float("inf")
ANGLES = st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3)


def ramp(size: tuple[int, ...] = (6, 6, 6), pixel_type: int = sitk.sitkInt16) -> sitk.Image:
    image = sitk.GetImageFromArray(np.arange(np.prod(size)).reshape(size[::-1]))
    return sitk.Cast(image, pixel_type)


def one_line(error: CoregError, role: str) -> str:
    text = str(error)
    assert text.startswith(f"{role}: ")
    assert "\n" not in text
    return text


@given(
    angles=ANGLES,
    left_handed=st.booleans(),
    spacing=st.tuples(*[st.floats(0.3, 5.0)] * 3),
    index=st.tuples(*[st.floats(-3.0, 12.0)] * 3),
)
def test_indices_lie_where_simpleitk_puts_them(phantom, angles, left_handed, spacing, index):
    grid = phantom.grid((5, 6, 7), spacing, angles, left_handed=left_handed, centre=(30.0, -80.0, 500.0))
    image = phantom.image(grid)
    np.testing.assert_allclose(
        grid.to_lps(np.array(index)), image.TransformContinuousIndexToPhysicalPoint(index), atol=1e-9
    )
    assert Grid.of(image) == Grid.of(sitk.Image(image))
    np.testing.assert_allclose(grid.centre_lps, (30.0, -80.0, 500.0), atol=1e-9)


def test_corners_are_half_a_voxel_beyond_the_centres():
    grid = Grid((4, 6), (2.0, 1.0), (10.0, 20.0), (1.0, 0.0, 0.0, 1.0))
    assert grid.corners_lps.tolist() == [[9.0, 19.5], [9.0, 25.5], [17.0, 19.5], [17.0, 25.5]]
    assert grid.voxel_edge_mm == pytest.approx(2**0.5)
    assert grid.number_of_voxels == 24


def test_grids_of_two_and_three_axes_are_taken():
    for size in ((4, 5), (4, 5, 6)):
        require_grid(ramp(size), "fixed volume")
        require_values(ramp(size), "fixed volume")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (sitk.Image([6, 6, 6, 2], sitk.sitkFloat32), "4 axes"),
        (sitk.Image([6, 6, 3], sitk.sitkInt16), "6 x 6 x 3 voxels of 1 x 1 x 1 mm"),
        (sitk.Image([1, 6], sitk.sitkInt16), "1 x 6 voxels"),
    ],
)
def test_a_grid_of_the_wrong_shape_is_refused(image, words):
    with pytest.raises(GeometryError) as caught:
        require_grid(image, "moving volume")
    assert words in one_line(caught.value, "moving volume")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (sitk.Image([6, 6, 6], sitk.sitkVectorUInt8, 3), "vector of 8-bit unsigned integer"),
        (sitk.Image([6, 6, 6], sitk.sitkVectorFloat32, 1), "vector of 32-bit float"),
        (sitk.Image([6, 6, 6], sitk.sitkComplexFloat64), "complex of 64-bit float"),
        (sitk.Image([6, 6, 6], sitk.sitkLabelUInt8), "label of 8-bit unsigned integer"),
    ],
)
def test_voxels_that_are_not_one_real_number_are_refused_by_their_kind(image, words):
    with pytest.raises(VolumeError) as caught:
        require_grid(image, "fixed volume")
    assert words in one_line(caught.value, "fixed volume")


def test_a_sheared_grid_is_refused():
    image = ramp()
    tilt = np.radians(15)
    image.SetDirection((1, 0, 0, 0, 1, np.sin(tilt), 0, 0, np.cos(tilt)))
    with pytest.raises(GeometryError, match="not at right angles"):
        require_grid(image, "fixed volume")


def test_directions_rounded_as_in_headers_are_taken():
    image = ramp()
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.3, -0.2, 0.5)
    image.SetDirection(np.round(turn.GetMatrix(), 5).tolist())
    require_grid(image, "fixed volume")


@pytest.mark.parametrize("origin", [(NAN, 0.0, 0.0), (0.0, INF, 0.0)])
def test_a_grid_that_lies_nowhere_is_refused(origin):
    image = ramp()
    image.SetOrigin(origin)
    with pytest.raises(GeometryError, match="is not a number") as caught:
        require_grid(image, "moving volume")
    assert str(origin) in one_line(caught.value, "moving volume")


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_values_that_are_no_numbers_are_counted(bad):
    image = ramp((6, 6, 6), sitk.sitkFloat32)
    image[1, 2, 3] = image[4, 4, 4] = bad
    with pytest.raises(VolumeError) as caught:
        require_values(image, "moving volume")
    assert "2 of 216 voxels" in one_line(caught.value, "moving volume")


@pytest.mark.parametrize("value", [0, -1000, 7])
def test_a_constant_volume_is_refused_by_its_constant(value):
    with pytest.raises(VolumeError) as caught:
        require_values(sitk.Image([6, 6, 6], sitk.sitkInt16) + value, "fixed volume")
    assert f"every voxel is {value}" in one_line(caught.value, "fixed volume")


def test_values_beyond_32_bit_floats_are_refused_by_the_largest():
    with pytest.raises(VolumeError, match=r"2\.15e\+302"):
        require_values(sitk.Cast(ramp(), sitk.sitkFloat64) * 1e300, "fixed volume")


def test_a_grid_in_words():
    assert describe(Grid((256, 256, 30), (0.9375, 0.9375, 5.0), (0.0,) * 3, (1.0,) * 9)) == (
        "256 x 256 x 30 voxels of 0.9375 x 0.9375 x 5 mm"
    )


@given(angles=ANGLES, left_handed=st.booleans())
def test_a_mask_meets_its_volume_however_both_lie(phantom, angles, left_handed):
    image = phantom.image(phantom.grid(angles=angles, left_handed=left_handed))
    mask = sitk.Image([90, 90, 90], sitk.sitkUInt8)
    mask.SetSpacing((4.0, 4.0, 4.0))
    mask.SetOrigin((-180.0, -180.0, -180.0))
    mask[0, 0, 0] = 1  # the mask's grid covers the volume, what it marks does not
    assert not mask_meets(mask, image)
    mask[45, 45, 45] = 1
    assert mask_meets(mask, image)
