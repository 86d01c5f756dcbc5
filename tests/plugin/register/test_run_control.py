"""A run in the dock widget is paused, taken and cancelled; other dock widgets say where it starts."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_coreg import Recipe, load_preset, register_layers
from napari_coreg.core.optimizers import RegularStepGradientDescent
from napari_coreg.core.preflight import Finding
from napari_coreg.core.stages import Pyramid, Sampling, TranslationStage
from napari_coreg.plugin.layer_run import request_from_layers
from napari_coreg.plugin.layers import read_layer
from napari_coreg.plugin.register.snippet import python_snippet
from napari_coreg.plugin.register.widget import RegisterWidget
from napari_coreg.plugin.worker import RegistrationWorker
from napari_coreg.session import Start, session_of


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def words(widget: RegisterWidget) -> str:
    return widget.progress.words.text()


def may_steer(widget: RegisterWidget) -> tuple[bool, bool, bool]:
    progress = widget.progress
    return progress.pause_button.isEnabled(), progress.take_button.isEnabled(), widget.cancel_button.isEnabled()


@pytest.fixture
def running(qtbot: Any, widget: RegisterWidget, fake_register: Any) -> Any:
    """A widget whose run goes on until the gate is opened."""
    fake_register.gate = threading.Event()
    widget.run_button.click()
    qtbot.waitUntil(lambda: "iteration" in words(widget))
    yield widget
    RegistrationWorker.await_workers(5000)  # the widget is gone by now


@pytest.fixture
def paused(qtbot: Any, running: RegisterWidget) -> RegisterWidget:
    running.progress.pause_button.click()
    qtbot.waitUntil(lambda: words(running).startswith("Paused"))
    return running


class TestPausing:
    def test_the_buttons_are_there_while_a_run_goes_on_only(self, qtbot, running, fake_register):
        assert running.progress.buttons.isVisibleTo(running)
        assert may_steer(running) == (True, True, True)
        with qtbot.waitSignal(running.ended):
            fake_register.gate.set()
        assert not running.progress.buttons.isVisibleTo(running)
        assert may_steer(running) == (False, False, False)

    def test_nothing_can_be_taken_or_held_before_there_is_something(self, qtbot, widget, fake_register):
        assert not widget.progress.buttons.isVisibleTo(widget)
        fake_register.gate = threading.Event()
        fake_register.levels = 0
        fake_register.preparation = "compiling kernels, once"
        widget.run_button.click()
        qtbot.waitUntil(lambda: words(widget) == "Compiling kernels, once...")
        assert may_steer(widget) == (False, False, True)
        with qtbot.waitSignal(widget.ended):
            fake_register.gate.set()

    def test_a_paused_run_asks_and_tells_nothing_until_it_is_resumed(self, qtbot, paused, fake_register):
        assert words(paused).startswith("Paused - Stage 1/1 Rigid, level ")
        assert paused.progress.pause_button.text() == "Resume"
        asked = fake_register.asked
        qtbot.wait(100)
        assert fake_register.asked == asked
        paused.progress.pause_button.click()
        qtbot.waitUntil(lambda: fake_register.asked > asked)
        assert paused.progress.pause_button.text() == "Pause"
        assert words(paused).startswith("Stage 1/1 Rigid")
        with qtbot.waitSignal(paused.ended):
            fake_register.gate.set()

    def test_a_paused_run_uses_no_processor(self, qtbot, paused):
        thread_seconds, wall = time.process_time(), time.perf_counter()
        time.sleep(0.5)  # and neither does this thread
        assert (time.process_time() - thread_seconds) / (time.perf_counter() - wall) < 0.2

    def test_it_says_so_at_once_and_again_when_it_stands_still(self, qtbot, running, fake_register):
        running.progress.pause_button.click()
        assert words(running).startswith("Pausing - ")
        qtbot.waitUntil(lambda: words(running).startswith("Paused - "))

    def test_a_pause_is_undone_before_it_began(self, qtbot, running, pair, fake_register):
        for _ in range(10):
            running.progress.pause_button.click()
        assert running.progress.pause_button.text() == "Pause"
        with qtbot.waitSignal(running.ended):
            fake_register.gate.set()
        assert "moving registered to fixed" in names(pair)

    def test_a_paused_run_can_be_cancelled(self, qtbot, paused, pair):
        with qtbot.waitSignal(paused.ended):
            paused.cancel_button.click()
            assert words(paused) == "Cancelling..."
            assert may_steer(paused) == (False, False, False)
        assert "Cancelled" in paused.message.text()
        qtbot.waitUntil(lambda: names(pair) == ["fixed", "moving"])

    def test_closing_the_dock_ends_a_paused_run(self, qtbot, pair, fake_register):
        fake_register.gate = threading.Event()
        dock = QWidget()
        qtbot.addWidget(dock)
        widget = RegisterWidget(pair, register=fake_register, parent=dock)
        widget.run_button.click()
        qtbot.waitUntil(lambda: "iteration" in words(widget))
        widget.progress.pause_button.click()
        qtbot.waitUntil(lambda: words(widget).startswith("Paused"))
        with qtbot.waitSignal(widget.ended):
            widget.setParent(None)
        qtbot.waitUntil(lambda: names(pair) == ["fixed", "moving"])
        widget.deleteLater()
        QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
        session_of(pair).run_wanted.emit()  # nothing listens any more
        session_of(pair).start = None

    def test_closing_the_window_ends_a_paused_run_and_hiding_the_dock_does_not(self, qtbot, pair, fake_register):
        fake_register.gate = threading.Event()
        window = QMainWindow()
        qtbot.addWidget(window)
        dock = QDockWidget(window)
        widget = RegisterWidget(pair, register=fake_register)
        dock.setWidget(widget)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.show()
        widget.run_button.click()
        qtbot.waitUntil(lambda: "iteration" in words(widget))
        widget.progress.pause_button.click()
        qtbot.waitUntil(lambda: words(widget).startswith("Paused"))
        dock.hide()
        dock.show()
        qtbot.wait(50)
        assert widget.is_running()
        with qtbot.waitSignal(widget.ended):
            window.close()

    def test_napari_does_not_wait_for_a_paused_run_when_it_ends(self, qtbot, pair, fake_register):
        fake_register.gate = threading.Event()
        request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"))
        worker = RegistrationWorker(request, register=fake_register)
        with qtbot.waitSignal(worker.held):
            worker.start()
            worker.pause()
        began = time.perf_counter()
        RegistrationWorker.await_workers(5000)  # as napari does when it is closed
        assert time.perf_counter() - began < 2.0
        assert worker.abort_requested

    def test_what_was_pressed_too_late_holds_up_nothing(self, qtbot, pair, fake_register):
        request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"))
        worker = RegistrationWorker(request, register=fake_register)
        with qtbot.waitSignal(worker.returned):
            worker.registered.connect(worker.pause)
            worker.start()
        assert not worker.is_paused


class TestTaking:
    @pytest.mark.parametrize("before", ["running", "paused"])
    def test_what_there_is_becomes_a_result_that_says_so(self, qtbot, before, request, pair, fake_register):
        widget = request.getfixturevalue(before)
        with qtbot.waitSignal(widget.ended):
            widget.progress.take_button.click()
            assert words(widget) == "Taking what there is..."
            assert may_steer(widget) == (False, False, True)
            qtbot.wait(50)
            assert not words(widget).startswith(("Stage", "Paused"))
        assert names(pair)[-2:] == ["moving registered to fixed (taken early)", "Deformation of moving (taken early)"]
        assert widget.result.words.text().startswith("Taken after 1.2 s.")
        own = pair.layers["moving registered to fixed (taken early)"].metadata["napari_coreg"]
        assert own["made_by"]["ended_early"] == "at iteration 3"
        assert widget.run_button.isEnabled()

    def test_it_can_still_be_cancelled(self, qtbot, paused, pair, fake_register):
        with qtbot.waitSignal(paused.ended):
            paused.progress.take_button.click()
            paused.cancel_button.click()
        qtbot.waitUntil(lambda: names(pair) == ["fixed", "moving"])

    def test_the_buttons_are_reached_and_pressed_by_keys(self, qtbot, running, fake_register):
        progress = running.progress
        for button in (progress.pause_button, progress.take_button):
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
            assert button.toolTip()
        qtbot.keyClick(progress.pause_button, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: words(running).startswith("Paused"))
        with qtbot.waitSignal(running.ended):
            qtbot.keyClick(progress.take_button, Qt.Key.Key_Space)

    def test_the_console_takes_what_there_is_too(self, pair, fake_register):
        seen: list[Any] = []
        result = register_layers(
            pair, "fixed", "moving", "translation", on_progress=seen.append, is_enough=lambda: len(seen) > 2
        )
        assert result.ended_early
        assert "moving registered to fixed (taken early)" in names(pair)


class TestChecking:
    def test_a_run_checks_its_pair_once(self, qtbot, widget, fake_register, fake_check):
        fake_check.findings = (Finding("warning", "overlap", "the volumes overlap little", "12 %", ""),)
        with qtbot.waitSignal(widget.ended):
            widget.run_button.click()
        assert len(fake_check.calls) == 1
        assert fake_register.calls[0]["findings"] == fake_check.findings


class TestStartingWhereAnotherWidgetSays:
    @pytest.fixture
    def shift(self) -> sitk.Transform:
        return sitk.TranslationTransform(3, (1.0, 2.0, 3.0))

    def start(self, viewer: Any, shift: sitk.Transform) -> Start:
        return Start(shift, "rigid fit to 6 landmarks", viewer.layers["fixed"], viewer.layers["moving"])

    def run(self, qtbot: Any, widget: RegisterWidget) -> None:
        with qtbot.waitSignal(widget.ended):
            widget.run_button.click()

    def test_the_run_begins_there_and_says_so(self, qtbot, widget, pair, fake_register, shift):
        assert not widget.start.isVisibleTo(widget)
        session_of(pair).start = self.start(pair, shift)
        assert widget.start.isVisibleTo(widget)
        assert widget.start.words.text() == "The run starts from: rigid fit to 6 landmarks."
        self.run(qtbot, widget)
        assert fake_register.calls[0]["initial_transform"] is shift
        assert "Start: rigid fit to 6 landmarks." in widget.result.words.text()

    def test_it_goes_before_the_position_on_the_screen(self, qtbot, widget, pair, fake_register, shift):
        affine = np.eye(4)
        affine[1, 3] = 5
        pair.layers["moving"].affine = affine
        qtbot.waitUntil(lambda: "starts from the layers' position" in widget.message.text())
        session_of(pair).start = self.start(pair, shift)
        assert widget.message.text() == ""
        self.run(qtbot, widget)
        assert fake_register.calls[0]["initial_transform"] is shift

    def test_it_does_not_count_once_the_frame_of_a_layer_has_moved(self, qtbot, widget, pair, fake_register, shift):
        fixed, moving = pair.layers["fixed"], pair.layers["moving"]  # without headers: their frames go with them
        grids = read_layer(fixed).geometry, read_layer(moving).geometry
        session_of(pair).start = Start(shift, "aligned by hand", fixed, moving, grids)
        assert widget.start.words.text() == "The run starts from: aligned by hand."
        moving.translate = (0, 5, 0)
        qtbot.waitUntil(lambda: "does not count: a layer was moved" in widget.start.words.text())
        self.run(qtbot, widget)
        assert fake_register.calls[0]["initial_transform"] is not shift

    def test_it_holds_for_its_own_pair_only(self, qtbot, widget, pair, fake_register, shift):
        session_of(pair).start = self.start(pair, shift)
        widget.layers.swap()
        assert not widget.start.isVisibleTo(widget)
        self.run(qtbot, widget)
        assert fake_register.calls[0]["initial_transform"] is None
        widget.layers.swap()
        assert widget.start.isVisibleTo(widget)
        del pair.layers["moving"]
        assert not widget.start.isVisibleTo(widget)

    def test_it_can_be_dropped(self, qtbot, widget, pair, fake_register, shift):
        session_of(pair).start = self.start(pair, shift)
        widget.start.drop_button.click()
        assert session_of(pair).start is None
        assert not widget.start.isVisibleTo(widget)
        self.run(qtbot, widget)
        assert fake_register.calls[0]["initial_transform"] is None

    def test_the_lines_to_copy_ask_for_its_transform(self, qtbot, widget, pair, shift):
        session_of(pair).start = self.start(pair, shift)
        self.run(qtbot, widget)
        widget.result.copy_python.click()
        code = QApplication.clipboard().text()
        assert "# The run started from: rigid fit to 6 landmarks." in code
        called: dict[str, Any] = {}
        code = code.replace("import napari\n", "").replace("viewer = napari.current_viewer()", "")
        code = code.replace("from napari_coreg import read_transform, register_layers", "")
        exec(
            code,
            {
                "viewer": pair,
                "read_transform": lambda name: name,
                "register_layers": lambda *_, **settings: called.update(settings),
            },
        )
        assert called["initial_transform"] == "start.h5"

    def test_a_source_of_several_lines_stays_a_comment(self, pair, shift):
        request = request_from_layers(
            pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"), initial_transform=shift
        )
        object.__setattr__(request, "start_source", "one\ntwo")
        compile(python_snippet(request), "snippet", "exec")

    def test_another_widget_can_start_the_run_and_bring_the_dock_up(self, qtbot, pair, fake_register, fake_check):
        window = QMainWindow()
        qtbot.addWidget(window)
        dock = QDockWidget(window)
        widget = RegisterWidget(pair, register=fake_register, check=fake_check)
        dock.setWidget(widget)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.hide()
        with qtbot.waitSignal(widget.ended):
            session_of(pair).run_wanted.emit()
        assert not dock.isHidden()
        assert len(fake_register.calls) == 1

    def test_a_dock_that_was_closed_does_not_run_too(self, qtbot, pair, fake_register, fake_check):
        dock = QDockWidget()
        qtbot.addWidget(dock)
        widget = RegisterWidget(pair, register=fake_register, check=fake_check)
        dock.setWidget(widget)
        widget.setParent(None)  # as napari does, and the widget lives on until it is collected
        qtbot.addWidget(widget)
        session_of(pair).run_wanted.emit()
        assert not widget.is_running()

    def test_a_run_that_is_wanted_while_one_goes_on_is_not_begun(self, qtbot, running, pair, fake_register):
        session_of(pair).run_wanted.emit()
        assert len(fake_register.calls) == 1


def slow_recipe() -> Recipe:
    """A stage that takes minutes, as its steps are short."""
    stage = TranslationStage(
        optimizer=RegularStepGradientDescent(
            number_of_iterations=100_000, maximum_step_voxels=0.002, minimum_step_voxels=1e-9
        ),
        pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0,)),
        sampling=Sampling(percentages=(50,), minimum_samples=10_000),
    )
    return Recipe(name="slow", initialization="given", stages=(stage,))


class TestForReal:
    def test_a_run_is_paused_resumed_and_taken(self, qtbot, pair):
        widget = RegisterWidget(pair)
        qtbot.addWidget(widget)
        widget.recipe.set_recipe(slow_recipe())
        began = time.perf_counter()
        widget.run_button.click()
        qtbot.waitUntil(lambda: "iteration" in words(widget), timeout=20_000)
        widget.progress.pause_button.click()
        qtbot.waitUntil(lambda: words(widget).startswith("Paused"))
        before = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - before < 0.2
        widget.progress.pause_button.click()
        qtbot.waitUntil(lambda: not words(widget).startswith("Paus"))
        with qtbot.waitSignal(widget.ended, timeout=20_000):
            pressed = time.perf_counter()
            widget.progress.take_button.click()
        wall = time.perf_counter() - began
        (registered,) = (layer for layer in pair.layers if "registered to fixed (taken early)" in layer.name)
        result = registered.metadata["napari_coreg"]["result"]
        assert time.perf_counter() - pressed < 8.0
        assert result.seconds < wall - 1.0
        assert result.metric_after < result.metric_before
        assert result.verdict.state != "good"
        assert "of stage 1 of 1 (translation)" in result.ended_early
        told = widget.result.verdict.reasons.text() + widget.result.verdict.other_reasons.text()
        assert "The run was ended early, at iteration" in told
        assert "ended early" not in widget.result.notes.text()
