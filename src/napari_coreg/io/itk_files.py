"""NRRD and MetaImage files, read and written with SimpleITK."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, stem
from napari_coreg.io.loaded import FrameStore, LoadedVolume, Source, value_notes
from napari_coreg.io.quiet import one_line, quiet_itk
from napari_coreg.io.rectify import is_sheared, rectify, shear_note, straighten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NRRD_SUFFIXES = (".nrrd", ".nhdr")
META_SUFFIXES = (".mha", ".mhd")
_BYTES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4}
_BYTES |= {"LONG_LONG": 8, "ULONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_HEADER_LIMIT = 65536  # bytes of a MetaImage looked at for its header


@dataclass(frozen=True)
class _Opened:
    """A file whose header was read: its frames' size, how many they are, and their values."""

    path: Path
    size_xyz: tuple[int, ...]
    frame_count: int
    frames: FrameStore[sitk.Image, sitk.Image]


def itk_sources(path: Path) -> list[Source]:
    """Return the volumes of a NRRD or MetaImage file, one for each frame; only the header is read.

    Raises
    ------
    FileError
        If it cannot be read, or holds colours, complex numbers or vectors.
    """
    opened = _open(path)
    summary = " x ".join(str(n) for n in opened.size_xyz)
    if opened.frame_count == 1:
        return [Source(stem(path), summary, partial(_load, opened, None))]
    return [
        Source(f"{stem(path)}, frame {frame}", summary, partial(_load, opened, frame), is_frame=True)
        for frame in range(opened.frame_count)
    ]


def read_itk_field(path: Path) -> sitk.Image:
    """Return a NRRD or MetaImage displacement field as a vector image of 64-bit floats, LPS mm.

    Raises
    ------
    FileError
        If it cannot be read or does not hold one vector of as many numbers as it has axes a voxel.
    """
    with told_as_file_error(path):
        reader = _header(path)
        n = reader.GetDimension()
        if n not in (2, 3) or reader.GetNumberOfComponents() != n:
            raise FileError(
                f"{path}: is not a displacement field: it has {n} axes and {reader.GetNumberOfComponents()} numbers a "
                "voxel, but 3 and 3 (or 2 and 2) are needed"
            )
        reader.SetOutputPixelType(sitk.sitkVectorFloat64)
        field = reader.Execute()
    direction = np.reshape(field.GetDirection(), (n, n))
    if is_sheared(direction):
        raise FileError(f"{path}: the displacement field's grid is sheared, which ITK's transforms cannot hold")
    return straighten(field, direction)


def write_itk(image: sitk.Image, path: Path) -> None:
    """Write a scalar or vector image to `path` as it stands (not atomically: see write_volume); NRRD is compressed."""
    with told_as_file_error(path, "written"):
        sitk.WriteImage(image, str(path), useCompression=full_suffix(path) == ".nrrd")


@contextmanager
def told_as_file_error(path: Path, doing: str = "read as a volume") -> Iterator[None]:
    """Turn what SimpleITK raises into a FileError of one line, and keep its warnings from the terminal."""
    try:
        with quiet_itk():
            yield
    except FileError:
        raise
    except (RuntimeError, OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be {doing}: {one_line(error)}") from error


def _header(path: Path) -> sitk.ImageFileReader:
    if full_suffix(path) in META_SUFFIXES:
        _check_meta_data(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if full_suffix(path) in META_SUFFIXES else "NrrdImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _open(path: Path) -> _Opened:
    with told_as_file_error(path):
        reader = _header(path)
        size = tuple(int(n) for n in reader.GetSize())
        components = int(reader.GetNumberOfComponents())
        kind = reader.GetMetaData("NRRD_kinds[pixel]") if reader.HasMetaDataKey("NRRD_kinds[pixel]") else ""
        pixel = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if "complex" in pixel:
        raise FileError(f"{path}: its voxels are complex numbers, but one real number each is needed")
    if not size or min(size) < 1 or len(size) > 4:
        raise FileError(f"{path}: has {len(size)} axes (size {size}), but 2, 3 or 4 (frames) are needed")
    if components > 1 and not (kind == "list" and len(size) == 3):
        what = "a displacement field or colours" if components == 3 else "a displacement field"
        raise FileError(
            f"{path}: is a vector image of {components} numbers a voxel ({what}), not a volume; use it as a transform "
            "if it is a displacement field, else take one channel"
        )
    if components > 1:
        return _Opened(path, size, components, _components(path))
    if len(size) == 4:
        return _Opened(path, size[:3], size[3], _fourth_axis(path, size[:3]))
    plain = FrameStore(lambda _: _header(path).Execute(), lambda: _header(path).Execute(), lambda whole, _: whole)
    return _Opened(path, size, 1, plain)


def _components(path: Path) -> FrameStore[sitk.Image, sitk.Image]:
    """Return the frames that are the components of a NRRD with an axis of kind list, as 3D Slicer's sequences are."""
    return FrameStore(
        lambda frame: sitk.VectorIndexSelectionCast(_header(path).Execute(), frame),
        lambda: _header(path).Execute(),
        sitk.VectorIndexSelectionCast,
    )


def _fourth_axis(path: Path, size_xyz: tuple[int, ...]) -> FrameStore[sitk.Image, sitk.Image]:
    def read_one(frame: int) -> sitk.Image:
        reader = _header(path)
        reader.SetExtractSize([*size_xyz, 0])
        reader.SetExtractIndex([0, 0, 0, frame])
        return reader.Execute()

    def pick(whole: sitk.Image, frame: int) -> sitk.Image:
        return sitk.Extract(whole, [*size_xyz, 0], [0, 0, 0, frame])

    return FrameStore(read_one, lambda: _header(path).Execute(), pick)


def _load(opened: _Opened, frame: int | None) -> LoadedVolume:
    path = opened.path
    with told_as_file_error(path):
        image = opened.frames.frame(frame or 0)
    n = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (n, n))
    notes = value_notes(sitk.GetArrayViewFromImage(image))
    if is_sheared(direction):
        notes = (shear_note(image), *notes)
        image = rectify(image)
    else:
        image = straighten(image, direction)
    name = stem(path) if frame is None else f"{stem(path)}, frame {frame}"
    return LoadedVolume(image, name, path, notes=notes, frame=frame, frame_count=opened.frame_count)


def _check_meta_data(path: Path) -> None:
    """Refuse a MetaImage without its voxels, of which ITK would tell on the terminal itself."""
    with path.open("rb") as file:
        head = file.read(_HEADER_LIMIT)
    data = re.search(rb"^ElementDataFile[ \t]*=[ \t]*(.*?)\s*$", head, re.MULTILINE)
    if data is None:
        raise FileError(f"{path}: is not a MetaImage (it names no ElementDataFile)")
    fields = dict(re.findall(r"^(\w+)[ \t]*=[ \t]*(.*?)\s*$", head[: data.end()].decode("latin-1"), re.MULTILINE))
    name = fields["ElementDataFile"]
    if name.split()[0:1] == ["LIST"] or "%" in name:
        return
    local = name.upper() == "LOCAL"
    file_with_data = path if local else path.parent / name
    if not file_with_data.is_file():
        raise FileError(f"{path}: its voxels should be in {file_with_data}, which does not exist")
    if fields.get("CompressedData", "False").lower() == "true":
        return
    width = _BYTES.get(fields.get("ElementType", "").removeprefix("MET_"), 0)
    expected = width * int(np.prod([int(n) for n in fields.get("DimSize", "0").split()]))
    expected *= int(fields.get("ElementNumberOfChannels", "1"))
    found = file_with_data.stat().st_size - (data.end() + 1 if local else 0)
    if found < expected:
        raise FileError(f"{path}: the file ends too early: {found} of {expected} bytes of voxels are there")
