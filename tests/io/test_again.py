"""Script, command line and recipe of a record: they run as they are, and give what they were made from."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, RegistrationResult, load_preset, read_volume, register
from napari_coreg.cli import main
from napari_coreg.core.plain_transforms import transform_fingerprint
from napari_coreg.core.settings import with_settings
from napari_coreg.errors import FileError
from napari_coreg.io.again import command_line, notes_of, python_script, recipe_json, write_recipe
from napari_coreg.io.records import load_record, load_transform, save_result
from napari_coreg.samples import sample_path

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parent / "fixtures"
TURN = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.02, -0.03, 0.01, (3.0, -2.0, 1.0))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Volumes in a folder whose name a shell would take apart."""
    folder = tmp_path / 'it\'s "my" scans; $HOME \\ ü'
    folder.mkdir()
    for name in ("fixed", "moving", "fixed_mask"):
        shutil.copy(FIXTURES / f"{name}.nii.gz", folder)
    return folder


def quick(**settings: Any) -> Recipe:
    return with_settings(load_preset("translation"), {"initialization": "given", **settings})


@pytest.fixture
def first(scans: Path) -> Callable[..., RegistrationResult]:
    def run(recipe: Recipe | str = "", *, mask: bool = False, upright: bool = False, **settings: Any):
        roles = ("fixed", "moving", "fixed_mask") if mask else ("fixed", "moving")
        volumes = {role: read_volume(scans / f"{role}.nii.gz") for role in roles}
        if upright:
            volumes = {role: volume.upright() for role, volume in volumes.items()}
        if mask:
            settings["fixed_mask"] = volumes["fixed_mask"].image
        inputs = {role: volume.origin() for role, volume in volumes.items()}
        settings = {"threads": 1, "inputs": inputs, **settings}
        return register(volumes["fixed"].image, volumes["moving"].image, recipe or quick(), **settings)

    return run


CASES = {
    "plain": {},
    "preset": {"recipe": "translation"},
    "mask, swap": {"mask": True, "check_swap": True},
    "symmetric": {"recipe": quick(symmetric=True)},
    "settings": {"recipe": quick(**{"seed": 9, "stages.0.optimizer.relaxation_factor": 0.6})},
    "start": {"initial_transform": TURN},
}


@pytest.fixture
def case(request: pytest.FixtureRequest, first: Callable[..., RegistrationResult]) -> RegistrationResult:
    return first(**CASES[request.param])


def same(folder: Path, result: RegistrationResult) -> bool:
    return transform_fingerprint(load_transform(folder)) == transform_fingerprint(result.transform)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_the_script_of_a_folder_gives_the_same_bit_for_bit(case, scans, tmp_path, monkeypatch, capsys):
    folder = case.save(scans / "out")
    assert notes_of(load_record(folder), folder) == ()
    monkeypatch.chdir(tmp_path)
    exec(compile(python_script(load_record(folder), folder), "again.py", "exec"), {})
    assert same(tmp_path / "again", case)
    again = load_record(tmp_path / "again")
    assert again["fingerprints"] == case.fingerprints
    assert again["inputs"]["fixed"]["path"] == str(scans / "fixed.nii.gz")
    assert capsys.readouterr().out.startswith(case.verdict.state)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_the_command_line_of_a_folder_gives_the_same_bit_for_bit(case, scans, tmp_path, monkeypatch):
    folder = case.save(scans / "out")
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(command_line(load_record(folder), folder))
    assert program == "napari-coreg"
    assert main([*words, "--quiet"]) in (0, 3)  # 3 is a verdict
    assert same(tmp_path / "again", case)
    assert load_record(tmp_path / "again")["check_swap"] == case.check_swap


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_what_is_not_saved_is_repeated_from_its_record_alone(case, tmp_path, monkeypatch):
    record = case.to_record()
    monkeypatch.chdir(tmp_path)
    exec(compile(python_script(record), "again.py", "exec"), {})
    assert same(tmp_path / "again", case)
    if case.initial_transform is None:
        assert notes_of(record) == ()
        shutil.rmtree(tmp_path / "again")
        assert main([*shlex.split(command_line(record))[1:], "--quiet"]) in (0, 3)
        assert same(tmp_path / "again", case)
    else:
        assert "initial_transform.h5" in notes_of(record)[0]


def test_the_recipe_is_the_one_that_was_run(first, tmp_path):
    result = first(quick(seed=5))
    write_recipe(Recipe.model_validate_json(recipe_json(result.to_record())), tmp_path / "mine.json")
    assert Recipe.from_file(tmp_path / "mine.json") == result.recipe
    with pytest.raises(FileError, match="does not exist"):
        write_recipe(result.recipe, tmp_path / "nowhere" / "mine.json")


def test_an_unchanged_preset_is_told_by_its_name_and_a_changed_one_by_its_settings(first):
    plain, changed = first("translation").to_record(), first(quick(seed=5)).to_record()
    assert '    "translation",\n' in python_script(plain)
    assert "Recipe.model_validate" in python_script(changed)
    assert command_line(plain).endswith("-o again --recipe translation --threads 1")
    assert "--recipe translation --set seed=5 --set 'initialization=\"given\"'" in command_line(changed)


def test_a_recipe_of_ones_own_is_to_be_saved_for_the_command_line(first):
    record = first(quick().model_copy(update={"name": "mine"})).to_record()
    assert "--recipe recipe.json" in command_line(record)
    assert notes_of(record) == ("The recipe must be saved as recipe.json for the command line.",)


def test_images_of_no_file_are_told_to_be_saved_first(first):
    layer = {"path": None, "name": "T1", "layer": "T1", "upright": True}
    record = replace(first(), inputs={"fixed": layer}).to_record()
    notes = notes_of(record)
    assert notes[0] == "The fixed volume was a layer that is in no file: save it as fixed.nii.gz first."
    assert notes[1] == "The moving volume was given as an image, of no known file: save it as moving.nii.gz first."
    assert 'read_volume("fixed.nii.gz").upright()' in python_script(record)
    assert f"# {notes[0]}" in python_script(record)
    assert "register fixed.nii.gz moving.nii.gz" in command_line(record)


def test_a_run_that_was_ended_early_says_that_it_cannot_be_repeated(first):
    record = first(is_enough=lambda: True).to_record()
    assert "cannot be repeated exactly" in notes_of(record)[-1]
    assert "cannot be repeated exactly" in python_script(record)


@pytest.mark.parametrize("words", [False, True], ids=["script", "line"])
def test_layers_of_a_sagittal_volume_are_repeated_with_their_axes_upright(first, scans, tmp_path, monkeypatch, words):
    sagittal = sitk.PermuteAxes(read_volume(scans / "fixed.nii.gz").image, [1, 2, 0])
    sitk.WriteImage(sagittal, str(scans / "fixed.nii.gz"))
    result = first(upright=True)
    assert result.fixed.GetSize() != sagittal.GetSize()
    folder = result.save(scans / "out")
    monkeypatch.chdir(tmp_path)
    if words:
        assert main([*shlex.split(command_line(load_record(folder), folder))[1:], "--quiet"]) in (0, 3)
    else:
        exec(compile(python_script(load_record(folder), folder), "again.py", "exec"), {})
    assert same(tmp_path / "again", result)
    assert load_record(tmp_path / "again")["fingerprints"] == result.fingerprints


@pytest.mark.parametrize("words", [False, True], ids=["script", "line"])
def test_one_volume_of_several_is_taken(scans, tmp_path, monkeypatch, words):
    frames = [read_volume(scans / f"{name}.nii.gz").image for name in ("moving", "fixed", "moving")]
    sitk.WriteImage(sitk.JoinSeries(frames), str(scans / "series.nii.gz"))
    fixed, moving = read_volume(scans / "series.nii.gz", 1), read_volume(scans / "series.nii.gz", 2)
    inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
    result = register(fixed.image, moving.image, quick(), threads=1, inputs=inputs)
    folder = result.save(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    if words:
        assert main([*shlex.split(command_line(load_record(folder), folder))[1:], "--quiet"]) in (0, 3)
    else:
        exec(compile(python_script(load_record(folder), folder), "again.py", "exec"), {})
    assert same(tmp_path / "again", result)


def test_a_mask_of_several_volumes_is_left_to_rerun(scans, tmp_path, first):
    masks = [read_volume(scans / "fixed_mask.nii.gz").image * value for value in (0, 1)]
    sitk.WriteImage(sitk.JoinSeries(masks), str(scans / "masks.nii.gz"))
    mask = read_volume(scans / "masks.nii.gz", 1)
    result = first(fixed_mask=mask.image)
    result = replace(result, inputs={**result.inputs, "fixed_mask": mask.origin()})
    folder = result.save(tmp_path / "out")
    assert command_line(load_record(folder), folder) == f"napari-coreg rerun {folder} -o again"
    assert 'masks.nii.gz", 1)' in python_script(load_record(folder), folder)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the line is for a POSIX shell")
def test_samples_are_repeated_in_processes_of_their_own_by_script_and_shell(tmp_path):
    fixed, moving = read_volume(sample_path("ct.nii.gz")), read_volume(sample_path("pet.nii.gz"))
    inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
    result = register(fixed.image, moving.image, "rigid", check_swap=True, initial_transform=TURN, inputs=inputs)
    folder = save_result(result, tmp_path / "the 'first' $one", volumes=False)
    record = load_record(folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for number, command in enumerate(
        ([sys.executable, "-c", python_script(record, folder)], ["sh", "-c", command_line(record, folder)])
    ):
        place = tmp_path / str(number)
        place.mkdir()
        subprocess.run(command, cwd=place, check=True, capture_output=True, env={**os.environ, "PATH": path})
        assert same(place / "again", result)
        np.testing.assert_equal(load_record(place / "again")["metric_after"], result.metric_after)
