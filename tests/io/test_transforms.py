"""Transform files: what is read back maps points as what was written, by SimpleITK's own account."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.errors import FileError
from napari_coreg.io.transforms import read_transform, write_transform
from napari_coreg.io.volumes import VOLUME_SUFFIXES

POINTS = np.random.default_rng(3).uniform(-20, 40, (30, 3))


def grid():
    image = sitk.Image([30, 28, 26], sitk.sitkUInt8)
    image.SetSpacing((3, 3.5, 4))
    image.SetOrigin((-30, -35, -40))
    image.SetDirection(
        (np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.1, 0.2, 0.1).GetMatrix(), (3, 3)) * [1, -1, 1]).ravel().tolist()
    )
    image.SetOrigin((-40, 60, -40))
    return image


def affine():
    transform = sitk.AffineTransform(3)
    transform.Rotate(0, 1, 0.3)
    transform.Scale((1.1, 0.9, 1.05))
    transform.SetTranslation((1, -2, 3))
    transform.SetCenter((10, 5, 1))
    return transform


def bspline():
    transform = sitk.BSplineTransformInitializer(grid(), [4, 4, 4])
    transform.SetParameters(np.random.default_rng(0).normal(0, 2, len(transform.GetParameters())).tolist())
    return transform


def chain():
    return sitk.CompositeTransform([affine(), bspline()])


def dense():
    return sitk.DisplacementFieldTransform(
        sitk.TransformToDisplacementField(
            affine(),
            sitk.sitkVectorFloat64,
            grid().GetSize(),
            grid().GetOrigin(),
            grid().GetSpacing(),
            grid().GetDirection(),
        )
    )


def rigid():
    return sitk.VersorRigid3DTransform((1, 0, 0), 0.2, (1, 2, 3), (4, 5, 6))


def mapped(transform):
    return np.array([transform.TransformPoint(point.tolist()) for point in POINTS])


LINEAR = [affine, rigid, lambda: sitk.TranslationTransform(3, (1.5, 2.5, 1 / 3))]


@pytest.mark.parametrize(
    ("make", "suffix"),
    [(make, suffix) for make in LINEAR for suffix in (".tfm", ".txt", ".mat", ".h5")]
    + [(make, suffix) for make in (bspline, chain, dense) for suffix in (".tfm", ".txt", ".h5")],
)
def test_itks_own_files_map_points_as_before(tmp_path, make, suffix):
    path = tmp_path / f"a{suffix}"
    write_transform(make(), path)
    again = read_transform(path)
    assert np.allclose(mapped(again), mapped(make()), atol=1e-9)
    assert again.GetName() == make().GetName()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("make", [affine, bspline])
def test_displacement_fields_map_grid_points_as_before(tmp_path, make, suffix):
    path = tmp_path / f"a{suffix}"
    write_transform(make(), path, grid())
    again = read_transform(path)
    assert isinstance(again, sitk.DisplacementFieldTransform)
    rng = np.random.default_rng(1)
    for index in rng.integers(1, 25, (20, 3)):
        point = grid().TransformIndexToPhysicalPoint(index.tolist())
        assert np.allclose(again.TransformPoint(point), make().TransformPoint(point), atol=1e-3)


def test_fields_that_itk_wrote_are_read_alike(tmp_path):
    field = dense().GetDisplacementField()
    for name in ("a.nii.gz", "a.nrrd", "a.mha"):
        sitk.WriteImage(field, str(tmp_path / name))
        assert np.allclose(mapped(read_transform(tmp_path / name)), mapped(dense()), atol=1e-4)


def test_fields_marked_as_displacements_are_taken_as_itk_takes_them(tmp_path):
    sitk.WriteImage(dense().GetDisplacementField(), str(tmp_path / "a.nii"))
    image = nib.load(tmp_path / "a.nii")
    image.header["intent_code"] = 1006
    nib.save(image, tmp_path / "b.nii")
    theirs = sitk.DisplacementFieldTransform(sitk.ReadImage(str(tmp_path / "b.nii"), sitk.sitkVectorFloat64))
    assert np.allclose(mapped(read_transform(tmp_path / "b.nii")), mapped(theirs), atol=1e-4)


def test_two_dimensional_fields_are_read_back(tmp_path):
    plane = sitk.Image([20, 22], sitk.sitkUInt8)
    shift = sitk.TranslationTransform(2, (1.5, -2.5))
    for suffix in VOLUME_SUFFIXES:
        write_transform(shift, tmp_path / f"a{suffix}", plane)
        assert np.allclose(read_transform(tmp_path / f"a{suffix}").TransformPoint((5, 6)), (6.5, 3.5))


def test_a_field_needs_a_grid(tmp_path):
    with pytest.raises(FileError, match="fixed image's grid"):
        write_transform(affine(), tmp_path / "a.nii.gz")


@pytest.mark.parametrize(
    ("name", "why"), [("a.xyz", "use one of"), ("no/a.tfm", "does not exist"), ("b.mat", "linear transforms only")]
)
def test_what_cannot_be_written_is_told(tmp_path, name, why):
    with pytest.raises(FileError, match=why):
        write_transform(chain(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.tfm", b"hello", "not an ITK transform"),
        ("a.txt", b'(Transform "EulerTransform")\n', "elastix"),
        ("a.txt", b"#Insight Transform File V1.0\nTransform: Foo_double_3_3\nParameters: 1 2\n", "Foo_double_3_3"),
        ("a.tfm", b"#Insight Transform File V1.0\nhello\n", "cannot be read as a transform"),
        ("a.h5", b"hello", "not an HDF5 file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "not an HDF5 file"),
        ("a.mat", b"hello", "cannot be read as a transform"),
        ("a.mat", b"1 0 0 4\n0 1 0 5\n0 0 1 6\n0 0 0 1\n", "FLIRT"),
        ("a.lta", b"type      = 0", "no transform format is known"),
        ("a.nii", b"hello", "cannot be read"),
    ],
)
def test_what_is_no_transform_is_told_in_one_line(tmp_path, name, content, why, capfd):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=why) as caught:
        read_transform(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_h5_file_is_told_in_one_line(tmp_path, capfd):
    path = tmp_path / "a.h5"
    write_transform(bspline(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match="ends too early"):
        read_transform(path)
    assert capfd.readouterr() == ("", "")


def test_volumes_and_missing_files_are_no_transforms(tmp_path):
    for name in ("a.nii", "a.mha"):
        sitk.WriteImage(grid(), str(tmp_path / name))
        with pytest.raises(FileError, match="not a displacement field"):
            read_transform(tmp_path / name)
    with pytest.raises(FileError, match="does not exist"):
        read_transform(tmp_path / "gone.tfm")
    with pytest.raises(FileError, match="folder"):
        read_transform(tmp_path)


@pytest.mark.real_data
def test_the_silver_standard_is_read(real_data):
    path = real_data / "brain_t1_t2_consensus.tfm"
    assert np.allclose(mapped(read_transform(path)), mapped(sitk.ReadTransform(str(path))))
