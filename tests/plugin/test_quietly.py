"""Layers of ours count what the others count."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_coreg.plugin.placement import displayed_matrix
from napari_coreg.plugin.quietly import add_beside


@pytest.mark.parametrize(
    ("others", "then"), [((), "mm"), (("pixel",), "pixel"), (("mm",), "mm"), (("pixel", "um"), "mm")]
)
def test_a_new_layer_counts_pixels_only_where_all_others_do(others: tuple[str, ...], then: str) -> None:
    viewer = ViewerModel()
    for unit in others:
        viewer.add_image(np.zeros((4, 5)), units=(unit,) * 2)
    layer = Image(np.zeros((4, 5)), units=("mm",) * 2, scale=(2, 3), translate=(5, 7))
    before = displayed_matrix(layer)
    add_beside(viewer, layer)
    assert layer in viewer.layers
    assert [unit.is_compatible_with("mm") for unit in layer.units] == [then == "mm"] * 2
    np.testing.assert_array_equal(displayed_matrix(layer), before)
