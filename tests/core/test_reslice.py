"""A volume looked at through a transform shows what SimpleITK's Resample gives, wherever it is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.reslice import Source, reslice

ANGLES = st.floats(-3.1, 3.1).map(lambda angle: round(angle, 6))  # ITK cannot invert denormal numbers
TURNS = st.tuples(ANGLES, ANGLES, ANGLES)
SHIFTS = st.floats(-8, 8)


def noise(size_xyz: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> sitk.Image:
    values = np.random.default_rng(seed).uniform(1, 200, size_xyz[::-1])
    return sitk.GetImageFromArray(values.astype(dtype))


def placed(image: sitk.Image, spacing: Any, angles: Any, mirrored: bool = False) -> sitk.Image:
    """The image anisotropic, oblique and, if so wanted, left-handed."""
    direction = np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3))
    image.SetSpacing(spacing)
    image.SetOrigin((-11.0, 7.0, 3.0))
    image.SetDirection((direction @ np.diag([1, 1, -1 if mirrored else 1])).ravel())
    return image


def source_of(image: sitk.Image, **more: Any) -> Source:
    return Source(sitk.GetArrayViewFromImage(image), Grid.of(image).index_to_lps, **more)


def by_itk(image: sitk.Image, grid: Grid, transform: sitk.Transform, interpolator: int = sitk.sitkLinear) -> Any:
    out = sitk.Resample(
        image, grid.size_xyz, transform, interpolator, grid.origin_lps, grid.spacing_xyz, grid.direction, -5.0
    )
    return sitk.GetArrayFromImage(out)


def spline(grid: Grid, seed: int = 1, mm: float = 3.0) -> sitk.Transform:
    image = sitk.Image(list(grid.size_xyz), sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    transform = sitk.BSplineTransformInitializer(image, [4] * grid.dimension)
    moves = np.random.default_rng(seed).normal(0, mm, len(transform.GetParameters()))
    transform.SetParameters(moves.tolist())
    return transform


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(ANGLES, ANGLES, ANGLES),
    st.tuples(ANGLES, ANGLES, ANGLES),
    st.tuples(SHIFTS, SHIFTS, SHIFTS),
    st.booleans(),
)
def test_any_rigid_view_of_any_volume_is_what_itk_resamples(lies: Any, turn: Any, shift: Any, mirrored: bool) -> None:
    image = placed(noise((14, 11, 7)), (1.0, 1.3, 3.1), lies, mirrored)
    grid = Grid.of(placed(sitk.Image([9, 12, 10], sitk.sitkUInt8), (1.7, 1.1, 1.4), turn))
    transform = sitk.Euler3DTransform((3.0, 2.0, 1.0), *lies[::-1], shift)
    np.testing.assert_allclose(
        reslice(source_of(image, background=-5), grid, transform), by_itk(image, grid, transform), atol=2e-3
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2), st.integers(0, 9), TURNS, st.integers(0, 99))
def test_a_slice_through_a_deformation_is_what_itk_resamples(axis: int, index: int, lies: Any, seed: int) -> None:
    image = placed(noise((16, 13, 10)), (1.0, 1.3, 2.1), lies)
    whole = Grid.of(placed(sitk.Image([10, 10, 10], sitk.sitkUInt8), (1.7, 1.1, 1.4), lies))
    size, first = [10, 10, 10], np.zeros(3)
    size[axis], first[axis] = 1, index
    grid = Grid(tuple(size), whole.spacing_xyz, tuple(whole.to_lps(first).tolist()), whole.direction)
    hand_move = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, -0.2, 0.05, (1.0, -2.0, 0.5))
    for transform in (spline(whole, seed), sitk.CompositeTransform([spline(whole, seed), hand_move])):
        ours, theirs = reslice(source_of(image, background=-5), grid, transform), by_itk(image, grid, transform)
        edge = np.abs(ours - theirs) > 0.05  # a point within a micrometre of the edge may fall on either side
        assert edge.mean() < 0.03
        assert np.all((np.abs(ours[edge] + 5) < 1e-6) | (np.abs(theirs[edge] + 5) < 1e-6))


def test_a_dense_displacement_field_is_followed() -> None:
    image = noise((20, 18, 16))
    grid = Grid.of(image)
    field = sitk.TransformToDisplacementField(
        spline(grid), sitk.sitkVectorFloat64, grid.size_xyz, grid.origin_lps, grid.spacing_xyz, grid.direction
    )
    transform = sitk.DisplacementFieldTransform(field)
    ours, theirs = reslice(source_of(image, background=-5), grid, transform), by_itk(image, grid, transform)
    np.testing.assert_allclose(np.median(np.abs(ours - theirs)), 0, atol=1e-3)
    assert (np.abs(ours - theirs) > 0.05).mean() < 0.01


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_labels_get_no_new_values_and_keep_their_type(dtype: Any) -> None:
    image = noise((12, 12, 12), dtype)
    transform = sitk.Euler3DTransform((6.0, 6.0, 6.0), 0.3, 0.1, -0.2, (0.31, 1.17, -0.72))
    seen = reslice(source_of(image, interpolator="nearest"), Grid.of(image), transform)
    assert seen.dtype == dtype
    assert set(np.unique(seen)) <= {*np.unique(sitk.GetArrayFromImage(image)), 0}
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkNearestNeighbor, 0.0))
    assert (seen != theirs).mean() < 0.002  # points halfway between two voxels


@pytest.mark.parametrize("dtype", [bool, np.float16, ">i2"])
def test_types_that_itk_has_not_are_seen_too(dtype: Any) -> None:
    values = (np.indices((6, 7, 8)).sum(axis=0) % 5).astype(dtype)
    source = Source(values, np.eye(4))
    image = sitk.GetImageFromArray(values.astype(np.float32))
    shift = sitk.TranslationTransform(3, (0.25, 0.5, 0.0))
    np.testing.assert_allclose(
        reslice(source, Grid.of(image), shift), sitk.GetArrayFromImage(sitk.Resample(image, image, shift)), atol=1e-5
    )


def test_what_lies_nowhere_near_is_all_background() -> None:
    image = noise((8, 8, 8))
    far = sitk.TranslationTransform(3, (100.0, 0.0, 0.0))
    assert np.all(reslice(source_of(image, background=-5), Grid.of(image), far) == -5)
    assert np.all(
        reslice(source_of(image, background=-5), Grid.of(image), sitk.CompositeTransform([far, spline(Grid.of(image))]))
        == -5
    )


def test_pictures_in_two_dimensions_are_seen_too() -> None:
    image = noise((30, 20))
    image.SetSpacing((0.5, 1.5))
    transform = sitk.Euler2DTransform((7.0, 15.0), 0.4, (1.0, -2.0))
    np.testing.assert_allclose(
        reslice(source_of(image, background=-5), Grid.of(image), transform),
        by_itk(image, Grid.of(image), transform),
        atol=1e-3,
    )


def test_a_large_volume_is_cut_into_pieces_that_meet() -> None:
    image = noise((120, 90, 60))
    transform = sitk.Euler3DTransform((60.0, 45.0, 30.0), 0.2, 0.1, 0.3, (2.0, 1.0, -1.0))
    grid = Grid.of(image)
    np.testing.assert_allclose(
        reslice(source_of(image, background=-5), grid, transform), by_itk(image, grid, transform), atol=2e-3
    )


class Counting:
    """A lazy array that tells how many voxels were asked for."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype, self.asked = values, values.shape, values.dtype, 0

    def __getitem__(self, key: Any) -> Any:
        part = self.values[key]
        self.asked += part.size
        return part


def test_of_a_lazy_array_just_the_box_that_is_looked_at_is_computed() -> None:
    lazy = Counting(np.random.default_rng(0).random((50, 60, 70)).astype(np.float32))
    grid = Grid((10, 12, 1), (1.0, 1.0, 1.0), (20.0, 20.0, 25.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    seen = reslice(Source(lazy, np.eye(4)), grid, sitk.TranslationTransform(3, (0.5, 0.0, 0.0)))
    assert lazy.asked == 11 * 12
    np.testing.assert_allclose(seen[0], (lazy.values[25, 20:32, 20:30] + lazy.values[25, 20:32, 21:31]) / 2, rtol=1e-6)


def test_a_sheared_layer_is_seen_where_it_is_displayed() -> None:
    values = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)
    matrix = np.array([[1, 0.5, 0, 3], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]], float)
    grid = Grid((1, 1, 1), (1.0, 1.0, 1.0), tuple((matrix @ [3, 2, 4, 1])[:3]), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    assert reslice(Source(values, matrix), grid, sitk.TranslationTransform(3)).item() == pytest.approx(values[4, 2, 3])
