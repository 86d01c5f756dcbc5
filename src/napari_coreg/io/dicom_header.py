"""DICOM headers as slices: where each slice lies, how its numbers are scaled, and what tells it from others there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.errors import FileError
from napari_coreg.io.rectify import nearest_orthonormal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

MARKS = {
    "StackID": "stack",
    "EchoTime": "echo time",
    "EffectiveEchoTime": "echo time",
    "EchoNumbers": "echo",
    "TemporalPositionIdentifier": "time point",
    "TemporalPositionIndex": "time point",
    "DiffusionBValue": "b-value",
    "InversionTime": "inversion time",
    "FlipAngle": "flip angle",
    "TriggerTime": "trigger time",
    "NominalPercentageOfCardiacPhase": "cardiac phase",
    "ReferencedSegmentNumber": "segment",
    "FrameType": "frame type",
    "ImageType": "image type",
    "FrameReferenceTime": "reference time",
    "DiffusionGradientOrientation": "gradient",
    "AcquisitionNumber": "acquisition",
    "AcquisitionTime": "acquisition time",
    "FrameAcquisitionDateTime": "acquisition time",
    "ContentTime": "content time",
}
"""DICOM keywords that may tell volumes at the same place apart, the best first, and their names for the user."""


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice: a file, or one frame of a file.

    Attributes
    ----------
    path : Path
        The file.
    frame : int or None
        Number of the frame in a multi-frame file.
    header : pydicom.Dataset
        The file's header, without pixels.
    spacing_xy : tuple of float
        Pixel size, mm.
    position_lps : array, shape (3,), or None
        Centre of the first pixel; None where the file has no place in space, as a plain radiograph.
    direction : array, shape (3, 3), or None
        Orthonormal columns: along a row, along a column, the normal.
    slope, intercept : float
        Stored number to value.
    thickness : float or None
        Slice spacing or, failing that, thickness, mm.
    marks : dict
        The values of the keywords of `MARKS` that it has, as text.
    notes : tuple of str
        What its header lacks.
    """

    path: Path
    frame: int | None
    header: Dataset
    spacing_xy: tuple[float, float]
    position_lps: NDArray[np.float64] | None
    direction: NDArray[np.float64] | None
    slope: float
    intercept: float
    thickness: float | None
    marks: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def uid(self) -> tuple[str, int | None]:
        """What two copies of the same slice share."""
        return str(self.header.get("SOPInstanceUID", self.path)), self.frame

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.header.Rows), int(self.header.Columns)


def refusal(header: Dataset) -> str | None:
    """Return why a DICOM object is no part of a volume, None where it may be.

    Examples
    --------
    >>> from pydicom.dataset import Dataset
    >>> refusal(Dataset())
    'no images'
    """
    if not header.get("Rows") or not header.get("Columns"):
        return "no images"
    if int(header.get("SamplesPerPixel") or 1) != 1:
        return "colour images (take one channel first)"
    if "MOSAIC" in _texts(header.get("ImageType")):
        return "Siemens mosaics (convert them first, for example with dcm2niix)"
    several = int(header.get("NumberOfFrames") or 1) > 1
    if several and "PerFrameFunctionalGroupsSequence" not in header and _frame_positions(header) is None:
        return "sequences of frames without positions in space (films)"
    return None


def slices_of(path: Path, header: Dataset) -> list[Slice]:
    """Return the slices of one DICOM file.

    Raises
    ------
    FileError
        If its orientation is not one.
    """
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    if per_frame:
        shared = _items(header.get("SharedFunctionalGroupsSequence") or [])
        return [
            _slice(path, frame, header, [*_items([groups]), *shared, header]) for frame, groups in enumerate(per_frame)
        ]
    if int(header.get("NumberOfFrames") or 1) > 1:
        positions = _frame_positions(header)
        if positions is None:
            raise FileError("its frames have no positions in space")
        scopes = [header, *_items([header], "DetectorInformationSequence")]
        return [_slice(path, frame, header, scopes, position) for frame, position in enumerate(positions)]
    return [_slice(path, None, header, [header, *_items([header], "DetectorInformationSequence")])]


def floats(value: Any, count: int) -> NDArray[np.float64] | None:
    """Return a DICOM value as `count` finite numbers, None where it is not that."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        numbers = np.array(value, float).ravel()
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and bool(np.isfinite(numbers).all()) else None


def number(value: Any) -> float | None:
    """Return a DICOM value as a finite number, None where it is not one."""
    found = floats([value], 1) if value is not None and not isinstance(value, str) else None
    return None if found is None else float(found[0])


def _slice(
    path: Path,
    frame: int | None,
    header: Dataset,
    scopes: Sequence[Dataset],
    position: NDArray[np.float64] | None = None,
) -> Slice:
    notes: list[str] = []
    spacing_yx = floats(_find(scopes, "PixelSpacing"), 2)
    if spacing_yx is None or spacing_yx.min() <= 0:
        spacing_yx = floats(_find(scopes, "ImagerPixelSpacing"), 2)
        notes.append("Its header has no pixel spacing in the patient; that at the detector, or 1 mm, was used.")
    if spacing_yx is None or spacing_yx.min() <= 0:
        spacing_yx = np.ones(2)
    if position is None:
        position = floats(_find(scopes, "ImagePositionPatient"), 3)
    direction = _direction(floats(_find(scopes, "ImageOrientationPatient"), 6))
    slope = number(_find(scopes, "RescaleSlope")) or number(_find(scopes, "DoseGridScaling"))
    return Slice(
        path=path,
        frame=frame,
        header=header,
        spacing_xy=(float(spacing_yx[1]), float(spacing_yx[0])),
        position_lps=None if direction is None else position,
        direction=None if position is None else direction,
        slope=1.0 if slope is None else slope,
        intercept=number(_find(scopes, "RescaleIntercept")) or 0.0,
        thickness=number(_find(scopes, "SpacingBetweenSlices")) or number(_find(scopes, "SliceThickness")),
        marks={key: str(value) for key in MARKS if (value := _find(scopes, key)) not in (None, "")},
        notes=tuple(notes),
    )


def _direction(cosines: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if cosines is None:
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.abs(lengths - 1).max() > 0.01 or abs(float(row @ column)) > 0.01:
        raise FileError(f"its ImageOrientationPatient {cosines.tolist()} is not two unit vectors at right angles")
    return nearest_orthonormal(np.stack([row, column, np.cross(row, column)], axis=1))


def _find(scopes: Sequence[Dataset], keyword: str) -> Any:
    return next((scope[keyword].value for scope in scopes if keyword in scope), None)


def _items(groups: Sequence[Dataset], only: str | None = None) -> list[Dataset]:
    """Return the first item of each sequence (or of the one called `only`) in these functional groups."""
    return [
        element.value[0]
        for group in groups
        for element in group
        if element.VR == "SQ" and element.value and (only is None or element.keyword == only)
    ]


def _frame_positions(header: Dataset) -> NDArray[np.float64] | None:
    """Return the positions of the frames of an old multi-frame object (NM, RT dose), shape (N, 3), LPS mm."""
    scopes = [header, *_items([header], "DetectorInformationSequence")]
    first = floats(_find(scopes, "ImagePositionPatient"), 3)
    cosines = floats(_find(scopes, "ImageOrientationPatient"), 6)
    count = int(header.get("NumberOfFrames") or 1)
    if first is None or cosines is None:
        return None
    normal = np.cross(cosines[:3], cosines[3:])
    offsets = floats(header.get("GridFrameOffsetVector"), count)
    if offsets is not None:
        return np.asarray(first + (offsets - offsets[0])[:, None] * normal)
    gap = number(_find(scopes, "SpacingBetweenSlices"))
    return None if not gap else np.asarray(first + np.arange(count)[:, None] * gap * normal)


def _texts(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else [str(item) for item in value]
