"""How a registration was made, for a reader: the recipe in short, the run, and what repeats it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_coreg.errors import CoregError
from napari_coreg.io.again import command_line, notes_of, python_script
from napari_coreg.io.records import RECORD
from napari_coreg.io.report.words import NOTHING
from napari_coreg.io.strict_json import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_coreg.core.quality.record import Quality
    from napari_coreg.core.quality.subject import Subject

_NAMES = {"bspline": "B-spline", "lbfgs": "L-BFGS", "lbfgsb": "L-BFGS-B"}
_AUTOMATIC = "automatic (0)"


@dataclass(frozen=True)
class Made:
    """How the transform came about, as far as it is known.

    Attributes
    ----------
    title, description : str
        Of the recipe.
    settings : tuple of (str, str)
        What holds for all stages.
    stages : tuple of tuple of str
        Kind, metric, optimizer, levels and samples of each stage, in words.
    recipe_json : str
        The whole recipe; empty where none is known.
    run : tuple of (str, str)
        Seed, threads, time ...
    notes : tuple of str
        What the run and the check before it had to say.
    command, script : str
        What repeats the run; empty where that is not known.
    before_again : tuple of str
        What must be done before that.
    inputs : tuple of (str, str, str)
        Role, file and SHA-256 of all that was used.
    """

    title: str = ""
    description: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    stages: tuple[tuple[str, ...], ...] = ()
    recipe_json: str = ""
    run: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    command: str = ""
    script: str = ""
    before_again: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str, str], ...] = ()


def made_of(subject: Subject, quality: Quality) -> Made:
    """Return how the transform of a subject came about."""
    recipe = quality.recipe or (None if subject.recipe is None else subject.recipe.model_dump(mode="json"))
    record = _record(subject)
    run = dict(quality.run) if quality.run else {}
    notes = [*_texts(run.pop("notes", ())), *_findings((record or {}).get("findings", ()))]
    made = Made(
        run=tuple(
            (_spoken(key), _AUTOMATIC if (key, value) == ("threads", 0) else _told(value)) for key, value in run.items()
        ),
        notes=tuple(dict.fromkeys(notes)),
        inputs=_inputs(quality, record),
    )
    if recipe is None:
        return made
    command, script, before = _repeated(record, _folder(subject))
    return replace(
        made,
        title=str(recipe.get("title") or recipe.get("name", "")),
        description=str(recipe.get("description", "")),
        settings=_settings(recipe),
        stages=tuple(_stage(stage) for stage in recipe.get("stages", ())),
        recipe_json=_compact(to_json(recipe)),
        command=command,
        script=script,
        before_again=before,
    )


def _inputs(quality: Quality, record: Mapping[str, Any] | None) -> tuple[tuple[str, str, str], ...]:
    """Return role, file and SHA-256 of the volumes, of all that was used beside them, and of what only the run had."""
    volumes = (("fixed", quality.fixed), ("moving", quality.moving))
    found = {role: (volume.path or volume.name, volume.fingerprint) for role, volume in volumes}
    found |= {one.role: (one.path or one.name, one.fingerprint) for one in quality.inputs}
    for role, digest in (record or {}).get("fingerprints", {}).items():
        if found.get(role, ("", ""))[1] != digest:
            found[f"{role}, of the run"] = ("", str(digest))
    told = ((_spoken(role), *one) for role, one in found.items() if any(one))
    return tuple((role, file, digest.removeprefix("sha256:")) for role, file, digest in told)


def _compact(json: str) -> str:
    r"""Return JSON with each list of numbers on one line, so that a recipe fills one printed page, not three.

    Examples
    --------
    >>> print(_compact('{\n  "factors": [\n    4,\n    2.5\n  ]\n}'))
    {
      "factors": [4, 2.5]
    }
    """
    return re.sub(r"\[[\s\d.,e+-]+\]", lambda found: re.sub(r"\s+", "", found[0]).replace(",", ", "), json)


def _record(subject: Subject) -> dict[str, Any] | None:
    """Return the record of a subject's result, with where its volumes are if it does not tell that itself."""
    if subject.result is None:
        return None
    record = subject.result.to_record()
    known = {role: dict(subject.inputs[role]) for role in ("fixed", "moving") if role in subject.inputs}
    return {**record, "inputs": record.get("inputs") or known}


def _folder(subject: Subject) -> Path | None:
    """Return the folder of the result, where it has one."""
    path = Path(str(subject.inputs.get("transform", {}).get("path", "")))
    return path if (path / RECORD).is_file() else None


def _repeated(record: Mapping[str, Any] | None, folder: Path | None) -> tuple[str, str, tuple[str, ...]]:
    """Return the command line and the script that repeat a run, and what must be done before; nothing if not known."""
    if record is None:
        return "", "", ()
    try:
        return command_line(record, folder), python_script(record, folder), notes_of(record, folder)
    except CoregError:
        return "", "", ()


def _settings(recipe: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    before = recipe.get("preprocessing", {})
    low, high = before.get("clip_percentiles", (0.0, 100.0))
    done = [
        f"clipped to the percentiles {low:g} to {high:g}" if (low, high) != (0.0, 100.0) else "",
        "histogram equalized" if before.get("equalize_histogram") else "",
        f"smoothed by {before['smoothing_sigma_mm']:g} mm" if before.get("smoothing_sigma_mm") else "",
        "sampled in the foreground only" if before.get("foreground_only") else "",
    ]
    return (
        ("Name", str(recipe.get("name", ""))),
        ("Start", _spoken(str(recipe.get("initialization", "")))),
        ("Symmetric", "yes, both ways and half-way between" if recipe.get("symmetric") else "no"),
        ("Before it", ", ".join(filter(None, done)) or "volumes as they are"),
        ("References", "; ".join(_texts(recipe.get("references", ()))) or "none"),
    )


def _stage(stage: Mapping[str, Any]) -> tuple[str, ...]:
    """Return kind, metric, optimizer, levels and samples of a stage."""
    metric, optimizer, sampling = (stage.get(key, {}) for key in ("metric", "optimizer", "sampling"))
    pyramid, penalties = stage.get("pyramid", {}), stage.get("regularization", {})
    bins = metric.get("number_of_histogram_bins")
    levels = [f"shrunk {_list(pyramid.get('shrink_factors', ()))}"]
    if any(pyramid.get("smoothing_sigmas_mm", ())):
        levels.append(f"smoothed {_list(pyramid['smoothing_sigmas_mm'])} mm")
    if stage.get("grid_spacings_mm"):
        levels.append(f"control points {_list(stage['grid_spacings_mm'])} mm apart")
    weights = [f"{_spoken(key).lower()} {value:g}" for key, value in penalties.items() if value]
    kind = _spoken(str(stage.get("kind", "")))
    if stage.get("deformation"):
        kind += f", {_spoken(str(stage['deformation'])).lower()}"
    return (
        kind,
        _spoken(str(metric.get("kind", ""))) + (f", {bins} bins" if bins else ""),
        f"{_spoken(str(optimizer.get('kind', '')))}, at most {optimizer.get('number_of_iterations', '?')} iterations",
        "; ".join([*levels, *weights]),
        f"{_spoken(str(sampling.get('strategy', '')))}, {_list(sampling.get('percentages', ()))} %",
    )


def _findings(findings: Any) -> list[str]:
    return [f"{one.get('severity', 'note')}: {one.get('what', '')} ({one.get('value', '')})" for one in findings]


def _list(values: Any) -> str:
    return ", ".join(f"{value:g}" if isinstance(value, int | float) else str(value) for value in values)


def _texts(values: Any) -> list[str]:
    return [str(value) for value in values]


def _spoken(key: str) -> str:
    words = _NAMES.get(key, key.replace("_", " "))
    return words[:1].upper() + words[1:]


def _told(value: Any) -> str:
    """Return a value of a run in words."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "; ".join(map(_told, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_told(item)}" for key, item in value.items()) or "none"
    return str(value)
