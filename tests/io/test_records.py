"""Result folders: what is in them, and that they are whole or not there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from napari_coreg import Recipe, register
from napari_coreg.core.geometry import Grid
from napari_coreg.core.metrics import MeanSquares
from napari_coreg.core.optimizers import LBFGS
from napari_coreg.core.stages import BSplineStage, Pyramid, Regularization, Sampling
from napari_coreg.errors import FileError
from napari_coreg.io.records import load_inverse, load_record, load_transform, require_result_folder, save_result
from napari_coreg.io.transforms import read_transform, write_transform
from napari_coreg.io.volumes import read_volume

INVERSE = ["inverse_displacement.nii.gz", "inverse_transform.h5"]
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
    return replace(result, transform=bspline, inverse_transform=None)


@pytest.fixture(scope="module")
def flowing():
    """A result with an affine start and a flow, whose moving grid is not the fixed one."""
    rng = np.random.default_rng(0)
    voxels = gaussian_filter(rng.normal(size=(36, 38, 40)), 3.0)
    moving = sitk.GetImageFromArray((voxels / voxels.std() * 100).astype(np.float32))
    truth = sitk.BSplineTransformInitializer(moving, [3, 3, 3])
    inner = np.zeros((3, 6, 6, 6))
    inner[:, 1:-1, 1:-1, 1:-1] = rng.normal(0, 2, (3, 4, 4, 4))
    truth.SetParameters(inner.ravel().tolist())
    start = sitk.AffineTransform(3)
    start.SetCenter((19.0, 18.0, 17.0))
    start.SetMatrix((1.02, 0.02, 0, -0.02, 0.98, 0, 0, 0.01, 1.0))
    fixed = sitk.Resample(moving, sitk.Image([40, 38, 36], sitk.sitkUInt8), sitk.CompositeTransform([start, truth]))
    stage = BSplineStage(
        deformation="stationary_velocity",
        metric=MeanSquares(),
        grid_spacings_mm=(10.0,),
        pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0.0,)),
        sampling=Sampling(strategy="none", percentages=(100.0,)),
        regularization=Regularization(bending_energy_weight=1e3),
        optimizer=LBFGS(number_of_iterations=10),
    )
    recipe = Recipe(name="flow", stages=(stage,), initialization="given")
    return register(fixed, sitk.RegionOfInterest(moving, [38, 36, 35], [1, 0, 0]), recipe, initial_transform=start)


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
    assert {role: Path(origin["path"]).name for role, origin in record["inputs"].items()} == {
        "fixed": "ct.nii.gz",
        "moving": "mr.nii.gz",
    }
    assert record["files"] == FILES
    assert record["date"][:2] == "20"
    assert Recipe.from_file(folder / "result.json") == result.recipe


def test_a_deformable_result_leaves_no_linear_transform_of_an_earlier_one(result, deformable, tmp_path):
    folder = save_result(result, tmp_path / "out")
    (folder / "mine.txt").write_text("kept")
    save_result(deformable, folder)
    assert names(folder) == sorted(["mine.txt", *FILES[:-1]])
    assert load_transform(folder).TransformPoint((9.0, 9.0, 9.0)) == pytest.approx((9.5, 9.5, 9.5))


def test_a_flow_is_saved_with_its_inverse_and_both_undo_each_other(flowing, tmp_path):
    folder = save_result(flowing, tmp_path / "out")
    assert names(folder) == sorted([*FILES[:-1], *INVERSE, "initial_transform.h5"])
    assert load_record(folder)["files"] == names(folder)
    there = sitk.ReadTransform(str(folder / "transform.h5"))
    inverses = [load_inverse(folder), load_transform(folder / INVERSE[1]), load_transform(folder / INVERSE[0])]
    for point in np.random.default_rng(1).uniform(9, 27, (60, 3)).tolist():
        moved = there.TransformPoint(point)
        for inverse in inverses:
            np.testing.assert_allclose(inverse.TransformPoint(moved), point, atol=0.1)
    grid = Grid.of(read_volume(folder / "registered.nii.gz").image)
    assert grid.size_xyz == flowing.fixed.GetSize()
    field = sitk.ReadImage(str(folder / INVERSE[0]))
    assert field.GetSize() == flowing.moving.GetSize()
    assert field.GetOrigin() == pytest.approx(flowing.moving.GetOrigin())
    far = max(np.linalg.norm(np.subtract(there.TransformPoint(p), p)) for p in ((9.0, 9.0, 9.0), (27.0, 20.0, 20.0)))
    assert far > 0.3


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_transform_and_inverse_of_a_flow_come_back_from_each_format(flowing, tmp_path, suffix):
    for transform in (flowing.transform, flowing.inverse_transform):
        write_transform(transform, tmp_path / f"t{suffix}")
        read = read_transform(tmp_path / f"t{suffix}")
        for point in np.random.default_rng(2).uniform(5, 30, (20, 3)).tolist():
            np.testing.assert_allclose(read.TransformPoint(point), transform.TransformPoint(point), atol=1e-9)


def test_the_inverse_of_an_earlier_result_does_not_stay(result, deformable, flowing, tmp_path):
    for other in (result, deformable):
        folder = save_result(flowing, tmp_path / "out")
        assert set(INVERSE) < set(names(folder))
        save_result(other, folder)
        assert not set(INVERSE) & set(names(folder))


def test_a_linear_transform_is_inverted_from_any_of_its_files(result, tmp_path):
    folder = save_result(result, tmp_path / "out")
    for path in (folder, folder / "transform.h5", folder / "transform.tfm"):
        there = result.transform.TransformPoint((1.0, 2.0, 3.0))
        assert load_inverse(path).TransformPoint(there) == pytest.approx((1.0, 2.0, 3.0))


def test_a_deformation_without_an_inverse_says_so_and_where_it_would_be(deformable, flowing, tmp_path):
    with pytest.raises(FileError, match="stationary_velocity"):
        load_inverse(save_result(deformable, tmp_path / "bent"))
    folder = save_result(flowing, tmp_path / "flow")
    with pytest.raises(FileError, match="give the folder"):
        load_inverse(folder / "transform.h5")


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
