"""The dock measures what is chosen, says whether it is within the limits, and stays true to what changes meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from qtpy.QtWidgets import QApplication

from napari_coreg import write_transform
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limit, Limits
from napari_coreg.core.quality.record import Row
from napari_coreg.errors import RegistrationCancelled
from napari_coreg.io.quality_files import read_limits, read_quality_json, write_limits
from napari_coreg.plugin.deformation.widget import DeformationWidget
from napari_coreg.plugin.landmarks.sets import landmarks_of
from napari_coreg.plugin.looks import contrast, looks_of
from napari_coreg.plugin.quality import keeping, measuring
from napari_coreg.plugin.quality.long_checks import LongCheckOutcome
from napari_coreg.plugin.quality.numbers_tree import AFTER, NAME, RESULT
from napari_coreg.plugin.quality.widget import QualityWidget
from napari_coreg.plugin.viewers import camera_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari.components import ViewerModel

RIGHT, WRONG = (0.0, 4.0, 0.0), (0.0, -14.0, 6.0)
PLACES = np.array([(12, 13, 15), (8, 9, 20), (16, 14, 10), (10, 17, 12)], dtype=float)  # zyx, voxels


def turned(shift_zyx: tuple[float, float, float]) -> np.ndarray:
    """A turn by 20 degrees about z and a shift, as napari's affine."""
    matrix = np.eye(4)
    angle = np.radians(20.0)
    matrix[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift_zyx
    return matrix


def volume_of(layer: Any) -> sitk.Image:
    image = sitk.GetImageFromArray(layer.data)
    image.SetSpacing((2.0, 2.0, 2.0))
    return image


def registered(viewer: ViewerModel, register: Any, recipe: Any, shift: Any = RIGHT, name: str = "done") -> Any:
    """Add a layer as a registration would; the transform is the one that is given."""
    register.transform = sitk.TranslationTransform(3, shift)
    volumes = [volume_of(viewer.layers[side]) for side in ("fixed", "moving")]
    result = register(*volumes, recipe, on_progress=None, is_cancelled=None, is_enough=None)
    return viewer.add_image(
        viewer.layers["fixed"].data,
        name=name,
        scale=(2, 2, 2),
        units=("mm",) * 3,
        metadata={"napari_coreg": {"result": result, "made_by": {"fixed": "fixed", "moving": "moving"}}},
    )


def balls(shift_y: float) -> np.ndarray:
    """Two structures: 3 a ball in the middle, 7 a smaller one beside it."""
    grid = np.indices((24, 28, 32), dtype=float)
    labels = np.zeros((24, 28, 32), np.uint8)
    for value, centre, radius in ((3, (12, 13, 15), 6), (7, (12, 13, 26), 3)):
        z, y, x = centre
        labels[(grid[0] - z) ** 2 + (grid[1] - y - shift_y) ** 2 + (grid[2] - x) ** 2 <= radius**2] = value
    return labels


def add_structures(viewer: ViewerModel, *, named: bool = True) -> tuple[Any, Any]:
    layers = []
    for side, shift in (("fixed", 0), ("moving", 2)):
        layer = viewer.add_labels(balls(shift), name=f"{side} labels", scale=(2, 2, 2), units=("mm",) * 3)
        if named:
            layer.features = pd.DataFrame({"index": [0, 3, 7], "name": ["", "liver", "gland"]})
        layers.append(layer)
    return layers[0], layers[1]


def add_points(viewer: ViewerModel) -> tuple[Any, Any]:
    options: dict[str, Any] = {"scale": (2, 2, 2), "units": ("mm",) * 3}
    names = pd.DataFrame({"name": ["a", "b", "c", "d"]})
    return (
        viewer.add_points(PLACES, name="fixed points", features=names, **options),
        viewer.add_points(PLACES + np.array([0, 2, 0]), name="moving points", features=names, **options),
    )


@pytest.fixture
def dock(qtbot: Any, pair: ViewerModel, fake_register: Any, rigid: Any) -> QualityWidget:
    registered(pair, fake_register, rigid)
    widget = QualityWidget(pair)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def known_pair(pair: ViewerModel) -> ViewerModel:
    """The pair with labels and landmarks of both volumes."""
    add_structures(pair)
    add_points(pair)
    return pair


def choose_all(dock: QualityWidget, viewer: ViewerModel) -> None:
    for side in ("fixed", "moving"):
        for kind in ("labels", "points"):
            dock.inputs.boxes[f"{side}_{kind}"].set_layer(viewer.layers[f"{side} {kind}"])


def measure(qtbot: Any, dock: QualityWidget) -> Any:
    with qtbot.waitSignal(dock.settled, timeout=60_000):
        dock.measure_button.click()
    return dock.measured


def row(measured: Any, measure: str, structure: str = "") -> Row:
    (found,) = (each for each in measured.quality.rows if (each.measure, each.structure) == (measure, structure))
    return found


def items(tree: Any) -> Iterator[Any]:
    def below(item: Any) -> Iterator[Any]:
        yield item
        for place in range(item.childCount()):
            yield from below(item.child(place))

    for place in range(tree.topLevelItemCount()):
        yield from below(tree.topLevelItem(place))


def item_of(tree: Any, name: str) -> Any:
    return next(item for item in items(tree) if item.text(NAME) == name)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An assess() that stands still until the gate opens, or it is cancelled."""
    gate = threading.Event()
    real = measuring.assess

    def assess(subject: Any, *, is_cancelled: Any, on_step: Any, **options: Any) -> Any:
        on_step("holding still", 0.25)
        while not gate.wait(0.005):
            if is_cancelled():
                raise RegistrationCancelled("cancelled")
        return real(subject, is_cancelled=is_cancelled, on_step=on_step, **options)

    monkeypatch.setattr(measuring, "assess", assess)
    yield gate
    gate.set()


class TestChoice:
    def test_it_begins_with_the_registered_layer_and_measures_nothing(self, dock, pair):
        assert dock.source.result.layer() is pair.layers["done"]
        assert dock.message.text().startswith("Not measured yet")
        assert dock.measured is None
        assert dock.measure_button.isEnabled()
        assert dock.state.isHidden()
        assert dock.numbers.isHidden()

    def test_without_a_result_it_says_how_to_begin(self, qtbot, pair):
        widget = QualityWidget(pair)
        qtbot.addWidget(widget)
        assert widget.message.text().startswith("Register a pair")
        assert not widget.measure_button.isEnabled()

    def test_the_result_of_a_run_that_ends_is_chosen(self, dock, pair, fake_register, rigid):
        newest = registered(pair, fake_register, rigid, WRONG, "newest")
        assert dock.source.result.layer() is newest

    def test_other_new_layers_leave_the_choice(self, dock, pair, fake_register, rigid):
        first = dock.source.result.layer()
        registered(pair, fake_register, rigid, WRONG, "newest")
        dock.source.result.set_layer(first)
        pair.add_points(np.zeros((1, 3)))
        assert dock.source.result.layer() is first

    def test_landmarks_that_were_set_for_the_pair_are_chosen(self, qtbot, pair, fake_register, rigid):
        registered(pair, fake_register, rigid)
        marks = landmarks_of(pair, pair.layers["fixed"], pair.layers["moving"])
        layers = [pair.add_layer(marks.make(side)) for side in ("fixed", "moving")]
        widget = QualityWidget(pair)
        qtbot.addWidget(widget)
        assert [widget.inputs.boxes[role].layer() for role in ("fixed_points", "moving_points")] == layers
        assert widget.inputs.title.endswith("(2)")

    def test_landmarks_that_somebody_took_out_stay_out(self, qtbot, pair, fake_register, rigid):
        registered(pair, fake_register, rigid)
        marks = landmarks_of(pair, pair.layers["fixed"], pair.layers["moving"])
        for side in ("fixed", "moving"):
            pair.add_layer(marks.make(side))
        widget = QualityWidget(pair)
        qtbot.addWidget(widget)
        box = widget.inputs.boxes["fixed_points"]
        box.setCurrentIndex(0)
        box.activated.emit(0)
        pair.add_image(np.zeros((4, 4, 4)))
        assert box.layer() is None

    def test_labels_of_the_moving_volume_alone_are_refused(self, dock, known_pair):
        dock.inputs.boxes["moving_labels"].set_layer(known_pair.layers["moving labels"])
        dock.measure()
        assert not dock.is_busy()
        assert "Labels of the moving volume alone" in dock.message.text()
        assert dock.message.property("role") == "error"

    def test_landmarks_of_one_volume_alone_are_refused(self, dock, known_pair):
        dock.inputs.boxes["fixed_points"].set_layer(known_pair.layers["fixed points"])
        dock.measure()
        assert "Landmarks of one volume alone" in dock.message.text()

    def test_labels_of_one_volume_alone_are_said_to_tell_nothing(self, dock, known_pair):
        boxes = dock.inputs.boxes
        boxes["fixed_labels"].set_layer(known_pair.layers["fixed labels"])
        assert "labels of the other volume" in dock.inputs.alone.text()
        boxes["moving_labels"].set_layer(known_pair.layers["moving labels"])
        boxes["fixed_mask"].set_layer(known_pair.layers["fixed labels"])
        assert not dock.inputs.alone.text()


class TestMeasuring:
    def test_a_right_registration_is_measured_as_what_it_is(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measured = measure(qtbot, dock)
        assert row(measured, "tre_mean").before == pytest.approx(4.0)
        assert row(measured, "tre_mean").after == pytest.approx(0.0, abs=1e-9)
        assert row(measured, "dice", "liver").after == pytest.approx(1.0)
        assert row(measured, "dice", "gland").status == "pass"
        assert item_of(dock.numbers, "liver").text(RESULT) == "pass"
        assert item_of(dock.numbers, "TRE, maximum").text(AFTER) == "0"

    def test_a_wrong_registration_fails(self, qtbot, dock, known_pair, fake_register, rigid):
        registered(known_pair, fake_register, rigid, WRONG, "wrong")
        choose_all(dock, known_pair)
        measured = measure(qtbot, dock)
        off = float(np.linalg.norm(np.subtract(WRONG, RIGHT)))
        assert measured.quality.state == "fail"
        assert row(measured, "tre_mean").after == pytest.approx(off)
        assert "FAIL" in dock.state.strip.word.text()
        assert dock.state.strip.property("role") == "strip-wrong"
        assert dock.state.headline.text()
        assert "FAIL:" not in dock.state.headline.text()  # the strip says it
        assert item_of(dock.numbers, "liver").text(RESULT) == "fail"

    def test_masks_reach_the_core(self, qtbot, dock, pair, monkeypatch):
        seen = {}
        real = measuring.assess
        monkeypatch.setattr(
            measuring, "assess", lambda subject, **each: seen.update(s=subject) or real(subject, **each)
        )
        mask = np.zeros((24, 28, 32), np.uint8)
        mask[4:20, 4:24, 4:28] = 5
        layer = pair.add_labels(mask, name="mask", scale=(2, 2, 2), units=("mm",) * 3)
        dock.inputs.boxes["fixed_mask"].set_layer(layer)
        measure(qtbot, dock)
        found = sitk.GetArrayFromImage(seen["s"].fixed_mask)
        np.testing.assert_array_equal(found, mask != 0)

    def test_volumes_that_were_moved_since_with_all_that_belongs_to_them_are_as_good(self, qtbot, dock, known_pair):
        for kind in ("", " labels", " points"):
            known_pair.layers[f"fixed{kind}"].translate = (-5, 7, 0)
            known_pair.layers[f"moving{kind}"].affine = turned((30.0, -20.0, 10.0))
        choose_all(dock, known_pair)
        measured = measure(qtbot, dock)
        assert row(measured, "tre_mean").after == pytest.approx(0.0, abs=1e-6)
        assert row(measured, "dice", "liver").after == pytest.approx(1.0)
        dock.go_to("landmark:b")
        np.testing.assert_allclose(camera_of(known_pair).center[-2:], 2 * PLACES[1][1:] + (7, 0))

    def test_the_numbers_are_those_of_the_core(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measured = measure(qtbot, dock)
        anew = measuring.assess(measured.subject).quality
        assert [(each.measure, each.structure, each.after) for each in anew.rows] == [
            (each.measure, each.structure, each.after) for each in measured.quality.rows
        ]

    def test_it_can_be_cancelled(self, qtbot, dock, held):
        dock.measure_button.click()
        qtbot.waitUntil(lambda: dock.step.text() == "Holding still...")
        assert dock.bar.value() == 25
        assert not dock.measure_button.isEnabled()
        with qtbot.waitSignal(dock.settled):
            dock.cancel_button.click()
        assert dock.measured is None
        assert dock.message.text() == "Cancelled."
        assert dock.measure_button.isEnabled()

    def test_what_goes_wrong_is_said_in_one_sentence(self, qtbot, dock, pair):
        others = np.zeros((24, 28, 32), np.uint8)
        others[5:9, 5:9, 5:9] = 99
        for side in ("fixed", "moving"):
            data = balls(0) if side == "fixed" else others
            layer = pair.add_labels(data, name=f"{side} labels", scale=(2, 2, 2), units=("mm",) * 3)
            dock.inputs.boxes[f"{side}_labels"].set_layer(layer)
        with qtbot.waitSignal(dock.settled, timeout=60_000):
            dock.measure()
        assert "no value in common" in dock.message.text()
        assert dock.message.property("role") == "error"

    def test_a_result_whose_layer_goes_meanwhile_is_not_shown(self, qtbot, dock, pair, held):
        dock.measure()
        qtbot.waitUntil(lambda: dock.bar.value() == 25)
        pair.layers.remove("done")
        qtbot.waitUntil(lambda: not dock.is_busy(), timeout=60_000)
        assert dock.measured is None
        assert dock.message.text().startswith("Register a pair")

    def test_volumes_that_go_meanwhile_do_not_matter(self, qtbot, dock, pair, held):
        dock.measure()
        pair.layers.remove("fixed")
        pair.layers.remove("moving")
        with qtbot.waitSignal(dock.settled, timeout=60_000):
            held.set()
        assert dock.measured is not None
        dock.go_to("structure:none")

    def test_labels_that_go_take_their_numbers_along(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        known_pair.layers.remove("moving labels")
        assert dock.measured is None
        assert dock.message.text().startswith("Not measured yet")

    def test_labels_and_landmarks_that_are_edited_since_are_told(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        known_pair.layers["fixed points"].data = PLACES + 1
        assert "measure again" in dock.message.text()
        measure(qtbot, dock)
        assert dock.message.text() == ""
        known_pair.layers["moving labels"].data_setitem((np.array([1]), np.array([1]), np.array([1])), 3)
        assert "measure again" in dock.message.text()

    def test_going_back_to_what_was_measured_costs_nothing(self, qtbot, dock, pair, fake_register, rigid):
        first = measure(qtbot, dock)
        registered(pair, fake_register, rigid, WRONG, "other")
        assert dock.measured is None
        dock.source.result.set_layer(pair.layers["done"])
        assert dock.measured is first

    def test_closing_the_dock_ends_it(self, qtbot, dock, held):
        from qtpy.QtWidgets import QWidget  # noqa: PLC0415

        home = QWidget()
        qtbot.addWidget(home)
        dock.setParent(home)
        dock.measure()
        with qtbot.waitSignal(dock.settled):
            dock.setParent(None)
        assert dock.measured is None

    def test_the_viewer_stays_alive(self, qtbot, dock, known_pair, heartbeats):
        choose_all(dock, known_pair)
        measure(qtbot, dock)  # what is compiled or imported at the first time
        with heartbeats() as beats:
            measure(qtbot, dock)
            qtbot.wait(50)
        assert max(np.diff(beats)) < 0.25


class TestMotion:
    @pytest.fixture
    def motion(self, qtbot: Any, pair: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> DeformationWidget:
        widget = DeformationWidget(pair)
        qtbot.addWidget(widget)
        monkeypatch.setattr("napari_coreg.plugin.quality.motion.open_dock", lambda _viewer, _title: widget)
        return widget

    def test_the_result_is_shown_in_the_dock_for_deformations(self, dock, motion, pair, fake_register, rigid):
        registered(pair, fake_register, rigid, WRONG, "other")
        dock.source.result.set_layer(pair.layers["done"])
        dock.motion_button.click()
        assert motion.source.result.layer() is pair.layers["done"]
        assert motion.views.ticked() == ()

    def test_what_is_folded_is_shown_there_at_once(self, qtbot, dock, motion, pair, fake_register, rigid):
        registered(pair, fake_register, rigid, WRONG, "folded")
        turned_over = sitk.AffineTransform(3)
        turned_over.SetMatrix((-1, 0, 0, 0, 1, 0, 0, 0, 1))
        turned_over.SetCenter((31.0, 27.0, 23.0))
        field = sitk.TransformToDisplacementField(
            turned_over, sitk.sitkVectorFloat64, (32, 28, 24), (0, 0, 0), (2, 2, 2), np.eye(3).ravel()
        )
        own = pair.layers["folded"].metadata["napari_coreg"]
        own["result"] = replace(own["result"], transform=sitk.DisplacementFieldTransform(field))
        dock.source.result.set_layer(pair.layers["done"])
        dock.source.result.set_layer(pair.layers["folded"])
        measure(qtbot, dock)
        with qtbot.waitSignal(motion.settled):
            dock.motion_button.click()
        assert motion.views.ticked() == ("jacobian",)

    def test_a_transform_from_a_file_is_handed_over(self, qtbot, dock, motion, tmp_path: Path):
        path = tmp_path / "shift.tfm"
        write_transform(sitk.TranslationTransform(3, (0.0, 1.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        dock.motion_button.click()
        assert motion.source.file.text() == "Shown: shift.tfm"


class TestFile:
    def test_a_transform_from_a_file_is_measured_between_two_layers(self, qtbot, dock, known_pair, tmp_path: Path):
        path = tmp_path / "shift.tfm"
        write_transform(sitk.TranslationTransform(3, (0.0, 1.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        assert dock.source.fixed.layer() is known_pair.layers["fixed"]
        dock.source.moving.set_layer(known_pair.layers["moving"])
        choose_all(dock, known_pair)
        measured = measure(qtbot, dock)
        assert row(measured, "tre_mean").after == pytest.approx(3.0)
        assert measured.subject.inputs["transform"]["path"] == str(path)
        assert dock.repeat.isHidden()
        assert dock.long_section.isHidden()

    def test_one_layer_for_both_is_refused(self, qtbot, dock, pair, tmp_path: Path):
        path = tmp_path / "shift.tfm"
        write_transform(sitk.TranslationTransform(3, (0.0, 1.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        dock.source.moving.set_layer(pair.layers["fixed"])
        assert "chosen as fixed and as moving" in dock.message.text()
        assert not dock.measure_button.isEnabled()


class TestTable:
    def test_structures_are_sorted_within_their_heading_only(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        groups = [dock.numbers.topLevelItem(place).text(NAME) for place in range(dock.numbers.topLevelItemCount())]
        dock.numbers.sort_by(NAME)
        assert structures(dock) == ["gland", "liver"]
        dock.numbers.sort_by(NAME)
        assert structures(dock) == ["liver", "gland"]
        assert groups == [
            dock.numbers.topLevelItem(place).text(NAME) for place in range(dock.numbers.topLevelItemCount())
        ]

    def test_a_click_on_a_structure_goes_to_its_centre(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        dock.numbers.itemClicked.emit(item_of(dock.numbers, "gland"), NAME)
        assert known_pair.dims.point[0] == pytest.approx(24.0)
        np.testing.assert_allclose(camera_of(known_pair).center[-2:], (26.0, 52.0))

    def test_a_click_on_a_landmark_goes_there_where_the_volume_lies_now(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        dock.numbers.itemClicked.emit(item_of(dock.numbers, "b"), NAME)
        np.testing.assert_allclose(camera_of(known_pair).center[-2:], 2 * PLACES[1][1:])
        assert known_pair.dims.point[0] == pytest.approx(2 * PLACES[1][0])

    def test_tooltips_tell_what_a_number_cannot_tell(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        tooltip = item_of(dock.numbers, "TRE, mean").toolTip(NAME)
        assert "It cannot tell what happens far from the landmarks" in tooltip
        assert "TG-132" in tooltip
        assert "Passes with at most 2 mm" in tooltip

    def test_many_numbers_of_one_measure_stand_below_its_name_with_their_unit(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        heading = item_of(dock.numbers, "Displacement (mm)")
        below = [heading.child(place).text(NAME) for place in range(heading.childCount())]
        assert below == ["Mean", "Median", "95 %", "99 %", "Maximum"]
        assert heading.isExpanded()
        heading.setExpanded(False)
        dock.limits.set_limits(Limits(name="mine", limits=()))
        assert not item_of(dock.numbers, "Displacement (mm)").isExpanded()

    def test_what_is_graded_is_unfolded_and_all_where_nothing_is(self, qtbot, dock, known_pair):
        dock.limits.set_limits(Limits(name="mine", limits=()))
        measure(qtbot, dock)
        headings = [dock.numbers.topLevelItem(place) for place in range(dock.numbers.topLevelItemCount())]
        assert all(heading.isExpanded() for heading in headings)
        dock.limits.set_limits(DEFAULT_LIMITS)
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        assert item_of(dock.numbers, "Landmarks (mm)").isExpanded()

    def test_what_was_unfolded_stays_so(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        item_of(dock.numbers, "liver").setExpanded(True)
        dock.limits.set_limits(Limits(name="mine", limits=()))
        assert item_of(dock.numbers, "liver").isExpanded()

    def test_the_limits_have_a_column_where_there_is_room(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        dock.resize(330, 900)
        dock.show()
        assert dock.numbers.isColumnHidden(3)
        dock.resize(600, 900)
        QApplication.processEvents()
        assert not dock.numbers.isColumnHidden(3)
        assert item_of(dock.numbers, "TRE, mean").text(3) == "≤ 2"

    def test_names_keep_their_room_in_a_narrow_dock(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        dock.resize(280, 900)
        dock.show()
        QApplication.processEvents()
        assert dock.numbers.isColumnHidden(1)
        assert dock.numbers.columnWidth(NAME) > 90
        assert "before 4" in item_of(dock.numbers, "TRE, mean").toolTip(NAME)


def structures(dock: QualityWidget) -> list[str]:
    group = next(item for item in items(dock.numbers) if item.text(NAME).startswith("Structures"))
    children = [group.child(place).text(NAME) for place in range(group.childCount())]
    return [name for name in children if name in ("liver", "gland")]


class TestLimits:
    def test_an_edit_grades_again_at_once_without_measuring(self, qtbot, dock, known_pair, monkeypatch):
        choose_all(dock, known_pair)
        assert row(measure(qtbot, dock), "dice", "liver").status == "pass"
        monkeypatch.setattr(measuring, "assess", None)
        place = [limit.measure for limit in DEFAULT_LIMITS.limits].index("tre_mean")
        dock.limits.table.item(place, 2).setText("-1")  # refused: it is below the other one
        assert "that limit must be" in dock.message.text()
        dock.limits.table.item(place, 1).setText("-3")
        dock.limits.table.item(place, 2).setText("-2")
        assert dock.limits.limits.of("tre_mean").bad == -2
        assert "edited by hand" in dock.limits.limits.of("tre_mean").source
        assert "In use: edited" in dock.limits.name.text()

    def test_stricter_limits_fail_what_passed_and_back_again(self, qtbot, dock, known_pair):
        choose_all(dock, known_pair)
        before = measure(qtbot, dock).quality
        strict = Limits(name="strict", limits=(Limit(measure="tre_mean", best="high", good=3, bad=2),))
        dock.limits.set_limits(strict)
        assert row(dock.measured, "tre_mean").status == "fail"
        assert dock.measured.quality.state == "fail"
        assert item_of(dock.numbers, "TRE, mean").text(RESULT) == "fail"
        assert row(dock.measured, "dice", "liver").status == "info"
        dock.limits.reset_button.click()
        assert dock.measured.quality == before

    def test_no_number_is_not_taken(self, dock):
        dock.limits.table.item(0, 1).setText("two")
        assert "no number" in dock.message.text()
        assert dock.limits.limits == DEFAULT_LIMITS
        assert dock.limits.table.item(0, 1).text() == "2"

    def test_limits_are_opened_and_saved(self, qtbot, dock, tmp_path: Path):
        mine = Limits(name="clinic", limits=(Limit(measure="tre_mean", good=1, bad=4, source="our clinic"),))
        write_limits(mine, tmp_path / "mine.json")
        with qtbot.waitSignal(dock.limits.said, check_params_cb=lambda text, _role: text.startswith("Opened")):
            dock.limits.open_limits(tmp_path / "mine.json")
        assert dock.limits.limits == mine
        assert dock.limits.table.rowCount() == 1
        assert "our clinic" in dock.limits.table.item(0, 0).toolTip()
        with qtbot.waitSignal(dock.limits.said, check_params_cb=lambda text, _role: text.startswith("Saved")):
            dock.limits.save_limits(tmp_path / "again.json")
        assert read_limits(tmp_path / "again.json") == mine

    def test_a_file_of_something_else_is_said(self, qtbot, dock, tmp_path: Path):
        (tmp_path / "notes.json").write_text("[]")
        with qtbot.waitSignal(dock.limits.said, check_params_cb=lambda _text, role: role == "error"):
            dock.limits.open_limits(tmp_path / "notes.json")
        assert dock.limits.limits == DEFAULT_LIMITS


class TestLongChecks:
    def outcome(self, dock: QualityWidget) -> LongCheckOutcome:
        added = Row(
            measure="repeatability_p95",
            group="Repeatability",
            name="repeated runs differ by",
            unit="mm",
            after=9.0,
            status="fail",
        )
        return LongCheckOutcome(
            dock.measured.subject, (added,), {"repeatability_mm": sitk.Image(2, 2, 2, sitk.sitkInt8)}
        )

    def test_what_they_find_joins_the_numbers_and_is_graded(self, qtbot, dock):
        measure(qtbot, dock)
        dock.long_checks.measured.emit(self.outcome(dock))
        assert row(dock.measured, "repeatability_p95").status == "fail"
        assert dock.measured.quality.state == "fail"
        assert "repeatability_mm" in dock.measured.assessment.maps
        assert not any("repeatability was not measured" in remark for remark in dock.measured.quality.remarks)

    def test_what_they_find_ends_what_was_said_before(self, qtbot, dock):
        measure(qtbot, dock)
        dock.long_checks.said.emit("Cancelled: nothing was measured.", "note")
        assert dock.message.text()
        dock.long_checks.measured.emit(self.outcome(dock))
        assert not dock.message.text()

    def test_what_they_find_of_something_else_is_left_out(self, qtbot, dock, pair, fake_register, rigid):
        measure(qtbot, dock)
        outcome = self.outcome(dock)
        registered(pair, fake_register, rigid, WRONG, "other")
        measure(qtbot, dock)
        dock.long_checks.measured.emit(outcome)
        assert not any(each.measure == "repeatability_p95" for each in dock.measured.quality.rows)

    def test_they_know_what_was_measured(self, qtbot, dock, monkeypatch):
        told = []
        monkeypatch.setattr(
            dock.long_checks, "set_subject", lambda subject, name, **_more: told.append((subject, name))
        )
        measured = measure(qtbot, dock)
        assert told == [(measured.subject, "moving")]
        dock.limits.set_limits(Limits(name="none", limits=()))
        assert len(told) == 1
        dock.source.result.set_layer(None)
        assert told[-1] == (None, "")


class TestKeeping:
    def test_numbers_are_saved_under_the_limits_in_use(self, qtbot, dock, known_pair, tmp_path: Path):
        choose_all(dock, known_pair)
        measure(qtbot, dock)
        dock.limits.set_limits(Limits(name="none", limits=()))
        saved = qtbot.waitSignal(dock.saving.said, check_params_cb=lambda text, _role: text.startswith("Saved"))
        with saved:
            dock.saving.save(tmp_path / "quality.json")
        assert read_quality_json(tmp_path / "quality.json").limits.name == "none"
        assert dock.saving.open_button.isEnabled()

    @pytest.mark.parametrize("suffix", [".html", ".csv"])
    def test_report_and_table_are_written(self, qtbot, dock, tmp_path: Path, suffix: str):
        measure(qtbot, dock)
        path = tmp_path / f"quality{suffix}"
        with qtbot.waitSignal(
            dock.saving.said, check_params_cb=lambda text, _role: text == f"Saved {path}", timeout=60_000
        ):
            dock.saving.save(path)
        assert path.stat().st_size > 500

    def test_another_suffix_is_refused(self, qtbot, dock, tmp_path: Path):
        measure(qtbot, dock)
        with qtbot.waitSignal(dock.saving.said, check_params_cb=lambda _text, role: role == "error"):
            dock.saving.save(tmp_path / "quality.docx")
        assert not list(tmp_path.iterdir())

    def test_the_dialog_gives_a_name_without_a_suffix_that_of_its_filter(self, qtbot, dock, tmp_path, monkeypatch):
        measure(qtbot, dock)
        asked = str(tmp_path / "numbers"), "Numbers, CSV (*.csv)"
        monkeypatch.setattr(keeping.QFileDialog, "getSaveFileName", lambda *_args: asked)
        with qtbot.waitSignal(dock.saving.said, check_params_cb=lambda text, _role: text.startswith("Saved")):
            dock.saving.save_button.click()
        assert (tmp_path / "numbers.csv").is_file()

    def test_what_was_saved_is_opened(self, qtbot, dock, tmp_path, monkeypatch):
        opened = []
        monkeypatch.setattr(keeping.QDesktopServices, "openUrl", opened.append)
        measure(qtbot, dock)
        with qtbot.waitSignal(dock.saving.said, check_params_cb=lambda text, _role: text.startswith("Saved")):
            dock.saving.save(tmp_path / "quality.csv")
        dock.saving.open_button.click()
        assert [url.toLocalFile() for url in opened] == [str(tmp_path / "quality.csv")]

    def test_what_repeats_it_is_copied(self, dock, monkeypatch):
        repeat = SimpleNamespace(script="print(1)", command="napari-coreg register", recipe="{}", notes=("Save it.",))
        monkeypatch.setattr(keeping, "repeat_of", lambda _layer: repeat)
        copied = []
        monkeypatch.setattr(keeping, "copy_to_clipboard", copied.append)
        dock.repeat.script_button.click()
        dock.repeat.command_button.click()
        assert copied == ["print(1)", "napari-coreg register"]
        assert dock.repeat.notes.text() == "Save it."
        assert dock.message.text() == "Copied."

    def test_the_recipe_is_saved(self, qtbot, dock, tmp_path, monkeypatch):
        repeat = SimpleNamespace(script="", command="", recipe='{"name": "rigid"}\n', notes=())
        monkeypatch.setattr(keeping, "repeat_of", lambda _layer: repeat)
        with qtbot.waitSignal(dock.repeat.said, check_params_cb=lambda text, _role: text.startswith("Saved")):
            dock.repeat.save_recipe(tmp_path / "recipe.json")
        assert (tmp_path / "recipe.json").read_text() == repeat.recipe


def test_the_words_can_be_read_in_each_theme(qtbot, dock, known_pair):
    choose_all(dock, known_pair)
    measure(qtbot, dock)
    for theme in ("light", "dark"):
        known_pair.theme = theme
        background = looks_of(known_pair).background
        for item in items(dock.numbers):
            brush = item.foreground(RESULT)
            if item.text(RESULT) and brush.style():
                colour = brush.color()
                assert contrast((colour.red(), colour.green(), colour.blue()), background) >= 4.5


def test_it_fits_into_a_narrow_dock(qtbot, dock, known_pair):
    choose_all(dock, known_pair)
    measure(qtbot, dock)
    dock.show()
    for section in (dock.inputs, dock.limits, dock.long_section, dock.repeat):
        section.unfold()
    QApplication.processEvents()
    assert dock.minimumSizeHint().width() <= 330
