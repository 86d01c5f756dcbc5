"""Importing the package costs nothing: napari does it for every plugin at every start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "SimpleITK",
    "napari",
    "qtpy",
    "PyQt6",
    "PySide6",
    "numba",
    "numpy",
    "pydantic",
    "nibabel",
    "pydicom",
    "skimage",
}


def modules_after(statement):
    """Top-level names of all modules that a fresh interpreter holds after `statement`."""
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_nothing_heavy():
    assert not HEAVY & modules_after("import napari_coreg")


def test_the_help_of_the_command_line_loads_nothing_heavy():
    assert not HEAVY & modules_after("import napari_coreg.cli.parser\nnapari_coreg.cli.parser.make_parser()")


def test_finding_the_manifest_loads_nothing_heavy():
    finding = (
        "import importlib.util, napari_coreg.samples\nimportlib.util.find_spec('napari_coreg.plugin.contributions')"
    )
    assert not HEAVY & modules_after(finding)


@pytest.mark.parametrize("module", ["core.register", "io.volumes", "samples"])
def test_no_module_below_the_plugin_loads_napari_or_qt(module):
    assert not {"napari", "qtpy", "PyQt6", "magicgui", "superqt"} & modules_after(f"import napari_coreg.{module}")


def test_reading_a_volume_for_napari_loads_no_qt():
    assert not {"qtpy", "PyQt6"} & modules_after("import napari_coreg.plugin.contributions")
