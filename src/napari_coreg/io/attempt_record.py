"""What is remembered of a finished run: its result, its pair, and what a person calls it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from napari_coreg.io.places import places_of, relative_path

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.saved_result import SavedResult


def now() -> str:
    """Return date and time as records have them."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


@dataclass(frozen=True)
class VolumeOrigin:
    """What a volume was and where it came from.

    Attributes
    ----------
    name : str
        As its layer was called.
    kind : str
        "image" or "labels".
    path : str or None
        The file or DICOM folder it was read from, where that is known.
    fingerprint : str or None
        SHA-256 of voxels and geometry, as in `RegistrationResult.fingerprints`.
    """

    name: str
    kind: str = "image"
    path: str | None = None
    fingerprint: str | None = None


@dataclass(eq=False)
class AttemptRecord:
    """One finished run, and what a person calls it.

    Attributes
    ----------
    name : str
        As it stands in the table.
    result : RegistrationResult or SavedResult
        What came of it; without its volumes where they are not open.
    fixed, moving : VolumeOrigin
        The pair.
    when : str
        When the run ended, ISO 8601.
    key : str
        Tells it from all others, for good.
    """

    name: str
    result: RegistrationResult | SavedResult
    fixed: VolumeOrigin
    moving: VolumeOrigin
    when: str = field(default_factory=now)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


def origin_to_plain(origin: VolumeOrigin, folder: Path) -> dict[str, Any]:
    """Return plain data with a second path that holds when project and volumes are moved together."""
    relative = None if origin.path is None else relative_path(origin.path, folder)
    return {**vars(origin), "relative_path": relative}


def origin_from_plain(plain: Any, folder: Path) -> VolumeOrigin:
    """Return what `origin_to_plain` wrote; the path is the one of the two that still leads somewhere."""
    places = places_of(plain.get("path"), plain.get("relative_path"), folder)
    path = next((str(place) for place in places if place.exists()), plain.get("path"))
    return VolumeOrigin(str(plain["name"]), str(plain.get("kind", "image")), path, plain.get("fingerprint"))
