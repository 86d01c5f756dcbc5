"""Scenes of the tour around one run: the first screen, the run, what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_coreg import load_preset, read_volume, register
from napari_coreg.samples import SAMPLES, sample_path
from tour_stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg import Progress, RegistrationResult

SAMPLE = SAMPLES["ct-mr"]
REGISTER = "Register volumes"
_PACE_SECONDS = 0.12  # an iteration; the real ones are over before they can be photographed


class HeldRegister:
    """`register` at a pace that can be watched, which stops at one iteration until it is let go.

    The pauses are not counted in the seconds that the result tells.

    Parameters
    ----------
    level, iteration : int
        Where it stops, counted from 0 and 1; nowhere with a level of -1.
    """

    def __init__(self, level: int = -1, iteration: int = 0) -> None:
        module = import_module("napari_coreg.core.register")
        self._register = module.register
        self._stop_at = level, iteration
        self.is_there, self.go_on = threading.Event(), threading.Event()
        module.register = self  # before the dock widget is imported

    def __call__(self, *volumes: Any, on_progress: Callable[[Progress], None], **options: Any) -> RegistrationResult:
        """Register."""
        waited = 0.0

        def pausing(progress: Progress) -> None:
            nonlocal waited
            on_progress(progress)
            began = time.perf_counter()
            if progress.stage >= 0 and (progress.level, progress.iteration) == self._stop_at:
                self.is_there.set()
                self.go_on.wait()
            elif progress.stage >= 0 and not self.go_on.is_set() and not self.is_there.is_set():
                time.sleep(_PACE_SECONDS)
            waited += time.perf_counter() - began

        result = self._register(*volumes, on_progress=pausing, **options)
        return replace(result, seconds=result.seconds - waited)


def first_screen() -> None:
    """Photograph the empty window, the pair before a run, and what a check finds."""
    stage = Stage()
    widget = stage.dock(REGISTER)
    stage.photograph("first-screen")
    stage.sample(SAMPLE.key)
    widget.recipe.set_recipe(load_preset(SAMPLE.recipe))
    stage.photograph("register-before")
    widget.recipe.set_recipe(load_preset("follow-up"))
    widget.check_button.click()
    stage.wait(widget.check_button.isEnabled)
    stage.photograph("check-findings")
    stage.close()


def run() -> None:
    """Photograph a run, the run paused, and what came of it when it was ended early."""
    held = HeldRegister(level=1, iteration=6)
    stage, widget = ready()
    widget.run_button.click()
    stage.wait(held.is_there.is_set)
    stage.settle(2.5)
    stage.photograph("register-running")
    widget.progress.pause_button.click()
    held.go_on.set()
    stage.wait(lambda: "Paused" in widget.progress.words.text())
    stage.settle(1.5)
    stage.photograph("register-paused")
    widget.progress.take_button.click()
    stage.wait(lambda: not widget.is_running())
    stage.settle(2)
    only_result(stage)
    stage.photograph("register-taken")
    stage.close()


def result() -> None:
    """Photograph what came of a run."""
    stage, _ = after()
    stage.photograph("register-after")
    stage.close()


def light() -> None:
    """Photograph the same in napari's light theme."""
    stage, _ = after(theme="light")
    stage.photograph("register-after-light")
    stage.close()


def large() -> None:
    """Photograph the same on a screen with a scale of 1.5."""
    stage, _ = after(size=(1200, 760))
    stage.photograph("register-after-large")
    stage.close()


def ready(theme: str = "dark", **window: Any) -> tuple[Stage, Any]:
    """Return a stage with the pair and the dock widget, before the run."""
    stage = Stage(theme, **window)
    widget = stage.dock(REGISTER)
    stage.sample(SAMPLE.key)
    widget.recipe.set_recipe(load_preset(SAMPLE.recipe))
    stage.settle()
    return stage, widget


def after(theme: str = "dark", **window: Any) -> tuple[Stage, Any]:
    """Return the same after the run, with the fixed volume and the result shown."""
    fixed, moving = (read_volume(sample_path(name)).image for name in SAMPLE.files)
    register(fixed, moving, SAMPLE.recipe)  # so that what is compiled at the first run is not in the time shown
    stage, widget = ready(theme, **window)
    widget.run_button.click()
    stage.wait(lambda: not widget.is_running())
    stage.settle(2)
    only_result(stage)
    return stage, widget


def only_result(stage: Stage) -> None:
    """Hide the moving volume, so that the result is seen over the fixed one."""
    stage.viewer.layers["mr_t1"].visible = False
    stage.viewer.reset_view()
    stage.settle()
