"""What is on screen while a volume is aligned by hand: both volumes as live layers, and a marker; all given back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.layers import METADATA_KEY, read_layer
from napari_coreg.plugin.live import Resliced, live_layer, look_again, regrid, source_of, view_grid
from napari_coreg.plugin.quietly import remove_quietly
from napari_coreg.plugin.viewers import mm_per_world_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    Later = Callable[[Callable[[], None]], None]

_MARKER_PIXELS = 18
_MARKER_PART = 0.04  # of the volume: never larger than that, so that it does not widen the view of all


class AlignLayers:
    """The layers that stand in for the two volumes.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are shown.
    fixed, moving : napari.layers.Image
        Hidden meanwhile.
    look : Resliced
        The moving volume through the pose.
    reach_lps : array, shape (N, D)
        Points that must be in view besides the fixed volume, LPS mm.
    later : callable
        Calls what it is given in a later turn of the event loop, or at once.

    Attributes
    ----------
    soon : callable or None
        Sees to it that `place_marker` is called soon, and `settle` when the volume rests: napari takes 10 ms to move a
        point, and to draw a thumbnail as long, too much for each step of a drag.
    """

    def __init__(
        self, viewer: Any, fixed: Any, moving: Any, look: Resliced, reach_lps: FloatArray, later: Later
    ) -> None:
        self._viewer, self._fixed, self._moving, self._look = viewer, fixed, moving, look
        self._grid = covering(view_grid(fixed), reach_lps)
        self._later = later
        self._ended = False
        self._own: list[Any] = []
        self._selected: tuple[set[Any], Any] = set(), None
        self.soon: Callable[[], None] | None = None
        self.live: Any = None
        self.marker: Any = None
        self._marked = look.source.index_to_lps[:-1, -1]

    def add(self) -> None:
        """Show them, and hide what they stand in for."""
        selection = self._viewer.layers.selection
        self._selected = set(selection), selection.active
        hide_fixed, hide_moving = (partial(self._hide, layer) for layer in (self._fixed, self._moving))
        for job in (self._add_fixed, hide_fixed, self._add_live, hide_moving, self._add_marker):
            self._later(job)

    def owns(self, layer: Any) -> bool:
        """Whether the alignment ends when this layer is deleted."""
        return layer is not None and layer is self.live

    def show(self) -> None:
        """Look through the pose anew; the thumbnail waits for `settle` where somebody calls that."""
        if self.live is not None and self.soon is not None:
            self.live.refresh(thumbnail=False, extent=False, highlight=False)
        elif self.live is not None:
            look_again(self.live)

    def settle(self, reach_lps: FloatArray) -> None:
        """Bring up to date what need not follow each step of a drag; nothing of the volume is cut off where it rests.

        Parameters
        ----------
        reach_lps : array, shape (N, D)
            Points that must be in view now, LPS mm.
        """
        self.place_marker()
        grid = covering(self._grid, reach_lps)
        if self.live is not None and grid != self._grid:
            self._grid = grid
            regrid(self.live, grid)
        if self.live is not None:
            self.live.refresh(thumbnail=True, data_displayed=False, extent=False, highlight=False)

    def mark(self, place_lps: npt.ArrayLike) -> None:
        """Show the centre at a place, LPS mm; in 2-D view in whatever slice is shown."""
        self._marked = np.asarray(place_lps, float)
        if self.soon is None:
            self.place_marker()
        else:
            self.soon()

    def place_marker(self) -> None:
        """Bring the marker into the slice that is shown."""
        if self.marker is None or self.marker not in self._viewer.layers:
            return
        data = self._marked[::-1].copy()
        dims, mm = self._viewer.dims, mm_per_world_unit(self._viewer, len(data))
        for axis in set(range(dims.ndim)) - set(dims.displayed):
            own = axis - (dims.ndim - len(data))
            if own >= 0:
                data[own] = dims.point[axis] * mm[own]
        if not np.array_equal(self.marker.data[0], data):
            self.marker.data = data[np.newaxis]

    def remove(self) -> None:
        """Remove them, and give back visibility and selection."""
        self._ended = True
        hiding_of(self._viewer).give_back(self)
        selection, (selected, active) = self._viewer.layers.selection, self._selected
        if selection.active in self._own or selection.active is None:
            selection.clear()
            selection.update(layer for layer in selected if layer in self._viewer.layers)
            if active in self._viewer.layers:
                selection.active = active
        while self._own:
            self._later(partial(remove_quietly, self._viewer, self._own.pop()))

    def remove_now(self) -> None:
        """As `remove`, before returning."""
        self._later = lambda job: job()
        self.remove()

    def _add_fixed(self) -> None:
        source = source_of(self._fixed)
        look = Resliced(source, sitk.Transform(self._fixed.ndim, sitk.sitkIdentity))
        self._add_image(look, self._fixed, "magenta", "translucent_no_depth")

    def _add_live(self) -> None:
        self.live = self._add_image(self._look, self._moving, "green", "additive")
        if self.live is not None:
            self.live.metadata[METADATA_KEY]["fixed"] = read_layer(self._fixed)  # on whose grid it is kept
            self._viewer.layers.selection.active = self.live

    def _add_image(self, look: Resliced, of: Any, colormap: str, blending: str) -> Any:
        if self._ended or of not in self._viewer.layers:
            return None
        layer = live_layer(
            look,
            self._grid,
            f"{of.name} (aligning)",
            dtype=look.source.dtype,
            like=self._fixed,
            contrast_limits=of.contrast_limits,
            gamma=of.gamma,
            colormap=colormap,
            blending=blending,
        )
        self._own.append(layer)
        self._viewer.add_layer(layer)
        return layer

    def _hide(self, layer: Any) -> None:
        if not self._ended:
            hiding_of(self._viewer).hide(layer, self)

    def _add_marker(self) -> None:
        if self._ended or self.live is None:
            return
        from napari.layers import Points  # noqa: PLC0415 - loaded already wherever a viewer exists

        self.marker = Points(
            self._marked[np.newaxis, ::-1],
            name="centre of rotation",
            symbol="disc",  # of which the border is seen alone: napari's cross hides what it marks
            size=_MARKER_PART * max(np.multiply(self._grid.size_xyz, self._grid.spacing_xyz)),
            canvas_size_limits=(1, _MARKER_PIXELS),
            face_color="transparent",
            border_color="yellow",
            border_width=0.1,
            units=self.live.units,
            axis_labels=self.live.axis_labels,
            metadata={METADATA_KEY: {"preview": True}},
        )
        self._own.append(self.marker)
        self._viewer.add_layer(self.marker)
        self.place_marker()
        self._viewer.layers.selection.active = self.live


def covering(grid: Grid, points_lps: FloatArray) -> Grid:
    """Return a grid along the world's axes, continued by whole voxels as far as the points reach.

    Examples
    --------
    >>> grid = Grid((4, 4), (1.0, 2.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> covering(grid, np.array([[-2.0, 3.0]]))
    Grid(size_xyz=(6, 4), spacing_xyz=(1.0, 2.0), origin_lps=(-2.0, 0.0), direction=(1.0, 0.0, 0.0, 1.0))
    """
    size, spacing, origin = (np.asarray(item, float) for item in (grid.size_xyz, grid.spacing_xyz, grid.origin_lps))
    where = (np.reshape(points_lps, (-1, grid.dimension)) - origin) / spacing
    before = np.minimum(0, np.floor(where.min(axis=0) + 0.5)) if len(where) else np.zeros_like(size)
    after = np.maximum(size - 1, np.ceil(where.max(axis=0) - 0.5)) if len(where) else size - 1
    count = (after - before + 1).astype(int)
    return Grid(tuple(count.tolist()), grid.spacing_xyz, tuple((origin + before * spacing).tolist()), grid.direction)
