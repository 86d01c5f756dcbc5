"""Tiny DICOM files, made for one test each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from pathlib import Path

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _base(pixels: np.ndarray, modality: str, **tags: Any) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = generate_uid()
    data.Modality = modality
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    for key, value in tags.items():
        setattr(data, key, value)
    return data


@dataclass
class DicomFolder:
    """A folder that gets slices; `slice` writes one file without suffix, under a name that tells nothing."""

    path: Path
    written: list[Path] = field(default_factory=list)

    def save(self, data: Dataset, name: str | None = None) -> Path:
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        path = self.path / (name or generate_uid()[-12:])
        data.save_as(path, enforce_file_format=True)
        self.written.append(path)
        return path

    def slice(
        self, pixels: np.ndarray, position: Any, *, orientation: Any = AXIAL, modality: str = "CT", **tags: Any
    ) -> Path:
        defaults = {"PixelSpacing": [0.5, 0.8], "SeriesInstanceUID": "1.2.3", "SeriesNumber": 4}
        data = _base(pixels, modality, **(defaults | tags))
        if position is not None:
            data.ImagePositionPatient = [round(float(x), 6) for x in position]
            data.ImageOrientationPatient = [round(float(x), 8) for x in orientation]
        return self.save(data)

    def enhanced(self, pixels: np.ndarray, positions: Any, spacing: Any = (0.5, 0.8), **tags: Any) -> Path:
        """Write frames (N, y, x) into one enhanced multi-frame file; tags that are lists of N go to the frames."""
        data = _base(pixels, "MR", SeriesInstanceUID="1.2.9", SeriesNumber=9, SeriesDescription="enhanced")
        data.SOPClassUID = EnhancedMRImageStorage
        data.NumberOfFrames = len(pixels)
        shared, orientation, measures = Dataset(), Dataset(), Dataset()
        orientation.ImageOrientationPatient = list(AXIAL)
        measures.PixelSpacing, measures.SliceThickness = list(spacing), 2.0
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
        data.SharedFunctionalGroupsSequence = Sequence([shared])
        frames = []
        for k, position in enumerate(positions):
            groups, place, scale, content = Dataset(), Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = [float(x) for x in position]
            scale.RescaleSlope, scale.RescaleIntercept = tags.get("slopes", [1] * len(pixels))[k], 0
            content.TemporalPositionIndex = tags.get("times", [1] * len(pixels))[k]
            groups.PlanePositionSequence = Sequence([place])
            groups.PixelValueTransformationSequence = Sequence([scale])
            groups.FrameContentSequence = Sequence([content])
            frames.append(groups)
        data.PerFrameFunctionalGroupsSequence = Sequence(frames)
        return self.save(data)


@pytest.fixture
def dicom(tmp_path: Path) -> DicomFolder:
    """An empty folder to write DICOM files into."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    return DicomFolder(folder)


@pytest.fixture
def ramp() -> Any:
    """Values (z, y, x) that are linear in each index, so that linear interpolation is exact."""

    def make(nz: int, ny: int = 6, nx: int = 5, dtype: Any = np.int16) -> np.ndarray:
        z, y, x = np.mgrid[:nz, :ny, :nx]
        return (100 * z + 10 * y + x).astype(dtype)

    return make
