"""How smooth the viewer stays: updates of live layers a second, memory over the two volumes, gaps on the GUI's thread.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/viewer.py [--sizes 256x256x256 512x512x400]

A real napari window of 1400 x 950 pixels; without a graphics card OpenGL runs in software, and most of an update is
painting. An update is a new transform until the canvas is painted with it. A gap is the longest time between two turns
of the GUI's event loop while something goes on; painting is part of it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from viewer_interactions import HANDS, INTERACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = (1400, 950)
UPDATES = 40
SPACING_MM = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["256x256x256", "512x512x400"], metavar="XxYxZ")
    parser.add_argument("--only", nargs="*", default=list(INTERACTIONS), choices=list(INTERACTIONS), metavar="NAME")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "settings.yaml")  # napari as it comes, whoever runs this
        for size in arguments.sizes:
            _measure(size, arguments.only)


def _measure(size: str, only: list[str]) -> None:
    size_xyz = tuple(int(count) for count in size.split("x"))
    desk = Desk(size_xyz)
    print(f"\n{size}, {os.cpu_count()} cores")
    print(f"{'live layer':34s}{'updates/s':>12s}{'median ms':>12s}{'longest ms':>12s}{'of it ours':>12s}")
    for ndisplay in (2, 3):
        desk.viewer.dims.ndisplay = ndisplay
        desk.spin(2)
        for name, transforms in desk.courses().items():
            _tell_rate(f"{name} in {ndisplay}-D", desk.rate_of_transforms(transforms))
        print(f"memory over the two volumes and napari after {ndisplay}-D: {desk.megabytes_more():.0f} MB")
    desk.viewer.dims.ndisplay = 2
    for name, (begin, parts) in HANDS.items():
        desk.reset()
        for part, change in zip(parts, begin(desk), strict=True):
            _tell_rate(f"{name}: {part}", desk.rate(change))
    print(f"{'interaction':44s}{'longest gap ms':>16s}{'seconds':>10s}{'MB more':>10s}")
    for name in only:
        desk.reset()
        before = desk.megabytes()
        gap, seconds = desk.longest_gap(INTERACTIONS[name])
        print(f"{name:44s}{1e3 * gap:16.0f}{seconds:10.1f}{desk.megabytes() - before:10.0f}")
    desk.viewer.close()


def _tell_rate(name: str, seconds: tuple[list[float], list[float]]) -> None:
    total, ours = seconds
    row = (1 / np.median(total), 1e3 * np.median(total), 1e3 * max(total), 1e3 * np.median(ours))
    print(f"{name:34s}" + "".join(f"{value:12.1f}" for value in row), flush=True)


class Desk:
    """A real viewer with two volumes, and what is measured on it.

    Attributes
    ----------
    viewer : napari.Viewer
        Shown, with the layers 'fixed' and 'moving'.
    """

    def __init__(self, size_xyz: tuple[int, ...]) -> None:
        import napari  # noqa: PLC0415 - it must not read its settings before main says where they are

        self.size_xyz = size_xyz
        self.viewer = napari.Viewer(show=False)
        self.viewer.window.resize(*WINDOW)
        self.viewer.window.show()
        self.drawn = 0
        self._beats: list[float] = []
        canvas = self.viewer.window._qt_viewer.canvas._scene_canvas  # noqa: SLF001 - nothing public tells of a paint
        canvas.events.draw.connect(self._on_draw)
        self._voxels = head(size_xyz)
        self.reset()
        self._at_start = self.megabytes()

    def reset(self) -> None:
        """Show the two volumes and nothing else."""
        self.clear()
        fixed, moving = self._voxels
        looks: dict[str, Any] = {"contrast_limits": (0, 1000), "units": ("mm",) * 3, "axis_labels": tuple("zyx")}
        self.viewer.add_image(fixed, name="fixed", **looks)
        self.viewer.add_image(moving, name="moving", **looks)
        self.viewer.layers["moving"].visible = False
        self.viewer.reset_view()
        self.spin(1)

    def clear(self) -> None:
        """Take all layers and docks away."""
        self.viewer.layers.clear()
        for widget in [self.viewer.window.dock_widgets[name] for name in self.viewer.window.dock_widgets]:
            self.viewer.window.remove_dock_widget(widget)
        self.spin(0.5)

    def courses(self) -> dict[str, list[sitk.Transform]]:
        """Return the transforms that each live layer goes through."""
        image = sitk.Image(list(self.size_xyz), sitk.sitkUInt8)
        spline = sitk.BSplineTransformInitializer(image, [max(4, count // 16) for count in self.size_xyz])
        noise = np.random.default_rng(0).normal(0, 2, len(spline.GetParameters()))
        spline.SetParameters(noise.tolist())
        centre = [count / 2 for count in self.size_xyz]
        rigid = [sitk.Euler3DTransform(centre, 0.1, 0.2, 0.005 * k, (3.0 + 0.2 * k, 4.0, 5.0)) for k in range(UPDATES)]
        return {"rigid": rigid, "B-spline": [sitk.CompositeTransform([one, spline]) for one in rigid]}

    def rate_of_transforms(self, transforms: list[sitk.Transform]) -> tuple[list[float], list[float]]:
        """Return the seconds of each update of a live layer, and how many of them are spent looking."""
        from napari_coreg import reslice_layer  # noqa: PLC0415 - napari first
        from napari_coreg.plugin.live import live_volume, look_again  # noqa: PLC0415

        layer = reslice_layer(self.viewer, self.viewer.layers["fixed"], self.viewer.layers["moving"], transforms[0])
        self.spin(1)

        def change(step: int) -> None:
            live_volume(layer).look.transform = transforms[step]
            look_again(layer)

        seconds = self.rate(change)
        self.viewer.layers.remove(layer)
        return seconds

    def rate(self, change: Callable[[int], None]) -> tuple[list[float], list[float]]:
        """Return the seconds of each update until it is painted, and how many of them the change itself takes."""
        total, ours = [], []
        for step in range(UPDATES):
            began, drawn = time.perf_counter(), self.drawn
            change(step)
            ours.append(time.perf_counter() - began)
            while self.drawn == drawn and time.perf_counter() < began + 5:
                self.turn()
            total.append(time.perf_counter() - began)
        return total, ours

    def longest_gap(self, interaction: Callable[[Desk], None]) -> tuple[float, float]:
        """Return the longest time between two turns of the event loop during an interaction, and its length."""
        from qtpy.QtCore import QTimer  # noqa: PLC0415 - napari first

        timer = QTimer()
        timer.timeout.connect(lambda: self._beats.append(time.perf_counter()))
        timer.start(5)
        self.begin_to_watch()
        began = time.perf_counter()
        interaction(self)
        seconds = time.perf_counter() - began
        self.spin(0.5)
        timer.stop()
        return float(np.max(np.diff(self._beats))), seconds

    def begin_to_watch(self) -> None:
        """Forget the gaps so far."""
        self._beats = [time.perf_counter()]

    def open(self, name: str) -> Any:
        """Open one of our dock widgets, and return it."""
        _, widget = self.viewer.window.add_plugin_dock_widget("napari-coreg", name)
        self.spin(0.5)
        return widget

    def spin(self, seconds: float) -> None:
        """Let the event loop run for a while."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.turn()
            time.sleep(0.001)

    def wait(self, until: Callable[[], bool], seconds: float = 120.0) -> None:
        """Let the event loop run until something is so."""
        end = time.perf_counter() + seconds
        while not until():
            if time.perf_counter() > end:
                raise TimeoutError(f"not so after {seconds} s")
            self.turn()
            time.sleep(0.001)

    def turn(self) -> None:
        """Run the event loop once."""
        from qtpy.QtWidgets import QApplication  # noqa: PLC0415 - napari first

        QApplication.processEvents()

    def megabytes(self) -> float:
        """Return the memory that the process holds."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def megabytes_more(self) -> float:
        """Return the memory taken since the two volumes were shown."""
        return self.megabytes() - self._at_start

    def _on_draw(self, _event: Any) -> None:
        self.drawn += 1


def head(size_xyz: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return something like a head, int16, and the same moved by some voxels, with other noise."""
    rng = np.random.default_rng(0)
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, count)) for count in size_xyz[::-1])]
    volumes = []
    for shift in (0.0, 0.04):
        z, y, x = axes[0] - shift, axes[1] + shift, axes[2]
        radius = (z / 0.8) ** 2 + (y / 0.75) ** 2 + (x / 0.6) ** 2
        inside = 600 * (radius < 1) - 350 * ((radius < 0.85) & (radius > 0.75)) + 200 * (np.abs(x) + y**2 < 0.25)
        volumes.append((inside + rng.integers(0, 120, inside.shape)).astype(np.int16))
    return volumes[0], volumes[1]


if __name__ == "__main__":
    main()
