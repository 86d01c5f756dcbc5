"""What napari finds in the manifest besides widgets: the reader, the writers and the sample data."""

from __future__ import annotations

import os
import re
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, stem
from napari_coreg.io.dicom import is_dicom
from napari_coreg.io.volumes import VOLUME_SUFFIXES, LoadedVolume, read_volume, read_volumes, write_volume
from napari_coreg.plugin.layers import (
    METADATA_KEY,
    read_displayed,
    read_layer,
    series_to_layer_data,
    volume_to_layer_data,
)
from napari_coreg.samples import SAMPLES, sample_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_coreg.plugin.layers import LayerData

    PathOrPaths = str | Path | Sequence[str | Path]

_READ_ONLY_SUFFIXES = (".mgh", ".mgz")
_LABEL_WORDS = re.compile(r"label|seg|mask", re.IGNORECASE)
_FILES_TRIED = 40  # of a folder, before it is called no DICOM folder
MOVING_LOOKS = {"colormap": "bop orange", "blending": "additive"}


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """Return the function that reads `path`, None where it is nothing for this plugin.

    Parameters
    ----------
    path : str or list of str
        NIfTI, NRRD, MetaImage, MGH, a DICOM file, or a folder with DICOM files in it.
    """
    only = _only_path(path)
    if only is None or not only.exists():
        return None
    if only.is_dir():
        return read_layers if _has_dicom(only) else None
    known = full_suffix(only) in (*VOLUME_SUFFIXES, *_READ_ONLY_SUFFIXES)
    return read_layers if known or is_dicom(only) else None


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """Read all volumes at `path` as layers; what had to be mended is told in a notification.

    The frames of a 4-D file become one (t, z, y, x) layer. A file of whole numbers with label, seg or mask in its name
    becomes a Labels layer.

    Raises
    ------
    FileError
        Nothing can be read there, or `path` is a list of several.
    """
    from napari.utils.notifications import show_info  # noqa: PLC0415 - reading without a window needs no napari

    only = _only_path(path)
    if only is None:
        raise FileError("Several files cannot be opened as one volume: open their folder, or one file at a time.")
    layers, notes = layers_at(only)
    if notes:
        show_info("\n".join(notes))
    return layers


def layers_at(path: Path) -> tuple[list[LayerData], list[str]]:
    """Read all volumes at `path` as layers, as `read_layers` does, and return what had to be mended beside them."""
    volumes = read_volumes(path)
    groups = groupby(volumes, key=lambda volume: (volume.path, _title(volume)))
    return [_layer_data(list(group)) for _, group in groups], _notes(volumes)


def write_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an Image layer, in the place where it is shown, as NIfTI, NRRD or MetaImage.

    Parameters
    ----------
    path : str
        The suffix tells the format.
    data : array
        2-D or 3-D, zyx.
    attributes : dict
        The layer's other arguments, as napari hands them over.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    GeometryError, VolumeError
        The layer has no place that a file can hold: it is sheared, 4-D, RGB or multiscale.
    FileError
        The file cannot be written.
    """
    return _write(path, data, attributes, "image")


def write_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a Labels layer, as `write_image` does an Image layer."""
    return _write(path, data, attributes, "labels")


def open_ct_mr() -> list[LayerData]:
    """Open the sample pair CT and MR T1."""
    return open_sample("ct-mr")


def open_ct_t2() -> list[LayerData]:
    """Open the sample pair CT and MR T2."""
    return open_sample("ct-t2")


def open_ct_pet() -> list[LayerData]:
    """Open the sample pair CT and PET."""
    return open_sample("ct-pet")


def open_mr_pet() -> list[LayerData]:
    """Open the sample pair MR T1 and PET."""
    return open_sample("mr-pet")


def open_t1_t2() -> list[LayerData]:
    """Open the sample pair MR T1 and MR T2."""
    return open_sample("t1-t2")


def open_deformed() -> list[LayerData]:
    """Open the sample pair of a bent MR T1 and the straight one."""
    return open_sample("deformed")


def open_sample(key: str) -> list[LayerData]:
    """Read a sample pair as two layers, the fixed one gray, the moving one orange above it.

    Parameters
    ----------
    key : str
        Key of `napari_coreg.samples.SAMPLES`.
    """
    sample = SAMPLES[key]
    fixed, moving = (_layer_data([read_volume(sample_path(name))]) for name in sample.files)
    moving[1].update(MOVING_LOOKS)
    return [fixed, moving]


def _only_path(path: PathOrPaths) -> Path | None:
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    return Path(paths[0]) if len(paths) == 1 else None


def _has_dicom(folder: Path) -> bool:
    """Whether one of the first files in the folder, or in its subfolders, is DICOM."""
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in sorted(names))
    return any(is_dicom(file) for file in islice(files, _FILES_TRIED))


def _title(volume: LoadedVolume) -> str:
    """Name of the volume, or of the series it is a frame of."""
    return volume.name if volume.frame is None or volume.frame_count == 1 else stem(volume.path)


def _notes(volumes: Sequence[LoadedVolume]) -> list[str]:
    """Return every note once, with the names of the volumes that it is about."""
    about: dict[str, dict[str, None]] = {}
    for volume in volumes:
        for note in volume.notes:
            about.setdefault(note, {})[_title(volume)] = None
    return [f"{', '.join(titles)}: {note}" for note, titles in about.items()]


def _layer_data(volumes: list[LoadedVolume]) -> LayerData:
    """Turn one volume, or the frames of one series, into a layer."""
    first = volumes[0]
    about: dict[str, Any] = {
        "path": str(first.path),
        "modality": first.modality,
        "unit": first.unit,
        "notes": list(dict.fromkeys(note for volume in volumes for note in volume.notes)),
    }
    metadata = {METADATA_KEY: about}
    if len(volumes) > 1:
        return series_to_layer_data([volume.image for volume in volumes], _title(first), metadata=metadata)
    about |= {"volume": first.name, "number": first.number, "count": first.count}
    kind: Literal["image", "labels"] = "labels" if _is_labels(first) else "image"
    return volume_to_layer_data(first.image, _title(first), kind=kind, metadata=metadata)


def _is_labels(volume: LoadedVolume) -> bool:
    if not volume.path.is_file() or not _LABEL_WORDS.search(volume.path.name):
        return False
    values = sitk.GetArrayViewFromImage(volume.image)
    return values.dtype.kind in "iu" or bool(np.array_equal(values, np.rint(values)))


def _write(path: str, data: Any, attributes: dict[str, Any], kind: str) -> list[str]:
    from napari.layers import Layer  # noqa: PLC0415 - napari is there when it calls

    # A layer that is not visible is not sliced, so nothing is computed but its place.
    layer = Layer.create(data, {**attributes, "visible": False}, kind)
    source = layer.metadata.get(METADATA_KEY, {}).get("path")
    keeps_its_space = source is not None and Path(source).is_file() and read_layer(layer, min_voxels=1).moved is None
    write_volume(read_displayed(layer).to_image(), path, like=source if keeps_its_space else None)
    return [path]
