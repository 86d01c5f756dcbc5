"""Transforms from files and back: ITK's own formats and displacement field images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing
from napari_coreg.io.itk_files import META_SUFFIXES, NRRD_SUFFIXES, read_itk_field, told_as_file_error
from napari_coreg.io.nifti import NIFTI_SUFFIXES, read_nifti_field
from napari_coreg.io.volumes import VOLUME_SUFFIXES, write_volume

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TRANSFORM_SUFFIXES", "read_transform", "write_transform"]

_TEXT_SUFFIXES = (".tfm", ".txt")
_HDF5_SUFFIXES = (".h5", ".hdf5")
TRANSFORM_SUFFIXES = (*_TEXT_SUFFIXES, *_HDF5_SUFFIXES, ".mat")
"""The suffixes of ITK's own transform files."""

_TEXT_START = b"#Insight Transform File"
_HDF5_START = b"\x89HDF\r\n\x1a\n"
_ELSEWHERE = {
    b"(Transform": "an elastix parameter file; let transformix write the deformation field (-def all) and read that",
    b"type      =": "a FreeSurfer registration (.lta); let lta_convert write it for ITK (--outitk)",
    b"# LTA": "a FreeSurfer registration (.lta); let lta_convert write it for ITK (--outitk)",
}


def read_transform(path: str | Path) -> sitk.Transform:
    """Read a transform (fixed -> moving, LPS mm).

    Parameters
    ----------
    path : str or Path
        ITK's .tfm, .txt, .mat (also ANTs') or .h5, or a displacement field image (.nii, .nii.gz, .nrrd, .mha, .mhd).

    Returns
    -------
    SimpleITK.Transform
        Of its own class (AffineTransform, CompositeTransform, DisplacementFieldTransform, ...).

    Raises
    ------
    FileError
        If it does not exist or is not such a transform.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise FileError(f"{path}: is a folder, not a transform")
    if not path.exists():
        raise FileError(f"{path}: does not exist")
    suffix = full_suffix(path)
    if suffix in NIFTI_SUFFIXES:
        return _from_field(path, read_nifti_field)
    if suffix in NRRD_SUFFIXES or suffix in META_SUFFIXES:
        return _from_field(path, read_itk_field)
    if suffix not in TRANSFORM_SUFFIXES:
        known = ", ".join((*TRANSFORM_SUFFIXES, *VOLUME_SUFFIXES))
        raise FileError(f"{path}: no transform format is known for '{suffix}'; there are {known}")
    _check_start(path, suffix)
    with told_as_file_error(path, "read as a transform"):
        return sitk.ReadTransform(str(path)).Downcast()


def write_transform(transform: sitk.Transform, path: str | Path, grid: sitk.Image | None = None) -> None:
    """Write a transform (fixed -> moving, LPS mm); the file appears whole or not at all.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Any.
    path : str or Path
        .tfm, .txt (text), .h5 (everything, compact) or .mat (linear transforms) as ITK writes them; or the suffix of an
        image (.nii, .nii.gz, .nrrd, .mha, .mhd) for its displacement field in 32-bit floats.
    grid : SimpleITK.Image, optional
        The fixed image: where to sample a displacement field. Needed for that only.

    Raises
    ------
    FileError
        If the suffix is not known, a displacement field is asked for without `grid`, or the file cannot be written.
    """
    path = Path(path).expanduser()
    suffix = full_suffix(path)
    if suffix in VOLUME_SUFFIXES:
        if grid is None:
            raise FileError(f"{path}: a displacement field needs the fixed image's grid; give it, or write a .h5 file")
        write_volume(displacement_field(transform, Grid.of(grid)), path)
        return
    if suffix not in TRANSFORM_SUFFIXES:
        known = ", ".join((*TRANSFORM_SUFFIXES, *VOLUME_SUFFIXES))
        raise FileError(f"{path}: no transform format is known for '{suffix}'; use one of {known}")
    if suffix == ".mat" and not transform.IsLinear():
        raise FileError(f"{path}: a .mat file holds linear transforms only; write a .h5 file")
    with replacing(path) as temporary, told_as_file_error(path, "written"):
        sitk.WriteTransform(transform, str(temporary))


def _from_field(path: Path, read: Callable[[Path], sitk.Image]) -> sitk.Transform:
    return sitk.DisplacementFieldTransform(read(path))  # which takes the field over


def _check_start(path: Path, suffix: str) -> None:
    """Refuse what ITK would answer with a long complaint, and say what it is where that is known."""
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    for mark, what in _ELSEWHERE.items():
        if start.lstrip().startswith(mark):
            raise FileError(f"{path}: is {what}")
    if suffix in _TEXT_SUFFIXES and not start.lstrip(b"\xef\xbb\xbf").startswith(_TEXT_START):
        raise FileError(f"{path}: is not an ITK transform (it does not begin with '{_TEXT_START.decode()}')")
    if suffix in _HDF5_SUFFIXES:
        _check_hdf5(path, start)
    if suffix == ".mat" and _is_numbers(start):
        raise FileError(
            f"{path}: is a matrix in text, as FSL's FLIRT writes; it depends on both images' voxels, so convert it to "
            "ITK first, for example with c3d_affine_tool -fsl2ras -oitk"
        )


def _check_hdf5(path: Path, start: bytes) -> None:
    """Refuse what is not HDF5 or shorter than its first block says, of which HDF5 would tell on the terminal itself."""
    if not start.startswith(_HDF5_START) or len(start) < 64:
        raise FileError(f"{path}: is not an HDF5 file, which an ITK .h5 transform is")
    at = {0: 40, 1: 44}.get(start[8], 28)  # where the length stands depends on the version of the first block
    length = int.from_bytes(start[at : at + 8], "little")
    if path.stat().st_size < length:
        raise FileError(f"{path}: the file ends too early: {path.stat().st_size} of {length} bytes are there")


def _is_numbers(start: bytes) -> bool:
    try:
        words = start.decode("ascii").split()
        return len(words) > 3 and all(float(word) == float(word) for word in words[:4])
    except (UnicodeDecodeError, ValueError):
        return False
