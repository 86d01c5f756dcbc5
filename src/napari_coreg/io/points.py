"""Landmarks from files and back: CSV tables, 3D Slicer's markups, point lists of elastix and point sets of ITK."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing
from napari_coreg.io.point_lists import POINT_LIST_SUFFIXES, format_points, read_point_list
from napari_coreg.io.strict_json import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["POINT_SUFFIXES", "read_points", "write_points"]

POINT_SUFFIXES = (".csv", ".fcsv", ".mrk.json", *POINT_LIST_SUFFIXES)
"""The suffixes of files of landmarks."""

_SIGNS = {"LPS": (1.0, 1.0, 1.0), "1": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0), "0": (-1.0, -1.0, 1.0)}
_NAMES = ("name", "label")
_FCSV_COLUMNS = ("id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label")
_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_FRAMES = ("frame", "coordinatesystem", "coordinate_system")
Points = tuple[NDArray[np.float64], tuple[str, ...]]


def read_points(path: str | Path) -> Points:
    """Read landmarks.

    Parameters
    ----------
    path : str or Path
        A .csv with a header line x,y,z and, if wanted, name (or label) and frame (LPS or RAS for each point); a line
        "# frame: RAS" tells the frame of all. Without z, the points are 2-D. Or 3D Slicer's .fcsv or .mrk.json. Or,
        both without names, a list of elastix (.pts, .txt) or a point set of ITK (.vtk). Without a word on the frame:
        RAS for .fcsv, as Slicer reads it, LPS for all others.

    Returns
    -------
    points_lps : array, shape (N, 3) or (N, 2)
        LPS mm.
    names : tuple of str
        One for each point; "1", "2", ... where the file has none.

    Raises
    ------
    FileError
        If it cannot be read, or holds no points; the message names the line.
    """
    points, names = read_as_named(path)
    return points, tuple(name or str(number) for number, name in enumerate(names, 1))


def read_as_named(path: str | Path) -> Points:
    """Read landmarks as `read_points` does, with "" for each that the file has no name for."""
    path = Path(path).expanduser()
    suffix = full_suffix(path)
    readers = {".csv": _read_csv, ".fcsv": _read_fcsv, ".mrk.json": _read_markups, ".json": _read_markups}
    if suffix not in readers and suffix not in POINT_LIST_SUFFIXES:
        known = ", ".join((*readers, *POINT_LIST_SUFFIXES))
        raise FileError(f"{path}: landmarks are read from {known}, not '{suffix}'")
    try:
        content = path.read_bytes()
        if suffix in POINT_LIST_SUFFIXES:
            listed = read_point_list(path, content)
            return listed, ("",) * len(listed)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    points, names = readers[suffix](path, text)
    if not names:
        raise FileError(f"{path}: holds no points")
    return np.array(points, float), tuple(names)


def write_points(points_lps: NDArray[np.float64], path: str | Path, names: Sequence[str]) -> None:
    """Write landmarks, in LPS and with the word for it; the file appears whole or not at all.

    Parameters
    ----------
    points_lps : array, shape (N, 3) or (N, 2)
        LPS mm; written to the nanometre. 2-D points do not go into 3D Slicer's files.
    path : str or Path
        .csv, 3D Slicer's .mrk.json or .fcsv, a list of elastix (.pts, .txt) or a point set of ITK (.vtk).
    names : sequence of str
        One for each point; .pts, .txt and .vtk have no place for them.

    Raises
    ------
    FileError
        If the suffix is another one, or the file cannot be written.
    """
    path = Path(path).expanduser()
    suffix = full_suffix(path)
    if suffix not in POINT_SUFFIXES:
        raise FileError(f"{path}: landmarks are written to {', '.join(POINT_SUFFIXES)}, not '{suffix}'")
    if points_lps.shape[1] != 3 and suffix in (".fcsv", ".mrk.json"):
        raise FileError(f"{path}: 3D Slicer has no points of {points_lps.shape[1]} coordinates; write a .csv")
    rows = [(name, *(f"{value:.6f}" for value in point)) for name, point in zip(names, points_lps, strict=True)]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if suffix in POINT_LIST_SUFFIXES:
            file.write(format_points(points_lps, suffix))
        elif suffix == ".csv":
            file.write("# frame: LPS\n")
            writer.writerow(("name", *"xyz"[: points_lps.shape[1]]))
            writer.writerows(rows)
        elif suffix == ".fcsv":
            file.write("# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n")
            file.write(f"# columns = {','.join(_FCSV_COLUMNS)}\n")
            writer.writerows((n, *point, 0, 0, 0, 1, 1, 1, 0, name) for n, (name, *point) in enumerate(rows, 1))
        else:
            file.write(to_json(_as_markups(rows)))


def _as_markups(rows: list[tuple[str, ...]]) -> dict[str, Any]:
    points = [
        {"id": str(number), "label": name, "position": [float(value) for value in point], "positionStatus": "defined"}
        for number, (name, *point) in enumerate(rows, 1)
    ]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": points}
    return {"@schema": _SCHEMA, "markups": [markup]}


def _read_csv(path: Path, text: str) -> tuple[list[list[float]], list[str]]:
    lines = text.splitlines()
    frame = "LPS"
    for line in lines:
        key, _, value = line.lstrip("# \t").partition(":")
        if line.startswith("#") and key.strip().lower() in _FRAMES:
            frame = value.strip(" ,;\t")
    told = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not told:
        raise FileError(f"{path}: is empty")
    separator = next((mark for mark in (",", ";", "\t") if mark in told[0][1]), ",")
    rows = list(csv.reader((line for _, line in told), delimiter=separator, skipinitialspace=True))
    header = [word.strip().lower() for word in rows[0]]
    if not {"x", "y"} <= set(header):
        raise FileError(f"{path}: its first line must name the columns x, y and z; it is '{told[0][1].strip()}'")
    axes = "xyz" if "z" in header else "xy"
    points, names = [], []
    for (number, _), row in zip(told[1:], rows[1:], strict=False):
        cells = dict(zip(header, row, strict=False))
        sign = _sign(path, next((cells[key] for key in _FRAMES if cells.get(key)), frame))
        points.append(_numbers(path, number, [cells.get(axis) for axis in axes], sign[: len(axes)]))
        names.append(next((cells[key].strip() for key in _NAMES if cells.get(key)), ""))
    return points, names


def _read_fcsv(path: Path, text: str) -> tuple[list[list[float]], list[str]]:
    columns = list(_FCSV_COLUMNS)
    frame = "0"
    points, names = [], []
    for number, line in enumerate(text.splitlines(), 1):
        key, _, value = line.lstrip("# ").partition("=")
        if line.startswith("#"):
            if key.strip() == "CoordinateSystem":
                frame = value.strip()
            elif key.strip() == "columns":
                columns = [word.strip() for word in value.split(",")]
        elif line.strip():
            cells = dict(zip(columns, next(csv.reader([line])), strict=False))
            points.append(_numbers(path, number, [cells.get(axis) for axis in "xyz"], _sign(path, frame)))
            names.append(cells.get("label", "").strip())
    return points, names


def _read_markups(path: Path, text: str) -> tuple[list[list[float]], list[str]]:
    try:
        content: Any = json.loads(text)
        markups = content["markups"]
        points, names = [], []
        for markup in markups:
            sign = _sign(path, str(markup.get("coordinateSystem", "LPS")))
            _require_millimetres(path, markup.get("coordinateUnits", "mm"))
            for number, point in enumerate(markup["controlPoints"], 1):
                if point.get("positionStatus", "defined") == "defined":
                    points.append(_numbers(path, number, list(point["position"]), sign, "point"))
                    names.append(str(point.get("label", "")))
    except json.JSONDecodeError as error:
        raise FileError(f"{path}: is not JSON (line {error.lineno}: {error.msg})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{path}: is not a markups file of 3D Slicer (it lacks {error})") from error
    return points, names


def _sign(path: Path, frame: str) -> tuple[float, ...]:
    sign = _SIGNS.get(frame.strip().upper())
    if sign is None:
        raise FileError(f"{path}: its points are in the frame '{frame}', but LPS or RAS is needed")
    return sign


def _require_millimetres(path: Path, units: str | list[str]) -> None:
    if set([units] if isinstance(units, str) else units) != {"mm"}:
        raise FileError(
            f"{path}: its points are in {units}, but millimetres are needed; let 3D Slicer write them in mm"
        )


def _numbers(path: Path, number: int, cells: list[Any], sign: tuple[float, ...], where: str = "line") -> list[float]:
    try:
        found = [float(cell) * one for cell, one in zip(cells, sign, strict=True)]
    except (TypeError, ValueError):
        found = []
    if not found or not np.isfinite(found).all():
        axes = "three numbers x, y, z" if len(sign) == 3 else "two numbers x, y"
        raise FileError(f"{path}: {where} {number} does not hold {axes}: {cells}")
    return found
