"""What a finding before the run is, and the remedy that comes with it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_coreg.core.settings import changed_settings

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Fix:
    """A safe remedy that takes one click or one flag.

    Attributes
    ----------
    title : str
        What it does, as on a button.
    flag : str
        What to add to the command line.
    recipe : Recipe
        The recipe with the remedy in it.
    """

    title: str
    flag: str
    recipe: Recipe

    @classmethod
    def by_settings(cls, title: str, before: Recipe, after: Recipe) -> Fix:
        """Return the fix that makes the recipe `after` of `before`, setting by setting."""
        changes = changed_settings(before, after).items()
        words = [f"{path}={value if isinstance(value, str) else json.dumps(value)}" for path, value in changes]
        return cls(title, " ".join(f"--set {shlex.quote(word)}" for word in words), after)


@dataclass(frozen=True)
class Finding:
    """One thing that is, or may be, wrong.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        "error" where the run cannot work, "warning" where its result may be wrong, "note" for what is good to know.
    key : str
        Its name, the same in every version ("no_overlap").
    what : str
        What was found, in words.
    value : str
        The value that was found, with its unit.
    remedy : str
        What would mend it.
    fix : Fix or None
        The remedy ready to take, where there is a safe one.
    """

    severity: Severity
    key: str
    what: str
    value: str
    remedy: str
    fix: Fix | None = None

    def to_record(self) -> dict[str, Any]:
        """Return it as plain data, ready for JSON; the recipe of a fix is left out, as its title says what changes."""
        fix = None if self.fix is None else {"title": self.fix.title, "flag": self.fix.flag}
        return {**vars(self), "fix": fix}
