"""The commands evaluate and limits: what they print, write and end with."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits

SHIFT = (4.0, -3.0, 2.0)


BLOBS = (  # offset from the middle, sigmas and height of each, mm; no turn takes the whole onto itself
    ((0, 0, 0), (13, 9, 8), 200.0),
    ((9, -6, 4), (3, 4, 3), 150.0),
    ((-10, 4, -5), (4, 3, 3), 90.0),
    ((2, 8, 6), (3, 3, 4), -80.0),
)


def volume(middle):
    """A body about a point, LPS mm."""
    size, spacing = [56, 48, 36], [1.5, 1.5, 2.0]
    blobs = [
        sitk.GaussianSource(
            sitk.sitkFloat32, size, list(sigma), np.add(middle, shift).tolist(), height, [0.0] * 3, spacing
        )
        for shift, sigma, height in BLOBS
    ]
    return sum(blobs[1:], blobs[0])


@pytest.fixture
def pair(tmp_path):
    """Two volumes, the fixed point p is the moving point p + SHIFT, and the true transform, in a folder."""
    write_volume(volume((40.0, 36.0, 34.0)), tmp_path / "fixed.nii.gz")
    write_volume(volume(np.add((40.0, 36.0, 34.0), SHIFT)), tmp_path / "moving.nii.gz")
    sitk.WriteTransform(sitk.TranslationTransform(3, SHIFT), str(tmp_path / "right.tfm"))
    sitk.WriteTransform(sitk.TranslationTransform(3, np.add(SHIFT, (20, 0, 0)).tolist()), str(tmp_path / "wrong.tfm"))
    return str(tmp_path / "fixed.nii.gz"), str(tmp_path / "moving.nii.gz")


def error_of(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return line


def rows_of(quality, measure):
    return [row for row in quality["rows"] if row["measure"] == measure]


def test_it_measures_before_and_after(pair, tmp_path, capsys):
    for name, path in (("a", pair[0]), ("b", pair[1])):
        write_volume(sitk.Cast(read_volume(path).image > 60, sitk.sitkUInt8) * 3, tmp_path / f"{name}.nii.gz")
    (tmp_path / "names.csv").write_text("label,name\n3,liver\n")
    (tmp_path / "p.csv").write_text("x,y,z\n30,32,33\n44,45,36\n")
    (tmp_path / "q.csv").write_text("x,y,z\n34,29,35.5\n48,42,38.5\n")
    words = ["evaluate", *pair, "-t", str(tmp_path / "right.tfm"), "--fixed-labels", str(tmp_path / "a.nii.gz")]
    words += ["--moving-labels", str(tmp_path / "b.nii.gz"), "--label-names", str(tmp_path / "names.csv")]
    words += ["--fixed-points", str(tmp_path / "p.csv"), "--moving-points", str(tmp_path / "q.csv")]
    words += ["--overlay", str(tmp_path / "o.png"), "--csv", str(tmp_path / "q_out.csv")]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    quality = json.loads(out)
    assert err == ""
    (dice,) = rows_of(quality, "dice")
    assert (dice["structure"], dice["after"], dice["status"]) == ("liver", pytest.approx(1, abs=0.05), "pass")
    assert dice["before"] < 0.9
    (error,) = rows_of(quality, "tre_mean")
    assert error["after"] == pytest.approx(0.5)
    correlation = rows_of(quality, "correlation")[0]
    assert correlation["after"] > 0.99 > correlation["before"]
    assert quality["state"] == "pass"
    assert (tmp_path / "o.png").is_file()
    with (tmp_path / "q_out.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(quality["rows"]) + len(quality["landmarks"])
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.startswith("PASS: ")
    assert max(map(len, told.splitlines())) <= 100 or str(tmp_path) in told
    assert "liver" in told
    assert "target registration error, mean (mm)" in told


def test_what_is_wrong_comes_first_and_ends_it_with_3(pair, tmp_path, capsys):
    assert main(["evaluate", *pair, "-t", str(tmp_path / "wrong.tfm")]) == 3
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("FAIL: the volumes fit better in another pose, ")


def test_without_a_transform_the_volumes_are_measured_as_they_lie(pair, capsys):
    assert main(["evaluate", pair[0], pair[0], "--json"]) == 0
    quality = json.loads(capsys.readouterr().out)
    assert quality["transform"]["kind"] == "identity"
    (correlation,) = rows_of(quality, "correlation")
    assert correlation["before"] == correlation["after"] == pytest.approx(1)


def test_the_folder_of_a_result_is_enough(pair, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["register", *pair, "-o", str(out), "-r", "translation", "--quiet"]) == 0
    assert main(["evaluate", str(out), "--json"]) == 0
    quality = json.loads(capsys.readouterr().out)
    assert quality["recipe"]["name"] == "translation"
    assert quality["fixed"]["path"] == pair[0]
    assert quality["run"]["verdict"] == "good"


def test_a_volume_that_changed_since_is_refused(pair, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["register", *pair, "-o", str(out), "-r", "translation", "--quiet"]) == 0
    write_volume(read_volume(pair[1]).image + 1, pair[1])
    assert main(["evaluate", str(out)]) == 2
    assert "is not the moving volume that was registered any more" in error_of(capsys)
    assert main(["evaluate", *pair, "-t", str(out), "--json"]) == 0
    remarks = json.loads(capsys.readouterr().out)["remarks"]
    assert any("this moving volume is not the one that was registered" in remark for remark in remarks)


def test_limits_of_a_file_are_used(pair, tmp_path, capsys):
    assert main(["limits", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert Limits.model_validate(plain) == DEFAULT_LIMITS
    plain["name"] = "strict"
    plain["limits"] = [{"measure": "correlation", "best": "high", "good": 1.1, "bad": 1.05}]
    (tmp_path / "limits.json").write_text(json.dumps(plain))
    words = ["evaluate", *pair, "-t", str(tmp_path / "right.tfm"), "--limits", str(tmp_path / "limits.json")]
    assert main(words) == 3
    assert "FAIL: correlation" in capsys.readouterr().out
    assert main(["limits", str(tmp_path / "limits.json")]) == 0
    assert "limits 'strict'" in capsys.readouterr().out


def test_limits_are_shown_with_their_sources(capsys):
    assert main(["limits"]) == 0
    told = capsys.readouterr().out
    for limit in DEFAULT_LIMITS.limits:
        assert limit.measure in told
    assert "TG-132" in told
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fixed.nii.gz"], "is not the folder of a result"),
        (["fixed.nii.gz", "moving.nii.gz", "--fixed-points", "p.csv"], "--moving-points"),
        (["fixed.nii.gz", "moving.nii.gz", "--moving-labels", "moving.nii.gz"], "--fixed-labels"),
        (
            ["fixed.nii.gz", "moving.nii.gz", "--fixed-labels", "fixed.nii.gz", "--moving-labels", "moving.nii.gz"],
            "whole numbers",
        ),
        (["fixed.nii.gz", "moving.nii.gz", "--to-third", "right.tfm"], "--from-third"),
        (["fixed.nii.gz", "moving.nii.gz", "--csv", "none/q.csv"], "does not exist"),
        (["fixed.nii.gz", "moving.nii.gz", "--limits", "right.tfm"], "not JSON"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(pair, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *words]) == 2
    assert told in error_of(capsys)


def test_checks_are_told_and_join_the_table(pair, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["register", *pair, "-o", str(out), "-r", "translation", "--quiet"]) == 0
    assert main(["evaluate", str(out), "--check", "inverse-consistency"]) in (0, 3)
    told, err = capsys.readouterr()
    assert "Inverse consistency" in told
    assert "registering the other way round" in err
