"""Draws what the search of all poses finds for a volume that lies the wrong way: the best pose and the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

from napari_coreg.core.search.landscape import Landscape
from napari_coreg.core.transforms import from_matrix

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DEGREES, AXIS, SHIFT_MM = 140.0, (0.3, -0.4, 0.86), (25.0, -40.0, 15.0)
SIZE_MM, PIXELS_A_MM, X_LPS = (216, 240), 1.25, 4.0
CORNER_LPS = (-120.0, -120.0)  # of a panel: y and z of its lower left
WIDTH, HEIGHT = (round(side * PIXELS_A_MM) for side in SIZE_MM)
TOP, GAP, BOTTOM = 60, 10, 12
BACKGROUND, WORDS, FAINT, ORANGE = (24, 24, 28), (240, 240, 240), (190, 190, 195), np.array((255, 150, 30))


def draw_poses(path: Path, fixed: sitk.Image, moving: sitk.Image) -> None:
    """Draw a sagittal slice of the moving volume as it lies and in poses that fit, with the fixed one's outlines."""
    fixed, moving = sitk.Cast(fixed, sitk.sitkFloat32), sitk.Cast(_turned(moving), sitk.sitkFloat32)
    landscape = Landscape(fixed, moving)
    best, *others = landscape.explore({"given": [np.eye(4)]}, lambda *_: False)
    outlines = _outlines(fixed)
    panels = [("fixed", "its outlines are orange in all", np.eye(4), fixed)]
    panels.append(("as it lies", f"score {landscape.score(np.eye(4)):.2f}", np.eye(4), moving))
    panels.append(("best pose", f"score {best.score:.2f}", best.matrix, moving))
    share = 100 * others[0].score / best.score
    panels.append(("next pose", f"score {others[0].score:.2f}, {share:.0f} % of the best", others[0].matrix, moving))
    canvas = Image.new("RGB", (GAP + len(panels) * (WIDTH + GAP), TOP + HEIGHT + BOTTOM), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for number, (title, what, matrix, image) in enumerate(panels):
        left = GAP + number * (WIDTH + GAP)
        picture = _slice(image, matrix)
        high = np.percentile(sitk.GetArrayViewFromImage(image), 99)
        grey = np.repeat((np.clip(picture / high, 0, 1) * 220)[..., None], 3, axis=2)
        grey[outlines] = ORANGE
        canvas.paste(Image.fromarray(grey[::-1].astype(np.uint8)), (left, TOP))
        pen.text((left, 4), title, WORDS, ImageFont.load_default(24))
        pen.text((left, 34), what, FAINT, ImageFont.load_default(19))
    canvas.save(path)


def _turned(image: sitk.Image) -> sitk.Image:
    """Return the image with a header that lays it elsewhere, as a scanner does with a specimen put in askew."""
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation(AXIS, float(np.deg2rad(DEGREES)))
    turn.SetTranslation(SHIFT_MM)
    moved = sitk.Image(image)
    moved.SetOrigin(turn.TransformPoint(image.GetOrigin()))
    axes = np.reshape(turn.GetMatrix(), (3, 3)) @ np.reshape(image.GetDirection(), (3, 3))
    moved.SetDirection(axes.ravel().tolist())
    return moved


def _slice(image: sitk.Image, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a sagittal slice of the fixed space, rows from inferior to superior, columns from front to back."""
    step = 1 / PIXELS_A_MM
    axes = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # columns run along y, z and x
    plane = sitk.Resample(
        image,
        (WIDTH, HEIGHT, 1),
        from_matrix(matrix),
        sitk.sitkLinear,
        (X_LPS, *CORNER_LPS),
        (step, step, 1.0),
        axes.ravel().tolist(),
        0.0,
    )
    return sitk.GetArrayFromImage(plane)[0].astype(float)


def _outlines(fixed: sitk.Image) -> NDArray[np.bool_]:
    smooth = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(_slice(fixed, np.eye(4))), 2.0)
    tissue = sitk.BinaryFillhole(sitk.OtsuThreshold(smooth, 0, 1))
    outer = sitk.BinaryContour(tissue)
    bright = sitk.And(sitk.BinaryContour(sitk.OtsuMultipleThresholds(smooth, 2) > 1), sitk.BinaryErode(tissue, [8, 8]))
    return sitk.GetArrayFromImage(sitk.Or(outer, bright)) > 0
