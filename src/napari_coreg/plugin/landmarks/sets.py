"""The landmarks of each pair of volumes in a viewer, which outlive the dock widget that set them."""

from __future__ import annotations

from typing import Any

from napari_coreg.errors import VolumeError
from napari_coreg.per_viewer import PerViewer, unwrapped
from napari_coreg.plugin.landmarks.layers import LandmarkLayers

_OF_VIEWERS: PerViewer[list[LandmarkLayers]] = PerViewer(lambda _viewer: [])


def landmarks_of(viewer: Any, fixed: Any, moving: Any) -> LandmarkLayers:
    """Return the landmarks of two layers of a viewer; the same ones as long as both are in it.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where the layers are.
    fixed, moving : napari.layers.Image
        The volumes.

    Raises
    ------
    CoregError
        One of the layers cannot be read as a volume, both are the same, or one is 2-D and the other 3-D.
    """
    viewer = unwrapped(viewer)
    there = _OF_VIEWERS.of(viewer)
    for known in [known for known in there if any(image not in viewer.layers for image in known.images.values())]:
        known.close()
        there.remove(known)
    for known in there:
        if known.images["fixed"] is fixed and known.images["moving"] is moving:
            return known
    if fixed is moving:
        raise VolumeError("Fixed and moving are the same layer: choose two.")
    if fixed.ndim != moving.ndim:
        raise VolumeError(
            f"{fixed.name!r} is {fixed.ndim}-D and {moving.name!r} is {moving.ndim}-D: choose two of one kind."
        )
    there.append(LandmarkLayers(fixed, moving))
    return there[-1]


def known_landmarks(viewer: Any, fixed: Any, moving: Any) -> LandmarkLayers | None:
    """Return the landmarks of two layers of a viewer where there are some already, or None.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where the layers are.
    fixed, moving : napari.layers.Image
        The volumes.
    """
    there = _OF_VIEWERS.of(unwrapped(viewer))
    return next((known for known in there if known.images == {"fixed": fixed, "moving": moving}), None)
