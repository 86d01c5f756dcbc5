"""The moving volume as the run sees it now: small frames made beside the run, and the layers that show them."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.resample import resample
from napari_coreg.core.transforms import displacement_field, is_linear
from napari_coreg.plugin.layers import METADATA_KEY, grid_kwargs, upright

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from napari_coreg.plugin.layer_run import Request, Volumes

    Frame = npt.NDArray[np.uint8]

COLOURS = "Preview: fixed in magenta, moving in green; white where both are bright."
PATIENCE_SECONDS = 0.7  # a run that ends sooner shows no preview: its layers would come and go in a flicker
LEAST_SECONDS = 0.2  # between two frames
MOST_OF_THE_TIME = 0.15  # that the frames may take from the run
_FRAME_VOXELS = 2_000_000
_MOVING_VOXELS = 2_000_000
_FIELD_POINTS = 8_000


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where frames go: the layer arguments of the preview, and an empty frame."""

    name: str
    arguments: Mapping[str, Any]
    frame: Frame


class Previewer:
    """Makes frames in the worker thread, no more often than the run can bear.

    Parameters
    ----------
    request : Request
        Names, looks and hand moves of the layers.
    volumes : Volumes
        The images.
    """

    def __init__(self, request: Request, volumes: Volumes) -> None:
        template = sitk.Image(volumes.fixed.GetSize(), sitk.sitkUInt8)
        template.CopyInformation(volumes.fixed)
        self._grid = coarser(Grid.of(upright(template)), _FRAME_VOXELS)
        self._field_grid = padded(coarser(self._grid, _FIELD_POINTS))
        self._moving = shrunk_to_bytes(volumes.moving, request.appearance.get("contrast_limits"))
        self._next = time.perf_counter() + PATIENCE_SECONDS
        self.canvas = Canvas(
            name=f"{request.moving.name} (preview)",
            arguments=grid_kwargs(self._grid, request.fixed.moved),
            frame=np.zeros(self._grid.size_xyz[::-1], np.uint8),
        )

    def due(self) -> bool:
        """Whether it is time for another frame."""
        return time.perf_counter() >= self._next

    def frame(self, transform: sitk.Transform) -> Frame:
        """Return the moving volume on the coarse fixed grid, zyx, 0 to 255, through a transform (fixed -> moving)."""
        began = time.perf_counter()
        if not is_linear(transform):  # a B-spline costs far more per voxel than a look into a small field
            field = displacement_field(transform, self._field_grid)
            transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
        array = sitk.GetArrayFromImage(resample(self._moving, self._grid, transform, background=0.0))
        took = time.perf_counter() - began
        self._next = began + max(LEAST_SECONDS, took / MOST_OF_THE_TIME)
        return np.asarray(array)


class PreviewLayers:
    """The layers that show the frames, made at the first and gone at the end; the user may delete them at any time.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are shown.
    fixed : napari.layers.Image
        The fixed layer; a second look at its voxels lies under the preview, so that nothing else shines through.
    later : callable
        Calls what it is given in a later turn of the event loop; at once when it is not given.
    """

    def __init__(self, viewer: Any, fixed: Any, later: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._viewer = viewer
        self._fixed = fixed
        self._later = later or (lambda job: job())
        self._moving: Any = None
        self._own: list[Any] = []
        self._ended = False

    def show(self, canvas: Canvas) -> None:
        """Add the layers, still empty; selection and camera stay as they are."""
        self._later(partial(self._add, lambda: _second_look(self._fixed)))
        self._later(partial(self._add_moving, canvas))

    def update(self, frame: Frame) -> None:
        """Show another frame, unless the layer was deleted."""
        if self._moving is not None and self._moving in self._viewer.layers:
            self._moving.data = frame

    def remove(self) -> None:
        """Remove what is left of the layers."""
        self._ended = True
        while self._own:
            self._later(partial(self._drop, self._own.pop()))

    def remove_now(self) -> None:
        """Remove what is left of the layers before returning."""
        self._later = lambda job: job()
        self.remove()

    def _add_moving(self, canvas: Canvas) -> None:
        self._moving = self._add(
            lambda: _image(
                canvas.frame,
                name=canvas.name,
                colormap="green",
                contrast_limits=(0, 255),
                blending="additive",
                **canvas.arguments,
            )
        )

    def _add(self, make: Callable[[], Any]) -> Any:
        if self._ended:
            return None
        selection = self._viewer.layers.selection
        selected, active = set(selection), selection.active
        layer = make()
        self._own.append(layer)
        self._viewer.add_layer(layer)
        if active is not None and selected == {active}:
            selection.active = active
        else:
            selection.clear()
            selection.update(selected)
        return layer

    def _drop(self, layer: Any) -> None:
        if layer not in self._viewer.layers:
            return
        # napari collects all garbage of the process when a layer goes: 0.1 s, unless what lives by now is set aside.
        gc.freeze()
        try:
            self._viewer.layers.remove(layer)
        finally:
            gc.unfreeze()


def _second_look(fixed: Any) -> Any:
    return _image(
        fixed.data,
        name=f"{fixed.name} (under the preview)",
        scale=fixed.scale,
        translate=fixed.translate,
        rotate=fixed.rotate,
        affine=fixed.affine.affine_matrix,
        units=fixed.units,
        axis_labels=fixed.axis_labels,
        contrast_limits=fixed.contrast_limits,
        colormap="magenta",  # with green on top every channel belongs to one volume, so neither is washed out
        blending="translucent_no_depth",
    )


def _image(data: Any, **arguments: Any) -> Any:
    from napari.layers import Image  # noqa: PLC0415 - loaded already wherever a viewer exists

    return Image(data, metadata={METADATA_KEY: {"preview": True}}, **arguments)


def is_preview(layer: Any) -> bool:
    """Whether a layer is one of ours that shows a run in progress."""
    return bool(layer.metadata.get(METADATA_KEY, {}).get("preview"))


def coarser(grid: Grid, most_voxels: int) -> Grid:
    """Return a grid over the same space with voxels as even as may be, none finer than before, and at most so many.

    Examples
    --------
    >>> unit = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    >>> coarser(Grid((200, 200, 20), (1.0, 1.0, 5.0), (0.0, 0.0, 0.0), unit), 100_000).size_xyz
    (67, 67, 20)
    """
    size, spacing = np.asarray(grid.size_xyz), np.asarray(grid.spacing_xyz)
    edge = float(spacing.min())
    while True:
        factors = np.maximum(1.0, np.round(edge / spacing))
        new_size = np.maximum(1, np.ceil(size / factors)).astype(int)
        if np.prod(new_size) <= most_voxels:
            break
        edge *= 1.05
    return Grid(
        tuple(int(count) for count in new_size),
        tuple(float(step) for step in spacing * factors),
        tuple(float(value) for value in grid.to_lps((factors - 1) / 2)),
        grid.direction,
    )


def padded(grid: Grid) -> Grid:
    """Return the grid with one more voxel on every side, as a displacement field moves nothing beyond its edge."""
    return Grid(
        tuple(count + 2 for count in grid.size_xyz),
        grid.spacing_xyz,
        tuple(float(value) for value in grid.to_lps(np.full(grid.dimension, -1.0))),
        grid.direction,
    )


def shrunk_to_bytes(image: sitk.Image, limits: tuple[float, float] | None) -> sitk.Image:
    """Return a smaller copy with the intensities between two limits spread over 0 to 255."""
    grid = Grid.of(image)
    factors = np.round(np.divide(coarser(grid, _MOVING_VOXELS).spacing_xyz, grid.spacing_xyz)).astype(int)
    if factors.max() > 1:
        image = sitk.BinShrink(image, factors.tolist())
    if limits is None:
        values = sitk.GetArrayViewFromImage(image)
        limits = float(values.min()), float(values.max())
    low, high = limits
    scaled = sitk.IntensityWindowing(sitk.Cast(image, sitk.sitkFloat32), low, max(high, low + 1e-12), 0.0, 255.0)
    return sitk.Cast(scaled, sitk.sitkUInt8)
