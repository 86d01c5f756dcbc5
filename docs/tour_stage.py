"""A napari window that the tour drives as a user would, and photographs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

PICTURES = Path(__file__).parent / "pictures"
WINDOW = (1280, 820)
PLUGIN = "napari-coreg"
_PATIENCE_SECONDS = 180.0
_GAP = 6  # pixels between the parts of a montage


class Stage:
    """One viewer in a window of a fixed size.

    Parameters
    ----------
    theme : str
        Of napari.
    size : (int, int)
        Width and height of the window.
    """

    def __init__(self, theme: str = "dark", size: tuple[int, int] = WINDOW) -> None:
        settings = get_settings().application
        settings.gui_notification_level = "error"  # napari warns of each oblique layer
        self.viewer = napari.Viewer(show=False)
        self.viewer.theme = theme
        self.viewer.window.show()
        self.viewer.window.resize(*size)
        self.settle()

    def sample(self, key: str) -> None:
        """Open a pair of the sample volumes, as File > Open Sample does."""
        self.viewer.open_sample(PLUGIN, key)
        self.settle()
        self.viewer.reset_view()
        self.settle()

    def dock(self, name: str, **options: Any) -> Any:
        """Open a dock widget by the name it has in the menus, and return it."""
        _, widget = self.viewer.window.add_plugin_dock_widget(PLUGIN, name, **options)
        self.settle()
        self.viewer.reset_view()
        self.settle()
        return widget

    def wait(self, until: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> None:
        """Let napari work until something is so.

        Raises
        ------
        TimeoutError
            It did not come about.
        """
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds:g} s in vain")
            QApplication.processEvents()
            time.sleep(0.002)

    def settle(self, seconds: float = 0.8) -> None:
        """Let napari work for a while."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > end)

    def photograph(self, name: str) -> None:
        """Save a picture of the whole window."""
        self.settle()
        save(name, self.viewer.screenshot(canvas_only=False, flash=False))

    def canvas(self) -> np.ndarray:
        """Return a picture of the canvas alone, (height, width, RGBA)."""
        self.settle()
        return np.asarray(self.viewer.screenshot(canvas_only=True, flash=False))

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        self.settle(0.2)


def look_of(widget: QWidget) -> np.ndarray:
    """Return a picture of one widget, (height, width, RGB)."""
    image = widget.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def montage(pictures: Sequence[tuple[str, np.ndarray]], columns: int, width: int) -> np.ndarray:
    """Return pictures beside and below each other, each scaled to a width and with its title."""
    from PIL import ImageDraw, ImageFont  # noqa: PLC0415

    font = ImageFont.load_default(size=15)
    tiles = []
    for title, pixels in pictures:
        tile = Image.fromarray(pixels[..., :3])
        tile = tile.resize((width, round(tile.height * width / tile.width)), Image.Resampling.LANCZOS)
        draw = ImageDraw.Draw(tile)
        for right, down in ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 0)):
            colour = (255, 255, 255) if (right, down) == (0, 0) else (0, 0, 0)
            draw.text((8 + right, 6 + down), title, colour, font)
        tiles.append(tile)
    rows = -(-len(tiles) // columns)
    height = max(tile.height for tile in tiles)
    sheet = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), (255, 255, 255))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, ((place % columns) * (width + _GAP), (place // columns) * (height + _GAP)))
    return np.asarray(sheet)


def save(name: str, pixels: np.ndarray, *, smooth: bool = False) -> None:
    """Save a picture of the documentation, with few colours so that it is small; smooth ones are dithered."""
    PICTURES.mkdir(exist_ok=True)
    shrunk(Image.fromarray(np.asarray(pixels)[..., :3]), smooth=smooth).save(PICTURES / f"{name}.png", optimize=True)
    print(f"{name}.png")


def shrunk(picture: Image.Image, *, smooth: bool = False) -> Image.Image:
    """Return a picture with a palette of 256 colours, which also holds those of thin lines."""
    few = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
    return picture.convert("RGB").quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG) if smooth else few
