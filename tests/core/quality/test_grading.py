"""Numbers are graded anew under other limits, and those of later checks join them, without measuring again."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.quality.assess import assess
from napari_coreg.core.quality.grading import regraded, with_rows
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limit, Limits
from napari_coreg.core.quality.record import Row
from napari_coreg.core.quality.subject import Landmarks, Subject

SHIFT = np.array([3.0, -2.0, 6.0])


@pytest.fixture(scope="module")
def quality():
    """A shift of 7 mm, whose landmarks are missed by 2.5 mm along x, over voxels of 1 x 1.5 x 2 mm."""
    grid = np.indices((20, 24, 26), dtype=float)
    image = sitk.GetImageFromArray(np.exp(-((grid[0] - 9) ** 2 + (grid[1] - 12) ** 2 + (grid[2] - 12) ** 2) / 50))
    image.SetSpacing((1.0, 1.5, 2.0))
    points = np.random.default_rng(0).uniform(5, 20, (6, 3))
    errors = np.zeros((6, 3))
    errors[:, 0] = (2.5, 2.5, 2.4, 2.6, 2.5, 2.5)
    landmarks = Landmarks(points, points + SHIFT - errors, tuple("abcdef"))
    return assess(Subject(image, image, sitk.TranslationTransform(3, SHIFT.tolist()), landmarks=landmarks)).quality


def status(quality, measure):
    return next(row.status for row in quality.rows if row.measure == measure)


def limits(*one):
    return Limits(name="mine", limits=one)


def test_a_number_between_two_limits_is_looked_at_beyond_both_it_fails(quality):
    assert status(quality, "tre_mean") == "look"  # 2.5 mm, between 2 and 3
    strict = regraded(quality, limits(Limit(measure="tre_mean", good=1, bad=2)))
    assert status(strict, "tre_mean") == "fail"
    assert strict.state == "fail"
    assert strict.headline[0].startswith("FAIL")
    assert strict.limits.name == "mine"


def test_no_limit_is_tighter_than_a_voxel_where_it_says_so(quality):
    like_voxel = regraded(quality, limits(Limit(measure="tre_mean", good=0.1, bad=0.2, at_least_voxels=1.5)))
    assert status(like_voxel, "tre_mean") == "pass"  # 2.5 mm, of 1.5 times 2 mm
    assert next(row.good for row in like_voxel.rows if row.measure == "tre_mean") == pytest.approx(3.0)


def test_what_has_no_limit_is_told_but_not_graded(quality):
    free = regraded(quality, limits())
    assert {row.status for row in free.rows} == {"info"}
    assert [row.after for row in free.rows] == [row.after for row in quality.rows]


def test_going_back_to_the_same_limits_changes_nothing(quality):
    assert regraded(quality, quality.limits) == quality
    other = regraded(quality, limits(Limit(measure="tre_mean", good=1, bad=2)))
    assert regraded(other, DEFAULT_LIMITS).state == quality.state


def test_what_is_true_by_definition_is_graded_under_no_limits(quality):
    assert status(quality, "folded_in_body") == "info"  # of a shift
    strict = limits(Limit(measure="folded_in_body", best="high", good=2, bad=1))
    assert status(regraded(quality, strict), "folded_in_body") == "info"


def test_rows_of_later_checks_replace_those_of_their_group_and_the_remark_that_there_are_none(quality):
    def found(value):
        return Row(
            measure="repeatability_p95", group="Repeatability", name="", unit="mm", after=value, status="fail", good=1
        )

    once = with_rows(quality, [found(9.0)])
    twice = with_rows(once, [found(8.0)])
    assert once.state == "fail"
    assert [row.after for row in twice.rows if row.group == "Repeatability"] == [8.0]
    assert len(twice.rows) == len(quality.rows) + 1
    assert any(remark.startswith("repeatability was not measured") for remark in quality.remarks)
    assert not any(remark.startswith("repeatability was not measured") for remark in once.remarks)


def test_rows_stand_in_the_order_of_a_report(quality):
    groups = [row.group for row in with_rows(quality, [Row(measure="x", group="Repeatability", name="x")]).rows]
    assert groups.index("Repeatability") < groups.index("Similarity")
    assert groups.index("Repeatability") > groups.index("Deformation")
