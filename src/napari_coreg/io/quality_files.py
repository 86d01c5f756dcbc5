"""Quality in files: JSON by a published schema, CSV with a line for each number, and limits to be edited."""

from __future__ import annotations

import csv
import difflib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_coreg.core.quality.catalogue import CATALOGUE
from napari_coreg.core.quality.limits import Limits
from napari_coreg.core.quality.record import Quality
from napari_coreg.errors import FileError
from napari_coreg.io.atomic import replacing
from napari_coreg.io.strict_json import to_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: Columns of the CSV, in order; later versions may add some at the end.
CSV_COLUMNS = (
    "fixed",
    "moving",
    "transform",
    "date",
    "group",
    "measure",
    "name",
    "structure",
    "region",
    "unit",
    "before",
    "after",
    "status",
    "good",
    "bad",
)


def write_quality_json(quality: Quality, path: str | Path) -> Path:
    """Write all that was measured as JSON by `quality_schema`; NaN and infinity become null.

    Raises
    ------
    FileError
        If the file cannot be written; nothing is left behind then.
    """
    return _write(quality_json(quality), path)


def quality_json(quality: Quality) -> str:
    """Return all that was measured as the text of a JSON file."""
    return to_json(quality.model_dump(mode="json"))


def read_quality_json(path: str | Path) -> Quality:
    """Read what `write_quality_json` wrote.

    Raises
    ------
    FileError
        If it cannot be read, or is not by the schema; says which field.
    """
    path = Path(path).expanduser()
    plain = _load(path, "the quality of a registration")
    try:
        return Quality.model_validate(plain)
    except ValidationError as error:
        raise FileError(f"{path}: {_told(error)}") from error


def write_quality_csv(quality: Quality, path: str | Path) -> Path:
    """Write a line for each number, and for each pair of landmarks, with the columns `CSV_COLUMNS`.

    Numbers are written in full; a cell is empty where there is no such number.

    Raises
    ------
    FileError
        If the file cannot be written; nothing is left behind then.
    """
    return _write(quality_csv(quality), path)


def quality_csv(quality: Quality) -> str:
    """Return the text of the CSV file."""
    shared = {
        "fixed": quality.fixed.name,
        "moving": quality.moving.name,
        "transform": quality.transform.source,
        "date": quality.environment.get("date", ""),
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in quality.rows:
        values = {name: _cell(value) for name, value in row.model_dump().items()}
        writer.writerow(shared | values)
    described = CATALOGUE["landmark_error"]
    for pair in quality.landmarks:
        writer.writerow(
            shared
            | {
                "group": described.group,
                "measure": described.key,
                "name": described.name,
                "structure": pair.name,
                "unit": described.unit,
                "before": _cell(pair.before_mm),
                "after": _cell(pair.after_mm),
                "status": "info",
            }
        )
    return text.getvalue()


def quality_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of what `write_quality_json` writes."""
    schema = Quality.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_limits(limits: Limits, path: str | Path) -> Path:
    """Write limits as JSON, for `read_limits`.

    Raises
    ------
    FileError
        If the file cannot be written; nothing is left behind then.
    """
    return _write(limits_json(limits), path)


def limits_json(limits: Limits) -> str:
    """Return limits as the text of a JSON file."""
    return to_json(limits.model_dump(mode="json"))


def read_limits(path: str | Path) -> Limits:
    """Read limits.

    Parameters
    ----------
    path : str or Path
        JSON, as `write_limits` writes it.

    Raises
    ------
    FileError
        If it cannot be read, is not JSON, lacks something, or names a measure that is not in the catalogue; says where.
    """
    path = Path(path).expanduser()
    plain = _load(path, "limits")
    try:
        limits = Limits.model_validate(plain)
    except ValidationError as error:
        raise FileError(f"{path}: {_told(error)}") from error
    for number, limit in enumerate(limits.limits):
        if limit.measure not in CATALOGUE:
            near = difflib.get_close_matches(limit.measure, CATALOGUE, 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; see the list of measures"
            raise FileError(f"{path}: limits[{number}].measure: there is no measure {limit.measure!r}{hint}")
        best = CATALOGUE[limit.measure].best
        if best not in ("none", limit.best):
            raise FileError(f"{path}: limits[{number}].best: of {limit.measure} {best} values are the better ones")
    return limits


def _load(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        raise FileError(
            f"{path}: line {error.lineno}, column {error.colno}: not JSON ({error.msg}), so these are not {what}"
        ) from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not text, so these are not {what}") from error


def _told(error: ValidationError) -> str:
    """Return what is wrong, with where, of the first three faults."""
    faults = error.errors()
    told = "; ".join(f"{_place(fault)}: {fault['msg'].removeprefix('Value error, ')}" for fault in faults[:3])
    return told + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def _place(fault: ErrorDetails) -> str:
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    return words.lstrip(".") or "the file"


def _cell(value: Any) -> Any:
    return "" if value is None else value


def _write(text: str, path: str | Path) -> Path:
    path = Path(path).expanduser()
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path
