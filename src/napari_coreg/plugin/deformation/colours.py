"""The colours of a deformation's views."""

from __future__ import annotations

from typing import Any

import numpy as np

FOLDED_COLOUR = "yellow"
GRID_COLOUR = "cyan"
_NICE_FACTORS = (1.1, 1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
_SHRINKS, _GROWS = (0.13, 0.45, 1.0), (1.0, 0.25, 0.15)
_MOST = 0.9  # opacity, so that lines and tissue can be seen through the strongest colour
_CONTROLS = 65  # odd, so that one of them is the centre


def jacobian_colormap(factor: float) -> Any:
    """Return a colour map for determinants from 1/factor to factor: blue shrinks, red grows, 1 is not painted over.

    Halving and doubling are equally far from 1: exchanging fixed and moving exchanges the colours, and nothing else. A
    determinant of 0 or less is below each such scale.

    Parameters
    ----------
    factor : float
        More than 1.
    """
    from napari.utils import Colormap  # noqa: PLC0415 - 2.6 s, and loaded already wherever a viewer exists

    logs = np.linspace(-1, 1, _CONTROLS)
    values = factor**logs
    controls = (values - values[0]) / (values[-1] - values[0])
    colours = np.empty((_CONTROLS, 4))
    colours[:, :3] = np.where(logs[:, None] < 0, _SHRINKS, _GROWS)
    colours[:, 3] = _MOST * np.abs(logs)  # to the very end, so that each value has a colour of its own
    colours[_CONTROLS // 2] = (1.0, 1.0, 1.0, 0.0)
    controls[0], controls[-1] = 0.0, 1.0
    return Colormap(colours, name=f"Jacobian determinant to {factor:g}", controls=controls)


def nice_factor(factor: float) -> float:
    """Return the next round factor that is not less, within reason.

    Examples
    --------
    >>> nice_factor(1.31), nice_factor(55.0)
    (1.5, 10.0)
    """
    return next((nice for nice in _NICE_FACTORS if nice >= factor - 1e-3), _NICE_FACTORS[-1])


def see_through(colour: str) -> Any:
    """Return a colour map from nothing to one colour, napari's name of which is given."""
    from napari.utils import Colormap  # noqa: PLC0415 - loaded already wherever a viewer exists
    from napari.utils.colormaps.standardize_color import transform_color  # noqa: PLC0415

    (rgba,) = transform_color(colour)
    return Colormap([[*rgba[:3], 0.0], [*rgba[:3], 1.0]], name=f"see-through {colour}")
