"""The volumes and the start that a record tells of: found again, and held against their fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from napari_coreg.core.plain_transforms import from_plain, transform_fingerprint
from napari_coreg.core.register import fingerprint
from napari_coreg.errors import FileError
from napari_coreg.io.places import places_of
from napari_coreg.io.records import INITIAL, load_transform
from napari_coreg.io.transforms import read_transform
from napari_coreg.io.volumes import list_volumes, read_volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_coreg.io.loaded import LoadedVolume

_TOLD = 12  # characters of a fingerprint that are told
_MOST_TRIED = 200  # volumes of one path that are read to find one by its fingerprint


@dataclass(frozen=True, eq=False)
class RecordedInputs:
    """What a run is repeated with.

    Attributes
    ----------
    images : dict of str to SimpleITK.Image
        "fixed", "moving", and the masks there were.
    initial_transform : SimpleITK.Transform or None
        Where the run began.
    inputs : dict
        Where each came from, for the new record.
    others : tuple of str
        One sentence on each that is not what was registered.
    notes : tuple of str
        What else a person should know.
    """

    images: dict[str, sitk.Image]
    initial_transform: sitk.Transform | None
    inputs: dict[str, dict[str, Any]]
    others: tuple[str, ...]
    notes: tuple[str, ...]


def find_inputs(record: Mapping[str, Any], folder: Path, given: Mapping[str, str | Path]) -> RecordedInputs:
    """Return the inputs of a recorded run: from the files that are given, else from where the record says they were.

    Parameters
    ----------
    record : mapping
        What result.json holds, in the schema of this version.
    folder : Path
        The folder of the result.
    given : mapping of str to path
        Files that are somewhere else now, by role: "fixed", "moving", "fixed_mask", "moving_mask", "initial".

    Raises
    ------
    FileError
        One sentence on what is not there, or cannot be read.
    """
    images, inputs, others, notes = {}, {}, [], []
    for role in roles_of(record):
        image, volume = find_volume(record, folder, role, given.get(role))
        digest, found = record.get("fingerprints", {}).get(role), fingerprint(image)
        if digest is None:
            notes.append(f"the record has no fingerprint of the {said(role)}, so it is not known whether this is it")
        elif found != digest:
            others.append(_other(said(role), volume.path, digest, found))
        images[role], inputs[role] = image, volume.origin()
    start, told = _find_start(record, folder, given.get("initial"))
    if start is not None:
        inputs["initial_transform"] = {**record.get("inputs", {}).get("initial_transform", {})}
        wanted, found = record["initial_transform"].get("fingerprint"), transform_fingerprint(start)
        if wanted is None:
            notes.append("the record has no fingerprint of the start, so it is not known whether this is it")
        elif found != wanted:
            others.append(_other("start", told, wanted, found))
    return RecordedInputs(images, start, inputs, tuple(others), tuple(notes))


def said(role: str) -> str:
    """Return a role in words.

    Examples
    --------
    >>> said("fixed"), said("moving_mask")
    ('fixed volume', 'moving mask')
    """
    return role.replace("_", " ") if role.endswith("mask") else f"{role} volume"


def roles_of(record: Mapping[str, Any]) -> list[str]:
    """Return which volumes took part in a recorded run, in a fixed order; the two masks may be missing."""
    known = {*record.get("fingerprints", {}), *record.get("inputs", {})}
    return ["fixed", "moving", *(role for role in ("fixed_mask", "moving_mask") if role in known)]


def _other(what: str, path: Path, wanted: str, found: str) -> str:
    begun = [digest.removeprefix("sha256:")[:_TOLD] for digest in (wanted, found)]
    return f"the {what} in {path} is not the one of the run: its SHA-256 was {begun[0]}..., and is {begun[1]}..."


def find_volume(
    record: Mapping[str, Any], folder: Path, role: str, given: str | Path | None = None, *, hint: str | None = None
) -> tuple[sitk.Image, LoadedVolume]:
    """Return a volume of a recorded run: the first that has its fingerprint, the likeliest one if none has.

    Parameters
    ----------
    record, folder
        As for `find_inputs`.
    role : {"fixed", "moving", "fixed_mask", "moving_mask"}
        Which one.
    given : path, optional
        The file that it is in now.
    hint : str, optional
        What to do where it is not found; `rerun`'s option when not given.

    Returns
    -------
    image : SimpleITK.Image
        As it was registered, LPS mm: upright where it was a layer of napari.
    volume : LoadedVolume
        As it was read.

    Raises
    ------
    FileError
        It is not there, or cannot be read.
    """
    origin = record.get("inputs", {}).get(role, {})
    digest = record.get("fingerprints", {}).get(role)
    likeliest = None
    for path in _places(origin, folder, role, given, hint or f"give it: --{role.replace('_', '-')} FILE"):
        for volume in _candidates(path, origin, digest):
            for image in _ways(volume, origin):
                if digest is None or fingerprint(image) == digest:
                    return image, volume
                likeliest = likeliest or (image, volume)
    if likeliest is None:
        raise FileError(f"there is no volume in the place of the {said(role)}")
    return likeliest


def _places(origin: Mapping[str, Any], folder: Path, role: str, given: str | Path | None, hint: str) -> list[Path]:
    if given is not None:
        return [Path(given)]
    places = places_of(origin.get("path"), origin.get("relative_path"), folder)
    if not places:
        where = f"{origin['layer']!r} was a layer of napari that" if origin.get("layer") else "it was an image that"
        raise FileError(f"the record tells no file of the {said(role)}, as {where} is in no file; {hint}")
    there = [place for place in places if place.exists()]
    if not there:
        raise FileError(f"the {said(role)} is not where it was, {places[0]}; {hint}")
    return there


def _candidates(path: Path, origin: Mapping[str, Any], digest: str | None) -> Iterator[LoadedVolume]:
    """Read the volume of the recorded name, that of its number, and then all others, one after the other."""
    names = list_volumes(path)
    order = [names.index(origin["name"])] if origin.get("name") in names else []
    if origin.get("number") is not None and origin["number"] < len(names):
        order.append(origin["number"])
    order += range(len(names)) if digest is not None else [0]
    for number in list(dict.fromkeys(order))[:_MOST_TRIED]:
        yield read_volume(path, number)


def _ways(volume: LoadedVolume, origin: Mapping[str, Any]) -> Iterator[sitk.Image]:
    """Yield a volume as it was read, or as a layer of napari hands it over: as an image, as labels, or as a mask."""
    if not origin.get("upright"):
        yield volume.image
        return
    image = volume.upright().image
    yield image
    yield sitk.Cast(image != 0, sitk.sitkUInt8)
    if image.GetPixelID() not in (sitk.sitkInt32, sitk.sitkUInt8):
        yield sitk.Cast(sitk.Round(sitk.Cast(image, sitk.sitkFloat64)), sitk.sitkInt32)


def _find_start(
    record: Mapping[str, Any], folder: Path, given: str | Path | None
) -> tuple[sitk.Transform | None, Path]:
    """Return where the run began and the file that tells it; None where it began from no transform."""
    recorded = record.get("initial_transform")
    if recorded is None:
        return None, folder
    if given is not None:
        return load_transform(given), Path(given)
    if (folder / INITIAL).exists():
        return read_transform(folder / INITIAL), folder / INITIAL
    if recorded.get("parts"):
        return _start_of_record(recorded["parts"], folder), folder
    origin = record.get("inputs", {}).get("initial_transform", {})
    places = [path for path in places_of(origin.get("path"), origin.get("relative_path"), folder) if path.exists()]
    if not places:
        was = origin.get("path") or "it is not known which"
        raise FileError(f"the run began from a transform that is not kept ({was}); give it: --initial FILE")
    return load_transform(places[0]), places[0]


def _start_of_record(plain: Sequence[Mapping[str, Any]], folder: Path) -> sitk.Transform:
    try:
        return from_plain(plain)
    except ValueError as error:
        raise FileError(
            f"{folder}: the start that its record tells is damaged: {error}; give it: --initial FILE"
        ) from None
