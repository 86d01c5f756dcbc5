"""Colours from napari's own theme, mixed where they would be hard to read as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_coreg.plugin.signs import COLOURS

Rgb = tuple[int, int, int]

# One per stage of a recipe. Each has a contrast of at least 3:1 with the backgrounds of napari's dark and light theme.
STAGE_COLOURS: tuple[Rgb, ...] = ((46, 129, 214), (214, 98, 32), (27, 146, 106), (178, 92, 190))


@dataclass(frozen=True)
class Looks:
    """Colours of a theme, as RGB from 0 to 255."""

    background: Rgb
    text: Rgb
    muted: Rgb
    error: Rgb
    accent: Rgb


def looks_of(viewer: Any) -> Looks:
    """Return the colours of the viewer's theme."""
    from napari.utils.theme import get_theme  # noqa: PLC0415 - only where there is a viewer

    theme = get_theme(viewer.theme)
    background, text = _rgb(theme.background), _rgb(theme.text)
    return Looks(
        background=background,
        text=text,
        muted=readable(mix(text, background, 0.35), background, text),
        error=readable(_rgb(theme.error), background, text),
        accent=_rgb(theme.current),
    )


def stylesheet(looks: Looks) -> str:
    """Return the style of the roles that `parts.Note` and the buttons have."""
    return f"""
        QLabel[role="note"] {{ color: {css(looks.muted)}; }}
        QLabel[role="note"]:disabled {{ color: {css(mix(looks.muted, looks.background, 0.45))}; }}
        QLabel[role="error"] {{ color: {css(looks.error)}; }}
        QLabel[role="heading"] {{ font-weight: bold; }}
        QPushButton[role="section"] {{
            text-align: left; background: transparent; font-weight: bold; padding: 5px 0px; border: none;
        }}
        {_strips()}
        QPushButton[role="section"]:hover {{ color: {css(looks.muted)}; }}
        QPushButton[role="main"]:enabled {{ font-weight: bold; background-color: {css(looks.accent)}; padding: 6px; }}
        QPushButton[role="main"]:disabled {{ padding: 6px; }}
    """


def _strips() -> str:
    """Return the style of the strips that say a verdict; the same in each theme."""
    rules = []
    for sign, (face, mark) in COLOURS.items():
        rules.append(f'QFrame[role="strip-{sign}"] {{ background-color: {css(face)}; border-radius: 4px; }}')
        rules.append(f'QLabel[role="strip-{sign}"] {{ background: transparent; color: {css(mark)}; }}')
    return "\n".join(rules)


def mix(colour: Rgb, other: Rgb, part: float) -> Rgb:
    """Return `colour` with `part` (0 to 1) of `other` in it.

    Examples
    --------
    >>> mix((0, 0, 0), (100, 200, 50), 0.5)
    (50, 100, 25)
    """
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def contrast(colour: Rgb, other: Rgb) -> float:
    """Return the contrast ratio of two colours as WCAG 2 defines it, 1 to 21.

    Examples
    --------
    >>> contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    high, low = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(colour: Rgb, background: Rgb, text: Rgb, least: float = 4.5) -> Rgb:
    """Return `colour` with as much of `text` in it as it needs to be read on `background`."""
    for percent in range(0, 101, 5):
        mixed = mix(colour, text, percent / 100)
        if contrast(mixed, background) >= least:
            return mixed
    return text


def css(colour: Rgb) -> str:
    """Return a colour as a stylesheet wants it."""
    return f"rgb({colour[0]}, {colour[1]}, {colour[2]})"


def _luminance(colour: Rgb) -> float:
    parts = (value / 255 for value in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(colour: Any) -> Rgb:
    red, green, blue = colour.as_rgb_tuple()[:3]
    return int(red), int(green), int(blue)
