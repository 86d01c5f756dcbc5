"""Attempts: what is shown, flipped, renamed, deleted and brought back, and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import attempts as module
from napari_coreg.attempts import Attempt, Attempts, memory_bytes
from napari_coreg.core.presets import load_preset
from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.verdict import Verdict
from napari_coreg.io.attempt_record import VolumeOrigin

VOLUME = 20 * 18 * 16 * 4  # bytes


class Layer:
    """As much of a layer as an attempt looks at."""

    def __init__(self, number_of_bytes: int) -> None:
        self.data = np.zeros(number_of_bytes, np.uint8)


def result(fixed: str = "a", moving: str = "b") -> RegistrationResult:
    return RegistrationResult(
        transform=sitk.TranslationTransform(3, (1.0, 2.0, 3.0)),
        recipe=load_preset("rigid"),
        trace=(),
        metric_before=-0.1,
        metric_after=-0.5,
        inverse_transform=None,
        folding=None,
        verdict=Verdict("good", (), {}),
        findings=(),
        initialization="given",
        notes=(),
        seconds=1.0,
        threads=1,
        versions={},
        fingerprints={"fixed": fixed, "moving": moving},
        fixed=sitk.Image([20, 18, 16], sitk.sitkFloat32),
        moving=sitk.Image([20, 18, 16], sitk.sitkFloat32),
    )


def attempt(name: str, *, fixed: str = "a", moving: str = "b", **settings: Any) -> Attempt:
    return Attempt(name, result(fixed, moving), VolumeOrigin("ct"), VolumeOrigin("mr"), **settings)


@pytest.fixture
def three() -> Attempts:
    attempts = Attempts()
    for name in ("one", "two", "three"):
        attempts.add(attempt(name))
    return attempts


def names(attempts: Attempts) -> list[str]:
    return [item.name for item in attempts]


def test_the_last_one_is_shown_and_the_one_before_is_what_flip_goes_to(three):
    assert (three.current.name, three.previous.name) == ("three", "two")
    three.flip()
    assert (three.current.name, three.previous.name) == ("two", "three")
    three.flip()
    assert three.current.name == "three"


def test_flip_goes_between_the_two_that_were_shown_last(three):
    three.show(three["one"])
    three.show(three["two"])
    three.flip()
    assert three.current.name == "one"
    three.flip()
    assert three.current.name == "two"


def test_the_only_one_cannot_be_flipped():
    attempts = Attempts()
    attempts.flip()
    only = attempts.add(attempt("one"))
    attempts.flip()
    assert attempts.current is only


def test_showing_tells_also_when_it_was_shown_before(three):
    told = []
    three.shown.connect(told.append)
    three.show(three["three"])
    assert told == [three["three"]]
    assert three.previous.name == "two"


def test_one_is_found_by_row_and_by_name_and_a_wrong_name_lists_those_there_are(three):
    assert three[1] is three["two"]
    with pytest.raises(KeyError, match="one, two, three"):
        three["four"]


def test_names_are_told_and_an_empty_one_changes_nothing(three):
    told = []
    three.changed.connect(lambda: told.append(names(three)))
    three.rename(three[0], "  with\nmask ")
    three.rename(three[1], "   ")
    assert told == [["with mask", "two", "three"]]


def test_new_names_are_not_in_use():
    attempts = Attempts()
    for _ in range(3):
        attempts.add(attempt(attempts.new_name()))
    attempts.delete(attempts[0])
    assert attempts.new_name() == "Run 4"
    assert names(attempts) == ["Run 2", "Run 3"]


def test_a_deleted_one_comes_back_in_its_row_and_is_shown(three):
    gone = three["two"]
    three.delete(gone)
    assert names(three) == ["one", "three"]
    three.undo()
    assert names(three) == ["one", "two", "three"]
    assert three.current is gone


def test_several_deleted_together_come_back_together(three):
    three.delete(three[0], three[2])
    assert names(three) == ["two"]
    three.undo()
    assert names(three) == ["one", "two", "three"]
    assert not three.can_undo


def test_redo_deletes_again_until_something_else_is_deleted(three):
    three.delete(three[0])
    three.undo()
    assert three.can_redo
    three.redo()
    assert names(three) == ["two", "three"]
    three.undo()
    three.delete(three[1])
    assert not three.can_redo


def test_after_the_shown_one_is_deleted_the_one_before_is_shown(three):
    told = []
    three.shown.connect(told.append)
    three.delete(three["three"])
    assert three.current.name == "two"
    assert three.previous is None
    three.delete(three["two"])
    three.delete(three["one"])
    assert [None if item is None else item.name for item in told] == ["two", "one", None]


def test_deleting_another_one_leaves_the_shown_one(three):
    three.delete(three["two"])
    assert three.current.name == "three"
    three.flip()
    assert three.current.name == "three"


def test_deleting_tells_what_left_and_undo_what_came_back(three):
    told = []
    three.deleted.connect(lambda gone: told.append(("deleted", [item.name for item in gone])))
    three.restored.connect(lambda back: told.append(("restored", [item.name for item in back])))
    three.delete(three[0])
    three.undo()
    assert told == [("deleted", ["one"]), ("restored", ["one"])]


def test_attempts_of_one_pair_share_its_volumes_and_those_of_others_do_not(three):
    other = three.add(attempt("other pair", fixed="a", moving="c"))
    assert three[0].result.fixed is three[1].result.fixed is three[2].result.fixed is other.result.fixed
    assert three[0].result.moving is three[2].result.moving
    assert other.result.moving is not three[0].result.moving


def test_the_other_way_round_shares_its_volumes_too(three):
    swapped = three.add(attempt("swapped", fixed="b", moving="a"))
    assert swapped.result.fixed is three[0].result.moving
    assert swapped.result.moving is three[0].result.fixed


def test_volumes_without_fingerprints_are_not_taken_for_each_other():
    attempts = Attempts()
    for name in ("one", "two"):
        item = attempt(name)
        item.result.fingerprints.clear()
        attempts.add(item)
    assert attempts[0].result.fixed is not attempts[1].result.fixed


def test_one_more_attempt_of_a_pair_costs_its_layers_and_its_transform():
    attempts = Attempts()
    attempts.add(attempt("one", layers=(Layer(1000),)))
    assert memory_bytes(attempts) == 2 * VOLUME + 1000 + 3 * 8
    attempts.add(attempt("two", layers=(Layer(1000),)))
    assert memory_bytes(attempts) == 2 * VOLUME + 2 * (1000 + 3 * 8)


def test_a_deformation_counts_with_its_parameters():
    item = attempt("one")
    field = sitk.DisplacementFieldTransform(sitk.Image([10, 11, 12], sitk.sitkVectorFloat64))
    before = memory_bytes([item])
    object.__setattr__(item.result, "inverse_transform", sitk.CompositeTransform([field]))
    assert memory_bytes([item]) - before == 10 * 11 * 12 * 3 * 8


def test_what_was_deleted_long_ago_is_let_go(monkeypatch):
    monkeypatch.setattr(module, "UNDO_BYTES", 2500)
    attempts = Attempts()
    for number in range(4):
        attempts.add(attempt(f"{number}", layers=(Layer(1000),)))
    for number in range(3):
        attempts.delete(attempts[f"{number}"])
    while attempts.can_undo:
        attempts.undo()
    assert names(attempts) == ["1", "2", "3"]


def test_the_last_delete_can_be_undone_however_large_it_is(monkeypatch):
    monkeypatch.setattr(module, "UNDO_BYTES", 10)
    attempts = Attempts()
    attempts.add(attempt("large", layers=(Layer(1000),)))
    attempts.delete(attempts[0])
    attempts.undo()
    assert names(attempts) == ["large"]


def test_all_that_were_ever_here_are_known(three):
    keys = {item.key for item in three}
    three.delete(three[0])
    assert three.known_keys == keys
