"""Makes ordinary layers of live ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.transforms import compose
from napari_coreg.plugin.layers import METADATA_KEY, volume_to_layer_data
from napari_coreg.plugin.live import Resliced, live_volume
from napari_coreg.plugin.voxels import plain

if TYPE_CHECKING:
    from napari_coreg.plugin.layers import LayerData
    from napari_coreg.plugin.live_volume import Look


def keep_layer(viewer: Any, layer: Any, *, name: str = "") -> Any:
    """Make an ordinary layer of a live one, which it replaces; returns when all voxels are worked out.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the live layer is.
    layer : layer
        A live layer, as from `reslice_layer`.
    name : str
        The new layer's name; that of the live one, without "(live)", when not given.

    Returns
    -------
    layer
        On the fixed layer's own grid where the live one has one, of the pixel type of the moving layer.

    Raises
    ------
    VolumeError
        The layer is no live layer.
    """
    from napari.layers import Layer  # noqa: PLC0415 - loaded already wherever a layer exists

    kept = Layer.create(*kept_layer_data(layer, name))
    if layer in viewer.layers:
        viewer.layers.remove(layer)
    viewer.add_layer(kept)
    return kept


def kept_layer_data(layer: Any, name: str = "", look: Look | None = None) -> LayerData:
    """Work out all voxels of a live layer, and return the layer data tuple of an ordinary one; for any thread.

    Parameters
    ----------
    layer : layer
        A live layer.
    name : str
        The new layer's name; that of the live one, without "(live)", when not given.
    look : callable, optional
        In the place of the layer's own, where that one is quick rather than exact.

    Raises
    ------
    VolumeError
        The layer is no live layer.
    """
    volume = live_volume(layer)
    fixed = layer.metadata[METADATA_KEY].get("fixed")
    grid, moved = (volume.grid, None) if fixed is None else (fixed.geometry, fixed.moved)
    look = volume.look if look is None else look
    if fixed is not None and isinstance(look, Resliced) and moved is not None:
        look = Resliced(look.source, compose(moved, look.transform))
    values = np.asarray(look(grid))
    voxel_type = look.source.voxels.dtype if isinstance(look, Resliced) else values.dtype
    if voxel_type.kind in "iu" and values.dtype != voxel_type:
        values = np.rint(values).astype(voxel_type)
    image = sitk.GetImageFromArray(plain(values))
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    is_labels = not hasattr(layer, "contrast_limits")
    looks = {} if is_labels else {"contrast_limits": layer.contrast_limits, "colormap": layer.colormap}
    return volume_to_layer_data(
        image,
        name or layer.name.removesuffix(" (live)"),
        kind="labels" if is_labels else "image",
        moved=moved,
        opacity=layer.opacity,
        blending=layer.blending,
        **looks,
    )
