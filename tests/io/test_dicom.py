"""DICOM folders: which volumes they hold and where their voxels are."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import Decoder
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless

from napari_coreg.errors import FileError
from napari_coreg.io.volumes import list_volumes, read_volume, read_volumes


def values(image):
    return sitk.GetArrayFromImage(image)


def rotation(angles):
    return np.reshape(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix(), (3, 3))


def write_stack(dicom, volume, positions, **tags):
    """Write the slices in a shuffled order, with instance numbers that lie."""
    order = np.random.default_rng(0).permutation(len(volume))
    for number, k in enumerate(order):
        dicom.slice(volume[k], positions[k], InstanceNumber=number + 1, **tags)


def along_z(zs, x=-10.0, y=20.0):
    return [(x, y, z) for z in zs]


def test_slices_are_sorted_by_position_not_by_name_or_number(dicom, ramp):
    volume = ramp(5)
    write_stack(dicom, volume, along_z(np.arange(5) * 2.0 - 3))
    loaded = read_volume(dicom.path)
    assert np.array_equal(values(loaded.image), volume)
    assert loaded.image.GetSpacing() == (0.8, 0.5, 2.0)
    assert loaded.image.GetOrigin() == (-10.0, 20.0, -3.0)
    assert loaded.notes == ()
    assert (loaded.modality, loaded.unit, loaded.name) == ("CT", "HU", "CT (series 4)")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angles=st.tuples(*[st.floats(-3, 3)] * 3), gap=st.floats(0.5, 6))
def test_every_slice_lies_where_its_header_says(tmp_path_factory, dicom, ramp, angles, gap):
    dicom.path = tmp_path_factory.mktemp("oblique")
    axes, volume = rotation(angles), ramp(4)
    positions = [np.array([5.0, -7.0, 11.0]) + k * gap * axes[:, 2] for k in range(4)]
    write_stack(dicom, volume, positions, orientation=[*axes[:, 0], *axes[:, 1]])
    image = read_volume(dicom.path).image
    for k, position in enumerate(positions):
        assert np.allclose(image.TransformIndexToPhysicalPoint((0, 0, k)), position, atol=1e-4)
    direction = np.reshape(image.GetDirection(), (3, 3))
    assert np.allclose(direction, axes, atol=1e-6)
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    assert np.array_equal(values(image), volume)


def test_a_missing_slice_is_filled_and_later_ones_stay_in_place(dicom, ramp):
    volume = ramp(7)
    kept = [0, 1, 2, 4, 5, 6]
    write_stack(dicom, volume[kept], along_z(np.array(kept) * 2.5))
    loaded = read_volume(dicom.path)
    assert np.array_equal(values(loaded.image), volume)
    assert loaded.image.GetSpacing()[2] == pytest.approx(2.5)
    assert "1 slice is missing" in loaded.notes[0]
    assert "slice 3 at LPS (-10.0, 20.0, 7.5) mm" in loaded.notes[0]


def test_positions_rounded_to_a_tenth_are_even(dicom, ramp):
    write_stack(dicom, ramp(9), along_z(np.round(np.arange(9) * 0.625, 1)))
    loaded = read_volume(dicom.path)
    assert loaded.notes == ()
    assert loaded.image.GetSpacing()[2] == pytest.approx(0.625)
    assert np.array_equal(values(loaded.image), ramp(9))


def test_where_most_slices_are_missing_the_least_gap_is_the_spacing(dicom, ramp):
    kept = [0, 1, 3, 5, 7, 9]
    write_stack(dicom, ramp(10)[kept], along_z(np.array(kept) * 1.5))
    loaded = read_volume(dicom.path)
    assert np.array_equal(values(loaded.image), ramp(10))
    assert "4 slices are missing" in loaded.notes[0]


def test_a_missing_slice_of_a_tilted_stack_is_filled_too(dicom):
    positions = [(0.0, 0.5 * k, 2.0 * k) for k in (0, 1, 3, 4)]  # one pixel a slice: moved without interpolation
    write_stack(dicom, np.full((4, 12, 5), 300, np.int16), positions)
    loaded = read_volume(dicom.path)
    assert "sheared by 14.0 degrees" in loaded.notes[0]
    assert "1 slice is missing" in loaded.notes[1]
    assert loaded.image.GetSize() == (5, 16, 5)
    assert (values(loaded.image)[:, 4:12] == 300).all()


def test_compressed_slices_are_unpacked(dicom, ramp):
    for k, path in enumerate([dicom.slice(ramp(3)[k], (0, 0, k)) for k in range(3)]):
        data = dcmread(path)
        data.compress(RLELossless, ramp(3)[k])
        data.save_as(path)
    assert np.array_equal(values(read_volume(dicom.path).image), ramp(3))


def test_uneven_slices_are_resampled_along_the_stack(dicom):
    zs = np.array([0.0, 2.0, 4.0, 6.0, 9.1, 11.1])
    volume = np.round(zs[:, None, None] * 100 + np.zeros((6, 5, 4))).astype(np.int16)
    write_stack(dicom, volume, along_z(zs))
    loaded = read_volume(dicom.path)
    assert loaded.image.GetSpacing()[2] == pytest.approx(2.0)
    assert np.allclose(values(loaded.image)[:, 0, 0], np.arange(6) * 200.0, atol=1)
    assert "worst gap is 3.10 mm, after slice 3" in loaded.notes[0]


@pytest.mark.parametrize("degrees", [18.5, -12.0])
def test_a_tilted_gantry_gives_a_right_angled_volume_with_values_in_place(dicom, degrees):
    tilt = np.radians(degrees)
    axes = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    positions = np.array([[0.0, 0.0, 4.0 * k] for k in range(6)])
    row, column = np.mgrid[:20, :16]
    lps = positions[:, None, None] + axes[:, 0] * 0.8 * column[..., None] + axes[:, 1] * 0.5 * row[..., None]
    field = lps @ np.array([3.0, 20.0, 30.0]) + 500  # linear in space, so linear interpolation is exact
    write_stack(dicom, np.round(field).astype(np.int16), positions, orientation=[*axes[:, 0], *axes[:, 1]])
    loaded = read_volume(dicom.path)
    assert f"sheared by {abs(degrees):.1f} degrees" in loaded.notes[0]
    image = loaded.image
    direction = np.reshape(image.GetDirection(), (3, 3))
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-9)
    inside = lps[1:-1, 2:-2, 2:-2].reshape(-1, 3)
    expected = field[1:-1, 2:-2, 2:-2].ravel()
    sampler = sitk.Cast(image, sitk.sitkFloat64)
    found = [sampler.EvaluateAtPhysicalPoint(point.tolist(), sitk.sitkLinear) for point in inside]
    assert np.allclose(found, expected, atol=1.0)  # the stored values were rounded


def test_copies_of_a_slice_are_dropped(dicom, ramp):
    volume = ramp(4)
    write_stack(dicom, volume, along_z(range(4)))
    (dicom.path / "copy").write_bytes(dicom.written[1].read_bytes())
    loaded = read_volume(dicom.path)
    assert np.array_equal(values(loaded.image), volume)
    assert any("1 slice that came twice" in note for note in loaded.notes)


def test_two_series_in_one_folder_are_told_apart_and_listed(dicom, ramp):
    first, second = ramp(4), ramp(5) + 1000
    write_stack(dicom, first, along_z(range(4)), SeriesDescription="T1")
    write_stack(
        dicom,
        second,
        along_z(range(5)),
        SeriesDescription="T2",
        SeriesInstanceUID="1.2.4",
        SeriesNumber=2,
        modality="MR",
    )
    assert list_volumes(dicom.path) == ["T2 (series 2)", "T1 (series 4)"]
    with pytest.raises(FileError, match=r"0: T2 \(series 2\) \[5 slices of 5 x 6\]; 1: T1 \(series 4\)"):
        read_volume(dicom.path)
    assert np.array_equal(values(read_volume(dicom.path, 0).image), second)
    assert np.array_equal(values(read_volume(dicom.path, "t1").image), first)
    assert [loaded.unit for loaded in read_volumes(dicom.path)] == [None, "HU"]


@pytest.mark.parametrize("which", [2, "2", "nothing", "series"])
def test_a_choice_that_fits_none_or_several_is_refused_with_the_list(dicom, ramp, which):
    write_stack(dicom, ramp(4), along_z(range(4)))
    write_stack(dicom, ramp(4), along_z(range(4)), SeriesInstanceUID="1.2.4", SeriesNumber=5)
    with pytest.raises(FileError, match=r"0: CT \(series 4\)"):
        read_volume(dicom.path, which)


def test_other_orientations_in_a_series_are_volumes_of_their_own(dicom, ramp):
    write_stack(dicom, ramp(3), along_z(range(3)))
    write_stack(dicom, ramp(4), [(k, 0, 0) for k in range(4)], orientation=(0, 1, 0, 0, 0, -1))
    assert sorted(loaded.image.GetSize()[2] for loaded in read_volumes(dicom.path)) == [3, 4]
    assert len(set(list_volumes(dicom.path))) == 2


def test_echoes_at_the_same_place_are_volumes_of_their_own(dicom, ramp):
    for echo, offset in ((4.6, 0), (12.5, 1000)):
        write_stack(dicom, ramp(4) + offset, along_z(range(4)), EchoTime=echo, modality="MR")
    assert list_volumes(dicom.path) == ["MR (series 4), echo time 4.6", "MR (series 4), echo time 12.5"]
    assert np.array_equal(values(read_volume(dicom.path, "echo time 12.5").image), ramp(4) + 1000)


def test_repeats_that_nothing_tells_apart_are_taken_by_instance_number(dicom, ramp):
    for k in range(4):
        for turn in (1, 0):
            dicom.slice(ramp(4)[k] + 1000 * turn, (0, 0, k), InstanceNumber=10 * turn + k)
    first, second = read_volumes(dicom.path)
    assert np.array_equal(values(first.image), ramp(4))
    assert np.array_equal(values(second.image), ramp(4) + 1000)
    assert any("instance numbers" in note for note in first.notes)


def test_a_time_that_differs_for_each_slice_does_not_tear_a_volume_apart(dicom, ramp):
    for k in range(4):
        for turn in (0, 1):
            time = f"1200{10 * turn + k:02d}"
            dicom.slice(ramp(4)[k], (0, 0, k), AcquisitionTime=time, TemporalPositionIdentifier=turn + 1)
    assert [loaded.image.GetSize()[2] for loaded in read_volumes(dicom.path)] == [4, 4]


def test_other_files_are_counted_and_left_out(dicom, ramp):
    write_stack(dicom, ramp(4), along_z(range(4)))
    (dicom.path / "notes.txt").write_text("nothing")
    (dicom.path / "empty").touch()
    dicom.slice(ramp(1)[0], (0, 0, 9), ImageType=["DERIVED", "MOSAIC"], SeriesInstanceUID="1.2.5")
    notes = " ".join(read_volume(dicom.path).notes)
    assert "2 files not in the DICOM format" in notes
    assert "1 file with Siemens mosaics" in notes


def test_values_are_rescaled_slice_by_slice(dicom):
    pixels = np.full((4, 5), 10, np.uint16)
    for k in range(4):
        dicom.slice(pixels, (0, 0, k), modality="MR", RescaleSlope=0.5 * (k + 1), RescaleIntercept=-1)
    image = read_volume(dicom.path).image
    assert image.GetPixelID() == sitk.sitkFloat32
    assert np.allclose(values(image)[:, 0, 0], [4, 9, 14, 19])


def test_whole_numbers_stay_whole(dicom):
    for k in range(3):
        dicom.slice(np.full((4, 5), 24, np.uint16), (0, 0, k), RescaleSlope=1, RescaleIntercept=-1024)
    image = read_volume(dicom.path).image
    assert image.GetPixelID() == sitk.sitkInt16
    assert set(values(image).ravel()) == {-1000}


def test_whole_numbers_beyond_16_bits_become_floats(dicom):
    dicom.slice(np.full((4, 5), 60000, np.uint16), (0, 0, 0))
    assert read_volume(dicom.path).image.GetPixelID() == sitk.sitkFloat32


def test_inverted_displays_are_turned_back(dicom):
    pixels = np.array([[0, 4095]], np.uint16).repeat(4, 0)
    dicom.slice(pixels, (0, 0, 0), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    loaded = read_volume(dicom.path)
    assert values(loaded.image)[0, 0].tolist() == [4095, 0]
    assert any("MONOCHROME1" in note for note in loaded.notes)


def test_a_multi_frame_file_is_one_volume(dicom, ramp):
    volume = ramp(4, dtype=np.uint16)
    path = dicom.enhanced(volume[[2, 0, 3, 1]], [(1, 2, 3.0 * k) for k in (2, 0, 3, 1)], slopes=[1, 1, 1, 2])
    loaded = read_volume(path)
    expected = volume.astype(int) * np.array([1, 2, 1, 1])[:, None, None]
    assert np.array_equal(values(loaded.image), expected)
    assert loaded.image.GetSpacing() == (0.8, 0.5, 3.0)
    assert loaded.image.GetOrigin() == (1.0, 2.0, 0.0)


def test_time_points_of_a_multi_frame_file_are_volumes_of_their_own(dicom, ramp):
    frames = np.concatenate([ramp(3), ramp(3) + 1000])
    path = dicom.enhanced(frames, [(0, 0, k) for k in (0, 1, 2)] * 2, times=[1, 1, 1, 2, 2, 2])
    assert list_volumes(path) == ["enhanced (series 9), time point 1", "enhanced (series 9), time point 2"]
    assert np.array_equal(values(read_volume(path, 1).image), ramp(3) + 1000)


def test_frames_of_a_dose_grid_follow_their_offsets(dicom, ramp):
    data = dcmread(dicom.slice(ramp(1)[0], (1, 2, 3), modality="RTDOSE", DoseUnits="GY", DoseGridScaling=0.5))
    data.NumberOfFrames, data.GridFrameOffsetVector = 4, [0, 2, 4, 6]
    data.PixelData = ramp(4).tobytes()
    loaded = read_volume(dicom.save(data))
    assert loaded.image.GetSpacing() == (0.8, 0.5, 2.0)
    assert loaded.unit == "GY"
    assert np.allclose(values(loaded.image), ramp(4) * 0.5)


def test_one_file_is_one_slice_of_its_own_thickness(dicom, ramp):
    write_stack(dicom, ramp(4), along_z(range(4)), SliceThickness=3)
    loaded = read_volume(dicom.written[0])
    assert loaded.image.GetSize() == (5, 6, 1)
    assert loaded.image.GetSpacing()[2] == 3


def test_an_image_without_a_place_is_read_in_two_dimensions(dicom, ramp):
    loaded = read_volume(dicom.slice(ramp(1)[0], None, modality="CR"))
    assert loaded.image.GetDimension() == 2
    assert loaded.image.GetSpacing() == (0.8, 0.5)
    assert "no place in space" in loaded.notes[0]


def test_colour_is_refused(dicom):
    path = dicom.slice(np.zeros((4, 12), np.int16), (0, 0, 0), SamplesPerPixel=3)
    for where in (path, dicom.path):
        with pytest.raises(FileError, match="colour"):
            read_volume(where)


def test_a_film_is_refused(dicom, ramp):
    path = dicom.slice(ramp(4).reshape(-1, 5)[:6], None, NumberOfFrames=4)
    with pytest.raises(FileError, match="without positions"):
        read_volume(path)


def test_an_unknown_compression_is_named_with_what_to_install(dicom, ramp, monkeypatch):
    data = dcmread(dicom.slice(ramp(1)[0], (0, 0, 0)))
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    data["PixelData"].is_undefined_length = True
    path = dicom.save(data, "compressed")
    monkeypatch.setattr(Decoder, "is_available", property(lambda _: False))
    with pytest.raises(FileError, match=r"JPEG-LS Lossless.*pip install pylibjpeg"):
        read_volume(path)


def test_truncated_pixels_are_told_in_one_line(dicom, ramp):
    path = dicom.slice(ramp(1)[0], (0, 0, 0))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileError) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)


def test_an_impossible_orientation_is_refused(dicom, ramp):
    path = dicom.slice(ramp(1)[0], (0, 0, 0), orientation=(1, 0, 0, 1, 0, 0))
    with pytest.raises(FileError, match="right angles"):
        read_volume(path)


def test_files_without_the_usual_preamble_are_read(dicom, ramp):
    data = dcmread(dicom.slice(ramp(1)[0], (1, 2, 3)))
    del data.file_meta
    data.preamble = None
    bare = dicom.path / "bare"
    data.save_as(bare, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert bare.read_bytes()[:2] == b"\x08\x00"
    loaded = read_volume(bare)
    assert np.array_equal(values(loaded.image), ramp(1))
    assert loaded.image.GetOrigin() == (1.0, 2.0, 3.0)


def test_frames_of_nuclear_medicine_follow_their_spacing(dicom, ramp):
    data = dcmread(dicom.slice(ramp(1)[0], None, modality="NM"))
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    data.DetectorInformationSequence = Sequence([detector])
    data.NumberOfFrames, data.SpacingBetweenSlices = 4, 2.5
    data.PixelData = ramp(4).tobytes()
    image = read_volume(dicom.save(data)).image
    assert image.GetSpacing() == (0.8, 0.5, 2.5)
    assert image.GetOrigin() == (1, 2, 3)
    assert np.array_equal(values(image), ramp(4))


def test_slices_shifted_at_random_are_put_in_place(dicom):
    shifts = np.array([[0, 0], [1.6, -1], [-0.8, 0.5], [0.8, 1]])  # whole pixels of 0.8 x 0.5 mm
    spot = np.zeros((4, 9, 9), np.int16)
    for k, (x, y) in enumerate(shifts):
        spot[k, 4 - round(y / 0.5), 4 - round(x / 0.8)] = 500  # at the same place in space in each
    write_stack(dicom, spot, [(x, y, k) for k, (x, y) in enumerate(shifts)])
    loaded = read_volume(dicom.path)
    assert "shifted against each other in their plane" in loaded.notes[0]
    for k in range(4):
        y, x = np.argwhere(values(loaded.image)[k] == 500)[0]
        assert np.allclose(loaded.image.TransformIndexToPhysicalPoint((int(x), int(y), k)), (3.2, 2.0, k))


def test_without_a_pixel_size_that_of_the_detector_or_one_is_used(dicom, ramp):
    detector = read_volume(dicom.slice(ramp(1)[0], None, PixelSpacing=None, ImagerPixelSpacing=[0.3, 0.2]))
    assert detector.image.GetSpacing() == (0.2, 0.3)
    unknown = read_volume(dicom.slice(ramp(1)[0], None, PixelSpacing=None))
    assert unknown.image.GetSpacing() == (1, 1)
    assert any("no pixel spacing" in note for note in unknown.notes)


def test_a_header_that_makes_no_sense_does_not_hide_the_others(dicom, ramp):
    write_stack(dicom, ramp(4), along_z(range(4)))
    dicom.slice(ramp(1)[0], (0, 0, 4), orientation=(1, 0, 0, 1, 0, 0))
    loaded = read_volume(dicom.path)
    assert loaded.image.GetSize() == (5, 6, 4)
    assert any("1 file with headers that make no sense" in note for note in loaded.notes)


def test_images_without_a_place_stand_alone(dicom, ramp):
    for k in range(2):
        dicom.slice(ramp(2)[k], None, modality="CR")
    assert list_volumes(dicom.path) == ["CR (series 4), grid 1", "CR (series 4), grid 2"]


def test_subfolders_are_searched_and_indexes_are_not_counted(dicom, ramp):
    folder = dicom.path
    write_stack(dicom, ramp(2), along_z((0, 1)))
    dicom.path = folder / "deeper"
    dicom.path.mkdir()
    write_stack(dicom, ramp(4)[2:], along_z((2, 3)))
    index = dcmread(dicom.written[0])
    index.SOPClassUID = "1.2.840.10008.1.3.10"
    dicom.save(index, "DICOMDIR")
    loaded = read_volume(folder)
    assert np.array_equal(values(loaded.image), ramp(4))
    assert loaded.notes == ()


def test_an_empty_folder_and_one_without_dicom_are_told_apart(tmp_path):
    with pytest.raises(FileError, match="the folder is empty"):
        read_volume(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(FileError, match="only other files"):
        read_volume(tmp_path)


@pytest.mark.real_data
def test_both_series_of_a_mixed_folder_keep_the_gap_of_their_missing_slice(real_data):
    folder = real_data / "brain_t1_t2_dicom"
    t1, t2 = read_volumes(folder)
    assert (t1.image.GetSize(), t2.image.GetSize()) == ((192, 192, 176), (384, 512, 56))
    for loaded, number in ((t1, 5), (t2, 6)):
        assert "1 slice is missing" in loaded.notes[0]
        for path in sorted(folder.iterdir())[::9]:
            header = dcmread(path, force=True)
            if header.get("SeriesNumber") == number:
                index = loaded.image.TransformPhysicalPointToContinuousIndex([*header.ImagePositionPatient])
                assert np.allclose(index, np.round(index), atol=1e-3)
                assert np.array_equal(values(loaded.image)[round(index[2])], header.pixel_array)


@pytest.mark.real_data
def test_a_real_tilted_stack_is_straightened(real_data):
    folder = real_data / "ct_gantry_tilt_dicom"
    loaded = read_volume(folder)
    assert "18.5 degrees" in loaded.notes[0]
    header = dcmread(folder / "05.dcm")
    image = sitk.Cast(loaded.image, sitk.sitkFloat32)
    # the pixel centres of an original slice, in space: the volume must hold the slice's values there
    row, column = np.array(header.ImageOrientationPatient[3:]), np.array(header.ImageOrientationPatient[:3])
    rng = np.random.default_rng(1)
    pixels = rng.integers(60, 450, (2000, 2))
    spacing = float(header.PixelSpacing[0])
    points = np.array(header.ImagePositionPatient) + spacing * (pixels[:, :1] * row + pixels[:, 1:] * column)
    found = [image.EvaluateAtPhysicalPoint(point.tolist(), sitk.sitkLinear) for point in points]
    told = header.pixel_array[pixels[:, 0], pixels[:, 1]]
    assert np.corrcoef(found, told)[0, 1] > 0.99


@pytest.mark.real_data
def test_a_real_pet_series_is_read_as_simpleitk_places_it_in_suv(real_data):
    folder = real_data / "pet_dicom"
    loaded = read_volume(folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    theirs = reader.Execute()
    assert loaded.image.GetSize() == theirs.GetSize() == (128, 128, 299)
    assert np.allclose(loaded.image.GetOrigin(), theirs.GetOrigin())
    assert np.allclose(loaded.image.GetSpacing(), theirs.GetSpacing(), atol=1e-4)
    waited_s = (13 - 11) * 3600 + (2 - 39) * 60 + 44.678
    factor = 66.2 * 1000 / (381470000 * 2 ** (-waited_s / 6586.2))
    assert loaded.unit == "SUVbw"
    assert np.allclose(values(loaded.image), values(theirs) * factor, rtol=1e-4, atol=1e-4)
