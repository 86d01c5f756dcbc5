"""Landmarks from files: CSV tables and 3D Slicer's markups."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix

__all__ = ["read_points"]

_SIGNS = {"LPS": (1.0, 1.0, 1.0), "1": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0), "0": (-1.0, -1.0, 1.0)}
_NAMES = ("name", "label")
_FRAMES = ("frame", "coordinatesystem", "coordinate_system")
Points = tuple[NDArray[np.float64], tuple[str, ...]]


def read_points(path: str | Path) -> Points:
    """Read landmarks.

    Parameters
    ----------
    path : str or Path
        A .csv with a header line x,y,z and, if wanted, name (or label) and frame (LPS or RAS for each point); a line
        "# frame: RAS" tells the frame of all. Or 3D Slicer's .fcsv or .mrk.json. Without a word on the frame: LPS for
        .csv and .mrk.json, RAS for .fcsv as Slicer reads it.

    Returns
    -------
    points_lps : array, shape (N, 3)
        LPS mm.
    names : tuple of str
        One for each point; "1", "2", ... where the file has none.

    Raises
    ------
    FileError
        If it cannot be read, or holds no points; the message names the line.
    """
    path = Path(path).expanduser()
    readers = {".csv": _read_csv, ".fcsv": _read_fcsv, ".mrk.json": _read_markups, ".json": _read_markups}
    reader = readers.get(full_suffix(path))
    if reader is None:
        raise FileError(f"{path}: landmarks are read from {', '.join(readers)}, not '{full_suffix(path)}'")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    points, names = reader(path, text)
    if not names:
        raise FileError(f"{path}: holds no points")
    return np.array(points, float), tuple(name or str(number) for number, name in enumerate(names, 1))


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
    if not {"x", "y", "z"} <= set(header):
        raise FileError(f"{path}: its first line must name the columns x, y and z; it is '{told[0][1].strip()}'")
    points, names = [], []
    for (number, _), row in zip(told[1:], rows[1:], strict=False):
        cells = dict(zip(header, row, strict=False))
        sign = _sign(path, next((cells[key] for key in _FRAMES if cells.get(key)), frame))
        points.append(_numbers(path, number, [cells.get(axis) for axis in "xyz"], sign))
        names.append(next((cells[key].strip() for key in _NAMES if cells.get(key)), ""))
    return points, names


def _read_fcsv(path: Path, text: str) -> tuple[list[list[float]], list[str]]:
    columns = ["id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label"]
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


def _numbers(path: Path, number: int, cells: list[Any], sign: tuple[float, ...], where: str = "line") -> list[float]:
    try:
        found = [float(cell) * one for cell, one in zip(cells, sign, strict=True)]
    except (TypeError, ValueError):
        found = []
    if not found or not np.isfinite(found).all():
        raise FileError(f"{path}: {where} {number} does not hold three numbers x, y, z: {cells}")
    return found
