"""The command check as a user meets it: everything at once, exit codes, and flags that register takes."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import check_pair, load_preset, read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.cli.parser import make_parser
from napari_coreg.cli.register import chosen_recipe
from napari_coreg.samples import sample_path

if TYPE_CHECKING:
    from pathlib import Path

CT, MR, PET = (str(sample_path(name)) for name in ("ct.nii.gz", "mr_t1.nii.gz", "pet.nii.gz"))


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A volume with NaN, far away from the samples."""
    values = np.random.default_rng(5).normal(size=(20, 24, 28)).astype(np.float32)
    values[:2] = np.nan
    image = sitk.GetImageFromArray(values)
    image.SetOrigin((5000.0, 0.0, 0.0))
    path = tmp_path / "broken.nii.gz"
    write_volume(image, path)
    return str(path)


def test_a_sound_pair_is_told_in_a_few_lines_and_exits_with_0(capsys):
    assert main(["check", CT, MR, "-r", "ct-mr-head"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "fixed: ct, 128 x 166 x 106 voxels of 1.5 x 1.5 x 2 mm"
    assert lines[-1] == "0 errors, 0 warnings, 1 note"
    assert max(map(len, lines)) <= 100


def test_everything_is_told_at_once_and_errors_exit_with_2(broken, tmp_path, capsys):
    empty = str(tmp_path / "empty.nii.gz")
    write_volume(read_volume(CT).image * 0, empty)
    assert main(["check", CT, broken, "--initial", "given", "--fixed-mask", empty]) == 2
    out, _ = capsys.readouterr()
    told = [line for line in out.splitlines() if line.startswith("error")]
    assert len(told) == 3
    assert "NaN or infinite (1344 of 13440 voxels, 10 %)" in out
    assert "the fixed mask is empty" in out
    assert "         fix: add --initial auto" in out.splitlines()
    assert out.splitlines()[-1].startswith("3 errors, ")


def test_a_warning_does_not_change_the_exit_code(capsys):
    assert main(["check", CT, MR, "--recipe", "follow-up"]) == 0
    out = capsys.readouterr().out
    assert "looks like CT" in out
    assert "fix: add --recipe ct-mr-head" in out


def test_as_json_it_is_one_object(broken, capsys):
    assert main(["check", CT, broken, "--initial", "given", "--json"]) == 2
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert err == ""
    assert record["can_run"] is False
    assert record["recipe"] == "rigid"
    assert record["inputs"]["moving"]["path"] == broken
    by_key = {finding["key"]: finding for finding in record["findings"]}
    assert set(by_key["not_finite"]) == {"severity", "key", "what", "value", "remedy", "fix"}
    assert by_key["not_finite"]["fix"] is None
    assert by_key["no_overlap"]["fix"]["flag"] == "--initial auto"
    assert by_key["no_overlap"]["fix"]["changes"] == {"initialization": "auto"}
    assert main(["check", CT, MR, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["can_run"] is True


def test_a_fix_of_a_single_setting_is_a_flag_too(tmp_path, capsys):
    ct = read_volume(CT).image
    values = sitk.GetArrayFromImage(ct)
    values[:, :, :20] = -2048
    padded = sitk.GetImageFromArray(values)
    padded.CopyInformation(ct)
    write_volume(padded, tmp_path / "padded.nii.gz")
    assert main(["check", str(tmp_path / "padded.nii.gz"), MR, "-r", "ct-mr-head"]) == 0
    assert "         fix: add --set 'preprocessing.clip_percentiles=[" in capsys.readouterr().out


def test_an_initial_transform_is_where_the_volumes_are_looked_at(tmp_path, capsys):
    sitk.WriteTransform(sitk.TranslationTransform(3, (900.0, 0.0, 0.0)), str(tmp_path / "away.tfm"))
    assert main(["check", CT, MR, "--initial", str(tmp_path / "away.tfm")]) == 2
    assert "do not meet through the initial transform" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([CT, "nothing.nii.gz"], "does not exist"),
        ([CT, MR, "-r", "magic"], "there are: rigid"),
        ([CT, MR, "--initial", "nothing.tfm"], "does not exist"),
        ([CT, MR, "--moving-mask", "nothing.nii.gz"], "does not exist"),
    ],
)
def test_what_cannot_be_read_is_one_line(words, told, capsys):
    assert main(["check", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("fixed", "moving", "initialization", "recipe"),
    [(CT, MR, "given", "follow-up"), (CT, PET, "centre", "follow-up"), (CT, "away", "given", "rigid-affine")],
)
def test_the_flag_of_a_fix_gives_register_the_recipe_of_the_fix(fixed, moving, initialization, recipe, tmp_path):
    preset = load_preset(recipe).model_copy(update={"initialization": initialization})
    path = tmp_path / "recipe.json"
    path.write_text(preset.to_json())
    images = [read_volume(MR if name == "away" else name).image for name in (fixed, moving)]
    if moving == "away":
        images[1].SetOrigin((5000.0, 0.0, 0.0))
    fixes = [finding.fix for finding in check_pair(*images, path) if finding.fix is not None]
    assert fixes
    for fix in fixes:
        words = ["register", fixed, moving, "-o", "out", "-r", str(path), *shlex.split(fix.flag)]
        options = make_parser().parse_args(words)
        assert chosen_recipe(options.recipe, options.initial, settings=options.set) == fix.recipe


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "exit codes: 0" in out
    assert "  napari-coreg check ct.nii.gz mr.nii.gz" in out
