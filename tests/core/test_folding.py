"""The Jacobian determinant against closed forms, on grids that do not lie along the axes of space."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_coreg.core.folding import folding, jacobian_determinant
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError

STRAIGHT = tuple(np.eye(3).ravel())


def oblique(angles: tuple[float, float, float], *, left_handed: bool = False) -> tuple[float, ...]:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*angles)
    flips = np.diag([1.0, 1.0, -1.0 if left_handed else 1.0])
    return tuple((np.reshape(turn.GetMatrix(), (3, 3)) @ flips).ravel())


@given(
    matrix=arrays(float, (3, 3), elements=st.floats(-0.4, 0.4)),
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    left_handed=st.booleans(),
    spacing=st.tuples(*[st.floats(0.5, 4.0)] * 3),
)
def test_determinant_of_an_affine_is_that_of_its_matrix_on_any_grid_and_up_to_the_border(
    matrix, angles, left_handed, spacing
):
    matrix = np.eye(3) + matrix
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix.ravel().tolist())
    affine.SetTranslation((5.0, -3.0, 2.0))
    grid = Grid((5, 6, 7), spacing, (3.0, -8.0, 11.0), oblique(angles, left_handed=left_handed))
    found = jacobian_determinant(displacement_field(affine, grid))
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), np.linalg.det(matrix), atol=2e-4)
    assert Grid.of(found) == grid


def test_determinant_of_a_wave_follows_its_derivative():
    x = np.arange(40) * 0.5
    field = np.zeros((4, 5, 40, 3), np.float32)
    field[..., 0] = 0.8 * np.sin(x)
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing((0.5, 1.0, 1.0))
    found = sitk.GetArrayFromImage(jacobian_determinant(image))
    np.testing.assert_allclose(found[2, 2, 1:-1], 1 + 0.8 * np.cos(x[1:-1]), atol=0.05)


def test_a_mirror_folds_everything():
    mirror = sitk.AffineTransform(3)
    mirror.SetMatrix(np.diag([-1.0, 1, 1]).ravel().tolist())
    found = folding(displacement_field(mirror, Grid((5, 5, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), STRAIGHT)))
    assert (found.minimum, found.maximum) == pytest.approx((-1, -1), abs=1e-5)
    assert found.folded_fraction == 1


def test_a_shift_neither_swells_nor_folds():
    grid = Grid((5, 5, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), STRAIGHT)
    found = folding(displacement_field(sitk.TranslationTransform(3, (4.0, 5.0, 6.0)), grid))
    assert (found.minimum, found.maximum, found.folded_fraction) == pytest.approx((1, 1, 0))


def test_a_flat_field_has_a_determinant_too():
    doubled = sitk.AffineTransform(2)
    doubled.SetMatrix((2.0, 0.0, 0.0, 3.0))
    grid = Grid((6, 7), (1.0, 2.0), (0.0, 0.0), (0.0, -1.0, 1.0, 0.0))
    found = folding(displacement_field(doubled, grid))
    assert (found.minimum, found.maximum) == pytest.approx((6, 6), rel=1e-5)


def test_fields_without_a_determinant_are_refused():
    with pytest.raises(GeometryError, match="2 voxels along each axis"):
        jacobian_determinant(sitk.Image([5, 5, 1], sitk.sitkVectorFloat32, 3))
    with pytest.raises(GeometryError, match="3-vectors"):
        jacobian_determinant(sitk.Image([5, 5, 5], sitk.sitkFloat32))
