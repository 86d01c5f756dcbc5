"""NRRD and MetaImage files, and what is common to all written volumes."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.errors import FileError
from napari_coreg.io.volumes import VOLUME_SUFFIXES, read_volume, read_volumes, write_volume

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5).GetMatrix()


def volume(dtype=np.int16):
    image = sitk.GetImageFromArray(np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype))
    image.SetSpacing((0.5, 0.8, 2.0))
    image.SetOrigin((-10, 20, 30))
    image.SetDirection((np.reshape(OBLIQUE, (3, 3)) * [1, 1, -1]).ravel().tolist())  # left-handed
    return image


def field():
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(4, 5, 6, 3)), isVector=True)
    image.CopyInformation(volume())
    return image


def nrrd(directions, sizes="4 5 6", kinds="domain domain domain", dimension=3):
    count = np.prod([int(n) for n in sizes.split()])
    header = (
        f"NRRD0004\ntype: short\ndimension: {dimension}\nspace: right-anterior-superior\nsizes: {sizes}\n"
        f"space directions: {directions}\nkinds: {kinds}\nendian: little\nencoding: raw\nspace origin: (1,2,3)\n\n"
    )
    return header.encode() + np.arange(count, dtype="<i2").tobytes()


def assert_same(a, b, atol=1e-4):
    assert a.GetSize() == b.GetSize()
    for index in ((0, 0, 0), (5, 4, 3), (0, 4, 0)):
        assert np.allclose(a.TransformIndexToPhysicalPoint(index), b.TransformIndexToPhysicalPoint(index), atol=atol)
    assert np.allclose(sitk.GetArrayFromImage(a), sitk.GetArrayFromImage(b), atol=1e-6)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_left_handed_oblique_volume_survives_every_format(tmp_path, suffix):
    write_volume(volume(), tmp_path / f"a{suffix}")
    assert_same(read_volume(tmp_path / f"a{suffix}").image, volume())
    assert_same(sitk.ReadImage(str(tmp_path / f"a{suffix}")), volume())


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_itk_reads_written_displacement_fields_back_unchanged(tmp_path, suffix):
    write_volume(field(), tmp_path / f"a{suffix}")
    assert_same(sitk.ReadImage(str(tmp_path / f"a{suffix}")), field())


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_two_dimensional_images_survive_every_format(tmp_path, suffix):
    image = sitk.GetImageFromArray(np.arange(20.0).reshape(4, 5))
    image.SetSpacing((0.5, 2))
    image.SetOrigin((3, -4))
    write_volume(image, tmp_path / f"a{suffix}")
    again = read_volume(tmp_path / f"a{suffix}").image
    assert (again.GetSize(), again.GetSpacing(), again.GetOrigin()) == ((5, 4), (0.5, 2), (3, -4))
    assert np.array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_nothing_but_the_file_is_left_and_an_older_one_is_replaced(tmp_path, suffix):
    for number in (1, 2):
        write_volume(volume() * number, tmp_path / f"a{suffix}")
    expected = {f"a{suffix}"} | ({"a.raw"} if suffix == ".mhd" else set())
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert_same(read_volume(tmp_path / f"a{suffix}").image, volume() * 2)


@pytest.mark.parametrize("name", ["nowhere/a.nii", "a.jpg", "a", "folder.nii"])
def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path, name):
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(FileError) as caught:
        write_volume(volume(), tmp_path / name)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.nii"]


def test_complex_images_are_not_written(tmp_path):
    with pytest.raises(FileError, match="complex"):
        write_volume(sitk.Image([4, 4, 4], sitk.sitkComplexFloat32), tmp_path / "a.nrrd")


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_frames_of_a_four_dimensional_file_are_volumes(tmp_path, suffix):
    frames = [volume() + k for k in range(3)]
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.JoinSeries(frames), str(path))
    first = read_volume(path)
    assert (first.frame, first.frame_count) == (0, 3)
    assert "3 frames" in first.notes[0]
    assert_same(read_volume(path, 2).image, frames[2])
    for loaded, frame in zip(read_volumes(path), frames, strict=True):
        assert_same(loaded.image, frame)


def test_frames_along_a_list_axis_are_volumes(tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(nrrd("none (1,0,0) (0,1,0) (0,0,1)", "3 4 5 6", "list domain domain domain", 4))
    loaded = read_volume(path, 1)
    assert (loaded.frame, loaded.frame_count) == (1, 3)
    assert loaded.image.GetSize() == (4, 5, 6)
    assert loaded.image.GetOrigin() == (-1, -2, 3)
    assert sitk.GetArrayFromImage(loaded.image).ravel()[:3].tolist() == [1, 4, 7]
    assert [sitk.GetArrayFromImage(frame.image).ravel()[0] for frame in read_volumes(path)] == [0, 1, 2]


def test_a_sheared_nrrd_is_resampled(tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(nrrd("(1,0,0) (0,1,0) (0,0.5,2)"))
    loaded = read_volume(path)
    direction = np.reshape(loaded.image.GetDirection(), (3, 3))
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    assert "14.0 degrees off right angles" in loaded.notes[0]


def test_vector_images_are_no_volumes(tmp_path):
    write_volume(field(), tmp_path / "a.mha")
    with pytest.raises(FileError, match="use it as a transform"):
        read_volume(tmp_path / "a.mha")


HEAD = "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = "


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.mha", b"hello", "not a MetaImage"),
        ("a.mha", HEAD.encode() + b"LOCAL\n" + b"\0" * 100, "100 of 128 bytes"),
        ("a.mhd", HEAD.encode() + b"gone.raw\n", "does not exist"),
        ("a.nrrd", b"hello", "cannot be read"),
        ("a.nrrd", nrrd("(1,0,0) (0,1,0) (0,0,1)")[:-50], "only got|got only"),
        ("a.nrrd", b"", "cannot be read"),
        ("a.xyz", b"hello", "is not a volume that can be read"),
    ],
)
def test_broken_files_are_told_in_one_line_and_nothing_reaches_the_terminal(tmp_path, name, content, why, capfd):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=why) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
