"""The command report: all that can be measured of a registration, as one HTML file to hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.cli.evaluate import FAILED, telling
from napari_coreg.cli.subjects import checks_of, limits_of, subject_of
from napari_coreg.cli.terminal import cancel_on_interrupt, say
from napari_coreg.core.quality.assess import assess
from napari_coreg.io.atomic import require_folder_of
from napari_coreg.io.quality_files import write_quality_csv, write_quality_json
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.report import require_report, write_report

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Run the command, and return 3 where the registration fails its limits or the verdict."""
    require_report(options.output)
    for path in (options.json, options.csv):
        if path is not None:
            require_folder_of(path)
    limits, checks = limits_of(options), checks_of(options)
    with quiet_itk(), cancel_on_interrupt() as is_cancelled, telling(is_quiet=options.quiet) as on_step:
        subject = subject_of(options)
        assessment = assess(subject, limits=limits, long_checks=checks, on_step=on_step, is_cancelled=is_cancelled)
        quality = assessment.quality
        written = [write_report(options.output, subject, assessment, signed_by=options.signed_by)]
        if options.json is not None:
            written.append(write_quality_json(quality, options.json))
        if options.csv is not None:
            written.append(write_quality_csv(quality, options.csv))
    if not options.quiet:
        for line in quality.headline:
            say(line)
        say(f"written to {', '.join(map(str, written))}")
    return FAILED if quality.state == "fail" else 0
