"""A file appears whole or not at all."""

from __future__ import annotations

import pytest

from napari_coreg.errors import FileError
from napari_coreg.io.atomic import replacing, replacing_together


def test_the_file_takes_its_place_at_the_end(tmp_path):
    target = tmp_path / "a.nii.gz"
    target.write_text("old")
    with replacing(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_a_failure_the_old_file_stands_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    for manager in (replacing, replacing_together):
        with pytest.raises(error), manager(target) as temporary:  # noqa: PT012
            temporary.write_text("half")
            raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told_as_a_file_error(tmp_path):
    for manager in (replacing, replacing_together):
        with pytest.raises(FileError, match="No space left"), manager(tmp_path / "a.txt"):
            raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_pair_arrive_together(tmp_path):
    with replacing_together(tmp_path / "a.mhd") as temporary:
        temporary.write_text("head")
        temporary.with_suffix(".raw").write_text("body")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.mhd": "head", "a.raw": "body"}


@pytest.mark.parametrize("name", ["nowhere/a.txt", "."])
def test_a_place_that_cannot_be_written_is_told(tmp_path, name):
    for manager in (replacing, replacing_together):
        with pytest.raises(FileError), manager(tmp_path / name):
            pass
