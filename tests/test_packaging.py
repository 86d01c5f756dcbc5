"""The wheel that a release would upload holds the whole package: code, recipes, manifest, sample volumes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_coreg"


def build(what, source, target):
    """Build an sdist or a wheel with the project's own backend, and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", what, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel made from the sdist, as `python -m build` and pip make it."""
    folder = tmp_path_factory.mktemp("packaging")
    unpack = [
        sys.executable,
        "-m",
        "tarfile",
        "-e",
        str(build("sdist", ROOT, folder / "sdist")),
        str(folder / "source"),
    ]
    subprocess.run(unpack, check=True, capture_output=True)
    (source,) = (folder / "source").iterdir()
    with zipfile.ZipFile(build("wheel", source, folder / "wheel")) as archive:
        yield archive


def test_wheel_made_from_the_sdist_holds_every_file_of_the_package(wheel):
    files = {path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*") if path.is_file()}
    expected = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert expected == {name for name in wheel.namelist() if name.startswith("napari_coreg/")}


def test_wheel_tells_napari_where_the_manifest_is(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    assert "napari-coreg = napari_coreg:napari.yaml" in wheel.read(name).decode()
