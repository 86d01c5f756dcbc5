"""The command check: what is, or may be, wrong with two volumes and a recipe, before they are registered."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

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
        listed = [finding.to_record() for finding in findings]
        say_json({"inputs": inputs, "recipe": recipe.name, "can_run": not has_errors, "findings": listed})
    else:
        _tell(volumes, recipe.name, findings)
    return BAD_INPUT if has_errors else 0


def _tell(volumes: dict[str, LoadedVolume], recipe: str, findings: tuple[Finding, ...]) -> None:
    for role, volume in volumes.items():
        note_volume(role.replace("_", " "), volume)
        modality = f" [{volume.modality}]" if volume.modality else ""
        say(f"{role.replace('_', ' ')}: {volume.name}{modality}, {describe(Grid.of(volume.image))}")
    say(f"recipe: {recipe}")
    for finding in findings:
        say("")
        for line in lines_of(finding):
            say(line)
    numbers = Counter(finding.severity for finding in findings)
    say("")
    say(", ".join(plural(numbers[severity], severity) for severity in ("error", "warning", "note")))


def lines_of(finding: Finding) -> list[str]:
    """Return a finding as lines: its severity, what it is with its value, what would mend it, and the flag that does.

    Examples
    --------
    >>> from napari_coreg.core.preflight import Finding
    >>> for line in lines_of(Finding("note", "left_handed", "the axes are left-handed", "-1", "Nothing to do.")):
    ...     print(line)
    note     the axes are left-handed (-1)
             Nothing to do.
    """
    indent = " " * INDENT
    what = textwrap.wrap(
        f"{finding.what} ({finding.value})",
        WIDTH,
        initial_indent=finding.severity.ljust(INDENT),
        subsequent_indent=indent,
    )
    remedy = textwrap.wrap(finding.remedy, WIDTH, initial_indent=indent, subsequent_indent=indent)
    flag = finding.fix.flag if finding.fix is not None else ""
    return [*what, *remedy, *([f"{indent}fix: add {flag}"] if flag else [])]


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
