"""Every limit and every row names a measure of the catalogue, and every measure says where it ends."""

import pytest

from napari_coreg.core.quality.catalogue import CATALOGUE, GROUPS, measure_of
from napari_coreg.core.quality.limits import DEFAULT_LIMITS


def test_every_limit_is_of_a_measure_that_is_graded_the_same_way():
    for limit in DEFAULT_LIMITS.limits:
        assert measure_of(limit.measure).best == limit.best


@pytest.mark.parametrize("measure", CATALOGUE.values(), ids=CATALOGUE)
def test_every_measure_is_described_whole(measure):
    assert measure.group in GROUPS
    words = (measure.name, measure.formula, measure.range, measure.source, measure.tells, measure.cannot_tell)
    assert all(word.strip() == word and word for word in words)


def test_every_group_has_measures():
    assert {measure.group for measure in CATALOGUE.values()} == set(GROUPS)


@pytest.mark.parametrize("group", ["Similarity", "Inverse consistency", "Transitivity"])
def test_what_proves_no_accuracy_says_so_with_its_source(group):
    for measure in CATALOGUE.values():
        if measure.group == group:
            assert "10.1109/TMI.2011.2163944" in measure.cannot_tell


def test_landmarks_say_that_the_error_of_a_fit_is_another_one():
    assert "FRE" in measure_of("tre_mean").cannot_tell
    assert "size" in measure_of("dice").cannot_tell
    assert "accurate" in measure_of("jacobian_min").cannot_tell
