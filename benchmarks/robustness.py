"""The race of robustness: how often a linear registration finds the truth from a random start, and what it says of it.

    python benchmarks/robustness.py [--pairs same chris ...] [--spans 30/50 ...] [--starts 20] [--first 0] [--resume]
    python benchmarks/robustness.py --peers PYTHON --methods elastix greedy ... --starts 3
    python benchmarks/robustness.py --table FILE ...

Every run is one line of a JSON file, so a benchmark that was stopped goes on with --resume. Ours all run in this
process, which has its imports behind it ("napari-coreg-fresh": a process each); every run of another package is a
process of its own. A run succeeds where the mean target registration error is below 2 mm.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from linear_peers import PEERS
from napari_coreg import CoregError, Recipe, register
from napari_coreg.core.presets import find_recipe
from napari_coreg.core.transforms import from_matrix
from ours import import_all
from robustness_tables import RIGHT_MM, print_tables
from starts import PAIRS, SPANS, WORK, case
from trial import Trial, launch, scratch_folder

if TYPE_CHECKING:
    from cases import Case

OURS, OURS_FRESH = "napari-coreg", "napari-coreg-fresh"
OURS_GIVEN = "napari-coreg-given"  # trusts the header, so that many of its results are wrong: what does it say of them?
KEY = ("method", "pair", "span", "seed")
Row = dict[str, Any]
Order = tuple[str, str, str, int]


def main() -> None:
    arguments = _arguments()
    if arguments.table:
        print_tables([row for path in arguments.table for row in _read(Path(path))])
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what it started ends with it
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(arguments.threads)
    target = Path(arguments.out)
    orders = [
        (method, pair, span, seed)
        for pair in arguments.pairs
        for span in arguments.spans or PAIRS[pair].spans
        for seed in range(arguments.first, arguments.first + arguments.starts)
        for method in arguments.methods
    ]
    for order in _left(orders, target, resume=arguments.resume):
        row = _run(order, arguments)
        with target.open("a") as lines:  # one line at a time: several can write to one file
            lines.write(json.dumps(row) + "\n")
        _print_row(row)
    wanted = set(orders)
    print_tables([row for row in _read(target) if tuple(row[name] for name in KEY) in wanted])
    print(f"\nall figures: {target}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pairs",
        nargs="+",
        choices=list(PAIRS),
        default=[name for name, kind in PAIRS.items() if not kind.is_hopeless],
    )
    parser.add_argument("--spans", nargs="+", choices=list(SPANS), help="the usual ones of each pair if not given")
    parser.add_argument("--starts", type=int, default=20, help="how many of each pair and span")
    parser.add_argument("--first", type=int, default=0, help="seed of the first start")
    parser.add_argument(
        "--methods", nargs="+", choices=[OURS, OURS_FRESH, OURS_GIVEN, *PEERS], default=[OURS], metavar="METHOD"
    )
    parser.add_argument("--peers", help="interpreter in which the other packages are installed")
    parser.add_argument("--recipe", help="of ours; what suits each pair if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300, help="seconds after which another package is stopped")
    parser.add_argument("--work", default=str(WORK), help="keeps the pairs")
    parser.add_argument("--out", help="JSON lines; robustness.jsonl in the work folder if not given")
    parser.add_argument("--resume", action="store_true", help="keep the runs that are there, and do the others")
    parser.add_argument("--table", nargs="+", metavar="FILE", help="only print the tables of these files")
    arguments = parser.parse_args()
    arguments.work = Path(arguments.work).resolve()
    arguments.out = arguments.out or str(arguments.work / "robustness.jsonl")
    if arguments.peers:  # not resolved: a link to it is what makes it a venv
        arguments.peers = str(Path(arguments.peers).absolute())
    elif not arguments.table and set(arguments.methods) & set(PEERS):
        parser.error("other packages need --peers")
    return arguments


def _left(orders: list[Order], target: Path, *, resume: bool) -> list[Order]:
    """Return what is still to be run; unless that is to be resumed, its old lines are taken out of the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = _read(target) if target.is_file() else []
    done = {tuple(row[name] for name in KEY) for row in rows}
    if resume:
        return [order for order in orders if order not in done]
    if done & set(orders):
        kept = [row for row in rows if tuple(row[name] for name in KEY) not in set(orders)]
        new = target.with_suffix(".part")
        new.write_text("".join(json.dumps(row) + "\n" for row in kept))
        new.replace(target)
    return orders


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _run(order: Order, arguments: argparse.Namespace) -> Row:
    """Run one method from one start, and return all that is known of it."""
    method, pair, span, seed = order
    pairs_case = case(pair, span, seed, work=arguments.work)
    row: Row = {**dict(zip(KEY, order, strict=True)), **_distance(pairs_case), "load_before": os.getloadavg()[0]}
    if method in (OURS, OURS_GIVEN):
        recipe = find_recipe(arguments.recipe or PAIRS[pair].recipe)
        if method == OURS_GIVEN:
            recipe = recipe.model_copy(update={"initialization": "given"})
        return {**row, "recipe": recipe.name, "commit": _commit(), **run_ours(pairs_case, recipe)}
    return {**row, **_run_apart(method, pair, pairs_case, arguments)}


def run_ours(pairs_case: Case, recipe: Recipe) -> Row:
    """Register in this process; its seconds are those of `register` alone.

    Returns
    -------
    dict
        "seconds", "cpu_s", the errors in millimetres ("mean_mm", "max_mm"), the matrix, and what the result says of
        itself: "state", "reasons", "measures", "initialization", "notes". Or the times and "error".
    """
    _warm_up(recipe)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        result = register(pairs_case.fixed, pairs_case.moving, recipe)
    except CoregError as error:
        return {**_times(wall, cpu), "error": f"{type(error).__name__}: {error}"}
    row = _times(wall, cpu)
    verdict = getattr(result, "verdict", None)
    said = {} if verdict is None else {"state": verdict.state, "reasons": verdict.reasons, "measures": verdict.measures}
    about = {"initialization": result.initialization, "notes": result.notes}
    return {**row, **_errors(pairs_case, result.transform), **said, **about}


def _times(wall: float, cpu: float) -> Row:
    return {"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def _run_apart(method: str, pair: str, pairs_case: Case, arguments: argparse.Namespace) -> Row:
    """Run a method in a fresh process, and return its figures and its errors."""
    remapped, threads, limit_s = PAIRS[pair].remapped, arguments.threads, arguments.limit
    images = (pairs_case.fixed, pairs_case.moving)
    if method == OURS_FRESH:
        recipe = arguments.recipe or PAIRS[pair].recipe
        figures = run_on_files("ours.py", sys.executable, recipe, *images, remapped, threads, limit_s)
    else:
        figures = run_on_files("linear_peers.py", arguments.peers, method, *images, remapped, threads, limit_s)
    row = {"seconds": figures.get("wall_s", figures["process_s"]), **figures}
    return row if "error" in row else {**row, **_errors(pairs_case, from_matrix(np.array(row["matrix"])))}


def run_on_files(
    script: str,
    interpreter: str,
    method: str,
    fixed: sitk.Image,
    moving: sitk.Image,
    remapped: bool,
    threads: int,
    limit_s: float,
) -> Row:
    """Run a method of a script in a fresh process, on files; "process_s" are the seconds of the whole process."""
    with scratch_folder() as scratch:
        for side, image in {"fixed": fixed, "moving": moving, "upright": sitk.DICOMOrient(fixed, "LPS")}.items():
            sitk.WriteImage(image, str(Path(scratch, f"{side}.nii")))
        began = time.perf_counter()
        figures = launch(script, interpreter, Trial(method, scratch, remapped, threads, None, scratch), limit_s)
        return {**figures, "process_s": time.perf_counter() - began}


def _errors(pairs_case: Case, transform: sitk.Transform) -> Row:
    errors = pairs_case.error_mm(transform)
    return {"mean_mm": float(errors.mean()), "max_mm": float(errors.max())}


def _distance(pairs_case: Case) -> Row:
    """Return how far the start is from the truth, as it lies."""
    return {"start_mm": float(pairs_case.error_mm(sitk.Transform(3, sitk.sitkIdentity)).mean())}


_warm: set[str] = set()


def _warm_up(recipe: Recipe) -> None:
    """Pay for imports and compiled kernels, on a small volume."""
    if recipe.name in _warm:
        return
    import_all()
    blob = sitk.GaussianSource(sitk.sitkFloat32, [48, 48, 48], [9, 7, 5], [23, 24, 25], 100.0)
    register(blob, sitk.ShiftScale(blob, 3.0), recipe)
    _warm.add(recipe.name)


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip()


def _print_row(row: Row) -> None:
    if "error" in row:
        outcome = f"FAILED ({row['error'][:150]})"
    else:
        mark = "" if row["mean_mm"] < RIGHT_MM else " WRONG"
        outcome = f"{row['mean_mm']:8.3f} mm{mark}"
    told = f"{row.get('state', '')} {row.get('initialization', '')} {'; '.join(row.get('reasons', ()))[:150]}"
    name = f"{row['pair']} {row['span']} {row['seed']}"
    print(
        f"{name:24} {row['method']:14} {row['start_mm']:6.1f} -> {outcome} {row['seconds']:6.1f} s  {told}", flush=True
    )


if __name__ == "__main__":
    main()
