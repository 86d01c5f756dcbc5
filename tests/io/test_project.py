"""Project folders: small, whole or as they were, and read back as they were written."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.folding import Folding
from napari_coreg.core.preflight.findings import Finding
from napari_coreg.core.presets import load_preset
from napari_coreg.core.result import LevelTrace, RegistrationResult
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import FileError, GeometryError
from napari_coreg.io import project as module
from napari_coreg.io.attempt_record import AttemptRecord, VolumeOrigin
from napari_coreg.io.project import read_project, write_project
from napari_coreg.io.records import save_result
from napari_coreg.io.saved_result import load_result
from napari_coreg.io.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path


def oblique(seed: int) -> sitk.Image:
    """A small volume with thick slices, turned about all axes."""
    image = sitk.GetImageFromArray(np.random.default_rng(seed).normal(size=(7, 9, 11)).astype(np.float32))
    image.SetSpacing((1.0, 1.2, 2.5))
    image.SetOrigin((-20.0, 5.0, 30.0 + seed))
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation((1.0, 2.0, 3.0), 0.4)
    image.SetDirection(turn.GetMatrix())
    return image


def result(kind: str = "rigid") -> RegistrationResult:
    fixed, moving = oblique(0), oblique(1)
    rigid = sitk.VersorRigid3DTransform()
    rigid.SetRotation((0.0, 0.6, 0.8), 0.2)
    rigid.SetTranslation((1.0, -2.0, 3.0))
    transform: sitk.Transform = rigid
    inverse: sitk.Transform | None = rigid.GetInverse()
    if kind != "rigid":
        spline = sitk.BSplineTransformInitializer(fixed, [2, 2, 2])
        spline.SetParameters(np.random.default_rng(2).normal(0, 0.3, len(spline.GetParameters())).tolist())
        transform, inverse = sitk.CompositeTransform([rigid, spline]), None
    if kind == "flow":
        inverse = sitk.CompositeTransform([spline, rigid.GetInverse()])
    return RegistrationResult(
        transform=transform,
        recipe=load_preset("rigid"),
        trace=(LevelTrace(0, "rigid", 0, (4, 4, 4), (2, 2, 1), (2, 2, 2), 100, (-0.5, float("nan")), "done", 0.25),),
        metric_before=None,
        metric_after=-0.75,
        inverse_transform=inverse,
        folding=None if kind == "rigid" else Folding(0.5, 1.5, 0.0),
        verdict=Verdict("doubtful", ("look at it",), {"drift_mm": 1.5, "swap_mm": None}),
        findings=(Finding("warning", "few_values", "has few values", "3", "use another"),),
        initialization="search",
        notes=("a note",),
        seconds=1.25,
        threads=2,
        versions={"SimpleITK": "2.4"},
        fingerprints={"fixed": "sha256:f", "moving": "sha256:m"},
        fixed=fixed,
        moving=moving,
    )


def attempt(name: str, kind: str = "rigid", **settings: Any) -> AttemptRecord:
    fixed = VolumeOrigin("ct", "image", None, "sha256:f")
    moving = VolumeOrigin("mr", "image", None, "sha256:m")
    return AttemptRecord(name, result(kind), **({"fixed": fixed, "moving": moving} | settings))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(item.relative_to(folder)): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


def plain(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "project.json").read_text(encoding="utf-8"))


def rewrite(folder: Path, values: Any) -> None:
    (folder / "project.json").write_text(json.dumps(values), encoding="utf-8")


@pytest.fixture
def two() -> list[AttemptRecord]:
    return [attempt("first"), attempt("bent", "spline")]


class TestSavedResult:
    """What is read back from one result folder."""

    @pytest.mark.parametrize("kind", ["rigid", "spline", "flow"])
    def test_a_result_comes_back_as_it_was_with_its_volumes(self, kind, tmp_path):
        before = result(kind)
        save_result(before, tmp_path / "out")
        after = load_result(tmp_path / "out").with_volumes(before.fixed, before.moving)
        for item in fields(RegistrationResult):
            if item.name not in ("transform", "inverse_transform", "trace", "fixed", "moving"):
                assert getattr(after, item.name) == getattr(before, item.name), item.name
        assert after.trace[0].fixed_shrink_xyz == before.trace[0].fixed_shrink_xyz
        np.testing.assert_array_equal(after.trace[0].metric_values, before.trace[0].metric_values)
        assert (after.fixed, after.moving) == (before.fixed, before.moving)
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(after.resample()), sitk.GetArrayFromImage(before.resample())
        )

    @pytest.mark.parametrize("kind", ["rigid", "flow"])
    def test_the_inverse_comes_back(self, kind, tmp_path):
        before = result(kind)
        save_result(before, tmp_path / "out", volumes=False)
        after = load_result(tmp_path / "out")
        point = (-15.0, 8.0, 35.0)
        assert after.inverse_transform.TransformPoint(point) == pytest.approx(
            before.inverse_transform.TransformPoint(point), abs=1e-9
        )

    def test_a_displacement_without_an_inverse_has_none(self, tmp_path):
        save_result(result("spline"), tmp_path / "out", volumes=False)
        assert load_result(tmp_path / "out").inverse_transform is None

    def test_a_saved_result_can_be_written_again_without_its_volumes(self, tmp_path):
        save_result(result("flow"), tmp_path / "a", volumes=False, when="2026-01-02T03:04:05+00:00")
        saved = load_result(tmp_path / "a")
        save_result(saved, tmp_path / "b", when="2026-01-02T03:04:05+00:00", volumes=False)
        again = load_result(tmp_path / "b")
        assert again.record == saved.record
        with pytest.raises(FileError, match="volumes"):
            save_result(saved, tmp_path / "c")
        assert not (tmp_path / "c").exists()

    def test_volumes_with_another_number_of_axes_are_refused(self, tmp_path):
        save_result(result(), tmp_path / "out", volumes=False)
        flat = sitk.Image([8, 8], sitk.sitkFloat32)
        with pytest.raises(GeometryError, match="fixed volume has 2 axes"):
            load_result(tmp_path / "out").with_volumes(flat, flat)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"schema_version": 3}, "update napari-coreg"),
            ({"verdict": "splendid"}, "splendid"),
            ({"recipe": {"name": "x"}}, "stages"),
            ({"fixed_grid": None}, "not a readable record"),
            ({"trace": [{"stage": 0}]}, "metric_values"),
            ({"seconds": "long"}, "long"),
            ({"findings": [{"severity": "warning"}]}, "not a readable record"),
        ],
    )
    def test_a_damaged_record_is_told_in_one_sentence(self, change, words, tmp_path):
        folder = save_result(result(), tmp_path / "out", volumes=False)
        record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        (folder / "result.json").write_text(json.dumps(record | change), encoding="utf-8")
        with pytest.raises(FileError, match=words):
            load_result(folder)

    def test_what_later_versions_added_to_the_record_may_be_missing(self, tmp_path):
        folder = save_result(result(), tmp_path / "out", volumes=False)
        record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        needed = ("schema_version", "recipe", "metric_before", "metric_after", "verdict", "fixed_grid", "moving_grid")
        (folder / "result.json").write_text(json.dumps({name: record[name] for name in needed}), encoding="utf-8")
        assert load_result(folder).verdict.state == "doubtful"


class TestWriting:
    """What `write_project` leaves behind."""

    def test_a_project_comes_back_as_it_was(self, two, tmp_path):
        write_project(two, tmp_path / "project", shown=two[0].key)
        project = read_project(tmp_path / "project")
        assert project.shown == two[0].key
        assert project.notes == ()
        for before, after in zip(two, project.attempts, strict=True):
            assert (after.name, after.key, after.when) == (before.name, before.key, before.when)
            assert (after.fixed, after.moving) == (before.fixed, before.moving)
            assert after.result.verdict == before.result.verdict
            point = (-15.0, 8.0, 35.0)
            there = before.result.transform.TransformPoint(point)
            assert after.result.transform.TransformPoint(point) == pytest.approx(there)

    def test_it_is_small_unless_registered_volumes_are_asked_for(self, two, tmp_path):
        write_project(two, tmp_path / "small")
        write_project(two, tmp_path / "large", registered=True)
        assert not [name for name in contents(tmp_path / "small") if name.endswith(".nii.gz")]
        registered = sorted((tmp_path / "large").rglob("registered.nii.gz"))
        assert len(registered) == 2
        name = plain(tmp_path / "large")["attempts"][1]["folder"]
        volume = read_volume(tmp_path / "large" / "attempts" / name / "registered.nii.gz").image
        np.testing.assert_array_equal(sitk.GetArrayFromImage(volume), sitk.GetArrayFromImage(two[1].result.resample()))
        record = json.loads((registered[0].parent / "result.json").read_text(encoding="utf-8"))
        assert "registered.nii.gz" in record["files"]

    def test_registered_labels_keep_their_values(self, tmp_path):
        moving = sitk.Cast(oblique(1) > 0, sitk.sitkUInt8) * 7
        item = attempt("labels", moving=VolumeOrigin("seg", "labels"))
        item.result = replace(item.result, moving=moving)
        write_project([item], tmp_path / "project", registered=True)
        volume = read_volume(next((tmp_path / "project").rglob("registered.nii.gz"))).image
        assert set(np.unique(sitk.GetArrayViewFromImage(volume))) == {0, 7}

    def test_registered_volumes_can_be_added_later(self, two, tmp_path):
        write_project(two, tmp_path / "project")
        write_project(two, tmp_path / "project", registered=True)
        assert len(list((tmp_path / "project").rglob("registered.nii.gz"))) == 2
        assert len(read_project(tmp_path / "project").attempts) == 2

    def test_the_table_can_be_read_from_the_index_alone(self, two, tmp_path):
        write_project(two, tmp_path / "project")
        entry = plain(tmp_path / "project")["attempts"][0]
        assert plain(tmp_path / "project")["schema_version"] == 1
        assert {name: entry[name] for name in ("name", "recipe", "verdict", "metric_before", "metric_after")} == {
            "name": "first",
            "recipe": "rigid",
            "verdict": "doubtful",
            "metric_before": None,
            "metric_after": -0.75,
        }
        assert entry["seconds"] == 1.25

    def test_writing_again_follows_names_order_and_deletions_and_keeps_the_rest_as_it_is(self, two, tmp_path):
        folder = write_project(two, tmp_path / "project")
        before = contents(folder / "attempts")
        bent = plain(folder)["attempts"][1]["folder"]
        two[1].name = "renamed"
        third = attempt("third")
        write_project([third, two[1]], folder, known=[two[0].key])
        assert [item.name for item in read_project(folder).attempts] == ["third", "renamed"]
        after = contents(folder / "attempts")
        assert {name: after[name] for name in before if name.startswith(bent)} == {
            name: before[name] for name in before if name.startswith(bent)
        }
        assert len(list((folder / "attempts").iterdir())) == 2

    def test_a_project_that_was_opened_can_be_written_elsewhere_without_its_volumes(self, two, tmp_path):
        write_project(two, tmp_path / "a")
        write_project(read_project(tmp_path / "a").attempts, tmp_path / "b", registered=True)
        again = read_project(tmp_path / "b")
        assert [item.name for item in again.attempts] == ["first", "bent"]
        assert again.attempts[1].result.folding == two[1].result.folding

    def test_another_project_in_the_folder_is_not_written_over(self, two, tmp_path):
        folder = write_project(two, tmp_path / "project")
        before = contents(folder)
        with pytest.raises(FileError, match=r"not open here \(2\); open it first"):
            write_project([attempt("other")], folder)
        assert contents(folder) == before

    def test_a_folder_of_something_else_is_left_alone(self, two, tmp_path):
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(FileError, match="not empty and holds no project"):
            write_project(two, tmp_path)
        assert contents(tmp_path) == {"mine.txt": b"mine"}

    def test_an_empty_folder_and_one_that_is_not_there_become_projects(self, two, tmp_path):
        (tmp_path / "empty").mkdir()
        write_project(two, tmp_path / "empty")
        write_project(two, tmp_path / "new" / "deep")
        assert len(read_project(tmp_path / "empty").attempts) == 2
        assert len(read_project(tmp_path / "new" / "deep").attempts) == 2
        assert sorted(item.name for item in tmp_path.iterdir()) == ["empty", "new"]

    def test_a_file_in_the_way_is_told(self, two, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(FileError, match="is a file"):
            write_project(two, tmp_path / "file")

    @pytest.mark.parametrize("at", ["save_result", "replacing", "to_json"])
    def test_a_new_project_that_fails_leaves_nothing(self, two, tmp_path, monkeypatch, at):
        monkeypatch.setattr(module, at, failing_at(2 if at == "save_result" else 1, getattr(module, at)))
        with pytest.raises(FileError, match="no room"):
            write_project(two, tmp_path / "project")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("at", ["save_result", "replacing", "to_json"])
    def test_one_that_fails_in_the_middle_leaves_the_old_one_whole(self, two, tmp_path, monkeypatch, at):
        folder = write_project(two[:1], tmp_path / "project")
        before = contents(folder)
        monkeypatch.setattr(module, at, failing_at(1, getattr(module, at)))
        with pytest.raises(FileError, match="no room"):
            write_project(two[1:], folder, known=[two[0].key])
        assert contents(folder) == before

    def test_one_that_is_killed_in_the_middle_leaves_the_old_one_readable(self, two, tmp_path, monkeypatch):
        folder = write_project(two[:1], tmp_path / "project")
        monkeypatch.setattr(module, "to_json", killed)
        monkeypatch.setattr(module.shutil, "rmtree", lambda *_args, **_settings: None)  # nobody is left to tidy up
        with pytest.raises(KeyboardInterrupt):
            write_project(two, folder)
        monkeypatch.undo()
        assert [item.name for item in read_project(folder).attempts] == ["first"]
        write_project(two, folder)
        assert [item.name for item in read_project(folder).attempts] == ["first", "bent"]


def failing_at(number: int, function: Any) -> Any:
    """Return `function` with a disk that is full at its nth call."""
    calls = []

    def full(*args: Any, **settings: Any) -> Any:
        calls.append(args)
        if len(calls) == number:
            raise OSError(28, "no room")
        return function(*args, **settings)

    return full


def killed(*_args: Any, **_settings: Any) -> Any:
    raise KeyboardInterrupt


class TestReading:
    """What `read_project` makes of folders that are not as they should be."""

    def test_a_folder_without_a_project_is_told(self, tmp_path):
        with pytest.raises(FileError, match="is no project folder"):
            read_project(tmp_path)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "not a readable project"),
            ("[]", "not a project"),
            ('{"schema_version": "1"}', "not a project"),
            ('{"schema_version": 99, "program": "napari-coreg 9"}', r"later version \(napari-coreg 9\)"),
            ('{"schema_version": 1}', "list of attempts is damaged"),
            ('{"schema_version": 1, "attempts": [{"name": "x"}]}', "list of attempts is damaged"),
            (
                '{"schema_version": 1, "attempts": [{"name": "x", "key": "k", "folder": "../.."}]}',
                "list of attempts is damaged",
            ),
        ],
    )
    def test_a_damaged_index_is_told_in_one_sentence(self, text, words, tmp_path):
        (tmp_path / "project.json").write_text(text)
        with pytest.raises(FileError, match=words):
            read_project(tmp_path)
        with pytest.raises(FileError, match=words):
            write_project([], tmp_path)

    def test_a_damaged_attempt_is_left_out_told_and_kept(self, two, tmp_path):
        folder = write_project(two, tmp_path / "project")
        damaged = folder / "attempts" / plain(folder)["attempts"][0]["folder"] / "transform.h5"
        damaged.write_bytes(damaged.read_bytes()[:100])
        project = read_project(folder)
        assert [item.name for item in project.attempts] == ["bent"]
        assert project.notes[0].startswith("'first' was left out")
        write_project(project.attempts, folder)
        assert damaged.exists()
        assert [entry["name"] for entry in plain(folder)["attempts"]] == ["bent", "first"]

    def test_a_project_without_one_readable_attempt_is_refused(self, two, tmp_path):
        folder = write_project(two, tmp_path / "project")
        shutil.rmtree(folder / "attempts")
        with pytest.raises(FileError, match="none of its attempts can be read"):
            read_project(folder)

    def test_an_attempt_without_its_pair_is_left_out(self, two, tmp_path):
        folder = write_project(two, tmp_path / "project")
        values = plain(folder)
        values["attempts"][0]["fixed"] = None
        rewrite(folder, values)
        assert "does not tell the pair" in read_project(folder).notes[0]

    def test_volumes_that_moved_with_the_project_are_found(self, tmp_path):
        (tmp_path / "a" / "data").mkdir(parents=True)
        path = tmp_path / "a" / "data" / "ct.nii.gz"
        path.write_text("volume")
        origin = VolumeOrigin("ct", path=str(path))
        write_project([attempt("one", fixed=origin)], tmp_path / "a" / "project")
        (tmp_path / "a").rename(tmp_path / "b")
        moved = read_project(tmp_path / "b" / "project").attempts[0].fixed.path
        assert moved == str(tmp_path / "b" / "data" / "ct.nii.gz")

    def test_a_volume_that_is_nowhere_keeps_the_path_it_had(self, tmp_path):
        origin = VolumeOrigin("ct", path=str(tmp_path / "gone.nii.gz"))
        write_project([attempt("one", fixed=origin)], tmp_path / "project")
        assert read_project(tmp_path / "project").attempts[0].fixed == origin
