"""The command simulate as a user meets it: its table, its files, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_transform, read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.cli import simulate as command
from napari_coreg.cli.options.simulate import INTENSITIES, MOVES
from napari_coreg.cli.parser import make_parser
from napari_coreg.core.simulation import SimulatedMove
from napari_coreg.errors import RegistrationError

QUICK = ["--recipe", "translation", "--set", "initialization=given", "--deformation", "0", "--rotation", "0"]


@pytest.fixture
def volume(tmp_path):
    path = tmp_path / "ball.nii.gz"
    write_volume(sitk.GaussianSource(sitk.sitkFloat32, [40, 36, 32], [9, 6, 5], (19.0, 18.0, 15.0), 200.0), path)
    return str(path)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_table_tells_the_error_before_and_after_and_the_files_hold_it(volume, tmp_path, capsys):
    out = tmp_path / "a" / "out"
    assert main(["simulate", volume, "-o", str(out), *QUICK, "--shift", "5", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["error", "(mm)", "before:"]
    assert lines[1].split()[:4] == ["seed", "3", "5.00", "5.00"]
    assert lines[2] == f"written to {out}"
    assert names(out) == ["error.nii.gz", "found.h5", "moving.nii.gz", "simulation.json", "truth.h5"]
    record = json.loads((out / "simulation.json").read_text())
    (row,) = record["simulations"]
    assert row["move"] == SimulatedMove(rotation_degrees=0, shift_mm=5, deformation_mm=0, seed=3).model_dump()
    assert record["recipe"]["initialization"] == "given"
    truth, found = (read_transform(out / name) for name in ("truth.h5", "found.h5"))
    assert np.linalg.norm(truth.TransformPoint((0.0, 0.0, 0.0))) == pytest.approx(5)
    ends = [one.TransformPoint((19.0, 18.0, 15.0)) for one in (truth, found)]
    assert np.linalg.norm(np.subtract(*ends)) == pytest.approx(row["after"]["maximum_mm"], abs=1e-3)
    errors = sitk.GetArrayFromImage(read_volume(out / "error.nii.gz").image)
    assert errors.max() == pytest.approx(row["after"]["maximum_mm"], abs=1e-3)
    assert errors.shape == (32, 36, 40)


def test_a_recipe_that_bends_nothing_is_told_so_where_the_motion_bends(volume, tmp_path, capsys):
    bending = [*QUICK[:4], "--deformation", "2", "--rotation", "0", "--shift", "0"]
    assert main(["simulate", volume, "-o", str(tmp_path / "out"), *bending]) in (0, 3)
    assert "translation bends nothing" in capsys.readouterr().err
    assert main(["simulate", volume, "-o", str(tmp_path / "out"), *QUICK]) == 0
    assert "bends nothing" not in capsys.readouterr().err


def test_repeats_go_on_from_the_seed_and_stand_in_one_record(volume, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["simulate", volume, "-o", str(out), *QUICK, "--seed", "4", "--repeats", "2", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["move"]["seed"] for row in told["simulations"]] == [4, 5]
    kinds = ("error", "found", "moving", "truth")
    files = [f"{kind}-{seed}.{'h5' if kind in ('found', 'truth') else 'nii.gz'}" for kind in kinds for seed in (4, 5)]
    assert names(out) == sorted([*files, "simulation.json"])


def test_a_simulation_that_ends_without_a_transform_is_a_row_and_only_such_are_a_failure(
    volume, tmp_path, capsys, monkeypatch
):
    real = command.simulated_error

    def failing(image, recipe, move, **named):
        if move.seed == 1:
            raise RegistrationError("the volumes do not overlap")
        return real(image, recipe, move, **named)

    monkeypatch.setattr(command, "simulated_error", failing)
    out = tmp_path / "out"
    words = ["simulate", volume, "-o", str(out), *QUICK]
    assert main([*words, "--repeats", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["seed", "1", *"------", "error"]
    assert json.loads((out / "simulation.json").read_text())["simulations"][1]["error"] == "the volumes do not overlap"
    never = tmp_path / "never"
    assert main([*words[:2], "-o", str(never), *QUICK, "--seed", "1"]) == 3
    assert "do not overlap" in capsys.readouterr().err
    assert not never.exists()


def test_other_files_in_the_folder_stay(volume, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.json").write_text("{}")
    assert main(["simulate", volume, "-o", str(out), *QUICK, "--quiet"]) == 0
    assert "result.json" in names(out)


def test_what_cannot_be_is_refused(volume, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["simulate", volume, "-o", out, *QUICK[:4], "--smoothness", "0.1"]) == 2
    assert "too fine for a volume" in capsys.readouterr().err
    for words in (["--repeats", "0"], ["--shift", "-1"], ["--noise", "x"], ["--noise", "2"], ["--rotation", "200"]):
        try:
            code = main(["simulate", volume, "-o", out, *QUICK, *words])
        except SystemExit as exit_:
            code = exit_.code
        assert code == 2, words
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_help_tells_the_defaults_of_the_core():
    fields = SimulatedMove.model_fields
    assert {word[2:]: default for word, _, _, default in MOVES} == {
        "rotation": fields["rotation_degrees"].default,
        "shift": fields["shift_mm"].default,
        "deformation": fields["deformation_mm"].default,
        "noise": fields["noise"].default,
    }
    assert fields["smoothness_mm"].default == 40
    assert fields["intensity"].default == INTENSITIES[0]
    options = make_parser().parse_args(["simulate", "a", "-o", "b"])
    assert command.moves_of(options) == [SimulatedMove()]
