"""Result folders: a registration's transform, registered volume, displacement field and record, all or none."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.transforms import invert, is_linear
from napari_coreg.errors import FileError
from napari_coreg.io.migration import migrated
from napari_coreg.io.places import relative_path
from napari_coreg.io.strict_json import to_json
from napari_coreg.io.transforms import read_transform, write_transform
from napari_coreg.io.volumes import write_volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import SimpleITK as sitk

    from napari_coreg.io.saved_result import SavedResult

TRANSFORM, LINEAR_TRANSFORM = "transform.h5", "transform.tfm"
REGISTERED, DISPLACEMENT, RECORD = "registered.nii.gz", "displacement.nii.gz", "result.json"
INVERSE, INVERSE_DISPLACEMENT = "inverse_transform.h5", "inverse_displacement.nii.gz"
INITIAL = "initial_transform.h5"
_OURS = (TRANSFORM, LINEAR_TRANSFORM, INITIAL, REGISTERED, DISPLACEMENT, INVERSE, INVERSE_DISPLACEMENT, RECORD)


def save_result(
    result: RegistrationResult | SavedResult,
    folder: str | Path,
    *,
    inputs: Mapping[str, Any] | None = None,
    when: str | None = None,
    volumes: bool = True,
) -> Path:
    """Write a result into `folder`, all of its files or none.

    The files: transform.h5 (fixed -> moving, LPS mm), transform.tfm (the same as text, only where it is linear),
    registered.nii.gz (the moving volume on the fixed grid), displacement.nii.gz (T(p) - p at each fixed voxel p, LPS
    mm) and result.json (recipe, metric, trace, versions, fingerprints, inputs). Where a deformation has an inverse of
    its own, also inverse_transform.h5 (moving -> fixed) and inverse_displacement.nii.gz (on the moving grid). Where the
    run began from a transform that was given, also initial_transform.h5.
    Files of an earlier result are replaced; others are left alone.

    Parameters
    ----------
    result : RegistrationResult or SavedResult
        What to save; of one without its volumes, only with `volumes` off.
    folder : str or Path
        Made, with its parents, if it is not there.
    inputs : mapping, optional
        Where the volumes came from, for the record, by role, beside what the result itself knows: a path, or plain
        data, as `LoadedVolume.origin` gives it, such as {"fixed": "ct.nii.gz", "moving": moving.origin()}.
    when : str, optional
        When the run ended, for the record; now when not given.
    volumes : bool
        Whether to write the registered volume and the displacement fields, which are as large as the volumes; all can
        be made again from the transform.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileError
        If the folder or a file cannot be written; nothing is left behind then, and an earlier result stays as it was.
    """
    folder = Path(folder).expanduser()
    with _staged(folder) as stage:
        _write_transforms(result, stage)
        if volumes:
            _write_volumes(result, stage)
        record = {
            **result.to_record(),
            "date": when or datetime.now().astimezone().isoformat(timespec="seconds"),
            "inputs": _placed({**result.inputs, **(inputs or {})}, folder),
            "files": sorted([*(item.name for item in stage.iterdir()), RECORD]),
        }
        (stage / RECORD).write_text(to_json(record), encoding="utf-8")
    return folder


def _write_transforms(result: RegistrationResult | SavedResult, stage: Path) -> None:
    write_transform(result.transform, stage / TRANSFORM)
    if result.is_linear:
        write_transform(result.transform, stage / LINEAR_TRANSFORM)
    elif result.inverse_transform is not None:
        write_transform(result.inverse_transform, stage / INVERSE)
    if result.initial_transform is not None:
        write_transform(result.initial_transform, stage / INITIAL)


def _placed(inputs: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Return the inputs with a second path that holds when the folder is moved together with them."""
    placed = {}
    for role, given in inputs.items():
        origin = {"path": str(Path(given).absolute())} if isinstance(given, str | Path) else dict(given)
        path = origin.get("path")
        placed[role] = {**origin, "relative_path": None if path is None else relative_path(path, folder)}
    return placed


def _write_volumes(result: RegistrationResult | SavedResult, stage: Path) -> None:
    if not isinstance(result, RegistrationResult):
        raise FileError(f"{stage.parent}: the result has no volumes any more; save it without them")
    write_volume(result.resample(), stage / REGISTERED)
    write_volume(result.displacement_field(), stage / DISPLACEMENT)
    if result.inverse_transform is not None and not result.is_linear:
        write_volume(result.inverse_displacement_field(), stage / INVERSE_DISPLACEMENT)


def load_record(folder: str | Path) -> dict[str, Any]:
    """Return the record (result.json) in a result folder as plain data, in the schema of this version.

    Raises
    ------
    FileError
        If there is none, or it is not one, or a later version wrote it.
    """
    path = Path(folder).expanduser() / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(_no_record(path, error)) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileError(f"{path}: not a readable record of a registration ({error})") from error
    if not isinstance(record, dict) or "schema_version" not in record:
        raise FileError(f"{path}: is JSON, but not the record of a registration")
    return migrated(record, path)


def load_transform(path: str | Path) -> sitk.Transform:
    """Return the transform (fixed -> moving, LPS mm) in a file, or in the result folder `path`.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path).expanduser()
    return read_transform(path / TRANSFORM if path.is_dir() else path)


def load_inverse(path: str | Path) -> sitk.Transform:
    """Return the inverse (moving -> fixed, LPS mm) of the transform in a file, or in the result folder `path`.

    A linear transform is inverted; of a deformation, a result folder holds the inverse where there is a closed one.
    `napari_coreg.find_inverse` finds that of any transform.

    Raises
    ------
    FileError
        If it cannot be read, or it is a deformation without a closed inverse.
    RegistrationError
        If it is linear, but squeezes space flat.
    """
    path = Path(path).expanduser()
    if (path / INVERSE).exists():
        return read_transform(path / INVERSE)
    transform = load_transform(path)
    if is_linear(transform):
        return invert(transform)
    numerically = "napari_coreg.find_inverse finds one numerically, and tells how accurate it is"
    if path.is_dir():
        way_out = "with the deformation 'stationary_velocity' a registration finds one"
        raise FileError(f"{path}: holds a deformation without a closed inverse; {numerically}; {way_out}")
    raise FileError(
        f"{path}: is deformable, and a file holds one way only; give the folder of the result, or its {INVERSE} "
        f"without asking for the inverse; {numerically}"
    )


def has_closed_inverse(path: str | Path) -> bool:
    """Whether `load_inverse` will find one: the transform is linear, or in a result folder with its inverse.

    Raises
    ------
    FileError
        If the transform cannot be read.
    """
    path = Path(path).expanduser()
    return (path / INVERSE).exists() or is_linear(load_transform(path))


def require_result_folder(folder: str | Path) -> None:
    """Refuse, before a long run, a folder that its result cannot be written to; makes nothing.

    Raises
    ------
    FileError
        If it is a file, lies in one, or cannot be written.
    """
    folder = Path(folder).expanduser()
    there = _nearest_existing(folder)
    if not there.is_dir():
        what = "is a file" if there == folder else f"cannot be made, because {there} is a file"
        raise FileError(f"{folder}: {what}; give the name of a folder")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise FileError(f"{folder}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write in; its files come to `folder` when all went well.

    A folder that is not there yet appears with all its files in one step.
    """
    require_result_folder(folder)
    is_new = not folder.exists()
    made = [parent for parent in folder.parents if not parent.exists()]
    stage = (folder.parent if is_new else folder) / f".{uuid.uuid4().hex[:12]}"
    done = False
    try:
        stage.mkdir(parents=True)
        yield stage
        if is_new:
            stage.rename(folder)
        else:
            _move_all(stage, folder)
        done = True
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if not done:
            for parent in made:
                _remove_if_empty(parent)


def _move_all(stage: Path, folder: Path) -> None:
    """Replace the files of an earlier result; the record goes first and comes last."""
    staged = sorted(stage.iterdir(), key=lambda item: item.name == RECORD)
    (folder / RECORD).unlink(missing_ok=True)
    for name in set(_OURS) - {item.name for item in staged}:
        (folder / name).unlink(missing_ok=True)
    for item in staged:
        item.replace(folder / item.name)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def _no_record(path: Path, error: OSError) -> str:
    """Return why the record of a result folder cannot be opened."""
    if path.exists():
        return f"{path}: cannot be read: {error.strerror}"
    is_there = path.parent.exists()
    return f"{path.parent}: " + (f"is not the folder of a result: it has no {RECORD}" if is_there else "does not exist")
