"""Our own registrations, in the form in which `deformable.py` and `robustness.py` run everybody's."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import numpy as np
from numba.core import event

from napari_coreg import core, load_preset, preset_names, read_volume, register
from napari_coreg.core.transforms import from_matrix, to_matrix
from trial import Clock, Matrix, Trial, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import SimpleITK as sitk

RECIPES = ("bspline", "fast-bspline", "brain-to-atlas")
"""Presets. Their linear stages are left out, as everybody starts where they are told to."""

LINEAR = ("translation", "rigid", "similarity", "affine")


def _method(name: str) -> Callable[[Trial, Clock], sitk.Image]:
    def method(trial: Trial, clock: Clock) -> sitk.Image:
        import_all()
        with compiling() as seconds, clock:
            recipe = load_preset(name)
            deformable = tuple(stage for stage in recipe.stages if stage.kind not in LINEAR)
            recipe = recipe.model_copy(update={"stages": deformable, "initialization": "given"})
            start = None if trial.affine is None else from_matrix(np.array(trial.affine))
            fixed, moving = read_volume(trial.fixed).image, read_volume(trial.moving).image
            result = register(fixed, moving, recipe, initial_transform=start, threads=trial.threads)
        clock.figures["compile_s"] = sum(seconds)
        return result.displacement_field()

    return method


def _linear(name: str) -> Callable[[Trial, Clock], Matrix]:
    def method(trial: Trial, clock: Clock) -> Matrix:
        import_all()
        with compiling() as seconds, clock:
            fixed, moving = read_volume(trial.fixed).image, read_volume(trial.moving).image
            result = register(fixed, moving, name)
        clock.figures["compile_s"] = sum(seconds)
        return to_matrix(result.transform).tolist()

    return method


def import_all() -> None:
    """Import what is otherwise imported on first use, as nobody's imports are counted."""
    for module in walk_packages(core.__path__, "napari_coreg.core."):
        import_module(module.name)


@contextmanager
def compiling() -> Iterator[list[float]]:
    """Collect the seconds for which kernels were compiled in the block, and not taken from the cache on disk."""
    seconds: list[float] = []
    with event.install_timer("numba:compile", seconds.append):
        yield seconds


OURS = {name: _method(name) for name in RECIPES}
OURS_LINEAR = {name: _linear(name) for name in preset_names() if name not in RECIPES}

if __name__ == "__main__":
    serve(OURS | OURS_LINEAR)
