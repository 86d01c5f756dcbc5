"""Live layers: their voxels are worked out where they are looked at, so what they show can change at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_coreg.core.geometry import Grid
from napari_coreg.core.reslice import Source, reslice
from napari_coreg.core.slabs import coarser
from napari_coreg.core.transforms import compose, invert
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.layers import METADATA_KEY, LayerVolume, grid_kwargs, read_layer
from napari_coreg.plugin.live_volume import LiveVolume
from napari_coreg.plugin.placement import displayed_matrix

if TYPE_CHECKING:
    import numpy.typing as npt
    import SimpleITK as sitk

    from napari_coreg.plugin.live_volume import Look

    FloatArray = npt.NDArray[np.float64]

VOXELS_IN_3D = 700_000  # 3-D view shows a whole volume at once, and it is to follow a hand
_LONGEST_AXIS = 2048
_ALIGNED = 1e-6  # 1 - cosine of the angle to the world's axes that still counts as none


@dataclass
class Resliced:
    """A volume seen through a transform that may be replaced: a function for `LiveVolume`.

    Attributes
    ----------
    source : Source
        The volume.
    transform : SimpleITK.Transform
        From points of the world (LPS mm, as displayed) to points of the source.
    """

    source: Source
    transform: sitk.Transform

    def __call__(self, grid: Grid) -> npt.NDArray[Any]:
        """Return the volume as seen from a grid of the world."""
        return reslice(self.source, grid, self.transform)


def live_layer(
    look: Look,
    grid: Grid,
    name: str,
    *,
    kind: Literal["image", "labels"] = "image",
    dtype: npt.DTypeLike = np.float32,
    like: Any = None,
    **arguments: Any,
) -> Any:
    """Return a layer that shows what `look` gives; call `look_again` when that has changed.

    In 2-D view it works out the part of the slice that is on screen, in 3-D view a coarse volume.

    Parameters
    ----------
    look : callable
        Grid -> array (zyx); see `LiveVolume` and `Resliced`. Called in the GUI's thread.
    grid : Grid
        Where, in the displayed world, LPS mm; see `view_grid`.
    name : str
        The layer's name.
    kind : {'image', 'labels'}
        The layer's type.
    dtype : dtype
        Of the values.
    like : layer, optional
        Beside which it is shown: where that one counts pixels, so does the new layer, as napari draws no layer in its
        units when they differ in kind.
    **arguments
        More layer arguments; an image needs its ``contrast_limits``.
    """
    from napari.layers import Image, Labels  # noqa: PLC0415 - 2.6 s, and loaded already wherever a viewer exists

    levels = _levels(look, grid, dtype)
    own = {"preview": True, **arguments.pop("metadata", {})}
    arguments = {**grid_kwargs(grid), "metadata": {METADATA_KEY: own}, **arguments}
    if like is not None and not all(unit.is_compatible_with("mm") for unit in like.units):
        arguments["units"] = like.units[-grid.dimension :]
    make = Image if kind == "image" else Labels
    return make(levels if len(levels) > 1 else levels[0], multiscale=len(levels) > 1, name=name, **arguments)


def regrid(layer: Any, grid: Grid) -> None:
    """Let a live layer show another part of the world: the same function on a grid that is no smaller."""
    volume = live_volume(layer)
    levels = _levels(volume.look, grid, volume.dtype)
    layer.data = levels if layer.multiscale else levels[0]
    placed = grid_kwargs(grid)
    layer.scale, layer.affine = placed["scale"], placed["affine"]


def look_again(layer: Any) -> None:
    """Work out anew what a live layer shows, but for its thumbnail, for which napari paints the layer list again."""
    layer.refresh(thumbnail=False, extent=False, highlight=False)


def is_preview(layer: Any) -> bool:
    """Whether a layer is one of ours that stands in for a while: no volume of its own."""
    return bool(layer.metadata.get(METADATA_KEY, {}).get("preview"))


def live_volume(layer: Any) -> LiveVolume:
    """Return the array of a live layer, at its full resolution; ``look`` is what gives its values.

    Raises
    ------
    VolumeError
        The layer is no live layer.
    """
    volume = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    if not isinstance(volume, LiveVolume):
        raise VolumeError(f"{layer.name!r} is no live layer: it is kept as it is.")
    return volume


def source_of(layer: Any, volume: LayerVolume | None = None) -> Source:
    """Return a layer's voxels to look at, without a copy.

    Parameters
    ----------
    layer : napari.layers.Image or napari.layers.Labels
        2-D or 3-D, one value a voxel.
    volume : LayerVolume, optional
        The layer as read. When given, the voxels lie in its own frame, as registration sees them; else where they are
        displayed.
    """
    matrix = displayed_matrix(layer) if volume is None else volume.geometry.index_to_lps
    is_labels = not hasattr(layer, "contrast_limits")
    background = 0.0 if is_labels else float(layer.contrast_limits[0])
    return Source(layer.data, matrix, background, "nearest" if is_labels else "linear")


def from_world(fixed: LayerVolume, transform: sitk.Transform) -> sitk.Transform:
    """Return the map from the displayed world to the moving volume's own frame (LPS mm).

    Parameters
    ----------
    fixed : LayerVolume
        As read; where somebody moved it, that is undone first.
    transform : SimpleITK.Transform
        Fixed -> moving, between the volumes' own frames.
    """
    return transform if fixed.moved is None else compose(invert(fixed.moved), transform)


def is_upright(layer: Any) -> bool:
    """Whether a layer's axes run along the world's, in any order and either way: napari's 2-D view cuts no other."""
    n = layer.ndim
    columns = displayed_matrix(layer)[:n, :n]
    towards = np.abs(columns / np.linalg.norm(columns, axis=0))
    return bool(np.allclose(towards.max(axis=0), 1, rtol=0, atol=_ALIGNED))


def view_grid(*layers: Any) -> Grid:
    """Return a grid along the world's axes that shows the first layer best and covers all of them.

    Where the first layer's axes run along the world's, its own voxels, continued as far as needed. An oblique one gets
    even voxels of its finest spacing: napari's 2-D view can only cut along a layer's axes.

    Parameters
    ----------
    *layers : layer
        2-D or 3-D, as displayed.

    Examples
    --------
    >>> from napari.layers import Image
    >>> view_grid(Image(np.zeros((4, 5, 6)), scale=(3, 1, 1))).spacing_xyz
    (1.0, 1.0, 3.0)
    """
    matrices = [displayed_matrix(layer) for layer in layers]
    corners = np.concatenate([_corners(m, layer.data.shape) for m, layer in zip(matrices, layers, strict=True)])
    n = len(matrices[0]) - 1
    spacing = np.linalg.norm(matrices[0][:n, :n], axis=0)
    if is_upright(layers[0]):
        spacing = spacing[np.argmax(np.abs(matrices[0][:n, :n] / spacing), axis=1)]
        first = matrices[0][:n, n]  # a voxel's centre to count from
    else:
        spacing = np.full(n, max(spacing.min(), np.ptp(corners, axis=0).max() / _LONGEST_AXIS))
        first = corners.min(axis=0) + spacing / 2
    before = np.floor((corners.min(axis=0) - first) / spacing + 0.5 + 1e-6)
    after = np.ceil((corners.max(axis=0) - first) / spacing - 0.5 - 1e-6)
    size = np.maximum(1, after - before + 1).astype(int)
    origin = first + before * spacing
    return Grid(tuple(size.tolist()), tuple(spacing.tolist()), tuple(origin.tolist()), tuple(np.eye(n).ravel()))


def reslice_layer(viewer: Any, fixed: Any, moving: Any, transform: sitk.Transform, *, name: str = "") -> Any:
    """Add a live layer: `moving` as `transform` brings it onto `fixed`, worked out where it is looked at.

    Nothing is resampled but what is on screen, so it appears at once whatever the size. `keep_layer` makes an ordinary
    layer of it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    fixed, moving : layer
        Image or Labels layers. They are not changed.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, between the volumes' own headers: as `RegistrationResult.transform`.
    name : str
        The new layer's name.

    Returns
    -------
    layer
        Of the type of `moving`; it looks like it.

    Raises
    ------
    GeometryError, VolumeError
        One sentence on the layer that cannot be used.

    Examples
    --------
    In napari's console::

        from napari_coreg import read_transform, reslice_layer
        reslice_layer(viewer, viewer.layers["T1"], viewer.layers["T2"], read_transform("t2_to_t1.h5"))
    """
    fixed_volume, moving_volume = read_layer(fixed), read_layer(moving)
    look = Resliced(source_of(moving, moving_volume), from_world(fixed_volume, transform))
    kind: Literal["image", "labels"] = "labels" if moving_volume.kind == "labels" else "image"
    looks = {} if kind == "labels" else {"contrast_limits": moving.contrast_limits, "colormap": moving.colormap}
    layer = live_layer(
        look,
        view_grid(fixed),
        name or f"{moving.name} on {fixed.name} (live)",
        kind=kind,
        dtype=look.source.dtype,
        like=fixed,
        opacity=moving.opacity,
        blending=moving.blending,
        **looks,
    )
    layer.metadata[METADATA_KEY]["fixed"] = fixed_volume
    viewer.add_layer(layer)
    return layer


def _corners(matrix: FloatArray, shape_zyx: tuple[int, ...]) -> FloatArray:
    n = len(shape_zyx)
    ends = np.stack(np.meshgrid(*[(-0.5, count - 0.5) for count in shape_zyx[::-1]], indexing="ij"), -1).reshape(-1, n)
    return np.asarray(ends @ matrix[:n, :n].T + matrix[:n, n])


def _levels(look: Look, grid: Grid, dtype: npt.DTypeLike) -> list[LiveVolume]:
    """Return a live volume, and where it is large a coarse one for 3-D view."""
    levels = [LiveVolume(look, grid, dtype)]
    if grid.dimension == 3 and grid.number_of_voxels > VOXELS_IN_3D:
        levels.append(LiveVolume(look, grid, dtype, coarser(grid, VOXELS_IN_3D).size_xyz[::-1]))
    return levels
