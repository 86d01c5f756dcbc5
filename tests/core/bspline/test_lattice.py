"""Expansion of control points, against SimpleITK's own point mapping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.bspline.lattice import Lattice, displacements
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.geometry import Grid


def directions(dimension: int) -> st.SearchStrategy[np.ndarray]:
    """Right- and left-handed axes at right angles."""

    def build(angles, mirrored):
        axes = Rotation.from_euler("xyz", angles).as_matrix() if dimension == 3 else _plane_turn(angles[0])
        if mirrored:
            axes[:, 0] *= -1
        return axes

    angle = st.integers(-180, 180).map(np.deg2rad)
    return st.builds(build, st.tuples(angle, angle, angle), st.booleans())


def _plane_turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@st.composite
def splines_on_grids(draw, dimension: int):
    size = tuple(draw(st.integers(2, 7)) for _ in range(dimension))
    spacing = tuple(draw(st.sampled_from([0.3, 1.0, 2.5])) for _ in range(dimension))
    origin = tuple(draw(st.integers(-200, 200)) / 3 for _ in range(dimension))
    grid = Grid(size, spacing, origin, tuple(draw(directions(dimension)).ravel().tolist()))
    transform = make_bspline(grid, tuple(draw(st.integers(1, 5)) for _ in range(dimension)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    transform.SetParameters(rng.normal(0, 10, len(transform.GetParameters())).tolist())
    return transform, grid


def moved(transform, points):
    return np.array([np.subtract(transform.TransformPoint(p), p) for p in points.tolist()])


@pytest.mark.parametrize("dimension", [2, 3])
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_every_voxel_moves_as_simpleitk_moves_it(dimension, data):
    transform, grid = data.draw(splines_on_grids(dimension))
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in grid.size_xyz], indexing="ij"), axis=-1)
    of_sitk = moved(transform, grid.to_lps(indices.reshape(-1, dimension))).reshape(indices.shape)
    ours = displacements(transform, grid)
    order = (*reversed(range(dimension)), dimension)
    np.testing.assert_allclose(ours, of_sitk.transpose(order), atol=1e-6)


def test_another_grid_of_the_same_direction_may_be_finer_coarser_and_reach_beyond_the_domain():
    base = Grid(
        (6, 5, 4),
        (2.0, 1.0, 3.0),
        (7.0, -3.0, 11.0),
        tuple(Rotation.from_euler("xyz", [20, -35, 70], degrees=True).as_matrix().ravel()),
    )
    transform = make_bspline(base, (3, 2, 4))
    transform.SetParameters(np.random.default_rng(1).normal(0, 5, len(transform.GetParameters())).tolist())
    wide = Grid((9, 11, 8), (1.7, 0.6, 2.1), tuple(base.to_lps(np.array([-1.3, -1.1, -0.9]))), base.direction)
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in wide.size_xyz], indexing="ij"), axis=-1)
    of_sitk = moved(transform, wide.to_lps(indices.reshape(-1, 3))).reshape(indices.shape)
    assert (of_sitk == 0).all(axis=-1).any(), "no voxel lies outside"
    np.testing.assert_allclose(displacements(transform, wide), of_sitk.transpose(2, 1, 0, 3), atol=1e-6)


@pytest.mark.parametrize("dimension", [2, 3])
def test_coefficients_become_the_same_parameters_again(dimension):
    grid = Grid((8,) * dimension, (1.0,) * dimension, (0.0,) * dimension, tuple(np.eye(dimension).ravel()))
    transform = make_bspline(grid, (2, 3, 1)[:dimension])
    parameters = np.random.default_rng(0).normal(size=len(transform.GetParameters()))
    transform.SetParameters(parameters.tolist())
    lattice = Lattice.of(transform)
    np.testing.assert_array_equal(lattice.parameters(lattice.coefficients(transform)), parameters)
