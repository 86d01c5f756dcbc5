"""What the dock does can be had from the console: any layer or transform in, numbers and report out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

import napari_coreg
from napari_coreg import measure_quality, register_layers, save_report, write_transform
from napari_coreg.core.quality.limits import Limit, Limits
from napari_coreg.errors import FileError, VolumeError
from napari_coreg.io.quality_files import write_limits
from napari_coreg.plugin.again import repeat_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel

TRUTH = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))


def value(measured: Any, measure: str) -> float:
    return next(row.after for row in measured.quality.rows if row.measure == measure)


def add_points(viewer: ViewerModel) -> None:
    places = np.array([(12, 13, 15), (8, 9, 20), (16, 14, 10), (10, 17, 12)], dtype=float)
    viewer.add_points(places, name="p", scale=(2, 2, 2), units=("mm",) * 3)
    viewer.add_points(places + np.array([0, 2, 0]), name="q", scale=(2, 2, 2), units=("mm",) * 3)


def test_the_newest_result_is_measured(pair, rigid):
    register_layers(pair, "fixed", "moving", "translation")
    add_points(pair)
    measured = measure_quality(pair, fixed_points="p", moving_points="q")
    assert value(measured, "tre_mean") < 0.5
    assert measured.name == "moving"
    assert measured.subject.recipe.name == "translation"
    assert measured.quality.run["seconds"] > 0
    assert len(pair.layers) == 6  # fixed, moving, registered, arrows, and two of points


def test_the_record_behind_the_dock_repeats_it(pair):
    register_layers(pair, "fixed", "moving", "translation")
    layer = next(layer for layer in pair.layers if "registered" in layer.name)
    repeat = repeat_of(layer)
    assert json.loads(repeat.recipe)["name"] == "translation"


@pytest.mark.parametrize("as_file", [False, True])
def test_any_transform_is_measured_between_its_two_layers(pair, tmp_path: Path, as_file: bool):
    write_transform(TRUTH, tmp_path / "truth.tfm")
    add_points(pair)
    transform = tmp_path / "truth.tfm" if as_file else TRUTH
    measured = measure_quality(
        pair, transform=transform, fixed="fixed", moving="moving", fixed_points="p", moving_points="q"
    )
    assert value(measured, "tre_max") == pytest.approx(0.0, abs=1e-9)


def test_a_transform_without_its_layers_is_refused(pair):
    with pytest.raises(VolumeError, match="give its layers"):
        measure_quality(pair, transform=TRUTH)


def test_without_a_result_it_is_said(pair):
    with pytest.raises(VolumeError, match="No layer of the viewer was registered"):
        measure_quality(pair)


def test_a_layer_without_a_result_is_refused(pair):
    with pytest.raises(VolumeError, match="'fixed' is not the result"):
        measure_quality(pair, "fixed")


def test_limits_may_be_a_file(pair, tmp_path: Path):
    mine = Limits(name="mine", limits=(Limit(measure="displacement_mean", good=1, bad=2),))
    write_limits(mine, tmp_path / "limits.json")
    measured = measure_quality(pair, transform=TRUTH, fixed="fixed", moving="moving", limits=tmp_path / "limits.json")
    assert measured.quality.limits == mine
    assert measured.quality.state == "fail"


def test_report_and_numbers_are_saved_by_their_suffix(pair, tmp_path: Path):
    measured = measure_quality(pair, transform=TRUTH, fixed="fixed", moving="moving")
    for suffix in ("html", "json", "csv"):
        assert save_report(measured, tmp_path / f"quality.{suffix}").is_file()
    with pytest.raises(FileError, match=r"ends in \.html"):
        save_report(measured, tmp_path / "quality.pdf")


def test_both_are_public():
    assert {"measure_quality", "save_report"} <= set(napari_coreg.__all__)
