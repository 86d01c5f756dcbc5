"""Scenes of the tour in which somebody lends a hand: alignment by hand, landmarks, and several attempts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from qtpy.QtWidgets import QScrollArea

from napari_coreg import load_preset, read_points
from napari_coreg.io.points import write_points
from napari_coreg.samples import sample_path
from tour_run import SAMPLE, after, only_result
from tour_stage import Stage


def align() -> None:
    """Photograph a volume that is being aligned by hand."""
    stage = Stage()
    stage.sample(SAMPLE.key)
    widget = stage.dock("Align by hand")
    widget.begin_button.click()
    stage.settle(2)
    for spins, values in ((widget.panel.shifts, (-9.0, 3.0, -5.0)), (widget.panel.turns, (-7.0, 2.0, -5.0))):
        for spin, value in zip(spins, values, strict=True):
            spin.setValue(value)
    stage.settle(2)
    stage.photograph("align-by-hand")
    stage.close()


def landmarks() -> None:
    """Photograph landmarks as a person might set them: 1 mm off along each axis, and one of them far off."""
    stage = Stage(size=(1280, 900))
    stage.sample(SAMPLE.key)
    widget = stage.dock("Landmarks")
    in_moving, names = read_points(sample_path("landmarks_mr_t1.csv"))
    in_moving += np.random.default_rng(1).normal(0, 1, in_moving.shape)
    in_moving[names.index("eye_left")] += (0, 0, 12)
    with tempfile.TemporaryDirectory() as folder:
        write_points(in_moving, Path(folder) / "mr.csv", names)
        widget.open_file("fixed", sample_path("landmarks_ct.csv"))
        widget.open_file("moving", Path(folder) / "mr.csv")
    stage.settle(2)
    widget.controls.table.setCurrentCell(0, 1)
    stage.settle(2)
    stage.photograph("landmarks-dock")
    stage.close()


def attempts() -> None:
    """Photograph the table of three attempts."""
    stage, widget = after(size=(1280, 960))
    for name in ("translation", "rigid"):
        widget.recipe.set_recipe(load_preset(name))
        widget.run_button.click()
        stage.wait(lambda: not widget.is_running())
        stage.settle(2)
    widget.attempts.section.unfold()
    stage.settle()
    only_result(stage)
    widget.findChild(QScrollArea).ensureWidgetVisible(widget.attempts)
    stage.photograph("attempts")
    stage.close()
