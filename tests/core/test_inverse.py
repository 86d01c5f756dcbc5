"""The way back through any transform, held against SimpleITK's own mapping of points."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg import RegistrationCancelled, find_inverse, invert_points
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.geometry import Grid
from napari_coreg.core.inverse import invert_surface, invert_vectors, measure_inverse
from napari_coreg.core.warp import Surface
from napari_coreg.errors import GeometryError, RegistrationError

small = st.integers(-1000, 1000).map(lambda n: n / 1000)  # ITK cannot take a rotation of 1e-308 apart
vectors = st.tuples(small, small, small).map(np.array)
numbers = st.integers(0, 2**31)


def grid_of(turn, spacing, size=(20, 18, 22), centre=(0.0, 0.0, 0.0), *, left_handed=False):
    n = len(size)
    axes = (
        Rotation.from_rotvec(turn).as_matrix() if n == 3 else Rotation.from_rotvec((0, 0, turn[0])).as_matrix()[:2, :2]
    )
    if left_handed:
        axes = axes[:, ::-1]
    origin = np.asarray(centre[:n]) - axes @ ((np.asarray(size) - 1) / 2 * spacing)
    return Grid(tuple(size), tuple(spacing), tuple(origin.tolist()), tuple(axes.ravel().tolist()))


def smooth_spline(grid, seed, cells=4, part=0.1):
    """A spline whose control points move by about a tenth of their distance: it does not fold."""
    spline = make_bspline(grid, (cells,) * grid.dimension)
    distance = min(np.multiply(grid.size_xyz, grid.spacing_xyz)) / cells
    moves = np.random.default_rng(seed).normal(0, part * distance, len(spline.GetParameters()))
    spline.SetParameters(moves.tolist())
    return spline


def field_of(transform, grid):
    return sitk.DisplacementFieldTransform(
        sitk.TransformToDisplacementField(
            transform, sitk.sitkVectorFloat64, grid.size_xyz, grid.origin_lps, grid.spacing_xyz, grid.direction
        )
    )


def linear(turn, scale, shift):
    n = len(shift)
    affine = sitk.AffineTransform(n)
    rotation = Rotation.from_rotvec(turn).as_matrix()[:n, :n]
    affine.SetMatrix((np.diag(1 + 0.15 * scale[:n]) @ rotation).ravel().tolist())
    affine.SetTranslation((8 * shift).tolist())
    return affine


def mapped(transform, points):
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def anywhere(grid, number, seed, margin=0.0):
    index = np.random.default_rng(seed).uniform(
        -0.5 + margin, np.array(grid.size_xyz) - 0.5 - margin, (number, grid.dimension)
    )
    return grid.to_lps(index)


def well_inside(domain, points, margin_mm):
    n = domain.dimension
    to_index = np.linalg.inv(domain.index_to_lps)
    index = points @ to_index[:n, :n].T + to_index[:n, n]
    margin = margin_mm / np.array(domain.spacing_xyz)
    return ((index > -0.5 + margin) & (index < np.array(domain.size_xyz) - 0.5 - margin)).all(axis=1)


def chain(kind, fixed, turn, scale, shift, seed):
    """T(p) = linear(deformation(p)), or the deformation in the middle, or two of them."""
    spline, affine = smooth_spline(fixed, seed), linear(0.3 * turn, scale, shift)
    bend = field_of(spline, fixed) if kind == "field" else spline
    if kind == "two":
        return sitk.CompositeTransform([affine, field_of(smooth_spline(fixed, seed + 1, part=0.05), fixed), spline])
    return sitk.CompositeTransform([affine, bend])


@pytest.mark.parametrize("kind", ["spline", "field", "two"])
@settings(max_examples=3, deadline=None)
@given(
    turn=vectors,
    scale=vectors,
    shift=vectors,
    spacing=st.tuples(*[st.floats(0.7, 3.0)] * 3),
    seed=numbers,
    left=st.booleans(),
)
def test_the_stated_error_bounds_that_of_fresh_points(kind, turn, scale, shift, spacing, seed, left):
    fixed = grid_of(turn, spacing, left_handed=left)
    moving = grid_of(0.5 * shift, spacing[::-1], (24, 20, 18), 5 * scale, left_handed=not left)
    transform = chain(kind, fixed, turn, scale, shift, seed)
    inverse = find_inverse(transform, moving)
    assert not inverse.is_exact
    assert inverse.mean_mm <= inverse.p95_mm <= inverse.maximum_mm <= 0.1
    q = anywhere(moving, 4000, seed)
    p = mapped(inverse.transform, q)
    margin_mm = {"spline": 0.3, "field": 0.3 + max(spacing) / 2, "two": 4.0 + max(spacing) / 2}[kind]
    errors = np.linalg.norm(mapped(transform, p) - q, axis=1)[well_inside(fixed, p, margin_mm)]
    assert np.percentile(errors, 95) <= 1.1 * inverse.p95_mm
    assert errors.max() <= 1.2 * inverse.maximum_mm
    outside = 1 - well_inside(fixed, p, 0.0).mean()
    assert inverse.unreached == pytest.approx(outside, abs=0.03 if kind != "two" else 0.3)


@settings(max_examples=4, deadline=None)
@given(turn=vectors, scale=vectors, shift=vectors, seed=numbers, kind=st.sampled_from(["spline", "field", "two"]))
def test_at_the_voxels_the_inverse_is_right_however_much_space_is_bent(turn, scale, shift, seed, kind):
    fixed = grid_of(turn, (1.0, 2.0, 1.5), left_handed=True)
    moving = grid_of(0.5 * shift, (2.5, 1.0, 2.0), (24, 20, 18), 5 * scale)
    bent = chain(kind, fixed, turn, scale, shift, seed)
    wild = smooth_spline(moving, seed + 2, cells=7, part=0.2)
    transform = sitk.CompositeTransform([wild, bent])
    inverse = find_inverse(transform, moving, at_voxels=True)
    assert inverse.maximum_mm < 0.002
    q = moving.to_lps(np.random.default_rng(seed).integers(0, moving.size_xyz, (2000, 3)).astype(float))
    p = mapped(inverse.transform, q)
    counted = well_inside(fixed, p, 4.0) & well_inside(moving, mapped(bent, p), 4.0)
    errors = np.linalg.norm(mapped(transform, p) - q, axis=1)[counted]
    assert errors.size == 0 or errors.max() < 0.002


@settings(max_examples=4, deadline=None)
@given(turn=vectors, scale=vectors, shift=vectors, seed=numbers, kind=st.sampled_from(["spline", "field", "two"]))
def test_points_come_back_without_a_grid(turn, scale, shift, seed, kind):
    fixed = grid_of(turn, (1.0, 2.0, 1.5), left_handed=True)
    transform = chain(kind, fixed, turn, scale, shift, seed)
    points = anywhere(fixed, 200, seed, margin=4.0)
    found, errors = invert_points(transform, mapped(transform, points))
    assert errors.max() < 1e-3
    assert np.linalg.norm(mapped(transform, found) - mapped(transform, points), axis=1) == pytest.approx(
        errors, abs=1e-9
    )
    assert np.abs(found - points).max() < 1e-2


@settings(max_examples=20, deadline=None)
@given(turn=vectors, scale=vectors, shift=vectors)
def test_a_linear_inverse_is_exact(turn, scale, shift):
    transform = linear(3 * turn, scale, shift)
    inverse = find_inverse(transform, grid_of(turn, (1.0, 2.0, 3.0)))
    points = np.random.default_rng(0).normal(0, 100, (50, 3))
    assert inverse.is_exact
    assert (inverse.mean_mm, inverse.p95_mm, inverse.maximum_mm, inverse.unreached) == (0, 0, 0, 0)
    np.testing.assert_allclose(mapped(inverse.transform, mapped(transform, points)), points, atol=1e-9)
    found, errors = invert_points(transform, mapped(transform, points))
    np.testing.assert_allclose(found, points, atol=1e-9)
    assert errors.max() < 1e-9


@pytest.mark.parametrize("as_field", [False, True])
def test_two_axes_are_inverted_too(as_field):
    fixed = grid_of((0.4,), (1.5, 0.8), (60, 70), left_handed=True)
    spline = smooth_spline(fixed, 1)
    transform = field_of(spline, fixed) if as_field else spline
    inverse = find_inverse(transform, fixed)
    assert inverse.maximum_mm <= 0.1
    q = anywhere(fixed, 500, 2, margin=8.0)
    assert np.linalg.norm(mapped(transform, mapped(inverse.transform, q)) - q, axis=1).max() <= 1.2 * inverse.maximum_mm


def test_a_field_of_one_slice_is_inverted_in_its_plane():
    slice_ = Grid((40, 30, 1), (1.0, 1.0, 4.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    _, x = np.mgrid[:30, :40]
    vectors = np.zeros((1, 30, 40, 3))
    vectors[0, ..., 0] = 2 * np.sin(np.pi * x / 39)
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing(slice_.spacing_xyz)
    transform = sitk.DisplacementFieldTransform(image)
    inverse = find_inverse(transform, slice_)
    q = np.column_stack([np.linspace(5, 35, 50), np.linspace(3, 25, 50), np.zeros(50)])
    p = mapped(inverse.transform, q)
    assert np.linalg.norm(p - q, axis=1).max() > 1.5
    assert np.linalg.norm(mapped(transform, p) - q, axis=1).max() <= 0.1
    assert inverse.maximum_mm <= 0.1


def test_a_large_turn_hidden_in_a_field_is_found():
    grid = grid_of((0.1, 0.2, 0.3), (2.0, 2.0, 2.0), (24, 24, 24))
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.4, 2.5)
    transform = field_of(turn, grid)
    inverse = find_inverse(transform, grid)
    q = mapped(turn, anywhere(grid, 300, 0, margin=6.0))
    q = q[well_inside(grid, q, 4.0)]
    assert len(q) > 50
    assert np.linalg.norm(mapped(inverse.transform, q) - mapped(turn.GetInverse(), q), axis=1).max() < 0.15


def test_a_fold_shows_in_the_error():
    grid = grid_of((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (32, 32, 32))
    fold = make_bspline(grid, (6, 6, 6))
    inner = np.zeros((3, 9, 9, 9))
    inner[0, 4, 4, 4] = 40.0
    fold.SetParameters(inner.ravel().tolist())
    inverse = find_inverse(fold, grid)
    assert inverse.maximum_mm > 0.5
    assert inverse.p95_mm < inverse.maximum_mm


def test_what_nothing_maps_to_is_counted_and_goes_on_smoothly():
    fixed = grid_of((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (30, 30, 30))
    moving = grid_of((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (60, 30, 30))
    spline = smooth_spline(fixed, 3, part=0.03)
    inverse = find_inverse(spline, moving)
    assert inverse.unreached == pytest.approx(0.5, abs=0.05)
    assert f"{100 * inverse.unreached:.2g} % of the grid has no counterpart" in str(inverse)
    line = np.column_stack([np.linspace(10, 29, 400), np.zeros((400, 2))])
    steps = np.diff(mapped(inverse.transform, line)[:, 0])
    assert steps.max() < 4 * steps.min()  # no jump where the fixed grid ends


def test_nothing_reached_is_told():
    near, far = (grid_of((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), centre=(x, 0.0, 0.0)) for x in (0.0, 900.0))
    inverse = find_inverse(smooth_spline(near, 3), far)
    assert np.isnan(inverse.maximum_mm)
    assert inverse.unreached == 1
    assert "no point" in str(inverse)


def test_an_inverse_from_elsewhere_is_measured():
    grid = grid_of((0.2, 0.0, 0.1), (1.0, 1.5, 2.0))
    spline = smooth_spline(grid, 7)
    good = find_inverse(spline, grid)
    again = measure_inverse(spline, good.transform, grid)
    assert again.maximum_mm == pytest.approx(good.maximum_mm, rel=0.5)
    off = sitk.CompositeTransform([good.transform, sitk.TranslationTransform(3, (0.0, 1.0, 0.0))])
    assert measure_inverse(spline, off, grid).mean_mm == pytest.approx(1.0, abs=0.05)


def test_vectors_and_surfaces_come_back():
    grid = grid_of((0.2, 0.0, 0.1), (1.0, 1.5, 2.0))
    transform = sitk.CompositeTransform([sitk.ScaleTransform(3, (-1.0, 1.1, 0.9)), smooth_spline(grid, 7)])
    points = anywhere(grid, 30, 0, margin=4.0)
    step = 1e-4 * np.random.default_rng(0).normal(size=points.shape)
    there = mapped(transform, points)
    found, vectors, errors = invert_vectors(transform, there, mapped(transform, points + step) - there)
    np.testing.assert_allclose(found, points, atol=1e-3)
    np.testing.assert_allclose(vectors, step, atol=1e-7)
    assert errors.max() < 1e-3
    faces = np.arange(30).reshape(10, 3)
    surface, _ = invert_surface(transform, Surface(there, faces))
    np.testing.assert_allclose(surface.vertices_lps, points, atol=1e-3)
    assert surface.faces.tolist() == faces[:, ::-1].tolist()


def test_it_tells_how_far_it_is_and_can_be_cancelled():
    grid = grid_of((0.2, 0.0, 0.1), (1.0, 1.5, 2.0), (80, 80, 80))
    told = []
    find_inverse(smooth_spline(grid, 7, cells=8), grid, tolerance_mm=0.02, on_fraction=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    with pytest.raises(RegistrationCancelled):
        find_inverse(smooth_spline(grid, 7), grid, is_cancelled=lambda: True)


def test_what_cannot_be_inverted_is_refused():
    grid = grid_of((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    flat = sitk.CompositeTransform([sitk.ScaleTransform(3, (1.0, 0.0, 1.0)), smooth_spline(grid, 1)])
    with pytest.raises(RegistrationError, match="flat"):
        find_inverse(flat, grid)
    with pytest.raises(GeometryError, match="2-D"):
        find_inverse(sitk.TranslationTransform(2), grid)
    with pytest.raises(GeometryError, match="LPS"):
        invert_points(flat, np.zeros((3, 2)))
