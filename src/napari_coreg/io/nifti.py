"""NIfTI (and FreeSurfer's MGH) files, read and written with nibabel."""

from __future__ import annotations

import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import LoggingOutputSuppressor
from nibabel.spatialimages import HeaderDataError

from napari_coreg.core.geometry import Grid
from napari_coreg.errors import CoregError, FileError
from napari_coreg.io.atomic import stem
from napari_coreg.io.loaded import FrameStore, LoadedVolume, Source, value_notes
from napari_coreg.io.quiet import one_line
from napari_coreg.io.rectify import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

NIFTI_SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".img.gz", ".hdr.gz")
MGH_SUFFIXES = (".mgh", ".mgz")
_VECTOR, _DISPLACEMENT = 1007, 1006  # intent codes; ITK keeps vectors of the first in LPS, those of the second in RAS
_RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}


@dataclass(frozen=True)
class _Opened:
    """A file whose header was read: the nibabel image, its frames' shape, how many they are, and their values."""

    image: Any
    path: Path
    shape: tuple[int, ...]
    frame_count: int
    frames: FrameStore[NDArray[Any], NDArray[Any]]


def nifti_sources(path: Path) -> list[Source]:
    """Return the volumes of a NIfTI or MGH file, one for each frame; only the header is read.

    Raises
    ------
    FileError
        If it cannot be read, is empty, or holds colours, complex numbers or vectors.
    """
    opened = _open(path)
    summary = " x ".join(str(n) for n in opened.shape)
    if opened.frame_count == 1:
        return [Source(stem(path), summary, partial(_load, opened, None))]
    return [
        Source(f"{stem(path)}, frame {frame}", summary, partial(_load, opened, frame), is_frame=True)
        for frame in range(opened.frame_count)
    ]


def read_nifti_field(path: Path) -> sitk.Image:
    """Return a NIfTI displacement field as a vector image of 64-bit floats, LPS mm.

    The components are taken as ITK takes them: LPS for the intent code 1007 (vector), RAS for 1006 (displacement).

    Raises
    ------
    FileError
        If it cannot be read or does not hold one vector a voxel.
    """
    with _told_as_file_error(path):
        image = nib.load(path)
        shape = tuple(int(n) for n in image.shape)
        code = int(image.header["intent_code"]) if "intent_code" in image.header else 0
        if len(shape) != 5 or shape[3] != 1 or shape[4] not in (2, 3):
            raise FileError(
                f"{path}: is not a displacement field as ITK writes it: its shape is {shape}, but (nx, ny, nz, 1, 3) "
                "is needed"
            )
        values = np.asarray(image.dataobj, np.float64)[:, :, :, 0, :]
    n = shape[4]
    if code == _DISPLACEMENT:
        values[..., :2] *= -1
    zyx = values[:, :, 0].transpose(1, 0, 2) if n == 2 else values.transpose(2, 1, 0, 3)
    field = sitk.GetImageFromArray(np.ascontiguousarray(zyx), isVector=True)
    affine, _ = _index_to_lps(image)
    with _told_as_file_error(path):
        placed, notes = place(field, _to_dimension(affine, n)[0])
    if notes:
        raise FileError(f"{path}: the displacement field's grid is sheared, which ITK's transforms cannot hold")
    return placed


def write_nifti(image: sitk.Image, path: Path, like: Path | None = None) -> None:
    """Write a scalar or vector image to `path` as it stands (not atomically: see write_volume).

    Parameters
    ----------
    image : SimpleITK.Image
        2-D or 3-D, LPS mm. Vectors are written as ITK writes them: a fifth axis, intent code 1007, LPS components.
    path : Path
        Ends in .nii or .nii.gz.
    like : Path, optional
        A NIfTI file whose sform and qform codes (scanner, aligned, MNI...) to take over.
    """
    values = sitk.GetArrayViewFromImage(image)
    n = image.GetDimension()
    is_vector = image.GetNumberOfComponentsPerPixel() > 1
    if is_vector:
        xyz = values.transpose(*reversed(range(n)), n)
        xyz = xyz.reshape((*image.GetSize(), *(1,) * (4 - n), values.shape[-1]))
    else:
        xyz = values.T
    matrix = np.eye(4)
    grid = Grid.of(image).index_to_lps
    matrix[:n, :n], matrix[:n, 3] = grid[:n, :n], grid[:n, n]
    affine = _RAS_LPS @ matrix
    written = nib.Nifti1Image(xyz, affine, dtype=xyz.dtype)
    sform_code, qform_code = _codes(like)
    written.set_sform(affine, sform_code)
    written.set_qform(affine, qform_code)
    written.header.set_xyzt_units("mm", "sec")
    if is_vector:
        written.header["intent_code"] = _VECTOR
    nib.save(written, path)


def _open(path: Path) -> _Opened:
    with _told_as_file_error(path):
        image = nib.load(path)
        shape = tuple(int(n) for n in image.shape)
        dtype = image.get_data_dtype()
        intent = int(image.header["intent_code"]) if "intent_code" in image.header else 0
    if not shape or min(shape) < 1:
        raise FileError(f"{path}: holds no voxels (its shape is {shape})")
    if len(shape) > 4 and intent in (_VECTOR, _DISPLACEMENT):
        raise FileError(f"{path}: is a vector image (a displacement field), not a volume; use it as a transform")
    if dtype.kind not in "iuf":
        kind = "complex numbers" if dtype.kind == "c" else "colours or other compound values"
        raise FileError(
            f"{path}: its voxels are {kind} ({dtype}), but one real number each is needed; take one channel"
        )
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 4 or len(shape) < 2:
        raise FileError(f"{path}: has {len(shape)} axes (shape {shape}), but 2, 3 or 4 (frames) are needed")
    proxy = image.dataobj
    frames = FrameStore(
        lambda frame: np.asanyarray(proxy[:, :, :, frame]),
        lambda: np.asanyarray(proxy),
        lambda whole, frame: whole[:, :, :, frame],
    )
    return _Opened(image, path, shape[:3], shape[3] if len(shape) == 4 else 1, frames)


def _load(opened: _Opened, frame: int | None) -> LoadedVolume:
    path, shape = opened.path, opened.shape
    with _told_as_file_error(path):
        values = np.asanyarray(opened.image.dataobj) if frame is None else opened.frames.frame(frame)
        values = values.reshape(shape, order="F")
        affine, notes = _index_to_lps(opened.image)
        matrix, flat_notes = _to_dimension(affine, len(shape))
        values, type_notes = _plain_type(values, opened.image.get_data_dtype())
        image, shear_notes = place(sitk.GetImageFromArray(values.T), matrix)
    notes = (*notes, *flat_notes, *type_notes, *shear_notes, *value_notes(values))
    name = stem(path) if frame is None else f"{stem(path)}, frame {frame}"
    return LoadedVolume(image, name, path, notes=notes, frame=frame, frame_count=opened.frame_count)


def _plain_type(values: NDArray[Any], stored: np.dtype[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the values in a type that ITK has: scaled integers as 32-bit floats, in this machine's byte order."""
    if stored.kind in "iu" and values.dtype.kind == "f":
        return values.astype(np.float32), ()
    if values.dtype.itemsize > 8:
        return values.astype(np.float64), ("Its values are 128-bit floats; they were read as 64-bit floats.",)
    if values.dtype == np.float16:
        return values.astype(np.float32), ()
    return values.astype(values.dtype.newbyteorder("="), copy=False), ()


def _index_to_lps(image: Any) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the matrix from voxel index (xyz) to LPS mm, shape (4, 4), and what is notable about it."""
    if not isinstance(image, nib.Nifti1Pair):
        return _RAS_LPS @ np.asarray(image.affine, float), ()
    header = image.header
    sform = np.asarray(header.get_sform(), float)
    sform_code, qform_code = int(header["sform_code"]), int(header["qform_code"])
    usable = abs(np.linalg.det(sform[:3, :3])) > 0 and bool(np.isfinite(sform).all())
    notes: tuple[str, ...] = ()
    if sform_code > 0 and usable:
        affine = sform
        if qform_code > 0:
            notes = _disagreement(sform, np.asarray(header.get_qform(), float), image.shape[:3])
    elif qform_code > 0:
        affine = np.asarray(header.get_qform(), float)
        if sform_code > 0:
            notes = ("The header's sform is singular; its qform was used.",)
    else:
        affine = np.asarray(header.get_base_affine(), float)
        notes = (
            "The header does not say how the volume lies in space (no sform, no qform): voxel sizes were used, with "
            "the origin in the middle and the first axis running from right to left; left and right cannot be told.",
        )
    unit = header.get_xyzt_units()[0]
    factor = _MM_PER_UNIT.get(unit, 1.0)
    if factor != 1.0:
        affine[:3] *= factor
        notes = (*notes, f"The header's lengths are in {unit}s; they were converted to mm.")
    return _RAS_LPS @ affine, notes


def _disagreement(sform: NDArray[np.float64], qform: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[str, ...]:
    ends = np.ones((4, 4))
    size = np.array([*shape, 1, 1, 1][:3]) - 1
    ends[:, :3] = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) * size
    apart = float(np.linalg.norm((ends @ (sform - qform).T)[:, :3], axis=1).max())
    if apart < 0.1:
        return ()
    return (f"The header's sform and qform differ by up to {apart:.1f} mm; the sform was used.",)


def _to_dimension(matrix: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the matrix of an n-D image; a 2-D image that is not in the xy plane loses its place in space."""
    if n == 3:
        return matrix, ()
    flat = np.eye(3)
    if np.allclose(matrix[2, :2], 0, atol=1e-4 * np.abs(matrix[:3, :2]).max()):
        flat[:2, :2], flat[:2, 2] = matrix[:2, :2], matrix[:2, 3]
        return flat, ()
    flat[:2, :2] = np.diag(np.linalg.norm(matrix[:3, :2], axis=0))
    return flat, ("The 2-D image does not lie in an axial plane; only its pixel sizes were kept.",)


def _codes(like: Path | None) -> tuple[int, int]:
    if like is None:
        return 1, 1
    with _told_as_file_error(like):
        header = nib.load(like).header
    if "sform_code" not in header:
        return 1, 1
    code = int(header["sform_code"]) or int(header["qform_code"]) or 1
    return code, int(header["qform_code"]) or code


@contextmanager
def _told_as_file_error(path: Path) -> Iterator[None]:
    try:
        with LoggingOutputSuppressor(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FileError:
        raise
    except CoregError as error:
        raise FileError(f"{path}: {error}") from error
    except EOFError as error:
        raise FileError(f"{path}: the file ends too early; copy or download it again") from error
    except (OSError, ValueError, zlib.error, ImageFileError, HeaderDataError, OverflowError) as error:
        raise FileError(f"{path}: cannot be read as a volume: {one_line(error)}") from error
