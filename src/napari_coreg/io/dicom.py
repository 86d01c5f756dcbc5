"""DICOM files and folders: which volumes they hold, and those volumes' values."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from napari_coreg.errors import FileError
from napari_coreg.io.dicom_groups import Group, split
from napari_coreg.io.dicom_header import Slice, refusal, slices_of
from napari_coreg.io.dicom_pixels import read_values
from napari_coreg.io.loaded import LoadedVolume, Source, plural, unique_names, value_notes
from napari_coreg.io.quiet import one_line
from napari_coreg.io.stack import build_stack, plan_stack
from napari_coreg.io.suv import suv_factor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_DIRECTORY_UIDS = ("1.2.840.10008.1.3.10",)  # a DICOMDIR: an index of the files beside it


@dataclass
class _Scan:
    """What was found in a folder: the slices, and how many files were left out and why."""

    slices: list[Slice] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    not_dicom: int = 0
    duplicates: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        notes = [f"Left out: {plural(count, 'file')} with {reason}." for reason, count in self.refused.items()]
        if self.not_dicom:
            notes.append(f"Left out: {plural(self.not_dicom, 'file')} not in the DICOM format.")
        if self.duplicates:
            notes.append(f"Left out: {plural(self.duplicates, 'slice')} that came twice (same SOPInstanceUID).")
        return tuple(notes)


def is_dicom(path: Path) -> bool:
    """Whether a file looks like DICOM by its first bytes, with or without the usual preamble."""
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return False
    return head[128:132] == b"DICM" or (len(head) == 132 and head[:2] in (b"\x08\x00", b"\x02\x00"))


def dicom_sources(path: Path) -> list[Source]:
    """Return the volumes in a folder of DICOM files (its subfolders included) or in one file; only headers are read.

    Raises
    ------
    FileError
        If there is no DICOM volume.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of every value that bends the standard
        scan = _scan(path)
        groups = split(scan.slices)
    if not groups:
        raise FileError(_nothing(path, scan))
    names = unique_names(group.name for group in groups)
    return [
        Source(name, group.summary, partial(_load, path, name, group, scan.notes))
        for name, group in zip(names, groups, strict=True)
    ]


def _scan(path: Path) -> _Scan:
    scan = _Scan()
    seen: set[tuple[str, int | None]] = set()
    for file in _files(path):
        header = _header(file)
        if header is None:
            scan.not_dicom += 1
            continue
        if header.get("SOPClassUID") in _DIRECTORY_UIDS or "DirectoryRecordSequence" in header:
            continue
        reason = refusal(header)
        if reason is not None:
            scan.refused[reason] += 1
            continue
        try:
            parts = slices_of(file, header)
        except (FileError, ValueError, TypeError) as error:
            if file == path:
                raise FileError(f"{path}: its header makes no sense: {one_line(error)}") from error
            scan.refused["headers that make no sense"] += 1
            continue
        for part in parts:
            if part.uid in seen:
                scan.duplicates += 1
            else:
                seen.add(part.uid)
                scan.slices.append(part)
    return scan


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        yield from (Path(folder) / name for name in sorted(files))


def _header(path: Path) -> Dataset | None:
    if not is_dicom(path):
        return None
    try:
        header = dcmread(path, stop_before_pixels=True, force=True)
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError):
        return None
    return header if "SOPClassUID" in header or "Rows" in header else None


def _nothing(path: Path, scan: _Scan) -> str:
    if scan.refused:
        return f"{path}: holds no DICOM volume, only {'; '.join(scan.refused)}"
    if path.is_dir() and not scan.not_dicom:
        return f"{path}: the folder is empty"
    where = "in this folder, only other files" if path.is_dir() else "in this file"
    return f"{path}: no DICOM image was found {where}"


def _load(path: Path, name: str, group: Group, scan_notes: tuple[str, ...]) -> LoadedVolume:
    slices = group.slices
    header = slices[0].header
    modality = str(header.get("Modality") or "") or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        factor, unit, unit_notes = _unit(modality, group)
        values, pixel_notes = read_values(slices, factor)
    header_notes = tuple(dict.fromkeys(note for part in slices for note in part.notes))
    notes = (*group.notes, *header_notes, *unit_notes, *pixel_notes)
    positions = group.positions_lps
    if positions is None or slices[0].direction is None:
        image = sitk.GetImageFromArray(values[0])
        image.SetSpacing(slices[0].spacing_xy)
        notes = ("The image has no place in space; it was read as a 2-D image.", *notes)
    else:
        plan = plan_stack(positions, slices[0].direction, slices[0].spacing_xy, slices[0].thickness)
        image = build_stack(values, plan)
        notes = (*plan.notes, *notes)
    bad = value_notes(sitk.GetArrayViewFromImage(image))
    return LoadedVolume(image, name, path, modality, unit, (*notes, *bad, *scan_notes))


def _unit(modality: str | None, group: Group) -> tuple[float, str | None, tuple[str, ...]]:
    """Return the factor to the unit, the unit, and notes on it."""
    header = group.slices[0].header
    if modality == "CT":
        told = str(header.get("RescaleType") or "HU")
        return 1.0, told if told != "US" else None, ()
    if modality == "PT":
        factor, unit, note = suv_factor([part.header for part in group.slices])
        return factor, unit, (note,)
    if modality == "RTDOSE":
        return 1.0, str(header.get("DoseUnits") or "") or None, ()
    return 1.0, None, ()
