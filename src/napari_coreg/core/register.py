"""register(): two volumes and a recipe in, a RegistrationResult out."""

from __future__ import annotations

import hashlib
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

import napari_coreg
from napari_coreg.core.both_ways import half_watched, halfway, round_trip_mm
from napari_coreg.core.checks import check_inputs, check_start
from napari_coreg.core.folding import folding_of
from napari_coreg.core.geometry import Grid, require_values
from napari_coreg.core.plain_transforms import as_saved
from napari_coreg.core.preflight import check_pair
from napari_coreg.core.presets import find_recipe
from napari_coreg.core.pyramid import foreground, prepare
from napari_coreg.core.recipe import Preprocessing
from napari_coreg.core.reporter import Watcher
from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.run import Run
from napari_coreg.core.transforms import invert, is_linear, to_matrix
from napari_coreg.core.verdict import Facts, judge
from napari_coreg.errors import RecipeError, RegistrationCancelled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import IsCancelled, IsEnough, OnProgress
    from napari_coreg.core.recipe import Recipe


def register(  # noqa: PLR0913 - all but the first three by keyword
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe | str | Path = "rigid",
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
    is_enough: IsEnough | None = None,
    threads: int = 0,
    check_swap: bool = False,
    findings: tuple[Finding, ...] | None = None,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
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
        Asked at every iteration, and between the parts of searches and checks; the run stops as soon as it returns
        True. As long as it does not return, the run is paused, which counts in no time.
    is_enough : callable, optional
        Asked where `is_cancelled` has said no; as soon as it returns True, the run ends with what there is. The
        transform is then that of the best of the start, the last iteration and those about the lowest metric of the
        level that ran (with 'powell' of those that are known between its line searches), or the best pose so far in a
        search. The rest of the stages is left out, and so is the way back of a symmetric recipe or `check_swap`; where
        it becomes enough on the way back, or in the check of the result, only that is left out. ``ended_early`` and
        the notes of the result say where it was, and its verdict is "doubtful" at best.
    threads : int
        Threads of the metric; 0 takes one for linear stages, whose few samples gain nothing from more, and all for
        B-splines. With one thread a run repeats bit for bit, and so do B-splines on the coreg engine with any number.
        Elsewhere, with more, the order in which ITK's threads add up the gradient differs from run to run (ITK pull
        request 6622), and so does the result: by far less than a micrometre where the optimum is sharp, by a
        millimetre where it is flat (an affine stage between two people).
    check_swap : bool
        Also register the other way round, and let the verdict tell how far the two are from undoing each other.
    findings : tuple of Finding, optional
        What `check_pair` has found for the same volumes, masks and recipe, so that they are not checked once more.
    inputs : mapping of str to mapping, optional
        Where volumes and masks came from, for the record, so that the run can be repeated from their files: by role,
        such as ``{"fixed": ct.origin(), "moving": mr.origin()}`` of volumes that `read_volume` gave.

    Returns
    -------
    RegistrationResult
        With the composite transform, fixed -> moving.

    Raises
    ------
    GeometryError, VolumeError
        If a volume or mask cannot be used; says which, why and what to do.
    RecipeError
        If the recipe is unknown or malformed, or symmetric with a deformable start, or `threads` is negative.
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
    watcher = Watcher(on_progress, is_cancelled, is_enough)
    recipe = find_recipe(recipe)
    masks = {"fixed_mask": fixed_mask, "moving_mask": moving_mask}
    given = {name: mask for name, mask in masks.items() if mask is not None}
    initial_transform = None if initial_transform is None else as_saved(initial_transform)
    check_inputs(fixed, moving, given, initial_transform)
    check_start(recipe, initial_transform)
    if findings is None:
        findings = check_pair(fixed, moving, recipe, **given, initial_transform=initial_transform)
    if threads < 0:
        raise RecipeError(f"threads is {threads}, but it must be 0 (as suits each stage) or more")
    with ThreadPoolExecutor(1) as background:  # hashing frees the interpreter, so it costs no time beside the run
        fingerprints = background.submit(_fingerprints, {"fixed": fixed, "moving": moving, **given})
        pair = _Pair(fixed, moving, fixed_mask, moving_mask, recipe, threads)
        run, transform, facts = _find(pair, watcher, initial_transform, check_swap=check_swap)
    return RegistrationResult(
        transform=transform,
        recipe=recipe,
        trace=tuple(run.trace),
        metric_before=facts.metric_before,
        metric_after=facts.metric_after,
        inverse_transform=run.inverse,
        folding=facts.folding,
        verdict=judge(facts),
        findings=findings,
        initialization=run.initialization,
        notes=run.notes,
        seconds=watcher.clock.seconds,
        threads=threads,
        versions=versions_now(),
        fingerprints=fingerprints.result(),
        fixed=fixed,
        moving=moving,
        ended_early=run.ended_early,
        initial_transform=initial_transform,
        check_swap=check_swap,
        inputs=inputs or {},
    )


def _find(
    pair: _Pair, watcher: Watcher, initial_transform: sitk.Transform | None, *, check_swap: bool
) -> tuple[Run, sitk.Transform, Facts]:
    """Run a pair, and the other way round where that is wanted; return the run, what it found and the facts of it."""
    grid, is_symmetric = Grid.of(pair.fixed), pair.recipe.symmetric
    is_twofold = is_symmetric or check_swap
    there, back = (half_watched(watcher, way_back=way) if is_twofold else watcher for way in (False, True))
    run = pair.run(there)
    transform = run.all_stages(run.first_guess(initial_transform))
    backward = _way_back(pair.run(back, swapped=True), run, initial_transform, transform) if is_twofold else None
    swap_mm = None if backward is None else round_trip_mm(transform, backward, grid, Grid.of(pair.moving))
    if backward is not None and is_symmetric:
        transform = run.pose = halfway(transform, backward, grid.centre_lps)
        run.inverse = invert(transform)
    untouched = initial_transform or sitk.Transform(grid.dimension, sitk.sitkIdentity)
    before, after = run.metric(untouched), run.metric(transform)
    folding = None if is_linear(transform) else folding_of(transform, grid)
    evidence = run.evidence(transform)
    facts = Facts(
        pose=evidence,
        matrix=None if run.pose is None else to_matrix(run.pose),
        folding=folding,
        metric_before=before,
        metric_after=after,
        swap_mm=swap_mm,
        was_searched=pair.recipe.initialization == "auto" and initial_transform is None,
        ended_early=run.ended_early,
        is_unchecked=run.is_unchecked,
    )
    return run, transform, facts


class _Pair:
    """Both volumes as given and as the recipe prepares them, and their masks."""

    def __init__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        fixed_mask: sitk.Image | None,
        moving_mask: sitk.Image | None,
        recipe: Recipe,
        threads: int,
    ) -> None:
        self.fixed, self.moving, self.recipe = fixed, moving, recipe
        self._threads = threads
        self._images = [_prepared(fixed, recipe, "fixed volume"), _prepared(moving, recipe, "moving volume")]
        self._masks = [None if mask is None else _binary(mask) for mask in (fixed_mask, moving_mask)]

    def run(self, watcher: Watcher, *, swapped: bool = False) -> Run:
        """Return the run of the recipe on the pair, or the other way round, ready to begin."""
        order = -1 if swapped else 1
        (fixed, moving), (fixed_mask, moving_mask) = self._images[::order], self._masks[::order]
        if fixed_mask is None and self.recipe.preprocessing.foreground_only:
            fixed_mask = _binary(foreground(fixed))
        return Run(
            self.recipe,
            fixed,
            moving,
            fixed_mask=fixed_mask,
            moving_mask=moving_mask,
            threads=self._threads,
            watcher=watcher,
        )


def _way_back(
    run: Run, there: Run, initial_transform: sitk.Transform | None, forward: sitk.Transform
) -> sitk.Transform | None:
    """Return moving -> fixed as `run` finds it, None where it became enough before that; a cancel leaves `forward`."""
    is_given = initial_transform is not None and is_linear(initial_transform)
    backward = None
    try:
        if not there.ended_early:
            backward = run.all_stages(run.first_guess(invert(initial_transform) if is_given else None))
    except RegistrationCancelled as cancelled:
        raise RegistrationCancelled(str(cancelled), forward) from None
    if run.ended_early:
        there.end_early(f"on the way back, {run.ended_early}")
    if there.ended_early:
        there.note("the way back was left out, so the result is that of the way there alone")
        return None
    return backward


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


def versions_now() -> dict[str, str]:
    """Return the versions of what computes a registration, and the processor that it is computed on."""
    from llvmlite.binding import get_host_cpu_name  # noqa: PLC0415 - numba's compiler: what it makes depends on this

    libraries = {name: version(name) for name in ("numpy", "scipy", "numba", "scikit-image")}
    return {
        "napari-coreg": napari_coreg.__version__,
        "SimpleITK": sitk.Version.VersionString(),
        **libraries,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{get_host_cpu_name()}, {os.cpu_count()} cores",
    }
