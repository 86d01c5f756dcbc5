"""Draws a fit to landmarks: both volumes from the side with their landmarks, and the error of each as two bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_coreg import LandmarkFit

CORNER_LPS, SIZE_MM = (-100.0, -150.0, -110.0), (200, 270, 230)  # of the box that is looked through along x
PIXELS_A_MM = 2
WIDTH, HEIGHT = SIZE_MM[1] * PIXELS_A_MM, SIZE_MM[2] * PIXELS_A_MM
TOP, GAP, BARS, NAMES = 46, 12, 460, 190  # pixels
WHITE, GREY, ORANGE, BLUE = (240, 240, 240), (150, 150, 155), (255, 160, 50), (90, 170, 255)
BACKGROUND = (24, 24, 28)


def draw_landmarks(path: Path, fixed: sitk.Image, moving: sitk.Image, fit: LandmarkFit) -> None:
    """Draw the volumes seen from the left, p in the first, q and T(p) in the second, and the errors, worst first."""
    canvas = Image.new("RGB", (2 * (WIDTH + GAP) + BARS, TOP + HEIGHT + GAP), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    canvas.paste(_from_the_side(fixed), (0, TOP))
    canvas.paste(_from_the_side(moving), (WIDTH + GAP, TOP))
    mapped = fit.map_points(fit.fixed_points_lps)
    for point in fit.fixed_points_lps:
        _ring(pen, _pixel(point, 0), BLUE)
    for found, point in zip(mapped, fit.moving_points_lps, strict=True):
        _cross(pen, _pixel(found, WIDTH + GAP), ORANGE)
        _ring(pen, _pixel(point, WIDTH + GAP), BLUE)
    pen.text((8, 12), "fixed volume: landmarks", WHITE, _font(20))
    pen.text((WIDTH + GAP + 8, 12), "moving volume: landmarks, and", WHITE, _font(20))
    pen.text((WIDTH + GAP + 298, 12), "where the fit puts them", ORANGE, _font(20))
    _bars(pen, 2 * (WIDTH + GAP), fit)
    canvas.save(path)


def _from_the_side(image: sitk.Image) -> Image.Image:
    """Return the mean along x, y to the right and z upwards."""
    size = [SIZE_MM[0] // 2, WIDTH, HEIGHT]
    spacing = (2.0, 1 / PIXELS_A_MM, 1 / PIXELS_A_MM)
    minimum = float(sitk.GetArrayViewFromImage(image).min())
    seen = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, CORNER_LPS, spacing, np.eye(3).ravel(), minimum
    )
    mean = sitk.GetArrayFromImage(seen).mean(axis=2)[::-1]
    low, high = mean.min(), np.percentile(mean, 99.5)
    return Image.fromarray((np.clip((mean - low) / (high - low), 0, 1) * 190).astype(np.uint8)).convert("RGB")


def _pixel(point_lps: NDArray[np.float64], left: int) -> tuple[float, float]:
    y, z = ((point_lps[axis] - CORNER_LPS[axis]) * PIXELS_A_MM for axis in (1, 2))
    return left + y, TOP + HEIGHT - z


def _ring(pen: ImageDraw.ImageDraw, at: tuple[float, float], colour: tuple[int, int, int]) -> None:
    x, y = at
    pen.ellipse((x - 8, y - 8, x + 8, y + 8), outline=colour, width=3)


def _cross(pen: ImageDraw.ImageDraw, at: tuple[float, float], colour: tuple[int, int, int]) -> None:
    x, y = at
    pen.line((x - 9, y - 9, x + 9, y + 9), fill=colour, width=3)
    pen.line((x - 9, y + 9, x + 9, y - 9), fill=colour, width=3)


def _bars(pen: ImageDraw.ImageDraw, left: int, fit: LandmarkFit) -> None:
    """Draw residual and leave-one-out error of each landmark, worst first."""
    left_out = [error or 0.0 for error in fit.leave_one_out_mm]
    order = np.argsort(left_out)[::-1]
    pixels_a_mm = (BARS - NAMES - 85) / max(left_out)
    pen.text((left + NAMES, 4), "residual", GREY, _font(18))
    pen.text((left + NAMES, 24), "left out of the fit", ORANGE, _font(18))
    step = HEIGHT / len(order)
    for row, index in enumerate(order):
        y = TOP + row * step
        pen.text((left + NAMES - 10, y + step / 2), fit.names[index].replace("_", " "), WHITE, _font(18), anchor="rm")
        for part, (error, colour) in enumerate(((fit.residuals_mm[index], GREY), (left_out[index], ORANGE))):
            top = y + step * (0.16 + 0.36 * part)
            end = left + NAMES + error * pixels_a_mm
            pen.rectangle((left + NAMES, top, end, top + step * 0.3), fill=colour)
        pen.text((end + 6, y + step / 2), f"{left_out[index]:.1f} mm", WHITE, _font(16), anchor="lm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
