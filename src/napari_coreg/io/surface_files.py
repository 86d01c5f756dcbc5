"""Surfaces in VTK, PLY, STL and OBJ files, with the word on their frame that 3D Slicer leaves in their head."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_coreg.core.warp import Surface

    Floats = NDArray[np.float64]
    Faces = NDArray[np.int64]

__all__ = ["MESH_SUFFIXES", "read_mesh", "write_mesh"]

MESH_SUFFIXES = (".vtk", ".ply", ".stl", ".obj")
"""The suffixes of these files."""

_HEAD_BYTES = 2048  # where the frame is told, if it is
_SPACE = re.compile(rb"SPACE\s*=\s*(LPS|RAS)", re.IGNORECASE)
_VTK_TYPES = {"float": ">f4", "double": ">f8", "int": ">i4", "vtktypeint32": ">i4", "vtktypeint64": ">i8"}
_HEAD = "napari-coreg SPACE=LPS"


def read_mesh(path: Path) -> tuple[Floats, Faces, Literal["lps", "ras"] | None]:
    """Return vertices (N, 3) as they are, triangles (M, 3), and the frame of the vertices where the head tells it.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    found = _SPACE.search(content[:_HEAD_BYTES])
    frame: Literal["lps", "ras"] | None = None
    if found:
        frame = "ras" if found[1].upper() == b"RAS" else "lps"
    vertices, faces = _read_vtk(path, content) if full_suffix(path) == ".vtk" else _read_by_meshio(path)
    return vertices, faces, frame


def write_mesh(surface: Surface, path: Path) -> None:
    """Write a surface under a name that ends in one of `MESH_SUFFIXES`; STL has 32-bit floats, the others 64."""
    vertices, faces = surface.vertices_lps, surface.faces
    write = {".vtk": _vtk, ".ply": _ply, ".stl": _stl, ".obj": _obj}[full_suffix(path)]
    path.write_bytes(write(vertices, faces))


def _read_by_meshio(path: Path) -> tuple[Floats, Faces]:
    from meshio import ReadError, obj, ply, stl  # noqa: PLC0415 - 0.1 s

    reader = {".ply": ply, ".stl": stl, ".obj": obj}[full_suffix(path)]
    try:
        mesh = reader.read(path)
        faces = [_fans(block.data) for block in mesh.cells if block.type in ("triangle", "quad", "polygon")]
        return np.reshape(mesh.points, (-1, 3)).astype(np.float64), _joined(faces)
    except (ReadError, OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise FileError(f"{path}: is not a readable {path.suffix} file ({error or 'it is cut short'})") from error


def _fans(polygons: Iterable[NDArray[np.int64]]) -> Faces:
    """Return triangles that polygons fall into, from the first corner of each."""
    table = np.asarray(polygons)
    return _joined([table[:, [0, k, k + 1]] for k in range(1, table.shape[1] - 1)])


def _joined(faces: list[Faces]) -> Faces:
    return np.concatenate(faces).astype(np.int64) if faces else np.zeros((0, 3), np.int64)


def _read_vtk(path: Path, content: bytes) -> tuple[Floats, Faces]:
    lines = content.split(b"\n", 4)
    head = [line.decode("ascii", errors="replace").strip().upper() for line in lines[:4]]
    if len(lines) < 5 or not head[0].startswith("# VTK DATAFILE") or head[3].split() != ["DATASET", "POLYDATA"]:
        raise FileError(f"{path}: is not a legacy VTK file of the kind POLYDATA, which holds surfaces")
    is_binary, body = head[2] == "BINARY", lines[4]
    try:
        points, rest = _section(body, b"POINTS", is_binary)
        if not re.search(rb"^POLYGONS ", rest, re.MULTILINE):
            return points.reshape(-1, 3), np.zeros((0, 3), np.int64)
        return points.reshape(-1, 3), _polygons(rest, is_binary)
    except (ValueError, IndexError, KeyError) as error:
        raise FileError(f"{path}: is not a readable VTK surface ({error})") from error


def _polygons(body: bytes, is_binary: bool) -> Faces:
    """Return the triangles: of lists of corners (VTK 4), or of offsets into all corners (VTK 5.1)."""
    line = re.search(rb"^POLYGONS (\d+) (\d+).*\n", body, re.MULTILINE)
    if line is None:
        raise ValueError("the line POLYGONS has no two numbers")
    rest = body[line.end() :]
    if rest.startswith(b"OFFSETS"):
        found, rest = _section(rest, b"OFFSETS", is_binary, int(line[1]))
        offsets, connected = found.astype(np.int64), _section(rest, b"CONNECTIVITY", is_binary, int(line[2]))[0]
        corners = connected.astype(np.int64)
    else:
        listed, _ = _numbers(rest, int(line[2]), ">i4", is_binary)
        corners, offsets = _unlisted(listed.astype(np.int64), int(line[1]))
    counts, starts = np.diff(offsets), offsets[:-1]
    return _joined(
        [
            _fans(corners[starts[counts == count][:, None] + np.arange(count)])
            for count in np.unique(counts).tolist()
            if count >= 3
        ]
    )


def _unlisted(listed: Faces, number: int) -> tuple[Faces, Faces]:
    """Return all corners, and where each polygon's begin, of a list in which each count stands before its corners."""
    if number and len(listed) == 4 * number and (listed[::4] == 3).all():  # triangles only: as most are
        return np.delete(listed, np.s_[::4]), 3 * np.arange(number + 1)
    starts, at = [], 0
    for _ in range(number):
        starts.append(at)
        at += 1 + int(listed[at])
    corners = np.delete(listed, starts)
    return corners, np.array([*(start - index for index, start in enumerate(starts)), len(corners)], np.int64)


def _section(body: bytes, name: bytes, is_binary: bool, count: int | None = None) -> tuple[NDArray[np.float64], bytes]:
    """Return the numbers below a line such as "POINTS 8 float", and what comes after them."""
    line = re.search(rb"^" + name + rb" +(\w+) *(\w*).*\n", body, re.MULTILINE)
    if line is None:
        raise ValueError(f"there is no line {name.decode()}")
    kind = (line[2] if count is None else line[1]).decode().lower()
    return _numbers(body[line.end() :], 3 * int(line[1]) if count is None else count, _VTK_TYPES[kind], is_binary)


def _numbers(body: bytes, count: int, kind: str, is_binary: bool) -> tuple[NDArray[np.float64], bytes]:
    if is_binary:
        size = count * np.dtype(kind).itemsize
        if len(body) < size:
            raise ValueError("it is cut short")
        return np.frombuffer(body[:size], kind).astype(np.float64), body[size:].lstrip(b"\n")
    words = body.split(None, count)
    if len(words) < count:
        raise ValueError("it is cut short")
    return np.array(words[:count], np.float64), words[count] if len(words) > count else b""


def _vtk(vertices: Floats, faces: Faces) -> bytes:
    listed = np.column_stack([np.full(len(faces), 3), faces])
    return b"".join(
        [
            f"# vtk DataFile Version 4.2\n{_HEAD}\nBINARY\nDATASET POLYDATA\n".encode(),
            f"POINTS {len(vertices)} double\n".encode(),
            vertices.astype(">f8").tobytes(),
            f"\nPOLYGONS {len(faces)} {listed.size}\n".encode(),
            listed.astype(">i4").tobytes(),
            b"\n",
        ]
    )


def _ply(vertices: Floats, faces: Faces) -> bytes:
    properties = "".join(f"property double {axis}\n" for axis in "xyz")
    head = (
        f"ply\nformat binary_little_endian 1.0\ncomment {_HEAD}\nelement vertex {len(vertices)}\n{properties}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.zeros(len(faces), [("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces
    return head.encode() + vertices.astype("<f8").tobytes() + rows.tobytes()


def _stl(vertices: Floats, faces: Faces) -> bytes:
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    rows = np.zeros(len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows["normal"], rows["corners"] = normals, corners
    return _HEAD.encode().ljust(80) + struct.pack("<I", len(faces)) + rows.tobytes()


def _obj(vertices: Floats, faces: Faces) -> bytes:
    lines = [f"# {_HEAD}", *(f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist())]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()
