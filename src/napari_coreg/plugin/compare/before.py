"""What a registered layer shows was before: the moving volume as it lay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.reslice import Source
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.live import is_preview, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, eq=False)
class Before:
    """A moving volume as it lay.

    Attributes
    ----------
    name : str
        Its name.
    source : Source
        Its voxels where they are displayed, or where its header says when it is no longer among the layers.
    layer : layer or None
        The layer.
    image : SimpleITK.Image or None
        What the voxels belong to when there is no layer.
    """

    name: str
    source: Source
    layer: Any = None
    image: sitk.Image | None = None


def before_of(layer: Any, layers: Iterable[Any]) -> Before | None:
    """Return what a layer shows as it was before it was registered; None where the layer is no such result.

    Parameters
    ----------
    layer : layer
        Which carries its result in its metadata.
    layers : iterable of layer
        Among which the moving one may be.
    """
    own = layer.metadata.get(METADATA_KEY, {})
    result = own.get("result")
    if result is None:
        return None
    name = str(own.get("made_by", {}).get("moving") or "moving")
    size_zyx = tuple(result.moving.GetSize()[::-1])
    for other in layers:
        is_it = other.name == name and type(other) is type(layer) and not is_preview(other)
        if is_it and tuple(other.data.shape) == size_zyx:
            return Before(name, source_of(other), other)
    is_labels = not hasattr(layer, "contrast_limits")
    voxels = np.asarray(sitk.GetArrayViewFromImage(result.moving))
    matrix = Grid.of(result.moving).index_to_lps
    source = Source(voxels, matrix, 0.0, "nearest" if is_labels else "linear")
    return Before(name, source, image=result.moving)
