"""Symmetric registrations and the check of the swap, with truths from closed forms and SimpleITK's own mapping."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from napari_coreg import CoregError, Recipe, load_preset, register
from napari_coreg.core.both_ways import halfway, round_trip_mm
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import from_matrix

small = st.floats(-1.0, 1.0, allow_nan=False)
vectors = st.tuples(small, small, small).map(np.array)


def rigid_matrix(turn, shift):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def mapped(transform, points):
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


POINTS = np.random.default_rng(3).normal(0, 60, (20, 3))


@given(vectors, vectors, vectors, vectors)
def test_exchanging_the_two_gives_exactly_the_inverse(turn, shift, off_turn, off_shift):
    forward = from_matrix(rigid_matrix(3 * turn, 40 * shift))
    backward = from_matrix(np.linalg.inv(rigid_matrix(3 * turn, 40 * shift) @ rigid_matrix(off_turn, 9 * off_shift)))
    there, back = halfway(forward, backward, np.zeros(3)), halfway(backward, forward, np.zeros(3))
    assert mapped(back, mapped(there, POINTS)) == pytest.approx(POINTS, abs=1e-8)


@given(vectors, vectors)
def test_it_lies_half_way_along_one_motion(turn, shift):
    motion = np.zeros((4, 4))
    motion[:3, :3], motion[:3, 3] = np.cross(np.eye(3), -turn), 30 * shift
    forward, backward = from_matrix(np.eye(4)), from_matrix(expm(-motion))
    middle = expm(motion / 2)
    expected = POINTS @ middle[:3, :3].T + middle[:3, 3]
    assert mapped(halfway(forward, backward, np.zeros(3)), POINTS) == pytest.approx(expected, abs=1e-7)


def test_half_way_between_contradictions_is_the_first():
    forward = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.0, np.pi)
    assert mapped(halfway(forward, sitk.Transform(3, sitk.sitkIdentity), np.zeros(3)), POINTS) == pytest.approx(
        mapped(forward, POINTS)
    )


def test_a_round_trip_misses_by_what_the_two_lack_to_be_inverse():
    grid = Grid((30, 40, 50), (1.0, 2.0, 1.5), (5.0, 6.0, 7.0), tuple(np.eye(3).ravel()))
    there = sitk.TranslationTransform(3, (10.0, 0.0, 0.0))
    assert round_trip_mm(there, there.GetInverse(), grid, grid) == pytest.approx(0)
    assert round_trip_mm(there, sitk.TranslationTransform(3, (-10.0, 3.0, 4.0)), grid, grid) == pytest.approx(5)
    far = sitk.TranslationTransform(3, (1000.0, 0.0, 0.0))  # where nothing meets
    assert round_trip_mm(far, sitk.TranslationTransform(3, (-1000.0, 0.0, 2.0)), grid, grid) == pytest.approx(2)


@pytest.fixture(scope="module")
def pair(phantom):
    known = sitk.Euler3DTransform((2.0, 3.0, -4.0), 0.1, -0.2, 0.12, (5.0, -4.0, 3.0))
    fixed = phantom.image(phantom.grid((40, 40, 40), (2.2, 2.2, 2.2)))
    return fixed, phantom.image(phantom.grid((40, 38, 42), (2.3, 2.2, 2.1)), known), known


@pytest.mark.parametrize("kind", ["rigid", "affine"])
def test_a_symmetric_registration_does_not_mind_which_volume_is_fixed(phantom, pair, kind):
    fixed, moving, known = pair
    recipe = Recipe(name="both", symmetric=True, stages=({"kind": kind},))
    there, back = register(fixed, moving, recipe), register(moving, fixed, recipe)
    assert mapped(back.transform, mapped(there.transform, POINTS)) == pytest.approx(POINTS, abs=1e-6)
    assert mapped(there.inverse_transform, mapped(there.transform, POINTS)) == pytest.approx(POINTS, abs=1e-8)
    assert phantom.error_mm(there.transform, known) < 0.5
    assert there.verdict.measures["swap_mm"] == pytest.approx(back.verdict.measures["swap_mm"], abs=0.5)
    assert any("other way round" in reason for reason in there.verdict.reasons)


def test_the_check_of_the_swap_changes_nothing_but_the_verdict(pair):
    fixed, moving, _ = pair
    checked = register(fixed, moving, "rigid", check_swap=True)
    plain = register(fixed, moving, "rigid")
    assert mapped(checked.transform, POINTS).tolist() == mapped(plain.transform, POINTS).tolist()
    assert checked.verdict.measures["swap_mm"] < 1
    assert plain.verdict.measures["swap_mm"] is None


def test_progress_of_both_runs_rises_from_0_to_1_and_shows_the_same_way(phantom, pair):
    fixed, moving, known = pair
    told, apart = [], []

    def watch(progress):
        told.append(progress.fraction)
        if progress.stage_kind == "rigid":
            apart.append(phantom.error_mm(progress.current_transform(), known))

    register(fixed, moving, load_preset("rigid").model_copy(update={"symmetric": True}), on_progress=watch)
    assert told == sorted(told)
    assert min(told) < 0.5 < max(told) <= 1
    assert max(apart) < 20


def test_a_symmetric_b_spline_is_refused():
    with pytest.raises(CoregError, match="half-way"):
        Recipe.from_mapping({"name": "bent", "symmetric": True, "stages": [{"kind": "bspline"}]})


def test_a_symmetric_recipe_refuses_a_deformable_start(pair):
    fixed, moving, known = pair
    start = sitk.DisplacementFieldTransform(
        sitk.TransformToDisplacementField(
            known,
            sitk.sitkVectorFloat64,
            fixed.GetSize(),
            fixed.GetOrigin(),
            fixed.GetSpacing(),
            fixed.GetDirection(),
        )
    )
    with pytest.raises(CoregError, match="symmetric to false"):
        register(fixed, moving, "follow-up", initial_transform=start)
