"""Points, vectors, surfaces and labels through a transform, held against SimpleITK's own."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg import CoregError, warp_labels, warp_points, warp_surface, warp_vectors
from napari_coreg.core.geometry import Grid
from napari_coreg.core.warp import Surface

DIRECTION = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0)  # left-handed


@pytest.fixture(scope="module")
def blank():
    image = sitk.Image([24, 20, 22], sitk.sitkUInt16)
    image.SetSpacing((1.0, 1.6, 1.3))
    image.SetOrigin((7.0, -3.0, 11.0))
    image.SetDirection(DIRECTION)
    return image


@pytest.fixture(scope="module")
def spline(blank):
    spline = sitk.BSplineTransformInitializer(blank, [2, 2, 2])
    spline.SetParameters(np.random.default_rng(2).normal(0, 1.5, len(spline.GetParameters())).tolist())
    return spline


@pytest.fixture(scope="module")
def affine():
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((1.1, 0.2, 0.0, -0.1, 0.9, 0.3, 0.0, 0.1, 1.2))
    affine.SetTranslation((3.0, -2.0, 5.0))
    return affine


def fine_field(transform, blank):
    """The transform as a field on a grid a quarter as wide."""
    size = [4 * n for n in blank.GetSize()]
    spacing = [s / 4 for s in blank.GetSpacing()]
    field = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, size, blank.GetOrigin(), spacing, blank.GetDirection()
    )
    return sitk.DisplacementFieldTransform(field)


def places(blank, number=60, low=4.0, high=15.0):
    index = np.random.default_rng(3).uniform(low, high, (number, 3))
    return np.array([blank.TransformContinuousIndexToPhysicalPoint(row) for row in index.tolist()])


def test_points_come_where_simpleitk_takes_them(blank, spline, affine):
    points = places(blank)
    for transform in (affine, spline, sitk.CompositeTransform([affine, spline]), fine_field(spline, blank)):
        expected = [transform.TransformPoint(point) for point in points.tolist()]
        np.testing.assert_array_equal(warp_points(transform, points), expected)
    assert warp_points(spline, np.empty((0, 3))).shape == (0, 3)


def test_vectors_are_those_of_simpleitk_where_the_map_is_linear(blank, affine):
    points, vectors = places(blank), np.random.default_rng(0).normal(size=(60, 3))
    moved, carried = warp_vectors(affine, points, vectors)
    expected = [affine.TransformVector(v, p) for v, p in zip(vectors.tolist(), points.tolist(), strict=True)]
    np.testing.assert_allclose(carried, expected, atol=1e-12)
    np.testing.assert_allclose(moved, warp_points(affine, points), atol=1e-12)


@pytest.mark.parametrize("is_chain", [False, True])
def test_vectors_are_pushed_by_the_jacobian(blank, spline, affine, is_chain):
    points, vectors = places(blank), np.random.default_rng(0).normal(size=(60, 3))
    transform = sitk.CompositeTransform([affine, spline]) if is_chain else spline
    _, carried = warp_vectors(transform, points, vectors)
    step = 1e-4  # ITK does not know the Jacobian of its B-splines
    ahead, behind = (warp_points(transform, points + sign * step * vectors) for sign in (1, -1))
    np.testing.assert_allclose(carried, (ahead - behind) / (2 * step), atol=1e-5)


def test_vectors_through_a_field_are_near_those_of_itk(blank, affine):
    """ITK differentiates over two voxels, and takes the vectors of a turned grid as they are: hence one that is not."""
    straight = sitk.Image(blank)
    straight.SetDirection(np.eye(3).ravel().tolist())
    spline = sitk.BSplineTransformInitializer(straight, [2, 2, 2])
    spline.SetParameters(np.random.default_rng(2).normal(0, 1.0, len(spline.GetParameters())).tolist())
    transform = sitk.CompositeTransform([affine, fine_field(spline, straight)])
    points, vectors = places(straight), np.random.default_rng(0).normal(size=(60, 3))
    _, carried = warp_vectors(transform, points, vectors)
    expected = [transform.TransformVector(v, p) for v, p in zip(vectors.tolist(), points.tolist(), strict=True)]
    np.testing.assert_allclose(carried, expected, atol=0.12)
    assert np.mean(np.abs(carried - expected)) < 0.03


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-2.0, 2.0).filter(lambda x: abs(x) > 0.1), min_size=3, max_size=3))
def test_outside_of_a_surface_stays_outside(scales):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    moved = warp_surface(sitk.ScaleTransform(3, scales), Surface(vertices, faces))
    assert volume_of(moved) == pytest.approx(abs(np.prod(scales)) / 6)


def volume_of(surface):
    a, b, c = np.moveaxis(surface.vertices_lps[surface.faces], 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def test_a_surface_is_turned_where_a_deformation_mirrors(blank, spline):
    vertices = places(blank, 4)
    surface = Surface(vertices, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    assert warp_surface(spline, surface).faces.tolist() == surface.faces.tolist()
    mirrored = warp_surface(sitk.CompositeTransform([sitk.ScaleTransform(3, (-1, 1, 1)), spline]), surface)
    assert mirrored.faces.tolist() == surface.faces[:, ::-1].tolist()
    np.testing.assert_allclose(mirrored.vertices_lps, warp_points(spline, vertices) * (-1, 1, 1), atol=1e-12)


@pytest.mark.parametrize("interpolator", ["nearest", "label"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), kind=st.sampled_from([np.uint8, np.int16, np.uint32, np.float32]))
def test_labels_have_no_new_values(blank, spline, affine, interpolator, seed, kind):
    values = np.array([0, 1, 5, 90, 101]).astype(kind)
    drawn = np.random.default_rng(seed).choice(values, blank.GetSize()[::-1])
    labels = sitk.GetImageFromArray(drawn.astype(kind))
    labels.CopyInformation(blank)
    transform = sitk.CompositeTransform([affine, spline])
    moved = warp_labels(labels, Grid.of(blank), transform, interpolator=interpolator)
    found = sitk.GetArrayFromImage(moved)
    assert found.dtype == kind
    assert set(np.unique(found)) <= set(values)
    if interpolator == "nearest" and kind is not np.float32:
        for index in np.random.default_rng(seed).integers(4, 16, (10, 3)).tolist():
            there = transform.TransformPoint(moved.TransformIndexToPhysicalPoint(index))
            where = labels.TransformPhysicalPointToIndex(there)
            if all(0 <= i < n for i, n in zip(where, labels.GetSize(), strict=True)):
                assert moved[index] == labels[where]


def test_what_is_no_label_or_no_point_is_refused(blank, spline):
    broken = sitk.Cast(blank, sitk.sitkFloat32) + 0.5
    with pytest.raises(CoregError, match="whole numbers"):
        warp_labels(broken, Grid.of(blank), spline)
    with pytest.raises(CoregError, match=r"\(N, 3\)"):
        warp_points(spline, [[1.0, 2.0]])
    with pytest.raises(CoregError, match="NaN"):
        warp_points(spline, [[1.0, 2.0, np.nan]])
    with pytest.raises(CoregError, match="one for each"):
        warp_vectors(spline, np.zeros((2, 3)), np.zeros((3, 3)))
