"""show_deformation(): the views of the dock widget "Deformation" as a function, for napari's console and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from napari_coreg.errors import VolumeError
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.deformation.layers import DeformationViews
from napari_coreg.plugin.deformation.look import VIEWS, Look, View
from napari_coreg.plugin.deformation.source import source_of_layer, source_of_result, source_of_transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.plugin.deformation.source import DeformationSource


def show_deformation(
    viewer: Any,
    deformation: Any,
    what: Sequence[View] | View = VIEWS,
    *,
    fixed: Any = None,
    relative_to_rigid: bool = False,
    max_vectors: int = 4000,
    spacing_mm: float | None = None,
) -> list[Any]:
    """Show what a registration does to space, each view as a layer of its own; returns when it is done.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    deformation : layer, str, RegistrationResult or SimpleITK.Transform
        A registered layer or its name, the result of `register` or `register_layers`, or any transform
        (fixed -> moving, LPS mm) together with `fixed`.
    what : sequence of {"vectors", "grid", "magnitude", "jacobian"}
        Arrows coloured by their length in mm; a regular grid as the transform bends it; the length of the displacement
        in mm; the Jacobian determinant, where 1 keeps the volume, with a layer that marks folded voxels if there are.
    fixed : layer or str, optional
        The fixed layer, over whose voxels a bare transform is shown.
    relative_to_rigid : bool
        Whether to take the rigid part off first: the rotation and shift that come nearest to the transform over the
        foreground of the fixed volume.
    max_vectors : int
        Most arrows.
    spacing_mm : float, optional
        Between the lines of the grid; a round value that fits the volume when not given.

    Returns
    -------
    list of layer
        In the order of `what`; the layer of folded voxels after the Jacobian determinant.

    Raises
    ------
    CoregError
        One sentence on what cannot be shown.

    Examples
    --------
    In napari's console::

        from napari_coreg import show_deformation
        show_deformation(viewer, "T2 registered to T1", ["grid", "jacobian"], relative_to_rigid=True)
    """
    views: tuple[View, ...] = (what,) if isinstance(what, str) else tuple(what)
    unknown = [view for view in views if view not in VIEWS]
    if unknown:
        raise VolumeError(f"There is no view {unknown[0]!r} of a deformation; take {', '.join(map(repr, VIEWS))}.")
    look = Look(max_vectors, spacing_mm, relative_to_rigid)
    made = DeformationViews(_source(viewer, deformation, fixed)).make(views, look)
    layers = [layer for view in views for layer in made[view]]
    for layer in layers:
        viewer.add_layer(layer)
    return layers


def _source(viewer: Any, deformation: Any, fixed: Any) -> DeformationSource:
    if isinstance(deformation, sitk.Transform):
        if fixed is None:
            raise VolumeError("A transform alone is shown over a fixed volume: give its layer as fixed.")
        return source_of_transform(deformation, find_layer(viewer, fixed), "the transform")
    if hasattr(deformation, "transform") and hasattr(deformation, "fixed"):
        return source_of_result(deformation)
    return source_of_layer(find_layer(viewer, deformation))
