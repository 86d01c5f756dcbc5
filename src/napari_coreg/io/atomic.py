"""Files that appear whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TWO_PART_SUFFIXES = (".nii.gz", ".img.gz", ".hdr.gz", ".mrk.json")


def full_suffix(path: Path) -> str:
    """Return the suffix that tells the format, in lower case.

    Examples
    --------
    >>> full_suffix(Path("a.b.NII.GZ"))
    '.nii.gz'
    >>> full_suffix(Path("report.v2.json"))
    '.json'
    """
    name = path.name.lower()
    return next((suffix for suffix in _TWO_PART_SUFFIXES if name.endswith(suffix)), path.suffix.lower())


def stem(path: Path) -> str:
    """Return the name without the suffix that tells the format.

    Examples
    --------
    >>> stem(Path("brain.nii.gz"))
    'brain'
    """
    suffix = full_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.name


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; what is written there takes its place when all went well.

    Parameters
    ----------
    path : str or Path
        The file to make or to replace.

    Yields
    ------
    Path
        A hidden name in the same folder with the same suffix; nothing exists there yet. It is gone afterwards.

    Raises
    ------
    FileError
        If the folder does not exist or the file cannot be written.
    """
    target = require_folder_of(path)
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}{full_suffix(target)}")
    try:
        yield temporary
        temporary.replace(target)
    except FileError:
        raise
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_together(path: str | Path) -> Iterator[Path]:
    """Give `path`'s own name in a temporary folder beside it, for formats of several files that name each other.

    The file called `path` itself is moved last, so that it never points to a part that is not there.

    Raises
    ------
    FileError
        If the folder does not exist or a file cannot be written.
    """
    target = require_folder_of(path)
    folder = target.with_name(f".{uuid.uuid4().hex[:12]}")
    try:
        folder.mkdir()
        yield folder / target.name
        for part in sorted(folder.iterdir(), key=lambda part: part.name == target.name):
            part.replace(target.with_name(part.name))
    except FileError:
        raise
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def require_folder_of(path: str | Path) -> Path:
    """Return the path of a file to be written, the user's home put in; refuse, before long work, one that cannot be.

    Raises
    ------
    FileError
        If its folder does not exist, or it is a folder itself.
    """
    target = Path(path).expanduser()
    if not target.parent.is_dir():
        raise FileError(f"{target}: the folder {target.parent} does not exist; make it first")
    if target.is_dir():
        raise FileError(f"{target}: is a folder; give the name of a file")
    return target


def _unwritable(target: Path, error: OSError) -> FileError:
    return FileError(f"{target}: cannot be written: {error.strerror or error}")
