"""What the verdict says of right and wrong results, of odd shapes and of folds."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg import Recipe, register
from napari_coreg.core.evidence import PoseEvidence
from napari_coreg.core.folding import Folding
from napari_coreg.core.verdict import Facts, judge

SOUND = PoseEvidence(
    score=0.6,
    best_elsewhere=0.4,
    elsewhere_mm=110.0,
    elsewhere_degrees=175.0,
    settled_gain=1.01,
    drift_mm=0.4,
    capture_spread_mm=0.2,
    captured=1.0,
    meeting=0.9,
    moved_mm=20.0,
    voxel_mm=8.0,
)
GOOD = Facts(pose=SOUND, matrix=np.eye(4), folding=None, metric_before=-0.3, metric_after=-0.8)


def stretched(*factors):
    return np.diag([*factors, 1.0])


def test_a_sound_result_is_good_and_says_what_speaks_for_it():
    verdict = judge(GOOD)
    assert verdict.state == "good"
    assert "the best other pose has 40 % of the score" in verdict.reasons
    assert verdict.measures["drift_mm"] == 0.4


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({"best_elsewhere": 1.4}, "failed", "fit better in another pose, 110 mm and 175 degrees away"),
        ({"best_elsewhere": 0.95}, "doubtful", "about as well in another pose"),
        ({"drift_mm": 9.0, "settled_gain": 1.6}, "failed", "a better fit lies 9.0 mm away"),
        ({"drift_mm": 9.0}, "doubtful", "the result moves by 9.0 mm"),
        ({"captured": 0.25, "capture_spread_mm": 14.0}, "doubtful", "only 25 % come back"),
        ({"meeting": 0.1}, "doubtful", "only 10 % of the smaller volume"),
        ({"meeting": 0.01}, "failed", "only 1 % of the smaller volume"),
        ({"best_elsewhere": None}, "good", "no other pose fits"),
    ],
)
def test_what_the_search_finds_decides(changes, state, told):
    verdict = judge(replace(GOOD, pose=replace(SOUND, **changes)))
    assert verdict.state == state
    assert told in " ".join(verdict.reasons)


@pytest.mark.parametrize(
    ("matrix", "state", "told"),
    [
        (stretched(1.0, 1.0, -1.0), "failed", "mirrors"),
        (stretched(0.3, 0.3, 0.3), "failed", "0.30 to 0.30, which no body does"),
        (stretched(1.5, 1.5, 1.5), "doubtful", "1.50 to 1.50; check the voxel sizes"),
        (stretched(0.8, 1.0, 1.3), "doubtful", "angles are bent"),
        (stretched(0.9, 1.0, 1.1), "good", ""),
    ],
)
def test_a_shape_that_no_body_has_is_told(matrix, state, told):
    verdict = judge(replace(GOOD, matrix=matrix))
    assert verdict.state == state
    assert told in " ".join(verdict.reasons)


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({"metric_after": None}, "failed", "do not overlap"),
        ({"metric_after": -0.1}, "doubtful", "got worse, from -0.3 to -0.1"),
        ({"metric_before": None}, "good", ""),
        ({"folding": Folding(-0.2, 3.0, 0.004)}, "doubtful", "0.4 % of the voxels folded"),
        ({"folding": Folding(0.5, 2.0, 0.0)}, "good", "no voxel folded"),
        ({"swap_mm": 5.0}, "doubtful", "5.0 mm off"),
        ({"swap_mm": 50.0}, "failed", "50.0 mm off"),
        ({"swap_mm": 0.1}, "good", "the same within 0.10 mm"),
        ({"pose": None, "matrix": None}, "doubtful", "could not be checked"),
    ],
)
def test_metric_folding_and_swap_have_their_say(changes, state, told):
    verdict = judge(replace(GOOD, **changes))
    assert verdict.state == state
    assert told in " ".join(verdict.reasons)


def test_the_advice_is_not_what_was_tried_already():
    facts = replace(GOOD, pose=replace(SOUND, best_elsewhere=2.0))
    assert "'auto'" in judge(facts).reasons[0]
    assert "by hand" in judge(replace(facts, was_searched=True)).reasons[0]


def test_what_is_near_comes_before_another_pose_that_fits_less_well():
    near = replace(SOUND, drift_mm=10.0, settled_gain=3.0, best_elsewhere=1.5)
    assert judge(replace(GOOD, pose=near)).reasons[0].startswith("a better fit lies 10.0 mm away")
    far = replace(near, settled_gain=1.2)
    assert "another pose" in judge(replace(GOOD, pose=far)).reasons[0]


def test_the_gravest_finding_decides_and_comes_first():
    pose = replace(SOUND, captured=0.1, best_elsewhere=2.0)
    verdict = judge(replace(GOOD, pose=pose))
    assert verdict.state == "failed"
    assert "another pose" in verdict.reasons[0]
    assert "come back" in verdict.reasons[1]


@pytest.fixture(scope="module")
def pair(phantom):
    known = sitk.Euler3DTransform((2.0, 3.0, -4.0), 0.2, -0.3, 0.12, (5.0, -4.0, 3.0))
    fixed = phantom.image(phantom.grid((40, 40, 40), (2.2, 2.2, 2.2)))
    return fixed, phantom.image(phantom.grid((40, 38, 42), (2.3, 2.2, 2.1)), known), known


def stays(**changes):
    """A recipe that stays where it starts."""
    optimizer = {"kind": "regular_step_gradient_descent", "gradient_magnitude_tolerance": 1.0}
    return Recipe.from_mapping(
        {"name": "stays", "stages": [{"kind": "rigid", "optimizer": optimizer}], "initialization": "given", **changes}
    )


def test_a_right_result_is_good(phantom, pair):
    fixed, moving, known = pair
    result = register(fixed, moving, "rigid")
    assert phantom.error_mm(result.transform, known) < 0.5
    assert result.verdict.state == "good", result.verdict.reasons
    record = result.to_record()
    assert (record["verdict"], record["verdict_reasons"]) == ("good", list(result.verdict.reasons))


angles = st.floats(-3.0, 3.0)


@given(angles, angles, angles, st.floats(-30, 30))
@settings(deadline=None, max_examples=12)
def test_a_result_that_is_far_off_is_never_called_good(pair, phantom, x, y, z, shift):
    fixed, moving, known = pair
    wrong = sitk.CompositeTransform([known, sitk.Euler3DTransform((0.0, 0.0, 0.0), x, y, z, (shift, 5.0, 0.0))])
    error = phantom.error_mm(wrong, known)
    verdict = register(fixed, moving, stays(), initial_transform=wrong).verdict
    if error > 10.0:  # twice the coarse voxels of this body
        assert verdict.state != "good", error
    if verdict.state == "failed":
        assert error > 2.0


def test_two_volumes_that_have_nothing_in_common_are_not_called_good():
    def noise(seed):
        values = np.random.default_rng(seed).normal(100, 20, (32, 32, 32)).astype(np.float32)
        return sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(values), 2.0)

    assert register(noise(0), noise(1), "rigid").verdict.state != "good"


def test_a_ball_that_fits_in_every_pose_is_not_called_good():
    ball = sitk.GaussianSource(sitk.sitkFloat32, [40] * 3, [7.0] * 3, [19.5] * 3, 200.0)
    assert register(ball, ball, stays()).verdict.state == "doubtful"
