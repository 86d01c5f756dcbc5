"""The live layers of a comparison: one for each of the two volumes, and one for their difference or for contours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compare import automatic_level, before_line, checkerboard, robust_window, sample
from napari_coreg.plugin.compare.colours import dress, one_colour, ramp
from napari_coreg.plugin.compare.sights import Contours, Difference, Part, Sight
from napari_coreg.plugin.live import live_layer, look_again, source_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.reslice import Source
    from napari_coreg.plugin.compare.settings import Mode, Settings
    from napari_coreg.plugin.compare.sights import Mask, Window

EXTRA_MODES: tuple[Mode, ...] = ("difference", "contours")  # that need the third layer
_CELLS = 8  # along the shorter edge of what is seen, where nobody has said how large they are


@dataclass(frozen=True)
class View:
    """How the pictures are to be shown just now.

    Attributes
    ----------
    settings : Settings
        As the user set them.
    roles : tuple of int
        Which side, 0 or 1, plays the first, and which the second one.
    phase : int
        Which of the two, in their roles, a flickering picture shows.
    order : tuple of int
        The viewer's axes (zyx), the ones on screen last.
    ndisplay : int
        2 or 3.
    """

    settings: Settings
    roles: tuple[int, int] = (0, 1)
    phase: int = 0
    order: tuple[int, ...] = (0, 1, 2)
    ndisplay: int = 2

    @property
    def curtain_axis(self) -> int:
        """The world's axis, 0 for x, along which the curtain is drawn."""
        return len(self.order) - 1 - self.order[-1 if self.settings.direction == "across" else -2]

    @property
    def board_axes(self) -> tuple[int, ...]:
        """The world's axes along which the cells of the board alternate; in 3-D view not along the line of sight."""
        counted = self.order[1:] if self.ndisplay == 3 and len(self.order) == 3 else self.order
        return tuple(len(self.order) - 1 - axis for axis in counted)


@dataclass(eq=False)
class Side:
    """One of the two layers that are compared.

    Attributes
    ----------
    layer : layer
        The user's; it is left as it is.
    sight : Sight
        Its voxels where it is displayed.
    window : tuple of float
        What is shown as black and as white to begin with.
    range : tuple of float
        Lowest and highest value that were met.
    values : array
        A sample of the voxels.
    """

    layer: Any
    sight: Sight
    window: Window
    range: Window
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, layer: Any, window: Window | None = None) -> Side:
        """Look at a sample of a layer's voxels."""
        sight = Sight(source_of(layer))
        if sight.is_labels:
            return cls(layer, sight, (0.0, 1.0), (0.0, 1.0), np.empty(0))
        values = sample(layer.data)
        finite = values[np.isfinite(values)]
        window = robust_window(values) if window is None else window
        ends = (float(finite.min()), float(finite.max())) if finite.size else window
        ends = min(ends[0], window[0]), max(ends[1], window[1])
        return cls(layer, sight, window, ends, values)

    @cached_property
    def level(self) -> float:
        """Whose contour parts the bright from the dark."""
        return automatic_level(self.values, self.window)


@dataclass(eq=False)
class _Aim:
    """What the third layer looks at just now; nothing to begin with."""

    look: Difference | Contours | None = None

    def __call__(self, grid: Grid) -> Any:
        return np.zeros(grid.size_xyz[::-1], np.float32) if self.look is None else self.look(grid)


class Pictures:
    """The live layers of two sides.

    Parameters
    ----------
    sides : tuple of Side
        The first and the second.
    grid : Grid
        All that may be seen, in the displayed world.
    """

    def __init__(self, sides: tuple[Side, Side], grid: Grid) -> None:
        self.sides, self.grid = sides, grid
        self.parts = tuple(Part(side.sight, nothing=side.window[0]) for side in sides)
        self.layers: list[Any] = [self._make(0), self._make(1)]
        self.extra: Any = None
        self._aim = _Aim()
        self._colours = ["gray", "gray"]
        self._extra_mode: Mode | None = None
        self._extra_limits: dict[Mode, Window] = {}
        for layer in self.layers:
            if not _is_labels(layer):
                layer.events.contrast_limits.connect(self._on_contrast)

    @property
    def own(self) -> list[Any]:
        """All layers that were made."""
        return [*self.layers, *([] if self.extra is None else [self.extra])]

    def window(self, index: int) -> Window:
        """Return the contrast limits of a side as they are now."""
        layer = self.layers[index]
        return (0.0, 1.0) if _is_labels(layer) else tuple(layer.contrast_limits)

    def make_extra(self) -> Any:
        """Make the third layer, as yet without anything to show."""
        self.extra = live_layer(
            self._aim,
            self.grid,
            "difference (comparison)",
            like=self.sides[0].layer,
            contrast_limits=(0, 1),
            visible=False,
        )
        return self.extra

    def look_again(self) -> None:
        """Work out anew what is seen."""
        for layer in self.own:
            if layer.visible:
                look_again(layer)

    def set_source(self, index: int, source: Source) -> None:
        """Put another volume in the place of a side's."""
        self.sides[index].sight.source = source

    def mask(self, view: View) -> None:
        """Give each side its part of what is seen."""
        settings, roles = view.settings, view.roles
        masks: tuple[Mask | None, Mask | None] = (None, None)
        if settings.mode == "checkerboard":
            board = partial(checkerboard, cell_mm=self.cell_mm(settings), axes=view.board_axes)
            masks = board, lambda grid: ~board(grid)
        elif settings.mode == "wipe":
            before = partial(before_line, axis=view.curtain_axis, position_mm=self.position_mm(view))
            masks = before, lambda grid: ~before(grid)
        for index, mask in zip(roles, masks, strict=True):
            self.parts[index].mask = mask

    def cell_mm(self, settings: Settings) -> float:
        """Return the edge of a cell."""
        if settings.cell_mm is not None:
            return settings.cell_mm
        edges = np.sort(np.multiply(self.grid.size_xyz, self.grid.spacing_xyz))
        rough = edges[-2] / _CELLS
        return float(np.maximum(1e-3, np.round(rough, -int(np.floor(np.log10(rough))))))

    def position_mm(self, view: View) -> float:
        """Return where the edge of the curtain cuts its axis of the world."""
        grid, axis = self.grid, view.curtain_axis
        along = view.settings.position * grid.size_xyz[axis] - 0.5
        return float(grid.origin_lps[axis] + along * grid.spacing_xyz[axis])

    def level(self, view: View) -> float:
        """Return the value whose contour is drawn."""
        return self.sides[view.roles[0]].level if view.settings.level is None else view.settings.level

    def show_extra(self, view: View) -> None:
        """Let the third layer look at what the mode wants."""
        first, second = view.roles
        if view.settings.mode == "difference":
            sights = self.sides[first].sight, self.sides[second].sight
            self._aim.look = Difference(*sights, (self.window(first), self.window(second)))
        else:
            self._aim.look = Contours(self.sides[first].sight, self.level(view), self.window(first))

    def dress(self, view: View) -> None:
        """Give the layers the colours that the mode wants."""
        mode = view.settings.mode
        colours = view.settings.pair_of_colours if mode == "overlay" else ("gray", "gray")
        for index, colour in zip(view.roles, colours, strict=True):
            self._colour(index, colour)
        if self.extra is not None and mode in EXTRA_MODES:
            if self._extra_mode is not None:
                self._extra_limits[self._extra_mode] = tuple(self.extra.contrast_limits)
            self._extra_mode = mode
            dress(self.extra, mode, view.ndisplay)
            self.extra.contrast_limits = self._extra_limits.get(mode, self.extra.contrast_limits)
            self.extra.name = f"{mode} (comparison)"

    def fade(self, view: View) -> None:
        """Set how much is seen of each side."""
        settings = view.settings
        shown = {"blend": (1 - settings.balance, settings.balance), "flicker": (1.0 - view.phase, float(view.phase))}
        for index, opacity in zip(view.roles, shown.get(settings.mode, (1.0, 1.0)), strict=True):
            if self.layers[index].opacity != opacity:
                self.layers[index].opacity = opacity

    def reveal(self, view: View, *, anew: bool = True) -> None:
        """Show what the mode shows, worked out anew if need be, and hide the others."""
        wanted = self.visible(view)
        for layer in self.own:
            if layer.visible and layer in wanted:
                if anew:
                    look_again(layer)
            elif layer.visible != (layer in wanted):
                layer.visible = layer in wanted  # works it out

    def visible(self, view: View) -> list[Any]:
        """Return the layers that the mode shows."""
        if view.settings.mode == "difference":
            return [self.extra]
        if view.settings.mode == "contours":
            return [self.layers[view.roles[1]], self.extra]
        return self.layers

    def _make(self, index: int) -> Any:
        side = self.sides[index]
        name = f"{side.layer.name} (comparison)"
        common = {"like": self.sides[0].layer, "visible": False, "blending": "additive"}
        if side.sight.is_labels:
            layer = live_layer(
                self.parts[index], self.grid, name, kind="labels", dtype=side.sight.source.dtype, **common
            )
            layer.colormap = side.layer.colormap
            return layer
        layer = live_layer(self.parts[index], self.grid, name, contrast_limits=side.window, **common)
        layer.contrast_limits_range = side.range
        layer.contrast_limits = side.window
        return layer

    def _colour(self, index: int, colour: str) -> None:
        layer = self.layers[index]
        if self._colours[index] == colour:
            return
        self._colours[index] = colour
        if not _is_labels(layer):
            layer.colormap = ramp(colour)
        elif colour == "gray":
            layer.colormap = self.sides[index].layer.colormap
        else:
            layer.colormap = one_colour(colour)

    def _on_contrast(self, event: Any) -> None:
        """Keep what is not there black; let the difference follow."""
        index = self.layers.index(event.source)
        nothing = float(event.source.contrast_limits[0])
        if self.parts[index].nothing != nothing:
            self.parts[index].nothing = nothing
            if event.source.visible:
                look_again(event.source)
        look = self._aim.look
        if self.extra is not None and isinstance(look, Difference):
            first = self.sides[0].sight is look.first
            look.windows = self.window(0 if first else 1), self.window(1 if first else 0)
            look_again(self.extra)


def _is_labels(layer: Any) -> bool:
    return not hasattr(layer, "contrast_limits")
