"""The scripted tour: takes the documentation's pictures of napari in the real viewer, scene by scene.

Each scene is played in a process of its own, with napari's settings as they come: python docs/tour.py [SCENE ...].
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import NamedTuple


class Scene(NamedTuple):
    """A function without arguments, the pictures it takes, and the scale of the screen."""

    place: str
    pictures: tuple[str, ...]
    scale: float = 1.0


SCENES = {
    "first-screen": Scene("tour_run:first_screen", ("first-screen", "register-before", "check-findings")),
    "run": Scene("tour_run:run", ("register-running", "register-paused", "register-taken")),
    "result": Scene("tour_run:result", ("register-after",)),
    "light": Scene("tour_run:light", ("register-after-light",)),
    "large": Scene("tour_run:large", ("register-after-large",), scale=1.5),
    "align": Scene("tour_hands:align", ("align-by-hand",)),
    "landmarks": Scene("tour_hands:landmarks", ("landmarks-dock",)),
    "attempts": Scene("tour_hands:attempts", ("attempts",)),
    "orthogonal": Scene("tour_views:orthogonal", ("orthogonal-views",)),
    "compare": Scene("tour_views:compare", ("compare", "compare-modes")),
    "quality": Scene("tour_quality:quality", ("quality-dock",)),
    "warp": Scene("tour_warp:warp", ("warp-layers",)),
    "long-checks": Scene("tour_warp:long_checks", ("long-checks",)),
    "deformation": Scene("tour_views:deformation", ("deformation-dock", "deformation-views")),
}


def main(names: list[str]) -> int:
    """Play the scenes of these names, or all; return 1 where one failed."""
    failed = []
    for name in names or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            if subprocess.run(_command(name), env=_environment(Path(folder), SCENES[name]), check=False).returncode:
                failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def play(name: str) -> None:
    """Play one scene, in this process."""
    random.seed(1)  # napari draws its tips of the day
    module, _, function = SCENES[name].place.partition(":")
    getattr(import_module(module), function)()


def _command(name: str) -> list[str]:
    return [sys.executable, "-W", "ignore", __file__, "--play", name]


def _environment(folder: Path, scene: Scene) -> dict[str, str]:
    """Return an environment in which napari comes as it is for everybody, whoever runs this."""
    own = {
        "NAPARI_CONFIG": str(folder / "settings.yaml"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),  # of compiled code
        "QT_SCALE_FACTOR": f"{scene.scale:g}",
        "NAPARI_ASYNC": "0",
    }
    return {**os.environ, **own}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--play"]:
        play(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
