"""Coarse grids over the same space."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.geometry import Grid
from napari_coreg.core.slabs import coarser, padded

UNIT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@given(
    size=st.tuples(*[st.integers(4, 600)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 5)] * 3),
)
@settings(max_examples=60, deadline=None)
def test_a_coarser_grid_covers_the_same_space_with_few_voxels(size, spacing):
    grid = Grid(size, spacing, (1.0, -2.0, 3.0), UNIT)
    coarse = coarser(grid, 50_000)
    assert coarse.number_of_voxels <= 50_000
    edge = np.asarray(grid.spacing_xyz)
    np.testing.assert_allclose(coarse.corners_lps[0], grid.corners_lps[0], atol=1e-6)
    assert np.all(coarse.corners_lps[-1] >= grid.corners_lps[-1] - 1e-6)
    assert np.all(np.asarray(coarse.spacing_xyz) >= edge - 1e-9)


def test_a_padded_grid_reaches_one_voxel_further_on_every_side():
    grid = Grid((10, 11, 12), (1.0, 2.0, 3.0), (5.0, 5.0, 5.0), UNIT)
    np.testing.assert_allclose(padded(grid).corners_lps[0], grid.corners_lps[0] - (1, 2, 3))
    np.testing.assert_allclose(padded(grid).corners_lps[-1], grid.corners_lps[-1] + (1, 2, 3))
