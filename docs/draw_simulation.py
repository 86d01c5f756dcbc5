"""Draws a simulation: the volume, itself moved, and the error of two recipes that were to find out how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

    from napari_coreg.core.simulation import SimulationOutcome

SIZE_MM, PIXELS_A_MM = (184, 216), 1.5
WIDTH, HEIGHT = (round(side * PIXELS_A_MM) for side in SIZE_MM)
TOP, GAP, BOTTOM = 60, 10, 48  # pixels
BACKGROUND, WORDS, FAINT = (24, 24, 28), (240, 240, 240), (190, 190, 195)
MOST_MM = 6.0
COLOURS = ((40, 40, 90), (150, 50, 130), (240, 110, 60), (255, 235, 120))  # from no error to the most


def draw_simulation(path: Path, volume: sitk.Image, outcomes: dict[str, SimulationOutcome]) -> None:
    """Draw one axial slice: the volume, the moving volume as it lies, and the error of each recipe by its name."""
    first = next(iter(outcomes.values()))
    middle = tuple(volume.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in volume.GetSize()]))
    panels = [
        ("the volume", "fixed", _grey(volume, middle)),
        (
            "the volume, moved",
            f"by {first.before.mean_mm:.1f} mm on average, known",
            _grey(first.simulated.moving, middle),
        ),
    ]
    for name, outcome in outcomes.items():
        words = f"mean {outcome.after.mean_mm:.2f} mm, 95 % below {outcome.after.p95_mm:.2f} mm"
        panels.append((f"error of {name}", words, _coloured(outcome.map_mm, middle)))
    canvas = Image.new("RGB", (GAP + len(panels) * (WIDTH + GAP), TOP + HEIGHT + BOTTOM), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for number, (title, what, picture) in enumerate(panels):
        left = GAP + number * (WIDTH + GAP)
        canvas.paste(picture, (left, TOP))
        pen.text((left, 6), title, WORDS, _font(20))
        pen.text((left, 36), what, FAINT, _font(15))
    _scale(canvas, GAP + (len(panels) - 1) * (WIDTH + GAP), TOP + HEIGHT + 8)
    canvas.save(path)


def _slice(image: sitk.Image, middle_lps: tuple[float, ...], interpolator: int) -> np.ndarray:
    size, spacing = (WIDTH, HEIGHT, 1), (1 / PIXELS_A_MM, 1 / PIXELS_A_MM, 1.0)
    origin = np.subtract(middle_lps, (SIZE_MM[0] / 2, SIZE_MM[1] / 2, 0.0)).tolist()
    plane = sitk.Resample(image, size, sitk.Transform(), interpolator, origin, spacing, np.eye(3).ravel(), 0.0)
    return sitk.GetArrayFromImage(plane)[0].astype(float)


def _grey(image: sitk.Image, middle_lps: tuple[float, ...]) -> Image.Image:
    values = _slice(image, middle_lps, sitk.sitkLinear)
    return Image.fromarray((np.clip(values / np.percentile(values, 99), 0, 1) * 230).astype(np.uint8)).convert("RGB")


def _coloured(errors: sitk.Image, middle_lps: tuple[float, ...]) -> Image.Image:
    values = _slice(errors, middle_lps, sitk.sitkNearestNeighbor)
    painted = _paint(values)
    painted[values == 0] = BACKGROUND
    return Image.fromarray(painted)


def _paint(values_mm: np.ndarray) -> np.ndarray:
    at = np.linspace(0, MOST_MM, len(COLOURS))
    channels = [np.interp(values_mm, at, channel) for channel in zip(*COLOURS, strict=True)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _scale(canvas: Image.Image, left: int, top: int) -> None:
    bar = np.tile(np.linspace(0, MOST_MM, WIDTH), (14, 1))
    canvas.paste(Image.fromarray(_paint(bar)), (left, top))
    pen = ImageDraw.Draw(canvas)
    for at, value, anchor in ((0, "0 mm", "lt"), (WIDTH, f"{MOST_MM:g} mm or more", "rt")):
        pen.text((left + at, top + 19), value, WORDS, _font(17), anchor=anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
