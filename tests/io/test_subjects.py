"""What is to be judged is found: by words, by the record of a result, and also where both were moved together."""

import hashlib
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_volume, write_volume
from napari_coreg.cli import main
from napari_coreg.core.quality.assess import assess
from napari_coreg.errors import CoregError, FileError, VolumeError
from napari_coreg.io.subjects import read_subject

SHIFT = (4.0, -3.0, 2.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with two volumes, a mask, and the result of their registration."""
    folder = tmp_path_factory.mktemp("study")
    for name, middle in (("fixed", (24.0, 22.0, 20.0)), ("moving", np.add((24.0, 22.0, 20.0), SHIFT).tolist())):
        blob = sitk.GaussianSource(sitk.sitkFloat32, [48, 44, 40], [9.0, 6.0, 5.0], middle, 200.0)
        write_volume(blob, folder / f"{name}.nii.gz")
    write_volume(sitk.Cast(read_volume(folder / "fixed.nii.gz").image > 5, sitk.sitkUInt8), folder / "mask.nii.gz")
    words = ["register", str(folder / "fixed.nii.gz"), str(folder / "moving.nii.gz"), "-r", "translation", "--quiet"]
    assert main([*words, "--fixed-mask", str(folder / "mask.nii.gz"), "-o", str(folder / "result")]) in (0, 3)
    return folder


def test_a_result_brings_its_volumes_masks_and_recipe(study):
    subject = read_subject(None, None, study / "result")
    assert subject.recipe is not None
    assert subject.recipe.name == "translation"
    assert subject.fixed_mask is not None
    assert subject.inputs["fixed"]["path"] == str(study / "fixed.nii.gz")
    assert subject.transform.TransformPoint((24.0, 22.0, 20.0)) == pytest.approx(np.add((24, 22, 20), SHIFT), abs=0.3)


def test_a_study_that_was_moved_is_found(study, tmp_path):
    shutil.copytree(study, tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere"
    hidden = study.with_name("hidden")
    study.rename(hidden)
    try:
        subject = read_subject(None, None, moved / "result")
    finally:
        hidden.rename(study)
    assert subject.inputs["moving"]["path"] == str(moved / "moving.nii.gz")


def test_volumes_that_were_registered_as_layers_are_upright_again(study, tmp_path):
    turn = sitk.PermuteAxesImageFilter()
    turn.SetOrder([2, 0, 1])
    for name in ("fixed", "moving"):
        write_volume(turn.Execute(read_volume(study / f"{name}.nii.gz").image), tmp_path / f"{name}.nii.gz")
    words = [str(tmp_path / f"{name}.nii.gz") for name in ("fixed", "moving")]
    assert main(["register", *words, "-r", "translation", "--quiet", "--upright", "-o", str(tmp_path / "out")]) == 0
    subject = read_subject(None, None, tmp_path / "out")
    np.testing.assert_allclose(subject.fixed.GetDirection(), np.eye(3).ravel(), atol=1e-6)
    assert subject.fixed.GetSize() == (48, 44, 40)
    assert subject.inputs["fixed"]["path"] == words[0]


def test_a_mask_that_is_gone_is_told(study, tmp_path):
    shutil.copytree(study, tmp_path / "copy")
    (tmp_path / "copy" / "mask.nii.gz").unlink()
    hidden = study.with_name("hidden")
    study.rename(hidden)
    try:
        subject = read_subject(None, None, tmp_path / "copy" / "result")
    finally:
        hidden.rename(study)
    assert subject.fixed_mask is None
    assert any("the fixed mask of the run could not be read" in note for note in subject.notes)


def test_a_volume_that_is_gone_or_changed_is_refused(study, tmp_path):
    shutil.copytree(study, tmp_path / "copy")
    copy, hidden = tmp_path / "copy", study.with_name("hidden")
    study.rename(hidden)
    try:
        write_volume(read_volume(copy / "fixed.nii.gz").image + 1, copy / "fixed.nii.gz")
        with pytest.raises(FileError, match="not the fixed volume that was registered any more"):
            read_subject(None, None, copy / "result")
        (copy / "fixed.nii.gz").unlink()
        with pytest.raises(FileError, match=r"the fixed volume is not where it was.*give FIXED and MOVING"):
            read_subject(None, None, copy / "result")
    finally:
        hidden.rename(study)


def test_landmarks_in_one_file_only_are_told(study, tmp_path):
    (tmp_path / "p.csv").write_text("name,x,y,z\nnose,1,2,3\near,4,5,6\nchin,7,8,9\n")
    (tmp_path / "q.csv").write_text("name,x,y,z\near,4,5,6\nnose,1,2,3\n")
    subject = read_subject(
        study / "fixed.nii.gz",
        study / "moving.nii.gz",
        None,
        fixed_points=tmp_path / "p.csv",
        moving_points=tmp_path / "q.csv",
    )
    assert subject.landmarks is not None
    assert subject.landmarks.names == ("nose", "ear")
    assert any("left out: chin" in note for note in subject.notes)


def test_half_of_a_pair_is_refused(study):
    with pytest.raises(CoregError, match="give the fixed and the moving volume, or neither"):
        read_subject(study / "fixed.nii.gz", None, study / "result")
    with pytest.raises(CoregError, match="is not the folder of a result"):
        read_subject(None, None, None)


def test_files_are_told_with_their_sha_256(study, tmp_path):
    (tmp_path / "points.csv").write_text("name,x,y,z\na,20,20,20\nb,24,24,24\nc,28,20,24\n")
    (tmp_path / "names.csv").write_text("label,name\n1,blob\n")
    points = tmp_path / "points.csv"
    subject = read_subject(
        None,
        None,
        study / "result",
        fixed_labels=study / "mask.nii.gz",
        label_names=tmp_path / "names.csv",
        fixed_points=points,
        moving_points=points,
        backward=study / "result",
    )
    digest = hashlib.sha256(points.read_bytes()).hexdigest()
    assert subject.inputs["fixed_points"] == {"name": "points.csv", "path": str(points), "sha256": f"sha256:{digest}"}
    digest = hashlib.sha256((study / "result" / "transform.h5").read_bytes()).hexdigest()
    assert subject.inputs["transform"]["sha256"] == subject.inputs["backward"]["sha256"] == f"sha256:{digest}"
    told = {one.role: one for one in assess(subject).quality.inputs}
    assert {"transform", "fixed_mask", "fixed_labels", "label_names", "fixed_points", "backward"} <= set(told)
    assert told["fixed_labels"].fingerprint == told["fixed_mask"].fingerprint != ""


def test_an_image_is_no_labels(study, tmp_path):
    noise = sitk.GetImageFromArray(np.random.default_rng(1).integers(0, 200, (40, 44, 48)).astype(np.uint8))
    write_volume(noise, tmp_path / "t1.nii.gz")
    with pytest.raises(VolumeError, match="looks like an image, not like labels"):
        read_subject(None, None, study / "result", fixed_labels=tmp_path / "t1.nii.gz")


def test_a_folder_that_is_not_there_is_told_as_that(study, tmp_path):
    with pytest.raises(FileError, match=r"nothing: does not exist"):
        read_subject(None, None, tmp_path / "nothing")
