"""warp_layers(): the work of the dock widget "Warp layers" as a function, for napari's console and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from napari_coreg.errors import VolumeError
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.quietly import add_beside
from napari_coreg.plugin.warp.layers import take
from napari_coreg.plugin.warp.task import carry
from napari_coreg.plugin.warp.way import way_of_result, way_of_transform, way_through_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.recipe import Interpolator
    from napari_coreg.plugin.warp.way import Way


def warp_layers(
    viewer: Any,
    layers: Sequence[Any] | Any,
    *,
    through: Any,
    inverse: bool = False,
    fixed: Any = None,
    moving: Any = None,
    interpolator: Interpolator = "linear",
    add: bool = True,
) -> list[Any]:
    """Carry layers through a registration, or through its inverse, and add them to the viewer; returns when it is done.

    Images and labels are resampled onto the other volume's grid; points, vectors, surfaces and shapes stay what they
    are, with their colours and features, in another place. Corners of shapes are carried, and edges between them stay
    straight; rectangles and ellipses become polygons where the map is more than a turn, a shift and a scale.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are, and where the new ones go.
    layers : layer, str, or sequence of them
        2-D or 3-D layers, or their names, that lie over the moving volume (over the fixed one for the inverse). They
        are not changed.
    through : layer, str, RegistrationResult or SimpleITK.Transform
        A registered layer or its name, the result of `register` or `register_layers`, or any transform (fixed ->
        moving, LPS mm) together with `fixed` and `moving`.
    inverse : bool
        Whether to go from the fixed volume to the moving one; else from moving to fixed, as the registered layer did.
    fixed, moving : layer or str, optional
        The volumes that a bare transform was made for.
    interpolator : {"nearest", "linear", "bspline", "windowed_sinc"}
        For images; labels always take the nearest voxel's value, so that there are no new ones.
    add : bool
        Whether to add the new layers.

    Returns
    -------
    list of layer
        One for each of `layers`, in their order, named "X warped to Y".

    Raises
    ------
    CoregError
        One sentence on what cannot be warped.

    Examples
    --------
    In napari's console::

        from napari_coreg import warp_layers
        warp_layers(viewer, ["T2 labels", "T2 points"], through="T2 registered to T1")
    """
    several = [layers] if isinstance(layers, str) or hasattr(layers, "as_layer_data_tuple") else list(layers)
    way = _way(viewer, through, fixed, moving, inverse)
    taken = [take(find_layer(viewer, layer), way) for layer in several]
    carried = carry(taken, way, interpolator=interpolator)
    if add:
        for layer in carried.layers:
            add_beside(viewer, layer)
    return list(carried.layers)


def _way(viewer: Any, through: Any, fixed: Any, moving: Any, inverse: bool) -> Way:
    if isinstance(through, sitk.Transform):
        if fixed is None or moving is None:
            raise VolumeError("A transform alone says nothing of its volumes: give fixed=... and moving=..., too.")
        return way_of_transform(through, find_layer(viewer, fixed), find_layer(viewer, moving), inverse=inverse)
    if isinstance(through, str) or hasattr(through, "as_layer_data_tuple"):
        return way_through_layer(viewer.layers, find_layer(viewer, through), inverse=inverse)
    return way_of_result(viewer.layers, through, inverse=inverse)
