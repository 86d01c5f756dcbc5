"""align_by_hand(): the dock widget's beginning as a function, for napari's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.errors import VolumeError
from napari_coreg.plugin.align.hand import HandAlignment
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.viewers import open_dock

if TYPE_CHECKING:
    import SimpleITK as sitk


def align_by_hand(
    viewer: Any, fixed: Any, moving: Any, *, initial_transform: sitk.Transform | None = None
) -> HandAlignment:
    """Take the moving volume into the hand: drag it over the fixed one in the viewer, by keys, or from here.

    Opens the dock widget where the viewer has a window. The two layers are hidden meanwhile and not changed.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    fixed, moving : layer or str
        Image layers or their names.
    initial_transform : SimpleITK.Transform, optional
        Where to begin (fixed -> moving, LPS mm, between the volumes' own headers); where the layers lie in the viewer
        when not given.

    Returns
    -------
    HandAlignment
        Its ``transform`` (fixed -> moving, LPS mm) is that of the moment, for `register_layers` or `write_transform`;
        ``translate`` and ``rotate`` move the volume, ``undo`` takes a step back, ``end`` gives the layers back.

    Raises
    ------
    GeometryError, VolumeError
        One sentence on the layer that cannot be used.

    Examples
    --------
    In napari's console::

        from napari_coreg import align_by_hand, write_transform
        hand = align_by_hand(viewer, "T1", "T2")
        hand.translate((0, 5, 0))        # 5 mm to the back
        hand.rotate((0, 0, 1), 10)       # 10 degrees about the axis from feet to head
        write_transform(hand.transform, "by_hand.tfm")
        hand.end()
    """
    fixed, moving = find_layer(viewer, fixed), find_layer(viewer, moving)
    widget = open_dock(viewer, "Align by hand")
    if widget is None:
        return HandAlignment(viewer, fixed, moving, initial_transform)
    widget.begin_with(fixed, moving, initial_transform)
    if not isinstance(widget.hand, HandAlignment):
        raise VolumeError(widget.message.text())
    return widget.hand
