"""Standardized uptake values from the header of a PET series."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from napari_coreg.io.dicom_header import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

_LEAST_DOSE_BQ = 1e5  # below this the dose is surely not in Bq
_UNITS = {"BQML": "Bq/mL", "CNTS": "counts", "PROPCNTS": "counts"}


def suv_factor(headers: Sequence[Dataset]) -> tuple[float, str | None, str]:
    """Return what to multiply PET values with to get SUVbw.

    Parameters
    ----------
    headers : sequence of pydicom.Dataset
        The headers of all slices of the series.

    Returns
    -------
    factor : float
        g/mL for each unit of the file; 1 where it cannot be told.
    unit : str or None
        "SUVbw", else the file's own unit.
    note : str
        What was done, or why not.
    """
    header = headers[0]
    units = str(header.get("Units") or "")
    if units == "GML" and str(header.get("SUVType") or "BW") == "BW":
        return 1.0, "SUVbw", "The PET values are SUV by body weight already."
    own_unit = _UNITS.get(units, units or None)
    if units != "BQML":
        return 1.0, own_unit, f"No SUV: the values are in '{units or 'an unknown unit'}', not Bq/mL; they were kept."
    try:
        factor, how = _body_weight_factor(headers)
    except _NotTold as missing:
        return 1.0, own_unit, f"No SUV: {missing}; the values were kept in Bq/mL."
    return factor, "SUVbw", how


class _NotTold(Exception):  # noqa: N818 - what the header does not tell, used here only
    """The header lacks what an SUV needs."""


def _body_weight_factor(headers: Sequence[Dataset]) -> tuple[float, str]:
    header = headers[0]
    weight_kg = number(header.get("PatientWeight"))
    if not weight_kg or weight_kg <= 0:
        raise _NotTold("the header has no patient weight")
    drugs = header.get("RadiopharmaceuticalInformationSequence")
    if not drugs:
        raise _NotTold("the header does not tell what was injected")
    dose_bq = number(drugs[0].get("RadionuclideTotalDose"))
    if not dose_bq or dose_bq < _LEAST_DOSE_BQ:
        raise _NotTold(f"the injected dose ({dose_bq or 'none'} Bq) is missing or implausible")
    correction = str(header.get("DecayCorrection") or "")
    if correction == "ADMIN":
        decay, how = 1.0, "decay-corrected to the injection"
    elif correction == "START":
        decay, how = _decay(headers, drugs[0])
    else:
        raise _NotTold(f"the decay correction is '{correction or 'unknown'}', not START or ADMIN")
    note = f"Values are SUV by body weight: {weight_kg:g} kg, {dose_bq / 1e6:.4g} MBq, {how}."
    return weight_kg * 1000 / (dose_bq * decay), note


def _decay(headers: Sequence[Dataset], drug: Dataset) -> tuple[float, str]:
    """Return the part of the dose left at the start of the scan, and how that was found."""
    half_life_s = number(drug.get("RadionuclideHalfLife"))
    if not half_life_s or half_life_s <= 0:
        raise _NotTold("the header has no half-life")
    start, how = _scan_start(headers)
    injected = _moment(drug.get("RadiopharmaceuticalStartDateTime"))
    if injected is None:
        injected = _joined(start.strftime("%Y%m%d"), drug.get("RadiopharmaceuticalStartTime"))
        if injected is not None and injected > start:  # injected before midnight
            injected -= timedelta(days=1)
    if injected is None:
        raise _NotTold("the header has no time of injection")
    waited_s = (start - injected).total_seconds()
    if not 0 <= waited_s <= 20 * half_life_s:
        raise _NotTold(f"the scan starts {waited_s / 60:.0f} minutes after the injection, which cannot be")
    return math.exp(-math.log(2) * waited_s / half_life_s), f"decayed for {waited_s / 60:.1f} minutes to {how}"


def _scan_start(headers: Sequence[Dataset]) -> tuple[datetime, str]:
    """Return the time to which START decay correction refers: the series', or the first acquisition's if earlier.

    A series made later from the same data (reformatted, say) has a later series time than its acquisitions.
    """
    series = _joined(headers[0].get("SeriesDate"), headers[0].get("SeriesTime"))
    taken = [
        moment
        for header in headers
        if (moment := _joined(header.get("AcquisitionDate") or header.get("SeriesDate"), header.get("AcquisitionTime")))
    ]
    first = min(taken, default=None)
    if series is not None and (first is None or series <= first):
        return series, "the series time"
    if first is not None:
        return first, "the first acquisition time"
    raise _NotTold("the header has neither series nor acquisition time")


def _joined(date: Any, time: Any) -> datetime | None:
    return _moment(f"{date}{time}") if date and time else None


def _moment(text: Any) -> datetime | None:
    """Return a DICOM date and time, 'YYYYMMDDHHMM[SS[.ffffff]][+ZZZZ]', without its zone."""
    digits, _, rest = str(text or "").replace(":", "").partition(".")
    digits = digits.split("+")[0].split("-")[0][:14].ljust(14, "0")
    fraction = rest.split("+")[0].split("-")[0].strip()[:6].ljust(6, "0")
    try:
        return datetime.strptime(digits + fraction, "%Y%m%d%H%M%S%f")  # DICOM times are local
    except ValueError:
        return None
