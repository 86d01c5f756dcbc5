"""Draws the pictures of the documentation from the sample volumes: ./dev pictures."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from draw_deformation import draw_deformation
from draw_features import draw_features
from draw_landmarks import draw_landmarks
from draw_points import draw_points
from draw_poses import draw_poses
from napari_coreg import fit_landmarks, load_preset, read_points, read_volume, register
from napari_coreg.io.pictures import save_overlay
from napari_coreg.samples import SAMPLES, sample_path

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg import LandmarkFit, Progress, RegistrationResult
    from napari_coreg.samples import Sample

PICTURES = Path(__file__).parent / "pictures"
SAMPLE = SAMPLES["ct-mr"]
RECIPE = load_preset(SAMPLE.recipe)
WINDOW = (1280, 820)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    fixed, moving = _read(SAMPLE)
    result = register(fixed, moving, RECIPE)
    save_overlay(PICTURES / "overlay.png", fixed, moving, result.transform)
    draw_points(PICTURES / "fixed-to-moving.png", fixed, moving, result.transform)
    draw_features(PICTURES / "features-2d.png", fixed, moving)
    draw_landmarks(PICTURES / "landmarks.png", fixed, moving, fit_as_by_hand())
    draw_poses(PICTURES / "poses.png", *_read(SAMPLES["t1-t2"]))
    fixed, moving = _read(SAMPLES["deformed"])
    start = register(fixed, moving, "rigid-affine").transform
    result = register(fixed, moving, "fast-bspline", initial_transform=start)
    draw_deformation(PICTURES / "deformation.png", fixed, moving, result.transform)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "settings.yaml")  # napari as it comes, whoever runs this
        draw_register()
    for path in PICTURES.glob("*.png"):
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _read(sample: Sample) -> list[sitk.Image]:
    return [read_volume(sample_path(name)).image for name in sample.files]


def fit_as_by_hand() -> LandmarkFit:
    """Return a fit to landmarks as a person might set them: 1 mm off along each axis, and one of them far off."""
    in_fixed, names = read_points(sample_path("landmarks_ct.csv"))
    in_moving, _ = read_points(sample_path("landmarks_mr_t1.csv"))
    in_moving += np.random.default_rng(1).normal(0, 1, in_moving.shape)
    in_moving[names.index("eye_left")] += (0, 0, 12)
    return fit_landmarks(in_fixed, in_moving, "rigid", names=names)


def draw_register() -> None:
    """Photograph the dock widget Register before, during and after a run."""
    import napari  # noqa: PLC0415 - it must not read its settings before main says where they are

    from napari_coreg.plugin.register_widget import RegisterWidget  # noqa: PLC0415 - nor Qt be loaded before it

    viewer = napari.Viewer(show=False)
    viewer.window.show()
    widget = RegisterWidget(viewer, register=slow_register)
    viewer.window.add_dock_widget(widget, name="Register volumes (napari-coreg)", area="right")
    viewer.window.resize(*WINDOW)
    viewer.open_sample("napari-coreg", SAMPLE.key)
    widget.recipe.set_recipe(RECIPE)
    _wait(seconds=1)
    viewer.reset_view()
    _wait(seconds=1)
    _photograph(viewer, "register-before")
    widget.run()
    _wait(lambda: "level 2" in widget.progress.words.text())
    _wait(seconds=2)
    _photograph(viewer, "register-running")
    _wait(lambda: not widget.is_running())
    _wait(seconds=1)
    widget.result.compare.click()
    _wait(seconds=1)
    _photograph(viewer, "register-after")
    viewer.close()


def slow_register(*volumes: Any, on_progress: Callable[[Progress], None], **options: Any) -> RegistrationResult:
    """Register with a pause at every iteration: the real run ends before it can be photographed.

    The pauses are not counted in the seconds that the result tells.
    """
    pauses = []

    def pausing(progress: Progress) -> None:
        on_progress(progress)
        pauses.append(0.2 if progress.stage >= 0 else 0.01)
        time.sleep(pauses[-1])

    result = register(*volumes, on_progress=pausing, **options)
    return replace(result, seconds=result.seconds - sum(pauses))


def _wait(until: Callable[[], bool] = lambda: False, seconds: float = 60.0) -> None:
    from qtpy.QtWidgets import QApplication  # noqa: PLC0415

    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.001)


def _photograph(viewer: Any, name: str) -> None:
    viewer.screenshot(str(PICTURES / f"{name}.png"), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
