"""compare_layers(), for napari's console and for scripts, and the one comparison that a viewer has."""

from __future__ import annotations

from typing import Any

from napari_coreg.per_viewer import PerViewer
from napari_coreg.plugin.compare.comparison import Comparison
from napari_coreg.plugin.console import find_layer

_COMPARISONS = PerViewer(Comparison)


def comparison_of(viewer: Any) -> Comparison:
    """Return the comparison of a viewer; the same one as long as the viewer lives.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose comparison.
    """
    return _COMPARISONS.of(viewer)


def compare_layers(viewer: Any, first: Any, second: Any, mode: str = "checkerboard", **settings: Any) -> Comparison:
    """Compare two layers of a viewer, whatever their grids; nothing is resampled but what is on screen.

    Other layers are hidden until the comparison ends. The key Shift+B flips before and after where one of the two is a
    registered layer, else the roles of the two.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    first, second : layer or str
        Image or Labels layers, or their names. They are not changed.
    mode : str
        "checkerboard", "wipe", "blend", "flicker", "overlay", "difference" or "contours".
    **settings
        ``cell_mm`` (checkerboard), ``position`` and ``direction`` (wipe), ``balance`` (blend), ``rate_hz`` (flicker),
        ``colours`` (overlay), ``level`` (contours).

    Returns
    -------
    Comparison
        ``change(mode="blend", balance=0.3)`` shows it in another way, ``flip()`` does what the key does, ``end()`` ends
        it and gives the viewer back as it was.

    Raises
    ------
    CoregError
        One sentence on a layer, or a setting, that cannot be used.

    Examples
    --------
    In napari's console::

        from napari_coreg import compare_layers
        comparison = compare_layers(viewer, "CT", "MR", "wipe", direction="down")
        comparison.end()
    """
    comparison = comparison_of(viewer)
    comparison.begin(find_layer(viewer, first), find_layer(viewer, second), mode=mode, **settings)
    return comparison
