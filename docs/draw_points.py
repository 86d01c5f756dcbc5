"""Draws two slices of the world side by side, and where the transform takes a point of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

POINT_LPS = (31.0, 16.0, 26.9)  # dark in both volumes
BRAIN_IN_CT = (-100, 120)  # HU
SIDE_MM, PIXELS_A_MM = 260, 2
CORNER_LPS = (-130.0, -140.0)  # of the window: the smallest x and y
WHITE, ORANGE, GREY = (255, 255, 255), (255, 170, 60), (150, 150, 150)
GAP = 30
Pixel = tuple[float, float]


def draw_points(path: Path, fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    """Draw the axial slice of `fixed` through a point, and that of `moving` through the point it is mapped to."""
    target_lps = transform.TransformPoint(POINT_LPS)
    side = SIDE_MM * PIXELS_A_MM
    canvas = Image.new("RGB", (2 * side + GAP, side + 40))
    pen = ImageDraw.Draw(canvas)
    for image, point, left, name in ((fixed, POINT_LPS, 0, "fixed"), (moving, target_lps, side + GAP, "moving")):
        canvas.paste(Image.fromarray(_slice(image, point[2])), (left, 40))
        what = "p" if name == "fixed" else "T(p)"
        numbers = ", ".join(f"{value:.0f}" for value in point)
        pen.text((left + 8, 8), f"{name} volume:  {what} = ({numbers}) mm LPS", fill=WHITE, font=_font(20))
        _axes(pen, left)
    start, end = _pixel(POINT_LPS, 0), _pixel(target_lps, side + GAP)
    ghost = _pixel(POINT_LPS, side + GAP)
    _cross(pen, ghost, GREY, "p")
    for point, what in ((start, "p"), (end, "T(p)")):
        _cross(pen, point, ORANGE, what)
    _arrow(pen, start, end, ORANGE)
    canvas.save(path)


def _slice(image: sitk.Image, z_lps: float) -> np.ndarray:
    """Return the axial slice at this height as grey values, x to the right and y downwards."""
    size = [SIDE_MM * PIXELS_A_MM] * 2 + [1]
    origin = (*CORNER_LPS, z_lps)
    spacing = (1 / PIXELS_A_MM, 1 / PIXELS_A_MM, 1.0)
    minimum = float(sitk.GetArrayViewFromImage(image).min())
    plane = sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, origin, spacing, np.eye(3).ravel(), minimum)
    values = sitk.GetArrayFromImage(plane)[0].astype(float)
    low, high = BRAIN_IN_CT if minimum < -500 else np.percentile(values, (1, 99))
    return (np.clip((values - low) / (high - low), 0, 1) * 170).astype(np.uint8)


def _pixel(point_lps: tuple[float, ...], left: int) -> Pixel:
    x, y = ((value - corner) * PIXELS_A_MM for value, corner in zip(point_lps, CORNER_LPS, strict=False))
    return left + x, 40 + y


def _axes(pen: ImageDraw.ImageDraw, left: int) -> None:
    corner = (left + 16.0, 56.0)
    for end, text, at in (
        ((left + 90.0, 56.0), "x: to the left of the patient", (left + 98, 45)),
        ((left + 16.0, 130.0), "y: to the back", (left + 8, 136)),
    ):
        _arrow(pen, corner, end, WHITE)
        pen.text(at, text, fill=WHITE, font=_font(16))


def _cross(pen: ImageDraw.ImageDraw, at: Pixel, colour: tuple[int, int, int], text: str) -> None:
    x, y = at
    pen.line((x - 8, y, x + 8, y), fill=colour, width=2)
    pen.line((x, y - 8, x, y + 8), fill=colour, width=2)
    pen.text((x - 10, y + 12), text, fill=colour, font=_font(18))


def _arrow(pen: ImageDraw.ImageDraw, start: Pixel, end: Pixel, colour: tuple[int, int, int]) -> None:
    along = np.subtract(end, start)
    along = along / np.linalg.norm(along)
    across = np.array((-along[1], along[0]))
    base = np.array(end) - 12 * along
    pen.line((*start, *base), fill=colour, width=2)
    pen.polygon([tuple(end), tuple(base + 5 * across), tuple(base - 5 * across)], fill=colour)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
