"""The command rerun: what it says, writes and returns."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import SimpleITK as sitk

from napari_coreg import read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.io.records import load_record

FIXTURES = Path(__file__).parent / "io" / "fixtures"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for name in ("fixed", "moving"):
        shutil.copy(FIXTURES / f"{name}.nii.gz", tmp_path)
    return tmp_path


@pytest.fixture
def out(scans: Path) -> str:
    folder = str(scans / "out")
    words = ["register", str(scans / "fixed.nii.gz"), str(scans / "moving.nii.gz"), "-o", folder, "--threads", "1"]
    assert main([*words, "-r", "translation", "--initial", "given", "--quiet", "--time-limit", "1000"]) in (0, 3)
    return folder


def shifted(out: str, mm: float) -> None:
    before = sitk.ReadTransform(f"{out}/transform.h5").TransformPoint((0.0, 0.0, 0.0))
    sitk.WriteTransform(sitk.TranslationTransform(3, (before[0] + mm, *before[1:])), f"{out}/transform.h5")


def test_the_same_is_told_and_is_done(out, scans, capsys):
    assert main(["rerun", out, "-o", str(scans / "again")]) == 0
    said = capsys.readouterr()
    assert "the transform: identical, bit for bit" in said.out
    assert f"written to {scans / 'again'}" in said.out
    assert "translation, level 1/3" in said.err
    assert load_record(scans / "again")["inputs"]["fixed"]["path"] == str(scans / "fixed.nii.gz")
    assert load_record(out)["time_limit"] == 1000


def test_without_a_folder_nothing_is_written_and_quietly_nothing_is_said(out, scans, capsys):
    before = sorted(path.name for path in scans.rglob("*"))
    assert main(["rerun", out, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(path.name for path in scans.rglob("*")) == before


@pytest.mark.parametrize(("mm", "words", "code"), [(0.005, [], 0), (0.5, [], 3), (0.5, ["--within", "0.6"], 0)])
def test_how_far_apart_they_are_decides_the_exit_code(out, capsys, mm, words, code):
    shifted(out, mm)
    assert main(["rerun", out, *words]) == code
    assert f"the transform: differs by {mm} mm on average, {mm} mm at most" in capsys.readouterr().out


def test_json_is_one_object(out, capsys):
    shifted(out, 0.5)
    capsys.readouterr()
    assert main(["rerun", out, "--json"]) == 3
    said = capsys.readouterr()
    outcome = json.loads(said.out)
    assert said.err == ""
    assert outcome["maximum_mm"] == pytest.approx(0.5)
    assert (outcome["identical"], outcome["is_within"], outcome["folder"]) == (False, False, None)


def test_another_volume_is_refused_before_anything_is_run(out, scans, capsys):
    write_volume(read_volume(scans / "moving.nii.gz").image + 1, scans / "moving.nii.gz")
    assert main(["rerun", out]) == 2
    assert "the moving volume in" in capsys.readouterr().err
    assert main(["rerun", out, "--anyway", "--quiet"]) in (0, 3)
    shutil.copy(FIXTURES / "moving.nii.gz", scans / "right.nii.gz")
    assert main(["rerun", out, "--moving", str(scans / "right.nii.gz"), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("what", "begins"),
    [("script", '"""Registers moving to fixed again."""'), ("command", "napari-coreg register"), ("recipe", "{")],
)
def test_what_repeats_it_is_shown_and_nothing_is_run(out, capsys, what, begins):
    assert main(["rerun", out, "--show", what]) == 0
    assert capsys.readouterr().out.startswith(begins)


def test_a_folder_that_holds_no_result_is_told(scans, capsys):
    assert main(["rerun", str(scans)]) == 2
    assert "is not the folder of a result: it has no result.json" in capsys.readouterr().err


def test_a_folder_in_the_way_is_told_before_the_run(out, scans, capsys):
    assert main(["rerun", out, "-o", str(scans / "fixed.nii.gz")]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--within", "-1"], ["--within", "far"], ["--threads", "-1"], ["--show", "all"]])
def test_words_that_make_no_sense_are_refused(out, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rerun", out, *words])
    assert ended.value.code == 2
