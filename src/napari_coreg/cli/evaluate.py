"""The command evaluate: all that can be measured of a registration, against limits."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from napari_coreg.cli.quality_table import as_text
from napari_coreg.cli.subjects import checks_of, limits_of, subject_of
from napari_coreg.cli.terminal import cancel_on_interrupt, note, say
from napari_coreg.core.quality.assess import assess
from napari_coreg.io.atomic import require_folder_of
from napari_coreg.io.pictures import require_picture, save_overlay
from napari_coreg.io.quality_files import quality_json, write_quality_csv
from napari_coreg.io.quiet import quiet_itk

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

FAILED = 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return 3 where the registration fails its limits or the verdict."""
    if options.overlay is not None:
        require_picture(options.overlay)
    if options.csv is not None:
        require_folder_of(options.csv)
    limits, checks = limits_of(options), checks_of(options)
    with quiet_itk(), cancel_on_interrupt() as is_cancelled, telling(is_quiet=options.json) as on_step:
        subject = subject_of(options)
        quality = assess(subject, limits=limits, long_checks=checks, on_step=on_step, is_cancelled=is_cancelled).quality
        if options.csv is not None:
            write_quality_csv(quality, options.csv)
        if options.overlay is not None:
            save_overlay(options.overlay, subject.fixed, subject.moving, subject.transform)
    say(quality_json(quality).rstrip("\n") if options.json else as_text(quality))
    return FAILED if quality.state == "fail" else 0


@contextmanager
def telling(*, is_quiet: bool) -> Iterator[Callable[[str, float], None] | None]:
    """Give what tells the steps of an assessment on stderr: a bar on a terminal, else a line for each long check."""
    if is_quiet:
        yield None
        return
    if not sys.stderr.isatty():
        told: list[str] = []

        def tell(words: str, _fraction: float) -> None:
            if words.startswith("registering") and words not in told:
                told.append(words)
                note(words)

        yield tell
        return
    with tqdm(
        total=100, file=sys.stderr, leave=False, bar_format="{percentage:3.0f}% |{bar:16}| {elapsed} {desc}"
    ) as bar:

        def show(words: str, fraction: float) -> None:
            bar.set_description_str(words, refresh=False)
            bar.update(100 * fraction - bar.n)

        yield show
