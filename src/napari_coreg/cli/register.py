"""The command register: two volumes and a recipe in, a result folder out."""

from __future__ import annotations

import json
import math
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.cli.options.shared import INITIALIZATIONS
from napari_coreg.cli.terminal import Teller, cancel_on_interrupt, note, note_volume, say, say_json
from napari_coreg.core.evidence import angle_degrees
from napari_coreg.core.geometry import Grid, describe
from napari_coreg.core.preflight import check_pair
from napari_coreg.core.presets import find_recipe
from napari_coreg.core.register import register
from napari_coreg.core.settings import with_settings
from napari_coreg.core.threads import limited_threads
from napari_coreg.core.transforms import to_matrix
from napari_coreg.errors import RecipeError, RegistrationCancelled
from napari_coreg.io.pictures import require_picture, save_overlay
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_record, load_transform, require_result_folder, save_result
from napari_coreg.io.volumes import read_volume

if TYPE_CHECKING:
    import argparse

    import SimpleITK as sitk

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.loaded import LoadedVolume


FAILED = 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return 3 where the verdict is "failed"; what can be refused is, before volumes are read."""
    began = time.perf_counter()
    require_result_folder(options.output)
    if options.overlay is not None:
        require_picture(options.overlay)
    recipe = chosen_recipe(options.recipe, options.initial, options.seed, settings_of(options))
    is_file = options.initial is not None and options.initial not in INITIALIZATIONS
    with quiet_itk(), limited_threads(options.threads):
        initial = load_transform(options.initial) if is_file else None
        volumes = read_all(options)
        told = options.quiet or options.json
        findings = checked(volumes, recipe, initial)
        if not told:
            _tell(volumes, findings)
        result = run_registration(
            volumes["fixed"].image,
            volumes["moving"].image,
            recipe,
            masks={role: volume.image for role, volume in volumes.items() if role.endswith("mask")},
            initial=initial,
            threads=options.threads,
            check_swap=options.check_swap,
            quiet=told,
            time_limit=options.time_limit,
            findings=findings,
        )
        inputs = {role: volume.origin() for role, volume in volumes.items()}
        if is_file:
            inputs["initial_transform"] = {"path": str(Path(options.initial).expanduser().absolute())}
        folder = save_result(replace(result, inputs=inputs, time_limit=options.time_limit), options.output)
        if options.overlay is not None:
            save_overlay(options.overlay, result.fixed, result.moving, result.transform)
    if options.json:
        say_json({**load_record(folder), "folder": str(folder.absolute()), "overlay": _path(options.overlay)})
    elif not options.quiet:
        for line in summary(result):
            say(line)
        say(f"written to {folder} in {time.perf_counter() - began:.1f} s in all, with reading and writing")
    return FAILED if result.verdict.state == "failed" else 0


def checked(volumes: dict[str, LoadedVolume], recipe: Recipe, initial: sitk.Transform | None) -> tuple[Finding, ...]:
    """Return what is, or may be, wrong with the volumes and masks that were read, and a recipe."""
    return check_pair(
        volumes["fixed"].image,
        volumes["moving"].image,
        recipe,
        **{role: volume.image for role, volume in volumes.items() if role.endswith("mask")},
        initial_transform=initial,
        fixed_modality=volumes["fixed"].modality or "",
        moving_modality=volumes["moving"].modality or "",
    )


def _tell(volumes: dict[str, LoadedVolume], findings: tuple[Finding, ...]) -> None:
    """Tell what was read and what may be wrong, before the run; what is wrong is told by the run."""
    for role, volume in volumes.items():
        note_volume(role.replace("_", " "), volume)
    for role in ("fixed", "moving"):
        note(f"{role}: {volumes[role].name}, {describe(Grid.of(volumes[role].image))}")
    for finding in findings:
        if finding.severity == "warning":
            fix = "" if finding.fix is None else f" (fix: add {finding.fix.flag})"
            note(f"warning: {finding.what} ({finding.value}). {finding.remedy}{fix}")


def settings_of(options: argparse.Namespace) -> list[str]:
    """Return the settings that are given, and those that have a word of their own."""
    return [*(["symmetric=true"] if options.symmetric else []), *options.set]


def chosen_recipe(
    word: str, initial: str | None = None, seed: int | None = None, settings: list[str] | None = None
) -> Recipe:
    """Return the recipe of a name or file, with another initialization, seed and settings where they are given."""
    recipe = find_recipe(word)
    changes: dict[str, Any] = {}
    if initial in INITIALIZATIONS:
        changes["initialization"] = initial
    if seed is not None:
        changes["seed"] = seed
    changes |= dict(map(_setting, settings or []))
    return with_settings(recipe, changes, source=word) if changes else recipe


def _setting(word: str) -> tuple[str, Any]:
    """Return the path and the value of PATH=VALUE; the value is JSON, or else text."""
    path, is_there, value = word.partition("=")
    if not is_there:
        raise RecipeError(f"--set {word} has no value; write PATH=VALUE, as in: --set seed=7")
    try:
        return path, json.loads(value)
    except json.JSONDecodeError:
        return path, value


def run_registration(
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe,
    *,
    masks: dict[str, sitk.Image] | None = None,
    initial: sitk.Transform | None = None,
    threads: int = 0,
    check_swap: bool = False,
    quiet: bool = False,
    time_limit: float | None = None,
    findings: tuple[Finding, ...] | None = None,
) -> RegistrationResult:
    """Run a registration with its progress on stderr and Ctrl-C as the way to cancel it, for `time_limit` seconds."""
    teller, ends = Teller(), time.monotonic() + (math.inf if time_limit is None else time_limit)
    with cancel_on_interrupt() as is_cancelled:
        with ExitStack() as stack:
            on_progress = None if quiet else stack.enter_context(teller)
            result = register(
                fixed,
                moving,
                recipe,
                **(masks or {}),
                initial_transform=initial,
                on_progress=on_progress,
                is_cancelled=is_cancelled,
                is_enough=lambda: time.monotonic() >= ends,
                threads=threads,
                check_swap=check_swap,
                findings=findings,
            )
        if is_cancelled():
            raise RegistrationCancelled("the registration was cancelled", result.transform)
    for text in () if quiet else result.notes:
        if text not in teller.told:
            note(f"note: {text}")
    return result


def summary(result: RegistrationResult) -> list[str]:
    """Return what came out, in a few lines."""
    before, after = (_number(value) for value in (result.metric_before, result.metric_after))
    lines = [
        f"recipe {result.recipe.name}, started from {result.initialization}, {result.seconds:.1f} s",
        f"metric {before} -> {after} (lower is better)",
    ]
    if result.folding is not None:
        lines.append(str(result.folding))
    lines.append(f"verdict: {result.verdict.state} - {'; '.join(result.verdict.reasons)}")
    if result.is_linear:
        lines.append(f"the moving volume was {motion(result.transform, Grid.of(result.fixed))}")
    return lines


def motion(transform: sitk.Transform, fixed: Grid) -> str:
    """Return in words how far a linear transform turns, and shifts the centre of the fixed grid."""
    n = fixed.dimension
    matrix = to_matrix(transform)
    stretches = np.linalg.svd(matrix[:n, :n], compute_uv=False)
    angle = angle_degrees(matrix)
    shift = float(np.linalg.norm(np.array(transform.TransformPoint(fixed.centre_lps.tolist())) - fixed.centre_lps))
    words = f"turned by {angle:.2f} degrees and shifted by {shift:.2f} mm at the centre"
    if np.allclose(stretches, 1, atol=1e-6):
        return words
    return f"{words}, and scaled by {stretches.min():.3f} to {stretches.max():.3f}"


def read_all(options: argparse.Namespace) -> dict[str, LoadedVolume]:
    """Return the volumes and masks that the words name, by role: "fixed", "moving", "fixed_mask", "moving_mask"."""
    volumes = {
        "fixed": read_volume(options.fixed, options.fixed_volume),
        "moving": read_volume(options.moving, options.moving_volume),
    }
    for role in ("fixed_mask", "moving_mask"):
        path = getattr(options, role)
        if path is not None:
            volumes[role] = read_volume(path)
    if getattr(options, "upright", False):
        return {role: volume.upright() for role, volume in volumes.items()}
    return volumes


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.5f}"


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())
