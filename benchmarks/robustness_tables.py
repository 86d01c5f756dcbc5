"""The tables of `robustness.py`, as markdown: how often right, how fast, and what was said of right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

RIGHT_MM, WRONG_MM = 2.0, 5.0
STATES = ("good", "doubtful", "failed", "error", "none")
Row = dict[str, Any]


def print_tables(rows: list[Row]) -> None:
    """Print what `rows` come to: by pair and span for each method, and the verdicts."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    kinds = sorted({(row["pair"], row["span"]) for row in rows}, key=_order_in(rows).index)
    _table(
        "Right (mean error < 2 mm) of all starts",
        ["pair", "start", *methods],
        ([*kind, *(_share(_of(rows, kind, method)) for method in methods)] for kind in kinds),
    )
    _table(
        "Median seconds of a run: wall / CPU",
        ["pair", "start", *methods],
        ([*kind, *(_seconds(_of(rows, kind, method)) for method in methods)] for kind in kinds),
    )
    _table(
        "Where right: median / largest mean error, mm",
        ["pair", "start", *methods],
        ([*kind, *(_precision(_of(rows, kind, method)) for method in methods)] for kind in kinds),
    )
    for method in methods:
        said = [row for row in rows if row["method"] == method and ("state" in row or "initialization" in row)]
        if said:
            _print_verdicts(method, said, kinds)


def _print_verdicts(method: str, rows: list[Row], kinds: list[tuple[str, str]]) -> None:
    """Print how often right, nearly right and wrong results were called what."""
    states = [state for state in STATES if state in {_state(row) for row in rows}]
    titles = ["pair", "start", *(f"{name}: {'/'.join(states)}" for name in ("right", "2-5 mm", "wrong"))]
    lines = [([*kind], _of(rows, kind, method)) for kind in kinds]
    lines = [line for line in lines if line[1]] + [(["all", ""], rows)]
    _table(
        f"What {method} says of its results",
        titles,
        ([*name, *(_told(part, states) for part in _parted(of_kind))] for name, of_kind in lines),
    )
    right, _, wrong = _parted(rows)
    lies = [row for row in wrong if _state(row) == "good"]
    false_alarms = [row for row in right if _state(row) == "failed"]
    print(f"\nwrong (> 5 mm) called good: {len(lies)} of {len(wrong)}{_names(lies)}")
    print(f"right (< 2 mm) called failed: {len(false_alarms)} of {len(right)}{_names(false_alarms)}")


def _parted(rows: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """Return right, nearly right and wrong ones; one that gave no result is wrong."""
    errors = [row.get("mean_mm", np.inf) for row in rows]
    return (
        [row for row, error in zip(rows, errors, strict=True) if error < RIGHT_MM],
        [row for row, error in zip(rows, errors, strict=True) if RIGHT_MM <= error <= WRONG_MM],
        [row for row, error in zip(rows, errors, strict=True) if error > WRONG_MM],
    )


def _state(row: Row) -> str:
    return "error" if "error" in row else row.get("state", "none")


def _told(rows: list[Row], states: list[str]) -> str:
    return " / ".join(str(sum(_state(row) == state for row in rows)) for state in states)


def _names(rows: list[Row]) -> str:
    return "".join(f"\n- {row['pair']} {row['span']} {row['seed']}" for row in rows)


def _share(rows: list[Row]) -> str:
    return f"{len(_parted(rows)[0])} of {len(rows)}" if rows else "-"


def _seconds(rows: list[Row]) -> str:
    if not rows:
        return "-"
    wall = np.median([row["seconds"] for row in rows])
    cpu = [row["cpu_s"] for row in rows if "cpu_s" in row]
    return f"{wall:.1f} / {np.median(cpu):.1f}" if cpu else f"{wall:.1f} / -"


def _precision(rows: list[Row]) -> str:
    errors = [row["mean_mm"] for row in _parted(rows)[0]]
    return f"{np.median(errors):.2f} / {max(errors):.2f}" if errors else "-"


def _of(rows: list[Row], kind: tuple[str, str], method: str) -> list[Row]:
    return [row for row in rows if (row["pair"], row["span"]) == kind and row["method"] == method]


def _order_in(rows: list[Row]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["pair"], row["span"]) for row in rows))


def _table(title: str, titles: list[str], lines: Iterable[list[str]]) -> None:
    print(f"\n{title}:\n")
    print(f"| {' | '.join(titles)} |")
    print(f"|{' --- |' * len(titles)}")
    for line in lines:
        print(f"| {' | '.join(line)} |")
