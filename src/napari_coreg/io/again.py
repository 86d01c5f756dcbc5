"""A registration's record as what repeats it: a Python script, a command line, a recipe file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING, Any

from napari_coreg.core.presets import load_preset, preset_names
from napari_coreg.core.recipe import Recipe
from napari_coreg.core.settings import changed_settings
from napari_coreg.errors import RecipeError
from napari_coreg.io.atomic import replacing
from napari_coreg.io.places import places_of
from napari_coreg.io.recorded_inputs import roles_of, said
from napari_coreg.io.records import INITIAL, RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping

AGAIN = "again"
_MOST_SETTINGS = 6  # that a command line takes; more are better read in a file


def recipe_json(record: Mapping[str, Any]) -> str:
    """Return the recipe that was run as the text of a recipe file.

    Parameters
    ----------
    record : mapping
        As `RegistrationResult.to_record` gives it, or `load_record` of a result folder.
    """
    return _recipe(record).to_json()


def write_recipe(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe as a file that `Recipe.from_file` reads; it appears whole or not at all.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    with replacing(Path(path).expanduser()) as temporary:
        temporary.write_text(recipe.to_json(), encoding="utf-8")


def python_script(record: Mapping[str, Any], folder: str | Path | None = None) -> str:
    """Return a Python script that makes the result again and saves it in a new folder, "again".

    Parameters
    ----------
    record : mapping
        As `RegistrationResult.to_record` gives it, or `load_record` of a result folder.
    folder : str or Path, optional
        The folder of the result, where it was saved; without it a deformable start has no file.

    Returns
    -------
    str
        It runs as it is where `notes_of` has nothing to say.
    """
    recipe, place = _recipe(record), _folder(folder)
    preset = recipe.name in preset_names() and load_preset(recipe.name) == recipe
    start, start_imports = _start_lines(record, place)
    roles = roles_of(record)
    names = ["read_volume", "register", *start_imports, *([] if preset else ["Recipe"])]
    volumes = [f"{role} = {_reading(record, role, place)}" for role in roles]
    given = [f"{role}={role}.image" for role in roles[2:]] + (["initial_transform=start"] if start else [])
    origins = ", ".join(f'"{role}": {role}.origin()' for role in roles)
    call = [
        "fixed.image",
        "moving.image",
        _quoted(recipe.name) if preset else "recipe",
        *given,
        f"threads={record.get('threads', 0)}",
        *(["check_swap=True"] if record.get("check_swap") else []),
        f"inputs={{{origins}}}",
    ]
    lines = [
        f'"""Registers {_name(record, "moving")} to {_name(record, "fixed")} again."""'.replace("\\", "/"),
        "",
        *[f"# {note}" for note in notes_of(record, place)],
        *(["import SimpleITK as sitk", ""] if any("sitk." in line for line in start) else []),
        f"from napari_coreg import {', '.join(sorted(names))}",
        "",
        *volumes,
        *start,
        *([] if preset else [f"recipe = Recipe.model_validate(\n{_indented(recipe.model_dump(mode='json'))}\n)"]),
        "result = register(\n" + "".join(f"    {argument},\n" for argument in call) + ")",
        "print(result.verdict.state, *result.verdict.reasons)",
        f'result.save("{AGAIN}")',
    ]
    return "\n".join(lines) + "\n"


def command_line(record: Mapping[str, Any], folder: str | Path | None = None) -> str:
    """Return a line for a POSIX shell that makes the result again and saves it in a new folder, "again".

    Parameters
    ----------
    record : mapping
        As `RegistrationResult.to_record` gives it, or `load_record` of a result folder.
    folder : str or Path, optional
        The folder of the result, where it was saved: recipe and start are taken from there. Without it, the line names
        a file for what no option can say, as `notes_of` tells.
    """
    place, roles = _folder(folder), roles_of(record)
    if place is not None and any(_count(record, role) > 1 for role in roles[2:]):
        return shlex.join(["napari-coreg", "rerun", str(place), "-o", AGAIN])  # register has no word for such a mask
    words = ["napari-coreg", "register", *(_path(record, role, place) for role in roles[:2]), "-o", AGAIN]
    words += _recipe_words(record, place)
    for role in roles[:2]:
        if _count(record, role) > 1:
            words += [f"--{role}-volume", str(_origin(record, role).get("number", 0))]
    for role in roles[2:]:
        words += [f"--{role.replace('_', '-')}", _path(record, role, place)]
    if record.get("initial_transform") is not None:
        words += ["--initial", _start_path(record, place)]
    if record.get("check_swap"):
        words.append("--check-swap")
    if record.get("threads"):
        words += ["--threads", str(record["threads"])]
    if any(_origin(record, role).get("upright") for role in roles):
        words.append("--upright")
    return shlex.join(words)


def notes_of(record: Mapping[str, Any], folder: str | Path | None = None) -> tuple[str, ...]:
    """Return what must be done before script and line run, and what they cannot repeat; one sentence each."""
    place, notes = _folder(folder), []
    for role in roles_of(record):
        origin = _origin(record, role)
        if origin.get("path") is None:
            where = "was a layer that is in no file" if "layer" in origin else "was given as an image, of no known file"
            notes.append(f"The {said(role)} {where}: save it as {_path(record, role, place)} first.")
    start, is_saved = record.get("initial_transform"), place is not None and (place / INITIAL).exists()
    if start is not None and not is_saved:
        notes.append(f"The run began from a transform: it must be in {_start_path(record, place)}.")
    if place is None and not _preset_words(record):
        notes.append("The recipe must be saved as recipe.json for the command line.")
    if record.get("ended_early"):
        notes.append(f"The run was ended before its time ({record['ended_early']}): it cannot be repeated exactly.")
    return tuple(notes)


def _recipe(record: Mapping[str, Any]) -> Recipe:
    return Recipe.from_mapping(record["recipe"], "the recipe of the record")


def _folder(folder: str | Path | None) -> Path | None:
    return None if folder is None else Path(folder).expanduser().absolute()


def _origin(record: Mapping[str, Any], role: str) -> Mapping[str, Any]:
    origin: Mapping[str, Any] = record.get("inputs", {}).get(role, {})
    return origin


def _count(record: Mapping[str, Any], role: str) -> int:
    return int(_origin(record, role).get("count") or 1)


def _name(record: Mapping[str, Any], role: str) -> str:
    name = str(_origin(record, role).get("name") or f"the {role} volume")
    return " ".join(name.replace('"', "'").split())


def _path(record: Mapping[str, Any], role: str, place: Path | None) -> str:
    """Return where a volume is, or a name for what is in no file yet."""
    origin = _origin(record, role)
    places = places_of(origin.get("path"), origin.get("relative_path"), place)
    if not places:
        return f"{role}.nii.gz"
    return str(next((path for path in places if path.exists()), places[0]))


def _reading(record: Mapping[str, Any], role: str, place: Path | None) -> str:
    which = f", {_origin(record, role).get('number', 0)}" if _count(record, role) > 1 else ""
    named = f"  # {_name(record, role)}" if which else ""
    upright = ".upright()" if _origin(record, role).get("upright") else ""
    return f"read_volume({_quoted(_path(record, role, place))}{which}){upright}{named}"


def _start_path(record: Mapping[str, Any], place: Path | None) -> str:
    """Return the file of the start: of the result folder, else where it was read from, else a name for it."""
    if place is not None and (place / INITIAL).exists():
        return str(place / INITIAL)
    return str(_origin(record, "initial_transform").get("path") or INITIAL)


def _start_lines(record: Mapping[str, Any], place: Path | None) -> tuple[list[str], list[str]]:
    """Return the lines that make the transform where the run began, and what they need to be imported."""
    start = record.get("initial_transform")
    if start is None:
        return [], []
    parts = start.get("parts")
    if parts is None or len(parts) != 1 or (place is not None and (place / INITIAL).exists()):
        return [f"start = read_transform({_quoted(_start_path(record, place))})"], ["read_transform"]
    kind, n = parts[0]["kind"], parts[0]["dimension"]
    argument = n if kind in ("AffineTransform", "TranslationTransform", "ScaleTransform") else ""
    make = f"sitk.Transform({n}, sitk.sitkIdentity)" if kind == "IdentityTransform" else f"sitk.{kind}({argument})"
    lines = [f"start = {make}"]
    for setter, values in (("SetFixedParameters", "fixed_parameters"), ("SetParameters", "parameters")):
        if parts[0][values]:
            lines.append(f"start.{setter}({parts[0][values]!r})")
    return lines, []


def _recipe_words(record: Mapping[str, Any], place: Path | None) -> list[str]:
    if place is not None:
        return ["--recipe", str(place / RECORD)]
    return _preset_words(record) or ["--recipe", "recipe.json"]


def _preset_words(record: Mapping[str, Any]) -> list[str]:
    """Return the words that make the recipe of a preset; empty where that takes many."""
    recipe = _recipe(record)
    try:
        settings = changed_settings(load_preset(recipe.name), recipe)
    except RecipeError:
        return []
    if len(settings) > _MOST_SETTINGS:
        return []
    words = ["--recipe", recipe.name]
    for path, value in settings.items():
        words += ["--set", f"{path}={json.dumps(value)}"]
    return words


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _indented(values: Any) -> str:
    text = pformat(values, width=100, sort_dicts=False)
    return "\n".join(f"    {line}" for line in text.splitlines())
