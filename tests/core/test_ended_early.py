"""A run that is enough: ended where it is, with a whole and honest result of what there is."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, RegistrationCancelled, check_pair, register
from napari_coreg.core import metrics, optimizers
from napari_coreg.core.preflight import Finding
from napari_coreg.core.search import compiling as search_compiling
from napari_coreg.core.stages import AffineStage, BSplineStage, Pyramid, RigidStage, Sampling, TranslationStage
from napari_coreg.errors import RegistrationError

SHIFT = sitk.TranslationTransform(3, (4.0, -3.0, 3.5))
TWO_LEVELS: dict[str, Any] = {
    "metric": metrics.Correlation(),
    "pyramid": Pyramid(shrink_factors=(2, 1), smoothing_sigmas_mm=(0, 0)),
    "sampling": Sampling(percentages=(50, 20), minimum_samples=4000),
}
LINEAR = (TranslationStage, RigidStage, AffineStage)
ENGINES = {
    "coreg": optimizers.LBFGS(number_of_iterations=8),
    "simpleitk": optimizers.ConjugateGradientLineSearch(number_of_iterations=8),
}


def linear(*kinds: Any, **settings: Any) -> Recipe:
    return Recipe(name="test", stages=tuple(kind(**TWO_LEVELS) for kind in kinds), **settings)


def bending(engine: str, **settings: Any) -> BSplineStage:
    return BSplineStage(
        engine=engine, optimizer=ENGINES[engine], grid_spacings_mm=(60.0, 30.0), **TWO_LEVELS, **settings
    )


class Watch:
    """Takes the run, or cancels it, once a test says so of the last progress; asserts that nothing follows."""

    def __init__(self, take: Any = None, cancel: Any = None) -> None:
        self.seen: list[Any] = []
        self.transforms: list[sitk.Transform] = []
        self.since = 0
        self.taken: sitk.Transform | None = None
        self._take, self._cancel = take, cancel

    def on_progress(self, progress: Any) -> None:
        self.seen.append(progress)
        if progress.stage_kind != "preparation":
            self.transforms.append(progress.current_transform())

    def is_cancelled(self) -> bool:
        return self._cancel is not None and bool(self.seen) and self._cancel(self.seen[-1])

    def is_enough(self) -> bool:
        answer = self._take is None or (bool(self.seen) and self._take(self.seen[-1]))
        if answer and not self.since:
            self.since = len(self.seen)
            self.taken = self.transforms[-1] if self.transforms else None
        return answer

    def run(self, fixed: sitk.Image, moving: sitk.Image, recipe: Recipe | str, **settings: Any) -> Any:
        return register(
            fixed,
            moving,
            recipe,
            on_progress=self.on_progress,
            is_cancelled=self.is_cancelled,
            is_enough=self.is_enough,
            **settings,
        )

    def after(self) -> list[Any]:
        """What was told after it was enough, but for the check of the result."""
        return [progress for progress in self.seen[self.since :] if progress.stage_kind not in {"check", "preparation"}]


def at(stage: int, level: int, iteration: int) -> Any:
    return lambda p: (p.stage, p.level, p.iteration) == (stage, level, iteration)


@pytest.fixture(scope="module")
def pair(phantom) -> tuple[sitk.Image, sitk.Image]:
    fixed = phantom.image(phantom.grid((28, 28, 28), (2.8, 2.8, 2.8), (0.2, 0.1, -0.3)))
    moving = phantom.image(phantom.grid((30, 27, 26), (2.6, 2.9, 3.0), (0.1, -0.1, 0.1)), SHIFT)
    return fixed, moving


def assert_honest(result: Any, where: str) -> None:
    """The result says everywhere that it was ended early, and can be used as any other."""
    assert where in result.ended_early
    assert f"the run was ended early, {result.ended_early}" in result.notes
    assert result.verdict.state in {"doubtful", "failed"}
    assert any("the run was ended early" in reason for reason in result.verdict.reasons)
    assert result.to_record()["ended_early"] == result.ended_early
    assert result.resample().GetSize() == result.fixed.GetSize()
    assert np.isfinite(sitk.GetArrayFromImage(result.displacement_field())).all()


@pytest.mark.parametrize("kind", LINEAR)
def test_a_linear_stage_is_taken_at_its_iteration(phantom, pair, kind):
    watch = Watch(at(0, 0, 3))
    result = watch.run(*pair, linear(kind, AffineStage, initialization="given"))
    assert_honest(result, f"at iteration 3 of at most 100 of level 1 of 2 of stage 1 of 2 ({kind().kind})")
    assert watch.after() == []
    (level,) = result.trace
    assert (level.stage, level.level, len(level.metric_values)) == (0, 0, 3)
    assert level.stop_reason.startswith("taken as it was after 3 iterations")
    identity = sitk.TranslationTransform(3)
    assert phantom.error_mm(result.transform, SHIFT) < phantom.error_mm(identity, SHIFT)
    there = result.transform.TransformPoint((3.0, 4.0, 5.0))
    assert result.inverse_transform.TransformPoint(there) == pytest.approx((3.0, 4.0, 5.0))


@pytest.mark.parametrize("deformation", ["displacement", "stationary_velocity"])
def test_a_deformation_is_taken_with_its_inverse_where_it_has_one(phantom, pair, deformation):
    watch = Watch(at(1, 1, 2))
    recipe = Recipe(
        name="bend",
        initialization="given",
        stages=(*linear(RigidStage).stages, bending("coreg", deformation=deformation)),
    )
    result = watch.run(*pair, recipe)
    assert_honest(result, "at iteration 2 of at most 8 of level 2 of 2 of stage 2 of 2 (bspline)")
    assert watch.after() == []
    assert [(level.stage, level.level) for level in result.trace] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert result.folding is not None
    assert phantom.error_mm(result.transform, watch.taken) < 1e-6
    if deformation == "displacement":
        assert result.inverse_transform is None
        return
    for point in phantom.points(10):
        there = result.transform.TransformPoint(point)
        assert result.inverse_transform.TransformPoint(there) == pytest.approx(point, abs=0.05)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_b_spline_is_taken_on_either_engine(phantom, pair, engine, level):
    watch = Watch(at(0, level, 2))
    result = watch.run(*pair, Recipe(name="bend", initialization="given", stages=(bending(engine),)))
    assert_honest(result, f"level {level + 1} of 2 of stage 1 of 1 (bspline)")
    assert watch.after() == []
    assert result.metric_after < result.metric_before
    assert phantom.error_mm(result.transform, SHIFT) < phantom.error_mm(sitk.TranslationTransform(3), SHIFT)


OPTIMIZERS = (
    optimizers.RegularStepGradientDescent(number_of_iterations=40, maximum_step_voxels=6.0),
    optimizers.GradientDescentLineSearch(number_of_iterations=15),
    optimizers.ConjugateGradientLineSearch(number_of_iterations=15),
    optimizers.LBFGSB(number_of_iterations=20),
    optimizers.LBFGS2(number_of_iterations=20),
    optimizers.Powell(number_of_iterations=8),
    optimizers.OnePlusOneEvolutionary(number_of_iterations=400),
    optimizers.Amoeba(number_of_iterations=200),
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda model: model.kind)
@pytest.mark.parametrize("iteration", [1, 2, 3])
def test_what_is_taken_is_no_worse_than_any_position_that_was_shown(pair, optimizer, iteration):
    """With all voxels as samples, the metric of the result is that of the optimizer, so that they can be compared."""
    stage = TranslationStage(
        optimizer=optimizer,
        metric=metrics.MeanSquares(),
        pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0,)),
        sampling=Sampling(strategy="none", percentages=(100,)),
    )
    recipe = Recipe(name="one level", initialization="given", stages=(stage,))
    watch = Watch(at(0, 0, iteration))
    result = watch.run(*pair, recipe)
    assert watch.after() == []
    untouched = linear(TranslationStage, initialization="given").model_copy(update={"stages": (stage,)})
    shown = [
        register(*pair, untouched, initial_transform=transform, is_enough=lambda: True).metric_after
        for transform in watch.transforms[: watch.since]
    ]
    assert result.metric_after <= min([result.metric_before, *shown]) * (1 + 1e-6) + 1e-9
    last_is_best = result.metric_after == pytest.approx(shown[-1], rel=1e-6)
    assert ("an earlier one fitted better" in result.trace[0].stop_reason) is not last_is_best


def test_a_search_gives_its_best_pose_so_far_or_the_headers(phantom):
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation((0.3, 0.2, 1.0), 2.0)
    fixed, moving = (phantom.image(phantom.grid(), known) for known in (None, turn))
    recipe = linear(RigidStage)
    whole = Watch(lambda progress: False)
    parts = [p for p in (whole.run(fixed, moving, recipe), whole.seen)[1] if p.stage_kind == "search"]
    watch = Watch(lambda p: p.stage_kind == "search" and p.level == len(parts) - 2)
    result = watch.run(fixed, moving, recipe)
    assert_honest(result, f"after part {len(parts) - 1} of {len(parts)} of the search of the start")
    assert watch.after() == []
    assert result.trace == ()
    assert phantom.error_mm(result.transform, turn) < 6.0  # of some 20
    assert phantom.error_mm(result.transform, watch.transforms[-1]) < 1e-6
    trusted = Watch(lambda p: p.stage_kind == "search").run(fixed, fixed, recipe)
    assert trusted.initialization == "given"
    assert phantom.error_mm(trusted.transform, sitk.TranslationTransform(3)) == 0


def test_enough_from_the_first_leaves_the_start(phantom, pair):
    start = sitk.TranslationTransform(3, (1.0, 2.0, -1.0))
    result = register(*pair, linear(RigidStage, RigidStage), initial_transform=start, is_enough=lambda: True)
    assert_honest(result, "before level 1 of 2 of stage 1 of 2 (rigid)")
    assert result.trace == ()
    assert phantom.error_mm(result.transform, start) == 0
    assert result.metric_before == result.metric_after


def test_the_check_of_the_result_goes_on_where_the_run_was_ended_before(pair):
    result = Watch(at(0, 0, 2)).run(*pair, linear(RigidStage, initialization="given"))
    assert result.verdict.measures["captured"] is not None


def test_enough_in_the_check_of_the_result_leaves_out_the_rest_of_it_only(phantom, pair):
    recipe = linear(RigidStage, initialization="given")
    whole = register(*pair, recipe)
    watch = Watch(lambda p: p.stage_kind == "check")
    result = watch.run(*pair, recipe)
    assert_honest(result, "after part 1 of")
    assert "of the check of the result" in result.ended_early
    assert any("the pose was not checked" in reason for reason in result.verdict.reasons)
    assert len(watch.seen) == watch.since
    assert phantom.error_mm(result.transform, whole.transform) == 0
    assert result.metric_after == whole.metric_after


@pytest.mark.parametrize("recipe_settings", [{"symmetric": True}, {}])
def test_a_run_both_ways_is_ended_on_either_way(phantom, pair, recipe_settings):
    recipe = linear(RigidStage, initialization="given", **recipe_settings)
    settings = {} if recipe_settings else {"check_swap": True}
    forward = register(*pair, linear(RigidStage, initialization="given"))
    there = Watch(at(0, 1, 1))
    result = there.run(*pair, recipe, **settings)
    assert_honest(result, "at iteration 1 of at most 100 of level 2 of 2")
    assert there.after() == []
    assert result.verdict.measures["swap_mm"] is None
    back = Watch(lambda p: at(0, 1, 1)(p) and p.fraction > 0.5)
    result = back.run(*pair, recipe, **settings)
    assert_honest(result, "on the way back, at iteration 1 of at most 100 of level 2 of 2")
    assert back.after() == []
    assert result.notes[-1] == "the way back was left out, so the result is that of the way there alone"
    assert phantom.error_mm(result.transform, forward.transform) == 0
    inverse = result.inverse_transform
    assert inverse.TransformPoint(result.transform.TransformPoint((1.0, 2.0, 3.0))) == pytest.approx((1.0, 2.0, 3.0))


@pytest.mark.parametrize("is_astray", [False, True])
def test_a_second_try_that_is_ended_early_does_not_lose_what_the_first_has_found(phantom, pair, monkeypatch, is_astray):
    monkeypatch.setattr("napari_coreg.core.run.has_better_pose", lambda pose: True)
    if is_astray:
        far = sitk.TranslationTransform(3, (15.0, 15.0, -15.0))
        monkeypatch.setattr("napari_coreg.core.run.from_matrix", lambda *_: far)
    first = Watch(lambda progress: False)
    plain = first.run(*pair, linear(RigidStage))
    assert any("begun again" in note for note in plain.notes)
    tries = 0

    def is_enough(progress: Any) -> bool:
        nonlocal tries
        tries += at(0, 0, 1)(progress)
        return tries == 2

    result = Watch(is_enough).run(*pair, linear(RigidStage))
    assert_honest(result, "at iteration 1 of at most 100 of level 1 of 2 of stage 1 of 1 (rigid)")
    assert phantom.error_mm(result.transform, SHIFT) < 1.0
    there = result.transform.TransformPoint((3.0, 4.0, 5.0))
    assert result.inverse_transform.TransformPoint(there) == pytest.approx((3.0, 4.0, 5.0))
    is_first = "what had been found before that fits better yet, and is kept" in result.notes
    assert is_first is is_astray
    assert len(result.trace) == (2 if is_first else 1)


def test_seconds_and_fraction_never_fall_in_a_run_both_ways(pair):
    watch = Watch(lambda progress: False)
    watch.run(*pair, linear(RigidStage, initialization="given"), check_swap=True)
    for name in ("seconds", "fraction"):
        told = [getattr(progress, name) for progress in watch.seen]
        assert told == sorted(told)


@pytest.mark.parametrize("stage", [RigidStage(**TWO_LEVELS), bending("coreg"), bending("simpleitk")])
def test_a_cancel_goes_before(pair, stage):
    watch = Watch(take=at(0, 0, 2), cancel=at(0, 0, 2))
    with pytest.raises(RegistrationCancelled):
        watch.run(*pair, Recipe(name="test", initialization="given", stages=(stage,)))
    assert len(watch.seen) == watch.since or not watch.since


def test_a_cancel_is_heard_in_the_check_of_what_was_taken(pair):
    watch = Watch(take=at(0, 0, 2), cancel=lambda p: p.stage_kind == "check")
    with pytest.raises(RegistrationCancelled) as caught:
        watch.run(*pair, linear(RigidStage, initialization="given"))
    assert caught.value.transform is not None


def test_once_enough_is_enough(pair):
    answers = iter([False, False, True])
    result = register(*pair, linear(RigidStage, initialization="given"), is_enough=lambda: next(answers, False))
    assert result.ended_early


def test_a_run_that_was_never_enough_is_as_without(pair):
    plain = register(*pair, linear(RigidStage))
    asked = register(*pair, linear(RigidStage), is_enough=lambda: False)
    assert plain.transform.GetParameters() == asked.transform.GetParameters()
    assert asked.ended_early == ""
    assert asked.to_record()["ended_early"] == ""


def test_a_pause_costs_no_time_and_no_processor(pair):
    paused: list[float] = []

    def is_cancelled() -> bool:
        if not paused:
            processor, wall = time.process_time(), time.perf_counter()
            time.sleep(1.0)
            paused.append((time.process_time() - processor) / (time.perf_counter() - wall))
        return False

    began = time.perf_counter()
    seen: list[Any] = []
    result = register(
        *pair, linear(RigidStage, initialization="given"), is_cancelled=is_cancelled, on_progress=seen.append
    )
    wall = time.perf_counter() - began
    assert paused[0] < 0.5  # the other threads of the process do not spin
    assert result.seconds < wall - 0.9
    assert seen[-1].seconds < wall - 0.9
    assert sum(level.seconds for level in result.trace) < wall - 0.9


def test_kernels_that_are_being_compiled_are_not_waited_for(pair, monkeypatch):
    monkeypatch.setattr(search_compiling, "needs_compiling", lambda: True)
    monkeypatch.setattr(search_compiling, "compile_ahead", lambda is_ended: not is_ended())
    result = register(*pair, linear(RigidStage), is_enough=lambda: True)
    assert_honest(result, "before its start was known")
    assert result.initialization == "given"
    assert any("the pose was not checked" in reason for reason in result.verdict.reasons)


def test_findings_that_are_known_are_kept_and_not_looked_for_again(pair):
    known = (Finding("note", "told", "what", "value", "remedy"),)
    assert register(*pair, linear(RigidStage), findings=known, is_enough=lambda: True).findings == known
    found = register(*pair, linear(RigidStage), is_enough=lambda: True).findings
    assert found == check_pair(*pair, linear(RigidStage))


def test_what_cannot_be_registered_is_still_an_error(phantom):
    fixed = phantom.image(phantom.grid())
    far = sitk.Image(fixed)
    far.SetOrigin((5000.0, 0.0, 0.0))
    result = register(fixed, far, linear(RigidStage, initialization="given"), is_enough=lambda: True)
    assert result.verdict.state == "failed"
    assert result.metric_after is None
    with pytest.raises(RegistrationError):
        register(fixed, far, linear(RigidStage, initialization="given"), is_enough=lambda: False)
