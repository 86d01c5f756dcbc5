"""Shows the automatic foreground mask of a volume as a Labels layer, which can be painted on and chosen as a mask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_coreg.core.geometry import require_values
from napari_coreg.core.pyramid import foreground, prepare
from napari_coreg.plugin.layers import make_layer, read_layer, volume_to_layer_data
from napari_coreg.plugin.worker import TaskWorker

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Preprocessing
    from napari_coreg.plugin.layers import LayerData, LayerVolume
    from napari_coreg.plugin.turns import Turns

_COLOURS = ("magenta", "lime")  # of fixed and moving, as in the preview
_OPACITY = 0.35


class ForegroundLayers(QObject):
    """Makes the masks off the GUI's thread and adds them to a viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are shown.
    turns : Turns
        Adds them one by one.
    """

    said = Signal(str, str)  # a sentence and its role
    ended = Signal()  # well or not

    def __init__(self, viewer: Any, turns: Turns, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._turns = turns
        self._worker: TaskWorker | None = None

    def show(self, pair: tuple[Any, Any], preprocessing: Preprocessing) -> None:
        """Add the masks of the fixed and the moving layer, of those there are; nothing while others are made.

        Raises
        ------
        GeometryError, VolumeError
            As `read_layer`.
        """
        if self._worker is not None:
            return
        looks = [(read_layer(layer), colour) for layer, colour in zip(pair, _COLOURS, strict=True) if layer is not None]

        def task() -> list[Any]:
            return [make_layer(foreground_layer_data(volume, preprocessing, colour)) for volume, colour in looks]

        self._worker = TaskWorker(task)
        self._worker.returned.connect(self._on_returned)
        self._worker.failed.connect(self._on_failed)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def _on_returned(self, layers: list[Any]) -> None:
        for layer in layers:
            self._turns.add(partial(self._viewer.add_layer, layer))

    def _on_failed(self, text: str) -> None:
        self.said.emit(text, "error")

    def _on_finished(self) -> None:
        self._worker = None
        self._turns.add(self.ended.emit)  # when the layers are there


def foreground_layer_data(volume: LayerVolume, preprocessing: Preprocessing, colour: str = "magenta") -> LayerData:
    """Return the automatic foreground mask of a volume as a Labels layer, in the place where the volume is shown.

    Its voxels are coarser than the volume's: they are what a recipe with *Foreground only* looks at. May take long.

    Parameters
    ----------
    volume : LayerVolume
        As read from its layer.
    preprocessing : Preprocessing
        Done to the volume first, as in a run.
    colour : str
        Of the mask.

    Raises
    ------
    VolumeError
        If the volume has no values that a mask could be made from.
    """
    image = volume.to_image()
    require_values(image, repr(volume.name))
    mask = foreground(prepare(image, preprocessing))
    return volume_to_layer_data(
        mask,
        f"Foreground of {volume.name}",
        kind="labels",
        moved=volume.moved,
        opacity=_OPACITY,
        colormap={None: colour, 0: "transparent"},
    )
