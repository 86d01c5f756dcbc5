"""The command check: what is, or may be, wrong with two volumes and a recipe, before they are registered."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from napari_coreg.cli.parser import INITIALIZATIONS
from napari_coreg.cli.register import chosen_recipe, described
from napari_coreg.cli.terminal import note_volume, say, say_json
from napari_coreg.core.geometry import Grid, describe
from napari_coreg.core.preflight import check_pair
from napari_coreg.io.loaded import plural
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_transform
from napari_coreg.io.volumes import read_volume

if TYPE_CHECKING:
    import argparse

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.io.loaded import LoadedVolume

BAD_INPUT = 2
WIDTH = 100  # of a line
INDENT = 9  # of what stands below a severity


def run(options: argparse.Namespace) -> int:
    """Run the command, and return 2 where an error was found, else 0."""
    recipe = chosen_recipe(options.recipe, options.initial)
    is_file = options.initial is not None and options.initial not in INITIALIZATIONS
    with quiet_itk():
        initial = load_transform(options.initial) if is_file else None
        volumes = _read_all(options)
        fixed, moving = volumes["fixed"], volumes["moving"]
        findings = check_pair(
            fixed.image,
            moving.image,
            recipe,
            **{role: volume.image for role, volume in volumes.items() if role.endswith("mask")},
            initial_transform=initial,
            fixed_modality=fixed.modality or "",
            moving_modality=moving.modality or "",
        )
    has_errors = any(finding.severity == "error" for finding in findings)
    if options.json:
        inputs = {role: described(volume) for role, volume in volumes.items()}
        listed = [_record(finding, recipe) for finding in findings]
        say_json({"inputs": inputs, "recipe": recipe.name, "can_run": not has_errors, "findings": listed})
    else:
        _tell(volumes, recipe, findings)
    return BAD_INPUT if has_errors else 0


def _record(finding: Finding, recipe: Recipe) -> dict[str, Any]:
    record = finding.to_record()
    if finding.fix is not None:
        record["fix"]["changes"] = changes(recipe, finding.fix.recipe)
    return record


def _tell(volumes: dict[str, LoadedVolume], recipe: Recipe, findings: tuple[Finding, ...]) -> None:
    for role, volume in volumes.items():
        note_volume(role.replace("_", " "), volume)
        modality = f" [{volume.modality}]" if volume.modality else ""
        say(f"{role.replace('_', ' ')}: {volume.name}{modality}, {describe(Grid.of(volume.image))}")
    say(f"recipe: {recipe.name}")
    for finding in findings:
        say("")
        for line in lines_of(finding, recipe):
            say(line)
    numbers = Counter(finding.severity for finding in findings)
    say("")
    say(", ".join(plural(numbers[severity], severity) for severity in ("error", "warning", "note")))


def lines_of(finding: Finding, recipe: Recipe) -> list[str]:
    """Return a finding as lines: its severity, what it is with its value, what would mend it, and how.

    Examples
    --------
    >>> from napari_coreg import Finding, load_preset
    >>> finding = Finding("note", "left_handed", "the axes are left-handed", "-1", "Nothing to do.")
    >>> print(*lines_of(finding, load_preset("rigid")), sep=chr(10))
    note     the axes are left-handed (-1)
             Nothing to do.
    """
    texts = [f"{finding.what} ({finding.value})", finding.remedy]
    if finding.fix is not None and finding.fix.flag:
        texts.append(f"fix: add {finding.fix.flag}")
    elif finding.fix is not None:
        changed = changes(recipe, finding.fix.recipe)
        texts.append(
            "fix: in the recipe, " + ", ".join(f"{key}: {json.dumps(value)}" for key, value in changed.items())
        )
    lines = [line for text in texts for line in textwrap.wrap(text, WIDTH - INDENT)]
    begins = [finding.severity, *[""] * (len(lines) - 1)]
    return [begin.ljust(INDENT) + line for begin, line in zip(begins, lines, strict=True)]


def changes(before: Recipe, after: Recipe) -> dict[str, Any]:
    """Return what `after` has otherwise than `before`, by the path to it.

    Examples
    --------
    >>> from napari_coreg import load_preset
    >>> preset = load_preset("rigid")
    >>> changes(preset, preset.model_copy(update={"seed": 7}))
    {'seed': 7}
    """
    old, new = (_leaves(recipe.model_dump(mode="json")) for recipe in (before, after))
    return {path: value for path, value in new.items() if path not in old or old[path] != value}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return what stands at the ends of nested objects and lists of objects, by the path to it, from 0."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        value = {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, dict):
        return {path: value}
    return {
        place: leaf
        for key, item in value.items()
        for place, leaf in _leaves(item, f"{path}.{key}" if path else key).items()
    }


def _read_all(options: argparse.Namespace) -> dict[str, LoadedVolume]:
    volumes = {
        "fixed": read_volume(options.fixed, options.fixed_volume),
        "moving": read_volume(options.moving, options.moving_volume),
    }
    for role in ("fixed_mask", "moving_mask"):
        path = getattr(options, role)
        if path is not None:
            volumes[role] = read_volume(path)
    return volumes
