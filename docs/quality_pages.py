"""The page of all measures and limits, and the schema of quality, for make_reference.py."""

from __future__ import annotations

import json

from napari_coreg.core.quality.catalogue import CATALOGUE, GROUPS, Measure
from napari_coreg.core.quality.headline import number
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limit
from napari_coreg.io.quality_files import quality_schema

INTRODUCTION = """# Measures

Everything that a registration is judged by: how each number is computed, what it tells, and what it cannot tell.
*Fixed points* p are mapped to moving points by the transform T (LPS, mm); "before" is with the volumes as their headers
place them. How to get these numbers: [Evaluate a registration](../how-to/evaluate-a-registration.md), [Judge a
result](../how-to/judge-a-result.md). Their JSON is by [a schema](quality.schema.json).

"""


def quality_page() -> str:
    """Return the page of all measures."""
    text = [INTRODUCTION, "## Limits\n\n", limits_section()]
    for group in GROUPS:
        measures = [measure for measure in CATALOGUE.values() if measure.group == group]
        text += [f"## {group}\n\n", *sections(measures)]
    return "".join(text).rstrip() + "\n"


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(quality_schema(), indent=2, ensure_ascii=False) + "\n"


def limits_section() -> str:
    lines = ["| measure | passes | fails | at least | source |\n| --- | --- | --- | --- | --- |\n"]
    lines += [limit_line(limit) for limit in DEFAULT_LIMITS.limits]
    return (
        "The default ones. Between *passes* and *fails* somebody must look. A limit in mm is never tighter than so\n"
        "many times the longest side of a voxel as stands under *at least*. All can be changed.\n\n"
        + "".join(lines)
        + "\n"
    )


def limit_line(limit: Limit) -> str:
    unit = CATALOGUE[limit.measure].unit
    words = ("up to", "above") if limit.best == "low" else ("from", "below")
    cells = [
        f"{word} {number(value)} {unit}".rstrip() for word, value in zip(words, (limit.good, limit.bad), strict=True)
    ]
    least = f"{number(limit.at_least_voxels)} voxel" if limit.at_least_voxels else ""
    return f"| `{limit.measure}` | {cells[0]} | {cells[1]} | {least} | {limit.source} |\n"


def sections(measures: list[Measure]) -> list[str]:
    """Return a table of the measures, and below it what those that share their words tell and do not."""
    lines = ["| key | name | unit | range | best | formula | source |\n| --- | --- | --- | --- | --- | --- | --- |\n"]
    for measure in measures:
        cells = (
            f"`{measure.key}`",
            measure.name,
            measure.unit,
            measure.range,
            {"low": "low", "high": "high", "none": ""}[measure.best],
            measure.formula,
            measure.source,
        )
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n")
    told: dict[tuple[str, str], list[str]] = {}
    for measure in measures:
        told.setdefault((measure.tells, measure.cannot_tell), []).append(f"`{measure.key}`")
    lines.append("\n")
    for (tells, cannot), keys in told.items():
        lines.append(f"- {', '.join(keys)}: tells {tells}. **Cannot tell** {cannot}.\n")
    return [*lines, "\n"]
