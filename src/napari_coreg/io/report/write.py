"""Writes the report of a registration as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

import napari_coreg
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import CoregError, FileError
from napari_coreg.io.atomic import full_suffix, replacing, require_folder_of
from napari_coreg.io.report.pictures import check_groups, deformation_groups, overlay_groups
from napari_coreg.io.report.provenance import made_of
from napari_coreg.io.report.tables import counts_of, explained, groups_of, name_of
from napari_coreg.io.report.words import (
    NOTHING,
    SIGNS,
    WORDS,
    limit_words,
    names_of,
    number,
    plain,
    sentence,
    volume_facts,
    without_state,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_coreg.core.quality.record import Quality
    from napari_coreg.core.quality.subject import Assessment, Subject

SUFFIXES = (".html", ".htm")
_PLAIN = {"python": "Python", "platform": "Platform", "date": "Date"}
SIGNERS = ("Made by", "Checked by", "Approved by")


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
    CoregError
        If there are more names than signature lines.
    FileError
        If the name has another suffix, or the file cannot be written.
    """
    path = Path(path).expanduser()
    require_report(path)
    if len(signed_by) > len(SIGNERS):
        raise CoregError(f"the report has {len(SIGNERS)} signature lines, but {len(signed_by)} names were given")
    page = _environment().get_template("report.html").render(_content(subject, assessment, signed_by))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def require_report(path: str | Path) -> None:
    """Refuse, before long work, a name that no report can be written to.

    Raises
    ------
    FileError
        If it does not end in .html or .htm, or lies in a folder that does not exist.
    """
    path = Path(path).expanduser()
    if full_suffix(path) not in SUFFIXES:
        raise FileError(
            f"{path}: a report is written as .html; give a name that ends in it, and print it to PDF from a browser"
        )
    require_folder_of(path)


def _content(subject: Subject, assessment: Assessment, signed_by: Sequence[str]) -> dict[str, Any]:
    """Return all that the template shows."""
    quality = assessment.quality
    signers = [*signed_by, *[""] * (len(SIGNERS) - len(signed_by))]
    return {
        "quality": quality,
        "names": names_of(quality.fixed, quality.moving),
        "when": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "version": napari_coreg.__version__,
        "counts": counts_of(quality.rows),
        "volumes": _side_by_side(quality),
        "matrix": _matrix(subject),
        "overlays": overlay_groups(subject),
        "deformations": deformation_groups(subject, assessment),
        "checks": check_groups(subject, assessment),
        "groups": groups_of(quality),
        "limits": [
            (name_of(limit), limit_words(limit.good, limit.bad, limit.best), limit) for limit in quality.limits.limits
        ],
        "explained": explained(quality),
        "made": made_of(subject, quality),
        "environment": [(_PLAIN.get(name, name), value) for name, value in quality.environment.items()],
        "signatures": list(zip(SIGNERS, signers, strict=True)),
    }


def _side_by_side(quality: Quality) -> list[tuple[str, str, str]]:
    fixed, moving = volume_facts(quality.fixed), volume_facts(quality.moving)
    return [(name, fixed[name] or NOTHING, moving[name] or NOTHING) for name in fixed if fixed[name] or moving[name]]


def _matrix(subject: Subject) -> list[list[str]]:
    """Return the matrix of a linear transform, row by row; nothing for others."""
    if not is_linear(subject.transform):
        return []
    return [[f"{value + 0.0:.6f}" for value in row] for row in to_matrix(subject.transform).tolist()]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("napari_coreg.io.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        plain=plain,
        css_string=_css_string,
        sentence=sentence,
        without_state=without_state,
        begun=lambda text: text[:1].upper() + text[1:],
    )
    environment.globals.update(signs=SIGNS, words=WORDS)
    return environment


def _css_string(text: str) -> str:
    r"""Return a text as it may stand between quotes in a style sheet: nothing in it can end the string or the sheet.

    Examples
    --------
    >>> print(_css_string('a"</style>'))
    a\000022\00003c\00002fstyle\00003e
    """
    return "".join(letter if letter.isalnum() or letter in " ._-" else f"\\{ord(letter):06x}" for letter in text)
