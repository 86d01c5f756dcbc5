"""The command demo: a pair of sample volumes with known truth, registered, measured, and shown."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.cli.register import run_registration, summary
from napari_coreg.cli.terminal import note, say
from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import load_preset
from napari_coreg.core.target_error import target_registration_error
from napari_coreg.errors import CoregError
from napari_coreg.io.pictures import save_overlay
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import REGISTERED, require_result_folder, save_result
from napari_coreg.io.volumes import read_volume
from napari_coreg.samples import SAMPLES, read_truth, sample_path

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_coreg.core.result import RegistrationResult

OVERLAY = "overlay.png"
_QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
_POINTS = 2000  # where the error is measured, about


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if options.sample not in SAMPLES:
        raise CoregError(f"there is no sample {options.sample!r}; there are: {', '.join(SAMPLES)}")
    require_result_folder(options.output)
    sample = SAMPLES[options.sample]
    fixed_path, moving_path = (sample_path(name) for name in sample.files)
    recipe = load_preset(sample.recipe)
    with quiet_itk():
        fixed, moving = read_volume(fixed_path), read_volume(moving_path)
        say(f"{sample.display_name}. {sample.description}")
        result = run_registration(fixed.image, moving.image, recipe)
        inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
        folder = save_result(result, options.output, inputs=inputs)
        save_overlay(folder / OVERLAY, fixed.image, moving.image, result.transform)
        for line in summary(result):
            say(line)
        if sample.truth is not None:
            before, after = errors_mm(result, read_truth(sample.key))
            say(f"mean error in the head, against the known truth: {before:.2f} mm -> {after:.2f} mm")
    say(f"written to {folder}; the picture of before and after is {folder / OVERLAY}")
    _show(options.no_gui, [fixed_path, moving_path, folder / REGISTERED], folder / OVERLAY)


def errors_mm(result: RegistrationResult, truth: sitk.Transform) -> tuple[float, float]:
    """Return the mean distance from the truth before and after, over the fixed volume's foreground, mm."""
    points = _foreground_lps(result.fixed)
    true = np.array([truth.TransformPoint(point) for point in points.tolist()])
    identity = sitk.Transform(truth.GetDimension(), sitk.sitkIdentity)
    before, after = (target_registration_error(one, points, true).mean for one in (identity, result.transform))
    return before, after


def _foreground_lps(image: sitk.Image) -> NDArray[np.float64]:
    """Return points of the volume that are brighter than Otsu's threshold, evenly spread, shape (N, 3)."""
    bright = np.argwhere(sitk.GetArrayFromImage(sitk.OtsuThreshold(image, 0, 1)))
    step = max(1, len(bright) // _POINTS)
    return Grid.of(image).to_lps(bright[::step, ::-1].astype(float))


def _show(no_gui: bool, volumes: list[Path], picture: Path) -> None:
    """Open the volumes in napari, in a process of its own: this one knows no Qt. Say why not where that cannot be."""
    reason = "as asked" if no_gui else _why_no_window()
    if reason:
        say(f"napari was not opened ({reason}); look at {picture}")
        return
    note("opening napari; close its window to end the demo")
    command = [sys.executable, "-m", "napari_coreg.plugin.show", *map(str, volumes)]
    finished = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if finished.returncode != 0:
        said = finished.stderr.strip().splitlines()
        say(f"napari ended with an error ({said[-1] if said else finished.returncode}); look at {picture}")


def _why_no_window() -> str:
    """Return why napari cannot be opened, in words; empty where it can."""
    if find_spec("napari") is None:
        return "it is not installed: pip install 'napari-coreg[all]'"
    if not any(find_spec(name) for name in _QT_BINDINGS):
        return "there is no Qt: pip install 'napari-coreg[all]'"
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not has_display:
        return "there is no display"
    return ""
