"""What napari reads in the manifest is all there, and nothing of ours is missing in it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

import napari_coreg
from napari_coreg.io.volumes import VOLUME_SUFFIXES
from napari_coreg.samples import SAMPLES

PATH = Path(napari_coreg.__file__).parent / "napari.yaml"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(PATH)


def test_manifest_is_found_under_the_name_of_the_distribution(manifest):
    assert manifest.name == "napari-coreg"
    assert PluginManifest.from_distribution("napari-coreg").name == manifest.name


def test_every_command_leads_to_something_callable(manifest):
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        if module.endswith("register_widget") and find_spec(module) is None:
            continue
        assert callable(getattr(import_module(module), name)), command.id


def test_every_command_is_used_and_every_used_command_exists(manifest):
    contributions = manifest.contributions
    used = {
        entry.command
        for entries in (contributions.widgets, contributions.readers, contributions.writers, contributions.sample_data)
        for entry in entries or ()
    }
    used |= {item.command for items in contributions.menus.values() for item in items}
    assert used == {command.id for command in contributions.commands}


def test_menus_are_such_as_napari_lets_plugins_fill(manifest):
    assert set(manifest.contributions.menus) <= {menu.value for menu in MenuId.contributables()}


def test_each_sample_pair_is_offered_under_its_own_name(manifest):
    offered = {sample.key: sample.display_name for sample in manifest.contributions.sample_data}
    assert offered == {key: sample.display_name for key, sample in SAMPLES.items()}


def test_each_sample_command_opens_its_own_pair(manifest):
    functions = {command.id: command.python_name for command in manifest.contributions.commands}
    for sample in manifest.contributions.sample_data:
        module, _, name = functions[sample.command].partition(":")
        layers = getattr(import_module(module), name)()
        opened = [Path(kwargs["metadata"]["napari_coreg"]["path"]).name for _, kwargs, _ in layers]
        assert tuple(opened) == SAMPLES[sample.key].files


def test_every_format_that_can_be_written_is_offered_and_can_be_read(manifest):
    contributions = manifest.contributions
    for writer in contributions.writers:
        assert set(writer.filename_extensions) == set(VOLUME_SUFFIXES)
    (reader,) = contributions.readers
    assert {f"*{suffix}" for suffix in VOLUME_SUFFIXES} <= set(reader.filename_patterns)
    assert reader.accepts_directories


def test_nothing_that_some_supported_napari_would_refuse_is_in_it(manifest):
    text = PATH.read_text(encoding="utf-8")
    for key in ("keybindings", "default_dock_area", "tabify"):
        assert key not in text
