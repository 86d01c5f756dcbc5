"""The words that say what is judged, as `evaluate` and `report` share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.io.quality_files import read_limits
from napari_coreg.io.subjects import read_subject

if TYPE_CHECKING:
    import argparse

    from napari_coreg.core.quality.long_checks import LongCheck
    from napari_coreg.core.quality.subject import Subject

_PATHS = (
    "fixed_mask",
    "moving_mask",
    "fixed_labels",
    "moving_labels",
    "label_names",
    "fixed_points",
    "moving_points",
    "backward",
    "to_third",
    "from_third",
)


def subject_of(options: argparse.Namespace) -> Subject:
    """Read what the words name; a single one is the folder of a result."""
    if options.transform is None and options.moving is None:
        options.transform, options.fixed = options.fixed, None
    return read_subject(
        options.fixed,
        options.moving,
        options.transform,
        fixed_volume=options.fixed_volume,
        moving_volume=options.moving_volume,
        **{name: getattr(options, name) for name in _PATHS},
    )


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits of a file that is named, else the default ones."""
    return DEFAULT_LIMITS if options.limits is None else read_limits(options.limits)


def checks_of(options: argparse.Namespace) -> tuple[LongCheck, ...]:
    """Return the long checks that are asked for, once each."""
    return tuple(dict.fromkeys(check.replace("-", "_") for check in options.check))
