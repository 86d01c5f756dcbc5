"""The command report: from a result folder alone, or from volumes and a transform; exit codes as of evaluate."""

from __future__ import annotations

import csv
import html
import json
import re

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import write_transform, write_volume
from napari_coreg.cli import main

SHIFT = (4.0, -3.0, 2.0)  # fixed point p is moving point p + SHIFT
PLACES = ((12.0, 20.0, 14.0), (26.0, 12.0, 22.0), (30.0, 26.0, 10.0), (18.0, 30.0, 20.0))


def volume(offset):
    """A body with balls in it, 44 mm along each axis."""
    points = np.stack(np.meshgrid(*[np.arange(44.0)] * 3, indexing="ij"), axis=-1)
    values = 80.0 * (np.linalg.norm((points - 21 - np.array(offset)) / (17, 15, 13), axis=-1) < 1)
    for number, place in enumerate(PLACES):
        values += (40 + 30 * number) * (np.linalg.norm(points - np.array(place) - np.array(offset), axis=-1) < 4)
    return sitk.GetImageFromArray(values.astype(np.float32).T)


def write_points(path, offset):
    rows = [f"{x + offset[0]},{y + offset[1]},{z + offset[2]},p{i}" for i, (x, y, z) in enumerate(PLACES)]
    path.write_text("\n".join(["x,y,z,name", *rows]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two volumes with landmarks, and the true transform."""
    write_volume(volume((0, 0, 0)), tmp_path / "fixed.nii.gz")
    write_volume(volume(SHIFT), tmp_path / "moving.nii.gz")
    write_transform(sitk.TranslationTransform(3, SHIFT), tmp_path / "right.tfm")
    write_transform(sitk.TranslationTransform(3, (4.0, -3.0, 22.0)), tmp_path / "wrong.tfm")
    # Landmarks as a person sets them, 0.3 mm off: a transform is not taken for a fit to them then.
    write_points(tmp_path / "fixed.csv", (0, 0, 0))
    write_points(tmp_path / "moving.csv", np.array(SHIFT) + np.array((0.2, -0.2, 0.1)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words_of(page):
    """The text of a page without its head."""
    body = page.read_text(encoding="utf-8").partition("<body>")[2]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body))).strip()


PAIR = ["fixed.nii.gz", "moving.nii.gz", "--fixed-points", "fixed.csv", "--moving-points", "moving.csv"]


def test_a_registration_20_mm_off_fails_in_the_first_lines_and_in_the_exit_code(folder, capsys):
    assert main(["report", *PAIR, "-t", "wrong.tfm", "-o", "report.html"]) == 3
    assert "✕ FAIL" in words_of(folder / "report.html")[:800]
    assert "report.html" in capsys.readouterr().out


def test_a_right_one_does_not_fail_and_its_numbers_are_written_beside(folder):
    words = ["--json", "quality.json", "--csv", "quality.csv", "--signed-by", "A. Physicist", "--quiet"]
    assert main(["report", *PAIR, "-t", "right.tfm", "-o", "report.html", *words]) == 0
    text = words_of(folder / "report.html")
    assert "FAIL" not in text[:800]
    assert "Made by A. Physicist" in text
    quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    with (folder / "quality.csv").open(encoding="utf-8", newline="") as file:
        measures = {line["measure"] for line in csv.DictReader(file)}
    assert {row["measure"] for row in quality["rows"]} <= measures
    for row in quality["rows"]:
        assert row["name"] in text


def test_the_folder_of_a_result_is_enough(folder, capsys):
    assert main(["register", "fixed.nii.gz", "moving.nii.gz", "-r", "translation", "-o", "out", "--quiet"]) == 0
    assert main(["report", "out", "-o", "report.html"]) == 0, capsys.readouterr().err
    text = words_of(folder / "report.html")
    assert "moving (moving) onto fixed (fixed)" in text
    assert "Recipe: Translation" in text
    recipe = folder / "out" / "result.json"
    line = f"register {folder / 'fixed.nii.gz'} {folder / 'moving.nii.gz'} -o again --recipe {recipe}"
    assert line in text
    assert '"stages"' in text


def test_names_that_cannot_be_written_are_refused_before_anything_is_read(folder, capsys):
    for words in (["-o", "report.pdf"], ["-o", "none/report.html"], ["-o", "report.html", "--csv", "none/q.csv"]):
        before = sorted(folder.iterdir())
        assert main(["report", "none.nii.gz", "moving.nii.gz", *words]) == 2
        assert "none.nii.gz" not in capsys.readouterr().err
        assert sorted(folder.iterdir()) == before
