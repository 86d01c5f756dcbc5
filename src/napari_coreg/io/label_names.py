"""Names of labels from files: CSV tables, colour tables of FreeSurfer, label descriptions of ITK-SNAP."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from napari_coreg.errors import FileError

__all__ = ["read_label_names"]

_NUMBERS, _NAMES = ("label", "index", "id", "value", "number"), ("name", "structure", "label_name", "title")
_ITK_SNAP = re.compile(r'^\s*(\d+)\s+.*"([^"]*)"\s*$')
_COLOUR_TABLE = re.compile(r"^\s*(\d+)\s+(\S.*?)(?:(?:\s+\d+){3,4})?\s*$")


def read_label_names(path: str | Path) -> dict[int, str]:
    """Read the names of labels.

    Parameters
    ----------
    path : str or Path
        A .csv with a header line that has the columns label (or index, id, value) and name (or structure); or a text
        file with a number and a name in each line, as FreeSurfer's FreeSurferColorLUT.txt and ITK-SNAP's label
        descriptions are. Lines that begin with # are left out.

    Returns
    -------
    dict of int to str

    Raises
    ------
    FileError
        If it cannot be read or holds no names; the message names the line.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    names = _of_csv(path, text) if path.suffix.lower() == ".csv" else _of_text(path, text)
    if not names:
        raise FileError(f"{path}: holds no names of labels; give a .csv with the columns label and name")
    return names


def _of_csv(path: Path, text: str) -> dict[int, str]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    rows = csv.DictReader(io.StringIO("\n".join(line for _, line in lines)), skipinitialspace=True)
    columns = {(column or "").strip().lower(): column for column in rows.fieldnames or ()}
    number = next((columns[key] for key in _NUMBERS if key in columns), None)
    name = next((columns[key] for key in _NAMES if key in columns), None)
    if number is None or name is None:
        raise FileError(f"{path}: its header has no columns label and name, but: {', '.join(columns) or 'nothing'}")
    names = {}
    for row in rows:
        try:
            names[int(row[number])] = str(row[name] or "").strip()
        except (TypeError, ValueError) as error:
            line = lines[rows.line_num - 1][0]
            raise FileError(f"{path}: line {line}: the label {row[number]!r} is not a whole number") from error
    return names


def _of_text(path: Path, text: str) -> dict[int, str]:
    names = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ITK_SNAP.match(line) or _COLOUR_TABLE.match(line)
        if found is None:
            raise FileError(f"{path}: line {number}: {line.strip()[:40]!r} is not a number and a name")
        names[int(found[1])] = found[2]
    return names
