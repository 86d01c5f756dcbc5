from __future__ import annotations

import pytest

from napari_coreg.core.progress import Progress
from napari_coreg.plugin.looks import STAGE_COLOURS, Looks, contrast, looks_of
from napari_coreg.plugin.register.metric_plot import MetricPlot
from napari_coreg.plugin.register.progress_panel import in_words


@pytest.fixture
def plot(qtbot) -> MetricPlot:
    plot = MetricPlot()
    qtbot.addWidget(plot)
    return plot


def moment(stage: int, level: int, value: float, **others: float) -> Progress:
    kind = ("rigid", "affine")[stage]
    values = {"iteration": 1, "fraction": 0.5, "seconds": 10.0, **others}
    return Progress(
        stage=stage, number_of_stages=2, stage_kind=kind, level=level, number_of_levels=3, metric_value=value, **values
    )


def test_every_level_has_a_line_of_its_own_that_goes_on_where_the_last_one_ended(plot):
    plot.add([moment(0, 0, -1.0), moment(0, 0, -2.0), moment(0, 1, -0.5)])
    plot.add([moment(0, 1, -0.6), moment(1, 0, -0.7)])
    assert plot.curves == {
        (0, 0): ((1, -1.0), (2, -2.0)),
        (0, 1): ((3, -0.5), (4, -0.6)),
        (1, 0): ((5, -0.7),),
    }


def test_the_other_way_round_has_lines_of_its_own(plot):
    plot.add([moment(0, 0, -1.0), moment(0, 1, -2.0), moment(1, 0, -3.0)])
    plot.add([moment(0, 0, -4.0), moment(0, 1, -5.0)])
    plot.add([moment(1, 0, -6.0)])
    assert plot.curves == {
        (0, 0): ((1, -1.0),),
        (0, 1): ((2, -2.0),),
        (1, 0): ((3, -3.0),),
        (2, 0): ((4, -4.0),),
        (2, 1): ((5, -5.0),),
        (3, 0): ((6, -6.0),),
    }


def test_a_new_run_begins_with_an_empty_plot(plot):
    plot.add([moment(0, 0, -1.0)])
    plot.clear()
    assert plot.curves == {}
    plot.add([moment(0, 0, -3.0)])
    assert plot.curves == {(0, 0): ((1, -3.0),)}


def test_the_plot_follows_the_theme_while_it_is_drawn(plot):
    plot.add([moment(0, 0, -1.0)])
    plot.set_looks(Looks((0, 0, 0), (255, 255, 255), (200, 200, 200), (255, 0, 0), (0, 0, 255)))
    plot.add([moment(0, 1, -1.0)])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_and_lines_can_be_read_in_both_themes(viewer, theme):
    viewer.theme = theme
    looks = looks_of(viewer)
    for colour in (looks.text, looks.muted, looks.error):
        assert contrast(colour, looks.background) >= 4.5
    for colour in STAGE_COLOURS:
        assert contrast(colour, looks.background) >= 3
    assert contrast(looks.text, looks.accent) >= 4.5


def test_the_words_say_where_the_run_is_and_how_long_it_takes_yet():
    words = in_words(moment(1, 1, -1.0, iteration=12, fraction=0.5, seconds=10.0))
    assert words == "Stage 2/2 Affine, level 2/3, iteration 12 - about 10 s left"
    assert "left" not in in_words(moment(0, 0, -1.0, fraction=0.01, seconds=0.2))
