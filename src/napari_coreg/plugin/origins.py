"""Where the voxels of a layer came from, for the record of a run: which volume of which file, if it is in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.plugin.placement import METADATA_KEY

if TYPE_CHECKING:
    from napari_coreg.plugin.layer_run import Request


def path_of(layer: Any) -> str | None:
    """Return the file or folder that a layer was read from, where it is known."""
    path = layer.metadata.get(METADATA_KEY, {}).get("path") or layer.source.path
    return None if path is None else str(path)


def origin_of(layer: Any) -> dict[str, Any]:
    """Return where a layer came from, as plain data for the record of a registration; see `LoadedVolume.origin`.

    The axes of a layer's voxels were brought upright when it was read, so the record says that of it, too.
    """
    own = layer.metadata.get(METADATA_KEY, {})
    known = {name: own[name] for name in ("number", "count", "modality", "unit") if own.get(name) is not None}
    return {
        "path": path_of(layer),
        "name": own.get("volume") or layer.name,
        "layer": layer.name,
        "upright": True,
        **known,
    }


def inputs_of(request: Request) -> dict[str, dict[str, Any]]:
    """Return where the volumes, the masks and the start of a request came from, by role."""
    volumes = {name: getattr(request, name) for name in ("fixed", "moving", "fixed_mask", "moving_mask")}
    inputs = {name: dict(volume.origin) for name, volume in volumes.items() if volume is not None}
    if request.initial_transform is not None:
        source = request.start_source or "the layers' position in the viewer"
        inputs["initial_transform"] = {"path": None, "source": source}
    return inputs
