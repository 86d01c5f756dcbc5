"""Single settings of a recipe, by their path."""

import pytest

from napari_coreg import CoregError, Recipe, load_preset, preset_names
from napari_coreg.core.settings import changed_settings, with_settings


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("other", ["rigid", "bspline", "brain-to-atlas"])
def test_the_changes_between_two_recipes_make_one_of_the_other(name, other):
    before, after = load_preset(name), load_preset(other)
    assert with_settings(before, changed_settings(before, after)) == after


def test_a_metric_of_another_kind_is_one_change():
    before = Recipe(name="a", stages=({"kind": "rigid"},))
    after = Recipe(name="a", stages=({"kind": "rigid", "metric": {"kind": "correlation"}},))
    assert changed_settings(before, after) == {"stages.0.metric": {"kind": "correlation"}}


def test_what_is_not_named_stays_as_it_was():
    before = load_preset("ct-mr-head")
    after = with_settings(before, {"preprocessing.clip_percentiles": [1, 98]})
    assert after.preprocessing.clip_percentiles == (1, 98)
    assert after.stages == before.stages


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("sead", 7, "'sead'"),
        ("stages.1.metric", {"kind": "correlation"}, "'1'"),
        ("stages.first.metric", {"kind": "correlation"}, "0 to 0"),
        ("stages.0.metric.bins", 7, "number_of_histogram_bins"),
        ("seed.deeper", 7, "'deeper'"),
        ("seed", "often", "seed: Input should be"),
    ],
)
def test_a_path_that_leads_nowhere_or_a_wrong_value_is_told(path, value, told):
    with pytest.raises(CoregError, match=told):
        with_settings(load_preset("rigid"), {path: value})
