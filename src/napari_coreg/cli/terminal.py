"""What a command says: results on stdout; notes, progress and errors on stderr; and Ctrl-C as a request to stop."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from napari_coreg.io.strict_json import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from napari_coreg.core.progress import Progress
    from napari_coreg.io.loaded import LoadedVolume


def say(text: str) -> None:
    """Write a line of the result to stdout."""
    print(text)


def say_json(value: Any) -> None:
    """Write plain data to stdout as one JSON value."""
    print(to_json(value), end="")


def note(text: str) -> None:
    """Tell something on stderr, above a progress bar if there is one."""
    tqdm.write(text, file=sys.stderr)


def note_volume(role: str, volume: LoadedVolume) -> None:
    """Tell on stderr what a reader had to say about a volume."""
    for text in volume.notes:
        note(f"{role} ({volume.name}): {text}")


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows of words as lines of aligned columns, numbers to the right.

    Examples
    --------
    >>> print(table([("", "before"), ("Dice", "0.5")]))
          before
    Dice     0.5
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)] for row in rows]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *cells]).rstrip() for row, cells in zip(rows, lines, strict=True)
    )


@contextmanager
def cancel_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a callable that is True once Ctrl-C was pressed; a second Ctrl-C ends the process at once."""
    asked = threading.Event()

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


class Teller:
    """Tells the progress of a run: a bar on a terminal, else one line per level.

    Attributes
    ----------
    told : set of str
        The notes that were told so far.
    """

    def __init__(self) -> None:
        self.told: set[str] = set()
        self._bar: tqdm[Any] | None = None
        self._last: Progress | None = None

    def __enter__(self) -> Teller:
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=100, file=sys.stderr, leave=False, bar_format="{percentage:3.0f}% |{bar:16}| {elapsed} {desc}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._last is not None:
            note(_words(self._last))

    def __call__(self, progress: Progress) -> None:
        """Take the progress of one iteration."""
        if self._bar is not None:
            self._bar.set_description_str(_words(progress), refresh=False)
            self._bar.update(100 * progress.fraction - self._bar.n)
        elif self._last is not None and _level(self._last) != _level(progress):
            note(_words(self._last))
        if progress.message and progress.message not in self.told:
            self.told.add(progress.message)
            note(f"note: {progress.message}")
        self._last = None if progress.stage_kind == "preparation" else progress  # which was a note already


def _level(progress: Progress) -> tuple[str, int, int]:
    return progress.stage_kind, progress.stage, progress.level if progress.stage >= 0 else 0


def _words(progress: Progress) -> str:
    if progress.stage_kind == "preparation":
        return progress.message
    if progress.stage < 0:
        what = "search of the start" if progress.stage_kind == "search" else "check of the result"
        part = f"part {progress.level + 1}/{progress.number_of_levels}"
        return f"{what}, {part}, best score {-progress.metric_value:.3f}"
    stage = f" (stage {progress.stage + 1}/{progress.number_of_stages})" if progress.number_of_stages > 1 else ""
    return (
        f"{progress.stage_kind}{stage}, level {progress.level + 1}/{progress.number_of_levels}, "
        f"iteration {progress.iteration}, metric {progress.metric_value:.5f}"
    )
