"""Recipes as data: refused where they are wrong, in one line; the same again after a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from napari_coreg.core import metrics, optimizers, recipe, stages
from napari_coreg.core.presets import load_preset, preset_names
from napari_coreg.core.recipe import Preprocessing, Recipe
from napari_coreg.core.refusals import UNUSED_FIELDS, refusals
from napari_coreg.core.stages import (
    AffineStage,
    BSplineStage,
    Pyramid,
    RigidStage,
    Sampling,
    SimilarityStage,
    TranslationStage,
)
from napari_coreg.errors import RecipeError

LINEAR = (TranslationStage, RigidStage, SimilarityStage, AffineStage)
TURNING = LINEAR[1:]
NEEDS_SCALES = (optimizers.LBFGSB, optimizers.LBFGS2)
NO_GRADIENT = (optimizers.Powell, optimizers.OnePlusOneEvolutionary, optimizers.Amoeba)
ENGINES = ("coreg", "simpleitk")
WHO_RUNS_WHAT = [(stage, {}) for stage in LINEAR] + [(BSplineStage, {"engine": engine}) for engine in ENGINES]


def plain(name: str = "rigid") -> dict[str, Any]:
    return json.loads(load_preset(name).to_json())


def refusal(values: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_mapping(values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", preset_names())
def test_a_recipe_is_the_same_after_a_file(name, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(load_preset(name).to_json(), encoding="utf-8")
    again = Recipe.from_file(path)
    assert again == load_preset(name)
    assert again.to_json() == load_preset(name).to_json()


def test_a_recipe_is_read_out_of_a_result(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema_version": 1, "recipe": plain("rigid-affine")}))
    assert Recipe.from_file(path) == load_preset("rigid-affine")


@pytest.mark.parametrize(
    "where",
    [
        (),
        ("preprocessing",),
        ("stages", 0),
        ("stages", 0, "metric"),
        ("stages", 0, "optimizer"),
        ("stages", 0, "pyramid"),
        ("stages", 0, "sampling"),
    ],
)
def test_an_unknown_key_is_refused_by_name_wherever_it_stands(where):
    values = plain()
    spot = values
    for key in where:
        spot = spot[key]
    spot["smothing"] = 3
    assert "smothing" in refusal(values)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (
            ("initialization",),
            "sometimes",
            "'auto', 'given', 'centre', 'moments', 'principal_axes', 'phase_correlation', "
            "'fourier_mellin' or 'features'",
        ),
        (("stages",), [], "stages"),
        (("stages", 0, "kind"), "elastic", "'elastic'"),
        (("stages", 0, "metric", "kind"), "demons", "'demons'"),
        (("stages", 0, "pyramid", "shrink_factors"), [8, 0, 2], "shrink_factors.1"),
        (("stages", 0, "pyramid", "shrink_factors"), [8.5, 4, 2], "shrink_factors.0"),
        (("stages", 0, "pyramid", "shrink_factors"), [8, 4], "one per level"),
        (("stages", 0, "pyramid", "smoothing_sigmas_mm"), [0, 0, float("nan")], "smoothing_sigmas_mm.2"),
        (("stages", 0, "sampling", "percentages"), [50, 10], "one per level"),
        (("stages", 0, "sampling", "percentages"), [50, 10, 0], "percentages.2"),
        (("stages", 0, "optimizer", "maximum_step_voxels"), float("inf"), "maximum_step_voxels"),
        (("preprocessing", "clip_percentiles"), [99, 1], "the first must be below the second"),
        (("preprocessing", "clip_percentiles"), [0, 101], "clip_percentiles.1"),
        (("seed",), -1, "seed"),
        (("name",), "", "name"),
    ],
)
def test_a_wrong_value_is_refused_by_where_it_stands(path, value, words):
    values = plain()
    spot: Any = values
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    assert words in refusal(values)


def test_all_that_is_wrong_is_told_and_nothing_else():
    values = plain()
    values["seed"] = -5
    values["stages"][0]["pyramid"]["shrink_factors"] = [0, 4, 2]
    told = refusal(values)
    assert "seed" in told
    assert "shrink_factors.0" in told
    assert "after validation" not in told  # pydantic then counts no stages


@pytest.mark.parametrize("values", [None, [], 3, "rigid"])
def test_what_is_no_object_is_no_recipe(values):
    assert type(values).__name__ in refusal(values)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{]", "not a readable recipe"),
        (b"\xff\xfe\x00", "not a readable recipe"),
        (b"[1, 2]", "list"),
        (b"{}", "name"),
    ],
)
def test_a_file_that_holds_no_recipe_is_refused_by_its_path(content, words, tmp_path):
    path = tmp_path / "no.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=words) as caught:
        Recipe.from_file(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_refused_by_their_path(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(RecipeError, match="not a readable recipe") as caught:
            Recipe.from_file(path)
        assert str(path) in str(caught.value)


def test_recipes_never_change():
    made = load_preset("rigid")
    for model in (made, made.stages[0], made.stages[0].pyramid, made.stages[0].metric, made.preprocessing):
        field = next(iter(type(model).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, field, getattr(model, field))
    assert hash(made) == hash(Recipe.from_mapping(plain()))


@pytest.mark.parametrize("stage", TURNING)
@pytest.mark.parametrize("optimizer", NEEDS_SCALES)
def test_optimizers_that_cannot_weigh_turns_against_shifts_are_refused(stage, optimizer):
    with pytest.raises(ValidationError, match="cannot weigh rotations"):
        stage(optimizer=optimizer())
    TranslationStage(optimizer=optimizer())
    BSplineStage(engine="simpleitk", optimizer=optimizer())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", NO_GRADIENT)
def test_optimizers_without_a_gradient_are_refused_for_b_splines(optimizer, engine):
    with pytest.raises(ValidationError, match="no gradient"):
        BSplineStage(engine=engine, optimizer=optimizer())


@pytest.mark.parametrize("stage", [SimilarityStage, AffineStage])
def test_the_joint_histogram_is_refused_where_scales_could_shrink_the_volume_away(stage):
    with pytest.raises(ValidationError, match="choose 'mattes_mutual_information'"):
        stage(metric=metrics.JointHistogramMutualInformation())
    RigidStage(metric=metrics.JointHistogramMutualInformation())


# which engine knows what


def test_a_b_spline_runs_on_our_own_engine_unless_told_otherwise():
    assert BSplineStage().engine == "coreg"
    assert BSplineStage().optimizer == optimizers.LBFGS()


def test_what_is_left_out_suits_the_engine():
    stage = BSplineStage(engine="simpleitk")
    assert stage.optimizer.kind == "conjugate_gradient_line_search"
    assert stage.pyramid == Pyramid()
    assert BSplineStage.model_validate_json(stage.model_dump_json()) == stage
    assert BSplineStage(engine="simpleitk", optimizer=optimizers.LBFGS2()).optimizer == optimizers.LBFGS2()


@pytest.mark.parametrize(
    ("engine", "given", "words"),
    [
        ("coreg", {"optimizer": optimizers.ConjugateGradientLineSearch()}, "choose 'lbfgs', or engine 'simpleitk'"),
        ("coreg", {"optimizer": optimizers.LBFGSB()}, "optimizer 'lbfgsb' is not known to engine 'coreg'"),
        ("coreg", {"metric": metrics.JointHistogramMutualInformation()}, "choose 'mattes_mutual_information', or"),
        ("coreg", {"interpolator": "bspline"}, "choose 'linear', or engine 'simpleitk'"),
        ("simpleitk", {"optimizer": optimizers.LBFGS()}, "choose another one, or engine 'coreg'"),
        ("simpleitk", {"metric": metrics.NormalizedMutualInformation()}, "choose another one, or engine 'coreg'"),
        ("simpleitk", {"deformation": "stationary_velocity"}, "choose 'displacement', or engine 'coreg'"),
    ],
)
def test_what_only_the_other_engine_knows_is_refused_with_a_way_out(engine, given, words):
    (other,) = set(ENGINES) - {engine}
    with pytest.raises(ValidationError, match=words):
        BSplineStage(engine=engine, **given)
    BSplineStage(engine=other, **given)


@pytest.mark.parametrize("stage", LINEAR)
def test_what_only_b_splines_on_our_own_engine_have_is_refused_elsewhere(stage):
    with pytest.raises(ValidationError, match="optimizer 'lbfgs' is for B-spline stages with engine 'coreg'"):
        stage(optimizer=optimizers.LBFGS())
    with pytest.raises(ValidationError, match="choose 'mattes_mutual_information'"):
        stage(metric=metrics.NormalizedMutualInformation())


@pytest.mark.parametrize(("stage", "given"), WHO_RUNS_WHAT)
def test_all_that_is_refused_is_a_choice_of_its_field_and_leaves_others(stage, given):
    for refusal in refusals(stage.model_fields["kind"].default, **given):
        choices = stage.model_json_schema()["properties"][refusal.field]
        choices = set(choices["discriminator"]["mapping"] if "discriminator" in choices else choices["enum"])
        assert set(refusal.values) < choices
        assert "; choose " in refusal.why
    assert set(UNUSED_FIELDS[given.get("engine", "simpleitk")]) <= set(BSplineStage.model_fields)


# the grid of a B-spline


def levels(number: int) -> dict[str, Any]:
    return {
        "pyramid": Pyramid(shrink_factors=(2,) * number, smoothing_sigmas_mm=(0,) * number),
        "sampling": Sampling(percentages=(10,) * number),
    }


@pytest.mark.parametrize("spacings", [(40,), (40, 40), (40, 20), (40, 20, 20, 10)])
def test_a_grid_keeps_its_spacing_or_halves_it(spacings):
    assert BSplineStage(grid_spacings_mm=spacings, **levels(len(spacings))).grid_spacings_mm == spacings


@pytest.mark.parametrize("spacings", [(40, 10), (20, 40), (40, 25), (40, 20, 15)])
def test_a_grid_that_does_not_halve_is_refused(spacings):
    with pytest.raises(ValidationError, match="keep the spacing of the level before or halve it"):
        BSplineStage(grid_spacings_mm=spacings, **levels(len(spacings)))


def test_a_grid_needs_a_spacing_for_each_level():
    with pytest.raises(ValidationError, match="one per level"):
        BSplineStage(grid_spacings_mm=(40, 20), **levels(3))


def settings(model: type[BaseModel]) -> list[tuple[str, Any]]:
    return [(f"{model.__name__}.{name}", info) for name, info in model.model_fields.items() if name != "kind"]


def test_every_setting_says_what_it_is():
    classes = [value for module in (recipe, stages, metrics, optimizers) for value in vars(module).values()]
    models = {item for item in classes if isinstance(item, type) and issubclass(item, BaseModel)} | {Preprocessing}
    for model in models:
        for name, info in settings(model):
            assert info.title, name
            assert info.description, name
