"""The dock widget "Landmarks", driven as a user drives it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_coreg import fit_landmark_layers, fit_landmarks
from napari_coreg.errors import CoregError
from napari_coreg.io.points import read_points, write_points
from napari_coreg.plugin.landmarks.widget import LandmarksWidget
from napari_coreg.plugin.layers import points_to_layer, read_layer, volume_to_layer_data
from napari_coreg.plugin.live import live_volume
from napari_coreg.plugin.placement import displayed_matrix
from napari_coreg.session import session_of

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # napari's, of any oblique volume

TRUTH = sitk.Euler3DTransform((0, 0, 0), 0.1, -0.15, 0.2, (4.0, -6.0, 9.0))


def oblique(spacing, turn, origin):
    image = sitk.Image((20, 24, 16), sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), *turn).GetMatrix())
    return image


def inside(image, count, seed=0):
    """Places within a volume, LPS mm, as SimpleITK has them."""
    index = np.random.default_rng(seed).uniform(2, 14, (count, 3))
    return np.array([image.TransformContinuousIndexToPhysicalPoint(one.tolist()) for one in index])


def mapped(points):
    return np.array([TRUTH.TransformPoint(point) for point in points.tolist()])


@pytest.fixture
def images():
    fixed = oblique((1.0, 1.4, 2.5), (0.0, 0.0, 0.0), (-10.0, 3.0, 5.0))
    return fixed, oblique((1.5, 0.9, 2.0), (0.2, -0.1, 0.3), (-20.0, -15.0, 8.0))


@pytest.fixture
def two(viewer, images):
    """A viewer with 'ct', upright, and 'mr', oblique."""
    for image, name in zip(images, ("ct", "mr"), strict=True):
        data, kwargs, _ = volume_to_layer_data(image, name)
        viewer.add_layer(Image(data, **kwargs))
    return viewer


@pytest.fixture
def widget(qtbot, two):
    widget = LandmarksWidget(two)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def begun(qtbot, widget):
    """Adding in the fixed volume."""
    widget.controls.add_buttons["fixed"].click()
    qtbot.waitUntil(lambda: widget.desk.adding == "fixed")
    return widget


def put(widget, side, point_lps):
    layer = widget.marks.layer(side)
    layer.add(points_to_layer([point_lps], widget.marks.volume(side), layer)[0])


def settle(qtbot, widget):
    qtbot.wait(1)
    timers = (widget._pause, widget.desk._soon, widget.desk._turns._timer)
    qtbot.waitUntil(lambda: not any(timer.isActive() for timer in timers))


def set_pairs(qtbot, widget, fixed, moving):
    """Set landmarks one after the other, in turns, as they are clicked."""
    layer = widget.marks.layer("moving")
    for p, q in zip(fixed, moving, strict=True):
        put(widget, "fixed", p)
        qtbot.waitUntil(lambda: widget.desk._viewer.layers.selection.active is layer)
        put(widget, "moving", q)
        if widget.desk.adding != "fixed":
            settle(qtbot, widget)
            widget.controls.confirm.click()
        qtbot.waitUntil(lambda: widget.desk.adding == "fixed")
    settle(qtbot, widget)


def texts(widget, column):
    table = widget.controls.table
    return [table.item(row, column).text() for row in range(table.rowCount())]


def test_a_viewer_without_volumes_is_told_what_to_open(qtbot, viewer):
    widget = LandmarksWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.controls.hint.text().startswith("Open two volumes")
    assert not widget.controls.add_buttons["fixed"].isEnabled()


def test_every_control_has_a_tooltip_and_takes_the_keyboard(widget):
    controls = widget.controls
    for part in [*controls.findChildren(QPushButton), controls.model, controls.alone, controls.straight]:
        assert part.toolTip(), part.text()
        assert part.focusPolicy() != Qt.FocusPolicy.NoFocus


def test_it_fits_into_a_narrow_dock(widget):
    assert widget.minimumSizeHint().width() <= 300


def test_without_a_fit_the_next_click_in_the_other_volume_completes_the_pair(qtbot, begun, images):
    p = inside(images[0], 1)[0]
    put(begun, "fixed", p)
    qtbot.waitUntil(lambda: begun.desk.adding == "moving")
    settle(qtbot, begun)
    assert begun.controls.hint.text() == "Click landmark 1 in 'mr', where it has no partner yet."
    assert texts(begun, 2) == ["no partner yet"]
    put(begun, "moving", mapped(np.array([p]))[0])
    qtbot.waitUntil(lambda: begun.desk.adding == "fixed")
    (landmark,) = begun.marks.pairs.landmarks
    assert np.allclose(landmark.fixed_lps, p, atol=1e-6)
    assert np.allclose(landmark.moving_lps, TRUTH.TransformPoint(p), atol=1e-6)


def test_with_a_fit_the_viewer_goes_to_the_estimate_in_the_other_volume(qtbot, begun, images):
    points = inside(images[0], 5)
    set_pairs(qtbot, begun, points[:4], mapped(points[:4]))
    put(begun, "fixed", points[4])
    qtbot.waitUntil(lambda: begun.marks.layer("moving").mode == "select")
    settle(qtbot, begun)
    expected = np.array(TRUTH.TransformPoint(points[4]))
    landmark = begun.marks.pairs[4]
    assert landmark.guessed == "moving"
    assert np.allclose(landmark.moving_lps, expected, atol=1e-6)
    layer = begun.marks.layer("moving")
    assert layer.selected_data == {4}
    assert str(layer.symbol[4]) == "ring"
    viewer = begun.desk._viewer
    assert np.allclose(viewer.dims.point, expected[::-1], atol=viewer.dims.range[0].step)
    assert np.allclose(viewer.scene.camera.center[1:], expected[::-1][1:], atol=1e-6)
    assert texts(begun, 2)[-1] == "to confirm in moving"
    assert len(begun.desk.fit.names) == 4
    begun.controls.confirm.click()
    assert begun.desk.adding == "fixed"
    assert begun.marks.pairs[4].is_complete


def test_an_estimate_of_a_moving_point_is_set_in_the_fixed_volume(qtbot, begun, images):
    points = inside(images[0], 5)
    set_pairs(qtbot, begun, points[:4], mapped(points[:4]))
    begun.controls.add_buttons["moving"].click()
    qtbot.waitUntil(lambda: begun.desk.adding == "moving")
    put(begun, "moving", TRUTH.TransformPoint(points[4]))
    qtbot.waitUntil(lambda: begun.marks.layer("fixed").mode == "select")
    assert np.allclose(begun.marks.pairs[4].fixed_lps, points[4], atol=1e-5)


@pytest.mark.parametrize("model", ["translation", "rigid", "similarity", "affine", "thin_plate"])
def test_the_table_shows_what_fit_landmarks_says_the_worst_first(qtbot, begun, images, model):
    points = inside(images[0], 7)
    moving = mapped(points) + np.random.default_rng(1).normal(0, 0.5, points.shape)
    moving[2] += (0, 0, 6)
    set_pairs(qtbot, begun, points, moving)
    begun.controls.model.setCurrentIndex(begun.controls.model.findData(model))
    grid = begun.marks.volume("fixed").geometry
    expected = fit_landmarks(points, moving, model, like=grid)
    order = np.argsort(expected.leave_one_out_mm)[::-1]
    assert texts(begun, 0) == [str(number + 1) for number in order]
    assert texts(begun, 3) == [f"{expected.leave_one_out_mm[row]:.2f}" for row in order]
    assert texts(begun, 2) == [f"{expected.residuals_mm[row]:.2f}" for row in order]
    assert begun.controls.summary.text().startswith(f"7 landmarks: residual {expected.rms_mm:.2f} mm")


def test_the_table_is_sorted_by_a_click_on_a_header(qtbot, begun, images):
    points = inside(images[0], 5)
    set_pairs(qtbot, begun, points, mapped(points) + np.random.default_rng(1).normal(0, 1, points.shape))
    header = begun.controls.table.horizontalHeader()
    header.sectionClicked.emit(0)
    assert texts(begun, 0) == ["1", "2", "3", "4", "5"]
    header.sectionClicked.emit(0)
    assert texts(begun, 0) == ["5", "4", "3", "2", "1"]
    header.sectionClicked.emit(2)
    values = [float(text) for text in texts(begun, 2)]
    assert values == sorted(values, reverse=True)


def test_too_few_landmarks_for_a_model_are_told(qtbot, begun, images):
    points = inside(images[0], 2)
    set_pairs(qtbot, begun, points, mapped(points))
    assert begun.controls.summary.text().startswith("No fit yet: a rigid fit in 3-D needs at least 3")
    assert not begun.controls.start.isEnabled()


def test_a_click_on_a_row_goes_to_the_landmark_and_selects_it_in_both_layers(qtbot, begun, images):
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points, mapped(points))
    begun.desk.stop_adding()
    row = texts(begun, 0).index("2")
    begun.controls.table.selectRow(row)
    viewer = begun.desk._viewer
    assert np.allclose(viewer.scene.camera.center[1:], points[1][::-1][1:], atol=1e-6)
    assert begun.marks.layer("fixed").selected_data == begun.marks.layer("moving").selected_data == {1}
    viewer.layers.selection.active = begun.marks.layer("moving")
    begun.controls.table.clearSelection()
    begun.controls.table.selectRow(row)
    assert np.allclose(viewer.scene.camera.center[1:], mapped(points)[1][::-1][1:], atol=1e-6)


def test_rows_are_deleted_moved_renamed_and_brought_back(qtbot, begun, images):
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points, mapped(points))
    controls, pairs = begun.controls, begun.marks.pairs
    controls.table.horizontalHeader().sectionClicked.emit(0)
    controls.table.item(0, 1).setText("nose")
    settle(qtbot, begun)
    assert begun.marks.layer("moving").features["label"][0] == "1 nose"
    controls.table.selectRow(0)
    controls.down.click()
    settle(qtbot, begun)
    assert [landmark.name for landmark in pairs.landmarks] == ["", "nose", "", ""]
    assert controls.table.selected_keys() == [pairs[1].key]
    qtbot.keyClick(controls.table, Qt.Key.Key_Delete)
    settle(qtbot, begun)
    assert len(pairs) == len(begun.marks.layer("fixed").data) == 3
    assert "Undo brings" in controls.message.text()
    controls.undo.click()
    controls.undo.click()
    controls.undo.click()
    settle(qtbot, begun)
    assert texts(begun, 1) == ["", "", "", ""]
    controls.redo.click()
    assert pairs[0].name == "nose"


def test_nothing_selected_is_told(qtbot, begun, images):
    points = inside(images[0], 1)
    set_pairs(qtbot, begun, points, points)
    begun.controls.table.select(None)
    begun.controls.delete.click()
    begun.controls.up.click()
    assert len(begun.marks.pairs) == 1
    assert begun.controls.message.text() == "Select one landmark in the table first."


# layers


def test_a_layer_of_landmarks_that_was_deleted_comes_back(qtbot, begun, images):
    points = inside(images[0], 3)
    set_pairs(qtbot, begun, points, mapped(points))
    viewer = begun.desk._viewer
    viewer.layers.remove(begun.marks.layer("fixed"))
    settle(qtbot, begun)
    assert "its landmarks are kept" in begun.controls.message.text()
    assert begun.desk.fit is not None
    begun.controls.add_buttons["fixed"].click()
    qtbot.waitUntil(lambda: begun.desk.adding == "fixed")
    assert len(begun.marks.layer("fixed").data) == 3


def test_a_volume_that_was_deleted_ends_the_pair(qtbot, begun):
    viewer = begun.desk._viewer
    viewer.layers.remove("mr")
    settle(qtbot, begun)
    assert begun.marks is None
    assert not begun.controls.add_buttons["fixed"].isEnabled()


def test_points_layers_of_the_user_can_be_chosen(qtbot, widget, images, two):
    points = inside(images[0], 3)
    own = two.add_layer(Points(points[:, ::-1], name="own", units=("mm",) * 3))
    widget.controls.points["fixed"].set_layer(own)
    settle(qtbot, widget)
    assert widget.marks.layer("fixed") is own
    assert np.allclose([landmark.fixed_lps for landmark in widget.marks.pairs.landmarks], points, atol=1e-6)
    wrong = two.add_layer(Points(np.zeros((1, 2)), name="flat"))
    widget.controls.points["moving"].set_layer(wrong)
    settle(qtbot, widget)
    assert "2-D" in widget.controls.message.text()
    assert widget.marks.layer("moving") is None
    assert widget.controls.points["moving"].layer() is None


def test_the_dock_can_be_closed_and_opened_again(qtbot, begun, images, two):
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points, mapped(points))
    again = LandmarksWidget(two)
    qtbot.addWidget(again)
    assert again.marks is begun.marks
    assert len(again.desk.fit.names) == 4


def test_an_oblique_volume_is_shown_straight_and_given_back(qtbot, begun, two):
    begun.controls.alone.setChecked(False)
    assert not two.layers["mr"].visible
    view = two.layers["mr (straight)"]
    assert two.layers["ct"].visible
    begun.controls.straight.setChecked(False)
    assert two.layers["mr"].visible
    assert view not in two.layers


def test_a_straight_view_has_each_voxel_where_simpleitk_has_it(qtbot, viewer, images):
    spots = inside(images[1], 4)
    image = sitk.Image(images[1])
    array = np.random.default_rng(5).normal(100, 20, sitk.GetArrayFromImage(image).shape).astype(np.float32)
    filled = sitk.GetImageFromArray(array)
    filled.CopyInformation(image)
    for one, name in ((images[0], "ct"), (filled, "mr")):
        data, kwargs, _ = volume_to_layer_data(one, name)
        viewer.add_layer(Image(data, **kwargs))
    widget = LandmarksWidget(viewer)
    qtbot.addWidget(widget)
    widget.controls.add_buttons["moving"].click()
    qtbot.waitUntil(lambda: widget.desk.adding == "moving")
    volume = viewer.layers["mr (straight)"].data
    for spot in spots:
        index = np.rint(viewer.layers["mr (straight)"].world_to_data(spot[::-1])).astype(int)
        world = viewer.layers["mr (straight)"].data_to_world(index)
        shown = float(np.asarray(volume[tuple(index)]))
        at = filled.TransformPhysicalPointToContinuousIndex(tuple(float(value) for value in world[::-1]))
        expected = filled.EvaluateAtContinuousIndex(at, sitk.sitkLinear)
        assert shown == pytest.approx(expected, rel=1e-4)


def test_one_volume_at_a_time_is_shown_and_all_given_back(qtbot, begun, two):
    assert begun.controls.alone.isChecked()
    other = two.add_image(two.layers["ct"].data, name="registered", units=("mm",) * 3)
    assert two.layers["mr (straight)"].visible  # while something else is active
    qtbot.waitUntil(lambda: not begun.controls.add_buttons["fixed"].isChecked())
    begun.controls.add_buttons["fixed"].click()
    qtbot.waitUntil(lambda: begun.desk.adding == "fixed")
    assert not other.visible  # it would be clicked in
    assert two.layers["ct"].visible
    assert not two.layers["mr (straight)"].visible
    begun.controls.add_buttons["moving"].click()
    qtbot.waitUntil(lambda: begun.desk.adding == "moving")
    assert not two.layers["ct"].visible
    assert two.layers["mr (straight)"].visible
    begun.desk.leave()
    assert two.layers["ct"].visible
    assert two.layers["mr"].visible
    assert other.visible
    two.layers.selection.active = begun.marks.layer("fixed")
    assert other.visible


def test_a_straight_view_follows_a_change_of_units(begun, two):
    two.layers["mr"].units = ("um",) * 3
    view = two.layers["mr (straight)"]
    assert live_volume(view).look.source.index_to_lps == pytest.approx(displayed_matrix(two.layers["mr"]))


def shade(layer, seed=4):
    """Smooth noise in the place of a layer's zeros."""
    noise = np.random.default_rng(seed).uniform(0, 100, layer.data.shape).astype(np.float32)
    layer.data = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 2.0))


@pytest.mark.parametrize("model", ["rigid", "thin_plate"])
def test_the_moving_volume_is_seen_through_the_fit_and_kept_on_the_fixed_grid(qtbot, begun, images, two, model):
    shade(two.layers["mr"])
    points = inside(images[0], 6)
    set_pairs(qtbot, begun, points, mapped(points))
    begun.controls.model.setCurrentIndex(begun.controls.model.findData(model))
    begun.controls.see.click()
    settle(qtbot, begun)
    live = two.layers["mr through the fit (live)"]
    assert not any(layer.visible for layer in two.layers if layer.name.startswith("mr") and layer is not live)
    begun.controls.keep.click()
    begun.marks.pairs.remove({begun.marks.pairs[0].key})  # what was seen is kept, whatever is changed meanwhile
    qtbot.waitUntil(lambda: "mr on ct by 6 landmarks" in two.layers)
    moving = sitk.GetImageFromArray(np.asarray(two.layers["mr"].data))
    moving.CopyInformation(read_layer(two.layers["mr"]).to_image())
    truth = sitk.GetArrayFromImage(sitk.Resample(moving, images[0], TRUTH))
    inner = truth != 0
    for seen in (np.asarray(live_volume(live)), two.layers["mr on ct by 6 landmarks"].data):
        assert np.abs(seen - truth)[inner].mean() < (0.01 if model == "rigid" else 0.2)  # of a spread of some 10
    assert np.ptp(truth[inner]) > 10


def test_what_is_seen_follows_the_landmarks(qtbot, begun, images, two):
    shade(two.layers["mr"])
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points, mapped(points))
    begun.controls.see.click()
    settle(qtbot, begun)
    look = live_volume(two.layers["mr through the fit (live)"]).look
    before = look.transform.TransformPoint((0.0, 0.0, 0.0))
    layer = begun.marks.layer("fixed")
    layer.data = np.add(layer.data, (0.0, 0.0, 1.0))
    settle(qtbot, begun)
    assert np.linalg.norm(np.subtract(look.transform.TransformPoint((0.0, 0.0, 0.0)), before)) > 0.3


@pytest.mark.parametrize("how", ["press", "add", "remove", "close", "too few"])
def test_what_stood_in_for_the_moving_volume_gives_it_back(qtbot, begun, images, two, how):
    points = inside(images[0], 3)
    set_pairs(qtbot, begun, points, mapped(points))
    visible = {layer.name: layer.visible for layer in two.layers}
    begun.controls.see.click()
    settle(qtbot, begun)
    assert "mr through the fit (live)" in two.layers
    if how == "press":
        begun.controls.see.click()
    elif how == "add":
        begun.controls.add_buttons["moving"].click()
    elif how == "remove":
        two.layers.remove("mr through the fit (live)")
        begun.controls.see.click()
    elif how == "too few":
        begun.marks.pairs.remove([begun.marks.pairs.complete[0].key])
    else:
        begun.desk.leave()
    settle(qtbot, begun)
    assert "mr through the fit (live)" not in two.layers
    if how in ("close", "add"):
        assert two.layers["mr landmarks"].visible
    else:
        assert {layer.name: layer.visible for layer in two.layers} == visible


def test_the_same_layer_twice_is_refused(widget, two):
    widget.controls.images["moving"].set_layer(two.layers["ct"])
    assert widget.controls.hint.text() == "Fixed and moving are the same layer: choose two."
    assert widget.controls.hint.property("role") == "error"


# the start of a run


@pytest.mark.parametrize("model", ["rigid", "affine", "thin_plate"])
def test_the_fit_becomes_the_start_of_the_next_run(qtbot, monkeypatch, begun, images, model):
    opened = []
    opener = "napari_coreg.plugin.landmarks.widget.open_register"
    monkeypatch.setattr(opener, lambda _viewer, *pair: opened.append(pair))
    points = inside(images[0], 7)
    moving = mapped(points) + np.random.default_rng(2).normal(0, 0.4, points.shape)
    set_pairs(qtbot, begun, points, moving)
    begun.controls.model.setCurrentIndex(begun.controls.model.findData(model))
    session = session_of(begun.desk._viewer)
    asked = []
    session.run_wanted.connect(lambda: asked.append(1))
    begun.controls.start.click()
    qtbot.waitUntil(lambda: session.start is not None)
    expected = fit_landmarks(points, moving, model, like=images[0])
    for point in inside(images[0], 5, seed=9).tolist():
        assert np.allclose(session.start.transform.TransformPoint(point), expected.transform.TransformPoint(point))
    assert session.start.holds_for(begun.marks.images["fixed"], begun.marks.images["moving"])
    assert "fit to 7 landmarks" in session.start.source
    assert begun.controls.message.text().startswith(
        "Nothing is run yet. The next run of 'mr' onto 'ct' begins from the"
    )
    assert not asked
    qtbot.waitUntil(begun.controls.run.isEnabled)
    begun.controls.run.click()
    qtbot.waitUntil(lambda: bool(asked))
    assert opened == [(begun.marks.images["fixed"], begun.marks.images["moving"])]
    assert begun.marks.images["moving"].visible  # no straight view is left before the run
    assert begun.desk.adding is None


def test_a_start_that_the_landmarks_have_left_behind_is_told(qtbot, begun, images):
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points, mapped(points))
    begun.controls.start.click()
    begun.marks.pairs.place(begun.marks.pairs[0].key, "moving", (1.0, 2.0, 3.0))
    settle(qtbot, begun)
    assert begun.controls.message.text().startswith("The landmarks have changed since")


# files


@pytest.mark.parametrize("suffix", [".csv", ".fcsv", ".mrk.json", ".pts", ".txt", ".vtk"])
def test_landmarks_are_read_and_written(qtbot, widget, images, tmp_path, suffix):
    points = inside(images[0], 4).round(3)
    for side, values in (("fixed", points), ("moving", mapped(points).round(3))):
        write_points(values, tmp_path / f"{side}{suffix}", list("abcd"))
        widget.open_file(side, tmp_path / f"{side}{suffix}")
    said = f"4 landmarks read from moving{suffix}; 4 landmarks set in both volumes."
    assert widget.controls.message.text().startswith(said)
    qtbot.waitUntil(lambda: widget.marks.layer("moving") is not None)
    assert not widget.desk._viewer.layers["mr"].visible  # a straight view stands in
    assert np.allclose([landmark.fixed_lps for landmark in widget.marks.pairs.landmarks], points, atol=1e-9)
    widget.save_file("moving", tmp_path / f"again{suffix}")
    assert np.allclose(read_points(tmp_path / f"again{suffix}")[0], mapped(points).round(3), atol=1e-6)


def test_pairs_in_one_table_are_written_with_their_gaps_and_read_again(qtbot, begun, images, tmp_path):
    points = inside(images[0], 4)
    set_pairs(qtbot, begun, points[:3], mapped(points[:3]))
    put(begun, "fixed", points[3])
    settle(qtbot, begun)
    begun.save_file("both", tmp_path / "pairs.csv")
    before = begun.marks.pairs.landmarks
    begun.marks.pairs.remove([landmark.key for landmark in before])
    begun.open_file("both", tmp_path / "pairs.csv")
    after = begun.marks.pairs.landmarks
    assert np.allclose([landmark.fixed_lps for landmark in after], points, atol=1e-6)
    assert [landmark.is_complete for landmark in after] == [True, True, True, False]


@pytest.mark.parametrize(
    ("what", "name", "text", "why"),
    [
        ("fixed", "a.csv", "x,y,z\n1,2\n", "line 2"),
        ("fixed", "a.csv", "x,y\n1,2\n", "in 2-D, but the volumes are 3-D"),
        ("moving", "a.doc", "", "landmarks are read from"),
        ("moving", "a.pts", "index\n1\n1 2 3\n", "counted in voxels"),
        ("both", "a.csv", "x,y,z\n1,2,3\n", "no column fixed_x"),
    ],
)
def test_bad_files_are_told_in_a_sentence_and_change_nothing(widget, tmp_path, what, name, text, why):
    (tmp_path / name).write_text(text)
    widget.open_file(what, tmp_path / name)
    assert why in widget.controls.message.text()
    assert widget.controls.message.property("role") == "error"
    assert not len(widget.marks.pairs)
    widget.save_file(what, tmp_path / "out.csv")
    assert "there are no landmarks yet" in widget.controls.message.text()


# the console


def test_the_function_for_the_console_fits_what_the_widget_fits(qtbot, begun, images, two):
    points = inside(images[0], 5)
    moving = mapped(points) + np.random.default_rng(3).normal(0, 0.3, points.shape)
    set_pairs(qtbot, begun, points, moving)
    put(begun, "fixed", inside(images[0], 1, seed=4)[0])  # an estimate follows, which does not count
    settle(qtbot, begun)
    fit = fit_landmark_layers(two, "ct landmarks", "mr landmarks", fixed="ct", moving="mr")
    assert np.allclose(fit.residuals_mm, fit_landmarks(points, moving).residuals_mm, atol=1e-9)
    bent = fit_landmark_layers(two, "ct landmarks", "mr landmarks", "thin_plate", fixed="ct", moving="mr")
    assert bent.max_mm < 1e-6


def test_the_function_for_the_console_pairs_by_name_where_it_can(two, images):
    points = inside(images[0], 4)
    fixed = Points(points[:, ::-1], features={"name": list("abcd")}, units=("mm",) * 3)
    moving = Points(mapped(points)[[3, 1, 0, 2], ::-1], features={"name": list("dbac")}, units=("mm",) * 3)
    fit = fit_landmark_layers(two, fixed, moving, fixed="ct", moving="mr")
    assert fit.names == ("a", "b", "c", "d")
    assert fit.max_mm < 1e-9
    with pytest.raises(CoregError, match=r"has 4 points and .* has 3"):
        fit_landmark_layers(two, fixed, Points(np.zeros((3, 3))), fixed="ct", moving="mr")
