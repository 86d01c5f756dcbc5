"""Lines lie where SimpleITK's own point mapping meets the planes."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core.geometry import Grid
from napari_coreg.core.grid_lines import GridLines, nice_spacing_mm
from napari_coreg.core.slabs import slab_grid
from napari_coreg.errors import GeometryError

UNIT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = tuple(Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix().ravel())
GRID = Grid((41, 31, 21), (1.0, 1.0, 2.0), (-20.0, 5.0, 40.0), OBLIQUE)
STILL = sitk.TranslationTransform(3)


def deformation() -> sitk.Transform:
    matrix = np.eye(3) + np.array([[0.05, 0.1, -0.02], [-0.08, -0.1, 0.04], [0.03, 0.02, 0.08]])
    return sitk.AffineTransform(matrix.ravel().tolist(), [3.0, -2.0, 1.5])


def from_planes(transform: sitk.Transform, grid: Grid, index: tuple[int, ...], spacing_mm: float) -> np.ndarray:
    """How far T(p) is from the nearest plane of each family, mm."""
    n = grid.dimension
    mapped = np.array(transform.TransformPoint(grid.to_lps(np.array(index, float)).tolist()))
    along = np.reshape(grid.direction, (n, n)).T @ (mapped - grid.centre_lps)
    return np.abs(along - spacing_mm * np.rint(along / spacing_mm))


def test_the_identity_draws_straight_lines_through_the_centre():
    slice_ = GridLines(STILL, GRID, 10.0)(slab_grid(GRID, 3, 4))[0]
    assert sorted(np.flatnonzero((slice_ == 255).all(axis=0))) == [0, 10, 20, 30, 40]
    assert sorted(np.flatnonzero((slice_ == 255).all(axis=1))) == [5, 15, 25]
    assert not slice_[7, 4:7].any()


@pytest.mark.parametrize("transform", [STILL, deformation()], ids=["still", "deformed"])
def test_a_slice_is_bright_just_where_the_mapped_point_meets_a_plane(transform):
    drawn = GridLines(transform, GRID, 10.0)(slab_grid(GRID, 8, 9))[0]
    for y, x in np.ndindex(*drawn.shape):
        distance = from_planes(transform, GRID, (x, y, 8), 10.0)[:2].min()
        if distance < 0.05:
            assert drawn[y, x] > 240
        elif distance > 1.5:
            assert drawn[y, x] < 60


def test_a_plane_in_the_slice_is_left_out():
    lines = GridLines(STILL, GRID, 10.0)
    through, between = (lines(slab_grid(GRID, z, z + 1))[0] for z in (10, 8))  # 10 is the centre
    np.testing.assert_array_equal(through, between)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_lines_are_seen_in_slices_along_every_axis(axis):
    size = list(GRID.size_xyz)
    size[axis] = 1
    start = np.zeros(3)
    start[axis] = 4
    box = Grid(tuple(size), GRID.spacing_xyz, tuple(GRID.to_lps(start)), GRID.direction)
    drawn = GridLines(deformation(), GRID, 10.0)(box)
    assert drawn.shape == box.size_xyz[::-1]
    assert 0.1 < (drawn > 128).mean() < 0.5


def test_in_a_volume_lines_are_where_two_planes_meet():
    drawn = GridLines(STILL, GRID, 10.0)(GRID)
    for z, y, x in [(10, 15, 3), (10, 4, 20), (2, 15, 20)]:
        assert drawn[z, y, x] == 255
    for z, y, x in [(10, 4, 3), (2, 15, 3), (2, 4, 20), (2, 4, 3)]:
        assert drawn[z, y, x] == 0


def test_lines_of_an_image_are_drawn_in_it():
    grid = Grid((21, 11), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    drawn = GridLines(sitk.TranslationTransform(2, (2.0, 0.0)), grid, 5.0)(grid)
    assert sorted(np.flatnonzero((drawn == 255).all(axis=0))) == [3, 8, 13, 18]
    assert sorted(np.flatnonzero((drawn == 255).all(axis=1))) == [0, 5, 10]


def test_lines_stay_within_a_voxel_where_the_transform_squeezes():
    squeeze = sitk.ScaleTransform(3, (3.0, 3.0, 3.0))
    squeeze.SetCenter(GRID.centre_lps.tolist())
    drawn = GridLines(squeeze, GRID, 12.0)(slab_grid(GRID, 10, 11))[0]
    assert sorted(np.flatnonzero((drawn == 255).all(axis=0))) == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, float("nan")])
def test_lines_need_a_distance(spacing_mm):
    with pytest.raises(GeometryError, match="mm apart"):
        GridLines(STILL, GRID, spacing_mm)


@pytest.mark.parametrize(("edge_mm", "expected"), [(256.0, 20.0), (90.0, 5.0), (3.2, 0.2), (1000.0, 50.0)])
def test_the_proposed_spacing_is_round_and_fits(edge_mm, expected):
    assert nice_spacing_mm(Grid((10, 10, 10), (edge_mm / 10, 1e-3, 1e-3), (0.0,) * 3, UNIT)) == pytest.approx(expected)
