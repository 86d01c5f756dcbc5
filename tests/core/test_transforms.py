"""The algebra of transforms against SimpleITK's own TransformPoint."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_coreg.core.bspline_grid import make_bspline
from napari_coreg.core.transforms import (
    compose,
    displacement_field,
    from_matrix,
    invert,
    is_identity,
    is_linear,
    is_rigid,
    linear_identity,
    parts,
    to_matrix,
)
from napari_coreg.errors import RegistrationError

POINTS = {n: np.random.default_rng(5).uniform(-150, 150, (12, n)).tolist() for n in (2, 3)}
KINDS = ("translation", "rigid", "similarity", "affine", "composite", "euler")


def linear(kind: str, dimension: int, seed: int, reach_mm: float = 100.0) -> sitk.Transform:
    """A random linear transform of SimpleITK."""
    rng = np.random.default_rng(seed)
    shift, centre = rng.uniform(-reach_mm, reach_mm, (2, dimension)).tolist()
    if kind == "translation":
        return sitk.TranslationTransform(dimension, shift)
    if kind == "composite":
        inner = [linear(other, dimension, seed + 1) for other in ("rigid", "affine")]
        return sitk.CompositeTransform([sitk.CompositeTransform(inner), linear("translation", dimension, seed + 2)])
    if kind == "affine":
        transform = sitk.AffineTransform(dimension)
        transform.SetMatrix((np.eye(dimension) + rng.uniform(-0.3, 0.3, (dimension, dimension))).ravel().tolist())
    else:
        similar = kind == "similarity"
        if dimension == 2:
            transform = sitk.Similarity2DTransform() if similar else sitk.Euler2DTransform()
            transform.SetAngle(rng.uniform(-3, 3))
        elif kind == "euler":
            transform = sitk.Euler3DTransform()
            transform.SetRotation(*rng.uniform(-3, 3, 3).tolist())
        else:
            transform = sitk.Similarity3DTransform() if similar else sitk.VersorRigid3DTransform()
            transform.SetRotation(rng.normal(size=3).tolist(), rng.uniform(-3, 3))
        if similar:
            transform.SetScale(rng.uniform(0.5, 2))
    transform.SetCenter(centre)
    transform.SetTranslation(shift)
    return transform


def spline(phantom, dimension: int, seed: int = 0) -> sitk.BSplineTransform:
    grid = phantom.grid((30, 30, 30)[:dimension], (12.0, 12.0, 12.0)[:dimension], (0.3, 0.2, 0.1))
    transform = make_bspline(grid, (3, 3, 3)[:dimension])
    count = len(transform.GetParameters())
    transform.SetParameters(np.random.default_rng(seed).normal(0, 4, count).tolist())
    return transform


def mapped(transform: sitk.Transform) -> np.ndarray:
    return np.array([transform.TransformPoint(p) for p in POINTS[transform.GetDimension()]])


some = given(kind=st.sampled_from(KINDS), dimension=st.sampled_from([2, 3]), seed=st.integers(0, 10_000))


@settings(deadline=None)
@some
def test_a_matrix_is_the_transform_and_back(kind, dimension, seed):
    transform = linear(kind, dimension, seed)
    matrix = to_matrix(transform)
    homogeneous = np.c_[POINTS[dimension], np.ones(len(POINTS[dimension]))]
    np.testing.assert_allclose((homogeneous @ matrix.T)[:, :-1], mapped(transform), atol=1e-9)
    np.testing.assert_allclose(mapped(from_matrix(matrix)), mapped(transform), atol=1e-6)
    centre = np.full(dimension, 33.0)
    again = from_matrix(matrix, centre)
    np.testing.assert_allclose(mapped(again), mapped(transform), atol=1e-6)
    if again.GetName() != "TranslationTransform":
        assert again.GetCenter() == pytest.approx(centre)


@settings(deadline=None)
@some
def test_an_inverse_takes_points_back(kind, dimension, seed):
    transform = linear(kind, dimension, seed)
    back = invert(transform)
    for point in POINTS[dimension]:
        np.testing.assert_allclose(back.TransformPoint(transform.TransformPoint(point)), point, atol=1e-6)
    np.testing.assert_allclose(mapped(invert(back)), mapped(transform), atol=1e-6)


@settings(deadline=None)
@given(
    kinds=st.lists(st.sampled_from([*KINDS, "spline"]), min_size=1, max_size=5),
    dimension=st.sampled_from([2, 3]),
    seed=st.integers(0, 10_000),
)
def test_a_composition_is_one_mapping_after_the_other(phantom, kinds, dimension, seed):
    chain = [
        spline(phantom, dimension, seed + i) if kind == "spline" else linear(kind, dimension, seed + i, 20.0)
        for i, kind in enumerate(kinds)
    ]
    composed = compose(*chain, centre_lps=np.full(dimension, 10.0))
    for point in POINTS[dimension]:
        wanted = point
        for transform in chain:
            wanted = transform.TransformPoint(wanted)
        np.testing.assert_allclose(composed.TransformPoint(point), wanted, atol=1e-5)
    elementary = parts(composed)
    assert not any(is_linear(a) and is_linear(b) for a, b in pairwise(elementary))
    assert is_linear(composed) == ("spline" not in kinds)


@settings(deadline=None)
@some
def test_parts_are_applied_in_their_order(kind, dimension, seed):
    transform = linear(kind, dimension, seed)
    for point in POINTS[dimension]:
        found = point
        for part in parts(transform):
            assert part.GetName() != "CompositeTransform"
            found = part.TransformPoint(found)
        np.testing.assert_allclose(found, transform.TransformPoint(point), atol=1e-9)


def test_a_thousand_compositions_stay_rigid():
    step = linear("rigid", 3, 4, reach_mm=1.0)
    whole: sitk.Transform = sitk.TranslationTransform(3)
    wanted = np.eye(4)
    for _ in range(1000):
        whole = compose(whole, step, centre_lps=np.array([50.0, -900.0, 1200.0]))
        wanted = to_matrix(step) @ wanted
    assert whole.GetName() == "VersorRigid3DTransform"
    np.testing.assert_allclose(to_matrix(whole), wanted, atol=1e-6)


def test_the_simplest_kind_is_taken():
    kinds = {kind: from_matrix(to_matrix(linear(kind, 3, 8))).GetName() for kind in KINDS}
    assert kinds == {
        "translation": "TranslationTransform",
        "rigid": "VersorRigid3DTransform",
        "euler": "VersorRigid3DTransform",
        "similarity": "AffineTransform",
        "affine": "AffineTransform",
        "composite": "AffineTransform",
    }
    assert from_matrix(to_matrix(linear("rigid", 2, 8))).GetName() == "Euler2DTransform"


@pytest.mark.parametrize("dimension", [2, 3])
def test_rigid_is_what_keeps_distances_and_handedness(phantom, dimension):
    assert all(is_rigid(linear(kind, dimension, 3)) for kind in ("translation", "rigid", "euler"))
    assert not any(is_rigid(linear(kind, dimension, 3)) for kind in ("similarity", "affine"))
    mirror = sitk.AffineTransform(dimension)
    mirror.SetMatrix(np.diag([-1.0] + [1.0] * (dimension - 1)).ravel().tolist())
    assert not is_rigid(mirror)
    assert not is_rigid(spline(phantom, dimension))
    assert is_rigid(sitk.Transform(dimension, sitk.sitkIdentity))


@pytest.mark.parametrize("kind", ["translation", "rigid", "similarity", "affine"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_identities_move_nothing(kind, dimension):
    transform = linear_identity(kind, np.full(dimension, 12.5))
    assert is_identity(transform)
    np.testing.assert_allclose(mapped(transform), POINTS[dimension], atol=1e-12)
    assert not is_identity(linear(kind, dimension, 1))


def test_what_moves_nothing_is_left_out_of_a_composition(phantom):
    bend, nothing = spline(phantom, 3), sitk.Transform(3, sitk.sitkIdentity)
    assert compose(nothing, bend, linear_identity("rigid", np.zeros(3))).GetName() == "BSplineTransform"
    assert is_identity(compose(nothing, nothing))
    assert is_identity(compose(sitk.CompositeTransform(3)))  # holds nothing at all


def test_composing_does_not_tie_the_result_to_its_parts():
    first = linear("rigid", 3, 1)
    alone = compose(first)
    before = mapped(alone)
    first.SetTranslation((500.0, 0.0, 0.0))
    np.testing.assert_array_equal(mapped(alone), before)


def test_a_deformation_has_neither_matrix_nor_inverse(phantom):
    bend = compose(spline(phantom, 3), linear("rigid", 3, 1))
    with pytest.raises(ValueError, match="no matrix"):
        to_matrix(bend)
    with pytest.raises(RegistrationError, match="no closed inverse"):
        invert(bend)


def test_a_flat_transform_has_no_inverse():
    flat = sitk.AffineTransform(3)
    flat.SetMatrix(np.diag([1.0, 1.0, 0.0]).ravel().tolist())
    with pytest.raises(RegistrationError, match="determinant is 0"):
        invert(flat)


@settings(deadline=None, max_examples=15)
@given(
    kind=st.sampled_from([*KINDS, "spline"]),
    dimension=st.sampled_from([2, 3]),
    angles=st.tuples(*[st.integers(-3100, 3100).map(lambda n: n / 1000)] * 3),
    left_handed=st.booleans(),
)
def test_a_field_holds_where_each_voxel_goes(phantom, kind, dimension, angles, left_handed):
    size, spacing = (9, 12, 7)[:dimension], (3.0, 2.0, 5.0)[:dimension]
    grid = phantom.grid(size, spacing, angles, left_handed=left_handed, centre=(5.0, -8.0, 40.0))
    transform = spline(phantom, dimension) if kind == "spline" else linear(kind, dimension, 6)
    field = displacement_field(transform, grid)
    for index in np.random.default_rng(0).integers(0, size, (10, dimension)).tolist():
        point = field.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(field[index], np.subtract(transform.TransformPoint(point), point), atol=1e-3)
