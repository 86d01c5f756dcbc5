"""The picture that tells at a glance whether a registration worked: before and after, as a PNG file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

from napari_coreg.core.geometry import Grid
from napari_coreg.core.pictures import PlanePictures, compare, middle_of_overlap, planes
from napari_coreg.errors import FileError
from napari_coreg.io.atomic import full_suffix, replacing, require_folder_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAP, _LEFT, _TOP = 10, 10, 58  # pixels
_BACKGROUND, _WORDS, _FAINT = (24, 24, 28), (240, 240, 240), (150, 150, 155)
_LEGEND = "edges: fixed volume in grey, edges of the moving volume in orange; checkerboard: fixed grey, moving tinted"


def save_overlay(
    path: str | Path, fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, *, pixels: int = 320
) -> Path:
    """Draw the moving volume on the fixed one before and after `transform`, in three planes, and write it as PNG.

    Parameters
    ----------
    path : str or Path
        Ends in .png; the file appears whole or not at all.
    fixed, moving : SimpleITK.Image
        Scalar volumes (or 2-D images), LPS mm.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    pixels : int
        Length of the longest side of one plane.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    path = Path(path).expanduser()
    require_picture(path)
    picture = overlay(fixed, moving, transform, pixels=pixels)
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary)
    return path


def overlay(
    fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, *, pixels: int = 320
) -> NDArray[np.uint8]:
    """Return the picture that `save_overlay` writes: RGB, shape (rows, columns, 3)."""
    grid = Grid.of(fixed)
    at = planes(grid, middle_of_overlap(grid, Grid.of(moving), transform), pixels)
    identity = sitk.Transform(grid.dimension, sitk.sitkIdentity)
    before, after = (compare(fixed, moving, one, at, pixels=pixels) for one in (identity, transform))
    columns = (
        ("before: edges", [plane.edges for plane in before]),
        ("after: edges", [plane.edges for plane in after]),
        ("before: checkerboard", [plane.checkerboard for plane in before]),
        ("after: checkerboard", [plane.checkerboard for plane in after]),
    )
    return _laid_out(columns, before)


def require_picture(path: str | Path) -> None:
    """Refuse, before a long run, a name that no picture can be written to.

    Raises
    ------
    FileError
        If it does not end in .png, or lies in a folder that does not exist.
    """
    path = Path(path).expanduser()
    if full_suffix(path) != ".png":
        raise FileError(f"{path}: pictures are written as .png; give a name that ends in it")
    require_folder_of(path)


def _laid_out(
    columns: tuple[tuple[str, list[NDArray[np.float32]]], ...], shown: list[PlanePictures]
) -> NDArray[np.uint8]:
    """Return the columns of pictures side by side, with their titles and the planes' names."""
    heights = [plane.edges.shape[0] for plane in shown]
    width = max(plane.edges.shape[1] for plane in shown)
    size = (
        _LEFT + len(columns) * (width + _GAP),
        _TOP + sum(height + _GAP for height in heights),
    )
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(20), ImageFont.load_default(13)
    draw.text((_LEFT, 4), _LEGEND, _FAINT, small)
    for number, (title, pictures) in enumerate(columns):
        left, top = _LEFT + number * (width + _GAP), _TOP
        draw.text((left, top - 32), title, _WORDS, large)
        for plane, picture in zip(shown, pictures, strict=True):
            pixels = np.rint(picture * 255).astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (left + (width - pixels.shape[1]) // 2, top))
            if number == 0:
                draw.text((left + 4, top + 4), plane.name, _WORDS, small)
            top += pixels.shape[0] + _GAP
    return np.asarray(sheet)
