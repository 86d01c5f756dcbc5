"""Scenes of the tour that show volumes: in three planes, compared, and what a deformation does to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from napari_coreg import load_preset
from napari_coreg.samples import SAMPLES
from tour_run import REGISTER, after
from tour_stage import Stage, look_of, montage, save

EYE_LEFT_ZYX = (-16.5, -87.0, 40.0)
_MODES = ("checkerboard", "wipe", "blend", "overlay", "difference", "contours")
_TILE = 420


def orthogonal() -> None:
    """Photograph three planes of the result through the left eye."""
    stage, register = after()
    views = stage.dock("Orthogonal views", tabify=False)
    register.parent().close()
    stage.settle()
    views.jump_to(np.array(EYE_LEFT_ZYX))
    stage.viewer.reset_view()
    stage.photograph("orthogonal-views")
    stage.close()


def compare() -> None:
    """Photograph the fixed volume and the result compared, in the window and mode by mode."""
    stage, register = after()
    register.result.compare.click()
    stage.settle(2)
    widget = stage.dock("Compare")  # it is open already
    register.parent().close()
    stage.settle()
    stage.viewer.reset_view()
    stage.photograph("compare")
    tiles = []
    for mode in _MODES:
        button = widget.controls.modes[mode]
        button.click()
        stage.settle(1.5)
        tiles.append((button.text(), _middle(stage.canvas())))
    save("compare-modes", montage(tiles, 3, _TILE))
    widget.parent().close()
    stage.settle(2)  # what it hid comes back
    stage.close()


def deformation() -> None:
    """Photograph the views of a deformation, in the window and one by one with their legends."""
    sample = SAMPLES["deformed"]
    stage = Stage()
    register = stage.dock(REGISTER)
    stage.sample(sample.key)
    register.recipe.set_recipe(load_preset(sample.recipe))
    register.run_button.click()
    stage.wait(lambda: not register.is_running())
    stage.settle(2)
    for layer in stage.viewer.layers:
        layer.visible = layer.name == "mr_t1_deformed"
    register.result.deformation.click()
    widget = stage.dock("Deformation")  # it is open already
    register.parent().close()
    stage.viewer.reset_view()
    widget.views.relative.click()
    tiles = []
    for view, box in widget.views.boxes.items():
        box.click()
        stage.wait(lambda: not widget.is_busy())
        stage.settle(2)
        if view == "vectors":
            stage.photograph("deformation-dock")
        tiles.append((box.text(), _with_legend(_middle(stage.canvas()), widget, view)))
        box.click()
        stage.settle()
    save("deformation-views", montage(tiles, 2, 480), smooth=True)
    stage.close()


def _middle(pixels: np.ndarray) -> np.ndarray:
    """Cut the middle of a canvas out, as high as it is wide at most."""
    height, width = pixels.shape[:2]
    size = min(height, width)
    top, left = (height - size) // 2, (width - size) // 2
    return pixels[top : top + size, left : left + size, :3]


def _with_legend(pixels: np.ndarray, widget: Any, view: str) -> np.ndarray:
    """Put the legend that stands in the dock below a picture."""
    high = 70 * pixels.shape[1] // 560
    sheet = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + high), (38, 41, 48))
    sheet.paste(Image.fromarray(pixels), (0, 0))
    if view in widget.views.legends:
        legend = Image.fromarray(look_of(widget.views.legends[view]))
        sheet.paste(legend, ((sheet.width - legend.width) // 2, pixels.shape[0] + (high - legend.height) // 2))
    return np.asarray(sheet)
