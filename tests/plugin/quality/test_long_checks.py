"""The long checks run in the background, show maps in mm where the fixed layer lies, and tell numbers in rows."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from qtpy.QtCore import Qt

from napari_coreg import load_preset
from napari_coreg.core.quality import long_checks as long_checks_of_core
from napari_coreg.core.quality.limits import Limit, Limits
from napari_coreg.core.quality.subject import Subject
from napari_coreg.core.repeatability import Repeatability, RepeatedRun
from napari_coreg.core.simulation import ErrorFigures, SimulatedMove
from napari_coreg.errors import RegistrationCancelled, RegistrationError
from napari_coreg.plugin.quality import long_checks_run
from napari_coreg.plugin.quality.long_checks import LongChecksPanel

if TYPE_CHECKING:
    from napari.components import ViewerModel

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

THERE = sitk.TranslationTransform(3, (0.0, 4.0, 0.0))
BACK = sitk.TranslationTransform(3, (1.5, -4.0, 2.0))
MISS_MM = 2.5  # of there and back


def image_of(layer: Any) -> sitk.Image:
    """The layer's voxels in a turned, anisotropic, left-handed grid."""
    image = sitk.GetImageFromArray(np.asarray(layer.data))
    image.SetSpacing((2.0, 1.5, 2.5))
    image.SetOrigin((-10.0, 20.0, 5.0))
    turn = np.reshape(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, 0.2, -0.1).GetMatrix(), (3, 3))
    image.SetDirection((turn @ np.diag([1.0, 1.0, -1.0])).ravel().tolist())
    return image


@pytest.fixture
def subject(pair: ViewerModel, fake_register: Any, rigid: Any) -> Subject:
    images = [image_of(pair.layers[name]) for name in ("fixed", "moving")]
    fake_register.transform = THERE
    result = fake_register(*images, rigid, on_progress=None, is_cancelled=None, is_enough=None)
    return Subject(*images, THERE, recipe=rigid, result=result, inputs={"fixed": {"name": "fixed"}})


@pytest.fixture
def panel(qtbot: Any, pair: ViewerModel, subject: Subject) -> LongChecksPanel:
    widget = LongChecksPanel(pair)
    qtbot.addWidget(widget)
    widget.set_subject(subject, "moving")
    for form in widget.forms.values():
        form.section.unfold()
    return widget


@pytest.fixture
def way_back(fake_register: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A register() that finds the way back, and misses by 2.5 mm."""
    fake_register.transform = BACK

    def register(*volumes: Any, is_enough: Any = None, **settings: Any) -> Any:
        return fake_register(*volumes, is_enough=is_enough, **settings)

    monkeypatch.setattr(long_checks_of_core, "register", register)
    return fake_register


def run(qtbot: Any, panel: LongChecksPanel, check: Any) -> Any:
    with qtbot.waitSignal(panel.measured) as told:
        qtbot.mouseClick(panel.forms[check].run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.is_busy())
    return told.args[0]


def test_without_a_subject_it_says_what_is_missing(qtbot, pair):
    widget = LongChecksPanel(pair)
    qtbot.addWidget(widget)
    assert widget.inverse.estimate.text() == "Measure a registration first."
    assert not any(form.run_button.isEnabled() for form in widget.forms.values())


def test_a_transform_without_its_recipe_is_told(panel, subject):
    panel.set_subject(replace(subject, recipe=None, result=None), "moving")
    assert "came without its recipe" in panel.repeat.estimate.text()
    assert not panel.repeat.run_button.isEnabled()


def test_it_says_how_long_it_takes_from_the_time_of_the_run(panel, subject):
    result = replace(subject.result, seconds=60.0)
    panel.set_subject(replace(subject, result=result), "moving")
    assert panel.inverse.estimate.text() == "The recipe is run once: about 60 s."
    panel.repeat.count.setValue(10)
    assert panel.repeat.estimate.text() == "The recipe is run 10 times: about 10 min."


def test_there_and_back_is_measured_where_the_points_stay_inside(qtbot, panel, pair, subject, way_back):
    outcome = run(qtbot, panel, "inverse_consistency")
    assert outcome.subject is subject
    found = {row.measure: row.after for row in outcome.rows}
    assert found == pytest.approx(
        {
            "inverse_consistency_mean": MISS_MM,
            "inverse_consistency_p95": MISS_MM,
            "inverse_consistency_max": MISS_MM,
        },
        abs=1e-4,
    )
    p95 = outcome.rows[1]
    assert (p95.status, p95.good, p95.bad, p95.unit) == ("pass", 2.5, 3.0, "mm")  # no limit is below a voxel
    layer = pair.layers["Inverse consistency of moving (mm)"]
    measured = outcome.maps["inverse_consistency_mm"]
    values = sitk.GetArrayFromImage(measured)
    np.testing.assert_allclose(values[np.isfinite(values)], MISS_MM, atol=1e-4)
    assert sorted(np.unique(np.round(layer.data, 3))) in ([0.0, 2.5], [2.5])
    assert all(str(unit) in ("mm", "millimeter") for unit in layer.units)
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.colormap.map(0.0).ravel()[3] == 0  # nothing is painted over where nothing is off


def test_a_map_lies_over_the_fixed_volume_also_where_that_was_moved_by_hand(qtbot, panel, pair, subject, way_back):
    move = sitk.AffineTransform(3)
    move.SetTranslation((5.0, -3.0, 8.0))
    panel.set_subject(subject, "moving", moved=move)
    run(qtbot, panel, "inverse_consistency")
    layer = pair.layers["Inverse consistency of moving (mm)"]
    place = subject.fixed.TransformIndexToPhysicalPoint((3, 5, 7))
    shown = layer.data_to_world((7, 5, 3))
    np.testing.assert_allclose(shown, move.TransformPoint(place)[::-1], atol=1e-6)


def test_numbers_and_legend_stand_in_the_panel(qtbot, panel, way_back):
    run(qtbot, panel, "inverse_consistency")
    assert panel.inverse.numbers.texts() == ["mm", "mean", "2.50", "95th percentile", "2.50", "maximum", "2.50"]
    assert panel.inverse.numbers.legend.limits()[0] == 0.0
    assert not panel.repeat.numbers.texts()


def test_what_is_measured_is_held_against_the_limits_that_are_set(qtbot, panel, way_back):
    strict = Limit(measure="inverse_consistency_p95", good=0.5, bad=1.0)
    panel.set_limits(Limits(limits=(strict,)))
    outcome = run(qtbot, panel, "inverse_consistency")
    assert [row.status for row in outcome.rows] == ["info", "fail", "info"]


def test_the_start_of_the_way_back_is_the_given_one_undone(qtbot, panel, subject, way_back):
    start = sitk.TranslationTransform(3, (1.0, 2.0, 3.0))
    panel.set_subject(replace(subject, result=replace(subject.result, initial_transform=start)), "moving")
    run(qtbot, panel, "inverse_consistency")
    given = way_back.calls[-1]["initial_transform"]
    assert given.TransformPoint((1.0, 2.0, 3.0)) == (0.0, 0.0, 0.0)


def test_a_way_back_that_is_known_needs_no_run(qtbot, panel, subject, monkeypatch):
    monkeypatch.setattr(long_checks_of_core, "register", None)
    panel.set_subject(replace(subject, backward=BACK), "moving")
    outcome = run(qtbot, panel, "inverse_consistency")
    assert outcome.rows[0].after == pytest.approx(MISS_MM, abs=1e-4)


def test_a_way_back_that_is_the_inverse_is_told_and_not_graded(qtbot, panel, subject):
    panel.set_subject(replace(subject, backward=subject.transform.GetInverse()), "moving")
    outcome = run(qtbot, panel, "inverse_consistency")
    assert {row.status for row in outcome.rows} == {"info"}
    assert "0 by definition" in panel.inverse.numbers.words.text()


def test_points_that_all_leave_the_moving_volume_are_an_error(qtbot, panel, subject):
    far = sitk.TranslationTransform(3, (1e4, 0.0, 0.0))
    panel.set_subject(replace(subject, transform=far, backward=far.GetInverse()), "moving")
    with qtbot.waitSignal(panel.said) as said:
        panel.inverse.run_button.click()
    assert "stays inside the moving volume" in said.args[0]
    qtbot.waitUntil(lambda: not panel.is_busy())


def test_what_is_checked_in_a_mask_says_so(qtbot, panel, subject):
    mask = sitk.Cast(subject.fixed * 0 + 1, sitk.sitkUInt8)
    panel.set_subject(replace(subject, backward=BACK, fixed_mask=mask), "moving")
    assert {row.region for row in run(qtbot, panel, "inverse_consistency").rows} == {"mask"}


def test_cancelling_keeps_nothing(qtbot, panel, pair, way_back):
    way_back.gate = threading.Event()
    before = list(pair.layers)
    panel.inverse.run_button.click()
    qtbot.waitUntil(lambda: "The other way round: " in panel.words.text())
    assert not panel.repeat.run_button.isEnabled()
    panel.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.is_busy())
    assert panel.message.text() == "Cancelled: nothing was measured."
    assert list(pair.layers) == before
    assert panel.repeat.run_button.isEnabled()


def test_another_subject_ends_what_runs_and_forgets_what_was_shown(qtbot, panel, subject, way_back):
    run(qtbot, panel, "inverse_consistency")
    way_back.gate = threading.Event()
    panel.inverse.run_button.click()
    qtbot.waitUntil(lambda: bool(way_back.asked))
    with qtbot.assertNotEmitted(panel.measured):
        panel.set_subject(replace(subject), "another")
        qtbot.waitUntil(lambda: not panel.is_busy())
    assert not panel.inverse.numbers.isVisibleTo(panel)


def test_an_error_is_told_in_its_sentence(qtbot, panel, way_back):
    way_back.error = RegistrationError("the volumes do not meet")
    with qtbot.waitSignal(panel.said) as said:
        panel.inverse.run_button.click()
    assert said.args == ["the volumes do not meet", "error"]
    qtbot.waitUntil(lambda: not panel.is_busy())


def test_repeated_runs_take_the_settings(qtbot, panel, subject, pair, monkeypatch):
    asked: dict[str, Any] = {}
    spread = sitk.Cast(subject.fixed * 0 + 0.5, sitk.sitkFloat32)

    def fake(_fixed: Any, _moving: Any, recipe: Any, *, on_fraction: Any, is_cancelled: Any, **settings: Any) -> Any:
        asked.update(settings, recipe=recipe, cancelled=is_cancelled())
        on_fraction(0.5)
        rows = (
            RepeatedRun(1, 1.0, 2.0, 0.4, 0.6, "good", "", 3.0),
            RepeatedRun(2, 1.0, 2.0, 0.4, 0.6, "failed", "it ran away", 4.0),
        )
        return Repeatability(spread, 0.5, 0.5, 0.75, 0.9, rows, (), 1)

    monkeypatch.setattr(long_checks_run, "repeatability", fake)
    panel.repeat.count.setValue(7)
    panel.repeat.mm.setValue(12.5)
    panel.repeat.degrees.setValue(3.5)
    outcome = run(qtbot, panel, "repeatability")
    assert (asked["runs"], asked["jitter_mm"], asked["jitter_degrees"]) == (7, 12.5, 3.5)
    assert asked["recipe"] is subject.recipe
    assert not asked["cancelled"]
    assert {row.measure: row.after for row in outcome.rows} == {
        "repeatability_mean": 0.5,
        "repeatability_p95": 0.75,
        "repeatability_max": 0.9,
    }
    assert "Spread of repeated runs of moving (mm)" in pair.layers
    assert panel.repeat.numbers.words.text() == "2 runs, 7 s. 1 failed: it ran away."


@pytest.fixture
def known_motion(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a stand-in for the simulator was asked for."""
    asked: dict[str, Any] = {}

    def fake(volume: sitk.Image, recipe: Any, move: SimulatedMove, *, is_cancelled: Any, **settings: Any) -> Any:
        asked.update(settings, volume=volume, recipe=recipe, move=move)
        if is_cancelled():
            raise RegistrationCancelled("the simulation was cancelled")
        off = sitk.Cast(volume * 0 + 1, sitk.sitkFloat32)
        before, after = ErrorFigures(9.0, 9.0, 12.0, 15.0, 10), ErrorFigures(0.5, 0.4, 1.0, 2.0, 10)
        simulated = SimpleNamespace(moving=volume, truth=THERE)
        return SimpleNamespace(
            map_mm=off, before=before, after=after, result=subject.result, simulated=simulated, move=move
        )

    monkeypatch.setattr(long_checks_run, "simulated_error", fake)
    return asked


def test_a_known_motion_is_tried_on_the_result_itself(qtbot, panel, subject, pair, known_motion):
    panel.simulate.fields["shift_mm"].set_plain(25.0)
    panel.simulate.fields["seed"].set_plain(4)
    outcome = run(qtbot, panel, "simulation")
    assert known_motion["move"] == SimulatedMove(shift_mm=25.0, seed=4, deformation_mm=0.0)  # a rigid recipe finds none
    assert known_motion["volume"] is subject.fixed
    assert known_motion["recipe"] is subject.recipe
    assert [(row.measure, row.before, row.after) for row in outcome.rows] == [
        ("simulated_error_mean", 9.0, 0.5),
        ("simulated_error_p95", 12.0, 1.0),
        ("simulated_error_max", 15.0, 2.0),
    ]
    assert "Error on a known motion of fixed (mm)" in pair.layers
    assert panel.simulate.numbers.texts()[:3] == ["mm", "before", "after"]


def test_a_known_motion_needs_no_result(qtbot, pair, known_motion):
    widget = LongChecksPanel(pair)
    qtbot.addWidget(widget)
    widget.simulate.section.unfold()
    widget.simulate.volume.set_layer(pair.layers["moving"])
    assert not widget.simulate.run_button.isEnabled()
    widget.simulate.recipe_box.setCurrentIndex(1)
    assert widget.simulate.run_button.isEnabled()
    widget.simulate.keep.setChecked(True)
    with qtbot.assertNotEmitted(widget.measured):
        widget.simulate.run_button.click()
        qtbot.waitUntil(lambda: "moving, moved by a known amount" in pair.layers)
    qtbot.waitUntil(lambda: not widget.is_busy())
    assert known_motion["recipe"] == load_preset("rigid")
    assert "Error on a known motion of moving (mm)" in pair.layers
    assert not pair.layers["moving, moved by a known amount"].visible


def test_a_deformation_is_proposed_where_the_recipe_can_find_it(panel, subject):
    field = panel.simulate.fields["deformation_mm"]
    assert field.plain() == 0.0
    panel.set_subject(replace(subject, recipe=load_preset("fast-bspline")), "moving")
    assert field.plain() == SimulatedMove().deformation_mm
    field.native.setText("3")
    panel.set_subject(subject, "moving")
    assert field.plain() == 3


def test_of_the_maps_only_the_latest_is_seen(qtbot, panel, pair, way_back, known_motion):
    run(qtbot, panel, "inverse_consistency")
    run(qtbot, panel, "simulation")
    seen = [layer.name for layer in pair.layers if layer.visible]
    assert seen == ["fixed", "moving", "Error on a known motion of fixed (mm)"]


def test_a_setting_out_of_its_range_is_told_at_once(panel):
    native = panel.simulate.fields["noise"].native
    native.setText("7")
    assert panel.simulate.error.text().startswith("Noise: ")
    assert not panel.simulate.run_button.isEnabled()
    native.setText("0.1")
    assert panel.simulate.error.text() == ""
    assert panel.simulate.run_button.isEnabled()


def test_it_is_narrow_enough_for_a_dock_and_every_control_is_explained(panel):
    assert panel.minimumSizeHint().width() <= 300
    parts = [form.run_button for form in panel.forms.values()]
    parts += [panel.repeat.count, panel.repeat.mm, panel.repeat.degrees, panel.simulate.keep, panel.cancel_button]
    parts += [field.native for field in panel.simulate.fields.values()]
    assert all(part.toolTip() for part in parts)


def test_the_event_loop_goes_on_while_a_check_runs(qtbot, panel, way_back, heartbeats):
    run(qtbot, panel, "inverse_consistency")
    with heartbeats() as beats:
        run(qtbot, panel, "inverse_consistency")
    assert np.diff(beats).max() < 0.5
