"""The values of DICOM slices: decoded, rescaled, and in the smallest type that holds them exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import get_decoder  # type: ignore[attr-defined]  # documented there, not in its __all__
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_coreg.errors import FileError
from napari_coreg.io.quiet import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from napari_coreg.io.dicom_header import Slice

_INT16 = np.iinfo(np.int16)


def read_values(slices: Sequence[Slice], factor: float = 1.0) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """Read and rescale the values of slices.

    Parameters
    ----------
    slices : sequence of Slice
        In any order; a multi-frame file is read once.
    factor : float
        Multiplies all values after their own rescaling, such as Bq/mL to SUV.

    Returns
    -------
    values : list of array, shape (rows, columns)
        All int16 where that is exact, else all float32.
    notes : tuple of str
        Whether the display was inverted.

    Raises
    ------
    FileError
        If a file cannot be decoded, or its compression needs a package that is not installed.
    """
    stored: list[NDArray[Any]] = []
    path: Path | None = None
    pixels = np.empty(0)
    inverted = False
    for part in slices:
        if part.path != path:
            path = part.path
            pixels, is_inverted = _decoded(path)
            inverted |= is_inverted
        stored.append(pixels[part.frame] if pixels.ndim == 3 and part.frame is not None else pixels)
    for part, values in zip(slices, stored, strict=True):
        if values.shape != part.shape:
            raise FileError(f"{part.path}: its pixels are {values.shape}, but its header says {part.shape}")
    notes = ("White and black were exchanged in the file (MONOCHROME1); the values were inverted.",) if inverted else ()
    scales = [(part.slope * factor, part.intercept * factor) for part in slices]
    return _rescaled(stored, scales), notes


def _rescaled(stored: list[NDArray[Any]], scales: list[tuple[float, float]]) -> list[NDArray[Any]]:
    whole = all(float(slope).is_integer() and float(intercept).is_integer() for slope, intercept in scales)
    whole = whole and all(values.dtype.kind in "iu" for values in stored)
    if whole:
        ends = [
            end * slope + intercept
            for values, (slope, intercept) in zip(stored, scales, strict=True)
            for end in (int(values.min()), int(values.max()))
        ]
        whole = min(ends) >= _INT16.min and max(ends) <= _INT16.max
    if whole:
        return [
            (values.astype(np.int32) * int(slope) + int(intercept)).astype(np.int16)
            if (slope, intercept) != (1, 0)
            else values.astype(np.int16)
            for values, (slope, intercept) in zip(stored, scales, strict=True)
        ]
    return [
        (values.astype(np.float64) * slope + intercept).astype(np.float32)
        for values, (slope, intercept) in zip(stored, scales, strict=True)
    ]


def _decoded(path: Path) -> tuple[NDArray[Any], bool]:
    """Return a file's stored values, (rows, columns) or (frames, rows, columns), and whether they were inverted."""
    try:
        data = dcmread(path, force=True)
        _require_decoder(path, data)
        pixels = np.asarray(data.pixel_array)
    except FileError:
        raise
    except (OSError, EOFError, ValueError, AttributeError, KeyError, RuntimeError, NotImplementedError) as error:
        raise FileError(f"{path}: its pixels cannot be read: {one_line(error)}") from error
    except InvalidDicomError as error:
        raise FileError(f"{path}: is not a DICOM file any more") from error
    if pixels.ndim == 3 and int(data.get("NumberOfFrames") or 1) == 1:
        pixels = pixels[0]
    if data.get("PhotometricInterpretation") != "MONOCHROME1":
        return pixels, False
    signed = bool(data.get("PixelRepresentation", 0))
    top = -1 if signed else 2 ** int(data.BitsStored) - 1
    return top - pixels.astype(np.int32), True


def _require_decoder(path: Path, data: Dataset) -> None:
    meta = getattr(data, "file_meta", None)
    syntax = None if meta is None else meta.get("TransferSyntaxUID")
    if syntax is None:  # a file from before there were such headers
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if data.original_encoding[0] else ExplicitVRLittleEndian
        )
        return
    if not syntax.is_compressed:
        return
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise FileError(f"{path}: its compression ({syntax.name}) cannot be decoded; convert it first") from None
    if not decoder.is_available:
        raise FileError(
            f"{path}: is compressed as {syntax.name}, for which no decoder is installed; pip install pylibjpeg "
            "pylibjpeg-libjpeg pylibjpeg-openjpeg"
        )
