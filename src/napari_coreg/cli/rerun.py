"""The command rerun: a result folder in, the same run again, and whether the same came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.cli.register import run_registration, summary
from napari_coreg.cli.terminal import note, say, say_json
from napari_coreg.core.threads import limited_threads
from napari_coreg.io.again import command_line, notes_of, python_script, recipe_json
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_record, require_result_folder, save_result
from napari_coreg.io.rerun import Repetition, Rerun, compared, prepare

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from napari_coreg.core.result import RegistrationResult

DIFFERS = 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return 3 where the transforms are further apart than they may be."""
    if options.show:
        _show(options.result, options.show)
        return 0
    if options.output is not None:
        require_result_folder(options.output)
    roles = ("fixed", "moving", "fixed_mask", "moving_mask", "initial")
    given = {role: getattr(options, role) for role in roles if getattr(options, role) is not None}
    told = options.quiet or options.json
    with quiet_itk():
        again = prepare(options.result, given, options.threads, anyway=options.anyway)
        for text in () if told else again.notes:
            note(f"note: {text}")
        with limited_threads(again.threads):
            outcome = compared(again, _result(again, quiet=told))
        folder = None if options.output is None else save_result(outcome.result, options.output)
    if options.json:
        say_json(_as_plain(outcome, options.within, folder))
    elif not options.quiet:
        for line in [*summary(outcome.result), f"the transform: {outcome}", *_written(folder)]:
            say(line)
    return 0 if outcome.is_within(options.within) else DIFFERS


def _show(result: Path, what: str) -> None:
    record = load_record(result)
    for text in notes_of(record, result) if what == "command" else ():
        note(f"note: {text}")
    texts = {
        "script": lambda: python_script(record, result),
        "command": lambda: command_line(record, result),
        "recipe": lambda: recipe_json(record),
    }
    say(texts[what]().rstrip("\n"))


def _result(again: Repetition, *, quiet: bool) -> RegistrationResult:
    return run_registration(
        again.images["fixed"],
        again.images["moving"],
        again.saved.recipe,
        masks={role: image for role, image in again.images.items() if role.endswith("mask")},
        initial=again.initial_transform,
        threads=again.threads,
        check_swap=again.saved.check_swap,
        quiet=quiet,
    )


def _as_plain(outcome: Rerun, within_mm: float, folder: Path | None) -> dict[str, Any]:
    return {
        "identical": outcome.is_identical,
        "mean_mm": outcome.mean_mm,
        "maximum_mm": outcome.maximum_mm,
        "within_mm": within_mm,
        "is_within": outcome.is_within(within_mm),
        "verdict": outcome.result.verdict.state,
        "notes": list(outcome.notes),
        "folder": None if folder is None else str(folder.absolute()),
    }


def _written(folder: Path | None) -> list[str]:
    return [] if folder is None else [f"written to {folder}"]
