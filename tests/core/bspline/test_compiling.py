"""What a run says of compiling: before it takes its time, once, and never again while the machine code is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from napari_coreg.core.bspline.compiling import compile_ahead
from napari_coreg.core.stages import BSplineStage

CHECKING = {"check", "preparation"}  # of the result; its kernels are compiled the first time, too

RUN = """
import json, sys
import SimpleITK as sitk
from napari_coreg import Recipe, register
from napari_coreg.core.stages import BSplineStage, Pyramid, Sampling
from napari_coreg.core.optimizers import LBFGS

fixed, moving = (
    sitk.GaussianSource(sitk.sitkFloat32, [30, 28, 26], [8, 6, 5], middle, 200.0)
    for middle in ([14, 14, 12], [15, 13, 13])
)
stage = BSplineStage(
    deformation=sys.argv[1],
    grid_spacings_mm=(12.0,),
    pyramid=Pyramid(shrink_factors=(1,), smoothing_sigmas_mm=(0.0,)),
    sampling=Sampling(strategy="none", percentages=(100.0,)),
    optimizer=LBFGS(number_of_iterations=2),
)
told = []
recipe = Recipe(name="bent", stages=(stage, stage), initialization="given")
register(fixed, moving, recipe, on_progress=lambda p: told.append((p.stage_kind, p.stage, p.iteration, p.message)))
print(json.dumps(told))
"""


@pytest.mark.slow
def test_compiling_is_told_before_the_first_iteration_and_once_for_each_kind_of_deformation(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    environment.pop("NUMBA_DISABLE_JIT", None)

    def told(deformation: str) -> list[list[object]]:
        finished = subprocess.run(
            [sys.executable, "-c", RUN, deformation], env=environment, capture_output=True, text=True, check=True
        )
        moments: list[list[object]] = json.loads(finished.stdout)
        assert ["bspline", 0, 1, ""] in moments
        assert ["bspline", 1, 1, ""] in moments
        return moments

    for deformation in ("displacement", "stationary_velocity"):
        first, *others = told(deformation)
        assert first[:3] == ["preparation", -1, 0]
        assert "compiling" in str(first[3])
        assert all(kind == "bspline" for kind, *_ in others if kind not in CHECKING)
        assert all(kind in {"bspline", "check"} for kind, *_ in told(deformation))


def test_a_cancel_is_heard_while_kernels_are_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    began = time.perf_counter()
    assert not compile_ahead(BSplineStage(), lambda: True)
    assert time.perf_counter() - began < 2  # compiling takes several times as long
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.slow
@pytest.mark.parametrize("deformation", ["displacement", "stationary_velocity"])
def test_compiling_ahead_leaves_the_kernels_on_the_disk(deformation, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compile_ahead(BSplineStage(deformation=deformation), lambda: False)
    kept = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbc")}
    assert {"kernels.warp", "similarity_kernels.sum_histogram", "penalty_kernels.log_jacobian"} <= kept
    assert ("velocity_kernels.pull" in kept) == (deformation == "stationary_velocity")


def test_a_program_that_is_not_python_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/napari/bin/napari")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    assert compile_ahead(BSplineStage(), lambda: False)
