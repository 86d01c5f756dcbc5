"""From a layer to what makes it again, and a run of layers that were read from files, again from those files."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_coreg import how_to_repeat, load_preset, open_project, register_layers, rerun, save_project
from napari_coreg.cli import main
from napari_coreg.core.plain_transforms import transform_fingerprint
from napari_coreg.core.settings import with_settings
from napari_coreg.errors import FileError, VolumeError
from napari_coreg.io.records import load_record, load_transform
from napari_coreg.plugin.again import repeat_of
from napari_coreg.plugin.contributions import read_layers
from napari_coreg.plugin.layers import make_layer

if TYPE_CHECKING:
    from napari_coreg import RegistrationResult

FIXTURES = Path(__file__).parents[1] / "io" / "fixtures"
RECIPE = with_settings(load_preset("translation"), {"initialization": "given"})


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Files to be opened in napari; the fixed one was scanned sagittally, so that a layer of it is turned upright."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("moving", "fixed_mask"):
        shutil.copy(FIXTURES / f"{name}.nii.gz", folder)
    sagittal = sitk.PermuteAxes(sitk.ReadImage(str(FIXTURES / "fixed.nii.gz")), [1, 2, 0])
    sitk.WriteImage(sagittal, str(folder / "fixed.nii.gz"))
    return folder


@pytest.fixture
def viewer(scans: Path) -> ViewerModel:
    viewer = ViewerModel()
    for name in ("fixed", "moving", "fixed_mask"):
        viewer.add_layer(make_layer(read_layers(str(scans / f"{name}.nii.gz"))[0]))
    return viewer


def same(folder: Path, result: RegistrationResult) -> bool:
    return transform_fingerprint(load_transform(folder)) == transform_fingerprint(result.transform)


def registered(viewer: ViewerModel) -> Image:
    return next(layer for layer in viewer.layers if "registered" in layer.name)


def test_layers_of_files_are_run_again_from_the_files_bit_for_bit(viewer, tmp_path, monkeypatch):
    viewer.layers["moving"].translate = (2.0, -1.0, 3.0)  # moved by hand: where the run begins
    result = register_layers(viewer, "fixed", "moving", RECIPE, fixed_mask="fixed_mask", threads=1, check_swap=True)
    folder = result.save(tmp_path / "out")
    inputs = load_record(folder)["inputs"]
    assert inputs["fixed"]["relative_path"] == "../scans/fixed.nii.gz"
    assert inputs["initial_transform"]["source"] == "the layers' position in the viewer"
    assert rerun(folder).is_identical
    monkeypatch.chdir(tmp_path)
    repeat = how_to_repeat(registered(viewer))
    exec(compile(repeat.script, "again.py", "exec"), {})
    assert same(tmp_path / "again", result)


def test_the_line_and_the_recipe_of_a_layer_repeat_it(viewer, tmp_path, monkeypatch):
    result = register_layers(viewer, "fixed", "moving", RECIPE, threads=1)
    repeat = how_to_repeat(registered(viewer))
    assert repeat.notes == ()
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(repeat.command)[1:], "--quiet"]) in (0, 3)
    assert same(tmp_path / "again", result)
    Path("recipe.json").write_text(repeat.recipe, encoding="utf-8")
    again = register_layers(viewer, "fixed", "moving", "recipe.json", threads=1, add=False)
    assert transform_fingerprint(again.transform) == transform_fingerprint(result.transform)


def test_a_frame_of_a_series_is_found_again_by_its_voxels(tmp_path):
    frames = [sitk.ReadImage(str(FIXTURES / f"{name}.nii.gz")) for name in ("moving", "fixed")]
    sitk.WriteImage(sitk.JoinSeries(frames), str(tmp_path / "series.nii.gz"))
    series = make_layer(read_layers(str(tmp_path / "series.nii.gz"))[0])
    viewer = ViewerModel()
    for number, name in ((1, "fixed"), (0, "moving")):
        viewer.add_layer(
            Image(
                series.data[number],
                name=name,
                scale=series.scale[1:],
                affine=series.affine.affine_matrix[1:, 1:],
                metadata=series.metadata,
            )
        )
    result = register_layers(viewer, "fixed", "moving", RECIPE, threads=1)
    assert rerun(result.save(tmp_path / "out")).is_identical


def test_layers_of_no_file_are_asked_for_by_name(viewer, tmp_path):
    drawn = Labels(np.array(viewer.layers["fixed_mask"].data != 0, dtype=np.uint8), name="drawn")
    drawn.scale, drawn.affine = viewer.layers["fixed_mask"].scale, viewer.layers["fixed_mask"].affine
    viewer.add_layer(drawn)
    result = register_layers(viewer, "fixed", "moving", RECIPE, fixed_mask="drawn", threads=1)
    assert "fixed mask was a layer that is in no file" in how_to_repeat(registered(viewer)).notes[0]
    folder = result.save(tmp_path / "out")
    with pytest.raises(FileError, match=r"fixed mask, as 'drawn' was a layer.*--fixed-mask FILE"):
        rerun(folder)


def test_a_project_keeps_what_its_runs_depended_on(viewer, tmp_path):
    viewer.layers["moving"].translate = (2.0, -1.0, 3.0)
    first = register_layers(viewer, "fixed", "moving", RECIPE, fixed_mask="fixed_mask", threads=1)
    save_project(viewer, tmp_path / "project")
    (folder,) = (tmp_path / "project" / "attempts").iterdir()
    again = rerun(folder)
    assert again.is_identical
    assert same(folder, first)
    other = ViewerModel()
    open_project(other, tmp_path / "project")
    assert again.result.fingerprints == first.fingerprints


def test_other_layers_have_nothing_to_repeat(viewer):
    assert repeat_of(viewer.layers["fixed"]) is None
    with pytest.raises(VolumeError, match="'fixed' is not the result"):
        how_to_repeat(viewer.layers["fixed"])
    with pytest.raises(VolumeError, match="is a name"):
        how_to_repeat("fixed")
