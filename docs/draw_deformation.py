"""Draws what a B-spline does to one slice: the volumes, the control grid bent by it, and how volumes change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Z_LPS = 6.0  # mm, through the ventricles
SIZE_MM, PIXELS_A_MM = (168, 216), 1.5
CORNER_LPS = (-82.0, -107.0)  # of a panel: the smallest x and y
WIDTH, HEIGHT = (round(side * PIXELS_A_MM) for side in SIZE_MM)
TOP, GAP, BOTTOM = 60, 10, 48  # pixels
BACKGROUND, WORDS, FAINT = (24, 24, 28), (240, 240, 240), (190, 190, 195)
ORANGE, BLUE, EVEN = (255, 150, 30), (50, 130, 255), (225, 225, 225)
MOST = 1.4  # the Jacobian determinant of the brightest orange, and one over that of the brightest blue
STEPS = 3  # of colour, from 1 to either


def draw_deformation(path: Path, fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    """Draw one axial slice in five panels; `transform` is a B-spline, then an affine transform."""
    affine, spline = (sitk.CompositeTransform(transform).GetNthTransform(index) for index in (0, 1))
    spline = sitk.BSplineTransform(spline)
    seen, start = _grey(fixed, sitk.Transform()), _grey(moving, affine)
    panels = (
        ("fixed", "", seen),
        ("moving", "after the affine stage", start),
        ("registered", "after the B-spline", _grey(moving, transform)),
        ("control grid", "bent, on the moving volume", _with_grid(start, spline)),
        ("change of volume", "Jacobian determinant", _tinted(seen, _jacobian(spline))),
    )
    canvas = Image.new("RGB", (GAP + len(panels) * (WIDTH + GAP), TOP + HEIGHT + BOTTOM), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for number, (title, what, picture) in enumerate(panels):
        left = GAP + number * (WIDTH + GAP)
        canvas.paste(picture, (left, TOP))
        pen.text((left, 4), title, WORDS, _font(24))
        pen.text((left, 34), what, FAINT, _font(19))
    _scale(canvas, GAP + (len(panels) - 1) * (WIDTH + GAP), TOP + HEIGHT + 8)
    canvas.save(path)


def _grey(image: sitk.Image, transform: sitk.Transform) -> Image.Image:
    size, spacing = (WIDTH, HEIGHT, 1), (1 / PIXELS_A_MM, 1 / PIXELS_A_MM, 1.0)
    origin = (*CORNER_LPS, Z_LPS)
    plane = sitk.Resample(image, size, transform, sitk.sitkLinear, origin, spacing, np.eye(3).ravel(), 0.0)
    values = sitk.GetArrayFromImage(plane)[0].astype(float)
    high = np.percentile(values, 99)
    return Image.fromarray((np.clip(values / high, 0, 1) * 230).astype(np.uint8)).convert("RGB")


def _with_grid(picture: Image.Image, spline: sitk.BSplineTransform) -> Image.Image:
    """Draw where the spline takes the lines between control points, drawn at twice the size for smooth lines."""
    first, last = (np.array(CORNER_LPS), np.add(CORNER_LPS, SIZE_MM))
    control = spline.GetCoefficientImages()[0]
    large = picture.point(lambda grey: grey * 0.75).resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(large)
    for axis in (0, 1):
        step, origin = control.GetSpacing()[axis], control.GetOrigin()[axis]
        along = np.arange(first[1 - axis] - 20, last[1 - axis] + 20)
        nearest = origin + step * np.ceil((first[axis] - 20 - origin) / step)
        for across in np.arange(nearest, last[axis] + 20, step):
            points = [(across, each) if axis == 0 else (each, across) for each in along]
            moved = np.array([spline.TransformPoint((x, y, Z_LPS))[:2] for x, y in points])
            pen.line([tuple(point) for point in (moved - first) * 2 * PIXELS_A_MM], fill=ORANGE, width=3)
    return large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _jacobian(spline: sitk.BSplineTransform) -> NDArray[np.float64]:
    """Return the Jacobian determinant of the spline on the slice, from a field one voxel wider on all sides."""
    size, step = (WIDTH + 2, HEIGHT + 2, 3), 1 / PIXELS_A_MM
    origin = np.subtract((*CORNER_LPS, Z_LPS), step).tolist()
    field = sitk.TransformToDisplacementField(
        spline, sitk.sitkVectorFloat64, size, origin, (step, step, step), np.eye(3).ravel()
    )
    determinant: NDArray[np.float64] = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field))
    return determinant[1, 1:-1, 1:-1]


def _tinted(picture: Image.Image, determinant: NDArray[np.float64]) -> Image.Image:
    """Colour the slice, bright where the picture is, so that the head can be made out."""
    light = np.asarray(picture) / 255 * 0.7 + 0.3
    return Image.fromarray((np.asarray(_coloured(determinant)) * light).astype(np.uint8))


def _coloured(determinant: NDArray[np.float64]) -> Image.Image:
    """Return orange where it is above 1, blue where it is below, in steps of its logarithm."""
    at = np.round(np.log(np.maximum(determinant, 1e-3)) / np.log(MOST) * STEPS) / STEPS
    channels = [np.interp(at, (-1, 0, 1), colours) for colours in zip(BLUE, EVEN, ORANGE, strict=True)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def _scale(canvas: Image.Image, left: int, top: int) -> None:
    """Draw the colours of the Jacobian determinant with three of its values."""
    bar = np.tile(np.geomspace(1 / MOST, MOST, WIDTH), (14, 1))
    canvas.paste(_coloured(bar), (left, top))
    pen = ImageDraw.Draw(canvas)
    for at, value, anchor in (
        (0, f"{1 / MOST:.1f} or less", "lt"),
        (WIDTH // 2, "1", "mt"),
        (WIDTH, f"{MOST:.1f} or more", "rt"),
    ):
        pen.text((left + at, top + 19), value, WORDS, _font(17), anchor=anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
