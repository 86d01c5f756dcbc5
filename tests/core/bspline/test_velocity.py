"""Flows of velocity fields against scipy's integration of SimpleITK's own spline, and against closed forms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.ndimage import gaussian_filter

from napari_coreg.core.bspline.velocity import VelocityField
from napari_coreg.core.chunks import working_threads
from napari_coreg.core.folding import folding
from napari_coreg.errors import GeometryError, RegistrationError

CORNER_LPS = np.array([40.0, -70.0, 900.0])


class Domain(NamedTuple):
    """A box of cells that stands anywhere in space."""

    cells: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: np.ndarray

    @property
    def shape(self):
        return (3, *(n + 3 for n in reversed(self.cells)))

    @property
    def extent(self):
        return np.multiply(self.cells, self.spacing)

    def field(self):
        return VelocityField(*self)

    def random(self, seed, fastest, smoothness=0.0):
        """Random coefficients of which none is longer than `fastest`; `smoothness` in cells."""
        noise = np.random.default_rng(seed).normal(size=self.shape)
        if smoothness:
            noise = np.stack([gaussian_filter(component, smoothness, mode="nearest") for component in noise])
        return noise * fastest / np.linalg.norm(noise, axis=0).max()

    def linear(self, matrix):
        """Coefficients of v(p) = matrix (p - middle): a spline of that kind passes through its control points."""
        along = [h * (np.arange(-1, n + 2) - n / 2) for n, h in zip(self.cells, self.spacing, strict=True)]
        points = np.stack(np.meshgrid(*along, indexing="ij")).transpose(0, 3, 2, 1)
        return np.tensordot(matrix @ self.axes, points, 1)

    def itk(self, coefficients):
        """Any coefficients over this box, as a transform; the number of cells follows from their shape."""
        spline = sitk.BSplineTransform(3, 3)
        spline.SetTransformDomainOrigin(CORNER_LPS.tolist())
        spline.SetTransformDomainDirection(self.axes.ravel().tolist())
        spline.SetTransformDomainPhysicalDimensions(self.extent.tolist())
        spline.SetTransformDomainMeshSize([n - 3 for n in coefficients.shape[:0:-1]])
        spline.SetParameters(coefficients.ravel().tolist())
        return spline

    def inside(self, seed, number, margin_mm):
        """Random points (number, 3) that are further than `margin_mm` from the border."""
        along = np.random.default_rng(seed).uniform(margin_mm, self.extent - margin_mm, (number, 3))
        return along @ self.axes.T + CORNER_LPS

    def voxels(self, margin_mm):
        """A blank image whose voxels, of some 3 mm, are no closer to the border than `margin_mm`."""
        margin_mm = np.broadcast_to(margin_mm, 3)
        size = ((self.extent - 2 * margin_mm) // 3).astype(int)
        image = sitk.Image(size.tolist(), sitk.sitkUInt8)
        image.SetSpacing(((self.extent - 2 * margin_mm) / (size - 1)).tolist())
        image.SetDirection(self.axes.ravel().tolist())
        image.SetOrigin((CORNER_LPS + self.axes @ margin_mm).tolist())
        return image

    def stay(self, transform, image):
        """Which voxels a transform leaves in this box."""
        points = sitk.PhysicalPointSource(
            sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
        )
        points = sitk.GetArrayFromImage(points) + sitk.GetArrayFromImage(displacement_field(transform, image))
        along = (points - CORNER_LPS) @ self.axes
        return ((along > 0) & (along < self.extent)).all(axis=-1)


def displacement_field(transform, image) -> sitk.Image:
    return sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
    )


def lengths(transform, image) -> np.ndarray:
    """How far a transform moves each voxel."""
    return np.linalg.norm(sitk.GetArrayFromImage(displacement_field(transform, image)), axis=-1)


def moved(transform, points) -> np.ndarray:
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def integrated(velocity, points, time=1.0) -> np.ndarray:
    """Follow SimpleITK's spline with scipy's ordinary differential equations."""

    def slope(_, state):
        at = state.reshape(-1, 3)
        return (moved(velocity, at) - at).ravel()

    return solve_ivp(slope, (0, time), points.ravel(), "DOP853", rtol=1e-7, atol=1e-6).y[:, -1].reshape(-1, 3)


@st.composite
def domains(draw, fewest=1, most=6):
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*draw(st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3)))
    axes = np.reshape(turn.GetMatrix(), (3, 3))
    if draw(st.booleans()):
        axes = axes[:, ::-1].copy()  # left-handed
    return Domain(draw(st.tuples(*[st.integers(fewest, most)] * 3)), draw(st.tuples(*[st.floats(4.0, 15.0)] * 3)), axes)


seeds = st.integers(0, 10_000)
LARGE = Domain((12, 11, 13), (12.0, 11.0, 10.0), np.eye(3))


@settings(deadline=None, max_examples=15)
@given(domain=domains(fewest=4), seed=seeds, inverse=st.booleans())
def test_points_go_where_an_ode_solver_takes_them(domain, seed, inverse):
    fastest = min(domain.spacing)
    velocity = domain.random(seed, fastest, smoothness=1.0)
    flow = domain.itk(domain.field().exponential(velocity, inverse=inverse))
    points = domain.inside(seed, 12, fastest)
    wanted = integrated(domain.itk(-velocity if inverse else velocity), points)
    np.testing.assert_allclose(moved(flow, points), wanted, atol=0.05)


@pytest.mark.parametrize(("smoothness", "fastest"), [(1.5, 27.0), (2.0, 36.0)])
def test_large_deformations_are_flows_and_have_inverses(smoothness, fastest):
    velocity = LARGE.random(4, fastest, smoothness)
    field = LARGE.field()
    forward = LARGE.itk(field.exponential(velocity))
    backward = LARGE.itk(field.exponential(velocity, inverse=True))
    voxels = LARGE.voxels(1.5)
    assert 10 < lengths(forward, voxels).max() < 16
    points = LARGE.inside(5, 25, 16.0)
    errors = np.linalg.norm(moved(forward, points) - integrated(LARGE.itk(velocity), points), axis=1)
    assert errors.max() < 0.05
    for one, other in [(forward, backward), (backward, forward)]:
        left = lengths(sitk.CompositeTransform([other, one]), voxels)[LARGE.stay(one, voxels)]
        assert left.mean() < 0.005
        assert np.percentile(left, 99) < 0.02
        assert left.max() < 0.05
        assert folding(displacement_field(one, voxels)).minimum > 0.2


@settings(deadline=None, max_examples=15)
@given(domain=domains(fewest=5, most=7), seed=seeds)
def test_a_linear_velocity_is_the_matrix_exponential(domain, seed):
    matrix = np.random.default_rng(seed).normal(0, 0.1, (3, 3))
    flow = domain.itk(domain.field().exponential(domain.linear(matrix)))
    middle = CORNER_LPS + domain.axes @ (domain.extent / 2)
    points = middle + (domain.inside(seed, 10, 0.0) - middle) * 0.3
    wanted = (points - middle) @ expm(matrix).T + middle
    np.testing.assert_allclose(moved(flow, points), wanted, atol=5e-3)


def test_going_twice_as_fast_is_going_twice():
    velocity = LARGE.random(8, 8.0, smoothness=1.5)
    field = LARGE.field()
    once = LARGE.itk(field.exponential(velocity))
    twice = LARGE.itk(field.exponential(2 * velocity))
    points = LARGE.inside(1, 50, 20.0)
    np.testing.assert_allclose(moved(twice, points), moved(once, moved(once, points)), atol=0.02)


@settings(deadline=None, max_examples=15)
@given(domain=domains(), seed=seeds)
def test_a_slow_field_is_its_own_displacement(domain, seed):
    velocity = domain.random(seed, 1e-6)
    flow = domain.itk(1e6 * domain.field().exponential(velocity))
    points = domain.inside(seed, 20, 1e-3)
    np.testing.assert_allclose(moved(flow, points), moved(domain.itk(1e6 * velocity), points), atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(domain=domains(), seed=seeds, inverse=st.booleans(), cells_per_time=st.sampled_from([0.1, 0.7, 3.0]))
def test_the_gradient_is_that_of_differences(domain, seed, inverse, cells_per_time):
    velocity = domain.random(seed, cells_per_time * min(domain.spacing))
    field = domain.field()
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=velocity.shape)
    weights = rng.normal(size=field.exponential(velocity, inverse=inverse).shape)
    found = np.vdot(field.pullback(weights), direction)
    step = 1e-5 * min(domain.spacing)
    ahead, behind = (field.exponential(velocity + s * direction, inverse=inverse) for s in (step, -step))
    wanted = np.vdot(ahead - behind, weights) / (2 * step)
    scale = np.linalg.norm(weights) * np.linalg.norm(direction) / 100
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6 * scale)


def test_pulling_back_is_linear_and_can_be_repeated():
    velocity = LARGE.random(4, 20.0, smoothness=1.0)
    field = LARGE.field()
    a = np.random.default_rng(1).normal(size=field.exponential(velocity).shape)
    b = np.roll(a, 1, axis=3)
    together = field.pullback(a + 2 * b)
    np.testing.assert_allclose(field.pullback(a) + 2 * field.pullback(b), together, atol=1e-12 * np.abs(together).max())


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads):
    domain = Domain((17, 16, 18), (10.0, 11.0, 12.0), np.eye(3))
    velocity = domain.random(2, 30.0, smoothness=1.0)
    field, other = domain.field(), domain.field()
    displacement = field.exponential(velocity)
    assert field.squarings > 0
    gradient = field.pullback(displacement)
    with working_threads(threads):
        np.testing.assert_array_equal(other.exponential(velocity), displacement)
        np.testing.assert_array_equal(other.pullback(displacement), gradient)


def test_earlier_fields_leave_no_trace():
    wild, tame = LARGE.random(0, 90.0), LARGE.random(1, 3.0)
    fresh, used = LARGE.field(), LARGE.field()
    used.pullback(used.exponential(wild))
    displacement = fresh.exponential(tame)
    np.testing.assert_array_equal(used.exponential(tame), displacement)
    np.testing.assert_array_equal(used.pullback(displacement), fresh.pullback(displacement))


def test_faster_fields_are_squared_more_often_and_never_run_away():
    domain = Domain((4, 1, 3), (10.0, 10.0, 10.0), np.eye(3))
    velocity = domain.random(7, 1.0)
    field = domain.field()
    counts = []
    for speed in (1e-3, 10.0, 100.0, 1e4, 1e9):
        displacement = field.exponential(speed * velocity)
        assert np.isfinite(displacement).all()
        assert np.isfinite(field.pullback(displacement / np.abs(displacement).max())).all()
        counts.append(field.squarings)
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-1] == counts[-2] < 20


def test_the_displacement_has_twice_the_cells():
    field = VelocityField((3, 1, 5), (4.0, 5.0, 6.0), np.eye(3))
    assert field.displacement_cells_xyz == (6, 2, 10)
    assert field.exponential(np.zeros((3, 8, 4, 6))).shape == (3, 13, 5, 9)


def test_a_field_that_does_not_vary_along_z_gives_a_displacement_that_does_not():
    domain = Domain((6, 5, 1), (10.0, 10.0, 1.0), np.eye(3))
    velocity = np.repeat(domain.random(7, 12.0)[:, :1], 4, axis=1)
    velocity[2] = 0
    displacement = domain.field().exponential(velocity)
    np.testing.assert_allclose(displacement, np.repeat(displacement[:, :1], 5, axis=1), atol=1e-12)
    assert not displacement[2].any()


@pytest.mark.parametrize("shape", [(3, 5, 5, 4), (2, 5, 5, 5), (5, 5, 5)])
def test_coefficients_that_do_not_fit_are_refused(shape):
    field = VelocityField((2, 2, 2), (10.0, 10.0, 10.0), np.eye(3))
    with pytest.raises(GeometryError, match="which has"):
        field.exponential(np.zeros(shape))
    field.exponential(np.zeros((3, 5, 5, 5)))
    with pytest.raises(GeometryError, match="which has"):
        field.pullback(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_field_that_is_not_finite_is_refused(bad):
    field = VelocityField((2, 2, 2), (10.0, 10.0, 10.0), np.eye(3))
    with pytest.raises(RegistrationError, match="not finite"):
        field.exponential(np.full((3, 5, 5, 5), bad))


def test_a_gradient_before_any_flow_is_refused():
    field = VelocityField((2, 2, 2), (10.0, 10.0, 10.0), np.eye(3))
    with pytest.raises(RegistrationError, match="exponential first"):
        field.pullback(np.zeros((3, 7, 7, 7)))


@pytest.mark.parametrize(
    ("cells", "spacing", "axes"),
    [
        ((2, 0, 2), (1.0, 1.0, 1.0), np.eye(3)),
        ((2, 2, 2), (1.0, 0.0, 1.0), np.eye(3)),
        ((2, 2, 2), (1.0,) * 3, np.ones((3, 3))),
    ],
)
def test_cells_without_volume_are_refused(cells, spacing, axes):
    with pytest.raises(GeometryError, match="volume"):
        VelocityField(cells, spacing, axes)
