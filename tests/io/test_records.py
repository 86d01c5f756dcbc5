"""Result folders: what is in them, and that they are whole or not there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, register
from napari_coreg.errors import FileError
from napari_coreg.io.records import load_record, load_transform, require_result_folder, save_result
from napari_coreg.io.volumes import read_volume

FILES = ["displacement.nii.gz", "registered.nii.gz", "result.json", "transform.h5", "transform.tfm"]


@pytest.fixture(scope="module")
def result():
    fixed = sitk.GaussianSource(sitk.sitkFloat32, [20, 18, 16], [4, 4, 4], [9, 9, 8], 100, [1, 1, 1.5])
    moving = sitk.GaussianSource(sitk.sitkFloat32, [20, 18, 16], [4, 4, 4], [11, 8, 8], 100, [1, 1, 1.5])
    return register(fixed, moving, "translation")


@pytest.fixture
def deformable(result):
    bspline = sitk.BSplineTransformInitializer(result.fixed, [2, 2, 2])
    bspline.SetParameters([0.5] * len(bspline.GetParameters()))
    return replace(result, transform=bspline)


def names(folder) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def contents(folder) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in folder.iterdir()}


def test_a_linear_result_is_five_files(result, tmp_path):
    folder = save_result(result, tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert names(folder) == FILES
    assert names(folder.parent) == ["b"]


def test_the_transform_comes_back_from_both_files_and_from_the_folder(result, tmp_path):
    folder = save_result(result, tmp_path / "out")
    point = (3.0, -4.0, 5.0)
    for path in (folder, folder / "transform.h5", folder / "transform.tfm"):
        assert load_transform(path).TransformPoint(point) == pytest.approx(result.transform.TransformPoint(point))


def test_the_volumes_come_back_as_they_were(result, tmp_path):
    folder = save_result(result, tmp_path / "out")
    registered = read_volume(folder / "registered.nii.gz").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(registered), sitk.GetArrayFromImage(result.resample()))
    assert registered.GetSpacing() == pytest.approx(result.fixed.GetSpacing())
    field = load_transform(folder / "displacement.nii.gz")
    point = (8.0, 8.0, 8.0)
    assert field.TransformPoint(point) == pytest.approx(result.transform.TransformPoint(point), abs=1e-4)


def test_the_record_is_strict_json_and_repeats_the_recipe(result, tmp_path):
    odd = replace(result, metric_before=float("nan"), metric_after=float("-inf"))
    folder = save_result(odd, tmp_path / "out", inputs={"fixed": "ct.nii.gz", "moving": "mr.nii.gz"})

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    record = json.loads((folder / "result.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert record == load_record(folder)
    assert record["metric_before"] is None
    assert record["inputs"] == {"fixed": "ct.nii.gz", "moving": "mr.nii.gz"}
    assert record["files"] == FILES
    assert record["date"][:2] == "20"
    assert Recipe.from_file(folder / "result.json") == result.recipe


def test_a_deformable_result_leaves_no_linear_transform_of_an_earlier_one(result, deformable, tmp_path):
    folder = save_result(result, tmp_path / "out")
    (folder / "mine.txt").write_text("kept")
    save_result(deformable, folder)
    assert names(folder) == sorted(["mine.txt", *FILES[:-1]])
    assert load_transform(folder).TransformPoint((9.0, 9.0, 9.0)) == pytest.approx((9.5, 9.5, 9.5))


def test_a_failure_leaves_no_folder(result, tmp_path):
    with pytest.raises(TypeError):
        save_result(result, tmp_path / "a" / "b", inputs={"fixed": object()})
    assert names(tmp_path) == []


def test_a_failure_leaves_an_earlier_result_as_it_was(result, deformable, tmp_path):
    folder = save_result(result, tmp_path / "out")
    before = contents(folder)
    with pytest.raises(TypeError):
        save_result(deformable, folder, inputs={"fixed": object()})
    assert contents(folder) == before


@pytest.mark.parametrize("below", ["", "out", "a/b"])
def test_a_file_in_the_way_is_told_and_kept(result, tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileError, match="file"):
        require_result_folder(tmp_path / "file" / below)
    with pytest.raises(FileError, match="file"):
        save_result(result, tmp_path / "file" / below)
    assert contents(tmp_path) == {"file": b"mine"}


def test_asking_whether_a_folder_can_be_written_makes_nothing(tmp_path):
    require_result_folder(tmp_path / "a" / "b")
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}'])
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(FileError, match="record"):
        load_record(tmp_path)
    with pytest.raises(FileError, match="record"):
        load_record(tmp_path / "nowhere")
