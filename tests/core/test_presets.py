"""The recipes that ship: documented, found by name or file, and good for the pairs they were made for."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import register
from napari_coreg.core.presets import find_recipe, load_preset, preset_names
from napari_coreg.errors import RecipeError
from napari_coreg.samples import SAMPLES, read_truth, sample_path

#: Mean error at the landmarks, mm; the samples' voxels are 1.5 to 4 mm.
TOLERANCE_MM = {"ct-mr": 0.5, "ct-t2": 0.8, "ct-pet": 0.9, "mr-pet": 0.6, "t1-t2": 0.4}


def read(key: str) -> tuple[sitk.Image, sitk.Image]:
    fixed, moving = (sitk.ReadImage(str(sample_path(name))) for name in SAMPLES[key].files)
    return fixed, moving


def landmarks(volume: str) -> list[tuple[float, ...]]:
    with sample_path(f"landmarks_{volume}.csv").open(newline="") as file:
        return [(float(row["x"]), float(row["y"]), float(row["z"])) for row in csv.DictReader(file)]


def errors_mm(found: sitk.Transform, key: str, points: list[tuple[float, ...]]) -> list[float]:
    truth = read_truth(key)
    return [float(np.linalg.norm(np.subtract(found.TransformPoint(p), truth.TransformPoint(p)))) for p in points]


@pytest.mark.parametrize("name", preset_names())
def test_each_preset_says_what_it_is_for_and_where_its_settings_come_from(name):
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.description.endswith(".")
    assert preset.references


def test_an_unknown_preset_is_refused_with_a_list_of_those_there_are():
    with pytest.raises(RecipeError, match=r"'ridgid'.*rigid, rigid-affine"):
        load_preset("ridgid")


def test_the_plain_presets_come_first():
    assert preset_names()[:4] == ("rigid", "rigid-affine", "affine", "translation")


def test_a_recipe_is_found_by_itself_its_name_and_its_file(tmp_path, monkeypatch):
    rigid = load_preset("rigid")
    assert find_recipe(rigid) is rigid
    assert find_recipe("rigid") == rigid
    path = tmp_path / "mine.json"
    path.write_text(rigid.to_json())
    assert find_recipe(path) == find_recipe(str(path)) == rigid
    plain = tmp_path / "recipe-without-suffix"
    plain.write_text(rigid.to_json())
    assert find_recipe(plain) == rigid
    monkeypatch.chdir(tmp_path)
    Path("rigid-folder").mkdir()
    with pytest.raises(RecipeError, match="'rigid-folder'"):
        find_recipe("rigid-folder")
    with pytest.raises(RecipeError, match=r"none\.json"):
        find_recipe("none.json")


def test_presets_are_plain_json():
    for name in preset_names():
        assert json.loads(load_preset(name).to_json())["name"] == name


@pytest.mark.parametrize("key", TOLERANCE_MM)
def test_each_rigid_pair_lies_within_its_tolerance_with_the_recipe_made_for_it(key):
    result = register(*read(key), SAMPLES[key].recipe)
    points = landmarks(SAMPLES[key].files[0].removesuffix(".nii.gz"))
    errors = errors_mm(result.transform, key, points)
    assert np.mean(errors) < TOLERANCE_MM[key]
    assert np.max(errors) < 2 * TOLERANCE_MM[key]
    assert result.metric_after < result.metric_before


@pytest.mark.slow
def test_a_bent_head_comes_closer_with_the_recipe_made_for_it():
    labels = sitk.ReadImage(str(sample_path("labels_mr_t1_deformed.nii.gz")))
    brain = np.argwhere(sitk.GetArrayViewFromImage(labels) > 3)[::97, ::-1]
    points = [labels.TransformIndexToPhysicalPoint(index) for index in brain.tolist()]
    rigid, atlas = (
        float(np.mean(errors_mm(register(*read("deformed"), name).transform, "deformed", points)))
        for name in ("rigid", "brain-to-atlas")
    )
    assert atlas < rigid - 1
    assert atlas < 3.0
