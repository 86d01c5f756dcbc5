"""Displacement fields to be looked at: arrows that show in every slice, and their lengths as an image.

The functions are plain numpy and SimpleITK and may run in a worker thread; only adding the layer belongs to the GUI's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.deformation import limits_mm
from napari_coreg.core.geometry import Grid
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.layers import METADATA_KEY, grid_kwargs, upright, volume_to_layer_data

if TYPE_CHECKING:
    from napari_coreg.plugin.layers import LayerData

COLORMAP = "viridis"
FEATURE = "displacement_mm"
_EDGE_WIDTH = 0.1  # of the distance between two arrows


def displacement_vectors(
    field: sitk.Image,
    name: str = "displacement",
    *,
    max_vectors: int = 4000,
    limits: tuple[float, float] | None = None,
    moved: sitk.AffineTransform | None = None,
    **extra: Any,
) -> LayerData:
    """Return a Vectors layer data tuple of arrows from p to p + d(p), on a coarse grid as even as voxels allow.

    napari shows the arrows that start within half a data unit of the slice. The layer's data unit is therefore one cell
    of the coarse grid: whichever axis is sliced and wherever, the arrows of the nearest coarse plane are on screen.

    Parameters
    ----------
    field : SimpleITK.Image
        2-D or 3-D field on the fixed grid; a voxel holds its displacement, LPS mm.
    name : str
        The layer's name.
    max_vectors : int
        Most arrows in the volume.
    limits : tuple of float, optional
        Of the colours, mm; as `core.deformation.limits_mm` finds them when not given.
    moved : SimpleITK.AffineTransform, optional
        The fixed layer's hand move, as in `LayerVolume.moved`.
    **extra
        More layer arguments.

    Returns
    -------
    tuple
        (data, arguments, 'vectors'); an arrow's true length in mm is the feature 'displacement_mm', and its colour.

    Raises
    ------
    VolumeError
        The image holds no displacement vectors.
    """
    field = _checked(field)
    coarse, offset_xyz, step_xyz = coarse_grid(Grid.of(field), max_vectors)
    every = tuple(slice(first, None, step) for first, step in zip(offset_xyz, step_xyz, strict=True))[::-1]
    displacement_lps = sitk.GetArrayViewFromImage(field)[every].reshape(-1, coarse.dimension).astype(float)
    lps_to_index = np.linalg.inv(coarse.index_to_lps[:-1, :-1])
    starts_zyx = np.indices(coarse.size_xyz[::-1]).reshape(coarse.dimension, -1).T
    vectors_zyx = np.stack([starts_zyx, (displacement_lps @ lps_to_index.T)[:, ::-1]], axis=1)
    length_mm = np.linalg.norm(displacement_lps, axis=1)
    limits = limits_mm(length_mm) if limits is None else limits
    kwargs = {
        "name": name,
        **grid_kwargs(coarse, moved),
        "features": {FEATURE: length_mm},
        "edge_color": FEATURE,
        "edge_colormap": COLORMAP,
        "edge_contrast_limits": limits,
        "edge_width": _EDGE_WIDTH,
        "vector_style": "arrow",
        "length": 1,
        "opacity": 1.0,
        "metadata": {METADATA_KEY: {"limits_mm": limits, "every_voxels_xyz": step_xyz}},
    }
    return vectors_zyx.astype(np.float32), {**kwargs, **extra}, "vectors"


def displacement_magnitude(
    field: sitk.Image,
    name: str = "displacement (mm)",
    *,
    moved: sitk.AffineTransform | None = None,
    **extra: Any,
) -> LayerData:
    """Return an Image layer data tuple with the length of every displacement in mm.

    Parameters
    ----------
    field : SimpleITK.Image
        2-D or 3-D field on the fixed grid; a voxel holds its displacement, LPS mm.
    name : str
        The layer's name.
    moved : SimpleITK.AffineTransform, optional
        The fixed layer's hand move, as in `LayerVolume.moved`.
    **extra
        More layer arguments.

    Raises
    ------
    VolumeError
        The image holds no displacement vectors.
    """
    length_mm = sitk.Cast(sitk.VectorMagnitude(_checked(field)), sitk.sitkFloat32)
    return length_layer_data(length_mm, name, moved=moved, **extra)


def length_layer_data(
    length_mm: sitk.Image,
    name: str,
    *,
    limits: tuple[float, float] | None = None,
    moved: sitk.AffineTransform | None = None,
    **extra: Any,
) -> LayerData:
    """Return an Image layer data tuple of lengths in mm that are known already.

    Parameters
    ----------
    length_mm : SimpleITK.Image
        2-D or 3-D floats.
    name : str
        The layer's name.
    limits : tuple of float, optional
        Of the colours, mm; as `core.deformation.limits_mm` finds them when not given.
    moved, **extra
        As in `displacement_magnitude`.
    """
    limits = limits_mm(sitk.GetArrayViewFromImage(length_mm)) if limits is None else limits
    metadata = extra.pop("metadata", {})
    metadata = {**metadata, METADATA_KEY: {"limits_mm": limits, **metadata.get(METADATA_KEY, {})}}
    looks = {"colormap": COLORMAP, "contrast_limits": limits, "blending": "additive"}
    return volume_to_layer_data(length_mm, name, moved=moved, metadata=metadata, **{**looks, **extra})


def _checked(field: sitk.Image) -> sitk.Image:
    axes, numbers = field.GetDimension(), field.GetNumberOfComponentsPerPixel()
    if numbers != axes:
        raise VolumeError(
            f"A displacement field on {axes} axes holds {axes} numbers a voxel, not {numbers}: give the vectors."
        )
    return upright(field)
