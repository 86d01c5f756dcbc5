"""The scene of the tour in which a result is judged."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_coreg.samples import sample_path
from tour_run import after

if TYPE_CHECKING:
    from tour_stage import Stage

LANDMARKS = {"fixed": "landmarks_ct.csv", "moving": "landmarks_mr_t1.csv"}
LABELS = {"fixed": "labels_ct", "moving": "labels_mr_t1"}


def quality() -> None:
    """Photograph the numbers of a result that was measured with landmarks and labels."""
    stage, _ = judged()
    stage.photograph("quality-dock")
    stage.close()


def judged(theme: str = "dark", size: tuple[int, int] = (1280, 960)) -> tuple[Stage, Any]:
    """Return a stage with a result, and the dock in which it was measured."""
    stage, register = after(theme, size=size)
    viewer = stage.viewer
    landmarks = stage.dock("Landmarks")
    for side, image in {"fixed": "ct", "moving": "mr_t1"}.items():
        landmarks.controls.images[side].set_layer(viewer.layers[image])
    for side, name in LANDMARKS.items():
        landmarks.open_file(side, sample_path(name))
    stage.settle(2)
    landmarks.parent().close()
    with sample_path("labels.csv").open(encoding="utf-8") as file:
        names = pd.DataFrame([(int(row["value"]), row["name"]) for row in csv.DictReader(file)])
    names.columns = ["index", "name"]
    for name in LABELS.values():
        viewer.open(sample_path(f"{name}.nii.gz"), plugin="napari-coreg", layer_type="labels")
        viewer.layers[name].features = names
        viewer.layers[name].visible = False
    widget = stage.dock("Quality")
    register.parent().close()
    for layer in viewer.layers:
        layer.visible = layer.name in ("ct", "mr_t1 registered to ct", "ct landmarks")
    for side, name in LABELS.items():
        widget.inputs.boxes[f"{side}_labels"].set_layer(viewer.layers[name])
    widget.measure_button.click()
    stage.wait(lambda: not widget.is_busy())
    viewer.layers.selection.active = viewer.layers["mr_t1 registered to ct"]
    viewer.reset_view()
    widget.go_to("structure:ventricles")
    stage.settle()
    return stage, widget
