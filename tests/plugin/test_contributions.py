"""What napari's menus, drops and dialogs reach: files become layers in the right place, and layers become files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Labels, Layer
from pydicom.data import get_testdata_file
from scipy.spatial.transform import Rotation

from napari_coreg.errors import FileError, GeometryError
from napari_coreg.io.volumes import LoadedVolume
from napari_coreg.plugin import contributions
from napari_coreg.plugin.contributions import get_reader, open_sample, read_layers, write_image, write_labels
from napari_coreg.plugin.layers import read_layer, volume_to_layer_data
from napari_coreg.samples import SAMPLES, read_truth, sample_path

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")


@pytest.fixture
def told(monkeypatch):
    """Collect what the user is told instead of showing it."""
    messages = []
    monkeypatch.setattr("napari.utils.notifications.show_info", messages.append)
    return messages


def make_image(pixel_type=np.int16):
    voxels = np.random.default_rng(0).integers(0, 100, (5, 6, 7)).astype(pixel_type)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-80.5, 13.25, 402.0))
    image.SetDirection(OBLIQUE.ravel().tolist())
    return image


def write_series(path, frames=3):
    affine = np.diag((-2.0, -2.0, 3.0, 1.0))
    voxels = np.random.default_rng(0).integers(0, 100, (5, 6, 7, frames)).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return voxels, affine


def as_layer(layer_data):
    return Layer.create(*layer_data)


def assert_layer_shows(layer, image, atol=1e-3):
    assert layer.data.shape == image.GetSize()[::-1]
    for index in np.random.default_rng(1).uniform(0, image.GetSize(), (10, 3)):
        expected_lps = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
        np.testing.assert_allclose(layer.data_to_world(index[::-1])[::-1], expected_lps, atol=atol)


class TestGetReader:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_volumes_land_where_the_file_says(self, tmp_path, suffix):
        path = tmp_path / f"head{suffix}"
        sitk.WriteImage(make_image(), str(path))
        (layer_data,) = get_reader(str(path))(str(path))
        layer = as_layer(layer_data)
        assert layer.name == "head"
        assert isinstance(layer, Image)
        assert_layer_shows(layer, make_image())
        np.testing.assert_array_equal(layer.data, sitk.GetArrayFromImage(make_image()))

    def test_capital_suffixes_and_lists_of_one_are_read(self, tmp_path):
        path = tmp_path / "HEAD.NII"
        sitk.WriteImage(make_image(), str(tmp_path / "head.nii"))
        (tmp_path / "head.nii").rename(path)
        assert len(get_reader([str(path)])([str(path)])) == 1

    @pytest.mark.parametrize("name", ["picture.png", "table.csv", "README"])
    def test_other_files_are_left_to_others(self, tmp_path, name):
        path = tmp_path / name
        path.write_text("no volume")
        assert get_reader(str(path)) is None

    def test_folders_without_dicom_are_left_to_others(self, tmp_path):
        assert get_reader(str(tmp_path)) is None
        (tmp_path / "a.txt").write_text("no volume")
        assert get_reader(str(tmp_path)) is None

    def test_missing_files_and_lists_of_several_are_left_to_others(self, tmp_path):
        assert get_reader(str(tmp_path / "none.nii")) is None
        assert get_reader(["a.nii", "b.nii"]) is None
        with pytest.raises(FileError, match="one file at a time"):
            read_layers(["a.nii", "b.nii"])

    def test_dicom_is_known_by_its_bytes_alone_and_in_subfolders(self, tmp_path):
        source = Path(get_testdata_file("CT_small.dcm"))
        folder = tmp_path / "study" / "series"
        folder.mkdir(parents=True)
        (folder / "IM0001").write_bytes(source.read_bytes())
        assert get_reader(str(folder / "IM0001")) is not None
        assert get_reader(str(tmp_path)) is not None

    @pytest.mark.real_data
    @pytest.mark.slow
    def test_a_real_dicom_folder_becomes_layers_with_notes(self, real_data, told):
        folder = str(real_data / "ct_gantry_tilt_dicom")
        (layer_data,) = get_reader(folder)(folder)
        layer = as_layer(layer_data)
        assert layer.metadata["napari_coreg"]["unit"] == "HU"
        assert any("sheared by 18.5 degrees" in note for note in layer.metadata["napari_coreg"]["notes"])
        assert "sheared by 18.5 degrees" in told[0]


class TestReadLayers:
    def test_frames_become_one_layer_over_time(self, tmp_path):
        path = tmp_path / "bold.nii"
        voxels, affine = write_series(path)
        (layer_data,) = read_layers(str(path))
        layer = as_layer(layer_data)
        assert layer.name == "bold"
        assert layer.axis_labels == ("t", "z", "y", "x")
        for index in ((0, 0, 0, 0), (4, 5, 6, 2)):
            *ras, _ = affine @ (*index[:3], 1)
            lps = np.array(ras) * (-1, -1, 1)
            np.testing.assert_allclose(layer.data_to_world(index[::-1]), (index[3], *lps[::-1]), atol=1e-5)
            assert layer.data[index[::-1]] == voxels[index]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("aseg", Labels), ("brain_mask", Labels), ("LABELS", Labels), ("t1", Image), ("sequence", Image)],
    )
    def test_whole_numbers_are_labels_only_where_the_name_says_so(self, tmp_path, name, kind):
        path = tmp_path / f"{name}.nii.gz"
        sitk.WriteImage(make_image(np.uint8), str(path))
        (layer_data,) = read_layers(path)
        assert type(as_layer(layer_data)) is kind

    def test_a_mask_that_has_fractions_stays_an_image(self, tmp_path):
        path = tmp_path / "mask_probability.nii"
        sitk.WriteImage(make_image(np.float32) / 100, str(path))
        assert read_layers(path)[0][2] == "image"

    def test_notes_are_told_once_and_kept(self, tmp_path, told, monkeypatch):
        volume = LoadedVolume(make_image(), "a", tmp_path / "folder", "CT", "HU", ("One slice was missing.",))
        monkeypatch.setattr(contributions, "read_volumes", lambda path: [volume, replace(volume, name="b")])
        layers = read_layers(tmp_path)
        assert told == ["a, b: One slice was missing."]
        assert [kwargs["name"] for _, kwargs, _ in layers] == ["a", "b"]
        about = layers[0][1]["metadata"]["napari_coreg"]
        assert (about["modality"], about["unit"], about["notes"]) == ("CT", "HU", ["One slice was missing."])
        assert "geometry" in about

    def test_nothing_is_told_where_there_is_nothing_to_tell(self, tmp_path, told):
        sitk.WriteImage(make_image(), str(tmp_path / "a.mha"))
        read_layers(tmp_path / "a.mha")
        assert told == []


class TestWriters:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_a_layer_survives_file_and_back(self, tmp_path, suffix):
        layer = as_layer(volume_to_layer_data(make_image(), "head"))
        path = str(tmp_path / f"saved{suffix}")
        data, attributes, _ = layer.as_layer_data_tuple()
        assert write_image(path, data, attributes) == [path]
        again = sitk.ReadImage(path)
        assert_layer_shows(layer, again)
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(again), layer.data)

    def test_a_hand_move_is_saved_as_it_is_shown(self, tmp_path):
        layer = as_layer(volume_to_layer_data(make_image(), "head"))
        move = np.eye(4)
        move[:3, 3] = (10, 20, 30)
        layer.affine = move @ layer.affine.affine_matrix
        write_image(str(tmp_path / "moved.nrrd"), *layer.as_layer_data_tuple()[:2])
        assert_layer_shows(layer, sitk.ReadImage(str(tmp_path / "moved.nrrd")))

    def test_labels_keep_their_numbers(self, tmp_path):
        labels = Labels(np.random.default_rng(0).integers(0, 3000, (5, 6, 7)), scale=(3, 2, 1))
        path = str(tmp_path / "labels.nii.gz")
        write_labels(path, *labels.as_layer_data_tuple()[:2])
        again = sitk.ReadImage(path)
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(again), labels.data)
        np.testing.assert_allclose(again.GetSpacing(), (1, 2, 3))

    def test_the_space_of_a_nifti_file_is_kept_until_the_layer_is_moved(self, tmp_path):
        source = tmp_path / "atlas.nii.gz"
        nifti = nib.Nifti1Image(np.random.default_rng(0).integers(0, 9, (5, 6, 7)).astype(np.int16), np.eye(4))
        nifti.set_sform(np.eye(4), "mni")
        nib.save(nifti, source)
        layer = as_layer(read_layers(source)[0])
        write_image(str(tmp_path / "a.nii.gz"), *layer.as_layer_data_tuple()[:2])
        assert int(nib.load(tmp_path / "a.nii.gz").header["sform_code"]) == 4
        layer.affine = np.diag((1, 1, 1, 1)) + np.eye(4, k=3) @ layer.affine.affine_matrix
        write_image(str(tmp_path / "b.nii.gz"), *layer.as_layer_data_tuple()[:2])
        assert int(nib.load(tmp_path / "b.nii.gz").header["sform_code"]) != 4

    def test_what_no_file_can_hold_is_refused_and_leaves_none(self, tmp_path):
        sheared = Image(np.zeros((5, 6, 7)), shear=(0.2, 0, 0))
        with pytest.raises(GeometryError, match="sheared"):
            write_image(str(tmp_path / "a.nii"), *sheared.as_layer_data_tuple()[:2])
        assert list(tmp_path.iterdir()) == []

    def test_a_single_slice_can_be_saved(self, tmp_path):
        flat = Image(np.ones((6, 7), np.float32), scale=(2, 1))
        write_image(str(tmp_path / "a.mha"), *flat.as_layer_data_tuple()[:2])
        assert sitk.ReadImage(str(tmp_path / "a.mha")).GetSize() == (7, 6)


class TestSamples:
    @pytest.mark.parametrize("key", SAMPLES)
    def test_each_pair_opens_where_its_truth_expects_it(self, key):
        fixed, moving = (read_layer(as_layer(layer_data)) for layer_data in open_sample(key))
        for volume, name in zip((fixed, moving), SAMPLES[key].files, strict=True):
            expected = sitk.ReadImage(str(sample_path(name)))
            centre = [(size - 1) / 2 for size in expected.GetSize()]
            np.testing.assert_allclose(
                volume.geometry.centre_lps, expected.TransformContinuousIndexToPhysicalPoint(centre), atol=1e-2
            )
            assert volume.moved is None
        truth = read_truth(key).TransformPoint(fixed.geometry.centre_lps.tolist())
        assert np.linalg.norm(np.array(truth) - moving.geometry.centre_lps) < 100
