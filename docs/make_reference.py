"""Writes docs/reference/ and the table of recipes in README.md from the source: ./dev docs.

With --check it only looks whether they are up to date.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from napari_coreg import load_preset, preset_names
from napari_coreg.cli.parser import make_parser
from napari_coreg.core import metrics, optimizers, stages
from napari_coreg.core import recipe as recipes
from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.refusals import refusals
from napari_coreg.io.result_schema import result_schema
from quality_pages import quality_page, schema_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- recipes, written by ./dev docs -->\n", "<!-- end of recipes -->\n"
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "{} or more", "max_length": "up to {}"}
UNIONS = {"stages": "list of [stages](#stages)", "metric": "[a metric](#metrics)", "optimizer": "[one](#optimizers)"}
WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text"}
RUNS = {
    "translation": {"kind": "translation"},
    "rigid": {"kind": "rigid"},
    "similarity": {"kind": "similarity"},
    "affine": {"kind": "affine"},
    "bspline (engine `coreg`)": {"kind": "bspline", "engine": "coreg"},
    "bspline (engine `simpleitk`)": {"kind": "bspline", "engine": "simpleitk"},
}
GENERATED = "<!-- Written by ./dev docs from the source; do not edit. -->\n\n"


def main() -> None:
    pages = {
        DOCS / "reference" / "recipes.md": recipes_page(),
        DOCS / "reference" / "command-line.md": command_line_page(),
        DOCS / "reference" / "quality.md": GENERATED + quality_page(),
        DOCS / "reference" / "quality.schema.json": schema_text(),
        DOCS / "reference" / "result.schema.json": json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n",
        README: with_recipes(README.read_text(encoding="utf-8")),
    }
    old = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date, run ./dev docs: {', '.join(map(str, old))}" if old else 0)
    for path in old:
        path.write_text(pages[path], encoding="utf-8")
        print(f"wrote {path}")


def with_recipes(readme: str) -> str:
    """Return the README's text with the table of recipes between its two marks."""
    head, rest = readme.split(BEGIN)
    return head + BEGIN + preset_table() + END + rest.split(END)[1]


def preset_table() -> str:
    presets = [load_preset(name) for name in preset_names()]
    rows = (
        (f"`{preset.name}`", preset.title, " → ".join(stage.kind for stage in preset.stages), preset.initialization)
        for preset in presets
    )
    return table(("recipe", "for", "stages", "start"), rows)


def recipes_page() -> str:
    models = (recipes.Recipe, recipes.Preprocessing)
    parts = (stages.Pyramid, stages.Sampling, stages.Regularization)
    text = [
        GENERATED,
        "# Recipes\n\nAll keys of a recipe, with what each may be and what it is when it is left out. Unknown keys are "
        "refused. How to write one: [Write a recipe](../how-to/write-a-recipe.md).\n\n",
        "## The recipes that ship\n\n",
        *(preset_section(name) for name in preset_names()),
        *(section(model, 2) for model in models),
        "## Stages\n\nEach has a `kind`, and these keys; a B-spline has more.\n\n",
        fields_table(stages.RigidStage),
        *(stage_section(stage) for stage in variants(stages.Stage)),
        defaults_of_simpleitk(),
        *(section(model, 3) for model in parts),
        "## Metrics\n\n",
        *(part_section("metric", model) for model in variants(metrics.Metric)),
        "## Optimizers\n\n",
        *(part_section("optimizer", model) for model in variants(optimizers.Optimizer)),
    ]
    return "".join(text).rstrip() + "\n"


def preset_section(name: str) -> str:
    preset = load_preset(name)
    references = "".join(f"- {reference}\n" for reference in preset.references)
    return f"### {name}\n\n{preset.title}. {preset.description}\n\n{references}\n"


def stage_section(stage: type[FrozenModel]) -> str:
    shared = {name: field.default for name, field in stages.RigidStage.model_fields.items() if name != "kind"}
    own = {name: field for name, field in stage.model_fields.items() if shared.get(name) != field.default}
    rows = fields_table(stage, own) if set(own) != {"kind"} else ""
    return f"### {kind_of(stage)}\n\n{about(stage)}\n\n{rows}"


def defaults_of_simpleitk() -> str:
    stage = stages.BSplineStage(engine="simpleitk")
    values = {name: getattr(stage, name) for name in stages.BSplineStage.model_fields if name != "engine"}
    rows = (
        (f"`{name}`", value_in_words(value))
        for name, value in values.items()
        if value != stages.BSplineStage.model_fields[name].default
    )
    return "With `engine` `simpleitk`, what is left out is:\n\n" + table(("key", "default"), rows) + "\n"


def section(model: type[FrozenModel], depth: int) -> str:
    return f"{'#' * depth} {model.__name__}\n\n{about(model)}\n\n{fields_table(model)}"


def part_section(field: str, model: type[FrozenModel]) -> str:
    """Return the section of a metric or an optimizer, with the stages that can have it."""
    kind = kind_of(model)
    runs = [
        name
        for name, run in RUNS.items()
        if not any(refusal.field == field and kind in refusal.values for refusal in refusals(**run))
    ]
    stages_of_it = "all stages" if len(runs) == len(RUNS) else ", ".join(runs)
    return f"### {kind}\n\n{about(model)}\n\nFor {stages_of_it}.\n\n{fields_table(model)}"


def about(model: type[FrozenModel]) -> str:
    """Return a model's docstring up to its first section."""
    return inspect.getdoc(model).partition("\n\nExamples\n")[0]


def kind_of(model: type[FrozenModel]) -> str:
    return model.model_fields["kind"].default if "kind" in model.model_fields else ""


def fields_table(model: type[FrozenModel], fields: dict[str, FieldInfo] | None = None) -> str:
    fields = model.model_fields if fields is None else fields
    rows = [
        (f"`{name}`", UNIONS.get(name) or kind_in_words(field), default_in_words(field), field.description or "")
        for name, field in fields.items()
        if name != "kind"
    ]
    return table(("key", "is", "default", "what it does"), rows) + "\n" if rows else "No settings.\n\n"


def kind_in_words(field: FieldInfo) -> str:
    return " ".join([type_in_words(field.annotation), *filter(None, [bounds_in_words(field.metadata)])])


def type_in_words(kind: Any) -> str:
    arguments = get_args(kind)
    if get_origin(kind) is Annotated:
        bounds = bounds_in_words(item for extra in arguments[1:] for item in getattr(extra, "metadata", [extra]))
        return " ".join([type_in_words(arguments[0]), *filter(None, [bounds])])
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if get_origin(kind) is tuple and arguments[-1] is Ellipsis:
        return f"list of: {type_in_words(arguments[0])}"
    if get_origin(kind) is tuple:
        return f"{len(arguments)} of: {type_in_words(arguments[0])}"
    return WORDS.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"


def bounds_in_words(metadata: Iterable[Any]) -> str:
    said = [
        words.format(f"{getattr(item, name):,}")
        for item in metadata
        for name, words in BOUNDS.items()
        if getattr(item, name, None) is not None
    ]
    return f"({', '.join(said)})" if said else ""


def default_in_words(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    return value_in_words(field.default)


def value_in_words(value: Any) -> str:
    """Return a value as JSON; of a model, its kind and what is not its default."""
    if not isinstance(value, FrozenModel):
        return f"`{json.dumps(value)}`"
    changed = value.model_dump(mode="json", exclude_defaults=True)
    if not changed:
        return f"`{kind_of(type(value))}`" if kind_of(type(value)) else "as below"
    kind = {"kind": kind_of(type(value))} if kind_of(type(value)) else {}
    return f"`{json.dumps({**kind, **changed})}`"


def variants(union: Any) -> tuple[type[FrozenModel], ...]:
    """Return the models of an annotated union, however it is nested."""
    arguments = get_args(union)
    if not arguments:
        return (union,)
    inner = arguments[:1] if get_origin(union) is Annotated else arguments
    return tuple(model for part in inner for model in variants(part))


def command_line_page() -> str:
    os.environ["COLUMNS"] = "100"
    parser = make_parser()
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    text = [
        GENERATED,
        "# Command line\n\nWhat `--help` says. Worked examples: [Use the command line](../how-to/command-line.md).\n\n",
        help_section("napari-coreg", parser),
        *(help_section(f"napari-coreg {name}", command) for name, command in commands.choices.items()),
    ]
    return "".join(text).rstrip() + "\n"


def help_section(title: str, parser: argparse.ArgumentParser) -> str:
    return f"## {title}\n\n```text\n{parser.format_help()}```\n\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
