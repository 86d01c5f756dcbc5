"""The moving volume as the run sees it now, on a live layer over the fixed one."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk
from qtpy.QtCore import QObject, QTimer, Signal

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import displacement_field, is_linear
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.live import Resliced, from_world, is_upright, live_layer, look_again, source_of, view_grid
from napari_coreg.plugin.quietly import add_quietly, remove_quietly
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.plugin.layer_run import Request

COLOURS = "Preview: fixed in magenta, moving in green; white where both are bright."
PATIENCE_SECONDS = 0.7  # a run that ends sooner shows no preview: its layers would come and go in a flicker
LEAST_SECONDS = 0.1  # between two looks
MOST_OF_THE_TIME = 0.25  # of the GUI's thread that looking may take


class Pace:
    """Tells the worker thread when to send a transform to look through."""

    def __init__(self) -> None:
        self._next = time.perf_counter() + PATIENCE_SECONDS

    def due(self) -> bool:
        """Whether it is time for another one; if so, the next is due a while later."""
        now = time.perf_counter()
        if now < self._next:
            return False
        self._next = now + LEAST_SECONDS
        return True


def make_ready(transform: sitk.Transform, fixed: Grid) -> None:
    """Compile, in the worker's thread, what looking through a deformation calls in the GUI's."""
    if not is_linear(transform):
        n = fixed.dimension
        displacement_field(transform, Grid((2,) * n, fixed.spacing_xyz, fixed.origin_lps, fixed.direction))


class PreviewLayers(QObject):
    """The layers that show the run, made at the first look and gone at the end; the user may delete them at any time.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are shown.
    fixed, moving : napari.layers.Image
        The layers that are registered. A second look at the fixed one lies under the preview, so that nothing else
        shines through.
    request : Request
        The layers as the run has read them.
    later : callable
        Calls what it is given in a later turn of the event loop; at once when it is not given.
    """

    looked = Signal()  # the preview shows the newest transform

    def __init__(
        self,
        viewer: Any,
        fixed: Any,
        moving: Any,
        request: Request,
        later: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._fixed, self._moving = fixed, moving
        self._request = request
        self._later = later or (lambda job: job())
        self._look: Resliced | None = None
        self._layer: Any = None
        self._own: list[Any] = []
        self._ended = False
        self._rest = 0.0  # seconds until the GUI's thread may look again
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look_again)
        self._session = session_of(viewer)
        self._session.take_canvas(self, self.remove)  # the run goes on without it when something else is to be seen

    def show(self, transform: sitk.Transform) -> None:
        """Show the moving volume through a transform (fixed -> moving), the newest one as soon as there is time."""
        through = from_world(self._request.fixed, transform)
        if self._look is None:
            self._look = Resliced(source_of(self._moving, self._request.moving), through)
            self._later(partial(self._add, partial(_second_look, self._fixed)))
            self._later(self._add_moving)
            return
        self._look.transform = through
        if not self._timer.isActive():
            self._timer.start(round(1000 * self._rest))

    def remove(self) -> None:
        """Remove what is left of the layers."""
        self._ended = True
        self._session.leave_canvas(self)
        self._timer.stop()
        while self._own:
            self._later(partial(remove_quietly, self._viewer, self._own.pop()))

    def remove_now(self) -> None:
        """Remove what is left of the layers before returning."""
        self._later = lambda job: job()
        self.remove()

    def _look_again(self) -> None:
        if self._layer is None or self._layer not in self._viewer.layers:
            return
        began = time.perf_counter()
        look_again(self._layer)
        took = time.perf_counter() - began
        self._rest = took / MOST_OF_THE_TIME - took
        self.looked.emit()

    def _add_moving(self) -> None:
        if self._look is not None:
            moving, fixed = self._moving, self._fixed
            self._layer = self._add(
                partial(
                    live_layer,
                    self._look,
                    view_grid(fixed),
                    f"{moving.name} (preview)",
                    dtype=self._look.source.dtype,
                    like=fixed,
                    contrast_limits=moving.contrast_limits,
                    gamma=moving.gamma,
                    colormap="green",
                    blending="additive",
                )
            )

    def _add(self, make: Callable[[], Any]) -> Any:
        if self._ended:
            return None
        layer = make()
        self._own.append(layer)
        add_quietly(self._viewer, layer)
        return layer


def _second_look(fixed: Any) -> Any:
    """Return the fixed volume in magenta, whose channels are the preview's others: neither is washed out."""
    name = f"{fixed.name} (under the preview)"
    looks = {
        "contrast_limits": fixed.contrast_limits,
        "gamma": fixed.gamma,
        "colormap": "magenta",
        "blending": "translucent_no_depth",
    }
    if not is_upright(fixed):  # napari cannot cut it along the world's axes
        source = source_of(fixed)
        look = Resliced(source, sitk.Transform(fixed.ndim, sitk.sitkIdentity))
        return live_layer(look, view_grid(fixed), name, dtype=source.dtype, like=fixed, **looks)
    from napari.layers import Image  # noqa: PLC0415 - loaded already wherever a viewer exists

    return Image(
        fixed.data,
        name=name,
        metadata={METADATA_KEY: {"preview": True}},
        scale=fixed.scale,
        translate=fixed.translate,
        rotate=fixed.rotate,
        affine=fixed.affine.affine_matrix,
        units=fixed.units,
        axis_labels=fixed.axis_labels,
        **looks,
    )
