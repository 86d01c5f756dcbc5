"""Stages as plain values: what each leaves to choose, and what becomes of one as another kind or on another engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from napari_coreg.core.recipe import Recipe
from napari_coreg.core.refusals import UNUSED_FIELDS, refusals
from napari_coreg.plugin.fields import members
from napari_coreg.plugin.register.model_editor import Limits, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

STAGE_CLASSES: tuple[type[BaseModel], ...] = members(get_args(Recipe.model_fields["stages"].annotation)[0])
_CLASS_OF = {kind_of(item): item for item in STAGE_CLASSES}
_LEVELS = ("pyramid", "sampling", "grid_spacings_mm")
_OF_AN_ENGINE = ("optimizer", *_LEVELS)


def limits_of(stage: Mapping[str, Any]) -> Limits:
    """Return what the stage's kind and engine leave out."""
    withheld: dict[str, frozenset[str]] = {}
    for refusal in refusals(**_key(stage)):
        withheld[refusal.field] = withheld.get(refusal.field, frozenset()) | frozenset(refusal.values)
    return Limits(withheld, UNUSED_FIELDS.get(stage.get("engine", ""), ()))


def change_kind(kind: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stage `before` as another kind: what was set stays if that kind has it, what was left is its default.

    Pyramid and sampling go together; the grid of a B-spline gets as many levels as they have.
    """
    old, new = _defaults(**_key(before)), _defaults(kind)
    stage = {name: before[name] if name in old and before[name] != old[name] else new[name] for name in new}
    stage["kind"] = kind
    if any(before[name] != old[name] for name in ("pyramid", "sampling")):
        stage.update({name: before[name] for name in ("pyramid", "sampling")})
        levels = len(before["pyramid"]["shrink_factors"])
        if "grid_spacings_mm" in new:
            spacings = list(new["grid_spacings_mm"])
            stage["grid_spacings_mm"] = [*spacings, *[spacings[-1]] * levels][:levels]
    return _suited(stage)


def change_engine(engine: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stage `before` for another engine, with optimizer, levels and grid as they suit that one."""
    new = _defaults(before["kind"], engine)
    return _suited({**before, "engine": engine, **{name: new[name] for name in _OF_AN_ENGINE}})


def _suited(stage: dict[str, Any]) -> dict[str, Any]:
    """Return the stage with the default in each field whose value its kind or engine refuses."""
    new = _defaults(**_key(stage))
    for refusal in refusals(**_key(stage)):
        value = stage[refusal.field]
        if (value["kind"] if isinstance(value, dict) else value) in refusal.values:
            stage[refusal.field] = new[refusal.field]
    return stage


def _defaults(kind: str, engine: str | None = None) -> dict[str, Any]:
    given = {} if engine is None else {"engine": engine}
    return _CLASS_OF[kind](**given).model_dump(mode="json")


def _key(stage: Mapping[str, Any]) -> dict[str, str]:
    """Return what decides about all other fields."""
    return {name: stage[name] for name in ("kind", "engine") if name in stage}
