"""NIfTI: where nibabel's affine puts a voxel is where the image has it."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_coreg.errors import FileError
from napari_coreg.io.volumes import read_volume, read_volumes, write_volume

RAS_LPS = np.array([-1.0, -1.0, 1.0])
affines = st.builds(
    lambda angles, spacing, flips, origin: np.vstack(
        [
            np.column_stack(
                [
                    np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3)) * spacing * flips,
                    origin,
                ]
            ),
            [0, 0, 0, 1],
        ]
    ),
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 8)] * 3).map(np.array),
    flips=st.tuples(*[st.sampled_from([1.0, -1.0])] * 3).map(np.array),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
)
any_folder = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ramp(shape, dtype=np.int16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def save(path, values, affine=None, **header):
    image = nib.Nifti1Image(values, np.eye(4) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    nib.save(image, path)
    return path


def corners(shape):
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(len(shape), -1).T
    return np.vstack([ends, [n // 2 for n in shape]])


def places(image):
    return np.array([image.TransformIndexToPhysicalPoint(index.tolist()) for index in corners(image.GetSize())])


def is_orthonormal(image):
    n = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (n, n))
    return np.allclose(direction.T @ direction, np.eye(n), atol=1e-10)


@any_folder
@given(affine=affines, form=st.sampled_from(["sform", "qform"]))
def test_voxels_lie_where_nibabels_affine_puts_them(tmp_path, affine, form):
    image = nib.Nifti1Image(ramp((5, 6, 7)), affine)
    image.set_sform(affine, 1 if form == "sform" else 0)
    image.set_qform(affine, 1 if form == "qform" else 0)
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii")
    expected = nib.affines.apply_affine(nib.load(tmp_path / "a.nii").affine, corners((5, 6, 7))) * RAS_LPS
    assert np.allclose(places(loaded.image), expected, atol=2e-3)
    assert is_orthonormal(loaded.image)
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image).T, ramp((5, 6, 7)))
    assert loaded.notes == ()


@any_folder
@given(affine=affines)
def test_reading_back_what_was_written_gives_the_same_grid_and_values(tmp_path, affine):
    image = read_volume(save(tmp_path / "a.nii", ramp((4, 5, 6)), affine)).image
    write_volume(image, tmp_path / "b.nii.gz")
    again = read_volume(tmp_path / "b.nii.gz").image
    theirs = sitk.ReadImage(str(tmp_path / "b.nii.gz"))
    for other in (again, theirs):
        assert np.allclose(places(other), places(image), atol=2e-3)
        assert other.GetPixelID() == image.GetPixelID()
        assert np.array_equal(sitk.GetArrayFromImage(other), sitk.GetArrayFromImage(image))


def test_the_sform_is_preferred_and_a_disagreement_is_told(tmp_path):
    image = nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4))
    image.set_qform(np.eye(4), 1)
    moved = np.eye(4)
    moved[0, 3] = 12
    image.set_sform(moved, 2)
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii")
    assert loaded.image.GetOrigin() == (-12, 0, 0)
    assert "differ by up to 12.0 mm" in loaded.notes[0]


def test_a_singular_sform_gives_way_to_the_qform(tmp_path):
    path = save(tmp_path / "a.nii", ramp((4, 5, 6)))
    image = nib.load(path)
    image.set_qform(np.diag([2, 2, 2, 1.0]), 1)
    image.header["sform_code"] = 1
    image.header["srow_x"] = 0
    header = image.header.copy()
    raw = bytearray(path.read_bytes())
    raw[: len(header.binaryblock)] = header.binaryblock
    path.write_bytes(bytes(raw))
    loaded = read_volume(path)
    assert loaded.image.GetSpacing() == (2, 2, 2)
    assert "sform is singular" in loaded.notes[0]


def test_without_any_form_the_voxel_sizes_are_used_and_that_is_told(tmp_path):
    image = nib.Nifti1Image(ramp((5, 5, 5)), None)
    image.header.set_zooms((2, 3, 4))
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii")
    expected = nib.affines.apply_affine(nib.load(tmp_path / "a.nii").affine, corners((5, 5, 5))) * RAS_LPS
    assert np.allclose(places(loaded.image), expected)
    assert "left and right cannot be told" in loaded.notes[0]


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)])
def test_lengths_are_brought_to_millimetres(tmp_path, unit, factor):
    image = nib.Nifti1Image(ramp((4, 5, 6)), np.diag([2, 3, 4, 1.0]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii")
    assert np.allclose(loaded.image.GetSpacing(), np.array([2, 3, 4]) * factor)
    assert bool(loaded.notes) == (factor != 1)


def test_scaled_integers_become_floats_and_plain_ones_stay(tmp_path):
    image = nib.Nifti1Image(ramp((4, 5, 6)), np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii").image
    assert loaded.GetPixelID() == sitk.sitkFloat32
    assert np.allclose(sitk.GetArrayFromImage(loaded).T, nib.load(tmp_path / "a.nii").get_fdata())
    assert read_volume(save(tmp_path / "b.nii", ramp((4, 5, 6)))).image.GetPixelID() == sitk.sitkInt16


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", ">i2", ">f4"])
def test_every_plain_type_is_read_and_written(tmp_path, dtype):
    values = ramp((4, 5, 6), dtype)
    loaded = read_volume(save(tmp_path / "a.nii", values)).image
    assert np.array_equal(sitk.GetArrayFromImage(loaded).T, values)
    write_volume(loaded, tmp_path / "b.nii")
    assert np.array_equal(np.asanyarray(nib.load(tmp_path / "b.nii").dataobj), values)


def test_64_bit_integers_are_written(tmp_path):
    image = sitk.Cast(sitk.GetImageFromArray(ramp((4, 5, 6))), sitk.sitkInt64)
    write_volume(image, tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").image.GetPixelID() == sitk.sitkInt64


def test_a_sheared_grid_is_resampled_with_values_in_place(tmp_path):
    affine = np.array([[2.0, 0.4, 0, 5], [0, 2, 0, 6], [0, 0.3, 3, 7], [0, 0, 0, 1]])
    index = np.stack(np.meshgrid(np.arange(20), np.arange(22), np.arange(18), indexing="ij"), -1)
    lps = nib.affines.apply_affine(affine, index) * RAS_LPS
    values = (lps @ [3.0, -2.0, 5.0] + 1000).astype(np.float32)
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, 1)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "a.nii")
    loaded = read_volume(tmp_path / "a.nii")
    assert is_orthonormal(loaded.image)
    assert any("off right angles" in note for note in loaded.notes)
    assert np.allclose(loaded.image.GetSpacing(), np.linalg.norm(affine[:3, :3], axis=0), rtol=1e-5)
    sampler = sitk.Cast(loaded.image, sitk.sitkFloat64)
    inside = (slice(2, -2),) * 3
    points, told = lps[inside].reshape(-1, 3)[::7], values[inside].ravel()[::7]
    found = [sampler.EvaluateAtPhysicalPoint(point.tolist(), sitk.sitkLinear) for point in points]
    assert np.allclose(found, told, atol=0.01)
    for corner in corners((20, 22, 18)):
        point = nib.affines.apply_affine(affine, corner) * RAS_LPS
        at = np.array(loaded.image.TransformPhysicalPointToContinuousIndex(point.tolist()))
        assert (at > -0.51).all()
        assert (at < np.array(loaded.image.GetSize()) - 0.49).all()


def test_frames_are_volumes_and_the_first_is_taken_with_a_note(tmp_path):
    values = ramp((4, 5, 6, 3))
    path = save(tmp_path / "bold.nii.gz", values)
    first = read_volume(path)
    assert "3 frames" in first.notes[0]
    assert (first.frame, first.frame_count, first.name) == (0, 3, "bold, frame 0")
    assert np.array_equal(sitk.GetArrayFromImage(read_volume(path, 2).image).T, values[..., 2])
    frames = read_volumes(path)
    assert [loaded.name for loaded in frames] == [f"bold, frame {k}" for k in range(3)]
    assert all(np.array_equal(sitk.GetArrayFromImage(frames[k].image).T, values[..., k]) for k in range(3))


def test_one_frame_is_a_plain_volume(tmp_path):
    loaded = read_volume(save(tmp_path / "a.nii", ramp((4, 5, 6, 1))))
    assert (loaded.frame, loaded.frame_count, loaded.name) == (None, 1, "a")


def test_a_single_slice_stays_in_space_and_a_plane_is_two_dimensional(tmp_path):
    assert read_volume(save(tmp_path / "a.nii", ramp((4, 5, 1)))).image.GetSize() == (4, 5, 1)
    plane = read_volume(save(tmp_path / "b.nii", ramp((4, 5)), np.diag([-2, 3, 1, 1.0]))).image
    theirs = sitk.ReadImage(str(tmp_path / "b.nii"))
    assert plane.GetSize() == theirs.GetSize() == (4, 5)
    assert plane.GetSpacing() == theirs.GetSpacing() == (2, 3)
    assert plane.GetDirection() == theirs.GetDirection() == (1, 0, 0, -1)


def test_a_plane_across_the_body_keeps_its_pixel_sizes_only(tmp_path):
    coronal = np.array([[2.0, 0, 0, 9], [0, 0, 1, 9], [0, 3, 0, 9], [0, 0, 0, 1]])
    loaded = read_volume(save(tmp_path / "a.nii", ramp((4, 5)), coronal))
    assert loaded.image.GetSpacing() == (2, 3)
    assert "does not lie in an axial plane" in loaded.notes[0]


def test_bad_numbers_are_kept_and_counted(tmp_path):
    values = ramp((4, 5, 6), np.float32)
    values[0, 0, :3], values[1, 1, 1] = np.nan, np.inf
    loaded = read_volume(save(tmp_path / "a.nii", values))
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image).T, values, equal_nan=True)
    assert "3 voxels are NaN and 1 are infinite" in loaded.notes[0]


def test_the_codes_for_the_space_can_be_taken_over(tmp_path):
    mni = save(tmp_path / "mni.nii", ramp((4, 5, 6)), sform_code=4, qform_code=0)
    write_volume(read_volume(mni).image, tmp_path / "a.nii", like=mni)
    assert int(nib.load(tmp_path / "a.nii").header["sform_code"]) == 4


def test_freesurfers_format_is_read(tmp_path):
    affine = np.array([[-1.0, 0, 0, 10], [0, 0, 1, -20], [0, -1, 0, 30], [0, 0, 0, 1]])
    nib.save(nib.MGHImage(ramp((4, 5, 6)), affine), tmp_path / "orig.mgz")
    image = read_volume(tmp_path / "orig.mgz").image
    assert np.allclose(places(image), nib.affines.apply_affine(affine, corners((4, 5, 6))) * RAS_LPS)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"),
        (np.zeros((4, 5, 6), np.complex64), "complex"),
        (np.zeros((4, 5, 6, 2, 2), np.float32), "5 axes"),
        (np.zeros((4,), np.float32), "1 axes"),
    ],
)
def test_what_is_no_volume_is_refused_by_name(tmp_path, values, why):
    with pytest.raises(FileError, match=why):
        read_volume(save(tmp_path / "a.nii", values))


def test_a_displacement_field_is_no_volume(tmp_path):
    write_volume(sitk.Image([4, 5, 6], sitk.sitkVectorFloat32, 3), tmp_path / "a.nii")
    with pytest.raises(FileError, match="use it as a transform"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "truncated gz", "no voxels", "missing"])
def test_broken_files_are_told_in_one_line(tmp_path, kind, capfd):
    path = tmp_path / ("a.nii.gz" if kind == "truncated gz" else "a.nii")
    whole = save(tmp_path / "whole.nii", ramp((4, 5, 6))).read_bytes()
    if kind == "no voxels":
        save(path, np.zeros((4, 0, 6), np.int16))
    elif kind != "missing":
        contents = {
            "text": b"hello" * 200,
            "empty": b"",
            "truncated": whole[:-50],
            "truncated gz": gzip.compress(whole)[:-20],
        }
        path.write_bytes(contents[kind])
    with pytest.raises(FileError) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["chris/chris_PD", "chris/chris_MRA", "chris/chris_t1", "colin27/ch2", "mne_seeg/aseg", "mridir_head/mr_t2"],
)
def test_real_files_lie_as_nibabel_and_simpleitk_have_them(real_data, name):
    path = real_data / f"{name}.nii.gz"
    image = read_volume(path).image
    affine = nib.load(path).affine
    theirs = sitk.ReadImage(str(path))
    expected = nib.affines.apply_affine(affine, corners(image.GetSize())) * RAS_LPS
    assert np.allclose(places(image), expected, atol=1e-2)
    assert np.allclose(places(theirs), expected, atol=1e-2)
    assert is_orthonormal(image)
    assert np.array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(theirs))
