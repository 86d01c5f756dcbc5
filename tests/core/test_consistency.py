"""Consistency of transforms against SimpleITK's own mapping of points."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.consistency import inverse_consistency, transitivity
from napari_coreg.core.geometry import Grid
from napari_coreg.core.similarity import overlap_mask
from napari_coreg.errors import GeometryError, RegistrationCancelled

TURNED = np.reshape(sitk.VersorRigid3DTransform((0.3, -0.5, 0.8), 0.7).GetMatrix(), (3, 3))


def make_grid(handed: int = 1, size_xyz: tuple[int, ...] = (14, 12, 9)) -> Grid:
    direction = TURNED @ np.diag([1, 1, handed])
    return Grid(size_xyz, (1.5, 2.0, 3.5), (-8.0, 12.0, 30.0), tuple(direction.ravel().tolist()))


def empty_on(grid: Grid, kind: int = sitk.sitkUInt8) -> sitk.Image:
    image = sitk.Image(list(grid.size_xyz), kind)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def affine(seed: int, n: int = 3, size: float = 0.05) -> sitk.Transform:
    random = np.random.default_rng(seed)
    transform = sitk.AffineTransform(n)
    transform.SetMatrix((np.eye(n) + random.normal(0, size, (n, n))).ravel().tolist())
    transform.SetTranslation(random.normal(0, 3, n).tolist())
    return transform


def spline(seed: int, grid: Grid) -> sitk.Transform:
    transform = sitk.BSplineTransformInitializer(empty_on(grid), [3] * grid.dimension)
    count = len(transform.GetParameters())
    transform.SetParameters(np.random.default_rng(seed).normal(0, 1.5, count).tolist())
    return transform


def field(seed: int, grid: Grid) -> sitk.Transform:
    values = np.random.default_rng(seed).normal(0, 1.5, (*grid.size_xyz[::-1], grid.dimension))
    image = sitk.GetImageFromArray(values, isVector=True)
    image.CopyInformation(empty_on(grid))
    return sitk.DisplacementFieldTransform(image)


def points_of(grid: Grid) -> list[tuple[tuple[int, ...], list[float]]]:
    return [(index, grid.to_lps(np.array(index[::-1], float)).tolist()) for index in np.ndindex(*grid.size_xyz[::-1])]


def is_within(point: tuple[float, ...], grid: Grid) -> bool:
    index = np.array(empty_on(grid).TransformPhysicalPointToContinuousIndex(point))
    return bool(np.all(index > -0.5) and np.all(index < np.array(grid.size_xyz) - 0.5))


@pytest.mark.parametrize("handed", [1, -1])
@pytest.mark.parametrize("kind", [spline, field, "chain"])
def test_the_way_there_and_back_is_that_of_simpleitk_point_by_point(handed, kind):
    grid, moving = make_grid(handed), make_grid(-1, (10, 16, 9))
    if kind == "chain":
        forward = sitk.CompositeTransform([affine(1), spline(2, grid)])
        backward = sitk.CompositeTransform([field(3, grid), affine(4)])
    else:
        forward, backward = kind(1, grid), kind(2, moving)
    found = inverse_consistency(forward, backward, grid, moving_grid=moving)
    distances, values = sitk.GetArrayFromImage(found.map_mm), []
    for index, point in points_of(grid):
        away = forward.TransformPoint(point)
        if is_within(away, moving):
            values.append(np.linalg.norm(np.subtract(backward.TransformPoint(away), point)))
            assert distances[index] == pytest.approx(values[-1], abs=1e-4)
        else:
            assert np.isnan(distances[index])
    assert 0 < len(values) < grid.number_of_voxels
    assert found.voxels == len(values)
    assert found.share_measured == pytest.approx(len(values) / grid.number_of_voxels)
    assert found.mean_mm == pytest.approx(np.mean(values), abs=1e-4)
    assert found.median_mm == pytest.approx(np.median(values), abs=1e-4)
    assert found.p95_mm == pytest.approx(np.percentile(values, 95), abs=1e-4)
    assert found.maximum_mm == pytest.approx(np.max(values), abs=1e-4)
    assert Grid.of(found.map_mm) == grid


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), shift=st.tuples(*[st.floats(-20, 20)] * 3))
def test_an_exact_inverse_is_consistent_and_a_shift_of_it_is_off_by_that_shift(seed, shift):
    forward, grid = affine(seed, size=0.2), make_grid()
    assert inverse_consistency(forward, forward.GetInverse(), grid).maximum_mm < 1e-4
    backward = sitk.CompositeTransform([sitk.TranslationTransform(3, shift), forward.GetInverse()])
    found = inverse_consistency(forward, backward, grid)
    assert found.share_measured == 1
    for value in (found.mean_mm, found.median_mm, found.p95_mm, found.maximum_mm):
        assert value == pytest.approx(np.linalg.norm(shift), abs=1e-4)


def test_flat_images_have_consistency_too():
    grid = Grid((20, 15), (0.5, 2.0), (3.0, 4.0), (0.0, 1.0, 1.0, 0.0))
    found = inverse_consistency(sitk.TranslationTransform(2, (3.0, 4.0)), sitk.TranslationTransform(2), grid)
    assert (found.mean_mm, found.maximum_mm) == pytest.approx((5, 5), abs=1e-5)


def test_only_the_mask_counts_on_whatever_grid_it_is():
    grid = make_grid()
    bent = field(5, grid)
    mask = empty_on(
        Grid((7, 12, 9), (3.0, 2.0, 3.5), tuple(grid.to_lps(np.array([0.5, 0, 0])).tolist()), grid.direction)
    )
    mask[1:3, 2:5, 3:8] = 9
    found = inverse_consistency(bent, sitk.TranslationTransform(3), grid, mask)
    whole = sitk.GetArrayFromImage(inverse_consistency(bent, sitk.TranslationTransform(3), grid).map_mm)
    within = np.zeros(whole.shape, bool)
    within[3:8, 2:5, 2:6] = True
    assert np.array_equal(~np.isnan(sitk.GetArrayFromImage(found.map_mm)), within)
    assert found.mean_mm == pytest.approx(whole[within].mean())
    assert (found.share_measured, found.voxels) == (1, 60)


def test_where_nothing_can_be_measured_there_are_no_numbers():
    grid = make_grid()
    found = inverse_consistency(
        sitk.TranslationTransform(3, (900.0, 0.0, 0.0)), sitk.TranslationTransform(3), grid, moving_grid=grid
    )
    assert (found.voxels, found.share_measured) == (0, 0)
    assert np.isnan([found.mean_mm, found.median_mm, found.p95_mm, found.maximum_mm]).all()
    assert np.isnan(sitk.GetArrayFromImage(found.map_mm)).all()


def test_large_grids_are_thinned_and_tell_the_same():
    grid = make_grid(size_xyz=(40, 36, 30))
    bent, back = spline(6, grid), affine(7)
    thin, whole = (inverse_consistency(bent, back, grid, most_voxels=most) for most in (4000, 10**6))
    assert thin.voxels <= 4000 < whole.voxels
    assert thin.mean_mm == pytest.approx(whole.mean_mm, rel=0.02)
    assert thin.p95_mm == pytest.approx(whole.p95_mm, rel=0.04)
    place = thin.map_mm.TransformIndexToPhysicalPoint((2, 3, 1))
    assert thin.map_mm[2, 3, 1] == whole.map_mm[whole.map_mm.TransformPhysicalPointToIndex(place)]


def test_transitivity_is_that_of_simpleitk_point_by_point():
    grid, second, third = make_grid(), make_grid(-1, (12, 12, 9)), make_grid(1, (14, 10, 9))
    first_to_second, second_to_third, first_to_third = spline(8, grid), field(9, second), affine(10, size=0.02)
    found = transitivity(first_to_second, second_to_third, first_to_third, grid, second_grid=second, third_grid=third)
    distances = sitk.GetArrayFromImage(found.map_mm)
    measured = 0
    for index, point in points_of(grid):
        by_way, directly = first_to_second.TransformPoint(point), first_to_third.TransformPoint(point)
        if is_within(by_way, second) and is_within(directly, third):
            measured += 1
            expected = np.linalg.norm(np.subtract(second_to_third.TransformPoint(by_way), directly))
            assert distances[index] == pytest.approx(expected, abs=1e-4)
        else:
            assert np.isnan(distances[index])
    assert 0 < measured == found.voxels < grid.number_of_voxels


def test_a_composed_transform_is_transitive():
    grid = make_grid()
    first, second = affine(11), spline(12, grid)
    assert transitivity(first, second, sitk.CompositeTransform([second, first]), grid).maximum_mm < 1e-4


def test_volumes_do_for_their_grids():
    grid, moving = make_grid(), make_grid(-1, (10, 16, 9))
    bent, back = spline(13, grid), affine(14)
    found = inverse_consistency(bent, back, empty_on(grid), moving_grid=empty_on(moving))
    assert repr(found) == repr(inverse_consistency(bent, back, grid, moving_grid=moving))
    overlap = overlap_mask(empty_on(grid), empty_on(moving), bent)
    assert sitk.GetArrayFromImage(overlap).sum() == found.voxels


def test_looking_at_consistency_tells_how_far_it_is_and_can_be_cancelled():
    grid, still, told = make_grid(), sitk.TranslationTransform(3), []
    inverse_consistency(still, still, grid, on_fraction=told.append)
    assert told[-1] == 1
    with pytest.raises(RegistrationCancelled):
        transitivity(still, still, still, grid, is_cancelled=lambda: True)


def test_transforms_and_masks_must_have_the_axes_of_the_grid():
    grid, still, flat = make_grid(), sitk.TranslationTransform(3), sitk.TranslationTransform(2)
    with pytest.raises(GeometryError, match="2-D"):
        inverse_consistency(still, flat, grid)
    with pytest.raises(GeometryError, match="2-D"):
        transitivity(still, still, flat, grid)
    with pytest.raises(GeometryError, match="mask has 2 axes"):
        inverse_consistency(still, still, grid, sitk.Image([5, 5], sitk.sitkUInt8))
