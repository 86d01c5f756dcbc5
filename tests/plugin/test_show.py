"""The viewer at the end of the demo."""

from __future__ import annotations

from napari.components import ViewerModel

from napari_coreg.plugin.show import add_result
from napari_coreg.samples import sample_path


def test_before_is_hidden_and_after_lies_on_the_fixed_volume():
    viewer = ViewerModel()
    paths = [str(sample_path(name)) for name in ("ct.nii.gz", "pet.nii.gz", "ct.nii.gz")]
    add_result(viewer, paths)
    assert [layer.name for layer in viewer.layers] == ["ct (fixed)", "pet (before)", "ct (after)"]
    assert [layer.visible for layer in viewer.layers] == [True, False, True]
    assert viewer.layers[2].blending == "additive"
    assert (viewer.layers[0].extent.world == viewer.layers[2].extent.world).all()
