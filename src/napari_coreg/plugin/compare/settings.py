"""How two layers are compared: the modes, what can be set in each, and what is seen, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from napari_coreg.errors import CoregError

Mode = Literal["checkerboard", "wipe", "blend", "flicker", "overlay", "difference", "contours"]
Direction = Literal["across", "down"]
Colours = Literal["magenta-green", "red-cyan"]

MODES: tuple[Mode, ...] = get_args(Mode)
LINES = "yellow"
POSITIVE, NEGATIVE = "orange", "blue"
_LONGEST_NAME = 36


@dataclass(frozen=True)
class Settings:
    """What a comparison shows; each mode looks at its own.

    Attributes
    ----------
    mode : str
        "checkerboard", "wipe", "blend", "flicker", "overlay", "difference" or "contours".
    cell_mm : float or None
        Edge of a cell of the board; None for about an eighth of what is seen.
    balance : float
        How much of the second layer is blended in, 0 to 1.
    rate_hz : float
        How often in a second the picture changes while it flickers, above 0 and at most 20.
    position : float
        Where the edge of the curtain is, 0 to 1 of the way over what is seen; the first layer lies before it.
    direction : str
        Which way the curtain is drawn over the screen: "across" or "down".
    level : float or None
        The value whose contour is drawn; None for one that parts bright from dark.
    colours : str
        Of the first and the second layer where they are laid over each other: "magenta-green" or "red-cyan".

    Raises
    ------
    CoregError
        A value is beyond what is said above.
    """

    mode: Mode = "checkerboard"
    cell_mm: float | None = None
    balance: float = 0.5
    rate_hz: float = 2.0
    position: float = 0.5
    direction: Direction = "across"
    level: float | None = None
    colours: Colours = "magenta-green"

    def __post_init__(self) -> None:
        for name, choices in (("mode", MODES), ("direction", get_args(Direction)), ("colours", get_args(Colours))):
            if getattr(self, name) not in choices:
                raise CoregError(f"{name} is {getattr(self, name)!r}: choose one of {', '.join(choices)}.")
        for name in ("balance", "position"):
            if not 0 <= getattr(self, name) <= 1:
                raise CoregError(f"{name} is {getattr(self, name)}: choose a number from 0 to 1.")
        if not 0 < self.rate_hz <= 20:
            raise CoregError(f"rate_hz is {self.rate_hz}: choose a number above 0 and at most 20.")
        if self.cell_mm is not None and not (self.cell_mm > 0 and math.isfinite(self.cell_mm)):
            raise CoregError(f"cell_mm is {self.cell_mm}: choose a number above 0.")
        if self.level is not None and not math.isfinite(self.level):
            raise CoregError(f"level is {self.level}: choose a finite number.")

    @property
    def pair_of_colours(self) -> tuple[str, str]:
        """The names of the two colours."""
        first, second = self.colours.split("-")
        return first, second


def seen_in_words(settings: Settings, first: str, second: str, *, mirrored: bool = False) -> str:
    """Return which layer is where, for the line on the canvas.

    Parameters
    ----------
    settings : Settings
        How they are compared.
    first, second : str
        The layers' names, in the roles that they play now.
    mirrored : bool
        Whether the canvas shows the curtain's axis the other way round.

    Examples
    --------
    >>> seen_in_words(Settings("wipe"), "T1", "T2")
    'left: T1, right: T2'
    """
    first, second = short(first), short(second)
    if settings.mode == "wipe":
        before, after = ("left", "right") if settings.direction == "across" else ("above", "below")
        first, second = (second, first) if mirrored else (first, second)
        return f"{before}: {first}, {after}: {second}"
    if settings.mode == "overlay":
        one, other = settings.pair_of_colours
        return f"{one}: {first}, {other}: {second}"
    if settings.mode == "difference":
        return f"{POSITIVE}: {second} is brighter, {NEGATIVE}: {first} is brighter"
    if settings.mode == "contours":
        return f"{LINES} lines: {first}, picture: {second}"
    return f"{first} / {second}"


def short(name: str) -> str:
    """Return a name without its middle when it is long."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = (_LONGEST_NAME - 3) // 2
    return f"{name[:half].rstrip()}...{name[-half:].lstrip()}"
