"""register(): two volumes and a recipe in, a RegistrationResult out."""

from __future__ import annotations

import hashlib
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

import napari_coreg
from napari_coreg.core.both_ways import half_told, halfway, round_trip_mm
from napari_coreg.core.checks import check_inputs
from napari_coreg.core.folding import folding_of
from napari_coreg.core.geometry import Grid, require_values
from napari_coreg.core.preflight import check_pair
from napari_coreg.core.presets import find_recipe
from napari_coreg.core.pyramid import foreground, prepare
from napari_coreg.core.recipe import Preprocessing
from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.run import Run
from napari_coreg.core.transforms import invert, is_linear, to_matrix
from napari_coreg.core.verdict import Facts, judge
from napari_coreg.errors import RecipeError, RegistrationCancelled

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe


def register(
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe | str | Path = "rigid",
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
    threads: int = 0,
    check_swap: bool = False,
) -> RegistrationResult:
    """Find the transform that aligns `moving` with `fixed`.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar volumes (or 2-D images) of any real pixel type, LPS mm, on any two grids with axes at right angles:
        other spacing, origin, direction (oblique, left-handed) and size are all fine. They are not changed.
    recipe : Recipe, str or path
        What to do: a recipe, the name of a preset, or a recipe's JSON file.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only where the mask is not 0 is the image looked at. Any grid; it is placed by its own geometry.
    initial_transform : SimpleITK.Transform, optional
        Where to start (fixed -> moving, LPS mm); goes before the recipe's initialization and is part of the result.
    on_progress : callable, optional
        Called with a `Progress` at every iteration, in this thread.
    is_cancelled : callable, optional
        Asked at every iteration; the run stops as soon as it returns True.
    threads : int
        Threads of the metric; 0 takes one for linear stages, whose few samples gain nothing from more, and all for
        B-splines. With one thread a run repeats bit for bit, and so do B-splines on the coreg engine with any number.
        Elsewhere, with more, the order in which ITK's threads add up the gradient differs from run to run (ITK pull
        request 6622), and so does the result: by far less than a micrometre where the optimum is sharp, by a
        millimetre where it is flat (an affine stage between two people).
    check_swap : bool
        Also register the other way round, and let the verdict tell how far the two are from undoing each other.

    Returns
    -------
    RegistrationResult
        With the composite transform, fixed -> moving.

    Raises
    ------
    GeometryError, VolumeError
        If a volume or mask cannot be used; says which, why and what to do.
    RecipeError
        If the recipe is unknown or malformed, or `threads` is negative.
    RegistrationError
        If no transform can be found; says what happened and what to do.
    RegistrationCancelled
        If `is_cancelled` returned True; carries the last good transform.

    Examples
    --------
    >>> fixed = sitk.GaussianSource(sitk.sitkFloat32, [32, 32, 32], [6, 5, 4], [15, 16, 17])
    >>> moving = sitk.GaussianSource(sitk.sitkFloat32, [32, 32, 32], [6, 5, 4], [18, 16, 15])
    >>> result = register(fixed, moving, "translation")
    >>> [round(shift) for shift in result.transform.TransformPoint((0.0, 0.0, 0.0))]
    [3, 0, -2]
    """
    began = time.perf_counter()
    recipe = find_recipe(recipe)
    masks = {"fixed_mask": fixed_mask, "moving_mask": moving_mask}
    given = {name: mask for name, mask in masks.items() if mask is not None}
    check_inputs(fixed, moving, given, initial_transform)
    findings = check_pair(fixed, moving, recipe, **given, initial_transform=initial_transform)
    if threads < 0:
        raise RecipeError(f"threads is {threads}, but it must be 0 (as suits each stage) or more")
    with ThreadPoolExecutor(1) as background:  # hashing frees the interpreter, so it costs no time beside the run
        fingerprints = background.submit(_fingerprints, {"fixed": fixed, "moving": moving, **given})
        pair = _Pair(fixed, moving, fixed_mask, moving_mask, recipe)
        is_twofold = recipe.symmetric or check_swap
        told = half_told(on_progress, way_back=False) if is_twofold else on_progress
        run = pair.run(told, is_cancelled, threads)
        transform = run.all_stages(run.first_guess(initial_transform))
        swap_mm = None
        if is_twofold:
            told = half_told(on_progress, way_back=True)
            backward = _way_back(pair.run(told, is_cancelled, threads, swapped=True), initial_transform, transform)
            swap_mm = round_trip_mm(transform, backward, Grid.of(fixed), Grid.of(moving))
            if recipe.symmetric:
                transform = run.pose = halfway(transform, backward, Grid.of(fixed).centre_lps)
                run.inverse = invert(transform)
        untouched = sitk.Transform(fixed.GetDimension(), sitk.sitkIdentity)
        untouched = untouched if initial_transform is None else initial_transform
        before, after = run.metric(untouched), run.metric(transform)
        folding = None if is_linear(transform) else folding_of(transform, Grid.of(fixed))
        evidence = run.evidence()
    pose = None if run.pose is None else to_matrix(run.pose)
    was_searched = recipe.initialization == "auto" and initial_transform is None
    return RegistrationResult(
        transform=transform,
        recipe=recipe,
        trace=tuple(run.trace),
        metric_before=before,
        metric_after=after,
        inverse_transform=run.inverse,
        folding=folding,
        verdict=judge(Facts(evidence, pose, folding, before, after, swap_mm, was_searched)),
        findings=findings,
        initialization=run.initialization,
        notes=tuple(run.notes),
        seconds=time.perf_counter() - began,
        threads=threads,
        versions=_versions(),
        fingerprints=fingerprints.result(),
        fixed=fixed,
        moving=moving,
    )


class _Pair:
    """Both volumes, prepared as the recipe says, and their masks."""

    def __init__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        fixed_mask: sitk.Image | None,
        moving_mask: sitk.Image | None,
        recipe: Recipe,
    ) -> None:
        self._recipe = recipe
        self._images = [_prepared(fixed, recipe, "fixed volume"), _prepared(moving, recipe, "moving volume")]
        self._masks = [None if mask is None else _binary(mask) for mask in (fixed_mask, moving_mask)]

    def run(
        self, on_progress: OnProgress | None, is_cancelled: IsCancelled | None, threads: int, *, swapped: bool = False
    ) -> Run:
        """Return the run of the recipe on the pair, or the other way round, ready to begin."""
        order = -1 if swapped else 1
        (fixed, moving), (fixed_mask, moving_mask) = self._images[::order], self._masks[::order]
        if fixed_mask is None and self._recipe.preprocessing.foreground_only:
            fixed_mask = _binary(foreground(fixed))
        return Run(
            self._recipe,
            fixed,
            moving,
            fixed_mask=fixed_mask,
            moving_mask=moving_mask,
            threads=threads,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
        )


def _way_back(run: Run, initial_transform: sitk.Transform | None, forward: sitk.Transform) -> sitk.Transform:
    """Return moving -> fixed as `run` finds it; a cancel leaves `forward`."""
    is_given = initial_transform is not None and is_linear(initial_transform)
    try:
        return run.all_stages(run.first_guess(invert(initial_transform) if is_given else None))
    except RegistrationCancelled as cancelled:
        raise RegistrationCancelled(str(cancelled), forward) from None


def fingerprint(image: sitk.Image) -> str:
    """Return the SHA-256 of an image's grid, pixel type and voxels, as "sha256:<hex>"."""
    digest = hashlib.sha256(repr((Grid.of(image), image.GetPixelIDTypeAsString())).encode())
    digest.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(image)).data)
    return f"sha256:{digest.hexdigest()}"


def _prepared(image: sitk.Image, recipe: Recipe, role: str) -> sitk.Image:
    prepared = prepare(image, recipe.preprocessing)
    if recipe.preprocessing != Preprocessing():
        require_values(prepared, f"{role}, after the recipe's preprocessing")
    return prepared


def _fingerprints(images: dict[str, sitk.Image]) -> dict[str, str]:
    return {name: fingerprint(image) for name, image in images.items()}


def _binary(mask: sitk.Image) -> sitk.Image:
    return sitk.Cast(mask != 0, sitk.sitkUInt8)


def _versions() -> dict[str, str]:
    return {
        "napari-coreg": napari_coreg.__version__,
        "SimpleITK": sitk.Version.VersionString(),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
