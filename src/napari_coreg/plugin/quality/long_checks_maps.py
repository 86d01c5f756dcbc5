"""The maps of the long checks as layers: millimetres voxel by voxel, over the fixed volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.deformation import limits_mm
from napari_coreg.plugin.field_layers import length_layer_data
from napari_coreg.plugin.layers import METADATA_KEY, make_layer, volume_to_layer_data

if TYPE_CHECKING:
    from napari_coreg.core.quality.long_checks import LongCheck

COLORMAP = "inferno"
_MOST, _FULL_AT = 0.85, 0.35  # opacity, and from which part of the scale on
_LEAST_MM = 0.5  # where a scale ends at the earliest, so that what is of no account is not bright
_KEY = "long_check"
_NAMES: dict[LongCheck, str] = {
    "inverse_consistency": "Inverse consistency of {} (mm)",
    "repeatability": "Spread of repeated runs of {} (mm)",
    "simulation": "Error on a known motion of {} (mm)",
}


def map_layer(check: LongCheck, map_mm: sitk.Image, name: str, moved: sitk.AffineTransform | None = None) -> Any:
    """Return a map as an Image layer, ready made; for any thread.

    Parameters
    ----------
    check : {"inverse_consistency", "repeatability", "simulation"}
        What it is a map of.
    map_mm : SimpleITK.Image
        Distances, mm; NaN where nothing was measured, which is shown as 0.
    name : str
        What was checked.
    moved : SimpleITK.AffineTransform, optional
        The hand move of the layer that it lies over, as in `LayerVolume.moved`.
    """
    values = sitk.GetArrayViewFromImage(map_mm)
    measured = values[np.isfinite(values) & (values > 0)]
    filled = sitk.GetImageFromArray(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32))
    filled.CopyInformation(map_mm)
    return make_layer(
        length_layer_data(
            filled,
            _NAMES[check].format(name),
            limits=(0.0, max(_LEAST_MM, limits_mm(measured)[1])),
            moved=moved,
            colormap=error_colormap(),
            blending="translucent_no_depth",
            metadata={METADATA_KEY: {_KEY: check}},
        )
    )


def is_map(layer: Any) -> bool:
    """Whether a layer is the map of a long check."""
    return _KEY in layer.metadata.get(METADATA_KEY, {})


def error_colormap() -> Any:
    """Return a colour map for lengths of errors: inferno, which lets through what is below where nothing is off."""
    from napari.utils import Colormap  # noqa: PLC0415 - 2.6 s, and loaded already wherever a viewer exists
    from napari.utils.colormaps import ensure_colormap  # noqa: PLC0415

    at = np.linspace(0, 1, 65)
    colours = np.array(ensure_colormap(COLORMAP).map(at))
    colours[:, 3] = _MOST * np.minimum(1.0, at / _FULL_AT)
    return Colormap(colours, name="error (mm)")


def simulated_layer(moving: sitk.Image, name: str, moved: sitk.AffineTransform | None = None) -> Any:
    """Return a volume that the simulator has moved as a hidden Image layer, where it lies; for any thread."""
    own: dict[str, Any] = {"metadata": {METADATA_KEY: {"simulated_from": name}}, "visible": False}
    return make_layer(volume_to_layer_data(moving, f"{name}, moved by a known amount", moved=moved, **own))
