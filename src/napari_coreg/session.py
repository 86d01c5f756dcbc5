"""What the user is doing and has done, as evented state that all dock widgets of a viewer share; it knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_coreg.attempts import Attempts
from napari_coreg.per_viewer import PerViewer

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid


@dataclass(frozen=True, eq=False)
class Start:
    """Where the next run of a pair begins, as somebody set it.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, between the volumes' own frames (LPS mm), as `initial_transform` of `register`.
    source : str
        Where it comes from, in a few words: "aligned by hand", "rigid fit to 6 landmarks".
    fixed, moving : layer
        For which pair it holds.
    grids : tuple of Grid, optional
        The frames of both volumes when it was set. A layer without a header has a frame that goes with it when somebody
        moves it, so that the start is not true any more.
    """

    transform: sitk.Transform
    source: str
    fixed: Any
    moving: Any
    grids: tuple[Grid, Grid] | None = None

    def holds_for(self, fixed: Any, moving: Any, grids: tuple[Grid, Grid] | None = None) -> bool:
        """Whether it was set for these two layers, and, where `grids` are given, for these frames."""
        same_frames = None in (grids, self.grids) or grids == self.grids
        return self.fixed is fixed and self.moving is moving and same_frames


class Session:
    """One viewer's state beyond its layers. Get it by `session_of`."""

    start_changed = Signal(object)  # the new Start, or None
    run_wanted = Signal()  # a dock widget asks the one that registers to run

    def __init__(self) -> None:
        self._start: Start | None = None
        self._canvas: tuple[object, Callable[[], None]] | None = None
        self.attempts = Attempts()

    @property
    def start(self) -> Start | None:
        """Where the next run of its pair begins; None leaves it to the recipe and the layers."""
        return self._start

    @start.setter
    def start(self, start: Start | None) -> None:
        if start is not self._start:
            self._start = start
            self.start_changed.emit(start)

    def take_canvas(self, who: object, end: Callable[[], None]) -> None:
        """Use the canvas alone, as aligning by hand and comparing do: whoever used it before has to end."""
        self.clear_canvas()
        self._canvas = who, end

    def leave_canvas(self, who: object) -> None:
        """Let somebody else use the canvas; nothing happens where `who` does not use it any more."""
        if self._canvas is not None and self._canvas[0] is who:
            self._canvas = None

    def clear_canvas(self) -> None:
        """End what uses the canvas, as something else is to be seen."""
        if self._canvas is not None:
            (_, end), self._canvas = self._canvas, None
            end()


_SESSIONS = PerViewer(lambda _viewer: Session())


def session_of(viewer: Any) -> Session:
    """Return the session of a viewer; the same one as long as the viewer lives.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose session.
    """
    return _SESSIONS.of(viewer)
