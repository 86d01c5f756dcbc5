"""Scenes of the tour in which layers are carried over, and a recipe is tried on a known motion."""

from __future__ import annotations

from qtpy.QtWidgets import QScrollArea

from napari_coreg.samples import sample_path
from tour_run import after

_LABELS = "labels_mr_t1"


def warp() -> None:
    """Photograph labels and landmarks of the moving volume, carried onto the fixed one."""
    stage, register = after()
    viewer = stage.viewer
    viewer.open(sample_path(f"{_LABELS}.nii.gz"), plugin="napari-coreg", layer_type="labels")
    landmarks = stage.dock("Landmarks")
    landmarks.controls.images["moving"].set_layer(viewer.layers["mr_t1"])
    landmarks.open_file("moving", sample_path("landmarks_mr_t1.csv"))
    stage.settle(2)
    landmarks.parent().close()
    widget = stage.dock("Warp layers", tabify=False)
    register.parent().close()
    for name in (_LABELS, "mr_t1 landmarks"):
        widget.choice.tick(viewer.layers[name])
    widget.warp_button.click()
    stage.wait(lambda: not widget.is_busy())
    stage.settle(2)
    shown = ("ct", f"{_LABELS} warped to ct", "mr_t1 landmarks warped to ct")
    for layer in viewer.layers:
        layer.visible = layer.name in shown
    viewer.layers[shown[1]].opacity = 0.5
    viewer.layers.selection.active = viewer.layers[shown[1]]
    viewer.reset_view()
    stage.photograph("warp-layers")
    stage.close()


def long_checks() -> None:
    """Photograph what a rigid recipe leaves of a motion that bends."""
    stage, register = after(size=(1280, 960))
    viewer = stage.viewer
    widget = stage.dock("Quality", tabify=False)
    register.parent().close()
    widget.measure_button.click()
    stage.wait(lambda: not widget.is_busy())
    panel = widget.long_checks
    widget.long_section.unfold()
    form = panel.simulate
    form.section.unfold()
    form.fields["deformation_mm"].set_plain(8.0)
    form.run_button.click()
    stage.wait(lambda: not panel.is_busy())
    stage.settle(2)
    for layer in viewer.layers:
        layer.visible = layer.name in ("ct", "Error on a known motion of ct (mm)")
    stage.settle()
    widget.findChildren(QScrollArea)[0].ensureWidgetVisible(form, 0, 0)
    stage.photograph("long-checks")
    stage.close()
