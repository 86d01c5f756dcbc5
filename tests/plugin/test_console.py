from __future__ import annotations

import numpy as np
import pytest

from napari_coreg import check_layers, register_layers
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


def test_a_check_finds_what_would_stop_the_run_and_adds_nothing(pair):
    pair.layers["moving"].data[3, 3, 3] = np.nan
    findings = check_layers(pair.layers["fixed"], pair.layers["moving"], "rigid")
    assert findings[0].severity == "error"
    assert "NaN" in findings[0].what
    assert len(pair.layers) == 2


def test_a_check_finds_no_error_in_layers_that_can_be_registered(pair):
    mask = pair.add_labels(np.ones((24, 28, 32), int), name="head", scale=(2, 2, 2), units=("mm",) * 3)
    findings = check_layers(pair.layers["fixed"], pair.layers["moving"], "translation", fixed_mask=mask)
    assert not [finding for finding in findings if finding.severity == "error"]


def test_a_check_takes_layers_and_says_how_they_are_called_when_given_a_name(pair):
    with pytest.raises(VolumeError, match=r"'moving' is a name: give the layer itself, viewer.layers\['moving'\]"):
        check_layers(pair.layers["fixed"], "moving")


def test_a_check_knows_the_modality_of_a_file(pair, monkeypatch):
    called = []
    monkeypatch.setattr("napari_coreg.plugin.console.check_volumes", lambda request, _: called.append(request) or ())
    pair.layers["fixed"].metadata["napari_coreg"] = {"modality": "CT"}
    pair.layers["moving"].metadata["napari_coreg"] = {"modality": None}
    check_layers(pair.layers["fixed"], pair.layers["moving"])
    assert (called[0].fixed.modality, called[0].moving.modality) == ("CT", "")
