"""Penalties against SimpleITK's own splines, closed forms, and differences of their values."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.bspline import penalties
from napari_coreg.core.bspline.penalties import BendingEnergy, LinearElasticity, LogJacobian, determinant_range
from napari_coreg.core.chunks import working_threads
from napari_coreg.errors import GeometryError

PENALTIES = ["bending", "elasticity", "volume"]


class Domain(NamedTuple):
    """A box of cells, anywhere in space; its corner stands at 40, -70, 900 mm."""

    cells: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: np.ndarray

    def penalty(self, name):
        if name == "bending":
            return BendingEnergy(self.cells, self.spacing)
        return {"elasticity": LinearElasticity, "volume": LogJacobian}[name](*self)

    def random(self, seed, size=1.0):
        """Random coefficients whose slopes are of the order of `size`."""
        shape = (3, *(n + 3 for n in reversed(self.cells)))
        return np.random.default_rng(seed).normal(0, size * min(self.spacing), shape)

    def affine(self, matrix, shift=(0.0, 0.0, 0.0)):
        """Coefficients of u(p) = matrix p + shift: a spline of that kind passes through its control points."""
        x, y, z = (spacing * np.arange(-1, n + 2) for n, spacing in zip(self.cells, self.spacing, strict=True))
        along = np.stack(np.broadcast_arrays(x, y[:, None], z[:, None, None]))
        points = np.tensordot(self.axes, along, 1) + np.reshape((40.0, -70.0, 900.0), (3, 1, 1, 1))
        return np.tensordot(matrix, points, 1) + np.reshape(shift, (3, 1, 1, 1))

    def itk(self, coefficients):
        spline = sitk.BSplineTransform(3, 3)
        spline.SetTransformDomainOrigin((40.0, -70.0, 900.0))
        spline.SetTransformDomainDirection(self.axes.ravel().tolist())
        spline.SetTransformDomainPhysicalDimensions([n * mm for n, mm in zip(self.cells, self.spacing, strict=True)])
        spline.SetTransformDomainMeshSize(self.cells)
        spline.SetParameters(coefficients.ravel().tolist())
        return spline

    def displacements(self, coefficients, along_mm):
        """SimpleITK's displacements (..., 3) at points that are given along the domain's axes."""
        spline = self.itk(coefficients)
        points = along_mm @ self.axes.T + (40.0, -70.0, 900.0)
        return np.reshape(
            [np.subtract(spline.TransformPoint(p), p) for p in points.reshape(-1, 3).tolist()], points.shape
        )

    def centres(self, counts):
        """The centres of counts (xyz) equal parts of the box, along its axes."""
        parts = [
            (np.arange(count) + 0.5) * n * mm / count
            for count, n, mm in zip(counts, self.cells, self.spacing, strict=True)
        ]
        return np.stack(np.meshgrid(*parts, indexing="ij"), -1)

    def determinants(self, coefficients, counts):
        """det(I + du/dp) at those centres, by five-point differences of SimpleITK's displacements."""
        points = self.centres(counts)
        matrix = np.empty((*points.shape, 3))
        for axis in range(3):
            step = 0.02 * self.spacing[axis] * np.eye(3)[axis]
            far, near, back, farther = (self.displacements(coefficients, points + k * step) for k in (2, 1, -1, -2))
            matrix[..., axis] = (farther - 8 * back + 8 * near - far) / (12 * step[axis])
        return np.linalg.det(np.eye(3) + matrix @ self.axes.T)


@st.composite
def domains(draw, most_cells=3):
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*(draw(st.integers(-3100, 3100)) / 1000 for _ in range(3)))
    axes = np.reshape(turn.GetMatrix(), (3, 3))
    if draw(st.booleans()):
        axes = axes[:, ::-1]
    cells = tuple(draw(st.integers(1, most_cells)) for _ in range(3))
    return Domain(cells, tuple(draw(st.floats(2.0, 25.0)) for _ in range(3)), axes)


def box(cells=(4, 3, 2), spacing=(10.0, 8.0, 12.0)):
    return Domain(cells, spacing, np.eye(3))


def derivatives_and_weights(domain, coefficients):
    """Return a function that gives any derivative of SimpleITK's spline along the axes, and quadrature weights.

    On a cell the spline is a cubic along each axis, so its values at four points give it wholly; at the points of
    Gauss' rule the squares of its derivatives are then integrated exactly.
    """
    nodes, weights = np.polynomial.legendre.leggauss(4)
    nodes, weights = (nodes + 1) / 2, weights / 2
    powers = np.vander(nodes, increasing=True)
    slopes = np.arange(4) * np.vander(nodes, increasing=True) / nodes[:, None]
    differentiate = slopes @ np.linalg.inv(powers)
    places = [
        ((np.arange(n)[:, None] + nodes) * mm).ravel() for n, mm in zip(domain.cells, domain.spacing, strict=True)
    ]
    values = domain.displacements(coefficients, np.stack(np.meshgrid(*places, indexing="ij"), -1))

    def derivative(*axes):
        found = values
        for axis in axes:
            blocks = np.kron(np.eye(domain.cells[axis]), differentiate) / domain.spacing[axis]
            found = np.moveaxis(np.tensordot(blocks, found, (1, axis)), 0, axis)
        return found

    x, y, z = (np.tile(weights, n) / n for n in domain.cells)
    return derivative, x[:, None, None] * y[:, None] * z


@settings(deadline=None, max_examples=12)
@given(domain=domains(most_cells=2), seed=st.integers(0, 10_000))
def test_bending_is_the_mean_of_the_squared_second_derivatives(domain, seed):
    coefficients = domain.random(seed)
    derivative, weights = derivatives_and_weights(domain, coefficients)
    truth = sum((weights[..., None] * derivative(i, j) ** 2).sum() for i in range(3) for j in range(3))
    assert domain.penalty("bending")(coefficients)[0] == pytest.approx(truth, rel=1e-8)


@settings(deadline=None, max_examples=12)
@given(domain=domains(most_cells=2), seed=st.integers(0, 10_000))
def test_elasticity_is_the_mean_energy_of_the_strain_in_space(domain, seed):
    coefficients = domain.random(seed)
    derivative, weights = derivatives_and_weights(domain, coefficients)
    gradient = np.stack([derivative(axis) for axis in range(3)], -1) @ domain.axes.T  # in LPS
    strain = (gradient + np.swapaxes(gradient, -1, -2)) / 2
    shear, volume = (strain**2).sum((-1, -2)), np.trace(gradient, axis1=-2, axis2=-1) ** 2
    for mu, lam in ((penalties.SHEAR_MODULUS, penalties.FIRST_LAME_PARAMETER), (0.3, 2.0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(penalties, "SHEAR_MODULUS", mu)
            patch.setattr(penalties, "FIRST_LAME_PARAMETER", lam)
            value = domain.penalty("elasticity")(coefficients)[0]
        assert value == pytest.approx((weights * (mu * shear + lam / 2 * volume)).sum(), rel=1e-8)


@settings(deadline=None, max_examples=12)
@given(domain=domains(most_cells=2), seed=st.integers(0, 10_000), points=st.integers(1, 3))
def test_the_volume_penalty_is_the_mean_squared_logarithm_of_the_determinants(domain, seed, points):
    coefficients = domain.random(seed, 0.08)
    truth = domain.determinants(coefficients, [points * n for n in domain.cells])
    penalty = LogJacobian(*domain, points_per_cell=points)
    assert penalty(coefficients)[0] == pytest.approx(np.mean(np.log(truth) ** 2), rel=1e-6)
    assert penalty.minimum == pytest.approx(truth.min(), rel=1e-6)


@settings(deadline=None, max_examples=12)
@given(
    domain=domains(most_cells=2),
    seed=st.integers(0, 10_000),
    size=st.sampled_from([0.1, 1.0]),
    counts=st.tuples(*[st.integers(1, 5)] * 3),
)
def test_the_determinants_are_those_of_simpleitks_spline_at_the_voxels(domain, seed, size, counts):
    coefficients = domain.random(seed, size)
    truth = domain.determinants(coefficients, counts)
    lowest, highest, folded = determinant_range(coefficients, *domain, counts)
    assert (lowest, highest) == pytest.approx((truth.min(), truth.max()), rel=1e-5, abs=1e-5)
    assert folded == pytest.approx(np.mean(truth <= 0))


@pytest.mark.parametrize("name", PENALTIES)
@settings(deadline=None, max_examples=25)
@given(domain=domains(), seed=st.integers(0, 10_000))
def test_the_gradient_is_the_derivative_of_the_value(name, domain, seed):
    penalty, coefficients = domain.penalty(name), domain.random(seed, 0.05)
    gradient = penalty(coefficients)[1].copy()
    for direction in (domain.random(seed + 1), domain.random(seed + 2)):
        step = 1e-5 * direction
        difference = (penalty(coefficients + step)[0] - penalty(coefficients - step)[0]) / 2e-5
        size = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert (gradient * direction).sum() == pytest.approx(difference, abs=1e-6 * size)


@pytest.mark.parametrize("name", PENALTIES)
@settings(deadline=None, max_examples=10)
@given(domain=domains(), data=st.data())
def test_the_curvature_is_the_second_derivative_at_rest_for_each_control_point(name, domain, data):
    penalty = domain.penalty(name)
    where = tuple(data.draw(st.integers(0, n + 2)) for n in reversed(domain.cells))
    found = []
    for component in range(3):
        unit = np.zeros_like(domain.random(0))
        unit[(component, *where)] = 1e-4 * min(domain.spacing)
        slope = penalty(unit)[1][(component, *where)] - penalty(-unit)[1][(component, *where)]
        found.append(slope / (2 * unit.max()))
    assert penalty.curvature[where] == pytest.approx(np.mean(found), rel=1e-5)
    assert (penalty.curvature > 0).all()


matrices = st.lists(st.floats(-0.3, 0.3), min_size=9, max_size=9).map(lambda values: np.reshape(values, (3, 3)))


@settings(deadline=None, max_examples=25)
@given(domain=domains(), matrix=matrices)
def test_no_affine_map_bends(domain, matrix):
    value, gradient = domain.penalty("bending")(domain.affine(matrix, (5.0, -6.0, 7.0)))
    assert value == pytest.approx(0, abs=1e-9)
    assert np.abs(gradient).max() < 1e-9


@settings(deadline=None, max_examples=25)
@given(domain=domains(), matrix=matrices)
def test_shifts_and_small_turns_strain_nothing(domain, matrix):
    value, gradient = domain.penalty("elasticity")(domain.affine(matrix - matrix.T, (5.0, -6.0, 7.0)))
    assert value == pytest.approx(0, abs=1e-9)
    assert np.abs(gradient).max() < 1e-9


@settings(deadline=None, max_examples=25)
@given(domain=domains(), matrix=matrices)
def test_an_affine_map_has_the_determinant_of_its_matrix_everywhere(domain, matrix):
    truth = np.linalg.det(np.eye(3) + matrix)
    coefficients, penalty = domain.affine(matrix), domain.penalty("volume")
    assert determinant_range(coefficients, *domain, (5, 4, 3)) == pytest.approx(
        (truth, truth, float(truth <= 0)), abs=1e-9
    )
    value = penalty(coefficients)[0]
    assert penalty.minimum == pytest.approx(truth, abs=1e-9)
    if truth > 2e-3:
        assert value == pytest.approx(math.log(truth) ** 2, rel=1e-6, abs=1e-12)


def test_the_volume_penalty_lets_a_volume_turn():
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.4, -0.7, 1.1)
    value, gradient = box().penalty("volume")(box().affine(np.reshape(turn.GetMatrix(), (3, 3)) - np.eye(3)))
    assert value == pytest.approx(0, abs=1e-18)
    assert np.abs(gradient).max() < 1e-12


def test_shrinking_to_a_half_costs_as_much_as_growing_to_the_double():
    penalty = box().penalty("volume")
    smaller, larger = (penalty(box().affine(np.diag([factor - 1, 0, 0])))[0] for factor in (0.5, 2.0))
    assert smaller == pytest.approx(larger)


def folded_box():
    """A small deformation, and one with folds where the middle is pushed beyond its neighbours."""
    domain = box()
    smooth = domain.random(0, 0.02)
    folded = smooth.copy()
    folded[0, 2, 3, 3] += 60.0
    return domain, smooth, folded


def test_a_fold_costs_more_than_any_squeeze_and_is_counted():
    domain, smooth, folded = folded_box()
    penalty = domain.penalty("volume")
    assert math.isnan(penalty.minimum)
    value, _ = penalty(smooth)
    assert penalty.minimum > 0.3
    assert penalty(folded)[0] > 100 * value
    assert penalty.minimum < 0
    lowest, _, fraction = determinant_range(folded, *domain, (40, 24, 24))
    assert lowest <= penalty.minimum
    assert 0 < fraction < 0.5


@pytest.mark.parametrize("only_below", [False, True])
def test_the_gradient_leads_out_of_folds(only_below):
    domain, _, folded = folded_box()
    penalty = LogJacobian(*domain, floor=0.05, only_below=only_below)
    value, gradient = penalty(folded)
    gradient = gradient.copy()
    direction = np.random.default_rng(3).normal(size=gradient.shape)
    step = 1e-5
    slope = (penalty(folded + step * direction)[0] - penalty(folded - step * direction)[0]) / (2 * step)
    assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-4)
    assert penalty(folded - 1e-3 / np.abs(gradient).max() * gradient)[0] < value


def test_what_is_not_folded_may_cost_nothing():
    domain, smooth, _ = folded_box()
    value, gradient = LogJacobian(*domain, floor=0.05, only_below=True)(smooth)
    assert value == 0
    assert not gradient.any()


def test_a_mirrored_field_is_folded_all_over():
    coefficients = box().affine(np.diag([-2.0, 0, 0]))
    assert determinant_range(coefficients, *box(), (7, 6, 5)) == pytest.approx((-1, -1, 1))


def test_coefficients_that_are_not_numbers_count_as_folded():
    coefficients = box().random(0, 0.02)
    coefficients[1, 2, 2, 2] = math.nan
    assert math.isnan(box().penalty("volume")(coefficients)[0])
    assert determinant_range(coefficients, *box(), (8, 6, 4))[2] > 0


@pytest.mark.parametrize("name", PENALTIES)
def test_the_numbers_do_not_depend_on_the_threads(name):
    domain = box((36, 35, 34), (5.0, 6.0, 7.0))
    coefficients, penalty = domain.random(1, 0.02), domain.penalty(name)
    found = []
    for threads in (1, 2, 3, 2):
        with working_threads(threads):
            value, gradient = penalty(coefficients)
        found.append((value, gradient.tobytes(), getattr(penalty, "minimum", None)))
    assert len(set(found)) == 1
    assert math.isfinite(found[0][0])


def test_the_determinants_do_not_depend_on_the_threads():
    domain, found = box(), set()
    for threads in (1, 2, 3):
        with working_threads(threads):
            found.add(determinant_range(domain.random(1), *domain, (70, 60, 50)))
    assert len(found) == 1


@pytest.mark.parametrize("name", PENALTIES)
def test_coefficients_may_lie_in_memory_as_they_like_and_are_left_alone(name):
    penalty, coefficients = box().penalty(name), box().random(2, 0.02)
    value, gradient = penalty(coefficients)
    gradient = gradient.copy()
    other_order = np.asfortranarray(coefficients)
    assert penalty(other_order)[0] == value
    np.testing.assert_array_equal(penalty(other_order)[1], gradient)
    np.testing.assert_array_equal(coefficients, box().random(2, 0.02))


@pytest.mark.parametrize("name", PENALTIES)
def test_coefficients_of_another_grid_are_refused(name):
    with pytest.raises(GeometryError, match=r"\(3, 5, 6, 7\)"):
        box().penalty(name)(np.zeros((3, 7, 6, 5)))
    with pytest.raises(GeometryError, match=r"\(3, 5, 6, 7\)"):
        determinant_range(np.zeros((2, 5, 6, 7)), *box(), (4, 4, 4))
