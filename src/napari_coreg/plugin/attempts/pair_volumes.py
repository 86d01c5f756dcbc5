"""Finds the volumes of an attempt that was read from a project: among the layers, else in the files they came from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_coreg.core.register import fingerprint
from napari_coreg.errors import CoregError, FileError
from napari_coreg.plugin.contributions import layers_at
from napari_coreg.plugin.layers import read_layer
from napari_coreg.plugin.live import is_preview
from napari_coreg.plugin.origins import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.attempt_record import VolumeOrigin
    from napari_coreg.io.saved_result import SavedResult
    from napari_coreg.plugin.layers import LayerVolume

_OTHER_VOXELS = "its voxels or its place are not those that were registered"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A layer that may be the one, as it was read without touching its voxels."""

    layer: Any
    volume: LayerVolume
    path: str | None


@dataclass(frozen=True, eq=False)
class Found:
    """A volume that was found.

    Attributes
    ----------
    layer : layer
        The one of the viewer, or a new one.
    image : SimpleITK.Image
        Its voxels in the volume's own frame.
    is_new : bool
        Whether the layer has yet to be added.
    warning : str
        One sentence where it is not surely the one that was registered, else empty.
    """

    layer: Any
    image: sitk.Image
    is_new: bool = False
    warning: str = ""


def candidates(layers: Iterable[Any]) -> tuple[Candidate, ...]:
    """Return those layers that can be read as volumes; cheap."""
    found = []
    for layer in layers:
        if not is_preview(layer):
            with suppress(CoregError):
                found.append(Candidate(layer, read_layer(layer), path_of(layer)))
    return tuple(found)


def find_volume(origin: VolumeOrigin, grid: Grid, there: Sequence[Candidate]) -> Found:
    """Return the volume that `origin` tells of; may take long, as voxels are compared and files read.

    The one with the same fingerprint if there is one, else of the same file, else of the same name; else it is read
    from its file.

    Parameters
    ----------
    origin : VolumeOrigin
        Which one.
    grid : Grid
        Where its voxels were.
    there : sequence of Candidate
        The layers of the viewer.

    Raises
    ------
    FileError
        One sentence on what is missing.
    """
    fitting = [item for item in there if item.volume.geometry.dimension == grid.dimension]
    return _same_voxels(origin, grid, fitting) or _same_origin(origin, fitting) or _from_file(origin, grid)


def _same_voxels(origin: VolumeOrigin, grid: Grid, there: Sequence[Candidate]) -> Found | None:
    for item in there:
        if item.volume.geometry == grid:
            image = item.volume.to_image()
            if fingerprint(image) == origin.fingerprint:
                return Found(item.layer, image)
    return None


def _same_origin(origin: VolumeOrigin, there: Sequence[Candidate]) -> Found | None:
    """Return the only layer of the file, or that of the same file and name, or that of the same name."""
    of_file = [item for item in there if origin.path is not None and item.path == origin.path]
    of_name = [item for item in there if item.volume.name == origin.name]
    both = [item for item in of_file if item in of_name]
    for items, how in ((both, "file and name"), (of_file, "file"), (of_name, "name")):
        if len(items) == 1:
            name = items[0].volume.name
            warning = f"{name!r} was taken for {origin.name!r} by its {how}, but {_OTHER_VOXELS}."
            return Found(items[0].layer, items[0].volume.to_image(), warning=warning)
    return None


def _from_file(origin: VolumeOrigin, grid: Grid) -> Found:
    from napari.layers import Layer  # noqa: PLC0415 - loaded already wherever there is a viewer

    if origin.path is None:
        raise FileError(f"The volume {origin.name!r} is missing, and its file is not known; open it and click again.")
    if not Path(origin.path).exists():
        raise FileError(f"The volume {origin.name!r} is missing: {origin.path} is not there; open it and click again.")
    there = candidates(Layer.create(*data) for data in layers_at(Path(origin.path))[0])
    fitting = [item for item in there if item.volume.geometry.dimension == grid.dimension]
    found = _same_voxels(origin, grid, fitting)
    if found is not None:
        return Found(found.layer, found.image, is_new=True)
    named = [item for item in fitting if item.volume.name == origin.name] or fitting
    if len(named) != 1:
        raise FileError(f"The volume {origin.name!r} is not in {origin.path} any more; open it and click again.")
    warning = f"{origin.name!r} was read from {origin.path}, but {_OTHER_VOXELS}."
    return Found(named[0].layer, named[0].volume.to_image(), is_new=True, warning=warning)


def rebuilt(saved: SavedResult, fixed: Found, moving: Found) -> RegistrationResult:
    """Return the whole result; a volume that is not surely the one has no fingerprint in it."""
    result = saved.with_volumes(fixed.image, moving.image)
    unsure = {role for role, found in (("fixed", fixed), ("moving", moving)) if found.warning}
    return replace(result, fingerprints={name: x for name, x in result.fingerprints.items() if name not in unsure})
