"""Boards and curtains fixed in the world, contours of a sphere in closed form, contrast that fits."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.compare import (
    automatic_level,
    before_line,
    checkerboard,
    contour,
    label_edges,
    normalised,
    robust_window,
    sample,
)
from napari_coreg.core.geometry import Grid

OBLIQUE = tuple(np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5).GetMatrix(), 9).tolist())
UPRIGHT = tuple(np.eye(3).ravel().tolist())


def image_of(grid: Grid) -> sitk.Image:
    image = sitk.Image(grid.size_xyz, sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def points_of(grid: Grid) -> np.ndarray:
    """Where SimpleITK says the voxels are, (z, y, x, 3) LPS mm."""
    image, (x, y, z) = image_of(grid), grid.size_xyz
    points = [image.TransformIndexToPhysicalPoint((i, j, k)) for k in range(z) for j in range(y) for i in range(x)]
    return np.reshape(points, (z, y, x, 3))


@pytest.mark.parametrize("direction", [UPRIGHT, OBLIQUE])
class TestCells:
    grid_arguments = ((9, 8, 7), (0.7, 1.3, 2.9), (-11.3, 4.1, 30.7))

    def test_each_voxel_is_in_the_cell_of_the_world_where_it_lies(self, direction):
        grid = Grid(*self.grid_arguments, direction)
        cells = np.floor(points_of(grid) / 3.1).astype(int).sum(axis=-1)
        np.testing.assert_array_equal(checkerboard(grid, 3.1), cells % 2 == 0)

    def test_columns_are_the_same_all_along_them(self, direction):
        grid = Grid(*self.grid_arguments, direction)
        cells = np.floor(points_of(grid)[..., :2] / 3.1).astype(int).sum(axis=-1)
        np.testing.assert_array_equal(checkerboard(grid, 3.1, axes=(0, 1)), cells % 2 == 0)

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_a_curtain_ends_at_its_position_in_the_world(self, direction, axis):
        grid = Grid(*self.grid_arguments, direction)
        position = float(np.median(points_of(grid)[..., axis])) + 0.01
        np.testing.assert_array_equal(before_line(grid, axis, position), points_of(grid)[..., axis] < position)


@given(
    st.tuples(*[st.integers(0, 20)] * 3),
    st.sampled_from([0.3, 0.5, 1.0, 2.5]),
    st.sampled_from([1.0, 2.0, 5.0, 20.0, 7.3]),
)
def test_the_board_stays_when_only_a_part_of_it_is_looked_at(first, spacing, cell):
    whole = Grid((24, 24, 24), (spacing,) * 3, (-6.0, 3.0, 10.0), UPRIGHT)
    part = Grid((4, 4, 4), (spacing,) * 3, tuple(whole.to_lps(np.array(first, float)).tolist()), UPRIGHT)
    x, y, z = first
    expected = checkerboard(whole, cell)[z : z + 4, y : y + 4, x : x + 4]
    np.testing.assert_array_equal(checkerboard(part, cell), expected)


def test_the_board_has_cells_in_a_picture_of_two_axes():
    grid = Grid((4, 4), (1.0, 1.0), (0.5, 0.5), (1.0, 0.0, 0.0, 1.0))
    assert checkerboard(grid, 2.0).astype(int).tolist() == [[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2


class TestContours:
    grid = Grid((40, 36, 22), (0.8, 1.1, 2.0), (-20.0, 5.0, 12.0), OBLIQUE)
    radius = 13.0

    def distances(self) -> np.ndarray:
        """Distance from the sphere's surface, mm; negative within."""
        return np.linalg.norm(points_of(self.grid) - self.grid.centre_lps, axis=-1) - self.radius

    def test_every_marked_voxel_touches_the_sphere_and_every_voxel_that_it_cuts_through_the_middle_is_marked(self):
        distances = self.distances()
        marked = contour(distances.astype(np.float32), 0.0)
        assert np.abs(distances[marked]).max() <= max(self.grid.spacing_xyz) / 2 + 0.05
        assert marked[np.abs(distances) < 0.02].all()

    def test_a_line_parts_inside_and_outside(self):
        """Between neighbours on either side of the sphere, one of the two is marked."""
        distances = self.distances()
        marked, inside = contour(distances.astype(np.float32), 0.0), distances <= 0
        for axis in range(3):
            one, other = (np.moveaxis(array, axis, 0) for array in (marked, inside))
            assert (one[:-1] | one[1:])[other[:-1] != other[1:]].all()

    def test_the_line_is_about_one_voxel_wide(self):
        """A circle has as many voxels as one that is drawn without a gap and without a step too many."""
        grid = Grid((101, 101), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
        y, x = np.indices((101, 101))
        marked = contour((np.hypot(x - 50, y - 50) - 30).astype(np.float32), 0.0)
        assert grid.size_xyz == marked.shape
        assert marked.sum() == pytest.approx(4 * np.sqrt(2) * 30, rel=0.05)  # of a line whose voxels meet at corners

    def test_there_is_none_around_what_is_not_known(self):
        values = np.full((8, 8), 5.0, np.float32)
        values[:, :3] = np.nan
        assert not contour(values, 1.0).any()

    def test_a_sharp_edge_is_drawn_inside(self):
        assert contour(np.array([0.0, 0.0, 1.0, 1.0]), 0.5).tolist() == [False, False, True, False]

    def test_every_label_has_an_edge(self):
        labels = np.zeros((9, 9), np.uint8)
        labels[2:7, 2:5] = 1
        labels[2:7, 5:7] = 2
        edges = label_edges(labels)
        assert edges[2:7, 2].all()
        assert edges[2:7, 5].all()
        assert not edges[3:6, 3].any()
        assert not edges[labels == 0].any()


class TestWindow:
    random = np.random.default_rng(3)

    def head(self, air: float, tissue: float, spread: float) -> np.ndarray:
        values = self.random.normal(air, spread / 10, 60_000)
        values[:15_000] = self.random.normal(tissue, spread, 15_000)
        return values

    def test_padding_around_a_ct_does_not_count(self):
        values = np.concatenate([self.head(-1000, 40, 60), np.full(30_000, -2048.0)])
        low, high = robust_window(values)
        assert -1100 < low < -950
        assert 100 < high < 400

    def test_much_air_does_not_burn_out_what_is_in_it(self):
        values = np.concatenate([self.random.normal(10, 2, 95_000), self.random.uniform(200, 800, 5_000)])
        low, high = robust_window(np.abs(values))
        assert low < 20
        assert 750 < high <= 810

    def test_the_black_of_a_brain_without_a_head_is_its_background(self):
        values = np.concatenate([np.zeros(70_000), self.random.uniform(120, 900, 30_000)])
        low, high = robust_window(values)
        assert low == 0
        assert 850 < high <= 900

    @pytest.mark.parametrize("wild", [1e6, 1e30, -1e6, np.inf, np.nan])
    def test_a_few_wild_voxels_change_nothing(self, wild):
        values = self.head(0, 500, 80)
        tame = robust_window(values)
        values[-20:] = wild
        assert robust_window(values) == pytest.approx(tame, rel=0.1, abs=20)

    def test_a_heavy_tail_does_not_leave_the_rest_dark(self):
        uptake = np.concatenate([self.random.gamma(4, 0.3, 98_000), self.random.uniform(20, 60, 2_000)])
        assert robust_window(uptake)[1] < 15

    @pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 7], [0, 255]])
    def test_labels_are_shown_from_the_lowest_to_the_highest(self, labels):
        values = np.repeat(np.array(labels, np.uint8), [9000] + [300] * (len(labels) - 1))
        assert robust_window(values) == (0, max(labels))

    @pytest.mark.parametrize("values", [[], [np.nan], [7.0] * 100, [np.inf, -np.inf]])
    def test_there_is_always_a_window(self, values):
        low, high = robust_window(values)
        assert high > low

    @given(st.floats(0.01, 1e4), st.floats(-1e4, 1e4))
    def test_it_follows_gain_and_offset(self, gain, offset):
        values = np.random.default_rng(5).gamma(3, 20, 4000)
        low, high = robust_window(values)
        assert robust_window(gain * values + offset) == pytest.approx(
            (gain * low + offset, gain * high + offset), rel=1e-6, abs=1e-6 * (gain + abs(offset))
        )


def test_shades_are_clipped_and_keep_what_is_not_known():
    np.testing.assert_allclose(normalised(np.array([-5.0, 0.0, 5.0, 15.0, np.nan]), (0, 10)), [0, 0, 0.5, 1, np.nan])


def test_the_automatic_level_parts_two_kinds_of_voxels():
    random = np.random.default_rng(1)
    values = np.concatenate([random.normal(0, 10, 9000), random.normal(300, 20, 1000), [np.nan]])
    assert 35 < automatic_level(values, (-20, 350)) < 240
    assert automatic_level([], (0, 10)) == 5


class TestSample:
    def test_it_is_small_and_from_all_over(self):
        z = np.broadcast_to(np.arange(100, dtype=np.int16)[:, None, None], (100, 200, 300))
        found = sample(z)
        assert 10_000 < found.size < 120_000
        assert found.min() < 10
        assert found.max() > 90

    def test_of_a_lazy_array_only_some_planes_are_computed(self):
        class Lazy:
            shape = (64, 30, 30)

            def __init__(self) -> None:
                self.asked: list[int] = []

            def __getitem__(self, plane: int) -> np.ndarray:
                self.asked.append(plane)
                return np.full((30, 30), plane)

        lazy = Lazy()
        assert sample(lazy).size == 900 * len(lazy.asked)
        assert len(lazy.asked) < 12
