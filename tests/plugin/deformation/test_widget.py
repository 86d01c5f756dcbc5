"""The dock shows what is ticked and no more, says it in numbers, and leaves the viewer as it was."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from napari.layers import Image, Vectors
from qtpy.QtCore import Qt

from napari_coreg import write_transform
from napari_coreg.errors import GeometryError
from napari_coreg.plugin.deformation import layers as deformation_layers
from napari_coreg.plugin.deformation.dock import open_deformation
from napari_coreg.plugin.deformation.look import VIEWS
from napari_coreg.plugin.deformation.widget import DeformationWidget
from napari_coreg.plugin.layer_run import request_from_layers
from napari_coreg.plugin.register.result_panel import ResultPanel

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_coreg.core.geometry import Grid

TURN = sitk.Euler3DTransform((31.0, 27.0, 23.0), 0.0, 0.0, float(np.radians(9.0)), (4.0, 0.0, 0.0))


def registered(viewer: ViewerModel, register: Any, recipe: Any, transform: sitk.Transform = TURN, name: str = "done"):
    """Add a layer as a registration would; the result is made up."""
    register.transform = transform
    fixed = sitk.GetImageFromArray(viewer.layers["fixed"].data)
    fixed.SetSpacing((2.0, 2.0, 2.0))
    result = register(fixed, fixed, recipe, on_progress=None, is_cancelled=None, is_enough=None)
    return viewer.add_image(
        viewer.layers["fixed"].data,
        name=name,
        scale=(2, 2, 2),
        units=("mm",) * 3,
        metadata={"napari_coreg": {"result": result, "made_by": {"moving": "moving"}}},
    )


@pytest.fixture
def dock(qtbot: Any, pair: ViewerModel, fake_register: Any, rigid: Any) -> DeformationWidget:
    registered(pair, fake_register, rigid)
    widget = DeformationWidget(pair)
    qtbot.addWidget(widget)
    return widget


def tick(qtbot: Any, dock: DeformationWidget, view: Any, ticked: bool = True) -> None:
    with qtbot.waitSignal(dock.settled):
        dock.views.tick(view, ticked=ticked)
    qtbot.waitUntil(lambda: all(layer in dock._viewer.layers for layer in dock.shown.layers(view)))


def of_class(viewer: ViewerModel, kind: type) -> list[Any]:
    return [layer for layer in viewer.layers if type(layer) is kind and "done" not in layer.name]


def test_it_begins_with_the_registered_layer_and_shows_nothing(dock, pair):
    assert dock.source.result.layer() is pair.layers["done"]
    assert dock.source.result.layers() == [pair.layers["done"]]
    assert dock.message.text() == "Tick what you want to see of the deformation."
    assert len(pair.layers) == 3


def test_without_a_result_it_says_how_to_begin(qtbot, pair):
    widget = DeformationWidget(pair)
    qtbot.addWidget(widget)
    assert widget.message.text().startswith("Register a pair")
    assert not widget.views.isEnabled()


def test_it_takes_the_result_of_a_run_that_ends_while_it_is_open(qtbot, pair, fake_register, rigid):
    widget = DeformationWidget(pair)
    qtbot.addWidget(widget)
    layer = registered(pair, fake_register, rigid)
    assert widget.source.result.layer() is layer
    assert widget.views.isEnabled()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_comes_and_goes_with_its_tick(qtbot, dock, pair, view):
    before = list(pair.layers)
    tick(qtbot, dock, view)
    (layer,) = dock.shown.layers(view)
    assert [each for each in pair.layers if each not in before] == [layer]
    tick(qtbot, dock, view, ticked=False)
    qtbot.waitUntil(lambda: list(pair.layers) == before)


def test_lines_stay_above_maps_in_whatever_order_they_are_ticked(qtbot, dock, pair):
    for view in ("grid", "magnitude", "vectors", "jacobian"):
        tick(qtbot, dock, view)
    order = [pair.layers.index(dock.shown.layers(view)[0]) for view in ("magnitude", "jacobian", "grid", "vectors")]
    assert order == [3, 4, 5, 6]
    assert pair.layers.index("done") == 2


def test_its_arrows_stand_in_for_those_that_a_run_has_added(qtbot, dock, pair):
    of_run = pair.add_vectors(
        np.zeros((1, 2, 3)), units=("mm",) * 3, metadata={"napari_coreg": {"made_by": {"moving": "moving"}}}
    )
    tick(qtbot, dock, "vectors")
    assert not of_run.visible
    tick(qtbot, dock, "grid")
    assert not of_run.visible
    tick(qtbot, dock, "vectors", ticked=False)
    assert of_run.visible


def test_the_selection_stays(qtbot, dock, pair):
    pair.layers.selection.active = pair.layers["moving"]
    tick(qtbot, dock, "magnitude")
    assert pair.layers.selection.active is pair.layers["moving"]
    assert set(pair.layers.selection) == {pair.layers["moving"]}


def test_a_view_that_comes_back_is_not_made_again(qtbot, dock, pair, monkeypatch):
    tick(qtbot, dock, "magnitude")
    data = dock.shown.layers("magnitude")[0].data
    tick(qtbot, dock, "magnitude", ticked=False)
    monkeypatch.setattr(deformation_layers, "measure_deformation", None)
    tick(qtbot, dock, "magnitude")
    assert dock.shown.layers("magnitude")[0].data is data


def test_numbers_are_said_with_units(qtbot, dock):
    tick(qtbot, dock, "grid")
    assert "mm" in dock.figures.text()
    assert "1.00 to 1.00; no voxel" in dock.folding.text()
    assert dock.rigid.text() == ""


def test_relative_to_the_rigid_part_it_says_what_was_taken_off(qtbot, dock):
    tick(qtbot, dock, "magnitude")
    before = dock.shown.layers("magnitude")[0]
    with qtbot.waitSignal(dock.settled):
        dock.views.relative.setChecked(True)
    assert "9.0°" in dock.rigid.text()
    after = dock.shown.layers("magnitude")[0]
    assert before.data.max() > 4
    assert after.data.max() < 1e-2


def test_folding_is_said_as_an_error_and_has_its_own_swatch(qtbot, pair, fake_register, rigid):
    mirror = sitk.ScaleTransform(3, (-1.0, 1.0, 1.0))
    registered(pair, fake_register, rigid, mirror)
    widget = DeformationWidget(pair)
    qtbot.addWidget(widget)
    tick(qtbot, widget, "jacobian")
    assert "voxels are folded" in widget.folding.text()
    assert widget.folding.property("role") == "error"
    assert not widget.views.folded.isHidden()
    assert len(widget.shown.layers("jacobian")) == 2


def test_legends_show_the_layers_own_colours_and_follow_them(qtbot, dock):
    tick(qtbot, dock, "vectors")
    tick(qtbot, dock, "jacobian")
    arrows, volume = dock.views.legends["vectors"], dock.views.legends["jacobian"]
    (vectors,), (jacobian, *_) = dock.shown.layers("vectors"), dock.shown.layers("jacobian")
    assert isinstance(vectors, Vectors)
    assert arrows.limits() == pytest.approx(vectors.edge_contrast_limits)
    np.testing.assert_allclose(arrows.colours()[-1], vectors.edge_colormap.map(np.array([1.0]))[0])
    assert arrows.ticks()[0] == (0.0, "0 mm")
    assert [text for _, text in volume.ticks()] == ["0.909", "1", "1.1"]
    assert volume.ticks()[1][0] == pytest.approx(0.5)
    jacobian.contrast_limits = (0.25, 4.0)
    assert [text for _, text in volume.ticks()] == ["0.25", "1", "4"]
    tick(qtbot, dock, "vectors", ticked=False)
    assert arrows.isHidden()


def test_the_settings_change_their_views(qtbot, dock):
    tick(qtbot, dock, "vectors")
    tick(qtbot, dock, "grid")
    few, wide = (dock.shown.layers(view)[0] for view in ("vectors", "grid"))
    with qtbot.waitSignal(dock.settled):
        dock.views.density.setCurrentIndex(0)
    with qtbot.waitSignal(dock.settled):
        dock.views.spacing.setValue(12.5)
    assert len(dock.shown.layers("vectors")[0].data) < len(few.data)
    assert "12.5 mm" in dock.shown.layers("grid")[0].name
    assert wide is not dock.shown.layers("grid")[0]


def test_deleting_a_layer_unticks_its_view(qtbot, dock, pair):
    tick(qtbot, dock, "magnitude")
    tick(qtbot, dock, "grid")
    pair.layers.remove(dock.shown.layers("magnitude")[0])
    assert dock.views.ticked() == ("grid",)
    tick(qtbot, dock, "magnitude")
    assert dock.shown.layers("magnitude")[0] in pair.layers


def test_another_result_replaces_what_is_shown(qtbot, dock, pair, fake_register, rigid):
    tick(qtbot, dock, "magnitude")
    before = dock.shown.layers("magnitude")[0]
    other = registered(pair, fake_register, rigid, sitk.TranslationTransform(3, (7.0, 0.0, 0.0)), "done too")
    with qtbot.waitSignal(dock.settled):
        dock.source.result.set_layer(other)
    qtbot.waitUntil(lambda: before not in pair.layers)
    np.testing.assert_allclose(dock.shown.layers("magnitude")[0].data, 7.0, atol=1e-5)


def test_deleting_the_registered_layer_takes_its_views_along(qtbot, dock, pair):
    tick(qtbot, dock, "magnitude")
    pair.layers.remove("done")
    qtbot.waitUntil(lambda: [layer.name for layer in pair.layers] == ["fixed", "moving"])
    assert not dock.views.isEnabled()


class TestFile:
    def test_a_transform_from_a_file_is_shown_over_the_fixed_layer(self, qtbot, dock, pair, tmp_path: Path):
        path = tmp_path / "shift.tfm"
        write_transform(sitk.TranslationTransform(3, (0.0, 3.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        assert dock.source.fixed.layer() is pair.layers["fixed"]
        tick(qtbot, dock, "magnitude")
        (layer,) = dock.shown.layers("magnitude")
        assert layer.name == "Displacement of shift.tfm (mm)"
        np.testing.assert_allclose(layer.data, 3.0)

    def test_closing_it_goes_back_to_the_result(self, qtbot, dock, tmp_path: Path):
        path = tmp_path / "shift.tfm"
        write_transform(sitk.TranslationTransform(3, (0.0, 3.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        dock.source.close_button.click()
        tick(qtbot, dock, "magnitude")
        assert dock.shown.layers("magnitude")[0].name == "Displacement of moving (mm)"

    def test_what_is_no_transform_is_said_and_the_result_stays(self, qtbot, dock, tmp_path: Path):
        path = tmp_path / "notes.tfm"
        path.write_text("no transform")
        with qtbot.waitSignal(dock.source.said, check_params_cb=lambda _text, role: role == "error"):
            dock.open_transform(path)
        assert dock.message.property("role") == "error"
        tick(qtbot, dock, "magnitude")

    def test_a_transform_of_other_axes_is_said(self, qtbot, dock, tmp_path: Path):
        path = tmp_path / "flat.tfm"
        write_transform(sitk.TranslationTransform(2, (1.0, 0.0)), path)
        with qtbot.waitSignal(dock.source.changed):
            dock.open_transform(path)
        assert "2-D" in dock.message.text()
        assert not dock.views.isEnabled()


class TestWorking:
    @pytest.fixture
    def gate(self, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
        """Hold the measuring until the gate is open or it is cancelled."""
        gate = threading.Event()
        real = deformation_layers.measure_deformation

        def slow(transform: Any, grid: Grid, *, on_fraction: Any, is_cancelled: Any) -> Any:
            on_fraction(0.25)
            while not gate.wait(0.01) and not is_cancelled():
                pass
            return real(transform, grid, on_fraction=on_fraction, is_cancelled=is_cancelled)

        monkeypatch.setattr(deformation_layers, "measure_deformation", slow)
        return gate

    def test_progress_is_shown(self, qtbot, dock, gate):
        dock.views.tick("magnitude")
        qtbot.waitUntil(lambda: dock.bar.value() == 25)
        assert not dock.working.isHidden()
        with qtbot.waitSignal(dock.settled):
            gate.set()
        assert dock.working.isHidden()

    def test_cancelling_unticks_what_is_not_there_yet(self, qtbot, dock, pair, gate):
        dock.views.tick("magnitude")
        assert dock.is_busy()
        with qtbot.waitSignal(dock.settled):
            dock.cancel_button.click()
        assert dock.views.ticked() == ()
        assert len(pair.layers) == 3

    def test_what_is_ticked_meanwhile_is_made_too(self, qtbot, dock, gate):
        dock.views.tick("magnitude")
        dock.views.tick("grid")
        gate.set()
        qtbot.waitUntil(lambda: bool(dock.shown.layers("grid")) and bool(dock.shown.layers("magnitude")))

    def test_arrows_and_grid_are_there_before_the_numbers(self, qtbot, dock, gate):
        dock.views.tick("vectors")
        qtbot.waitUntil(lambda: bool(dock.shown.layers("vectors")))
        assert dock.is_busy()
        assert dock.figures.text() == ""
        with qtbot.waitSignal(dock.settled):
            gate.set()
        assert dock.figures.text()

    def test_cancelling_the_numbers_leaves_what_is_shown(self, qtbot, dock, gate):
        dock.views.tick("vectors")
        qtbot.waitUntil(lambda: bool(dock.shown.layers("vectors")))
        with qtbot.waitSignal(dock.settled):
            dock.cancel_button.click()
        assert dock.views.ticked() == ("vectors",)
        assert not dock.is_busy()

    def test_closing_the_dock_stops_the_work(self, qtbot, dock, gate):
        dock.views.tick("magnitude")
        with qtbot.waitSignal(dock.settled):
            dock.cancel()

    def test_an_error_is_said_and_the_view_unticked(self, qtbot, dock, monkeypatch):
        def refuse(*_: Any, **__: Any) -> None:
            raise GeometryError("the field is torn")

        monkeypatch.setattr(deformation_layers, "measure_deformation", refuse)
        with qtbot.waitSignal(dock.settled):
            dock.views.tick("magnitude")
        assert dock.message.text() == "the field is torn"
        assert dock.message.property("role") == "error"
        assert dock.views.ticked() == ()


def test_all_controls_have_tooltips_and_take_the_keyboard(dock):
    controls = [*dock.views.boxes.values(), dock.views.relative, dock.views.density, dock.views.spacing]
    controls += [dock.source.result, dock.source.fixed, dock.source.open_button, dock.source.close_button]
    for control in [*controls, dock.cancel_button]:
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_it_fits_a_narrow_dock_in_both_themes(dock, pair):
    assert dock.minimumSizeHint().width() <= 320
    for theme in ("light", "dark"):
        pair.theme = theme
        assert dock.styleSheet()


def test_the_result_panel_asks_for_the_deformation_of_its_result(qtbot, pair, dock):
    result = pair.layers["done"].metadata["napari_coreg"]["result"]
    request = request_from_layers(pair.layers["fixed"], pair.layers["moving"], result.recipe)
    panel = ResultPanel()
    qtbot.addWidget(panel)
    panel.show_result(request, result, None)
    with qtbot.waitSignal(panel.deformation_wanted, check_params_cb=lambda wanted: wanted is result):
        panel.deformation.click()


def test_without_a_window_nothing_is_opened(pair):
    assert open_deformation(pair, SimpleNamespace()) is None


def test_images_are_shown_too(qtbot, viewer, fake_register, rigid):
    viewer.add_image(np.random.default_rng(0).random((40, 50), np.float32), name="fixed", units=("mm",) * 2)
    fake_register.transform = sitk.Euler2DTransform((25.0, 20.0), 0.2, (1.0, 2.0))
    image = sitk.GetImageFromArray(viewer.layers["fixed"].data)
    result = fake_register(image, image, rigid, on_progress=None, is_cancelled=None, is_enough=None)
    viewer.add_image(viewer.layers["fixed"].data, name="done", metadata={"napari_coreg": {"result": result}})
    widget = DeformationWidget(viewer)
    qtbot.addWidget(widget)
    for view in VIEWS:
        tick(qtbot, widget, view)
        assert widget.shown.layers(view)[0].ndim == 2
    assert isinstance(widget.shown.layers("grid")[0], Image)


@pytest.mark.slow
def test_the_button_of_a_result_opens_the_dock_on_it(request: Any, fake_register: Any, rigid: Any):
    viewer = request.getfixturevalue("make_napari_viewer_proxy")()
    viewer.add_image(np.random.default_rng(0).random((8, 9, 10), np.float32), name="fixed", units=("mm",) * 3)
    layers = [registered(viewer, fake_register, rigid, name=name) for name in ("done", "done later")]
    first = layers[0].metadata["napari_coreg"]["result"]
    widget = open_deformation(viewer, first)
    assert widget.source.result.currentText() == "done"
    again = open_deformation(viewer, layers[1].metadata["napari_coreg"]["result"])
    assert again.source.result.currentText() == "done later"
