"""Project folders: the runs of a session, small by default, written so that a crash leaves the old project whole."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari_coreg
from napari_coreg.core.result import RegistrationResult
from napari_coreg.errors import FileError
from napari_coreg.io.atomic import replacing
from napari_coreg.io.attempt_record import AttemptRecord, VolumeOrigin, now, origin_from_plain, origin_to_plain
from napari_coreg.io.records import RECORD, REGISTERED, load_record, require_result_folder, save_result
from napari_coreg.io.saved_result import load_result
from napari_coreg.io.strict_json import to_json
from napari_coreg.io.volumes import write_volume

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

PROJECT, ATTEMPTS = "project.json", "attempts"
SCHEMA_VERSION = 1
_PLAIN_NAME = re.compile(r"[\w\-]+", re.ASCII)


@dataclass(frozen=True, eq=False)
class Project:
    """What a project folder holds.

    Attributes
    ----------
    attempts : tuple of AttemptRecord
        In the order of the table; each result a `SavedResult`.
    shown : str or None
        The key of the one that was shown.
    notes : tuple of str
        One sentence on each attempt that could not be read.
    """

    attempts: tuple[AttemptRecord, ...]
    shown: str | None
    notes: tuple[str, ...]


def write_project(
    attempts: Sequence[AttemptRecord],
    folder: str | Path,
    *,
    shown: str | None = None,
    known: Collection[str] = (),
    registered: bool = False,
) -> Path:
    """Write attempts into a project folder, or bring an existing one up to date.

    The folder holds project.json and, below "attempts", a folder for each with transform, inverse and result.json. What
    was there is read by project.json until the new one takes its place, in one step.

    Parameters
    ----------
    attempts : sequence of AttemptRecord
        What the project holds afterwards.
    folder : str or Path
        New, empty, or a project of the same session.
    shown : str, optional
        The key of the attempt that is shown.
    known : collection of str
        Keys of attempts that were deleted on purpose; their folders are removed.
    registered : bool
        Whether to write the registered volumes, too, where the moving volume is at hand. They can be made again.

    Raises
    ------
    FileError
        If the folder cannot be written, or holds something else, or attempts that would be lost.
    """
    folder = Path(folder).expanduser().absolute()
    require_result_folder(folder)
    before = _entries_before(folder)
    foreign = set(before) - {attempt.key for attempt in attempts} - set(known)
    damaged = {key for key in foreign if not _is_readable(before[key], folder)}
    if foreign - damaged:
        raise FileError(
            f"{folder}: holds a project with attempts that are not open here ({len(foreign - damaged)}); open it "
            "first, or choose another folder"
        )
    with _place(folder) as place, _all_or_none() as made:
        folders = {}
        for attempt in attempts:
            name = before[attempt.key]["folder"] if attempt.key in before else _folder_name(attempt)
            folders[attempt.key] = name
            _write_attempt(attempt, place / ATTEMPTS / name, made, registered)
        plain = _to_plain(attempts, folders, folder, shown)
        plain["attempts"] += [before[key] for key in before if key in damaged]  # perhaps they can be mended
        with replacing(place / PROJECT) as temporary:
            temporary.write_text(to_json(plain), encoding="utf-8")
    for key in set(before) - set(folders) - damaged:
        shutil.rmtree(folder / ATTEMPTS / before[key]["folder"], ignore_errors=True)
    return folder


def read_project(folder: str | Path) -> Project:
    """Read a project folder; no volumes are looked at.

    Raises
    ------
    FileError
        If it is none, or a later version wrote it, or none of its attempts can be read.
    """
    folder = Path(folder).expanduser().absolute()
    plain = _load(folder)
    attempts, notes = [], []
    for entry in plain["attempts"]:
        try:
            attempts.append(_attempt(entry, folder))
        except FileError as error:
            notes.append(f"{entry['name']!r} was left out: {error}")
    if notes and not attempts:
        raise FileError(f"{folder}: none of its attempts can be read; the first one: {notes[0]}")
    return Project(tuple(attempts), plain.get("shown"), tuple(notes))


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Give the folder itself if it is a project, else a hidden one beside it that becomes it when all is well."""
    if (folder / PROJECT).exists():
        with _told(folder):
            yield folder
        return
    stage = folder.with_name(f".{uuid.uuid4().hex[:12]}")
    try:
        with _told(folder):
            stage.mkdir(parents=True)
            yield stage
            if folder.exists():
                folder.rmdir()  # empty, as was seen before
            stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{folder}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _all_or_none() -> Iterator[list[Path]]:
    """Remove the folders that are put into the list, unless all goes well."""
    made: list[Path] = []
    done = False
    try:
        yield made
        done = True
    finally:
        for folder in [] if done else made:
            shutil.rmtree(folder, ignore_errors=True)


def _write_attempt(attempt: AttemptRecord, folder: Path, made: list[Path], registered: bool) -> None:
    """Write what is not there yet; a result never changes, and its folder appears in one step."""
    result = attempt.result
    if not (folder / RECORD).exists():
        made.append(folder)
        origins = {"fixed": attempt.fixed, "moving": attempt.moving}
        inputs = {role: _described(origin) for role, origin in origins.items() if role not in result.inputs}
        save_result(result, folder, inputs=inputs, when=attempt.when, volumes=False)
    if registered and isinstance(result, RegistrationResult) and not (folder / REGISTERED).exists():
        interpolator: Any = "nearest" if attempt.moving.kind == "labels" else "linear"
        write_volume(result.resample(interpolator=interpolator), folder / REGISTERED)
        record = load_record(folder)
        record["files"] = sorted({*record.get("files", ()), REGISTERED})
        with replacing(folder / RECORD) as temporary:
            temporary.write_text(to_json(record), encoding="utf-8")


def _described(origin: VolumeOrigin) -> dict[str, Any]:
    return {"path": origin.path, "name": origin.name}


def _folder_name(attempt: AttemptRecord) -> str:
    name = re.sub(r"[^A-Za-z0-9\-]+", "-", attempt.result.recipe.name).strip("-")[:40]
    return f"{name or 'attempt'}-{attempt.key[:12]}"


def _to_plain(
    attempts: Sequence[AttemptRecord], folders: dict[str, str], folder: Path, shown: str | None
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "program": f"napari-coreg {napari_coreg.__version__}",
        "date": now(),
        "shown": shown if shown in folders else None,
        "attempts": [
            {
                "key": attempt.key,
                "name": attempt.name,
                "folder": folders[attempt.key],
                "recipe": attempt.result.recipe.name,
                "when": attempt.when,
                "fixed": origin_to_plain(attempt.fixed, folder),
                "moving": origin_to_plain(attempt.moving, folder),
                "verdict": attempt.result.verdict.state,
                "metric_before": attempt.result.metric_before,
                "metric_after": attempt.result.metric_after,
                "seconds": round(attempt.result.seconds, 3),
            }
            for attempt in attempts
        ],
    }


def _attempt(entry: dict[str, Any], folder: Path) -> AttemptRecord:
    result = load_result(folder / ATTEMPTS / entry["folder"])
    try:
        fixed, moving = origin_from_plain(entry["fixed"], folder), origin_from_plain(entry["moving"], folder)
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{folder / PROJECT}: does not tell the pair ({error})") from error
    return AttemptRecord(entry["name"], result, fixed, moving, str(entry.get("when", "")), entry["key"])


def _is_readable(entry: dict[str, Any], folder: Path) -> bool:
    try:
        _attempt(entry, folder)
    except FileError:
        return False
    return True


def _entries_before(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of an existing project by key, none of a new one; refuse a folder of something else."""
    if (folder / PROJECT).exists():
        return {entry["key"]: entry for entry in _load(folder)["attempts"]}
    if folder.is_dir() and any(folder.iterdir()):
        raise FileError(f"{folder}: is not empty and holds no project; choose a new folder")
    return {}


def _load(folder: Path) -> dict[str, Any]:
    """Return project.json as plain data, with names and sub-folders that can be relied on."""
    path = folder / PROJECT
    if not path.is_file():
        raise FileError(f"{folder}: is no project folder, as there is no {PROJECT} in it")
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileError(f"{path}: not a readable project ({error})") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("schema_version"), int):
        raise FileError(f"{path}: is JSON, but not a project")
    if plain["schema_version"] > SCHEMA_VERSION:
        raise FileError(
            f"{path}: was written by a later version ({plain.get('program', 'unknown')}); update napari-coreg"
        )
    entries = plain.get("attempts")
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise FileError(f"{path}: its list of attempts is damaged; each needs a name, a key and the name of its folder")
    if len({entry["key"] for entry in entries}) < len(entries):
        raise FileError(f"{path}: its list of attempts is damaged: two of them have the same key")
    return plain


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("key", "name", "folder")):
        return False
    return bool(_PLAIN_NAME.fullmatch(entry["folder"]) and entry["key"])
