from __future__ import annotations

import json
import random

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QWidget

from napari_coreg.core import metrics, optimizers, stages
from napari_coreg.core.presets import load_preset, preset_names
from napari_coreg.core.recipe import Recipe
from napari_coreg.core.refusals import refusals
from napari_coreg.errors import RecipeError
from napari_coreg.plugin.fields import members
from napari_coreg.plugin.register.model_editor import kind_of
from napari_coreg.plugin.register.recipe_editor import RecipeEditor
from napari_coreg.plugin.register.stage_values import STAGE_CLASSES

METRICS = members(metrics.Metric)
OPTIMIZERS = members(optimizers.Optimizer)
LINEAR = [model for model in STAGE_CLASSES if model is not stages.BSplineStage]
#: Each kind of stage with each engine that runs it.
RUNS = [(model, {}) for model in LINEAR] + [(stages.BSplineStage, {"engine": name}) for name in ("coreg", "simpleitk")]
PARTS = [("metric", part) for part in METRICS] + [("optimizer", part) for part in OPTIMIZERS]


def refused(stage: type, given: dict[str, str], field: str) -> set[str]:
    """What a stage refuses in a field."""
    found = refusals(kind_of(stage), **given)
    return {value for refusal in found if refusal.field == field for value in refusal.values}


@pytest.fixture
def editor(qtbot) -> RecipeEditor:
    editor = RecipeEditor(load_preset("rigid"))
    qtbot.addWidget(editor)
    return editor


def type_into(editor: QWidget, name: str, text: str) -> QLineEdit:
    box = editor.findChild(QLineEdit, name)
    box.setText(text)
    box.textEdited.emit(text)
    box.editingFinished.emit()
    return box


def choose(box: QComboBox, kind: str) -> None:
    index = box.findData(kind)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def kind_box(editor: QWidget, owner: str) -> QComboBox:
    return editor.findChild(QWidget, owner).findChild(
        QComboBox, "kind", options=Qt.FindChildOption.FindDirectChildrenOnly
    )


def show(editor: RecipeEditor, *made: object) -> RecipeEditor:
    editor.setValue(Recipe(name="mine", stages=made))
    return editor


def offered(box: QComboBox) -> list[str]:
    return [box.itemData(index) for index in range(box.count())]


def is_offered(editor: QWidget, name: str) -> bool:
    return not editor.findChild(QWidget, name).isHidden()


def press(editor: QWidget, name: str) -> None:
    editor.findChild(QPushButton, name).click()


def errors(editor: QWidget) -> list[str]:
    return [label.text() for label in editor.findChildren(QLabel) if label.property("role") == "error" and label.text()]


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_comes_back_as_it_was_set(editor, name):
    editor.setValue(load_preset(name))
    assert editor.value() == load_preset(name)
    assert editor.error() == ""


@pytest.mark.parametrize(("stage", "given"), RUNS)
@pytest.mark.parametrize(("field", "part"), PARTS)
def test_every_stage_comes_back_as_it_was_set_with_each_metric_and_optimizer_that_it_can_have(
    editor, stage, given, field, part
):
    if kind_of(part) in refused(stage, given, field):
        assert kind_box(show(editor, stage(**given)), field).findData(kind_of(part)) == -1
        return
    made = Recipe(name="mine", stages=(stage(**given, **{field: part()}),))
    editor.setValue(made)
    assert editor.value() == made
    assert kind_box(editor, field).currentData() == kind_of(part)


def test_setting_a_recipe_is_silent_and_an_edit_is_not(editor, qtbot):
    with qtbot.assertNotEmitted(editor.valueChanged):
        editor.setValue(load_preset("rigid-affine"))
    with qtbot.waitSignal(editor.valueChanged):
        type_into(editor, "shrink_factors", "6, 3, 1")
    assert editor.value().stages[0].pyramid.shrink_factors == (6, 3, 1)


def test_an_edited_preset_is_called_edited_until_the_edit_is_taken_back(editor):
    type_into(editor, "shrink_factors", "6, 3, 1")
    assert (editor.value().name, editor.value().title) == ("rigid (edited)", "Rigid (edited)")
    type_into(editor, "shrink_factors", "8, 4, 2")
    assert editor.value() == load_preset("rigid")


def test_what_is_done_before_the_stages_can_be_edited(editor):
    type_into(editor, "clip_percentiles", "1, 99")
    choose(editor.findChild(QComboBox, "initialization"), "moments")
    assert editor.value().preprocessing.clip_percentiles == (1.0, 99.0)
    assert editor.value().initialization == "moments"
    assert editor.value().description == load_preset("rigid").description


def test_a_name_given_by_hand_stays(editor):
    type_into(editor, "name", "my head")
    type_into(editor, "shrink_factors", "6, 3, 1")
    assert (editor.value().name, editor.value().title) == ("my head", "my head")


def test_levels_that_do_not_agree_are_told_in_the_words_of_the_labels(editor):
    type_into(editor, "shrink_factors", "8, 4")
    assert editor.error() == (
        "Stage 1, Pyramid, Smoothing sigmas (mm): has 3 values, but Shrink factors has 2: give one per level"
    )
    assert len(errors(editor)) == 2  # at the head, and beside the sigmas
    with pytest.raises(RecipeError, match="give one per level"):
        editor.value()
    type_into(editor, "smoothing_sigmas_mm", "0, 0")
    type_into(editor, "percentages", "50, 10")
    assert editor.error() == ""
    assert errors(editor) == []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("shrink_factors", "8, x, 2", "Stage 1, Pyramid, Shrink factors: 'x' is not a whole number"),
        ("shrink_factors", "8, 4, 2.5", "Stage 1, Pyramid, Shrink factors: 2.5 is not a whole number"),
        ("shrink_factors", "0, 4, 2", "Stage 1, Pyramid, Shrink factors: must be greater than or equal to 1"),
        ("relaxation_factor", "much", "Stage 1, Optimizer, Relaxation factor: 'much' is not a number"),
        ("relaxation_factor", "1.5", "Stage 1, Optimizer, Relaxation factor: must be less than 1"),
        ("relaxation_factor", "nan", "Stage 1, Optimizer, Relaxation factor: must be"),
        ("clip_percentiles", "99, 1", "Preprocessing, Clip to percentiles: is 99, 1: the first must be below"),
        ("clip_percentiles", "1", "Preprocessing, Clip to percentiles: "),
        ("name", "", "Name: must not be empty"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(editor, name, text, sentence):
    type_into(editor, name, text)
    assert editor.error().startswith(sentence)
    assert "\n" not in editor.error()


def test_another_kind_of_stage_keeps_what_both_have(editor):
    type_into(editor, "shrink_factors", "8, 4")
    type_into(editor, "smoothing_sigmas_mm", "1, 0")
    type_into(editor, "percentages", "50, 10")
    choose(kind_box(editor, "stage"), "bspline")
    stage = editor.value().stages[0]
    assert stage.kind == "bspline"
    assert stage.pyramid.shrink_factors == (8, 4)
    assert len(stage.grid_spacings_mm) == 2


def test_each_choice_has_a_name_of_its_own(editor):
    show(editor, stages.BSplineStage(engine="simpleitk"))
    box = kind_box(editor, "optimizer")
    assert [box.itemText(index) for index in range(box.count())] == [
        "Regular step gradient descent",
        "Gradient descent line search",
        "Conjugate gradient line search",
        "L-BFGS-B",
        "L-BFGS2",
    ]


def test_another_optimizer_shows_its_own_fields_only(editor):
    choose(kind_box(editor, "optimizer"), "powell")
    assert editor.value().stages[0].optimizer == optimizers.Powell()
    assert editor.findChild(QWidget, "optimizer").findChild(QLineEdit, "step_length_mm") is not None
    choose(kind_box(editor, "optimizer"), "regular_step_gradient_descent")
    assert editor.value() == load_preset("rigid")


# engines


@pytest.mark.parametrize(("stage", "given"), RUNS)
def test_what_a_stage_cannot_have_is_not_offered(editor, stage, given):
    show(editor, stage(**given))
    for field, parts in (("metric", METRICS), ("optimizer", OPTIMIZERS)):
        known = [kind_of(part) for part in parts if kind_of(part) not in refused(stage, given, field)]
        assert offered(kind_box(editor, field)) == known
    names = {box.itemText(index) for box in editor.findChildren(QComboBox) for index in range(box.count())}
    of_coreg = {"L-BFGS", "Normalized mutual information", "Stationary velocity field"}
    assert names & of_coreg == (of_coreg if given.get("engine") == "coreg" else set())


@pytest.mark.parametrize(
    ("engine", "shown"),
    [("coreg", {"deformation", "regularization"}), ("simpleitk", {"interpolator"})],
)
def test_a_b_spline_shows_what_its_engine_looks_at(editor, engine, shown):
    show(editor, stages.BSplineStage(engine=engine))
    assert {n for n in ("deformation", "regularization", "interpolator") if is_offered(editor, n)} == shown
    show(editor, stages.RigidStage())
    assert is_offered(editor, "interpolator")
    assert editor.findChild(QWidget, "engine") is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"metric": metrics.NormalizedMutualInformation(), "deformation": "stationary_velocity"},
        {"engine": "simpleitk"},
        {
            "engine": "simpleitk",
            "metric": metrics.JointHistogramMutualInformation(),
            "optimizer": optimizers.LBFGSB(),
            "interpolator": "bspline",
        },
    ],
)
def test_another_engine_leaves_a_stage_that_runs_and_the_way_back_leads_to_the_first(editor, qtbot, given):
    before = stages.BSplineStage(**given)
    show(editor, before)
    other = "simpleitk" if before.engine == "coreg" else "coreg"
    with qtbot.waitSignal(editor.valueChanged):
        choose(editor.findChild(QComboBox, "engine"), other)
    assert editor.error() == ""
    after = editor.value().stages[0]
    assert after.optimizer == stages.BSplineStage(engine=other).optimizer
    assert after.grid_spacings_mm == stages.BSplineStage(engine=other).grid_spacings_mm
    choose(editor.findChild(QComboBox, "engine"), before.engine)
    assert editor.value().stages[0] == before


def test_another_engine_keeps_what_both_know(editor):
    show(editor, stages.BSplineStage(metric=metrics.LocalNormalizedCorrelation(radius=3)))
    choose(editor.findChild(QComboBox, "engine"), "simpleitk")
    assert editor.value().stages[0].metric == metrics.LocalNormalizedCorrelation(radius=3)


def test_each_stage_remembers_its_own_engines(editor):
    show(editor, stages.BSplineStage(optimizer=optimizers.LBFGS(number_of_iterations=7)), stages.BSplineStage())
    choose(editor.findChild(QComboBox, "engine"), "simpleitk")
    editor.findChild(QListWidget, "stages").setCurrentRow(1)
    for engine in ("simpleitk", "coreg"):
        choose(editor.findChild(QComboBox, "engine"), engine)
    assert [stage.engine for stage in editor.value().stages] == ["simpleitk", "coreg"]
    assert editor.value().stages[1] == stages.BSplineStage()


def test_the_weights_of_the_regularization_are_edited(editor):
    show(editor, stages.BSplineStage())
    type_into(editor, "bending_energy_weight", "3.5")
    type_into(editor, "linear_elasticity_weight", "0.1")
    weights = editor.value().stages[0].regularization
    assert (weights.bending_energy_weight, weights.linear_elasticity_weight) == (3.5, 0.1)
    type_into(editor, "log_jacobian_weight", "-1")
    assert editor.error() == "Stage 1, Regularization, Log-Jacobian: must be greater than or equal to 0"


def test_a_new_b_spline_has_the_levels_that_suit_it(editor):
    press(editor, "add")
    choose(kind_box(editor, "stage"), "bspline")
    assert editor.value().stages[1] == stages.BSplineStage()
    choose(kind_box(editor, "stage"), "affine")
    assert editor.value().stages[1] == stages.AffineStage()


@pytest.mark.parametrize("seed", range(3))
def test_no_choice_leads_to_a_stage_that_cannot_run(editor, seed):
    rng = random.Random(seed)
    show(editor, stages.BSplineStage(), stages.RigidStage())
    for _ in range(25):
        boxes = [box for box in editor.findChildren(QComboBox) if not box.isHidden() and box.count() > 1]
        box = rng.choice([box for box in boxes if not box.parent().isHidden()])
        choose(box, rng.choice(offered(box)))
        assert editor.error() == "", box.objectName()
        editor.findChild(QListWidget, "stages").setCurrentRow(rng.randrange(2))


def test_stages_are_added_moved_and_removed(editor):
    press(editor, "add")
    choose(kind_box(editor, "stage"), "affine")
    assert [stage.kind for stage in editor.value().stages] == ["rigid", "affine"]
    press(editor, "up")
    assert [stage.kind for stage in editor.value().stages] == ["affine", "rigid"]
    press(editor, "down")
    press(editor, "remove")
    assert editor.value() == load_preset("rigid")
    assert not editor.findChild(QPushButton, "remove").isEnabled()


def test_a_wrong_stage_that_is_not_shown_is_marked_in_the_list(editor):
    editor.setValue(load_preset("rigid-affine"))
    type_into(editor, "shrink_factors", "8, x, 2")
    stages = editor.findChild(QListWidget, "stages")
    stages.setCurrentRow(1)
    assert stages.item(0).text().endswith("(!)")
    assert not stages.item(1).text().endswith("(!)")
    assert editor.error().startswith("Stage 1")
    stages.setCurrentRow(0)
    assert editor.findChild(QLineEdit, "shrink_factors").text() == "8, x, 2"


def test_a_saved_recipe_is_loaded_again(editor, tmp_path, qtbot):
    type_into(editor, "shrink_factors", "6, 3, 1")
    editor.save(tmp_path / "mine")
    saved = editor.value()
    editor.setValue(load_preset("translation"))
    with qtbot.waitSignal(editor.valueChanged):
        editor.load(tmp_path / "mine.json")
    assert editor.value() == saved
    assert json.loads((tmp_path / "mine.json").read_text())["name"] == "rigid (edited)"


def test_a_file_that_is_no_recipe_changes_nothing(editor, tmp_path):
    path = tmp_path / "no.json"
    path.write_text("{]")
    editor.load(path)
    assert "not a readable recipe" in errors(editor)[0]
    assert editor.value() == load_preset("rigid")


def test_a_folder_that_is_not_there_is_told(editor, tmp_path):
    editor.save(tmp_path / "none" / "mine.json")
    assert "does not exist" in errors(editor)[0]


def test_every_setting_has_a_tooltip(editor):
    editor.setValue(load_preset("bspline"))
    assert len(editor.findChild(QComboBox, "engine").toolTip()) > 20
    for name in ("shrink_factors", "percentages", "grid_spacings_mm", "clip_percentiles", "name"):
        assert len(editor.findChild(QLineEdit, name).toolTip()) > 20


def test_the_wheel_scrolls_past_a_setting_without_changing_it(editor, qtbot):
    editor.show()
    box = kind_box(editor, "metric")
    box.clearFocus()
    turn = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, turn)
    assert editor.value() == load_preset("rigid")


def test_every_setting_of_a_recipe_can_be_edited(editor):
    described = {"title", "description", "references"}  # what a recipe is called and comes from is no setting
    for name in set(Recipe.model_fields) - described - {"stages"}:
        assert editor.findChild(QWidget, name) is not None, name


def test_what_speaks_against_a_setting_stands_beside_it(editor):
    editor.setValue(load_preset("brain-to-atlas"))
    editor.findChild(QCheckBox, "symmetric").click()
    assert editor.error().startswith("Symmetric: a B-spline has no transform half-way between")
    editor.findChild(QCheckBox, "symmetric").click()
    assert editor.error() == ""
    editor.setValue(load_preset("rigid"))
    editor.findChild(QCheckBox, "symmetric").click()
    assert editor.value().symmetric
