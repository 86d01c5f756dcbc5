"""A viewer without a window, a pair of layers, and a register() that does what a test needs."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QGuiApplication

from napari_coreg.core.presets import load_preset
from napari_coreg.core.progress import Progress
from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.register.widget import RegisterWidget

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from napari_coreg.core.folding import Folding
    from napari_coreg.core.preflight import Finding


def blob(shape: tuple[int, ...], centre: tuple[float, ...]) -> np.ndarray:
    """A lopsided Gaussian, 32-bit floats."""
    grid = np.indices(shape, dtype=float)
    widths = (5.0, 4.0, 6.0)[-len(shape) :]
    distance = sum(((axis - c) / w) ** 2 for axis, c, w in zip(grid, centre, widths, strict=True))
    return (100 * np.exp(-distance / 2)).astype(np.float32)


@pytest.fixture(autouse=True)
def impatient_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show the preview of a short run too; what waits for it is tested on its own."""
    monkeypatch.setattr("napari_coreg.plugin.register.preview.PATIENCE_SECONDS", 0.0)


@pytest.fixture
def heartbeats(qapp: Any) -> Callable[[], AbstractContextManager[list[float]]]:
    """A context in which the turns of the event loop are noted, every 5 ms while nothing holds it up; seconds."""

    @contextmanager
    def watch() -> Iterator[list[float]]:
        beats: list[float] = []
        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(lambda: beats.append(time.perf_counter()))
        timer.start(5)
        yield beats
        timer.stop()

    return watch


@pytest.fixture
def display() -> None:
    """A screen that a canvas can be drawn on, or a skip with the reason."""
    if QGuiApplication.platformName() == "offscreen":
        pytest.skip("a real viewer needs a display with OpenGL (xvfb-run pytest)")


@pytest.fixture
def make_napari_viewer(qapp: Any, display: None, make_napari_viewer: Any) -> Any:
    """napari's own, where there is a display."""
    return make_napari_viewer


@pytest.fixture
def make_napari_viewer_proxy(qapp: Any, display: None, make_napari_viewer_proxy: Any) -> Any:
    """napari's own, where there is a display."""
    return make_napari_viewer_proxy


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def pair(viewer: ViewerModel) -> ViewerModel:
    """A viewer with 'fixed' and 'moving': moving is 2 voxels (4 mm) further along y."""
    viewer.add_image(blob((24, 28, 32), (12, 13, 15)), name="fixed", scale=(2, 2, 2), units=("mm",) * 3)
    viewer.add_image(blob((24, 28, 32), (12, 15, 15)), name="moving", scale=(2, 2, 2), units=("mm",) * 3)
    return viewer


class _EnoughError(Exception):
    """It is enough."""


class FakeRegister:
    """Reports some iterations and returns a shift; waits at `gate` when there is one, raises `error` when there is one.

    It asks at every iteration, and a thousand times a second at the gate, whether it is cancelled or enough.

    Attributes
    ----------
    calls : list of dict
        The keyword arguments of each call.
    asked : int
        How often it has asked.
    """

    def __init__(self, levels: int = 2, iterations: int = 5) -> None:
        self.levels, self.iterations = levels, iterations
        self.gate: threading.Event | None = None
        self.error: Exception | None = None
        self.transform: sitk.Transform = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))
        self.inverse: sitk.Transform | None = sitk.TranslationTransform(3, (0.0, -4.0, 0.0))
        self.folding: Folding | None = None
        self.preparation = ""
        self.initialization = "moments"
        self.notes: tuple[str, ...] = ()
        self.verdict = Verdict("good", ("it converged",), {"spread_mm": 0.25})
        self.calls: list[dict[str, Any]] = []
        self.asked = 0

    def __call__(self, fixed: sitk.Image, moving: sitk.Image, recipe: Any, **settings: Any) -> RegistrationResult:
        self.calls.append(settings)
        try:
            self._iterate(settings)
        except _EnoughError:
            return self._result(fixed, moving, recipe, "at iteration 3")
        if self.error is not None:
            raise self.error
        return self._result(fixed, moving, recipe)

    def _iterate(self, settings: dict[str, Any]) -> None:
        if self.preparation and settings["on_progress"] is not None:
            settings["on_progress"](self._preparing())
        for level in range(self.levels):
            for iteration in range(self.iterations):
                if settings["on_progress"] is not None:
                    settings["on_progress"](self._moment(level, iteration))
                self._ask(settings)
                if self.gate is not None:
                    self.gate.wait(0.01)
        while self.gate is not None and not self.gate.wait(0.001):
            self._ask(settings)

    def _ask(self, settings: dict[str, Any]) -> None:
        self.asked += 1
        if settings["is_cancelled"] is not None and settings["is_cancelled"]():
            raise RegistrationCancelled("the registration was cancelled")
        if settings["is_enough"] is not None and settings["is_enough"]():
            raise _EnoughError

    def _preparing(self) -> Progress:
        return Progress(
            stage=-1,
            number_of_stages=1,
            stage_kind="preparation",
            level=0,
            number_of_levels=1,
            iteration=0,
            metric_value=float("nan"),
            fraction=0.0,
            seconds=0.5,
            message=self.preparation,
        )

    def _moment(self, level: int, iteration: int) -> Progress:
        return Progress(
            stage=0,
            number_of_stages=1,
            stage_kind="rigid",
            level=level,
            number_of_levels=self.levels,
            iteration=iteration + 1,
            metric_value=-float(iteration),
            fraction=(level * self.iterations + iteration + 1) / (self.levels * self.iterations),
            seconds=4.0,
            current_transform=lambda: self.transform,
        )

    def _result(self, fixed: sitk.Image, moving: sitk.Image, recipe: Any, ended_early: str = "") -> RegistrationResult:
        return RegistrationResult(
            transform=self.transform,
            recipe=recipe,
            trace=(),
            metric_before=-0.25,
            metric_after=-0.75,
            inverse_transform=self.inverse,
            folding=self.folding,
            initialization=self.initialization,
            notes=self.notes,
            verdict=self.verdict,
            findings=(),
            seconds=1.25,
            threads=1,
            versions={},
            fingerprints={},
            fixed=fixed,
            moving=moving,
            ended_early=ended_early,
        )


class FakeCheck:
    """Finds what a test says; waits at `gate` when there is one.

    Attributes
    ----------
    calls : list of dict
        The keyword arguments of each call, and the recipe.
    """

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.gate: threading.Event | None = None
        self.error: Exception | None = None
        self.calls: list[dict[str, Any]] = []

    def __call__(self, fixed: sitk.Image, moving: sitk.Image, recipe: Any, **settings: Any) -> tuple[Finding, ...]:
        self.calls.append({"fixed": fixed, "moving": moving, "recipe": recipe, **settings})
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return self.findings


@pytest.fixture
def fake_check() -> FakeCheck:
    return FakeCheck()


@pytest.fixture
def fake_register() -> FakeRegister:
    return FakeRegister()


@pytest.fixture
def rigid() -> Any:
    return load_preset("rigid")


@pytest.fixture
def widget(qtbot: Any, pair: ViewerModel, fake_register: FakeRegister, fake_check: FakeCheck) -> Any:
    """The dock widget over a pair of layers, with a register() and a check that take no time."""
    widget = RegisterWidget(pair, register=fake_register, check=fake_check)
    qtbot.addWidget(widget)
    return widget
