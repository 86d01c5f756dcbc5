"""SUV against calculation by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_coreg.io.volumes import read_volume

PET = {
    "Units": "BQML",
    "DecayCorrection": "START",
    "PatientWeight": 70,
    "SeriesDate": "20240102",
    "SeriesTime": "110000",
    "AcquisitionDate": "20240102",
    "AcquisitionTime": "110000",
    "RescaleSlope": 2,
}


def drug(**tags):
    item = Dataset()
    told = {"RadionuclideTotalDose": 3.5e8, "RadionuclideHalfLife": 6600, "RadiopharmaceuticalStartTime": "100000"}
    for key, value in (told | tags).items():
        if value is not None:
            setattr(item, key, value)
    return Sequence([item])


def read(dicom, item=None, **tags):
    told = PET | {"RadiopharmaceuticalInformationSequence": item or drug()} | tags
    told = {key: value for key, value in told.items() if value is not None}
    for k in range(4):
        dicom.slice(np.full((4, 5), 5000, np.int16), (0, 0, k), modality="PT", **told)
    loaded = read_volume(dicom.path)
    return loaded, float(sitk.GetArrayViewFromImage(loaded.image).max())


def by_hand(waited_s):
    return 10000 * 70 * 1000 / (3.5e8 * 2 ** (-waited_s / 6600))


def test_the_dose_decays_until_the_series_starts(dicom):
    loaded, value = read(dicom)
    assert loaded.unit == "SUVbw"
    assert value == pytest.approx(by_hand(3600))
    assert any("decayed for 60.0 minutes" in note for note in loaded.notes)


def test_later_beds_do_not_change_the_reference_time(dicom):
    assert read(dicom, AcquisitionTime="112000")[1] == pytest.approx(by_hand(3600))


def test_a_series_made_after_the_scan_refers_to_the_first_acquisition(dicom):
    assert read(dicom, SeriesTime="150000", AcquisitionTime="103000")[1] == pytest.approx(by_hand(1800))


def test_an_injection_before_midnight_is_on_the_day_before(dicom):
    item = drug(RadiopharmaceuticalStartTime="233000")
    assert read(dicom, item, SeriesTime="003000", AcquisitionTime="003000.5")[1] == pytest.approx(by_hand(3600))


def test_a_full_date_and_time_of_the_injection_is_preferred(dicom):
    item = drug(RadiopharmaceuticalStartDateTime="20240102103000.00+0100")
    assert read(dicom, item)[1] == pytest.approx(by_hand(1800))


def test_values_corrected_to_the_injection_need_no_decay(dicom):
    assert read(dicom, DecayCorrection="ADMIN")[1] == pytest.approx(by_hand(0))


def test_values_that_are_suv_already_are_kept(dicom):
    loaded, value = read(dicom, Units="GML")
    assert (loaded.unit, value) == ("SUVbw", 10000)


@pytest.mark.parametrize(
    ("change", "unit", "why"),
    [
        ({"PatientWeight": None}, "Bq/mL", "no patient weight"),
        ({"Units": "CNTS"}, "counts", "'CNTS'"),
        ({"DecayCorrection": "NONE"}, "Bq/mL", "'NONE'"),
        ({"item": drug(RadionuclideHalfLife=None)}, "Bq/mL", "no half-life"),
        ({"item": drug(RadionuclideTotalDose=350)}, "Bq/mL", "implausible"),
        ({"item": drug(RadiopharmaceuticalStartTime=None)}, "Bq/mL", "no time of injection"),
        ({"SeriesTime": None, "AcquisitionTime": None}, "Bq/mL", "neither series nor acquisition"),
        ({"item": drug(RadiopharmaceuticalStartDateTime="20240103")}, "Bq/mL", "cannot be"),
    ],
)
def test_what_is_missing_is_said_and_the_values_are_kept(dicom, change, unit, why):
    loaded, value = read(dicom, **change)
    assert loaded.unit == unit
    assert value == 10000
    assert any("No SUV" in note and why in note for note in loaded.notes)
