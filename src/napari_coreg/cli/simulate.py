"""The command simulate: how far a recipe is from the truth on a volume that was moved by a known transform."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_coreg.cli.register import chosen_recipe
from napari_coreg.cli.terminal import Teller, cancel_on_interrupt, note, note_volume, say, say_json, table
from napari_coreg.core.simulation import SimulatedMove, simulated_error
from napari_coreg.core.threads import limited_threads
from napari_coreg.errors import RecipeError, RegistrationCancelled, RegistrationError
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import require_result_folder
from napari_coreg.io.strict_json import to_json
from napari_coreg.io.transforms import write_transform
from napari_coreg.io.volumes import read_volume, write_volume

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    import SimpleITK as sitk

    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.simulation import SimulationOutcome

RECORD = "simulation.json"
_SETTINGS = ("rotation", "shift", "deformation", "smoothness", "noise", "intensity")
_FIELDS = ("rotation_degrees", "shift_mm", "deformation_mm", "smoothness_mm", "noise", "intensity")


def run(options: argparse.Namespace) -> None:
    """Run the command; what can be refused is, before volumes are read."""
    require_result_folder(options.output)
    recipe, moves = chosen_recipe(options.recipe, settings=options.set), moves_of(options)
    told = options.quiet or options.json
    with quiet_itk(), limited_threads(options.threads):
        volume = read_volume(options.fixed, options.volume)
        mask = None if options.mask is None else read_volume(options.mask).image
        if not told:
            note_volume("volume", volume)
            _note_what_cannot_be_found(recipe, moves)
        with _staged(options.output) as folder:
            rows = [_one(volume.image, recipe, move, mask, options, folder) for move in moves]
            ended = [row for row in rows if "after" in row]
            if not ended:
                raise RegistrationError(rows[-1]["error"])
            record = _record(rows, recipe, options, volume.origin())
            (folder / RECORD).write_text(to_json(record), encoding="utf-8")
    if options.json:
        say_json({**record, "folder": str(options.output.absolute())})
    elif not options.quiet:
        say(_table(rows))
        say(f"written to {options.output}")


def _note_what_cannot_be_found(recipe: Recipe, moves: Sequence[SimulatedMove]) -> None:
    """Tell that a recipe without a stage that bends leaves the deformation as an error."""
    if any(move.deformation_mm for move in moves) and all(stage.kind != "bspline" for stage in recipe.stages):
        note(f"{recipe.name} bends nothing, so the deformation stays as an error; --deformation 0 leaves it out")


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write in; its files come to `folder` when all went well, the record last."""
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(dir=folder, prefix=".") as stage:
            yield Path(stage)
            (folder / RECORD).unlink(missing_ok=True)
            for item in sorted(Path(stage).iterdir(), key=lambda file: file.name == RECORD):
                item.replace(folder / item.name)
    finally:
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


def moves_of(options: argparse.Namespace) -> list[SimulatedMove]:
    """Return one move for each repeat, with the seeds from the first on."""
    settings = {
        name: getattr(options, word)
        for word, name in zip(_SETTINGS, _FIELDS, strict=True)
        if getattr(options, word) is not None
    }
    try:
        return [SimulatedMove(**settings, seed=options.seed + number) for number in range(options.repeats)]
    except ValidationError as error:
        found = error.errors()[0]
        raise RecipeError(f"{found['loc'][0]} is {found['input']}, which cannot be: {found['msg'].lower()}") from None


def _one(
    image: sitk.Image,
    recipe: Recipe,
    move: SimulatedMove,
    mask: sitk.Image | None,
    options: argparse.Namespace,
    folder: Path,
) -> dict[str, Any]:
    """Run one simulation and write its files; return its row, with an error where there is no transform."""
    quiet = options.quiet or options.json
    if not quiet and options.repeats > 1:
        note(f"simulation {move.seed - options.seed + 1} of {options.repeats}, seed {move.seed}")
    try:
        outcome = _watched(image, recipe, move, mask, options.threads, quiet=quiet)
    except RegistrationCancelled:
        raise
    except RegistrationError as error:
        return {"move": move.model_dump(), "error": str(error)}
    which = "" if options.repeats == 1 else f"-{move.seed}"
    write_volume(outcome.simulated.moving, folder / f"moving{which}.nii.gz")
    write_volume(outcome.map_mm, folder / f"error{which}.nii.gz")
    write_transform(outcome.truth, folder / f"truth{which}.h5")
    write_transform(outcome.result.transform, folder / f"found{which}.h5")
    result = outcome.result
    return {
        "move": move.model_dump(),
        "sampling_error_mm": outcome.simulated.sampling_error_mm,
        "before": asdict(outcome.before),
        "after": asdict(outcome.after),
        "verdict": result.verdict.state,
        "verdict_reasons": list(result.verdict.reasons),
        "seconds": round(result.seconds, 3),
        "versions": dict(result.versions),
        "fingerprints": dict(result.fingerprints),
    }


def _watched(
    image: sitk.Image, recipe: Recipe, move: SimulatedMove, mask: sitk.Image | None, threads: int, *, quiet: bool
) -> SimulationOutcome:
    with cancel_on_interrupt() as is_cancelled:
        if quiet:
            return simulated_error(image, recipe, move, mask=mask, threads=threads, is_cancelled=is_cancelled)
        with Teller() as teller:
            return simulated_error(
                image, recipe, move, mask=mask, threads=threads, on_progress=teller, is_cancelled=is_cancelled
            )


def _record(
    rows: list[dict[str, Any]], recipe: Recipe, options: argparse.Namespace, volume: dict[str, Any]
) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "direction": "the transforms map points of the volume (fixed) to points of moving.nii.gz (LPS, mm)",
        "volume": volume,
        "mask": None if options.mask is None else str(options.mask.absolute()),
        "recipe": recipe.model_dump(mode="json"),
        "threads": options.threads,
        "simulations": rows,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [("error (mm)", "before: mean", "maximum", "after: mean", "median", "95 %", "maximum", "verdict")]
    for row in rows:
        name = f"seed {row['move']['seed']}"
        if "after" not in row:
            lines.append((name, "-", "-", "-", "-", "-", "-", "error"))
            continue
        before, after = row["before"], row["after"]
        values = (
            *(before[key] for key in ("mean_mm", "maximum_mm")),
            *(after[key] for key in ("mean_mm", "median_mm", "p95_mm", "maximum_mm")),
        )
        lines.append((name, *(f"{value:.2f}" for value in values), row["verdict"]))
    return table(lines)
