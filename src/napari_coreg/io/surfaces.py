"""Surfaces from files and back: GIFTI, FreeSurfer's own, VTK, PLY, STL and OBJ, all in LPS millimetres."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.parsers.expat import ExpatError

import numpy as np

from napari_coreg.core.warp import Surface
from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing
from napari_coreg.io.surface_files import MESH_SUFFIXES, read_mesh, write_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Frame = Literal["lps", "ras"]

__all__ = ["SURFACE_SUFFIXES", "read_surface", "write_surface"]

_FREESURFER_SUFFIXES = (".white", ".pial", ".orig", ".smoothwm", ".surf")
SURFACE_SUFFIXES = (".gii", *MESH_SUFFIXES, *_FREESURFER_SUFFIXES)
"""The suffixes of files of surfaces; FreeSurfer's are read under any name."""

_TO_LPS = np.array([-1.0, -1.0, 1.0])
_FREESURFER_MAGIC = b"\xff\xff\xfe"
_TKRAS_AXES = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # of the voxels, in tkRAS
_SPACES = {"NIFTI_XFORM_SCANNER_ANAT": 1, "NIFTI_XFORM_ALIGNED_ANAT": 2, "NIFTI_XFORM_TALAIRACH": 3}
_AXIS_NAMES = ("xras", "yras", "zras")


def read_surface(path: str | Path, *, frame: Frame | None = None) -> Surface:
    """Read a surface of triangles; polygons are cut into them.

    Parameters
    ----------
    path : str or Path
        GIFTI (.gii: scanner RAS; tkRAS where FreeSurfer left it so), FreeSurfer geometry (any name: tkRAS, brought to
        the scanner's frame by the volume that the file names), legacy VTK (.vtk: POLYDATA), .ply, .stl or .obj.
    frame : {"lps", "ras"}, optional
        Of the vertices, where the file does not tell. When not given: LPS for .vtk, .ply, .stl and .obj, as 3D Slicer
        writes them (SPACE=LPS or SPACE=RAS in their head is heeded), RAS for GIFTI; FreeSurfer geometry without its
        volume is refused.

    Returns
    -------
    Surface
        LPS mm.

    Raises
    ------
    FileError
        If it cannot be read, holds no triangles or vertices that are no numbers, or does not tell where it lies.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            is_freesurfer = file.read(3) == _FREESURFER_MAGIC
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    suffix = full_suffix(path)
    if is_freesurfer:
        vertices, faces = _read_freesurfer(path, frame)
    elif suffix == ".gii":
        vertices, faces = _read_gifti(path, frame)
    elif suffix in MESH_SUFFIXES:
        vertices, faces, told = read_mesh(path)
        vertices = vertices * (_TO_LPS if (told or frame) == "ras" else 1.0)
    else:
        raise FileError(f"{path}: surfaces are read from {', '.join(SURFACE_SUFFIXES)}, not '{suffix}'")
    return _checked(path, vertices, faces)


def write_surface(surface: Surface, path: str | Path) -> None:
    """Write a surface; the file appears whole or not at all.

    Parameters
    ----------
    surface : Surface
        LPS mm.
    path : str or Path
        .gii (32-bit floats, scanner RAS), .vtk, .ply, .stl or .obj (LPS, with SPACE=LPS in the head), or FreeSurfer
        geometry (.white, .pial, .orig, .smoothwm, .surf: 32-bit floats, with a volume whose tkRAS is the scanner's).

    Raises
    ------
    FileError
        If the suffix is another one, or the file cannot be written.
    """
    path = Path(path).expanduser()
    suffix = full_suffix(path)
    if suffix not in SURFACE_SUFFIXES:
        raise FileError(f"{path}: surfaces are written to {', '.join(SURFACE_SUFFIXES)}, not '{suffix}'")
    with replacing(path) as temporary:
        if suffix in MESH_SUFFIXES:
            write_mesh(surface, temporary)
        elif suffix == ".gii":
            _write_gifti(surface, temporary)
        else:
            _write_freesurfer(surface, temporary)


def _checked(path: Path, vertices: Floats, faces: NDArray[np.int64]) -> Surface:
    if not len(faces):
        raise FileError(f"{path}: holds no triangles; points are read with --points, or napari_coreg.read_points")
    if not np.isfinite(vertices).all():
        raise FileError(f"{path}: a vertex is NaN or infinite; repair the surface first")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise FileError(f"{path}: a triangle names vertex {faces.max()}, but there are {len(vertices)}; it is broken")
    return Surface(np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int64))


def _read_gifti(path: Path, frame: Frame | None) -> tuple[Floats, NDArray[np.int64]]:
    import nibabel as nib  # noqa: PLC0415 - 0.2 s
    from nibabel.filebasedimages import ImageFileError  # noqa: PLC0415

    try:
        image: Any = nib.load(path)
        points, triangles = (image.get_arrays_from_intent(f"NIFTI_INTENT_{kind}") for kind in ("POINTSET", "TRIANGLE"))
    except (OSError, ValueError, KeyError, AttributeError, ExpatError, ImageFileError) as error:
        raise FileError(f"{path}: is not a readable GIFTI file ({error})") from error
    if not points or not triangles:
        raise FileError(f"{path}: holds data of a surface, but not the surface itself; give the file with its geometry")
    vertices, system = np.asarray(points[0].data, np.float64), points[0].coordsys
    volume = _gifti_volume(points[0].meta)
    if system is not None and _space(system.dataspace) == 0:
        if volume:
            return _from_tkras(vertices, volume) * _TO_LPS, triangles[0].data
        if _space(system.xformspace) in (1, 2):
            matrix = np.asarray(system.xform)
            return (vertices @ matrix[:3, :3].T + matrix[:3, 3]) * _TO_LPS, triangles[0].data
        return vertices * (1.0 if frame == "lps" else _TO_LPS), triangles[0].data
    return vertices * _TO_LPS, triangles[0].data


def _space(code: Any) -> int:
    return _SPACES.get(code, 0) if isinstance(code, str) else int(code or 0)


def _gifti_volume(meta: Mapping[str, str]) -> dict[str, Floats]:
    """Return axes and centre of the volume that FreeSurfer notes in its GIFTI files; nothing where it does not."""
    try:
        return {
            name: np.array([float(meta[f"VolGeom{axis}_{letter}"]) for letter in "RAS"])
            for name, axis in zip((*_AXIS_NAMES, "cras"), "XYZC", strict=True)
        }
    except (KeyError, ValueError):
        return {}


def _write_gifti(surface: Surface, path: Path) -> None:
    import nibabel as nib  # noqa: PLC0415

    gifti: Any = nib.gifti
    scanner = gifti.GiftiCoordSystem(dataspace=1, xformspace=1, xform=np.eye(4))
    vertices = (surface.vertices_lps * _TO_LPS).astype(np.float32)
    arrays = [
        gifti.GiftiDataArray(vertices, "NIFTI_INTENT_POINTSET", "NIFTI_TYPE_FLOAT32", coordsys=scanner),
        gifti.GiftiDataArray(surface.faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE", "NIFTI_TYPE_INT32"),
    ]
    nib.save(gifti.GiftiImage(darrays=arrays), path)


def _read_freesurfer(path: Path, frame: Frame | None) -> tuple[Floats, NDArray[np.int64]]:
    import nibabel as nib  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without its volume, which is told below
            vertices, faces, volume = nib.freesurfer.read_geometry(path, read_metadata=True)
    except (OSError, ValueError, IndexError) as error:
        raise FileError(f"{path}: is not a readable surface of FreeSurfer ({error})") from error
    if all(name in volume for name in (*_AXIS_NAMES, "cras")) and str(volume.get("valid", "1")).startswith("1"):
        return _from_tkras(vertices, volume) * _TO_LPS, faces
    if frame is None:
        raise FileError(
            f"{path}: does not name its volume, so its centre (c_ras) is unknown; let mris_convert --to-scanner write "
            "it, and say that its frame is ras"
        )
    return vertices * (_TO_LPS if frame == "ras" else 1.0), faces


def _from_tkras(vertices: Floats, volume: Mapping[str, Any]) -> Floats:
    """Return vertices in the scanner's RAS: tkRAS has its origin in the centre of the volume, and axes of its own."""
    axes = np.column_stack([volume[name] for name in _AXIS_NAMES])
    moved: Floats = vertices @ (axes @ np.linalg.inv(_TKRAS_AXES)).T + np.asarray(volume["cras"])
    return moved


def _write_freesurfer(surface: Surface, path: Path) -> None:
    import nibabel as nib  # noqa: PLC0415

    axes = {name: _TKRAS_AXES[:, axis] for axis, name in enumerate(_AXIS_NAMES)}
    volume = {
        "head": np.array([2, 0, 20], np.int32),
        "valid": "1  # volume info valid",
        "filename": "none",
        "volume": np.array([256, 256, 256]),
        "voxelsize": np.ones(3),
        **axes,
        "cras": np.zeros(3),
    }
    vertices = surface.vertices_lps * _TO_LPS
    nib.freesurfer.write_geometry(path, vertices, surface.faces, create_stamp="napari-coreg", volume_info=volume)
