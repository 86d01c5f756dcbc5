"""The deformable race: this project's recipes and other packages on the same pairs, one after the other.

    python benchmarks/deformable.py [--peers PYTHON] [--seeds 3] [--methods bspline elastix-tuned ...] [--work DIR]
    python benchmarks/deformable.py --pair brain --peers PYTHON

Known truth (the default): a 1 mm head bent by a smooth field of 10 mm, in the same and in another contrast. Brains: two
people's, with labels. Every registration is a fresh process. Its time starts after imports and includes reading the
files. PYTHON is an interpreter in which the other packages are installed (README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ours import OURS
from pairs import Pair, brain_pair, known_pair, scores, start_field
from peers import PEERS
from trial import Trial, launch, scratch_folder

KNOWN_METHODS = ("bspline", "fast-bspline", *[name for name in PEERS if not name.endswith("-mask")])
BRAIN_METHODS = ("brain-to-atlas", *PEERS)
START = "(start)"
Row = dict[str, Any]

# What a column is called, which figure it shows, how, and how it is taken over the seeds.
COST = (
    ("wall s", "wall_s", "{:.1f}", np.median),
    ("CPU s", "cpu_s", "{:.1f}", np.median),
    ("peak MB", "peak_mb", "{:.0f}", np.max),
)
SHAPE = (("min J", "jacobian_min", "{:.2f}", np.min), ("folded %", "folded_percent", "{:.3f}", np.max))
KNOWN_COLUMNS = (
    *COST,
    ("mean mm", "mean_mm", "{:.3f}", np.mean),
    ("p95 mm", "p95_mm", "{:.2f}", np.mean),
    ("max mm", "max_mm", "{:.2f}", np.max),
    *SHAPE,
)
BRAIN_COLUMNS = (*COST, ("Dice", "dice", "{:.3f}", np.mean), *SHAPE)


def main() -> None:
    arguments = _arguments()
    work = Path(arguments.work).resolve()
    is_brain = arguments.pair == "brain"
    methods = _chosen(arguments, BRAIN_METHODS if is_brain else KNOWN_METHODS)
    pairs = [brain_pair(work)] if is_brain else _known_pairs(arguments, work)
    record = {"machine": _machine(arguments), "runs": (rows := [])}
    target = Path(arguments.json or work / f"{arguments.pair}.json")
    for pair in pairs:
        rows.append(_row(START, pair, scores(pair, start_field(pair))))
        for method in methods:
            rows.append(_row(method, pair, _measure(method, pair, arguments)))
            _write(record, target)
    for name in dict.fromkeys(pair.name for pair in pairs):
        of_name = [row for row in rows if row["pair"] == name]
        _print_table(name, of_name, BRAIN_COLUMNS if is_brain else KNOWN_COLUMNS)
        _print_ratios(of_name, "dice" if is_brain else "mean_mm")
    print(f"\nall figures: {target}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="interpreter with the other packages; without it only ours are run")
    parser.add_argument("--pair", choices=("known", "brain"), default="known")
    parser.add_argument("--head", default="colin27", help="of the known pairs")
    parser.add_argument("--seeds", type=int, default=3, help="known pairs of each contrast")
    parser.add_argument("--contrasts", nargs="+", choices=("same", "remapped"), default=("same", "remapped"))
    parser.add_argument("--methods", nargs="+", choices=sorted({*OURS, *PEERS}), help="all if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", default=str(Path(tempfile.gettempdir(), "coreg-benchmarks")), help="keeps the pairs")
    parser.add_argument("--json", help="where to write all figures; into the work folder if not given")
    arguments = parser.parse_args()
    arguments.peers = arguments.peers and str(Path(arguments.peers).absolute())  # a link to it is what makes it a venv
    return arguments


def _chosen(arguments: argparse.Namespace, usual: tuple[str, ...]) -> list[str]:
    chosen = list(arguments.methods or usual)
    left_out = [name for name in chosen if name in PEERS and not arguments.peers]
    if left_out:
        print(f"without --peers these are left out: {', '.join(left_out)}")
    return [name for name in chosen if name not in left_out]


def _known_pairs(arguments: argparse.Namespace, work: Path) -> list[Pair]:
    return [
        known_pair(work, arguments.head, seed, remapped=contrast == "remapped")
        for contrast in arguments.contrasts
        for seed in range(arguments.seeds)
    ]


def _measure(method: str, pair: Pair, arguments: argparse.Namespace) -> Row:
    """Run one method on one pair, and return its figures or its error.

    A run that had to compile kernels is not counted but repeated: those of the others were compiled before, too.
    """
    row = _run(method, pair, arguments)
    if row.get("compile_s"):
        print(f"{method}: {row['compile_s']:.1f} s to compile kernels, once on this machine; that run is not counted")
        row = _run(method, pair, arguments)
    return row


def _run(method: str, pair: Pair, arguments: argparse.Namespace) -> Row:
    script, interpreter = ("ours.py", sys.executable) if method in OURS else ("peers.py", arguments.peers)
    with scratch_folder() as scratch:
        load = os.getloadavg()[0]
        trial = Trial(method, str(pair.folder), pair.remapped, arguments.threads, pair.affine, scratch)
        figures = launch(script, interpreter, trial)
        if "error" not in figures:
            figures |= scores(pair, sitk.ReadImage(figures.pop("field")))
    return {**figures, "load_before": load}


def _row(method: str, pair: Pair, figures: Row) -> Row:
    """Return and print the figures of one run."""
    values = {name: round(value, 4) for name, value in figures.items() if name != "error"}
    shown = figures.get("error") or "  ".join(f"{name} {value:g}" for name, value in values.items())
    print(f"{pair.name} {pair.seed}  {method:18} {shown}", flush=True)
    return {"method": method, "pair": pair.name, "seed": pair.seed, **figures}


def _print_table(name: str, rows: list[Row], columns: tuple[Any, ...]) -> None:
    """Print a line per method: medians of times, means of errors, the worst of the rest."""
    seeds = len({row["seed"] for row in rows})
    print(f"\n{name} ({seeds} pairs)\n{'':19}" + "".join(f"{title:>10}" for title, *_ in columns))
    for method in dict.fromkeys(row["method"] for row in rows):
        good = _good(rows, method)
        failed = "" if len(good) == seeds else f"   failed on {seeds - len(good)}"
        cells = [
            form.format(combine([row[key] for row in good])) if good and key in good[0] else "-"
            for _, key, form, combine in columns
        ]
        print(f"{method:19}" + "".join(f"{cell:>10}" for cell in cells) + failed)


def _print_ratios(rows: list[Row], score: str) -> None:
    """Print each of ours beside the most exact and beside the fastest of the others; the best of all seeds only."""
    seeds = len({row["seed"] for row in rows})
    whole = [name for name in dict.fromkeys(row["method"] for row in rows) if len(_good(rows, name)) == seeds]
    peers = [name for name in whole if name in PEERS]
    if not peers:
        return
    quality = {name: float(np.mean([row[score] for row in _good(rows, name)])) for name in whole}
    seconds = {name: float(np.median([row["wall_s"] for row in _good(rows, name)])) for name in whole if name != START}
    best = max(peers, key=quality.__getitem__) if score == "dice" else min(peers, key=quality.__getitem__)
    fastest = min(peers, key=seconds.__getitem__)
    ranks = {best: "the most exact", fastest: "the fastest"} if best != fastest else {best: "most exact and fastest"}
    for name in (name for name in whole if name in OURS):
        for peer, rank in ranks.items():
            print(
                f"{name} / {peer}, {rank} of the others: {score} {quality[name] / quality[peer]:.3f} "
                f"({quality[name]:.3f} / {quality[peer]:.3f}), wall time {seconds[name] / seconds[peer]:.3f} "
                f"({seconds[name]:.1f} / {seconds[peer]:.1f} s)"
            )


def _good(rows: list[Row], method: str) -> list[Row]:
    return [row for row in rows if row["method"] == method and "error" not in row]


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures depend on beside the methods."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": arguments.threads,
        "ours": _packages(sys.executable),
        "peers": _packages(arguments.peers) if arguments.peers else {},
    }


def _packages(interpreter: str) -> dict[str, str]:
    code = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return json.loads(subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True).stdout)


def _write(record: dict[str, Any], target: Path) -> None:
    """Write what there is so far, so that a run that is stopped leaves its figures."""
    new = target.with_suffix(".part")
    new.write_text(json.dumps(record, indent=1))
    new.replace(target)


if __name__ == "__main__":
    main()
