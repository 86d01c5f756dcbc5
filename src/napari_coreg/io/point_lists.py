"""Points without names, as programs on top of ITK write them: lists of elastix, and point sets in .vtk files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["POINT_LIST_SUFFIXES", "format_points", "read_point_list"]

POINT_LIST_SUFFIXES = (".pts", ".txt", ".vtk")
"""The suffixes of files of points without names."""

_VTK_TYPES = {"float": ">f4", "double": ">f8"}  # in binary files, always big-endian
_AXES = {2: "x, y", 3: "x, y, z"}


def read_point_list(path: Path, content: bytes) -> NDArray[np.float64]:
    """Return the points of a file, shape (N, 3) or (N, 2), LPS mm.

    Parameters
    ----------
    path : Path
        A list of elastix and transformix (.pts, .txt): the word "point", the number of points, and the coordinates; or
        an ITK point set as its mesh writers leave it, legacy VTK of the kind POLYDATA (.vtk), ASCII or binary. Both
        hold physical points as ITK knows them, in LPS. A .vtk whose second line has SPACE=RAS, as 3D Slicer writes
        it, is turned into LPS.
    content : bytes
        What is in it.

    Raises
    ------
    FileError
        If it is something else, is cut short, or holds no finite numbers.
    """
    points = _read_vtk(path, content) if path.suffix.lower() == ".vtk" else _read_elastix(path, content)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise FileError(f"{path}: point {bad[0] + 1} does not hold numbers {_AXES[points.shape[1]]}")
    return points


def format_points(points_lps: NDArray[np.float64], suffix: str) -> str:
    """Return the text of a file of points, shape (N, 3) or (N, 2), LPS mm to the nanometre.

    Examples
    --------
    >>> print(format_points(np.array([[1.0, 2.0, 3.0]]), ".pts"), end="")
    point
    1
    1.000000 2.000000 3.000000
    """
    rows = "".join(" ".join(f"{value:.6f}" for value in point) + "\n" for point in points_lps)
    if suffix == ".vtk":
        head = "# vtk DataFile Version 2.0\nLandmarks of napari-coreg. SPACE=LPS\nASCII\nDATASET POLYDATA\n"
        return f"{head}POINTS {len(points_lps)} double\n{rows}"
    return f"point\n{len(points_lps)}\n{rows}"


def _read_elastix(path: Path, content: bytes) -> NDArray[np.float64]:
    words = content.decode("utf-8-sig", errors="replace").split()
    kind, *rest = words or [""]
    if kind == "index" or kind.isdecimal():
        raise FileError(
            f"{path}: its points are counted in voxels, not in millimetres; write 'point' in its first line and "
            "physical coordinates below"
        )
    if kind != "point":
        raise FileError(f"{path}: is not a list of points of elastix, which begins with the word 'point'")
    number = _count(path, rest[0] if rest else "")
    return _shaped(path, number, _floats(path, rest[1:]))


def _read_vtk(path: Path, content: bytes) -> NDArray[np.float64]:
    lines = content.split(b"\n", 4)
    head = [line.decode("ascii", errors="replace").strip() for line in lines[:4]]
    if len(head) < 4 or not head[0].startswith("# vtk DataFile") or head[3].upper().split() != ["DATASET", "POLYDATA"]:
        raise FileError(f"{path}: is not a legacy VTK file of the kind POLYDATA, as ITK writes its point sets")
    _, mark, rest = (lines[4] if len(lines) > 4 else b"").partition(b"POINTS ")
    line, _, body = rest.partition(b"\n")
    told = line.decode("ascii", errors="replace").split()
    if not mark or len(told) != 2 or told[1] not in _VTK_TYPES:
        raise FileError(f"{path}: has no line 'POINTS number float' or 'POINTS number double'")
    number = _count(path, told[0])
    if head[2].upper() == "BINARY":
        kind = np.dtype(_VTK_TYPES[told[1]])
        wide = 3 if len(body) >= 3 * number * kind.itemsize else 2
        values = np.frombuffer(body[: len(body) // kind.itemsize * kind.itemsize], kind)[: wide * number]
        points = _shaped(path, number, values.astype(np.float64))
    else:
        points = _shaped(path, number, _floats(path, _leading_numbers(body)))
    if "SPACE=RAS" in head[1].upper():
        points[:, :2] *= -1
    return points


def _leading_numbers(body: bytes) -> list[str]:
    """Return the words up to the next section, such as VERTICES."""
    found: list[str] = []
    for line in body.decode("ascii", errors="replace").splitlines():
        if line.strip()[:1].isalpha() and not line.strip().lower().startswith(("nan", "inf")):
            break
        found += line.split()
    return found


def _count(path: Path, word: str) -> int:
    if not word.isdecimal() or int(word) == 0:
        raise FileError(f"{path}: holds no points" if word == "0" else f"{path}: does not say how many points it holds")
    return int(word)


def _floats(path: Path, words: list[str]) -> NDArray[np.float64]:
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise FileError(f"{path}: holds something else than numbers below its head ({error})") from error


def _shaped(path: Path, number: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = len(values) / number
    if wide not in (2.0, 3.0):
        raise FileError(f"{path}: says that it holds {number} points, but has {len(values)} coordinates")
    return values.reshape(number, int(wide))
