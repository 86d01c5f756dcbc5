"""show_deformation() takes a layer, its name, a result, or a transform with a fixed layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import show_deformation
from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from napari.components import ViewerModel


@pytest.fixture
def result(pair: ViewerModel, fake_register: Any, rigid: Any) -> Any:
    image = sitk.GetImageFromArray(pair.layers["fixed"].data)
    image.SetSpacing((2.0, 2.0, 2.0))
    return fake_register(image, image, rigid, on_progress=None, is_cancelled=None, is_enough=None)


def test_a_result_is_shown_in_the_views_that_are_asked_for(pair, result):
    layers = show_deformation(pair, result, ["magnitude", "vectors"])
    assert [layer.name.split(" of ")[0] for layer in layers] == ["Displacement", "Displacement vectors"]
    assert all(layer in pair.layers for layer in layers)
    np.testing.assert_allclose(layers[0].data, 4.0)


def test_one_view_may_be_given_by_its_name(pair, result):
    assert len(show_deformation(pair, result, "grid", spacing_mm=7.0)) == 1
    assert "7 mm" in pair.layers[-1].name


def test_a_registered_layer_is_shown_by_its_name_where_it_lies(pair, result):
    metadata = {"napari_coreg": {"result": result, "made_by": {"moving": "moving"}}}
    pair.add_image(pair.layers["fixed"].data, name="done", scale=(2, 2, 2), units=("mm",) * 3, metadata=metadata)
    (layer,) = show_deformation(pair, "done", ["magnitude"])
    assert layer.name == "Displacement of moving (mm)"
    np.testing.assert_allclose(layer.data_to_world((1, 2, 3)), pair.layers["done"].data_to_world((1, 2, 3)))


def test_a_transform_is_shown_over_a_fixed_layer(pair):
    layers = show_deformation(pair, sitk.ScaleTransform(3, (2.0, 1.0, 1.0)), ["jacobian"], fixed="fixed")
    np.testing.assert_allclose(layers[0].data, 2.0, atol=1e-4)


def test_relative_to_the_rigid_part_a_shift_is_nothing(pair, result):
    (layer,) = show_deformation(pair, result, ["magnitude"], relative_to_rigid=True)
    assert layer.data.max() < 1e-3


def test_a_layer_without_a_result_is_refused(pair):
    with pytest.raises(VolumeError, match="'fixed' is not the result"):
        show_deformation(pair, "fixed")


def test_a_transform_without_a_fixed_layer_is_refused(pair):
    with pytest.raises(VolumeError, match="fixed"):
        show_deformation(pair, sitk.TranslationTransform(3))


def test_a_transform_of_other_axes_is_refused(pair):
    with pytest.raises(GeometryError, match="2-D"):
        show_deformation(pair, sitk.TranslationTransform(2), fixed="fixed")


def test_an_unknown_view_is_refused_before_anything_is_made(pair, result):
    with pytest.raises(VolumeError, match="'curl'"):
        show_deformation(pair, result, ["vectors", "curl"])
    assert len(pair.layers) == 2
