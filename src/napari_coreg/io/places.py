"""Where a file is that a record tells of: two paths, so that it is found when it was moved together with the record."""

from __future__ import annotations

import os
from pathlib import Path


def relative_path(path: str | Path, folder: Path) -> str | None:
    """Return the path to a file as it is seen from a folder; None where there is none, as between two drives.

    Examples
    --------
    >>> relative_path("/data/scans/ct.nii.gz", Path("/data/results/first"))
    '../../scans/ct.nii.gz'
    """
    try:
        return Path(os.path.relpath(Path(path).absolute(), folder.absolute())).as_posix()
    except ValueError:
        return None


def places_of(path: str | None, relative: str | None, folder: Path | None) -> list[Path]:
    """Return where a file may be, the likeliest place first; not all of them need be there."""
    places = [] if path is None else [Path(path).expanduser()]
    if relative is not None and folder is not None:
        places.append(Path(os.path.normpath(folder.absolute() / relative)))
    return list(dict.fromkeys(places))
