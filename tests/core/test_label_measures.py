"""Overlap of labels, distances of their surfaces and volumes against closed forms, SimpleITK and surface-distance."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_coreg.core.label_measures import compare_labels, dice_per_label
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError


def image_of(values: np.ndarray) -> sitk.Image:
    return sitk.GetImageFromArray(values)


@given(seed=st.integers(0, 2**16), dtype=st.sampled_from([np.uint8, np.int16, np.int32, np.float32]))
@settings(deadline=None)  # kernels are compiled once
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


def blobs(seed: int, shape: tuple[int, ...], labels: int = 3) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.digitize(noise, np.quantile(noise, np.linspace(0.4, 1, labels + 1)[:-1])).astype(np.uint8)


def spaced(
    values: np.ndarray, spacing_xyz: tuple[float, ...], direction: tuple[float, ...] | None = None
) -> sitk.Image:
    image = image_of(values)
    image.SetSpacing(spacing_xyz)
    if direction:
        image.SetDirection(direction)
    return image


def ball(radius: float, spacing_xyz: tuple[float, ...], centre: tuple[float, ...] = (0.0, 0.0, 0.0)) -> np.ndarray:
    axes = [np.arange(-20, 20 + step, step) - middle for step, middle in zip(spacing_xyz, centre, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    return (x**2 + y**2 + z**2 <= radius**2).astype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    shape=st.sampled_from([(9, 14, 12), (16, 18)]),
    spacing=st.tuples(*[st.floats(0.3, 4)] * 3),
)
def test_distances_are_those_of_surface_distance(seed, shape, spacing):
    reference = pytest.importorskip("surface_distance")
    a, b, spacing_xyz = blobs(seed, shape), blobs(seed + 1, shape), spacing[: len(shape)]
    found = compare_labels(spaced(a, spacing_xyz), spaced(b, spacing_xyz))
    assert set(found) == {1, 2, 3}
    for label, measures in found.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it calls scipy by old names
            known = reference.compute_surface_distances(a == label, b == label, spacing_xyz[::-1])
        ends = [(known[f"distances_{way}"], known[f"surfel_areas_{area}"]) for way, area in WAYS]
        mean = sum(np.sum(d * area) for d, area in ends) / sum(np.sum(area) for _, area in ends)
        assert measures.mean_surface_distance_mm == pytest.approx(mean, rel=1e-5)
        # Its distances are those of 32-bit places, so a percentile may fall on a neighbour that is as far.
        assert measures.hausdorff_95_mm == pytest.approx(reference.compute_robust_hausdorff(known, 95), rel=1e-3)


WAYS = (("gt_to_pred", "gt"), ("pred_to_gt", "pred"))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_overlap_and_volumes_are_those_of_simpleitk(dtype):
    a, b = (spaced(blobs(seed, (10, 12, 14)).astype(dtype), (0.7, 1.1, 2.5)) for seed in (3, 4))
    first, second = (sitk.Cast(image, sitk.sitkUInt32) for image in (a, b))
    overlap, volumes = sitk.LabelOverlapMeasuresImageFilter(), []
    overlap.Execute(first, second)
    for image in (first, second):
        volumes.append(sitk.LabelShapeStatisticsImageFilter())
        volumes[-1].Execute(image)
    for label, found in compare_labels(a, b).items():
        assert found.dice == pytest.approx(overlap.GetDiceCoefficient(label))
        assert found.jaccard == pytest.approx(overlap.GetJaccardCoefficient(label))
        before, after = (one.GetPhysicalSize(label) / 1000 for one in volumes)
        assert (found.fixed_volume_ml, found.moved_volume_ml) == pytest.approx((before, after))
        assert found.volume_change == pytest.approx(after / before - 1)
    assert dice_per_label(a, b) == {label: found.dice for label, found in compare_labels(a, b).items()}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_flat_box_moved_across_itself_is_as_far_off_as_it_was_moved(axis, steps):
    spacing_xyz = (0.5, 1.2, 3.0)
    a, b = np.zeros((2, 24, 24, 24), np.uint8)
    box = [slice(2, 22)] * 3
    box[2 - axis] = slice(10, 12)
    a[tuple(box)] = 4
    b[tuple(slice(one.start + steps, one.stop + steps) if i == 2 - axis else one for i, one in enumerate(box))] = 4
    first, second = spaced(a, spacing_xyz), spaced(b, spacing_xyz)
    known = sitk.HausdorffDistanceImageFilter()
    known.Execute(first, second)
    found = compare_labels(first, second)[4]
    assert found.hausdorff_95_mm == pytest.approx(known.GetHausdorffDistance())
    assert found.hausdorff_95_mm == pytest.approx(steps * spacing_xyz[axis])


@pytest.mark.parametrize("spacing_xyz", [(1.0, 1.0, 1.0), (0.6, 0.9, 2.0)])
@pytest.mark.parametrize("change", [2.0, 5.0])
def test_balls_about_one_centre_are_as_far_apart_as_their_radii(spacing_xyz, change):
    a, b = (spaced(ball(radius, spacing_xyz), spacing_xyz) for radius in (10.0, 10.0 + change))
    found = compare_labels(a, b)[1]
    half_a_voxel = max(spacing_xyz) / 2  # by which the elements, at corners of voxels, make surfaces thick
    assert change - 1.1 * half_a_voxel < found.mean_surface_distance_mm < change
    assert found.hausdorff_95_mm == pytest.approx(change, abs=half_a_voxel)
    assert found.fixed_volume_ml == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert found.volume_change == pytest.approx((1 + change / 10) ** 3 - 1, rel=0.03)
    assert found.dice == pytest.approx(2 / (1 + (1 + change / 10) ** 3), rel=0.02)


def test_a_ball_that_was_shifted_is_off_by_half_the_shift_on_average():
    """Of a surface moved by d, the part that faces the shift at an angle t lies |d cos t| off: d / 2 over a ball."""
    spacing = (0.5, 0.5, 0.5)
    a, b = spaced(ball(15, spacing), spacing), spaced(ball(15, spacing, (1.5, 0.0, 0.0)), spacing)
    found = compare_labels(a, b)[1]
    assert found.mean_surface_distance_mm == pytest.approx(0.75, abs=0.25)
    assert found.hausdorff_95_mm == pytest.approx(1.5, abs=0.25)


@pytest.mark.parametrize("lefthanded", [False, True])
def test_measures_heed_spacing_but_no_direction(lefthanded):
    turn = sitk.VersorRigid3DTransform((0.3, -0.5, 0.8), 0.7)
    axes = np.reshape(turn.GetMatrix(), (3, 3)) @ np.diag([1, 1, -1 if lefthanded else 1])
    a, b, spacing_xyz = blobs(5, (10, 12, 14)), blobs(6, (10, 12, 14)), (0.8, 1.5, 2.5)
    direction = tuple(axes.ravel().tolist())
    found = compare_labels(spaced(a, spacing_xyz, direction), spaced(b, spacing_xyz, direction))
    assert found == compare_labels(spaced(a, spacing_xyz), spaced(b, spacing_xyz))
    swapped = compare_labels(*(spaced(np.transpose(one, (2, 0, 1)), (1.5, 2.5, 0.8)) for one in (a, b)))
    for label, measures in found.items():
        assert measures.hausdorff_95_mm == pytest.approx(swapped[label].hausdorff_95_mm)
        assert measures.mean_surface_distance_mm == pytest.approx(swapped[label].mean_surface_distance_mm, rel=1e-6)


def test_the_other_way_round_distances_stay_and_volumes_swap():
    a, b = image_of(blobs(7, (10, 12, 14))), image_of(blobs(8, (10, 12, 14)))
    there, back = compare_labels(a, b), compare_labels(b, a)
    for label, found in there.items():
        other = back[label]
        assert found.mean_surface_distance_mm == pytest.approx(other.mean_surface_distance_mm)
        assert found.hausdorff_95_mm == pytest.approx(other.hausdorff_95_mm)
        assert (found.fixed_volume_ml, found.moved_volume_ml) == (other.moved_volume_ml, other.fixed_volume_ml)
        assert (found.dice, found.jaccard) == (other.dice, other.jaccard)


def test_labels_on_themselves_are_perfect():
    labels = image_of(np.where(blobs(9, (8, 9, 10)) == 2, 2**31 - 1, 7).astype(np.int64))
    found = compare_labels(labels, labels)
    assert list(found) == [7, 2**31 - 1]
    for measures in found.values():
        assert (measures.dice, measures.jaccard, measures.volume_change) == (1, 1, 0)
        assert (measures.hausdorff_95_mm, measures.mean_surface_distance_mm) == (0, 0)
        assert measures.missing_in is None


def test_a_structure_that_one_side_lacks_has_no_distances_and_says_where_it_is_missing():
    a, b = np.zeros((2, 8, 8, 8), np.uint8)
    a[1:3], b[1:3] = 1, 1
    a[4, 4, 4], b[6, 6, 6:8] = 2, 3
    found = compare_labels(image_of(a), image_of(b))
    assert found[1].missing_in is None
    assert (found[2].missing_in, found[3].missing_in) == ("moved", "fixed")
    assert (found[2].volume_change, found[3].volume_change) == (-1, None)
    for label in (2, 3):
        assert (found[label].dice, found[label].jaccard) == (0, 0)
        assert (found[label].hausdorff_95_mm, found[label].mean_surface_distance_mm) == (None, None)


def test_comparing_labels_tells_how_far_it_is_and_can_be_cancelled():
    labels = image_of(blobs(10, (8, 8, 8)))
    told = []
    compare_labels(labels, labels, on_fraction=told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1])
    with pytest.raises(RegistrationCancelled):
        compare_labels(labels, labels, is_cancelled=lambda: True)


def test_comparing_labels_refuses_grids_that_only_have_the_same_size():
    labels = image_of(blobs(11, (8, 8, 8)))
    with pytest.raises(GeometryError, match="different grids"):
        compare_labels(labels, spaced(blobs(11, (8, 8, 8)), (1.0, 1.0, 2.0)))
