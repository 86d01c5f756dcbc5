"""Records of earlier versions are brought to this one's schema; those of later ones are refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from napari_coreg.core.result import SCHEMA_VERSION
from napari_coreg.errors import FileError
from napari_coreg.io.migration import migrated
from napari_coreg.io.records import load_record
from napari_coreg.io.saved_result import load_result

OLD = Path(__file__).parent / "fixtures" / "result_v1"


@pytest.fixture
def old() -> dict:
    return json.loads((OLD / "result.json").read_text(encoding="utf-8"))


def test_a_folder_of_version_1_is_read_as_one_of_now():
    saved = load_result(OLD)
    assert saved.record["schema_version"] == load_record(OLD)["schema_version"] == SCHEMA_VERSION
    assert saved.check_swap
    assert saved.time_limit is None
    assert saved.threads == 1
    assert saved.inputs["fixed_mask"]["path"] == "/tmp/coreg-v1/fixed_mask.nii.gz"
    assert saved.transform.TransformPoint((0.0, 0.0, 0.0)) == pytest.approx((-4.3, 3.1, -2.2), abs=0.1)


def test_a_start_that_version_1_did_not_keep_is_known_to_be_missing(old):
    start = migrated(old, OLD)["initial_transform"]
    assert (start["fingerprint"], start["parts"]) == (None, None)
    old["inputs"].pop("initial_transform")
    assert migrated(old, OLD)["initial_transform"] is not None  # it began from "given", as its recipe did not say
    old["recipe"]["initialization"] = "given"
    assert migrated(old, OLD)["initial_transform"] is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/data/ct.nii.gz", {"path": "/data/ct.nii.gz", "name": None}),
        (r"C:\data\ct.nii.gz", {"path": r"C:\data\ct.nii.gz", "name": None}),
        ("T1 of the layer list", {"path": None, "name": "T1 of the layer list"}),
        ({"path": "/a.nii", "name": "a"}, {"path": "/a.nii", "name": "a"}),
    ],
)
def test_names_and_paths_that_were_mere_text_become_origins(old, before, after):
    old["inputs"] = {"fixed": before}
    assert migrated(old, OLD)["inputs"] == {"fixed": after}


def test_what_was_read_is_left_as_it_was(old):
    before = copy.deepcopy(old)
    migrated(old, OLD)
    assert old == before


def test_a_record_of_now_stays_as_it_is(old):
    new = migrated(old, OLD)
    assert migrated(new, OLD) == new


def test_a_symmetric_run_of_version_1_had_no_check_of_its_own(old):
    old["recipe"]["symmetric"] = True
    assert not migrated(old, OLD)["check_swap"]


@pytest.mark.parametrize(
    ("version", "words"), [(99, "update napari-coreg"), ("2", "damaged"), (0, "damaged"), (True, "damaged")]
)
def test_a_later_version_or_none_is_refused(old, version, words):
    with pytest.raises(FileError, match=words):
        migrated({**old, "schema_version": version}, OLD)


@pytest.mark.parametrize("change", [{"recipe": "rigid"}, {"inputs": ["ct"]}, {"inputs": {"fixed": 3}}])
def test_a_damaged_record_is_told(old, change):
    with pytest.raises(FileError, match="not a readable record"):
        migrated({**old, **change}, OLD)
