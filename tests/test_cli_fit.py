"""The command fit as a user meets it, and what goes on from its transform."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_points, read_transform, write_volume
from napari_coreg.cli import main
from napari_coreg.cli.options.fit import LANDMARK_MODELS
from napari_coreg.core.landmarks import LandmarkModel
from napari_coreg.io.points import write_points

FIXED = np.array([[10.0, 8, 6], [30, 9, 7], [12, 26, 8], [20, 20, 24], [28, 25, 20]])
NAMES = ("nasion", "left ear", "right ear", "vertex", "inion")
SHIFT = np.array((4.0, -3.0, 2.0))
OFF = np.outer([0, 0, 1, 0, 0], [0, 0, 3])


@pytest.fixture
def points(tmp_path):
    """Two files in another order and frame; 'right ear' was set 3 mm off in the moving volume."""
    fixed, moving = str(tmp_path / "fixed.csv"), str(tmp_path / "moving.mrk.json")
    write_points(FIXED, fixed, NAMES)
    write_points((FIXED + SHIFT + OFF)[::-1], moving, NAMES[::-1])
    return fixed, moving


@pytest.fixture
def volumes(tmp_path):
    """Two volumes: the fixed point p is the moving point p + SHIFT."""
    paths = str(tmp_path / "fixed.nii.gz"), str(tmp_path / "moving.nii.gz")
    for path, middle in zip(paths, ((19.0, 18.0, 15.0), (23.0, 15.0, 17.0)), strict=True):
        ball = sitk.GaussianSource(sitk.sitkFloat32, [40, 36, 32], [9, 6, 5], middle, 200.0, [0] * 3, [1] * 3)
        dent = sitk.GaussianSource(sitk.sitkFloat32, [40, 36, 32], [3] * 3, np.add(middle, (6, 4, 0)), 150.0)
        write_volume(ball - dent, path)
    return paths


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_worst_landmark_comes_first_in_the_table(points, tmp_path, capsys):
    assert main(["fit", *points, "-o", str(tmp_path / "t.tfm"), "--model", "translation"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "translation fit to 5 landmarks, paired by name"
    assert lines[1].split("  ")[0] == "landmark"
    assert lines[2].split() == ["right", "ear", "2.400", "3.000"]
    assert lines[3].split()[-2:] == ["0.600", "0.750"]
    assert lines[7].split() == ["root", "mean", "square", "1.200", "1.500"]
    assert "turned by 0.00 degrees and shifted by 5.64 mm" in lines[8]
    assert lines[-1] == f"written to {tmp_path / 't.tfm'}"
    assert err == ""
    found = read_transform(tmp_path / "t.tfm").TransformPoint((0.0, 0.0, 0.0))
    assert found == pytest.approx((4.0, -3.0, 2.6))


@pytest.mark.parametrize("model", LANDMARK_MODELS)
def test_as_json_it_is_one_object_with_all_numbers(points, volumes, tmp_path, capsys, model):
    path = tmp_path / "t.h5"
    assert main(["fit", *points, "-o", str(path), "--model", model, "--like", volumes[0], "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert (report["model"], report["paired_by"], report["left_out"]) == (model, "name", [])
    transform = read_transform(path)
    for landmark in report["landmarks"]:
        mapped = transform.TransformPoint(landmark["fixed_lps"])
        error = np.linalg.norm(np.subtract(mapped, landmark["moving_lps"]))
        assert error == pytest.approx(landmark["residual_mm"], abs=max(1e-5, report["sampling_error_mm"]))
        assert landmark["name"] in NAMES
    residuals = [landmark["residual_mm"] for landmark in report["landmarks"]]
    assert report["residuals_mm"]["rms"] == pytest.approx(np.sqrt(np.mean(np.square(residuals))))
    left_out = [landmark["leave_one_out_mm"] for landmark in report["landmarks"]]
    assert left_out == sorted(left_out, reverse=True)
    assert (report["matrix"] is None) == (report["folding"] is not None) == (model == "thin_plate")
    assert report["transform"] == str(path)


def test_smoothing_lets_a_thin_plate_pass_the_landmarks_by(points, volumes, tmp_path, capsys):
    common = ["fit", *points, "--model", "thin_plate", "--like", volumes[0]]
    assert main([*common, "-o", str(tmp_path / "through.h5")]) == 0
    out = capsys.readouterr().out
    assert "sampled as a field like 40 x 36 x 32 voxels of 1 x 1 x 1 mm; near the landmarks it is off by up to" in out
    assert main([*common, "-o", str(tmp_path / "by.nii.gz"), "--smoothing", "10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["residuals_mm"]["rms"] > 0.05
    assert read_transform(tmp_path / "by.nii.gz").GetName() == "DisplacementFieldTransform"


def test_what_is_left_out_is_told(points, tmp_path, capsys):
    write_points(FIXED[:4], points[0], (*NAMES[:3], "tip"))
    assert main(["fit", *points, "-o", str(tmp_path / "t.tfm")]) == 0
    out, err = capsys.readouterr()
    assert "3 landmarks" in out
    assert "  -" in out  # three landmarks are too few to leave one out
    assert err == "in one of the files only, so left out: tip, inion, vertex\n"


def test_a_2d_fit_is_written(tmp_path, capsys):
    write_points(FIXED[:, :2], tmp_path / "p.csv", NAMES)
    write_points(FIXED[:, :2] @ np.array([[0, 1], [-1, 0]]), tmp_path / "q.csv", NAMES)
    assert main(["fit", str(tmp_path / "p.csv"), str(tmp_path / "q.csv"), "-o", str(tmp_path / "t.tfm")]) == 0
    assert "turned by 90.00 degrees" in capsys.readouterr().out
    assert read_transform(tmp_path / "t.tfm").GetName() == "Euler2DTransform"


def test_a_thin_plate_that_folds_is_told(volumes, tmp_path, capsys):
    p, q = np.concatenate([FIXED, [[20, 20, 16], [23, 20, 16]]]), np.concatenate([FIXED, [[23, 20, 16], [20, 20, 16]]])
    for name, points in (("p", p), ("q", q)):
        write_points(points, tmp_path / f"{name}.csv", (*NAMES, "one", "other"))
    words = ["fit", str(tmp_path / "p.csv"), str(tmp_path / "q.csv"), "--model", "thin_plate", "--like", volumes[0]]
    assert main([*words, "-o", str(tmp_path / "t.h5")]) == 0
    assert "% of the voxels folded; look at the worst landmarks" in capsys.readouterr().out
    assert main([*words, "-o", str(tmp_path / "t.h5"), "--smoothing", "30", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folding"]["folded_fraction"] == 0


@pytest.mark.parametrize(("model", "file"), [("rigid", "t.tfm"), ("thin_plate", "t.h5")])
def test_register_starts_from_the_fit(points, volumes, tmp_path, capsys, model, file):
    path = str(tmp_path / file)
    assert main(["fit", *points, "-o", path, "--model", model, "--like", volumes[0]]) == 0
    words = ["register", *volumes, "-o", str(tmp_path / "out"), "-r", "translation", "--initial", path, "--quiet"]
    assert main(words) == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["initialization"] == "given"
    found = read_transform(tmp_path / "out" / "transform.h5").TransformPoint((19.0, 18.0, 15.0))
    assert found == pytest.approx(np.add((19.0, 18.0, 15.0), SHIFT), abs=1.5)


def test_it_refuses_in_one_line_and_writes_nothing(points, volumes, tmp_path, capsys):
    write_points(FIXED[:2], tmp_path / "two.csv", NAMES[:2])
    two = str(tmp_path / "two.csv")
    thin = ["--model", "thin_plate"]
    before = names(tmp_path)
    for words, told in (
        ([two, two, "-o", "t.tfm"], "at least 3 pairs of points, but there are 2"),
        ([*points, "-o", "t.txtt"], "give a name that ends in .tfm or"),
        ([*points, "-o", "no/t.tfm"], "does not exist"),
        ([*points, *thin, "-o", "t.tfm", "--like", volumes[0]], "ends in .h5 or"),
        ([*points, *thin, "-o", "t.h5"], "--like"),
        ([*points, "-o", "t.nii.gz"], "--like"),
        ([*points, "-o", "t.tfm", "--smoothing", "3"], "for the model 'thin_plate', not for 'rigid'"),
        ([points[0], "no.csv", "-o", "t.tfm"], "no.csv: cannot be read"),
    ):
        words[words.index("-o") + 1] = str(tmp_path / words[words.index("-o") + 1])
        assert main(["fit", *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert told in err
        assert len(err.splitlines()) == 1
        assert names(tmp_path) == before


def test_the_parser_offers_the_models_there_are():
    assert set(LANDMARK_MODELS) == set(get_args(LandmarkModel))


# the same files of landmarks in other commands


def test_apply_writes_landmarks_for_slicer(points, tmp_path, capsys):
    shift = str(tmp_path / "shift.tfm")
    sitk.WriteTransform(sitk.TranslationTransform(3, SHIFT.tolist()), shift)
    for name in ("there.fcsv", "there.mrk.json"):
        assert main(["apply", shift, "--points", points[0], "-o", str(tmp_path / name)]) == 0
        found, named = read_points(tmp_path / name)
        np.testing.assert_allclose(found, FIXED + SHIFT)
        assert named == NAMES


def test_evaluate_pairs_landmarks_by_name(points, volumes, tmp_path, capsys):
    words = ["--fixed-points", points[0], "--moving-points", points[1], "--json"]
    assert main(["evaluate", *volumes, *words]) == 3
    told = json.loads(capsys.readouterr().out)["landmarks"]
    assert {pair["name"] for pair in told} == set(NAMES)
    errors = np.sort(np.linalg.norm(SHIFT + OFF, axis=1))[::-1]
    assert [pair["before_mm"] for pair in told] == pytest.approx(errors)
