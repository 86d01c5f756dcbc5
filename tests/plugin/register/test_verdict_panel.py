from __future__ import annotations

import pytest

from napari_coreg.core.verdict import Verdict
from napari_coreg.plugin.looks import contrast, looks_of
from napari_coreg.plugin.register.verdict_panel import VerdictPanel
from napari_coreg.plugin.signs import COLOURS

REASONS = ("two starts end elsewhere", "31 % of the moving volume lies inside", "the scale is 1.12")


def run(qtbot, widget) -> None:
    with qtbot.waitSignal(widget.ended):
        widget.run_button.click()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("good", "<b>Good</b>: nothing speaks against it"),
        ("doubtful", "<b>Doubtful</b>: look before you use it"),
        ("failed", "<b>Failed</b>: do not use this result"),
    ],
)
def test_each_state_is_told_in_words(qtbot, widget, fake_register, state, words):
    fake_register.verdict = Verdict(state, REASONS, {})
    run(qtbot, widget)
    assert widget.result.verdict.word.text() == words
    assert widget.result.verdict.strip.isVisibleTo(widget)


def test_the_states_differ_in_shape_and_not_in_colour_alone(qtbot):
    panel = VerdictPanel()
    qtbot.addWidget(panel)
    shapes = set()
    for state in ("good", "doubtful", "failed"):
        panel.show_verdict(Verdict(state, (), {}))
        picture = panel.sign.pixmap().toImage()
        points = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
        shapes.add(tuple(picture.pixelColor(x, y).alpha() > 127 for x, y in points))
    assert len(shapes) == 3


def test_the_weightiest_reasons_are_shown_and_the_others_on_request(qtbot, widget, fake_register):
    fake_register.verdict = Verdict("doubtful", REASONS, {"spread_mm": 14.25, "swap_error_mm": None})
    run(qtbot, widget)
    panel = widget.result.verdict
    assert panel.reasons.text() == "• Two starts end elsewhere.\n• 31 % of the moving volume lies inside."
    assert not panel.other_reasons.isVisibleTo(widget)
    panel.section.unfold()
    assert panel.other_reasons.isVisibleTo(widget)
    assert panel.other_reasons.text() == "• The scale is 1.12."
    assert panel.numbers() == {"Spread (mm)": "14.25", "Swap error (mm)": "not measured"}
    assert all(reason[1:] in panel.strip.toolTip() for reason in REASONS)


def test_another_verdict_takes_the_place_of_the_last(qtbot, widget, fake_register):
    fake_register.verdict = Verdict("failed", REASONS, {"spread_mm": 14.0, "overlap_percent": 3.0})
    run(qtbot, widget)
    fake_register.verdict = Verdict("good", (), {"overlap_percent": 97.0})
    run(qtbot, widget)
    panel = widget.result.verdict
    assert not panel.reasons.isVisibleTo(widget)
    assert panel.numbers() == {"Overlap (%)": "97"}


def test_a_failed_run_adds_layers_that_are_named_so(qtbot, widget, pair, fake_register):
    fake_register.verdict = Verdict("failed", REASONS, {})
    widget.options.magnitude.setChecked(True)
    run(qtbot, widget)
    assert [layer.name for layer in pair.layers[2:]] == [
        "moving registered to fixed (failed)",
        "Displacement of moving (mm) (failed)",
        "Deformation of moving (failed)",
    ]
    assert pair.layers[2].metadata["napari_coreg"]["made_by"]["verdict"] == "failed"
    assert "Done" not in widget.result.words.text()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_words_can_be_read_on_their_strip_and_the_signs_on_each_theme(viewer, theme):
    viewer.theme = theme
    background = looks_of(viewer).background
    for face, mark in COLOURS.values():
        assert contrast(face, mark) >= 4.5
        assert max(contrast(face, background), contrast(mark, background)) >= 3.0
