"""Writes the report of a registration as one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_coreg.core.quality.subject import Assessment, Subject


def write_report(path: str | Path, subject: Subject, assessment: Assessment, *, signed_by: Sequence[str] = ()) -> Path:
    """Write the report of a registration as one HTML file that needs nothing else: no network, no script.

    Parameters
    ----------
    path : str or Path
        Ends in .html or .htm; the file appears whole or not at all.
    subject : Subject
        What was judged: its volumes and labels are drawn.
    assessment : Assessment
        What came of it.
    signed_by : sequence of str
        Names for the signature lines, in their order: made by, checked by, approved by; the other lines stay empty.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        If the name has another suffix, or the file cannot be written.
    """
    raise NotImplementedError
