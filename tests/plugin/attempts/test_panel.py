"""The table of attempts in the dock widget, the layers that follow it, and projects: through the real widget."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes, Vectors
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLineEdit

from napari_coreg import attempts_of, compare_layers, open_project, save_project
from napari_coreg.core.geometry import Grid
from napari_coreg.core.register import fingerprint
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import FileError
from napari_coreg.io.volumes import write_volume
from napari_coreg.plugin.attempts.layers import FLIP_KEY, layers_of_attempts, registered_layer
from napari_coreg.plugin.attempts.remember import remember
from napari_coreg.plugin.attempts.table import NAME, PAIR, RECIPE, SCORE, TIME
from napari_coreg.plugin.contributions import read_layers
from napari_coreg.plugin.layer_run import add_layers, carry_out, read_volumes, request_from_layers
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.register.widget import RegisterWidget
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import FakeRegister

    from napari_coreg.attempts import Attempt

REGISTERED = "moving registered to fixed"


@pytest.fixture
def widget(qtbot: Any, pair: ViewerModel, fake_register: FakeRegister, fake_check: Any) -> RegisterWidget:
    """The dock widget over a pair of layers, with a register() that takes no time and tells fingerprints."""
    widget = RegisterWidget(pair, register=fingerprinted(fake_register), check=fake_check)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def fingerprinted(register: Any) -> Any:
    def call(fixed: sitk.Image, moving: sitk.Image, recipe: Any, **settings: Any) -> Any:
        result = register(fixed, moving, recipe, **settings)
        return replace(result, fingerprints={"fixed": fingerprint(fixed), "moving": fingerprint(moving)})

    return call


def run(qtbot: Any, widget: RegisterWidget) -> Attempt:
    with qtbot.waitSignal(widget.ended, timeout=20_000):
        widget.run()
    settle(qtbot, widget)
    return widget.attempts.table._attempts[-1]


def settle(qtbot: Any, widget: RegisterWidget) -> None:
    """Wait until no layer is made, added or removed any more."""
    qtbot.waitUntil(lambda: not widget.attempts.is_busy() and not widget._turns._jobs, timeout=20_000)
    qtbot.wait(40)


def click(widget: RegisterWidget, row: int, *, ctrl: bool = False) -> None:
    table = widget.attempts.table
    where = table.visualItemRect(table.item(row, RECIPE)).center()
    modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, where)


def texts(widget: RegisterWidget, column: int) -> list[str]:
    table = widget.attempts.table
    return [table.item(row, column).text() for row in range(table.rowCount())]


def visible(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def own(attempt: Attempt) -> Any:
    return registered_layer(attempt)


class TestTable:
    """What the table says."""

    def test_it_is_folded_and_offers_a_project_until_the_first_run(self, qtbot, widget):
        panel = widget.attempts
        assert panel.content.isHidden()
        panel.section.unfold()
        assert panel.table.isHidden()
        assert not panel.open.isHidden()
        assert panel.save_as.isHidden()
        run(qtbot, widget)
        assert not panel.content.isHidden()
        assert panel.table.rowCount() == 1
        assert not panel.save_as.isHidden()

    def test_a_finished_run_is_a_row(self, qtbot, widget):
        run(qtbot, widget)
        rows = [texts(widget, column) for column in (NAME, RECIPE, SCORE, TIME)]
        assert rows == [["Run 1"], ["rigid"], ["−0.7500"], ["1.2 s"]]
        tooltip = widget.attempts.table.item(0, NAME).toolTip()
        for words in ("moving → fixed", "−0.2500 → −0.7500", "Verdict: Good", "it converged"):
            assert words in tooltip

    def test_a_cancelled_run_and_a_failed_one_are_no_rows(self, qtbot, widget, fake_register):
        fake_register.error = FileError("no")
        with qtbot.waitSignal(widget.ended):
            widget.run()
        assert widget.attempts.table.rowCount() == 0

    def test_the_pair_is_told_only_where_there_are_several(self, qtbot, widget, pair):
        run(qtbot, widget)
        assert widget.attempts.table.isColumnHidden(PAIR)
        widget.layers.swap()
        run(qtbot, widget)
        assert not widget.attempts.table.isColumnHidden(PAIR)
        assert texts(widget, PAIR) == ["moving → fixed", "fixed → moving"]

    def test_it_fits_a_narrow_dock_whatever_the_names_are(self, qtbot, widget, pair):
        run(qtbot, widget)
        least = widget.minimumSizeHint().width()
        attempts_of(pair).rename(attempts_of(pair)[0], "a name that is much too long " * 5)
        assert widget.minimumSizeHint().width() == least
        widget.resize(300, 900)
        qtbot.wait(10)
        table = widget.attempts.table
        assert table.horizontalHeader().length() <= table.viewport().width()

    def test_the_console_s_runs_are_rows_too(self, qtbot, widget, pair, rigid, fake_register):
        pair.layers["fixed"].name, pair.layers["moving"].name = "ct", "mr"
        registered(pair, fake_register, rigid)
        assert texts(widget, NAME) == ["Run 1"]

    def test_the_memory_of_one_more_is_told_without_the_volumes_it_shares(self, qtbot, widget):
        first, second = run(qtbot, widget), run(qtbot, widget)
        volume = 24 * 28 * 32 * 4 / 1e6
        words = widget.attempts.memory.text()
        everything, last = (float(word) for word in words.split() if word[0].isdigit())
        layers = [sum(layer.data.nbytes for layer in attempt.layers) / 1e6 for attempt in (first, second)]
        assert everything == pytest.approx(2 * volume + sum(layers), abs=0.06)
        assert last == pytest.approx(layers[1], abs=0.06)


class TestShowing:
    """Which layers are seen."""

    def test_a_new_run_hides_the_layers_of_the_one_before(self, qtbot, widget, pair):
        first, second = run(qtbot, widget), run(qtbot, widget)
        assert own(second).visible
        assert not own(first).visible
        assert {"fixed", "moving"} < visible(pair)

    def test_a_click_shows_an_attempt_and_hides_the_others(self, qtbot, widget, pair):
        first, second = run(qtbot, widget), run(qtbot, widget)
        click(widget, 0)
        assert own(first).visible
        assert not own(second).visible
        assert {"fixed", "moving"} < visible(pair)

    def test_the_arrow_keys_show_too(self, qtbot, widget, pair):
        first, _second = run(qtbot, widget), run(qtbot, widget)
        widget.attempts.table.setFocus()
        QTest.keyClick(widget.attempts.table, Qt.Key.Key_Up)
        assert attempts_of(pair).current is first

    def test_two_rows_are_flipped_by_the_button_and_by_one_key(self, qtbot, widget, pair):
        first, _second, third = (run(qtbot, widget) for _ in range(3))
        click(widget, 0)
        click(widget, 2, ctrl=True)
        assert widget.attempts.table.selected() == [first, third]
        widget.attempts.flip.click()
        assert own(first).visible
        assert not own(third).visible
        assert widget.attempts.table.selected() == [first, third]
        pair.keymap[coerce_keybinding(FLIP_KEY)](pair)
        assert own(third).visible
        assert not own(first).visible

    def test_the_key_is_none_of_naparis(self):
        keys = {key for shortcuts in default_shortcuts.values() for key in shortcuts}
        assert coerce_keybinding("Shift+L") in keys
        assert coerce_keybinding(FLIP_KEY) not in keys
        for layer_class in (Image, Labels, Points, Shapes, Vectors):
            assert coerce_keybinding(FLIP_KEY) not in layer_class.class_keymap

    def test_a_key_that_the_user_has_bound_stays_theirs(self, qtbot, widget, pair):
        calls = []
        pair.bind_key(FLIP_KEY, calls.append)
        run(qtbot, widget)
        pair.keymap[coerce_keybinding(FLIP_KEY)](pair)
        assert calls == [pair]

    def test_layers_that_were_hidden_by_hand_stay_so_when_it_is_shown_again(self, qtbot, widget):
        first = run(qtbot, widget)
        arrows = next(layer for layer in first.layers if layer is not own(first))
        assert not arrows.visible  # of a linear transform
        run(qtbot, widget)
        click(widget, 0)
        assert not arrows.visible
        arrows.visible = True
        click(widget, 1)
        assert not arrows.visible
        click(widget, 0)
        assert arrows.visible

    def test_a_registered_layer_that_was_removed_is_made_again_as_it_was(self, qtbot, widget, pair):
        first, _second = run(qtbot, widget), run(qtbot, widget)
        before = own(first)
        pair.layers.remove(before)
        assert own(first) is None
        click(widget, 0)
        settle(qtbot, widget)
        after = own(first)
        assert after in pair.layers
        assert after.visible
        np.testing.assert_array_equal(after.data, before.data)
        np.testing.assert_array_equal(after.affine.affine_matrix, before.affine.affine_matrix)
        assert after.metadata[METADATA_KEY]["result"] is first.result
        arrows = [layer for layer in pair.layers if layer.name.startswith("Deformation")]
        assert len(arrows) == 2  # those that were left are not made twice

    def test_one_that_was_removed_is_given_back_to_the_memory(self, qtbot, widget, pair):
        first = run(qtbot, widget)
        run(qtbot, widget)
        gone = weakref.ref(own(first).data)
        pair.layers.remove(own(first))
        widget.attempts.table.clearSelection()
        gc.collect()
        assert gone() is None

    def test_shown_again_without_its_volumes_in_the_viewer(self, qtbot, widget, pair):
        first = run(qtbot, widget)
        pair.layers.clear()
        click(widget, 0)
        settle(qtbot, widget)
        assert own(first) in pair.layers


@pytest.mark.slow
def test_keys_over_the_image_flip_what_is_seen(qtbot, request, fake_register, fake_check):
    viewer = request.getfixturevalue("make_napari_viewer")(show=True)
    voxels = np.zeros((24, 28, 32), np.float32)
    voxels[8:16, 10:18, 12:20] = 100
    for name in ("fixed", "moving"):
        viewer.add_image(voxels, name=name, scale=(2, 2, 2), units=("mm",) * 3, visible=False)
    widget = RegisterWidget(viewer, register=fingerprinted(fake_register), check=fake_check)
    viewer.window.add_dock_widget(widget)
    run(qtbot, widget)
    fake_register.transform = sitk.TranslationTransform(3, (-12.0, 0.0, 0.0))
    run(qtbot, widget)
    viewer.dims.set_point(0, 24)
    canvas = viewer.window._qt_viewer.canvas.native
    centres, pixels_a_mm = [], 0.0
    for _ in range(3):
        qtbot.wait(200)
        picture = viewer.screenshot(canvas_only=True, flash=False)[..., 0]
        places = np.argwhere(picture > 128)
        centres.append(places.mean(axis=0))
        pixels_a_mm = np.ptp(places[:, 0]) / 16
        QTest.keyClick(canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(centres[2], centres[0], atol=1)
    # The first attempt lies 4 mm further up, T(p) = p + (0, 4, 0), the second 12 mm further right, p + (-12, 0, 0).
    np.testing.assert_allclose((centres[1] - centres[0]) / pixels_a_mm, (-4, -12), atol=0.5)


class TestVerdict:
    """Verdict and buttons above the table are about the attempt that is shown."""

    def test_a_click_shows_the_verdict_of_that_attempt(self, qtbot, widget, fake_register):
        run(qtbot, widget)
        fake_register.verdict = Verdict("failed", ("it did not",), {})
        run(qtbot, widget)
        assert "Failed" in widget.result.verdict.word.text()
        click(widget, 0)
        assert "Good" in widget.result.verdict.word.text()

    def test_what_is_saved_is_what_is_shown(self, qtbot, widget, fake_register, tmp_path):
        run(qtbot, widget)
        fake_register.transform = sitk.TranslationTransform(3, (7.0, 0.0, 0.0))
        run(qtbot, widget)
        click(widget, 0)
        widget.result.write_transform(tmp_path / "shown.tfm")
        qtbot.waitUntil(lambda: widget.message.text().startswith("Saved"))
        assert sitk.ReadTransform(str(tmp_path / "shown.tfm")).TransformPoint((0.0, 0.0, 0.0)) == (0.0, 4.0, 0.0)

    def test_a_comparison_goes_on_with_the_attempt_that_is_shown(self, qtbot, widget, pair):
        first, second = run(qtbot, widget), run(qtbot, widget)
        comparison = compare_layers(pair, "fixed", own(second), "blend")
        click(widget, 0)
        assert (comparison.first.name, comparison.second, comparison.settings.mode) == ("fixed", own(first), "blend")
        comparison.end()
        assert own(first).visible
        assert not own(second).visible
        assert {"fixed", "moving"} < visible(pair)

    def test_one_whose_layer_was_removed_can_be_compared_when_it_is_there_again(self, qtbot, widget, pair):
        first, _second = run(qtbot, widget), run(qtbot, widget)
        pair.layers.remove(own(first))
        click(widget, 0)
        settle(qtbot, widget)
        assert widget.result.compare.isEnabled()

    def test_without_attempts_there_is_no_verdict(self, qtbot, widget):
        run(qtbot, widget)
        widget.attempts.delete.click()
        assert widget.result.isHidden()
        widget.attempts.undo.click()
        settle(qtbot, widget)
        assert not widget.result.isHidden()


class TestChanging:
    """Names, deletions and their undoing."""

    def test_a_double_click_and_f2_rename(self, qtbot, widget, pair):
        run(qtbot, widget)
        table = widget.attempts.table
        where = table.visualItemRect(table.item(0, SCORE)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
        type_into(table, "with mask")
        qtbot.waitUntil(lambda: texts(widget, NAME) == ["with mask"])
        assert attempts_of(pair)[0].name == "with mask"
        QTest.keyClick(table, Qt.Key.Key_F2)
        type_into(table, "without")
        qtbot.waitUntil(lambda: texts(widget, NAME) == ["without"])

    def test_delete_takes_row_and_layers_and_undo_brings_them_back(self, qtbot, widget, pair):
        first, second = run(qtbot, widget), run(qtbot, widget)
        layers, names = first.layers, {layer.name for layer in pair.layers}
        own(first).colormap = "magma"
        click(widget, 0)
        QTest.keyClick(widget.attempts.table, Qt.Key.Key_Delete)
        settle(qtbot, widget)
        assert texts(widget, NAME) == ["Run 2"]
        assert not any(layer in pair.layers for layer in layers)
        assert own(second).visible
        widget.attempts.undo.click()
        settle(qtbot, widget)
        assert texts(widget, NAME) == ["Run 1", "Run 2"]
        assert {layer.name for layer in pair.layers} == names
        assert own(first).colormap.name == "magma"
        assert own(first).visible
        assert not own(second).visible

    def test_all_can_be_deleted_and_brought_back_from_the_empty_panel(self, qtbot, widget, pair):
        run(qtbot, widget)
        run(qtbot, widget)
        widget.attempts.table.selectAll()
        widget.attempts.delete.click()
        settle(qtbot, widget)
        assert [layer.name for layer in pair.layers] == ["fixed", "moving"]
        assert not widget.attempts.undo.isHidden()
        widget.attempts.undo.click()
        settle(qtbot, widget)
        assert len(pair.layers) == 6

    def test_undo_before_the_layers_are_gone_is_safe(self, qtbot, widget, pair):
        first = run(qtbot, widget)
        widget.attempts.table.selectAll()
        widget.attempts.delete.click()
        widget.attempts.undo.click()
        settle(qtbot, widget)
        assert all(layer in pair.layers for layer in first.layers)

    def test_after_the_dock_is_gone_the_console_goes_on(self, qtbot, pair, fake_register, fake_check):
        widget = RegisterWidget(pair, register=fake_register, check=fake_check)
        first = run(qtbot, widget)
        widget.deleteLater()
        qtbot.wait(50)
        attempts_of(pair).delete(first)
        assert [layer.name for layer in pair.layers] == ["fixed", "moving"]
        attempts_of(pair).undo()
        assert own(first) in pair.layers

    def test_a_second_dock_shows_the_same_attempts(self, qtbot, widget, pair, fake_register, fake_check):
        run(qtbot, widget)
        other = RegisterWidget(pair, register=fake_register, check=fake_check)
        qtbot.addWidget(other)
        assert texts(other, NAME) == ["Run 1"]

    def test_neither_viewer_nor_layers_are_kept_alive(self, qtbot, rigid, fake_register):
        viewer = ViewerModel()
        keeper = weakref.ref(layers_of_attempts(viewer))
        session = weakref.ref(session_of(viewer))
        del viewer
        gc.collect()
        assert keeper() is None
        assert session() is None


def type_into(table: Any, text: str) -> None:
    editor = table.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def write_pair(folder: Path) -> tuple[Path, Path]:
    """Write an oblique, anisotropic pair."""
    paths = []
    for name, seed in (("ct", 0), ("mr", 1)):
        image = sitk.GetImageFromArray(np.random.default_rng(seed).normal(size=(12, 14, 16)).astype(np.float32))
        image.SetSpacing((1.0, 1.5, 2.5))
        turn = sitk.VersorRigid3DTransform()
        turn.SetRotation((1.0, 2.0, 3.0), 0.3)
        image.SetDirection(turn.GetMatrix())
        image.SetOrigin((-3.0, 4.0, 5.0 + seed))
        paths.append(folder / f"{name}.nii.gz")
        write_volume(image, paths[-1])
    return paths[0], paths[1]


def opened_pair(folder: Path) -> ViewerModel:
    viewer = ViewerModel()
    for path in write_pair(folder):
        open_file(viewer, path)
    return viewer


def open_file(viewer: ViewerModel, path: Path) -> None:
    viewer.add_layer(Layer.create(*read_layers(str(path))[0]))


def registered(viewer: ViewerModel, fake_register: Any, recipe: Any) -> Attempt:
    """Do what `register_layers` does, with a register() that takes no time."""
    request = request_from_layers(viewer.layers["ct"], viewer.layers["mr"], recipe)
    ready = carry_out(request, read_volumes(request), register=fingerprinted(fake_register))
    add_layers(viewer, ready)
    remember(viewer, request, ready)
    return attempts_of(viewer)[-1]


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # napari's, of any oblique volume
class TestProject:
    """Saving and opening, from the console and through the panel."""

    @pytest.fixture
    def saved(self, tmp_path, fake_register, rigid) -> Path:
        """A project of two attempts, of which the first one was shown."""
        fake_register.transform = sitk.TranslationTransform(3, (1.0, -2.0, 3.0))
        viewer = opened_pair(tmp_path)
        first = registered(viewer, fake_register, rigid)
        registered(viewer, fake_register, rigid)
        attempts_of(viewer).show(first)
        return save_project(viewer, tmp_path / "project")

    def truth(self, folder: Path) -> np.ndarray:
        fixed, moving = (sitk.ReadImage(str(folder / name)) for name in ("ct.nii.gz", "mr.nii.gz"))
        least = float(sitk.GetArrayViewFromImage(moving).min())
        shift = sitk.TranslationTransform(3, (1.0, -2.0, 3.0))
        return sitk.GetArrayFromImage(sitk.Resample(moving, fixed, shift, sitk.sitkLinear, least))

    def test_a_project_remembers_files_and_fingerprints(self, saved, tmp_path):
        entry = json.loads((saved / "project.json").read_text(encoding="utf-8"))["attempts"][0]
        assert entry["fixed"]["path"] == str(tmp_path / "ct.nii.gz")
        assert entry["fixed"]["relative_path"] == "../ct.nii.gz"
        assert entry["moving"]["fingerprint"].startswith("sha256:")

    def test_it_opens_its_volumes_and_shows_what_was_shown(self, saved, tmp_path):
        viewer = ViewerModel()
        attempts = open_project(viewer, saved)
        assert [attempt.name for attempt in attempts] == ["Run 1", "Run 2"]
        assert [layer.name for layer in viewer.layers][:3] == ["ct", "mr", "mr registered to ct"]
        layer = own(attempts[0])
        np.testing.assert_allclose(layer.data, self.truth(tmp_path), atol=1e-4)
        fixed = Grid.of(sitk.ReadImage(str(tmp_path / "ct.nii.gz")))
        corner = layer.data_to_world(np.array(layer.data.shape) - 1)[::-1]
        np.testing.assert_allclose(corner, fixed.to_lps(np.array(fixed.size_xyz) - 1.0), atol=1e-4)
        assert own(attempts[1]) is None  # made when it is asked for
        attempts_of(viewer).show(attempts[1])
        assert own(attempts[1]).visible
        assert not layer.visible
        assert attempts[0].result.fixed is attempts[1].result.fixed
        assert viewer.layers.selection.active is own(attempts[1])
        assert layer.colormap.name == viewer.layers["mr"].colormap.name == "bop orange"
        assert viewer.layers["ct"].visible
        assert not viewer.layers["mr"].visible  # it would be seen through the registered one

    def test_open_layers_are_known_by_their_voxels_whatever_they_are_called(self, saved, tmp_path):
        viewer = opened_pair(tmp_path)
        viewer.layers["mr"].name = "something else"
        viewer.layers["ct"].name = "mr"
        attempts = open_project(viewer, saved)
        assert {layer.name for layer in viewer.layers if layer not in attempts[0].layers} == {"mr", "something else"}
        np.testing.assert_allclose(own(attempts[0]).data, self.truth(tmp_path), atol=1e-4)

    def test_a_layer_of_the_same_name_with_other_voxels_is_taken_with_a_warning(self, saved, tmp_path, caplog):
        viewer = opened_pair(tmp_path)
        viewer.layers["mr"].data = viewer.layers["mr"].data + 1
        attempts = open_project(viewer, saved)
        assert own(attempts[0]) in viewer.layers
        assert "'mr' was taken for 'mr' by its file and name, but its voxels" in caplog.text
        assert "moving" not in attempts[0].result.fingerprints

    def test_volumes_that_are_nowhere_are_told_and_the_table_is_there(self, saved, tmp_path, caplog):
        (tmp_path / "mr.nii.gz").unlink()
        viewer = ViewerModel()
        attempts = open_project(viewer, saved)
        assert len(attempts_of(viewer)) == 2
        assert f"'mr' is missing: {tmp_path / 'mr.nii.gz'} is not there" in caplog.text
        assert attempts[0].result.verdict.state == "good"
        write_pair(tmp_path)
        attempts_of(viewer).show(attempts[0])
        assert own(attempts[0]).visible

    def test_saving_again_follows_what_was_deleted(self, saved):
        viewer = ViewerModel()
        first, second = open_project(viewer, saved)
        attempts_of(viewer).delete(first)
        attempts_of(viewer).rename(second, "the good one")
        save_project(viewer, saved)
        again = open_project(ViewerModel(), saved)
        assert [attempt.name for attempt in again] == ["the good one"]

    def test_opening_it_twice_adds_nothing(self, saved):
        viewer = ViewerModel()
        open_project(viewer, saved)
        names = [layer.name for layer in viewer.layers]
        assert open_project(viewer, saved) == ()
        assert [layer.name for layer in viewer.layers] == names

    def test_a_folder_that_is_none_is_told(self, tmp_path):
        with pytest.raises(FileError, match="is no project folder"):
            open_project(ViewerModel(), tmp_path)

    def test_the_buttons_save_and_open(self, qtbot, widget, pair, tmp_path, monkeypatch):
        run(qtbot, widget)
        panel, folder = widget.attempts, str(tmp_path / "project")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (folder, ""))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: folder)
        panel.save_as.click()
        settle(qtbot, widget)
        assert panel.message.text() == f"Saved in {folder}"
        attempts_of(pair).rename(attempts_of(pair)[0], "renamed")
        panel.save.click()
        settle(qtbot, widget)
        assert json.loads((tmp_path / "project" / "project.json").read_text())["attempts"][0]["name"] == "renamed"
        panel.open.click()
        settle(qtbot, widget)
        assert panel.message.text() == "Its attempts are all here already."
        shutil.rmtree(folder)
        panel.open.click()
        settle(qtbot, widget)
        assert "is no project folder" in panel.message.text()
        assert panel.message.property("role") == "error"

    def test_the_panel_opens_a_project_in_a_worker(self, qtbot, widget, pair, saved):
        widget.attempts.open_from(saved)
        settle(qtbot, widget)
        assert texts(widget, NAME) == ["Run 1", "Run 2"]
        assert own(attempts_of(pair)[0]) in pair.layers
        assert widget.attempts.message.text() == ""

    def test_doubts_about_a_volume_stay_to_be_read(self, qtbot, widget, pair, saved, tmp_path):
        for path in write_pair(tmp_path):
            open_file(pair, path)
        pair.layers["ct"].data = pair.layers["ct"].data + 1
        widget.attempts.open_from(saved)
        settle(qtbot, widget)
        assert own(attempts_of(pair)[0]) in pair.layers
        assert widget.attempts.message.text().startswith("'ct' was taken for 'ct'")
        assert widget.attempts.busy.isHidden()

    def test_a_missing_volume_is_told_in_the_panel_and_the_click_after_it_was_opened_shows(
        self, qtbot, widget, pair, saved, tmp_path
    ):
        (tmp_path / "mr.nii.gz").unlink()
        widget.attempts.open_from(saved)
        settle(qtbot, widget)
        assert widget.attempts.message.text().startswith("The volume 'mr' is missing")
        assert widget.attempts.message.property("role") == "error"
        write_pair(tmp_path)
        open_file(pair, tmp_path / "mr.nii.gz")
        click(widget, 0)
        settle(qtbot, widget)
        assert own(attempts_of(pair)[0]).visible
        assert widget.attempts.message.text() == ""

    def test_what_was_opened_can_be_registered_again_and_shares_its_volumes(self, saved, fake_register, rigid):
        viewer = ViewerModel()
        first, _second = open_project(viewer, saved)
        third = registered(viewer, fake_register, rigid)
        assert third.result.fixed is first.result.fixed
        assert third.name == "Run 3"
