"""Paired landmarks in one table: a .csv with the place of each landmark in both volumes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PairRows", "read_pair_table", "write_pair_table"]

_SIDES = ("fixed", "moving")
_SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
PairRows = tuple["NDArray[np.float64]", "NDArray[np.float64]", tuple[str, ...]]


def read_pair_table(path: str | Path) -> PairRows:
    """Read a table with the columns fixed_x, fixed_y, fixed_z, moving_x, moving_y, moving_z and, if wanted, name.

    Parameters
    ----------
    path : str or Path
        A .csv in LPS mm, or with a line "# frame: RAS". Without the columns z the points are 2-D. Cells that are empty
        in one of the volumes mean that the landmark was not set there.

    Returns
    -------
    fixed_points_lps, moving_points_lps : array, shape (N, 3) or (N, 2)
        LPS mm; NaN where a landmark was not set.
    names : tuple of str
        One for each landmark; "1", "2", ... where the file has none.

    Raises
    ------
    FileError
        If it cannot be read or is no such table; the message names the line.
    """
    path = Path(path).expanduser()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    sign = _sign(path, lines)
    told = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    rows = list(csv.reader((line for _, line in told), skipinitialspace=True))
    header = [word.strip().lower() for word in rows[0]] if rows else []
    axes = "xyz" if "fixed_z" in header else "xy"
    missing = [name for side in _SIDES for axis in axes if (name := f"{side}_{axis}") not in header]
    if missing:
        raise FileError(f"{path}: is no table of pairs, for it has no column {missing[0]}")
    if len(rows) == 1:
        raise FileError(f"{path}: holds no points")
    points: dict[str, list[list[float]]] = {side: [] for side in _SIDES}
    names = []
    for index, ((number, _), row) in enumerate(zip(told[1:], rows[1:], strict=True), 1):
        cells = dict(zip(header, row, strict=False))
        for side in _SIDES:
            points[side].append(_place(path, number, [cells.get(f"{side}_{axis}", "") for axis in axes]))
        names.append(cells.get("name", "").strip() or str(index))
    fixed, moving = (np.array(points[side]) * sign[: len(axes)] for side in _SIDES)
    return fixed, moving, tuple(names)


def write_pair_table(
    fixed_points_lps: NDArray[np.float64],
    moving_points_lps: NDArray[np.float64],
    path: str | Path,
    names: Sequence[str],
) -> None:
    """Write paired landmarks as `read_pair_table` reads them, in LPS; the file appears whole or not at all.

    Parameters
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, 3) or (N, 2)
        LPS mm, written to the nanometre; NaN where a landmark was not set.
    path : str or Path
        A .csv.
    names : sequence of str
        One for each landmark.

    Raises
    ------
    FileError
        If the suffix is another one, or the file cannot be written.
    """
    path = Path(path).expanduser()
    if full_suffix(path) != ".csv":
        raise FileError(f"{path}: pairs of landmarks are written to a .csv, not '{full_suffix(path)}'")
    axes = "xyz"[: fixed_points_lps.shape[1]]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        file.write("# frame: LPS\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", *(f"{side}_{axis}" for side in _SIDES for axis in axes)))
        for name, fixed, moving in zip(names, fixed_points_lps, moving_points_lps, strict=True):
            writer.writerow((name, *("" if np.isnan(value) else f"{value:.6f}" for value in (*fixed, *moving))))


def _sign(path: Path, lines: list[str]) -> tuple[float, ...]:
    frames = {
        key.strip().lower(): value.strip(" ,;\t").upper()
        for key, _, value in (line.lstrip("# \t").partition(":") for line in lines if line.startswith("#"))
    }
    frame = frames.get("frame", "LPS")
    if frame not in _SIGNS:
        raise FileError(f"{path}: its points are in the frame '{frame}', but LPS or RAS is needed")
    return _SIGNS[frame]


def _place(path: Path, number: int, cells: list[str]) -> list[float]:
    if not any(cell.strip() for cell in cells):
        return [float("nan")] * len(cells)
    try:
        found = [float(cell) for cell in cells]
    except ValueError:
        found = [float("nan")]
    if not np.isfinite(found).all():
        raise FileError(f"{path}: line {number} does not hold {len(cells)} numbers for each volume: {cells}")
    return found
