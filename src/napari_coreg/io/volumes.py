"""Volumes from files and folders, and back: NIfTI, DICOM, NRRD, MetaImage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing, replacing_together
from napari_coreg.io.dicom import dicom_sources, is_dicom
from napari_coreg.io.itk_files import META_SUFFIXES, NRRD_SUFFIXES, itk_sources, write_itk
from napari_coreg.io.loaded import LoadedVolume, Source
from napari_coreg.io.nifti import MGH_SUFFIXES, NIFTI_SUFFIXES, nifti_sources, write_nifti

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["VOLUME_SUFFIXES", "LoadedVolume", "list_volumes", "read_volume", "read_volumes", "write_volume"]

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
"""The suffixes that write_volume knows."""

_LISTED = 20  # names shown in a message


def list_volumes(path: str | Path) -> list[str]:
    """Return the names of the volumes in a file or DICOM folder; only headers are read.

    Raises
    ------
    FileError
        If nothing can be read there.
    """
    return [source.name for source in _sources(Path(path))]


def read_volumes(path: str | Path) -> list[LoadedVolume]:
    """Read all volumes of a file or DICOM folder.

    Parameters
    ----------
    path : str or Path
        NIfTI (.nii, .nii.gz), NRRD, MetaImage (.mha, .mhd), MGH, a DICOM file or a folder of DICOM files.

    Returns
    -------
    list of LoadedVolume
        One for a plain file, one for each frame of a 4-D file, one for each stack of slices of a DICOM folder.

    Raises
    ------
    FileError
        If nothing can be read there, or one of the volumes cannot.
    """
    sources = _sources(Path(path))
    return [_load(sources, number) for number in range(len(sources))]


def read_volume(path: str | Path, which: str | int | None = None) -> LoadedVolume:
    """Read one volume of a file or DICOM folder.

    Parameters
    ----------
    path : str or Path
        As for `read_volumes`.
    which : str or int, optional
        Its number, from 0, or a part of its name (capitals do not matter). Without it the path must hold one volume, or
        be a 4-D file, of which the first frame is taken.

    Raises
    ------
    FileError
        If it cannot be read, or `which` fits none or several; the message lists what there is.
    """
    path = Path(path)
    sources = _sources(path)
    if which is not None:
        return _load(sources, _chosen(path, sources, which))
    if len(sources) == 1:
        return _load(sources, 0)
    if not all(source.is_frame for source in sources):
        raise FileError(f"{path}: holds {len(sources)} volumes; choose one by number or name: {_listing(sources)}")
    loaded = _load(sources, 0)
    note = f"The file holds {len(sources)} frames; this is the first (choose another by its number, from 0)."
    return replace(loaded, notes=(note, *loaded.notes))


def write_volume(image: sitk.Image, path: str | Path, *, like: str | Path | None = None) -> None:
    """Write an image; the file appears whole or not at all.

    Parameters
    ----------
    image : SimpleITK.Image
        2-D or 3-D, LPS mm; one number or one vector (a displacement field, LPS components) a voxel.
    path : str or Path
        The suffix tells the format: .nii, .nii.gz, .nrrd, .mha, or .mhd (with a .raw beside it).
    like : str or Path, optional
        A NIfTI file whose codes for the space (scanner, aligned, MNI...) to take over when writing NIfTI.

    Raises
    ------
    FileError
        If the suffix is not known, the folder does not exist, or the file cannot be written.
    """
    path = Path(path).expanduser()
    suffix = full_suffix(path)
    if suffix not in VOLUME_SUFFIXES:
        raise FileError(f"{path}: no format is known for '{suffix}'; use one of {', '.join(VOLUME_SUFFIXES)}")
    if image.GetDimension() not in (2, 3) or "complex" in image.GetPixelIDTypeAsString():
        raise FileError(
            f"{path}: a {image.GetDimension()}-D image of {image.GetPixelIDTypeAsString()} cannot be written; real "
            "numbers on 2 or 3 axes can"
        )
    if suffix == ".mhd":
        with replacing_together(path) as temporary:
            write_itk(image, temporary)
        return
    like = like if like is None else Path(like)
    nifti_like = like if like is not None and full_suffix(like) in NIFTI_SUFFIXES else None
    with replacing(path) as temporary:
        if suffix.startswith(".nii"):
            write_nifti(image, temporary, nifti_like)
        else:
            write_itk(image, temporary)


def _load(sources: list[Source], number: int) -> LoadedVolume:
    return replace(sources[number].load(), number=number, count=len(sources))


def _sources(path: Path) -> list[Source]:
    path = path.expanduser()
    if path.is_dir():
        return dicom_sources(path)
    if not path.exists():
        raise FileError(f"{path}: does not exist")
    suffix = full_suffix(path)
    if suffix in NIFTI_SUFFIXES or suffix in MGH_SUFFIXES:
        return nifti_sources(path)
    if suffix in NRRD_SUFFIXES or suffix in META_SUFFIXES:
        return itk_sources(path)
    if is_dicom(path):
        return dicom_sources(path)
    raise FileError(f"{path}: is not a volume that can be read (NIfTI, DICOM, NRRD, MetaImage or MGH)")


def _chosen(path: Path, sources: list[Source], which: str | int) -> int:
    if isinstance(which, int) or which.strip().isdecimal():
        number = int(which)
        if not 0 <= number < len(sources):
            raise FileError(f"{path}: has no volume {number}; it holds {_listing(sources)}")
        return number
    wanted, names = which.strip().casefold(), [source.name.casefold() for source in sources]
    exact = [number for number, name in enumerate(names) if name == wanted]
    found = exact or [number for number, name in enumerate(names) if wanted in name]
    if len(found) != 1:
        fit = f"{len(found)} volumes have" if found else "no volume has"
        raise FileError(f"{path}: {fit} '{which}' in the name; there are {_listing(sources)}")
    return found[0]


def _listing(sources: list[Source]) -> str:
    shown = [f"{number}: {source.name} [{source.summary}]" for number, source in enumerate(sources[:_LISTED])]
    more = [f"and {len(sources) - _LISTED} more"] if len(sources) > _LISTED else []
    return "; ".join(shown + more)
