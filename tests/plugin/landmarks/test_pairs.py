"""The list of landmarks: pairing, numbers, undo; and which row of a layer is which after an edit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.errors import GeometryError
from napari_coreg.plugin.landmarks.pairs import LandmarkPairs
from napari_coreg.plugin.landmarks.rows import COLOURS, match_rows, rows_of, with_features_of_others

A, B, C = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 2.0, 0.0)


@pytest.fixture
def pairs():
    """Three complete landmarks a, b, c."""
    pairs = LandmarkPairs()
    for name, point in zip("abc", (A, B, C), strict=True):
        pairs.place(pairs.add("fixed", point, name=name), "moving", point)
    return pairs


def names(pairs):
    return "".join(landmark.name for landmark in pairs.landmarks)


def test_a_landmark_waits_until_it_is_set_in_both_volumes(pairs):
    key = pairs.add("moving", A)
    assert pairs.waiting("fixed") == key
    assert pairs.waiting("moving") is None
    assert not pairs.find(key).is_complete
    pairs.place(key, "fixed", B)
    assert pairs.waiting("fixed") is None
    assert pairs.find(key).is_complete


def test_a_guess_does_not_count_until_it_is_confirmed_or_moved(pairs):
    first, second = pairs.add("fixed", B), None
    pairs.place(first, "moving", C, guess=True)
    second = pairs.add("fixed", C)
    pairs.place(second, "moving", C, guess=True)
    assert len(pairs.complete) == 3
    pairs.confirm([first])
    pairs.place(second, "moving", A)
    assert len(pairs.complete) == 5


def test_moving_the_other_side_leaves_a_guess_a_guess(pairs):
    key = pairs.add("fixed", B)
    pairs.place(key, "moving", C, guess=True)
    pairs.place(key, "fixed", A)
    assert pairs.find(key).guessed == "moving"


def test_numbers_and_colours_are_the_same_in_both_layers(pairs):
    lonely = pairs.add("moving", A, name="d")
    pairs.move(lonely, -2)
    fixed, moving = rows_of(pairs, "fixed"), rows_of(pairs, "moving")
    assert fixed.features["number"] == [1, 3, 4]
    assert moving.features["label"] == ["1 a", "2 d", "3 b", "4 c"]
    shown = dict(zip(moving.keys, moving.colours, strict=True))
    assert [shown[key] for key in fixed.keys] == fixed.colours
    assert len(set(moving.colours)) == 4


def test_colours_stay_when_landmarks_before_are_removed(pairs):
    before = dict(zip(rows_of(pairs, "fixed").keys, rows_of(pairs, "fixed").colours, strict=True))
    pairs.remove([pairs[0].key])
    after = rows_of(pairs, "fixed")
    assert after.features["number"] == [1, 2]
    assert after.colours == [before[key] for key in after.keys]


def test_there_are_different_colours():
    assert len(set(COLOURS)) == len(COLOURS) == 12


@pytest.mark.parametrize(
    ("name", "by", "order"), [("a", 1, "bac"), ("c", -1, "acb"), ("a", -1, "abc"), ("b", 9, "acb")]
)
def test_moving_up_and_down_reorders(pairs, name, by, order):
    key = next(landmark.key for landmark in pairs.landmarks if landmark.name == name)
    pairs.move(key, by)
    assert names(pairs) == order


def test_undo_takes_back_each_step_and_redo_does_it_again(pairs):
    steps = [
        lambda: pairs.add("fixed", C, name="d"),
        lambda: pairs.remove([pairs[1].key]),
        lambda: pairs.rename({pairs[0].key: "x"}),
        lambda: pairs.move(pairs[0].key, 1),
        lambda: pairs.place(pairs[0].key, "moving", (9.0, 9.0, 9.0)),
    ]
    states = [pairs.landmarks]
    for step in steps:
        step()
        states.append(pairs.landmarks)
    for state in reversed(states[:-1]):
        pairs.undo()
        assert pairs.landmarks == state
    for state in states[1:]:
        pairs.redo()
        assert pairs.landmarks == state
    assert not pairs.can_redo


def test_a_change_after_undo_forgets_what_was_taken_back(pairs):
    pairs.undo()
    pairs.rename({pairs[0].key: "x"})
    assert not pairs.can_redo


def test_a_guess_is_taken_back_with_the_point_it_was_made_for(pairs):
    before = pairs.landmarks
    pairs.place(pairs.add("fixed", B), "moving", C, guess=True)
    pairs.undo()
    assert pairs.landmarks == before


def test_what_changes_nothing_tells_nothing(pairs):
    told = []
    pairs.changed.connect(lambda: told.append(1))
    pairs.confirm([pairs[0].key])
    pairs.rename({pairs[0].key: " a "})
    pairs.remove([999])
    pairs.move(999, 1)
    pairs.place(pairs[0].key, "fixed", A)
    assert not told


def test_several_changes_can_be_one_step(pairs):
    told, before = [], pairs.landmarks
    pairs.changed.connect(lambda: told.append(1))
    with pairs.one_step():
        pairs.add("fixed", A)
        pairs.remove([pairs[0].key])
    assert told == [1]
    pairs.undo()
    assert pairs.landmarks == before


def test_points_from_a_file_go_to_the_landmarks_of_their_names(pairs):
    pairs.take("moving", np.array([C, A]), ["c", "z"])
    assert pairs[2].moving_lps == C
    assert names(pairs) == "abcz"
    assert pairs[3].fixed_lps is None


def test_points_without_names_go_in_order_to_the_landmarks_that_wait_for_them():
    pairs = LandmarkPairs()
    pairs.take("fixed", np.array([A, B]), ["", ""])
    pairs.take("moving", np.array([B, C]), ["one", "two"])
    assert [(landmark.fixed_lps, landmark.moving_lps) for landmark in pairs.landmarks] == [(A, B), (B, C)]
    assert [landmark.name for landmark in pairs.landmarks] == ["one", "two"]


def test_points_without_names_that_are_not_as_many_as_wait_are_new():
    pairs = LandmarkPairs()
    pairs.take("fixed", np.array([A, B]), ["", ""])
    pairs.take("moving", np.array([C]), [""])
    assert len(pairs) == 3
    assert not pairs.complete


def test_a_table_with_gaps_is_taken_in(pairs):
    nowhere = (np.nan,) * 3
    pairs.extend(np.array([A, nowhere, nowhere]), np.array([B, C, nowhere]), ["p", "q", "r"])
    assert names(pairs) == "abcpq"
    assert [landmark.is_complete for landmark in pairs.landmarks] == [True, True, True, True, False]


def test_points_of_another_dimension_are_refused(pairs):
    with pytest.raises(GeometryError, match="2-D, but the landmarks that are there in 3-D"):
        pairs.take("fixed", np.zeros((1, 2)), [""])


def test_a_new_frame_of_a_volume_reaches_what_undo_brings_back(pairs):
    pairs.remove([pairs[0].key])
    pairs.remap("fixed", lambda points: points + 10)
    pairs.undo()
    assert pairs[0].fixed_lps == (10.0, 10.0, 10.0)
    assert pairs[0].moving_lps == A


# rows


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True), st.data())
def test_what_is_left_after_a_removal_is_known(values, data):
    before = np.array(values, float)[:, None]
    removed = data.draw(st.lists(st.sampled_from(range(len(values))), unique=True))
    kept = [index for index in range(len(values)) if index not in removed]
    assert match_rows(before, before[kept]) == kept
    assert match_rows(before, before[kept], removed) == kept


def test_of_two_points_at_one_place_the_one_that_was_said_to_go_is_gone():
    before = np.zeros((3, 2))
    assert match_rows(before, before[:2], [0]) == [1, 2]


def test_points_that_moved_stay_themselves_and_those_after_them_are_new():
    before, now = np.arange(4.0).reshape(2, 2), np.arange(6.0).reshape(3, 2) + 7
    assert match_rows(before, now) == [0, 1, None]
    assert match_rows(before, now[:1]) == [0]
    assert match_rows(before, now[:0]) == []


def test_columns_of_others_follow_their_points(pairs):
    import pandas as pd  # noqa: PLC0415 - napari brings it

    keys = [landmark.key for landmark in pairs.landmarks]
    table = pd.DataFrame({"name": ["a", "b", "c"], "weight": [1.0, 2.0, 3.0]})
    pairs.remove([keys[0]])
    pairs.move(keys[2], -1)
    found = with_features_of_others(table, keys, rows_of(pairs, "fixed"))
    assert found["weight"] == [3.0, 2.0]
    assert found["name"] == ["c", "b"]
