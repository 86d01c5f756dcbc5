"""Fields, resampling and folding of chains that begin with a B-spline, against SimpleITK and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_coreg.core.bspline.fields import spline_determinants, spline_displacements
from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.folding import folding, folding_of
from napari_coreg.core.geometry import Grid
from napari_coreg.core.resample import resample
from napari_coreg.core.transforms import displacement_field, on_grid

SIZES = {2: (13, 11), 3: (13, 11, 9)}
CHAINS = ("alone", "and a shift", "and an affine", "and two")
FORMS = [
    pytest.param(dimension, left_handed, id=f"{dimension}-D{' left-handed' if left_handed else ''}")
    for dimension in (2, 3)
    for left_handed in (False, True)
]


def a_grid(dimension: int, *, left_handed: bool = False, angles: tuple[float, ...] = (20, -35, 70)) -> Grid:
    """An oblique grid somewhere in space."""
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    axes = turn if dimension == 3 else Rotation.from_euler("z", angles[0], degrees=True).as_matrix()[:2, :2]
    axes = axes * ([-1.0] + [1.0] * (dimension - 1)) if left_handed else axes
    spacing, origin = (2.0, 1.5, 3.0)[:dimension], (70.0, -30.0, 11.0)[:dimension]
    return Grid(SIZES[dimension], spacing, origin, tuple(axes.ravel().tolist()))


def spline_over(grid: Grid, size_mm: float = 3.0, seed: int = 0) -> sitk.BSplineTransform:
    spline = make_bspline(grid, (4, 3, 2)[: grid.dimension])
    number = len(spline.GetParameters())
    spline.SetParameters(np.random.default_rng(seed).normal(0, size_mm, number).tolist())
    return spline


def an_affine(dimension: int, seed: int = 0) -> sitk.AffineTransform:
    rng = np.random.default_rng(seed)
    affine = sitk.AffineTransform(dimension)
    affine.SetMatrix((np.eye(dimension) + rng.normal(0, 0.1, (dimension, dimension))).ravel().tolist())
    affine.SetTranslation(rng.normal(0, 5, dimension).tolist())
    affine.SetCenter(rng.normal(0, 20, dimension).tolist())
    return affine


def followed(spline: sitk.Transform, by: str) -> sitk.Transform:
    n = spline.GetDimension()
    shift = sitk.TranslationTransform(n, (4.0, -3.0, 2.0)[:n])
    then = {"alone": [], "and a shift": [shift], "and an affine": [an_affine(n)], "and two": [shift, an_affine(n, 1)]}
    return sitk.CompositeTransform([*reversed(then[by]), spline]) if then[by] else spline


def as_sitk(transform: sitk.Transform, grid: Grid) -> sitk.Image:
    return sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, grid.size_xyz, grid.origin_lps, grid.spacing_xyz, grid.direction
    )


def determinants(transform: sitk.Transform, grid: Grid, step_mm: float = 1e-4) -> np.ndarray:
    """Return the Jacobian determinant at every voxel, by central differences of SimpleITK's point mapping."""
    n = grid.dimension
    indices = np.stack(np.meshgrid(*map(np.arange, grid.size_xyz), indexing="ij"), axis=-1).reshape(-1, n)
    found = []
    for point in grid.to_lps(indices):
        ends = [
            np.subtract(transform.TransformPoint(point + step), transform.TransformPoint(point - step))
            for step in np.eye(n) * step_mm
        ]
        found.append(np.linalg.det(np.array(ends).T / (2 * step_mm)))
    return np.array(found)


def close(ours: sitk.Image, of_sitk: sitk.Image, atol: float = 1e-4) -> None:
    np.testing.assert_allclose(sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(of_sitk), atol=atol)
    assert Grid.of(ours).size_xyz == Grid.of(of_sitk).size_xyz
    for name in ("origin_lps", "spacing_xyz", "direction"):
        assert getattr(Grid.of(ours), name) == pytest.approx(getattr(Grid.of(of_sitk), name))


# displacements


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize(("dimension", "left_handed"), FORMS)
def test_a_chain_that_begins_with_a_b_spline_has_the_field_that_simpleitk_samples(dimension, left_handed, chain):
    grid = a_grid(dimension, left_handed=left_handed)
    transform = followed(spline_over(grid), chain)
    field = displacement_field(transform, grid)
    assert field.GetPixelID() == sitk.sitkVectorFloat32
    close(field, as_sitk(transform, grid))


@settings(deadline=None, max_examples=30)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    left_handed=st.booleans(),
    chain=st.sampled_from(CHAINS),
    shape=st.tuples(*[st.tuples(st.integers(1, 12), st.floats(0.4, 4.0), st.floats(-6.0, 6.0))] * 3),
    seed=st.integers(0, 999),
)
def test_any_grid_along_the_splines_axes_will_do_wherever_it_lies(angles, left_handed, chain, shape, seed):
    domain = a_grid(3, left_handed=left_handed, angles=angles)
    size, spacing, first_index = zip(*shape, strict=True)
    grid = Grid(size, spacing, tuple(domain.to_lps(np.array(first_index)).tolist()), domain.direction)
    spline = spline_over(domain, seed=seed)
    assert spline_displacements(spline, np.eye(4), grid) is not None
    # On the very border of its domain ITK decides by rounding whether a spline moves a point.
    edges = np.array([np.array(domain.size_xyz) - 0.5, [-0.5] * 3])
    inverse = np.linalg.inv(domain.index_to_lps)
    corner = inverse[:3, :3] @ grid.origin_lps + inverse[:3, 3]
    for axis in range(3):
        at = corner[axis] + np.arange(size[axis]) * spacing[axis] / domain.spacing_xyz[axis]
        assume(np.abs(at[:, None] - edges[:, axis]).min() > 1e-6)
    transform = followed(spline, chain)
    close(displacement_field(transform, grid), as_sitk(transform, grid))


def test_what_is_not_for_the_splines_loops_is_sampled_by_simpleitk_all_the_same():
    grid, other = a_grid(3), a_grid(3, angles=(21, -35, 70))
    spline = spline_over(grid)
    quadratic = sitk.BSplineTransformInitializer(sitk.Image([13, 11, 9], sitk.sitkUInt8), [4, 3, 2], 2)
    quadratic.SetParameters(np.random.default_rng(0).normal(0, 2, len(quadratic.GetParameters())).tolist())
    straight = Grid((13, 11, 9), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel().tolist()))
    assert spline_displacements(spline, np.eye(4), other) is None
    assert spline_displacements(quadratic, np.eye(4), straight) is None
    for transform, where in (
        (spline, other),
        (quadratic, straight),
        (sitk.CompositeTransform([spline, an_affine(3)]), grid),  # the affine is applied first
        (sitk.CompositeTransform([spline_over(grid, seed=1), spline]), grid),
        (sitk.DisplacementFieldTransform(as_sitk(spline, grid)), grid),
        (an_affine(3), grid),
        (sitk.CompositeTransform(3), grid),
    ):
        assert on_grid(transform, where) is transform
        close(displacement_field(transform, where), as_sitk(transform, where))


# resampling


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize(("dimension", "left_handed"), FORMS)
def test_an_image_is_resampled_as_simpleitk_does_it(dimension, left_handed, chain):
    grid = a_grid(dimension, left_handed=left_handed)
    transform = followed(spline_over(grid), chain)
    assert on_grid(transform, grid).GetTransformEnum() == sitk.sitkDisplacementField
    size, spacing = (23, 25, 21)[:dimension], (1.7, 1.3, 2.1)[:dimension]
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 100, size[::-1]).astype(np.float32))
    image.SetSpacing(spacing)
    image.SetOrigin(np.subtract(grid.centre_lps, np.multiply(size, spacing) / 2).tolist())
    geometry = (list(grid.origin_lps), list(grid.spacing_xyz), list(grid.direction))
    theirs = sitk.Resample(image, list(grid.size_xyz), transform, sitk.sitkLinear, *geometry, -1000.0)
    close(resample(image, grid, transform, background=-1000.0), theirs, atol=1e-2)
    shown = sitk.GetArrayViewFromImage(theirs) > -1000
    assert shown.mean() > 0.3
    labels = sitk.Cast(image > 0, sitk.sitkUInt8) * 7
    ours = sitk.GetArrayFromImage(resample(labels, grid, transform, interpolator="nearest"))
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(labels, list(grid.size_xyz), transform, sitk.sitkNearestNeighbor, *geometry, 0.0)
    )
    assert (ours == theirs).mean() > 0.999  # half-way between two voxels rounding decides


# folding


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize(("dimension", "left_handed"), FORMS)
def test_folding_is_that_of_the_splines_own_derivatives(dimension, left_handed, chain):
    grid = a_grid(dimension, left_handed=left_handed)
    transform = followed(spline_over(grid, size_mm=8.0), chain)
    of_points = determinants(transform, grid)
    found = folding_of(transform, grid)
    assert (found.minimum, found.maximum) == pytest.approx((of_points.min(), of_points.max()), abs=1e-5)
    assert found.folded_fraction == pytest.approx(np.mean(of_points <= 0), abs=1e-12)
    assert 0 < found.folded_fraction < 0.9


@pytest.mark.parametrize(("dimension", "left_handed"), FORMS)
def test_folding_agrees_with_differences_of_a_field_on_many_voxels(dimension, left_handed):
    coarse = a_grid(dimension, left_handed=left_handed)
    fine = tuple(6 * n for n in coarse.size_xyz)
    spacing = tuple(edge / 6 for edge in coarse.spacing_xyz)
    origin = coarse.to_lps(np.full(dimension, -0.5 + 0.5 / 6))
    grid = Grid(fine, spacing, tuple(origin.tolist()), coarse.direction)
    transform = followed(spline_over(coarse, size_mm=1.5), "and an affine")
    exact, differences = folding_of(transform, grid), folding(displacement_field(transform, grid))
    assert spline_determinants(spline_over(coarse), grid) is not None
    assert (exact.minimum, exact.maximum) == pytest.approx((differences.minimum, differences.maximum), abs=0.03)
    assert exact.folded_fraction == pytest.approx(differences.folded_fraction, abs=0.002)


def test_a_mirror_after_a_b_spline_folds_what_was_whole():
    grid = a_grid(3)
    mirror = sitk.AffineTransform(3)
    mirror.SetMatrix(np.diag([-1.0, 1, 1]).ravel().tolist())
    for size_mm in (0.1, 8.0):
        spline = spline_over(grid, size_mm=size_mm)
        found, alone = folding_of(sitk.CompositeTransform([mirror, spline]), grid), folding_of(spline, grid)
        assert (found.minimum, found.maximum) == pytest.approx((-alone.maximum, -alone.minimum))
        assert found.folded_fraction == pytest.approx(1 - alone.folded_fraction)


def test_on_another_grid_than_the_domain_the_field_is_judged():
    domain = a_grid(3)
    spline = spline_over(domain)
    inner = Grid((7, 6, 5), domain.spacing_xyz, tuple(domain.to_lps(np.array([2.0, 2, 2])).tolist()), domain.direction)
    turned = a_grid(3, angles=(0, 0, 0))
    for grid in (inner, turned):
        assert spline_determinants(spline, grid) is None
        assert folding_of(spline, grid) == folding(displacement_field(spline, grid))


def test_a_linear_chain_has_the_determinant_of_its_matrix():
    grid, affine = a_grid(3), an_affine(3)
    found = folding_of(affine, grid)
    of_matrix = np.linalg.det(np.reshape(affine.GetMatrix(), (3, 3)))
    assert (found.minimum, found.maximum) == pytest.approx((of_matrix, of_matrix), abs=1e-3)
