"""Draws two pictures of one slice, lines between the keypoints that agree, and a checkerboard of both registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

from napari_coreg import register_2d_features
from napari_coreg.core.projective import Projective

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SLICE = 64  # of the CT, sagittal
SEEN = np.array([[0.94, -0.34, 8.0], [0.34, 0.94, -5.0], [1.5e-3, -1e-3, 1.0]])  # as in the page
PIXELS_A_MM, GAP, TOP = 1.9, 12, 40
SQUARE = 48  # pixels of the checkerboard
LINES = 40
BACKGROUND, WORDS, ORANGE = (24, 24, 28), (240, 240, 240), (255, 160, 40)


def draw_features(path: Path, ct: sitk.Image, mr: sitk.Image) -> None:
    """Draw the example of the page on features; `mr` is sliced where `ct` is."""
    fixed = sitk.Resample(mr, ct)[SLICE, :, :]
    moving = sitk.Resample(fixed, Projective(SEEN).inverse.to_transform(fixed))
    match = register_2d_features(fixed, moving, "projective")
    large = [_large(image) for image in (fixed, moving, sitk.Resample(moving, fixed, match.transform))]
    rows, columns = np.indices(large[0].shape) // SQUARE
    panels = [large[0], large[1], np.where((rows + columns) % 2, large[0], large[2])]
    height, width = panels[0].shape
    canvas = Image.new("RGB", (GAP + 3 * (width + GAP), TOP + height + GAP), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    lefts = [GAP + number * (width + GAP) for number in range(3)]
    for left, panel, title in zip(lefts, panels, ("fixed", "moving", "fixed and registered"), strict=True):
        canvas.paste(Image.fromarray(panel).convert("RGB"), (left, TOP))
        pen.text((left, 6), title, WORDS, ImageFont.load_default(24))
    some = np.linspace(0, match.inliers - 1, LINES).astype(int)
    for start_lps, end_lps in zip(match.fixed_points_lps[some], match.moving_points_lps[some], strict=True):
        ends = [_pixel(fixed, start_lps, lefts[0], height), _pixel(fixed, end_lps, lefts[1], height)]
        pen.line(ends, fill=ORANGE, width=1)
        for x, y in ends:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=ORANGE, width=2)
    canvas.save(path)


def _large(image: sitk.Image) -> NDArray[Any]:
    """Return an image enlarged, head up, from black to white."""
    size = [round(n * spacing * PIXELS_A_MM) for n, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    spacing = (1 / PIXELS_A_MM,) * 2
    values = sitk.GetArrayFromImage(
        sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection())
    )
    return (np.clip(values[::-1] / np.percentile(values, 99.5), 0, 1) * 230).astype(np.uint8)


def _pixel(image: sitk.Image, point_lps: NDArray[Any], left: int, height: int) -> tuple[float, float]:
    x, y = (point_lps - image.GetOrigin()) * PIXELS_A_MM
    return left + x, TOP + height - 1 - y
