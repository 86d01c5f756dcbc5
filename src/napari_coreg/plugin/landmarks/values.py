"""A landmark as a value: where it is in two volumes, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence

Side = Literal["fixed", "moving"]
SIDES: tuple[Side, ...] = get_args(Side)
OTHER: dict[Side, Side] = {"fixed": "moving", "moving": "fixed"}
Point = tuple[float, ...]


@dataclass(frozen=True)
class Landmark:
    """One place, in one of the volumes or in both.

    Attributes
    ----------
    key : int
        Tells it from all others for as long as it lives, whatever its number and name.
    name : str
        What the user calls it; may be empty.
    fixed_lps, moving_lps : tuple of float or None
        Where it is in each volume, in that volume's own frame, LPS mm; None where it was not set.
    guessed : {"fixed", "moving"} or None
        In which volume its place is an estimate that nobody has confirmed.
    """

    key: int
    name: str = ""
    fixed_lps: Point | None = None
    moving_lps: Point | None = None
    guessed: Side | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it was set by somebody in both volumes."""
        return self.fixed_lps is not None and self.moving_lps is not None and self.guessed is None

    def at(self, side: Side) -> Point | None:
        """Return where it is in one of the volumes, or None."""
        return self.fixed_lps if side == "fixed" else self.moving_lps

    def placed(self, side: Side, point_lps: Sequence[float], *, guess: bool = False) -> Landmark:
        """Return it at another place in one of the volumes."""
        point = tuple(float(value) for value in point_lps)
        guessed = side if guess else None if self.guessed == side else self.guessed
        if side == "fixed":
            return replace(self, fixed_lps=point, guessed=guessed)
        return replace(self, moving_lps=point, guessed=guessed)
