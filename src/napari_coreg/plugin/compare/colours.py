"""The colours of a comparison: ramps from black, a diverging map that is clear at 0, and lines over a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.plugin.compare.settings import LINES, NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from napari_coreg.plugin.compare.settings import Mode

    Rgb = tuple[float, float, float]

_SUMMED = 4  # in 3-D view small differences add up along the line of sight
# Orange and blue, and magenta and green, stay apart for an eye that does not tell red from green.
_RGB: dict[str, Rgb] = {
    "gray": (1.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "green": (0.0, 1.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "orange": (1.0, 0.55, 0.1),
    "blue": (0.25, 0.5, 1.0),
    "yellow": (1.0, 0.85, 0.1),
}


def ramp(colour: str) -> Any:
    """Return a colour map from black to a colour."""
    from napari.utils.colormaps import Colormap  # noqa: PLC0415 - loaded already wherever a viewer exists

    name = colour if colour == "gray" else f"black to {colour}"
    return Colormap([(0.0, 0.0, 0.0), _RGB[colour]], name=name)


def one_colour(colour: str) -> Any:
    """Return a colour map that shows all labels alike."""
    from napari.utils.colormaps import DirectLabelColormap  # noqa: PLC0415

    return DirectLabelColormap(color_dict={None: (*_RGB[colour], 1.0), 0: (0.0, 0.0, 0.0, 0.0)})


def diverging(negative: str, positive: str, power: int = 1) -> Any:
    """Return a colour map with a colour at either end and nothing in the middle.

    Parameters
    ----------
    negative, positive : str
        The colours.
    power : int
        Of the distance from the middle; small differences are seen less, the greater it is.
    """
    from napari.utils.colormaps import Colormap  # noqa: PLC0415

    along = np.linspace(-1, 1, 64)  # none of them is 0, so that no colour is mixed of the two
    colours = [(*_RGB[negative if x < 0 else positive], abs(x) ** power) for x in along]
    return Colormap(colours, name=f"{negative} and {positive}")


def lines(colour: str) -> Any:
    """Return a colour map for lines that are 1 over a picture, and for a surface at 0.5 that is seen through."""
    from napari.utils.colormaps import Colormap  # noqa: PLC0415

    return Colormap([(*_RGB[colour], 0.0), (*_RGB[colour], 1.0)], name=f"{colour} lines")


def dress(layer: Any, mode: Mode, ndisplay: int) -> None:
    """Make the third layer of a comparison look as its mode wants it in 2-D or 3-D view."""
    if mode == "difference":
        layer.colormap = diverging(NEGATIVE, POSITIVE, 1 if ndisplay == 2 else _SUMMED)
        layer.contrast_limits_range = (-1, 1)
        layer.contrast_limits = (-0.5, 0.5)
        layer.rendering = "translucent"
        layer.blending = "translucent_no_depth"
    elif mode == "contours":
        layer.colormap = lines(LINES)
        layer.contrast_limits_range = (0, 1)
        layer.contrast_limits = (0, 1)
        layer.rendering = "iso"
        layer.iso_threshold = 0.5
        layer.blending = "translucent_no_depth"
