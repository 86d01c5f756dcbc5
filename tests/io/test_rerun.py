"""A result is run again from its folder: the same comes of it, and what is not the same is told before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import RegistrationResult, load_preset, read_volume, register, rerun, write_volume
from napari_coreg.core.geometry import Grid
from napari_coreg.core.settings import with_settings
from napari_coreg.errors import FileError
from napari_coreg.io.records import load_record, save_result
from napari_coreg.io.rerun import WITHIN_MM, distance_mm
from napari_coreg.io.transforms import write_transform
from napari_coreg.io.volumes import list_volumes
from napari_coreg.samples import sample_path

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe

FIXTURES = Path(__file__).parent / "fixtures"
BEND = {
    "name": "bend",
    "initialization": "given",
    "stages": (
        {
            "kind": "bspline",
            "metric": {"kind": "mean_squares"},
            "grid_spacings_mm": (20.0,),
            "optimizer": {"kind": "lbfgs", "number_of_iterations": 5},
            "pyramid": {"shrink_factors": (1,), "smoothing_sigmas_mm": (0.0,)},
            "sampling": {"strategy": "none", "percentages": (100.0,)},
        },
    ),
}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with two small volumes and a mask, which a result may be put beside."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("fixed", "moving", "fixed_mask"):
        shutil.copy(FIXTURES / f"{name}.nii.gz", folder)
    return folder


def quick(**settings: Any) -> Recipe:
    recipe = load_preset("translation")
    return with_settings(recipe, {"initialization": "given", **settings})


def run(scans: Path, recipe: Recipe | None = None, *, mask: bool = False, **settings: Any) -> RegistrationResult:
    volumes = {"fixed": read_volume(scans / "fixed.nii.gz"), "moving": read_volume(scans / "moving.nii.gz")}
    if mask:
        volumes["fixed_mask"] = read_volume(scans / "fixed_mask.nii.gz")
        settings["fixed_mask"] = volumes["fixed_mask"].image
    inputs = {role: volume.origin() for role, volume in volumes.items()}
    settings = {"threads": 1, "inputs": inputs, **settings}
    return register(volumes["fixed"].image, volumes["moving"].image, recipe or quick(), **settings)


def parameters(transform: sitk.Transform) -> tuple[float, ...]:
    return transform.GetParameters()


@pytest.fixture
def saved(scans: Path) -> Path:
    return run(scans).save(scans / "out")


class TestTheSame:
    """What comes of the same again."""

    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"mask": True},
            {"check_swap": True},
            {"recipe": quick(symmetric=True)},
            {"recipe": quick(**{"seed": 3, "stages.0.metric.number_of_histogram_bins": 32})},
            {"initial_transform": sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.02, -0.03, 0.01, (3.0, -2.0, 1.0))},
        ],
        ids=["plain", "mask", "swap", "symmetric", "other settings", "start"],
    )
    def test_a_linear_run_is_identical_bit_for_bit(self, scans, settings):
        first = run(scans, **settings)
        again = rerun(first.save(scans / "out"))
        assert again.is_identical
        assert str(again) == "identical, bit for bit"
        assert parameters(again.result.transform) == parameters(first.transform)
        assert (again.mean_mm, again.maximum_mm) == (0.0, 0.0)
        assert again.result.fingerprints == first.fingerprints
        assert again.result.check_swap == first.check_swap

    def test_a_result_of_a_rerun_can_be_run_again(self, saved, tmp_path):
        second = rerun(saved).result.save(tmp_path / "second")
        assert load_record(second)["inputs"]["moving"]["name"] == "moving"
        assert rerun(second).is_identical

    @pytest.mark.slow
    def test_a_deformation_with_a_deformable_start_is_identical_on_any_number_of_threads(self, scans, tmp_path):
        recipe = load_preset("rigid").model_validate(BEND)
        bent = sitk.BSplineTransformInitializer(read_volume(scans / "fixed.nii.gz").image, [2, 2, 2])
        bent.SetParameters(np.random.default_rng(0).normal(0, 0.3, len(bent.GetParameters())).tolist())
        first = run(scans, recipe, initial_transform=bent, threads=2)
        folder = first.save(scans / "out")
        assert (folder / "initial_transform.h5").exists()
        assert rerun(folder).is_identical
        assert rerun(folder, threads=1).is_identical

    def test_a_folder_of_version_1_runs_again_where_its_files_are_told(self, tmp_path):
        folder = shutil.copytree(FIXTURES / "result_v1", tmp_path / "old")
        files = {role: FIXTURES / f"{role}.nii.gz" for role in ("fixed", "moving", "fixed_mask")}
        again = rerun(folder, **files, initial=FIXTURES / "start.tfm")
        assert again.is_within()  # on another machine, the last bits may be others
        assert any("no fingerprint of the start" in note for note in again.notes)

    def test_a_volume_of_several_in_one_file_is_found_by_its_number(self, scans, tmp_path):
        frames = [read_volume(scans / f"{name}.nii.gz").image for name in ("moving", "fixed", "moving")]
        sitk.WriteImage(sitk.JoinSeries(frames), str(scans / "series.nii.gz"))
        fixed, moving = read_volume(scans / "series.nii.gz", 1), read_volume(scans / "series.nii.gz", 2)
        inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
        first = register(fixed.image, moving.image, quick(), threads=1, inputs=inputs)
        assert rerun(first.save(tmp_path / "out")).is_identical
        (scans / "series.nii.gz").rename(scans / "renamed.nii.gz")  # and the frames have other names
        again = rerun(tmp_path / "out", fixed=scans / "renamed.nii.gz", moving=scans / "renamed.nii.gz")
        assert again.is_identical

    def test_a_volume_that_has_another_number_by_now_is_found_by_its_voxels(self, scans, tmp_path):
        fixed, moving = (read_volume(scans / f"{name}.nii.gz") for name in ("fixed", "moving"))
        sitk.WriteImage(sitk.JoinSeries([fixed.image, moving.image]), str(scans / "series.nii.gz"))
        parts = {role: read_volume(scans / "series.nii.gz", i) for i, role in enumerate(("fixed", "moving"))}
        inputs = {role: part.origin() for role, part in parts.items()}
        first = register(parts["fixed"].image, parts["moving"].image, quick(), threads=1, inputs=inputs)
        sitk.WriteImage(sitk.JoinSeries([moving.image, fixed.image]), str(scans / "series.nii.gz"))
        assert rerun(first.save(tmp_path / "out")).is_identical


class TestFiles:
    """Where the files are, and whether they are the ones."""

    def test_files_that_were_moved_with_the_result_are_found(self, saved, tmp_path):
        moved = saved.parent.rename(tmp_path / "elsewhere")
        assert rerun(moved / saved.name).is_identical

    def test_another_file_in_the_old_place_gives_way_to_the_right_one_beside_the_result(self, saved, scans, tmp_path):
        moved = Path(shutil.copytree(scans, tmp_path / "copy"))
        write_volume(read_volume(scans / "fixed.nii.gz").image + 1, scans / "fixed.nii.gz")
        assert rerun(moved / "out").is_identical

    def test_a_missing_file_is_asked_for(self, saved, scans):
        (scans / "moving.nii.gz").rename(scans / "there.nii.gz")
        with pytest.raises(FileError, match=r"moving volume is not where it was.*--moving FILE"):
            rerun(saved)
        assert rerun(saved, moving=scans / "there.nii.gz").is_identical

    def test_a_changed_voxel_is_refused_with_both_hashes_and_taken_only_when_asked_for(self, saved, scans):
        image = read_volume(scans / "fixed.nii.gz").image
        image[3, 4, 5] = image[3, 4, 5] + 1
        write_volume(image, scans / "fixed.nii.gz")
        digest = load_record(saved)["fingerprints"]["fixed"].removeprefix("sha256:")[:12]
        with pytest.raises(FileError, match=rf"fixed volume in .*fixed.nii.gz is not the one.*was {digest}.*--anyway"):
            rerun(saved)
        again = rerun(saved, anyway=True)
        assert again.result.fingerprints["fixed"].removeprefix("sha256:")[:12] != digest
        assert any("is not the one of the run" in note for note in again.notes)

    def test_a_shifted_header_is_another_volume(self, saved, scans):
        image = read_volume(scans / "fixed.nii.gz").image
        image.SetOrigin((0.0, 0.0, 1.0))
        write_volume(image, scans / "fixed.nii.gz")
        with pytest.raises(FileError, match="fixed volume"):
            rerun(saved)

    def test_images_of_no_file_are_asked_for(self, scans):
        folder = run(scans, inputs={}).save(scans / "out")
        with pytest.raises(FileError, match=r"no file of the fixed volume.*--fixed FILE"):
            rerun(folder)
        again = rerun(folder, fixed=scans / "fixed.nii.gz", moving=scans / "moving.nii.gz")
        assert again.is_identical

    def test_another_start_is_refused(self, scans, tmp_path):
        folder = run(scans, initial_transform=sitk.TranslationTransform(3, (1.0, 2.0, 3.0))).save(scans / "out")
        write_transform(sitk.TranslationTransform(3, (1.0, 2.0, 3.5)), tmp_path / "other.tfm")
        with pytest.raises(FileError, match=r"start in .*other\.tfm is not the one"):
            rerun(folder, initial=tmp_path / "other.tfm")
        (folder / "initial_transform.h5").unlink()
        assert rerun(folder).is_identical  # a linear one stands in the record, too

    def test_a_deformable_start_that_is_lost_is_asked_for(self, scans):
        field = sitk.Image([8, 8, 8], sitk.sitkVectorFloat64, 3)
        field.SetSpacing((8.0, 7.0, 9.0))
        field.SetOrigin((-30.0, -26.0, -30.0))
        folder = run(scans, initial_transform=sitk.DisplacementFieldTransform(field)).save(scans / "out")
        (folder / "initial_transform.h5").unlink()
        with pytest.raises(FileError, match="--initial FILE"):
            rerun(folder)


class TestDifferent:
    """What is told where the same does not come of it."""

    def test_the_distance_is_that_of_the_voxels(self, saved, scans):
        record = json.loads((saved / "result.json").read_text(encoding="utf-8"))
        record["versions"]["numba"] = "0.1"
        (saved / "result.json").write_text(json.dumps(record), encoding="utf-8")
        shifted = load_shift(saved, (0.3, 0.4, 0.0))
        write_transform(shifted, saved / "transform.h5")
        again = rerun(saved)
        assert not again.is_identical
        assert (again.mean_mm, again.maximum_mm) == pytest.approx((0.5, 0.5))
        assert str(again) == "differs by 0.5 mm on average, 0.5 mm at most"
        assert any("numba was 0.1" in note for note in again.notes)
        assert not again.is_within()
        assert again.is_within(0.6)

    def test_a_run_that_was_ended_early_cannot_be_repeated_and_that_is_told(self, scans):
        first = run(scans, is_enough=lambda: True)
        assert first.ended_early
        again = rerun(first.save(scans / "out"))
        assert any("cannot be repeated exactly" in note for note in again.notes)
        assert not again.result.ended_early

    def test_several_threads_of_itk_are_told_to_differ_and_ours_are_not(self, scans):
        several = replace(run(scans), threads=4)
        assert any("--threads 1" in note for note in rerun(several.save(scans / "several")).notes)
        assert not any("--threads 1" in note for note in rerun(run(scans).save(scans / "one")).notes)

    def test_a_distance_of_a_turn_is_largest_at_a_corner(self):
        image = sitk.Image([40, 30, 20], sitk.sitkUInt8)
        image.SetSpacing((1.0, 2.0, 3.0))
        turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.0, 0.01)
        mean_mm, maximum_mm = distance_mm(sitk.Transform(3, sitk.sitkIdentity), turn, Grid.of(image))
        x, y = np.meshgrid(np.arange(40), np.arange(30) * 2)
        chord = 2 * np.sin(0.005)
        assert mean_mm == pytest.approx(chord * np.hypot(x, y).mean(), rel=1e-6)
        assert maximum_mm >= chord * np.hypot(39, 58) - 1e-9
        assert WITHIN_MM == 0.01


def load_shift(folder: Path, more: tuple[float, float, float]) -> sitk.Transform:
    before = sitk.ReadTransform(str(folder / "transform.h5")).TransformPoint((0.0, 0.0, 0.0))
    return sitk.TranslationTransform(3, [one + other for one, other in zip(before, more, strict=True)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "settings"), [("rigid", {}), ("fast-bspline", {}), ("follow-up", {}), ("rigid", {"check_swap": True})]
)
def test_samples_are_identical_bit_for_bit_as_they_are_run_by_default(recipe, settings, tmp_path):
    fixed, moving = read_volume(sample_path("mr_t1.nii.gz")), read_volume(sample_path("mr_t2.nii.gz"))
    inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
    first = register(fixed.image, moving.image, recipe, inputs=inputs, **settings)
    assert rerun(save_result(first, tmp_path / "out", volumes=False)).is_identical


@pytest.mark.slow
@pytest.mark.real_data
def test_two_series_of_one_dicom_folder_are_told_apart(real_data, tmp_path):
    folder = real_data / "brain_t1_t2_dicom"
    names = list_volumes(folder)
    fixed, moving = (read_volume(folder, number) for number in (0, len(names) - 1))
    inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
    first = register(fixed.image, moving.image, "translation", threads=1, inputs=inputs)
    out = save_result(first, tmp_path / "out", volumes=False)
    assert load_record(out)["inputs"]["moving"]["number"] == len(names) - 1
    assert rerun(out).is_identical
