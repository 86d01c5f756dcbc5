"""The spread over runs is that of their transforms, by a closed form; jitter is taken back, failures are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core import repeatability as module
from napari_coreg.core.body_mask import body_mask
from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import load_preset
from napari_coreg.core.repeatability import repeatability
from napari_coreg.core.simulation import SimulatedMove, simulate
from napari_coreg.core.transforms import compose, from_matrix
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import RecipeError, RegistrationCancelled, RegistrationError, VolumeError

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
TURNED = load_preset("rigid")
GIVEN = load_preset("translation").model_copy(update={"initialization": "given"})


@pytest.fixture(scope="module")
def volume():
    """A body that looks different from all sides, in an oblique, anisotropic, left-handed grid."""
    index = np.indices((30, 36, 40)).reshape(3, -1).T[:, ::-1]
    along = (index - (20, 18, 15)) * (2.0, 2.5, 3.0)
    values = np.zeros(len(along))
    for place, radius, height in ((0, 0, 0), 22, 100), ((14, 9, 5), 8, 80), ((-9, 6, -12), 7, 60), ((3, -13, 9), 6, 90):
        values += height * np.exp(-0.5 * (np.linalg.norm(along - place, axis=1) / radius) ** 2)
    image = sitk.GetImageFromArray(values.reshape(30, 36, 40).astype(np.float32))
    image.SetSpacing((2.0, 2.5, 3.0))
    image.SetOrigin((-30.0, 12.0, 55.0))
    image.SetDirection((OBLIQUE @ np.diag([1.0, -1.0, 1.0])).ravel().tolist())
    return image


@pytest.fixture
def faked(monkeypatch):
    """Make the runs end in transforms of the test's own, fixed -> moving as it lies without jitter."""

    def fake(outcomes, seen=None):
        runs = iter(outcomes)

        def register(fixed, moving, recipe, **named):
            if seen is not None:
                seen.append((moving, recipe, named))
            outcome = next(runs)
            if isinstance(outcome, Exception):
                raise outcome
            transform, state = outcome
            there, here = Grid.of(moving).index_to_lps, Grid.of(fixed).index_to_lps
            jitter = from_matrix(there @ np.linalg.inv(here))  # the fixed volume is the moving one, not jittered
            return Result(compose(transform, jitter), Verdict(state, ("because",), {}))

        monkeypatch.setattr(module, "register", register)

    return fake


class Result:
    def __init__(self, transform, verdict):
        self.transform, self.verdict = transform, verdict


def shift(*vector):
    return sitk.TranslationTransform(3, vector)


def test_the_spread_is_the_standard_deviation_of_the_transforms_as_a_distance(volume, faked):
    scale = sitk.ScaleTransform(3, (1.1, 1.0, 1.0))
    faked([(shift(1, 0, 0), "good"), (shift(0, 2, 0), "doubtful"), (scale, "good")])
    found = repeatability(volume, volume, TURNED, runs=3)
    for index in ((20, 18, 15), (22, 20, 16), (18, 15, 13)):
        point = volume.TransformIndexToPhysicalPoint(index)
        ends = np.array([np.add(point, (1, 0, 0)), np.add(point, (0, 2, 0)), np.multiply(point, (1.1, 1, 1))])
        expected = np.sqrt(np.square(ends - ends.mean(axis=0)).sum() / 2)
        assert found.map_mm.GetPixel(index) == pytest.approx(expected, abs=1e-4)
    assert [row.state for row in found.rows] == ["good", "doubtful", "good"]
    assert found.failures == 0
    values = sitk.GetArrayViewFromImage(found.map_mm)
    inside = values[values > 0]
    assert found.maximum_mm == pytest.approx(inside.max())
    assert found.p95_mm == pytest.approx(np.percentile(inside, 95), rel=1e-5)


def test_distances_from_the_mean_are_told_for_each_run_and_slabs_change_nothing(volume, faked, monkeypatch):
    monkeypatch.setattr("napari_coreg.core.slabs.SLAB_VOXELS", 1)
    faked([(shift(3, 0, 0), "good"), (shift(-3, 0, 0), "good"), (shift(0, 0, 0), "good")])
    found = repeatability(volume, volume, TURNED, runs=3)
    assert [row.mean_mm for row in found.rows] == pytest.approx([3, 3, 0], abs=1e-3)
    assert [row.maximum_mm for row in found.rows] == pytest.approx([3, 3, 0], abs=1e-3)
    assert (found.mean_mm, found.median_mm, found.maximum_mm) == pytest.approx((3, 3, 3), abs=1e-3)


def test_each_run_has_a_seed_of_its_own_and_faces_a_moving_volume_that_lies_elsewhere(volume, faked):
    seen: list = []
    start = shift(1, 2, 3)
    faked([(shift(0, 0, 0), "good")] * 2, seen)
    mask = sitk.Cast(volume > 50, sitk.sitkUInt8)
    found = repeatability(volume, volume, TURNED, runs=2, moving_mask=mask, initial_transform=start)
    assert (
        [row.seed for row in found.rows] == [recipe.seed for _, recipe, _ in seen] == [TURNED.seed + 1, TURNED.seed + 2]
    )
    body = body_mask(volume)
    middle = np.argwhere(sitk.GetArrayViewFromImage(body)).mean(axis=0)[::-1]
    centre = body.TransformContinuousIndexToPhysicalPoint(middle.tolist())
    for moving, _, named in seen:
        assert named["initial_transform"] is start
        assert named["moving_mask"].GetOrigin() == moving.GetOrigin()
        assert named["moving_mask"].GetDirection() == moving.GetDirection()
        turn = np.reshape(moving.GetDirection(), (3, 3)) @ np.linalg.inv(np.reshape(volume.GetDirection(), (3, 3)))
        assert np.rad2deg(Rotation.from_matrix(turn).magnitude()) == pytest.approx(5)
        index = volume.TransformPhysicalPointToContinuousIndex(centre)
        there = moving.TransformContinuousIndexToPhysicalPoint(index)
        assert np.linalg.norm(np.subtract(there, centre)) == pytest.approx(5)
    assert seen[0][0].GetOrigin() != seen[1][0].GetOrigin()
    np.testing.assert_allclose(found.maximum_mm, 0, atol=1e-4)


def test_runs_that_fail_are_counted_and_those_without_a_transform_are_left_out(volume, faked):
    faked([(shift(0, 0, 0), "good"), RegistrationError("no overlap"), (shift(0, 0, 4), "failed")])
    found = repeatability(volume, volume, TURNED, runs=3)
    assert found.failures == 2
    assert len(found.transforms) == 2
    assert (found.rows[1].state, found.rows[1].reason) == ("error", "no overlap")
    assert math.isnan(found.rows[1].mean_mm)
    assert found.maximum_mm == pytest.approx(4 / math.sqrt(2), abs=1e-3)


def test_a_spread_of_one_run_is_none(volume, faked):
    faked([(shift(0, 0, 0), "good"), RegistrationError("no overlap")])
    with pytest.raises(RegistrationError, match=r"only 1 of 2 runs .* no overlap"):
        repeatability(volume, volume, TURNED, runs=2)


def test_the_mask_is_where_it_counts(volume, faked):
    faked([(shift(0, 0, 0), "good"), (sitk.ScaleTransform(3, (1.2, 1, 1)), "good")] * 2)
    mask = sitk.Image(volume.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(volume)
    mask[18:22, 16:20, 14:16] = 1
    found = repeatability(volume, volume, TURNED, runs=2, fixed_mask=mask)
    assert np.count_nonzero(sitk.GetArrayViewFromImage(found.map_mm)) == 32
    with pytest.raises(VolumeError, match="no voxel inside the fixed volume"):
        repeatability(volume, volume, TURNED, runs=2, fixed_mask=sitk.Image([3, 3, 3], sitk.sitkUInt8) + 1)


def test_real_runs_repeat_and_find_the_truth(volume):
    made = simulate(volume, SimulatedMove(rotation_degrees=0, shift_mm=6, deformation_mm=0, seed=1))
    fractions: list[float] = []
    named = {"runs": 2, "jitter_degrees": 0, "jitter_mm": 4, "on_fraction": fractions.append}
    one = repeatability(volume, made.moving, GIVEN, **named)
    other = repeatability(volume, made.moving, GIVEN, **named)
    assert one.p95_mm == other.p95_mm < 0.5
    for transform in one.transforms:
        ends = [end.TransformPoint((0.0, 0.0, 0.0)) for end in (transform, made.truth)]
        np.testing.assert_allclose(*ends, atol=0.5)
    assert fractions[: len(fractions) // 2] == sorted(fractions[: len(fractions) // 2])
    assert fractions[-1] == 1


def test_it_can_be_cancelled_and_refuses_what_tells_nothing(volume):
    with pytest.raises(RegistrationCancelled):
        repeatability(volume, volume, GIVEN, is_cancelled=lambda: True)
    with pytest.raises(RecipeError, match="1 runs"):
        repeatability(volume, volume, GIVEN, runs=1)
    with pytest.raises(RecipeError, match="no negative jitter"):
        repeatability(volume, volume, GIVEN, jitter_mm=-1)
