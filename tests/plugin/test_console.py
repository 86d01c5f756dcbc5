from __future__ import annotations

import numpy as np
import pytest

from napari_coreg import register_layers
from napari_coreg.errors import RecipeError, VolumeError


def test_names_of_layers_are_enough(pair):
    result = register_layers(pair, "fixed", "moving", "translation", threads=1)
    np.testing.assert_allclose(result.transform.TransformPoint((20.0, 20.0, 20.0)), (20, 24, 20), atol=0.1)
    assert [layer.name for layer in pair.layers[2:]] == ["moving registered to fixed", "Deformation of moving"]
    assert pair.layers.selection.active.name == "moving registered to fixed"


def test_nothing_is_added_when_not_wanted(pair):
    register_layers(pair, pair.layers[0], pair.layers[1], "translation", add=False, magnitude=True)
    assert len(pair.layers) == 2


def test_an_unknown_name_lists_the_layers(pair):
    with pytest.raises(VolumeError, match="There is no layer 'fixt'; the viewer's layers are: 'fixed', 'moving'"):
        register_layers(pair, "fixt", "moving")


def test_an_empty_viewer_is_told(viewer):
    with pytest.raises(VolumeError, match="layers are: none"):
        register_layers(viewer, "a", "b")


def test_an_unknown_recipe_lists_the_recipes(pair):
    with pytest.raises(RecipeError, match="rigid-affine"):
        register_layers(pair, "fixed", "moving", "rigit")


def test_an_image_is_no_mask(pair):
    with pytest.raises(VolumeError, match="use a Labels layer"):
        register_layers(pair, "fixed", "moving", fixed_mask="moving")
