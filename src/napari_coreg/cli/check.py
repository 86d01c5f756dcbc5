"""The command check: what is, or may be, wrong with two volumes and a recipe, before they are registered."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from napari_coreg.cli.options.shared import INITIALIZATIONS
from napari_coreg.cli.register import checked, chosen_recipe, read_all
from napari_coreg.cli.terminal import note_volume, say, say_json
from napari_coreg.core.geometry import Grid, describe
from napari_coreg.core.settings import changed_settings
from napari_coreg.io.loaded import plural
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_transform

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
    recipe = chosen_recipe(options.recipe, options.initial, settings=options.set)
    is_file = options.initial is not None and options.initial not in INITIALIZATIONS
    with quiet_itk():
        initial = load_transform(options.initial) if is_file else None
        volumes = read_all(options)
        findings = checked(volumes, recipe, initial)
    has_errors = any(finding.severity == "error" for finding in findings)
    if options.json:
        inputs = {role: volume.origin() for role, volume in volumes.items()}
        listed = [_record(finding, recipe) for finding in findings]
        say_json({"inputs": inputs, "recipe": recipe.name, "can_run": not has_errors, "findings": listed})
    else:
        _tell(volumes, recipe, findings)
    return BAD_INPUT if has_errors else 0


def _record(finding: Finding, recipe: Recipe) -> dict[str, Any]:
    record = finding.to_record()
    if finding.fix is not None:
        record["fix"]["changes"] = changed_settings(recipe, finding.fix.recipe)
    return record


def _tell(volumes: dict[str, LoadedVolume], recipe: Recipe, findings: tuple[Finding, ...]) -> None:
    for role, volume in volumes.items():
        note_volume(role.replace("_", " "), volume)
        modality = f" [{volume.modality}]" if volume.modality else ""
        say(f"{role.replace('_', ' ')}: {volume.name}{modality}, {describe(Grid.of(volume.image))}")
    say(f"recipe: {recipe.name}")
    for finding in findings:
        say("")
        for line in lines_of(finding):
            say(line)
    numbers = Counter(finding.severity for finding in findings)
    say("")
    say(", ".join(plural(numbers[severity], severity) for severity in ("error", "warning", "note")))


def lines_of(finding: Finding) -> list[str]:
    """Return a finding as lines: its severity, what it is with its value, what would mend it, and how.

    Examples
    --------
    >>> from napari_coreg import Finding
    >>> finding = Finding("note", "left_handed", "the axes are left-handed", "-1", "Nothing to do.")
    >>> print(*lines_of(finding), sep=chr(10))
    note     the axes are left-handed (-1)
             Nothing to do.
    """
    texts = [f"{finding.what} ({finding.value})", finding.remedy]
    if finding.fix is not None:
        texts.append(f"fix: add {finding.fix.flag}")
    lines = [line for text in texts for line in textwrap.wrap(text, WIDTH - INDENT)]
    begins = [finding.severity, *[""] * (len(lines) - 1)]
    return [begin.ljust(INDENT) + line for begin, line in zip(begins, lines, strict=True)]
