"""The command line as a user meets it: exit codes, one line for an error, nothing half-written."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from napari_coreg import Recipe, __version__, load_preset, preset_names, read_transform, read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.cli.options.apply import INTERPOLATORS
from napari_coreg.cli.options.shared import CHECKS, INITIALIZATIONS
from napari_coreg.cli.terminal import Teller
from napari_coreg.core.progress import Progress
from napari_coreg.core.quality.long_checks import LONG_CHECKS
from napari_coreg.core.recipe import Initialization, Interpolator
from napari_coreg.samples import sample_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESULT = ["displacement.nii.gz", "registered.nii.gz", "result.json", "transform.h5", "transform.tfm"]
INVERSE = ["inverse_displacement.nii.gz", "inverse_transform.h5"]
SHIFT = (4.0, -3.0, 2.0)
BLOCK_GUI = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"napari", "qtpy", "PyQt6", "PySide6", "superqt", "magicgui", "pyqtgraph", "vispy"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from napari_coreg.cli import main
code = main(sys.argv[1:])
"""


def volume(middle: tuple[float, float, float], sigma: tuple[float, ...] = (9, 6, 5)) -> sitk.Image:
    grid = ([40, 36, 32], list(sigma), list(middle), 200.0, [0, 0, 0], [1, 1, 1])
    ball = sitk.GaussianSource(sitk.sitkFloat32, *grid)
    dent = sitk.GaussianSource(sitk.sitkFloat32, grid[0], [3] * 3, [middle[0] + 6, middle[1] + 4, middle[2]], 150.0)
    return ball - dent


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """Two volumes: the fixed point p is the moving point p + SHIFT."""
    paths = tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz"
    write_volume(volume((19.0, 18.0, 15.0)), paths[0])
    write_volume(volume((23.0, 15.0, 17.0)), paths[1])
    return str(paths[0]), str(paths[1])


@pytest.fixture
def bending(tmp_path: Path) -> Callable[[str], str]:
    """Write a recipe with one coarse B-spline stage of the wanted kind of deformation; it starts after the shift."""

    def write(deformation: str) -> str:
        stage = {
            "kind": "bspline",
            "deformation": deformation,
            "metric": {"kind": "correlation"},
            "grid_spacings_mm": [12],
            "pyramid": {"shrink_factors": [2], "smoothing_sigmas_mm": [0]},
            "sampling": {"strategy": "none", "percentages": [100]},
            "optimizer": {"kind": "lbfgs", "number_of_iterations": 6},
        }
        path = tmp_path / f"{deformation}.json"
        path.write_text(json.dumps({"name": "bending", "stages": [stage]}))
        return str(path)

    return write


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr; nothing on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    (line,) = err.splitlines()
    assert line.startswith("napari-coreg: error: ")
    return line


def call(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_coreg", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


# register


def test_register_writes_the_result_and_tells_what_it_did(pair, tmp_path, capsys):
    assert main(["register", *pair, "-o", str(tmp_path / "out"), "--overlay", str(tmp_path / "o.png")]) == 0
    assert names(tmp_path / "out") == RESULT
    out, err = capsys.readouterr()
    assert "metric" in out
    assert "shifted by" in out
    assert [line.split(",")[1] for line in err.splitlines() if line.startswith("rigid")] == [
        " level 1/3",
        " level 2/3",
        " level 3/3",
    ]
    found = read_transform(tmp_path / "out" / "transform.h5").TransformPoint((19.0, 18.0, 15.0))
    assert found == pytest.approx(np.add((19.0, 18.0, 15.0), SHIFT), abs=0.3)
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.width > picture.height


def test_register_as_json_is_one_object_and_nothing_else(pair, tmp_path, capsys):
    assert main(["register", *pair, "-o", str(tmp_path / "out"), "--json", "--seed", "7", "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert err == ""
    assert record["folder"] == str(tmp_path / "out")
    assert record["files"] == RESULT
    assert record["recipe"]["seed"] == 7
    assert record["threads"] == 1
    assert record["inputs"]["fixed"]["path"] == pair[0]
    assert record["metric_after"] < record["metric_before"]


def test_register_says_of_a_b_spline_how_it_swells_shrinks_and_folds_space(pair, bending, tmp_path, capsys):
    assert main(["register", *pair, "-o", str(tmp_path / "out"), "-r", bending("displacement")]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Jacobian determinant")]
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert len(told) == 1
    assert f"{record['folding']['minimum']:.2f} to {record['folding']['maximum']:.2f}" in told[0]
    assert main(["register", *pair, "-o", str(tmp_path / "rigid"), "-r", "rigid"]) == 0
    assert "Jacobian" not in capsys.readouterr().out


def test_register_writes_the_inverse_of_a_flow_and_apply_goes_both_ways_with_the_folder(
    pair, bending, shifted, tmp_path, capsys
):
    out = tmp_path / "out"
    words = ["register", *pair, "-o", str(out), "-r", bending("stationary_velocity"), "--initial", shifted, "--quiet"]
    assert main(words) == 0
    assert names(out) == sorted([*RESULT[:-1], *INVERSE, "initial_transform.h5"])
    (tmp_path / "p.csv").write_text("x,y,z\n19,18,15\n24,16,12\n15,20,18\n")
    there, back = tmp_path / "there.csv", tmp_path / "back.csv"
    assert main(["apply", str(out), "--points", str(tmp_path / "p.csv"), "-o", str(there)]) == 0
    assert main(["apply", str(out), "--points", str(there), "-o", str(back), "--inverse"]) == 0
    as_file = tmp_path / "as_file.csv"
    assert main(["apply", str(out / INVERSE[1]), "--points", str(there), "-o", str(as_file)]) == 0
    assert back.read_text() == as_file.read_text()
    returned = np.loadtxt(back, delimiter=",", skiprows=2, usecols=(1, 2, 3))
    np.testing.assert_allclose(returned, [[19, 18, 15], [24, 16, 12], [15, 20, 18]], atol=0.1)
    assert not np.allclose(np.loadtxt(there, delimiter=",", skiprows=2, usecols=(1, 2, 3)), returned, atol=2)
    moved = tmp_path / "on_moving.nii.gz"
    assert main(["apply", str(out), pair[0], "--like", pair[1], "-o", str(moved), "--inverse"]) == 0
    there_and_moving = [sitk.GetArrayFromImage(read_volume(path).image)[8:-8, 8:-8, 8:-8] for path in (moved, pair[1])]
    assert np.corrcoef(*map(np.ravel, there_and_moving))[0, 1] > 0.98


def test_register_quietly_says_nothing(pair, tmp_path, capsys):
    assert main(["register", *pair, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_result_repeats_itself_as_a_recipe(pair, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    common = ["--quiet", "--threads", "1"]
    assert main(["register", *pair, "-o", str(first), "--initial", "centre", *common]) == 0
    assert main(["register", *pair, "-o", str(again), "-r", str(first / "result.json"), *common]) == 0
    point = (19.0, 18.0, 15.0)
    a, b = (read_transform(folder / "transform.h5").TransformPoint(point) for folder in (first, again))
    assert a == b
    assert json.loads((again / "result.json").read_text())["recipe"]["initialization"] == "centre"


def test_an_initial_transform_is_where_it_starts(pair, tmp_path, capsys):
    sitk.WriteTransform(sitk.TranslationTransform(3, SHIFT), str(tmp_path / "start.tfm"))
    words = ["register", *pair, "-o", str(tmp_path / "out"), "--initial", str(tmp_path / "start.tfm"), "--json"]
    assert main(words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["initialization"] == "given"
    assert record["metric_before"] == pytest.approx(record["metric_after"], rel=0.2)


def test_masks_are_used(pair, tmp_path, capsys):
    mask = sitk.Cast(read_volume(pair[0]).image > 20, sitk.sitkUInt8)
    write_volume(mask, tmp_path / "mask.nii.gz")
    words = ["register", *pair, "-o", str(tmp_path / "out"), "--fixed-mask", str(tmp_path / "mask.nii.gz"), "--json"]
    assert main(words) == 0
    assert "fixed_mask" in json.loads(capsys.readouterr().out)["fingerprints"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fixed": "nothing.nii.gz"}, "does not exist"),
        ({"fixed": "text.nii.gz"}, "cannot be read"),
        ({"moving": "cut.nii.gz"}, "cut.nii.gz"),
        ({"moving": "empty"}, "empty"),
        ({"moving": "notes.txt"}, "not a volume"),
        ({"-o": "notes.txt"}, "is a file"),
        ({"-o": "notes.txt/out"}, "is a file"),
        ({"--recipe": "magic"}, "there are: rigid"),
        ({"--recipe": "notes.txt"}, "not a readable recipe"),
        ({"--initial": "nothing.tfm"}, "does not exist"),
        ({"--initial": "notes.txt"}, "not an ITK transform"),
        ({"--fixed-mask": "nothing.nii.gz"}, "does not exist"),
        ({"--fixed-volume": "3"}, "has no volume 3"),
        ({"--overlay": "picture.bmp"}, ".png"),
        ({"--seed": "-4"}, "seed"),
        ({"--threads": "many"}, "threads"),
        ({"--time-limit": "-1"}, "not a number of seconds"),
        ({"--time-limit": "soon"}, "not a number of seconds"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(pair, tmp_path, capsys, changes, told):
    (tmp_path / "text.nii.gz").write_text("this is not a volume")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "cut.nii.gz").write_bytes((tmp_path / "moving.nii.gz").read_bytes()[:20_000])
    (tmp_path / "empty").mkdir()
    before = names(tmp_path)
    words = {"fixed": "fixed.nii.gz", "moving": "moving.nii.gz", "-o": "out"} | changes
    paths = {"fixed", "moving", "-o", "--initial", "--fixed-mask", "--overlay"}
    words = {key: str(tmp_path / word) if key in paths or word == "notes.txt" else word for key, word in words.items()}
    positional = [words.pop("fixed"), words.pop("moving")]
    try:
        code = main(["register", *positional, *(f"{key}{'=' * (key != '-o')}{word}" for key, word in words.items())])
    except SystemExit as end:  # argparse's own
        code = end.code
    assert code == 2
    assert told in error_of(capsys)
    assert names(tmp_path) == before


def test_volumes_without_overlap_fail_with_3(pair, tmp_path, capsys):
    away = read_volume(pair[1]).image
    away.SetOrigin((5000.0, 0.0, 0.0))
    write_volume(away, tmp_path / "away.nii.gz")
    words = ["register", pair[0], str(tmp_path / "away.nii.gz"), "-o", str(tmp_path / "out"), "--initial", "given"]
    assert main([*words, "--quiet"]) == 3
    assert "Start closer" in error_of(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
def test_a_result_that_is_wrong_for_all_that_can_be_told_ends_with_3_and_is_kept(tmp_path, capsys):
    fixed = sample_path("mr_t1.nii.gz")
    turned = sitk.ReadImage(str(sample_path("mr_t2.nii.gz")))
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.0, 2.5)
    turned.SetOrigin(turn.TransformPoint(turned.GetOrigin()))
    axes = np.reshape(turn.GetMatrix(), (3, 3)) @ np.reshape(turned.GetDirection(), (3, 3))
    turned.SetDirection(axes.ravel().tolist())
    write_volume(turned, tmp_path / "turned.nii.gz")
    words = ["register", str(fixed), str(tmp_path / "turned.nii.gz"), "-o", str(tmp_path / "out")]
    assert main([*words, "--initial", "given"]) == 3
    assert "verdict: failed - the volumes fit better in another pose" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["verdict"] == "failed"
    assert record["verdict_reasons"]
    assert main([*words[:-1], str(tmp_path / "again"), "--check-swap"]) == 0
    assert "verdict: good" in capsys.readouterr().out
    record = json.loads((tmp_path / "again" / "result.json").read_text())
    assert record["verdict_measures"]["swap_mm"] < 1


def test_any_setting_of_the_recipe_can_be_changed_by_a_word(pair, tmp_path, capsys):
    words = ["register", *pair, "-o", str(tmp_path / "out"), "-r", "follow-up"]
    assert (
        main([*words, "--set", "stages.0.metric.kind=mean_squares", "--set", "preprocessing.clip_percentiles=[1,99]"])
        == 0
    )
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["recipe"]["stages"][0]["metric"]["kind"] == "mean_squares"
    assert record["recipe"]["preprocessing"]["clip_percentiles"] == [1, 99]
    capsys.readouterr()
    assert main([*words, "--set", "sead=3"]) == 2
    assert "has no setting 'sead'" in capsys.readouterr().err


@pytest.fixture
def endless(tmp_path: Path) -> str:
    """A recipe that takes hours."""
    recipe = load_preset("bspline").model_dump(mode="json")
    for item in recipe["stages"]:
        item["optimizer"] |= {"number_of_iterations": 100_000, "maximum_step_voxels": 1e-5}
        item["optimizer"] |= {"convergence_window_size": 1000, "convergence_minimum_value": 1e-12}
    path = tmp_path / "endless.json"
    path.write_text(json.dumps(recipe))
    return str(path)


def test_a_time_limit_ends_the_run_with_what_there_is(pair, endless, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["register", *pair, "-o", str(out), "-r", endless, "--time-limit", "2"]) in {0, 3}
    told = capsys.readouterr()
    record = json.loads((out / "result.json").read_text())
    assert 2 <= record["seconds"] < 20
    assert "level 1 of 4 of stage 1 of 1 (bspline)" in record["ended_early"]
    assert record["verdict"] in {"doubtful", "failed"}
    assert f"note: the run was ended early, {record['ended_early']}" in told.err
    assert f"the run was ended early, {record['ended_early']}" in told.out
    assert {"transform.h5", "registered.nii.gz", "displacement.nii.gz"} <= set(names(out))
    before = names(tmp_path)
    assert main(["register", *pair, "-o", str(tmp_path / "again"), "--time-limit", "600", "--quiet"]) == 0
    assert json.loads((tmp_path / "again" / "result.json").read_text())["ended_early"] == ""
    assert set(names(tmp_path)) > set(before)


def test_ctrl_c_stops_cleanly(pair, endless, tmp_path):
    before = names(tmp_path)
    command = [sys.executable, "-m", "napari_coreg", "register", *pair, "-o", str(tmp_path / "out"), "-r", endless]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("moving:"):
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "napari-coreg: cancelled; nothing was written"
    assert "Traceback" not in err
    assert names(tmp_path) == before


# apply


@pytest.fixture
def shifted(tmp_path: Path) -> str:
    path = tmp_path / "shift.tfm"
    sitk.WriteTransform(sitk.TranslationTransform(3, SHIFT), str(path))
    return str(path)


def test_apply_pulls_the_moving_volume_onto_the_fixed_grid(pair, shifted, tmp_path):
    out = tmp_path / "moved.nii.gz"
    assert main(["apply", shifted, pair[1], "--like", pair[0], "-o", str(out), "--background", "-7"]) == 0
    moved, fixed = (sitk.GetArrayFromImage(read_volume(path).image) for path in (out, pair[0]))
    there = moved != -7
    assert there.sum() == (40 - 4) * (36 - 3) * (32 - 2)
    np.testing.assert_allclose(moved[there], fixed[there], atol=1e-3)


def test_apply_takes_the_folder_of_a_result_and_keeps_labels_whole(pair, tmp_path):
    assert main(["register", *pair, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    write_volume(sitk.Cast(read_volume(pair[1]).image > 60, sitk.sitkUInt8) * 9, tmp_path / "labels.nii.gz")
    words = ["apply", str(tmp_path / "out"), str(tmp_path / "labels.nii.gz"), "--like", pair[0]]
    for interpolator in ("nearest", "label"):
        out = tmp_path / f"{interpolator}.nrrd"
        assert main([*words, "-o", str(out), "--interpolator", interpolator]) == 0
        assert set(np.unique(sitk.GetArrayFromImage(read_volume(out).image))) == {0, 9}


def test_apply_inverse_carries_the_fixed_volume_to_the_moving_grid(pair, shifted, tmp_path):
    out = tmp_path / "back.nii.gz"
    assert main(["apply", shifted, pair[0], "--like", pair[1], "-o", str(out), "--inverse", "--background=-7"]) == 0
    back, moving = (sitk.GetArrayFromImage(read_volume(path).image) for path in (out, pair[1]))
    np.testing.assert_allclose(back[back != -7], moving[back != -7], atol=1e-3)


def test_points_go_from_fixed_to_moving_and_back(shifted, tmp_path, capsys):
    (tmp_path / "p.csv").write_text("name,x,y,z,frame\na,1,2,3,LPS\nb,4,5,6,RAS\n")
    there, back = str(tmp_path / "q.csv"), str(tmp_path / "r.csv")
    assert main(["apply", shifted, "--points", str(tmp_path / "p.csv"), "-o", there]) == 0
    assert "from the fixed volume to the moving one" in capsys.readouterr().out
    assert main(["apply", shifted, "--points", there, "-o", back, "--inverse"]) == 0
    assert "from the moving volume to the fixed one" in capsys.readouterr().out
    header = "# frame: LPS\nname,x,y,z\n"
    a, b = "a,5.000000,-1.000000,5.000000\n", "b,0.000000,-8.000000,8.000000\n"
    assert (tmp_path / "q.csv").read_text() == header + a + b
    assert "b,-4.000000,-5.000000,6.000000" in (tmp_path / "r.csv").read_text()


def test_apply_refuses_in_one_line(pair, shifted, tmp_path, capsys):
    sitk.WriteTransform(sitk.TranslationTransform(2), str(tmp_path / "flat.tfm"))
    (tmp_path / "p.csv").write_text("x,y,z\n1,2,3\n")
    out, points = str(tmp_path / "o.nii.gz"), str(tmp_path / "p.csv")
    like = ["--like", pair[0], "-o", out]
    before = names(tmp_path)
    for words, told in (
        ([str(tmp_path / "flat.tfm"), pair[1], *like], "the transform is for 2"),
        ([str(tmp_path / "flat.tfm"), "--points", points, "-o", points], "the transform is for 2"),
        ([str(tmp_path / "no.tfm"), pair[1], *like], "does not exist"),
        ([str(tmp_path), pair[1], *like], "transform.h5"),
        ([shifted, pair[1], "-o", out], "--like"),
        ([shifted, "-o", out], "either IMAGE"),
        ([shifted, pair[1], "--points", points, "-o", out], "either IMAGE"),
        ([shifted, "--points", points, "-o", out], "ends in .csv"),
        ([shifted, pair[1], "--like", pair[0], "-o", str(tmp_path / "o.jpg")], ".nii.gz"),
        ([shifted, pair[1], "--like", pair[0], "-o", str(tmp_path / "no" / "o.nii")], "does not exist"),
    ):
        assert main(["apply", *words]) == 2
        assert told in error_of(capsys)
        assert names(tmp_path) == before


# presets, info, demo


def test_presets_are_listed_and_printed_whole(capsys):
    assert main(["presets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(preset_names())
    assert main(["presets", "--json"]) == 0
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(preset_names())
    assert main(["presets", "rigid"]) == 0
    assert Recipe.from_mapping(json.loads(capsys.readouterr().out)) == load_preset("rigid")
    assert main(["presets", "magic"]) == 2
    assert "there are: rigid" in error_of(capsys)


def test_info_lists_what_is_there(tmp_path, capsys):
    image = sitk.Image([6, 5, 4], sitk.sitkInt16) + 3
    image.SetSpacing((1.0, 2.0, 3.0))
    tilt = np.radians(10)
    image.SetDirection((-1, 0, 0, 0, -np.cos(tilt), np.sin(tilt), 0, np.sin(tilt), np.cos(tilt)))
    write_volume(image, tmp_path / "scan.nrrd")
    assert main(["info", str(tmp_path / "scan.nrrd"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["volumes"]
    assert (found["number"], found["name"], found["orientation"]) == (0, "scan", "RAS")
    assert found["size_xyz"] == [6, 5, 4]
    assert found["spacing_xyz_mm"] == pytest.approx([1, 2, 3])
    assert found["oblique_degrees"] == pytest.approx(10)
    assert (found["minimum"], found["maximum"]) == (3, 3)
    assert main(["info", str(tmp_path / "scan.nrrd")]) == 0
    assert "RAS (10.0 degrees oblique)" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "nothing")]) == 2
    assert "does not exist" in error_of(capsys)


def test_the_demo_registers_and_says_how_near_the_truth_it_came(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "demo"), "--sample", "ct-pet", "--no-gui"]) == 0
    out = capsys.readouterr().out
    assert names(tmp_path / "demo") == sorted([*RESULT, "overlay.png"])
    error = next(line for line in out.splitlines() if line.startswith("mean error"))
    assert float(error.split()[-2]) < 3
    assert "napari was not opened (as asked)" in out
    assert main(["demo", "--sample", "none", "-o", str(tmp_path / "other")]) == 2
    assert "there are: ct-mr" in error_of(capsys)


def test_the_demo_says_where_the_picture_is_when_there_is_no_display(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--sample", "ct-pet"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "napari was not opened" in last
    assert last.endswith("overlay.png")


# what is told


def progress(kind: str, **others: Any) -> Progress:
    stage = {"preparation": -1, "rigid": 0, "bspline": 1}[kind]
    values = {"level": 0, "iteration": 1, "metric_value": -1.0, "fraction": 0.5, **others}
    return Progress(stage=stage, number_of_stages=2, stage_kind=kind, number_of_levels=1, seconds=1.0, **values)


def test_a_preparation_is_told_once_and_in_its_own_words(capsys):
    preparation = progress("preparation", iteration=0, metric_value=float("nan"), message="compiling kernels, once")
    with Teller() as teller:
        for moment in (progress("rigid"), preparation, progress("bspline"), progress("bspline", iteration=2)):
            teller(moment)
    assert capsys.readouterr().err.splitlines() == [
        "rigid (stage 1/2), level 1/1, iteration 1, metric -1.00000",
        "note: compiling kernels, once",
        "bspline (stage 2/2), level 1/1, iteration 2, metric -1.00000",
    ]


def test_a_terminal_shows_a_preparation_beside_the_bar(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with Teller() as teller:
        teller(progress("preparation", iteration=0, metric_value=float("nan"), message="compiling kernels, once"))
        teller(progress("rigid"))
    shown = terminal.getvalue()
    assert "note: compiling kernels, once" in shown
    assert "nan" not in shown


# the process


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys; from napari_coreg.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'SimpleITK', 'numpy', 'pydantic', 'nibabel', 'skimage', 'napari'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1] == "[]"
    assert call("--version").stdout == f"napari-coreg {__version__}\n"


@pytest.mark.parametrize("command", ["register", "apply", "evaluate", "presets", "demo", "info"])
def test_every_command_has_help_with_examples(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"  napari-coreg {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["dance"], ["register"], ["apply", "a", "b", "--interpolator", "magic"]])
def test_wrong_words_are_told_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "--help" in error_of(capsys)


def test_the_words_of_the_command_line_are_those_of_the_library():
    assert set(INITIALIZATIONS) == set(get_args(Initialization))
    assert set(INTERPOLATORS) == set(get_args(Interpolator))
    assert [check.replace("-", "_") for check in CHECKS] == list(LONG_CHECKS)


def test_it_works_without_napari_and_qt(pair, tmp_path):
    words = ["register", *pair, "-o", str(tmp_path / "out"), "--json", "--overlay", str(tmp_path / "o.png")]
    finished = subprocess.run(
        [sys.executable, "-c", f"{BLOCK_GUI}sys.exit(code)", *words], capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert names(tmp_path / "out") == RESULT


def test_the_terminal_shows_no_warning_and_no_traceback(pair, tmp_path):
    finished = call("register", *pair, "-o", str(tmp_path / "out"), "--fixed-mask", pair[0], "--quiet")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no head")
def test_a_reader_that_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "napari_coreg", "presets", "bspline"]
    read, write = os.pipe()
    os.close(read)
    finished = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.real_data
def test_two_series_of_one_dicom_folder_come_to_within_half_a_millimetre_of_the_consensus(real_data, tmp_path):
    folder = str(real_data / "brain_t1_t2_dicom")
    words = ["register", folder, folder, "--fixed-volume", "0", "--moving-volume", "AX FSE T2"]
    assert main([*words, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    found = read_transform(tmp_path / "out" / "transform.tfm")
    consensus = read_transform(real_data / "brain_t1_t2_consensus.tfm")
    head = [(x, y, z) for x in (-60.0, 0.0, 60.0) for y in (-70.0, 0.0, 80.0) for z in (-30.0, 20.0, 70.0)]
    apart = [np.linalg.norm(np.subtract(found.TransformPoint(p), consensus.TransformPoint(p))) for p in head]
    assert max(apart) < 0.5
