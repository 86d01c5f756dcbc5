"""The rigid part of a rigid transform is itself; of any other, none is nearer."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.geometry import Grid
from napari_coreg.core.rigid_part import best_rigid, rigid_size, without_rigid
from napari_coreg.core.transforms import to_matrix

GRID = Grid(
    (12, 10, 8), (1.0, 2.0, 3.0), (-30.0, 10.0, 70.0), tuple(Rotation.from_rotvec([0.3, 0.2, 0.9]).as_matrix().ravel())
)


def points() -> np.ndarray:
    indices = np.indices(GRID.size_xyz).reshape(3, -1).T.astype(float)
    return GRID.to_lps(indices)


def euler(angles: tuple[float, ...], shift: tuple[float, ...]) -> sitk.Transform:
    return sitk.Euler3DTransform((5.0, -3.0, 8.0), *angles, shift)


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3), st.tuples(*[st.floats(-50, 50)] * 3))
@settings(max_examples=40, deadline=None)
def test_a_rigid_motion_is_found_again_and_nothing_is_left(angles, shift):
    transform = euler(angles, shift)
    rigid = best_rigid(transform, GRID)
    np.testing.assert_allclose(to_matrix(rigid), to_matrix(transform), atol=2e-3)
    rest = without_rigid(transform, rigid)
    for point in points()[::97].tolist():
        np.testing.assert_allclose(rest.TransformPoint(point), point, atol=2e-3)


def test_no_other_rigid_motion_is_nearer():
    affine = sitk.AffineTransform([1.2, 0.1, 0.0, -0.2, 0.9, 0.3, 0.0, 0.1, 1.1], [4.0, 5.0, 6.0])
    rigid = to_matrix(best_rigid(affine, GRID))
    here = np.c_[points(), np.ones(len(points()))]
    there = here @ to_matrix(affine).T

    def error(matrix: np.ndarray) -> float:
        return float(((here @ matrix.T - there) ** 2).sum())

    rng = np.random.default_rng(0)
    for _ in range(20):
        nudge = np.eye(4)
        nudge[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.02, 3)).as_matrix()
        nudge[:3, 3] = rng.normal(0, 0.5, 3)
        assert error(nudge @ rigid) > error(rigid)


def test_only_points_in_the_mask_count():
    field = np.zeros((8, 10, 12, 3))
    field[:, :, 6:] = (7.0, 0.0, 0.0)
    image = sitk.GetImageFromArray(field, isVector=True)
    mask = sitk.GetImageFromArray(np.broadcast_to(np.arange(12) >= 6, (8, 10, 12)).astype(np.uint8))
    for made in (image, mask):
        made.SetSpacing(GRID.spacing_xyz)
        made.SetOrigin(GRID.origin_lps)
        made.SetDirection(GRID.direction)
    transform = sitk.DisplacementFieldTransform(image)
    shift_mm, degrees = rigid_size(best_rigid(transform, GRID, mask))
    assert shift_mm == pytest.approx(7.0, abs=1e-3)
    assert degrees == pytest.approx(0.0, abs=1e-2)
    assert rigid_size(best_rigid(transform, GRID))[0] < 6.0


def test_an_empty_mask_leaves_all_points():
    transform = euler((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    rigid = best_rigid(transform, GRID, sitk.Image(4, 4, 4, sitk.sitkUInt8))
    np.testing.assert_allclose(to_matrix(rigid), to_matrix(transform), atol=1e-3)


def test_size_is_shift_of_the_centroid_and_angle():
    turn = sitk.Euler3DTransform(GRID.centre_lps.tolist(), 0.0, 0.0, np.radians(10.0), (3.0, 4.0, 0.0))
    shift_mm, degrees = rigid_size(best_rigid(turn, GRID))
    assert shift_mm == pytest.approx(5.0, abs=1e-3)
    assert degrees == pytest.approx(10.0, abs=1e-3)


def test_images_have_a_rigid_part_too():
    turn = sitk.Euler2DTransform((4.0, 5.0), np.radians(-20.0), (1.0, 0.0))
    rigid = best_rigid(turn, Grid((9, 9), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0)))
    assert rigid_size(rigid)[1] == pytest.approx(20.0, abs=1e-3)
