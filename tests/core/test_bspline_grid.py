"""B-spline grids: they cover the volume, start as the identity, and are refined without changing the deformation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.bspline_grid import make_bspline, mesh_sizes, refine

if TYPE_CHECKING:
    import SimpleITK as sitk


def random_spline(grid, mesh, seed) -> sitk.BSplineTransform:
    transform = make_bspline(grid, mesh)
    count = len(transform.GetParameters())
    transform.SetParameters(np.random.default_rng(seed).normal(0, 5, count).tolist())
    return transform


@settings(deadline=None, max_examples=30)
@given(
    dimension=st.sampled_from([2, 3]),
    mesh=st.tuples(*[st.integers(1, 5)] * 3),
    angles=st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3),
    left_handed=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_refined_grid_is_the_same_deformation(phantom, dimension, mesh, angles, left_handed, seed):
    size, spacing = (20, 24, 17)[:dimension], (1.0, 2.0, 3.5)[:dimension]
    grid = phantom.grid(size, spacing, angles, left_handed=left_handed, centre=(40.0, -70.0, 900.0))
    coarse = random_spline(grid, mesh[:dimension], seed)
    fine = refine(coarse)
    assert fine.GetTransformDomainMeshSize() == tuple(2 * cells for cells in mesh[:dimension])
    finer = refine(fine)
    inside = np.random.default_rng(seed).uniform(-0.49, np.array(size) - 0.51, (25, dimension))
    for point in grid.to_lps(inside).tolist():
        wanted = coarse.TransformPoint(point)
        np.testing.assert_allclose(fine.TransformPoint(point), wanted, atol=1e-9)
        np.testing.assert_allclose(finer.TransformPoint(point), wanted, atol=1e-9)


def test_refining_does_not_change_the_coarse_grid(phantom):
    coarse = random_spline(phantom.grid(), (2, 2, 2), 0)
    before = coarse.GetParameters()
    refine(coarse)
    assert coarse.GetParameters() == before


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("left_handed", [False, True])
def test_the_domain_reaches_every_voxel_to_its_edge(phantom, dimension, left_handed):
    size, spacing = (9, 12, 7)[:dimension], (1.0, 2.0, 5.0)[:dimension]
    grid = phantom.grid(size, spacing, (0.5, 0.4, -0.9), left_handed=left_handed, centre=(5.0, 6.0, 7.0))
    spline = make_bspline(grid, (3, 2, 1)[:dimension])
    shift = [4.0, -3.0, 2.0][:dimension]
    number = len(spline.GetParameters()) // dimension
    spline.SetParameters(np.repeat(shift, number).tolist())  # equal coefficients shift all of the domain, and only it
    index = np.stack(np.meshgrid(*[(-0.499, n / 2, n - 0.501) for n in size], indexing="ij"), -1).reshape(-1, dimension)
    for point in grid.to_lps(index).tolist():
        np.testing.assert_allclose(np.subtract(spline.TransformPoint(point), point), shift, atol=1e-9)
    outside = grid.to_lps(np.array(size) + 0.5).tolist()
    assert spline.TransformPoint(outside) == pytest.approx(outside)


def test_a_new_grid_moves_nothing(phantom):
    spline = make_bspline(phantom.grid(), (2, 3, 4))
    for point in phantom.points(10):
        assert spline.TransformPoint(point) == pytest.approx(point)


@given(
    size=st.tuples(*[st.integers(4, 400)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6.0)] * 3),
    coarsest=st.floats(5.0, 200.0),
)
def test_cells_are_no_longer_than_asked_and_halve_exactly(phantom, size, spacing, coarsest):
    grid = phantom.grid(size, spacing)
    asked = (coarsest, coarsest, coarsest / 2, coarsest / 4)
    meshes = mesh_sizes(grid, asked)
    assert meshes[0] == meshes[1]
    assert meshes[2] == tuple(2 * cells for cells in meshes[1])
    assert meshes[3] == tuple(2 * cells for cells in meshes[2])
    for mesh, mm in zip(meshes, asked, strict=True):
        for cells, n, voxel in zip(mesh, size, spacing, strict=True):
            assert n * voxel / cells <= mm * (1 + 1e-5) + 1e-5
