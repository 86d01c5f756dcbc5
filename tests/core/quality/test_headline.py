"""The first lines of a report: the gravest first, with number and limit, and never a pass without proof."""

from napari_coreg.core.quality.headline import number, summarize
from napari_coreg.core.quality.limits import DEFAULT_LIMITS
from napari_coreg.core.quality.record import LandmarkRow, VerdictRecord
from napari_coreg.core.quality.rows import Grader

GRADER = Grader(DEFAULT_LIMITS, 1.0)
GOOD = VerdictRecord(state="good", reasons=("no other pose fits",), measures={})
DOUBTFUL = VerdictRecord(
    state="doubtful", reasons=("the deformation folds space: 3 % of the voxels folded",), measures={}
)
FAILED = VerdictRecord(
    state="failed",
    reasons=("the volumes fit better in another pose, 20 mm and 0 degrees away (7.5 times the score); start again",),
    measures={},
)
TRE = GRADER.row("tre_mean", 1.2, 21.0)


def test_the_verdict_comes_first_without_its_advice():
    state, lines = summarize(FAILED, [GRADER.row("tre_mean", 21.345)])
    assert state == "fail"
    assert lines[0] == "FAIL: the volumes fit better in another pose, 20 mm and 0 degrees away (7.5 times the score)"
    assert lines[1] == "FAIL: target registration error 21.3 mm on average, limit 3 mm"


def test_failures_come_before_what_is_to_be_looked_at():
    rows = [GRADER.row("tre_mean", 2.5), GRADER.row("folded_in_body", 3.14159, region="body")]
    state, lines = summarize(GOOD, rows)
    assert state == "fail"
    assert lines == (
        "FAIL: 3.14 % of the body is folded",
        "LOOK: target registration error 2.5 mm on average, wanted 2 mm",
    )


def test_folds_are_told_once():
    _, lines = summarize(DOUBTFUL, [GRADER.row("folded_in_body", 3.0)])
    assert lines == ("FAIL: 3 % of the body is folded",)


def test_the_worst_landmark_is_named():
    pairs = [LandmarkRow(name="nose", before_mm=9.0, after_mm=7.0, after_lps=(7.0, 0.0, 0.0))]
    _, lines = summarize(GOOD, [GRADER.row("tre_max", 7.0)], pairs)
    assert lines == ("FAIL: target registration error 7 mm at the worst landmark (nose), limit 5 mm",)


def test_structures_are_counted_and_the_worst_is_named():
    rows = [GRADER.row("dice", value, structure=name) for name, value in (("a", 0.95), ("b", 0.4), ("c", 0.7))]
    state, lines = summarize(GOOD, rows)
    assert state == "fail"
    assert lines == ("FAIL: 2 of 3 structures, the worst b: Dice's coefficient 0.4, limit 0.8",)
    _, (line,) = summarize(GOOD, rows[1:2])
    assert line == "FAIL: b: Dice's coefficient 0.4, limit 0.8"


def test_nothing_passes_without_landmarks_or_structures():
    rows = [
        GRADER.row("folded_in_body", 0.0),
        GRADER.row("inverse_consistency_p95", 0.1),
        GRADER.row("correlation", 1.0),
    ]
    state, lines = summarize(GOOD, rows)
    assert state == "look"
    assert lines == (
        "LOOK: nothing found against it, but no landmarks or structures were given: look before you rely on it",
    )


def test_landmarks_that_are_not_graded_prove_nothing():
    state, (line,) = summarize(GOOD, [GRADER.row("tre_mean", 1.0, is_graded=False)])
    assert state == "look"
    assert "that it can be graded by" in line


def test_what_passes_says_what_it_rests_on():
    rows = [TRE, GRADER.row("dice", 0.93, structure="a"), GRADER.row("dice", 0.97, structure="b")]
    pairs = [LandmarkRow(name="nose", before_mm=9.0, after_mm=1.2, after_lps=(1.2, 0.0, 0.0))] * 4
    assert summarize(GOOD, rows, pairs) == (
        "pass",
        (
            "PASS: nothing found against it; target registration error 1.2 mm on average over 4 landmarks; Dice's "
            "coefficient 0.93 at worst over 2 structures",
        ),
    )


def test_a_number_that_is_none_fails():
    assert GRADER.row("tre_mean", float("nan")).status == "fail"


def test_a_limit_in_mm_is_no_tighter_than_a_voxel_and_others_are_as_they_are():
    coarse = Grader(DEFAULT_LIMITS, 5.0)
    assert (coarse.row("tre_mean", 4.9).status, coarse.row("tre_mean", 5.1).status) == ("pass", "fail")
    assert coarse.row("folded_in_body", 0.1).status == "fail"


def test_numbers_are_short_and_small_ones_are_not_zero():
    assert [number(value) for value in (0.00312, 1.0, 2_000_000.0, -12.345)] == ["0.00312", "1", "2000000", "-12.3"]
