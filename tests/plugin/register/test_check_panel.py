from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QLineEdit

from napari_coreg.core.preflight import Finding, Fix
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.register.widget import RegisterWidget


@pytest.fixture
def fix(rigid) -> Fix:
    recipe = rigid.model_copy(update={"name": "mended", "initialization": "moments"})
    return Fix("Start at the centres of intensity", "--initialization moments", recipe)


@pytest.fixture
def warning(fix) -> Finding:
    return Finding("warning", "overlap", "the volumes overlap little", "12 %", "search the start", fix)


ERROR = Finding("error", "nan", "the fixed volume has voxels without a value", "3 voxels", "replace them by numbers.")
NOTE = Finding("note", "memory", "this takes memory", "0.4 GB", "")


def check(qtbot, widget) -> None:
    with qtbot.waitSignal(widget.findings.ended):
        widget.check_button.click()


def run(qtbot, widget) -> None:
    with qtbot.waitSignal(widget.ended):
        widget.run_button.click()


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


class TestTheButton:
    def test_it_shows_every_finding_with_value_and_remedy(self, qtbot, widget, fake_check, warning):
        fake_check.findings = (ERROR, warning, NOTE)
        check(qtbot, widget)
        assert widget.findings.texts() == [
            "Check: 1 error, 1 warning, 1 note",
            "The fixed volume has voxels without a value (3 voxels).",
            "Replace them by numbers.",
            "The volumes overlap little (12 %).",
            "Search the start.",
            "This takes memory (0.4 GB).",
        ]
        assert [button.text() for button in widget.findings.fix_buttons()] == ["Start at the centres of intensity"]

    def test_it_says_so_when_nothing_is_found(self, qtbot, widget):
        check(qtbot, widget)
        assert widget.findings.texts() == ["Check: nothing speaks against this run."]

    def test_it_runs_nothing_and_adds_nothing(self, qtbot, widget, pair, fake_check, fake_register):
        fake_check.findings = (NOTE,)
        check(qtbot, widget)
        assert fake_register.calls == []
        assert names(pair) == ["fixed", "moving"]

    def test_it_checks_what_would_be_run(self, qtbot, widget, pair, fake_check):
        mask = pair.add_labels(np.ones((24, 28, 32), int), name="head", scale=(2, 2, 2), units=("mm",) * 3)
        widget.layers.fixed_mask.set_layer(mask)
        pair.layers["fixed"].metadata["napari_coreg"] = {"modality": "CT"}
        pair.layers["moving"].affine = np.array([[1, 0, 0, 0], [0, 1, 0, -4], [0, 0, 1, 0], [0, 0, 0, 1]])
        check(qtbot, widget)
        (call,) = fake_check.calls
        assert call["recipe"] == widget.recipe.recipe()
        assert (call["fixed_modality"], call["moving_modality"]) == ("CT", "")
        assert call["fixed"].GetSize() == (32, 28, 24)
        assert call["fixed_mask"] is not None
        assert call["moving_mask"] is None
        assert call["initial_transform"] is not None

    def test_it_waits_for_its_end_and_the_run_need_not(self, qtbot, widget, pair, fake_check):
        fake_check.gate = threading.Event()
        widget.check_button.click()
        assert (widget.check_button.isEnabled(), widget.check_button.text()) == (False, "Checking...")
        assert widget.run_button.isEnabled()
        with qtbot.waitSignal(widget.findings.ended):
            fake_check.gate.set()
        assert (widget.check_button.isEnabled(), widget.check_button.text()) == (True, "Check")

    def test_it_needs_two_layers(self, widget, pair):
        del pair.layers["moving"]
        assert not widget.check_button.isEnabled()

    def test_layers_that_cannot_be_read_are_told_in_a_sentence(self, qtbot, widget, fake_check):
        fake_check.error = VolumeError("the file is gone")
        check(qtbot, widget)
        assert (widget.message.text(), widget.message.property("role")) == ("the file is gone", "error")
        assert widget.findings.texts() == []
        assert widget.check_button.isEnabled()


class TestRemedies:
    def test_its_button_changes_the_recipe_and_checks_again(self, qtbot, widget, fake_check, warning, fix):
        fake_check.findings = (warning,)
        check(qtbot, widget)
        fake_check.findings = ()
        with qtbot.waitSignal(widget.findings.ended):
            widget.findings.fix_buttons()[0].click()
        assert widget.recipe.recipe() == fix.recipe
        assert fake_check.calls[-1]["recipe"] == fix.recipe
        assert widget.findings.texts() == ["Check: nothing speaks against this run."]

    def test_a_changed_preset_is_called_edited_and_stands_beside_it(self, qtbot, widget, fake_check, rigid):
        recipe = rigid.model_copy(update={"initialization": "moments"})
        fake_check.findings = (Finding("warning", "a", "b", "c", "d", Fix("Mend it", "", recipe)),)
        check(qtbot, widget)
        with qtbot.waitSignal(widget.findings.ended):
            widget.findings.fix_buttons()[0].click()
        assert widget.recipe.box.currentText() == "Rigid (edited)"
        taken = widget.recipe.recipe()
        assert (taken.initialization, taken.stages) == ("moments", rigid.stages)

    def test_it_says_what_it_is_on_the_command_line(self, qtbot, widget, fake_check, warning, fix):
        fake_check.findings = (warning,)
        check(qtbot, widget)
        assert fix.flag in widget.findings.fix_buttons()[0].toolTip()

    def test_one_for_another_recipe_cannot_be_taken(self, qtbot, widget, fake_check, warning):
        fake_check.findings = (warning,)
        check(qtbot, widget)
        widget.recipe.editor.findChild(QLineEdit, "shrink_factors").setText("6, 3, 1")
        assert widget.findings.texts()[0] == "Before the last change:"
        assert not widget.findings.fix_buttons()[0].isEnabled()
        check(qtbot, widget)
        assert widget.findings.texts()[0] == "Check: 1 warning"
        assert widget.findings.fix_buttons()[0].isEnabled()

    def test_a_change_during_the_check_counts_too(self, qtbot, widget, fake_check, warning):
        fake_check.findings = (warning,)
        fake_check.gate = threading.Event()
        widget.check_button.click()
        widget.recipe.box.setCurrentIndex(1)
        with qtbot.waitSignal(widget.findings.ended):
            fake_check.gate.set()
        assert not widget.findings.fix_buttons()[0].isEnabled()

    def test_findings_about_other_layers_go(self, qtbot, widget, fake_check, warning):
        fake_check.findings = (warning,)
        check(qtbot, widget)
        widget.layers.swap()
        assert widget.findings.texts() == []


class TestBeforeARun:
    def test_an_error_stops_the_run_and_nothing_is_added(self, qtbot, widget, pair, fake_check, fake_register):
        fake_check.findings = (ERROR, NOTE)
        inserted = []
        pair.layers.events.inserted.connect(lambda event: inserted.append(event.value.name))
        run(qtbot, widget)
        assert fake_register.calls == []
        assert inserted == []
        assert widget.message.text().startswith("Not run: the check before the run found an error")
        assert widget.message.property("role") == "error"
        assert widget.findings.texts()[:2] == [
            "Check: 1 error",
            "The fixed volume has voxels without a value (3 voxels).",
        ]
        assert not widget.result.isVisibleTo(widget)
        assert widget.run_button.isEnabled()

    def test_a_mended_error_lets_it_run(self, qtbot, widget, pair, fake_check, fix):
        fake_check.findings = (Finding("error", "levels", "too few voxels are left", "3", "shrink less", fix),)
        run(qtbot, widget)
        fake_check.findings = ()
        with qtbot.waitSignal(widget.findings.ended):
            widget.findings.fix_buttons()[0].click()
        run(qtbot, widget)
        assert "moving registered to fixed" in names(pair)
        assert widget.findings.texts() == []

    def test_a_warning_is_shown_and_stops_nothing(self, qtbot, widget, pair, fake_check, warning):
        fake_check.findings = (warning, NOTE)
        run(qtbot, widget)
        assert widget.findings.texts()[0] == "Check: 1 warning"
        assert "moving registered to fixed" in names(pair)

    def test_notes_are_for_the_button_only(self, qtbot, widget, fake_check):
        fake_check.findings = (NOTE,)
        run(qtbot, widget)
        assert widget.findings.texts() == []

    def test_a_folded_panel_stays_folded_but_for_an_error(self, qtbot, widget, fake_check, warning):
        fake_check.findings = (warning,)
        check(qtbot, widget)
        widget.findings.section.unfold(False)
        run(qtbot, widget)
        assert widget.findings.texts() == ["Check: 1 warning"]
        fake_check.findings = (ERROR,)
        run(qtbot, widget)
        assert len(widget.findings.texts()) == 3

    def test_it_is_checked_while_it_can_be_cancelled(self, qtbot, widget, pair, fake_check, fake_register):
        fake_check.findings = (ERROR,)
        fake_check.gate = threading.Event()
        widget.run_button.click()
        qtbot.waitUntil(lambda: len(fake_check.calls) == 1)
        widget.cancel_button.click()
        with qtbot.waitSignal(widget.ended):
            fake_check.gate.set()
        assert widget.message.text() == "Cancelled. Nothing was changed."
        assert widget.findings.texts() == []
        assert fake_register.calls == []

    def test_a_check_of_before_does_not_speak_into_the_run(self, qtbot, widget, fake_check, warning):
        fake_check.gate = threading.Event()
        fake_check.findings = (NOTE,)
        widget.check_button.click()
        widget.run_button.click()
        with qtbot.waitSignals([widget.findings.ended, widget.ended]):
            fake_check.gate.set()
        assert widget.findings.texts() == []


@pytest.mark.slow
def test_the_gui_never_waits_for_the_check(qtbot, heartbeats, pair, fake_register):
    large = np.random.default_rng(0).random((160, 160, 160)).astype(np.float32)

    def busy(*_volumes, **_settings) -> tuple[Finding, ...]:
        end = time.perf_counter() + 1.5
        while time.perf_counter() < end:
            np.percentile(large[::2, ::2, ::2], (1, 99))
        return (NOTE,) * 20

    widget = RegisterWidget(pair, register=fake_register, check=busy)
    qtbot.addWidget(widget)
    with heartbeats() as beats:
        check(qtbot, widget)
    assert len(beats) > 20
    assert np.diff(beats).max() < 0.25  # 0.02 on an idle machine; others may need the processor as well


def test_a_widget_that_is_closed_during_a_check_does_no_harm(qtbot, pair, fake_register, fake_check):
    fake_check.gate = threading.Event()
    fake_check.findings = (NOTE,)
    widget = RegisterWidget(pair, register=fake_register, check=fake_check)
    widget.check_button.click()
    qtbot.waitUntil(lambda: len(fake_check.calls) == 1)
    widget.deleteLater()
    QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
    with qtbot.captureExceptions() as raised:
        fake_check.gate.set()
        qtbot.wait(200)
    assert raised == []
