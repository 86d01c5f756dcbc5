"""Fits to landmarks against known maps, SimpleITK's initializer, scikit-image, scipy, and what makes a fit the best."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.interpolate import RBFInterpolator
from scipy.spatial.transform import Rotation
from skimage.transform import SimilarityTransform

from napari_coreg import fit_landmarks
from napari_coreg.core.geometry import Grid
from napari_coreg.errors import GeometryError

LINEAR = ("translation", "rigid", "similarity", "affine")
SEEDS = st.integers(0, 2**32 - 1)
DIMENSIONS = st.sampled_from((2, 3))
KINDS = {
    ("translation", 2): sitk.TranslationTransform,
    ("translation", 3): sitk.TranslationTransform,
    ("rigid", 2): sitk.Euler2DTransform,
    ("rigid", 3): sitk.VersorRigid3DTransform,
    ("similarity", 2): sitk.Similarity2DTransform,
    ("similarity", 3): sitk.Similarity3DTransform,
    ("affine", 2): sitk.AffineTransform,
    ("affine", 3): sitk.AffineTransform,
}


def box(dimension: int, side_mm: float = 240.0, nodes: int = 25) -> Grid:
    """A grid of nodes about the origin."""
    size, step, first = (nodes,) * dimension, (side_mm / (nodes - 1),) * dimension, (-side_mm / 2,) * dimension
    return Grid(size, step, first, tuple(np.eye(dimension).ravel().tolist()))


def scattered(random: np.random.Generator, number: int, dimension: int) -> np.ndarray:
    """Points of a head that lies off the origin."""
    return random.uniform(-80, 80, (number, dimension)) + random.uniform(-300, 300, dimension)


def rotation(random: np.random.Generator, dimension: int) -> np.ndarray:
    if dimension == 3:
        return Rotation.random(random_state=np.random.RandomState(random.integers(2**31))).as_matrix()
    angle = random.uniform(-np.pi, np.pi)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def linear_part(random: np.random.Generator, model: str, dimension: int) -> np.ndarray:
    if model == "translation":
        return np.eye(dimension)
    turn = rotation(random, dimension)
    if model == "similarity":
        return turn * random.uniform(0.3, 3)
    if model == "affine":
        return turn @ np.diag(random.uniform(0.5, 2, dimension)) @ rotation(random, dimension)
    return turn


def noisy(random: np.random.Generator, model: str, number: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    p = scattered(random, number, dimension)
    moved = p @ linear_part(random, model, dimension).T + random.uniform(-200, 200, dimension)
    return p, moved + random.normal(0, 2, p.shape)


def mapped(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def fit(p: np.ndarray, q: np.ndarray, model: str, **more: Any) -> Any:
    return fit_landmarks(p, q, model, like=box(p.shape[1], nodes=5), **more)


# linear models


@given(SEEDS, st.sampled_from(LINEAR), DIMENSIONS, st.integers(0, 6))
def test_a_map_of_the_model_is_found_exactly_from_any_number_of_points(seed, model, dimension, more):
    random = np.random.default_rng(seed)
    needed = {"translation": 1, "affine": dimension + 1}.get(model, dimension)
    p = scattered(random, needed + more, dimension)
    stretches = np.linalg.svd(p - p.mean(axis=0), compute_uv=False)
    assume(needed == 1 or stretches[needed - 2] > 5)
    linear, shift = linear_part(random, model, dimension), random.uniform(-200, 200, dimension)
    found = fit_landmarks(p, p @ linear.T + shift, model)
    elsewhere = scattered(random, 5, dimension)
    np.testing.assert_allclose(found.map_points(elsewhere), elsewhere @ linear.T + shift, atol=1e-6)
    np.testing.assert_allclose(mapped(found.transform, elsewhere), elsewhere @ linear.T + shift, atol=1e-4)
    assert found.max_mm < 1e-8
    assert all(error is None or error < 1e-6 for error in found.leave_one_out_mm)


@pytest.mark.parametrize(("model", "dimension"), KINDS)
def test_the_transform_is_simpleitks_of_that_kind_about_the_centroid(model, dimension):
    p, q = noisy(np.random.default_rng(1), model, 6, dimension)
    found = fit_landmarks(p, q, model)
    assert type(found.transform) is KINDS[model, dimension]
    if model != "translation":
        np.testing.assert_allclose(found.transform.GetCenter(), p.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(mapped(found.transform, p), found.map_points(p), atol=1e-5)
    np.testing.assert_allclose(found.residuals_mm, np.linalg.norm(mapped(found.transform, p) - q, axis=1), atol=1e-5)


@given(SEEDS, st.sampled_from((("rigid", 2), ("rigid", 3), ("similarity", 3), ("affine", 2), ("affine", 3))))
def test_the_fit_is_that_of_simpleitk(seed, kind):
    model, dimension = kind
    p, q = noisy(np.random.default_rng(seed), model, 7, dimension)
    found = fit_landmarks(p, q, model)
    if model == "similarity":  # of noisy points, SimpleITK takes Horn's scale, which is not that of least squares
        q = found.map_points(p)
    start = sitk.AffineTransform(dimension) if model == "affine" else KINDS[kind]()
    theirs = sitk.LandmarkBasedTransformInitializer(start, p.ravel(), q.ravel())
    np.testing.assert_allclose(found.map_points(p), mapped(theirs, p), atol=1e-4)


@given(SEEDS)
def test_the_similarity_in_2d_is_that_of_scikit_image(seed):
    p, q = noisy(np.random.default_rng(seed), "similarity", 6, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # estimate() has another name in newer versions
        theirs = SimilarityTransform()
        assert theirs.estimate(p, q)
    np.testing.assert_allclose(fit_landmarks(p, q, "similarity").map_points(p), theirs(p), atol=1e-6)


@given(SEEDS, st.sampled_from(LINEAR), DIMENSIONS)
def test_no_other_map_of_the_model_has_a_smaller_weighted_error(seed, model, dimension):
    random = np.random.default_rng(seed)
    p, q = noisy(random, model, 7, dimension)
    w = random.uniform(0.2, 3, 7)
    found = fit_landmarks(p, q, model, weights=w)

    def cost(points: np.ndarray) -> float:
        return float(w @ ((points - q) ** 2).sum(axis=1))

    best = cost(found.map_points(p))
    for _ in range(20):
        other = found.transform.__class__(found.transform)
        values = np.array(other.GetParameters())
        other.SetParameters(values + random.normal(0, 10.0 ** -random.integers(1, 5), len(values)))
        assert cost(mapped(other, p)) >= best * (1 - 1e-7)


@given(SEEDS, st.sampled_from((*LINEAR, "thin_plate")), DIMENSIONS)
def test_the_order_of_the_landmarks_changes_nothing(seed, model, dimension):
    random = np.random.default_rng(seed)
    p, q = noisy(random, model, 8, dimension)
    w, order = random.uniform(0.2, 3, 8), random.permutation(8)
    one, other = fit(p, q, model, weights=w), fit(p[order], q[order], model, weights=w[order])
    np.testing.assert_allclose(one.map_points(p), other.map_points(p), atol=1e-6)
    np.testing.assert_allclose(np.take(one.leave_one_out_mm, order), other.leave_one_out_mm, atol=1e-5)


@given(SEEDS, st.sampled_from((*LINEAR, "thin_plate")), DIMENSIONS, st.sampled_from((0.0, 20.0)))
def test_leaving_one_out_is_fitting_the_others(seed, model, dimension, smoothing):
    random = np.random.default_rng(seed)
    p, q = noisy(random, model, 9, dimension)
    w = random.uniform(0.2, 3, 9)
    more = {"smoothing": smoothing} if model == "thin_plate" else {}
    found = fit(p, q, model, weights=w, **more)
    for index in range(9):
        others = np.arange(9) != index
        without = fit(p[others], q[others], model, weights=w[others], **more)
        error = np.linalg.norm(without.map_points(p[index]) - q[index])
        assert found.leave_one_out_mm[index] == pytest.approx(error, rel=1e-5, abs=1e-6)


@given(SEEDS, st.sampled_from(("rigid", "similarity")))
def test_a_weight_of_two_is_the_landmark_twice(seed, model):
    random = np.random.default_rng(seed)
    p, q = noisy(random, model, 5, 3)
    twice = np.concatenate([p, p[:1] + 0.002]), np.concatenate([q, q[:1] + 0.002])  # the same is refused
    weighted = fit_landmarks(p, q, model, weights=[2, 1, 1, 1, 1])
    np.testing.assert_allclose(weighted.map_points(p), fit_landmarks(*twice, model).map_points(p), atol=0.02)


@pytest.mark.parametrize("model", ["rigid", "similarity"])
def test_three_landmarks_or_four_in_a_plane_are_enough_in_3d(model):
    random = np.random.default_rng(4)
    square = np.array([[0.0, 0, 0], [90, 0, 0], [80, 60, 0], [10, 50, 0]])
    turn = rotation(random, 3)
    for number in (3, 4):
        p = square[:number]
        found = fit_landmarks(p, p @ turn.T + 7, model)
        np.testing.assert_allclose(found.map_points((0, 0, 40.0)), turn @ (0, 0, 40.0) + 7, atol=1e-6)
        assert found.leave_one_out_mm == ((None,) * 3 if number == 3 else pytest.approx((0,) * 4, abs=1e-6))


@given(SEEDS)
def test_the_rotation_stays_proper_where_noise_would_mirror_a_flat_set(seed):
    random = np.random.default_rng(seed)
    p = np.column_stack([random.uniform(-80, 80, (5, 2)), random.normal(0, 1, 5)])
    stretches = np.linalg.svd(p - p.mean(axis=0), compute_uv=False)
    assume(stretches[1] > 60)
    found = fit_landmarks(p, p * (1, 1, -1), "rigid")
    matrix = np.reshape(found.transform.GetMatrix(), (3, 3))
    assert np.linalg.det(matrix) == pytest.approx(1)
    assert found.max_mm < 12


def test_the_errors_are_told_together():
    p = np.array([[0.0, 0], [100, 0], [100, 100], [0, 100]])
    found = fit_landmarks(p, p + np.array([(5, 5), (5, 9), (5, 5), (5, 5)]), "translation", names="abcd")
    assert found.names == ("a", "b", "c", "d")
    assert found.residuals_mm == pytest.approx((1, 3, 1, 1))
    assert (found.mean_mm, found.rms_mm, found.max_mm) == pytest.approx((1.5, 3**0.5, 3))
    assert found.leave_one_out_mm == pytest.approx((4 / 3, 4, 4 / 3, 4 / 3))
    assert found.leave_one_out_rms_mm == pytest.approx(((16 + 3 * 16 / 9) / 4) ** 0.5)
    assert repr(found) == "<LandmarkFit translation, 4 landmarks, FRE 1.73 mm, leave-one-out 2.31 mm>"
    alone = fit_landmarks(p[:1], p[:1], "translation")
    assert alone.leave_one_out_rms_mm is None
    assert repr(alone) == "<LandmarkFit translation, 1 landmarks, FRE 0 mm>"


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_expected_target_error_is_what_happens_on_average(dimension):
    random = np.random.default_rng(7)
    p = scattered(random, 8, dimension)
    targets = p.mean(axis=0) + random.uniform(-150, 150, (4, dimension))
    turn = rotation(random, dimension)
    squared, expected = [], []
    for _ in range(1500):
        found = fit_landmarks(p, p @ turn.T + random.normal(0, 1, p.shape), "rigid")
        squared.append(((found.map_points(targets) - targets @ turn.T) ** 2).sum(axis=1))
        expected.append(found.expected_tre_mm(targets) ** 2)
    np.testing.assert_allclose(np.mean(expected, axis=0), np.mean(squared, axis=0), rtol=0.08)


# thin-plate splines


@given(SEEDS, DIMENSIONS)
def test_a_thin_plate_spline_goes_through_all_landmarks_exactly(seed, dimension):
    random = np.random.default_rng(seed)
    p, q = noisy(random, "rigid", 12, dimension)
    found = fit(p, q + random.normal(0, 5, p.shape), "thin_plate")
    np.testing.assert_allclose(found.map_points(p), found.moving_points_lps, atol=1e-6)
    assert found.max_mm < 1e-6


@given(SEEDS, DIMENSIONS)
def test_a_thin_plate_spline_of_affine_data_is_affine(seed, dimension):
    random = np.random.default_rng(seed)
    p = scattered(random, 9, dimension)
    linear = linear_part(random, "affine", dimension)
    found = fit(p, p @ linear.T + 20, "thin_plate")
    elsewhere = scattered(random, 6, dimension)
    np.testing.assert_allclose(found.map_points(elsewhere), elsewhere @ linear.T + 20, atol=1e-5)
    np.testing.assert_allclose(mapped(found.transform, elsewhere), elsewhere @ linear.T + 20, atol=1e-4)


@given(SEEDS, DIMENSIONS, st.sampled_from((0.0, 3.0, 100.0)))
def test_a_thin_plate_spline_is_that_of_scipy(seed, dimension, smoothing):
    random = np.random.default_rng(seed)
    p, q = noisy(random, "rigid", 10, dimension)
    w = random.uniform(0.2, 3, 10)
    kernel = "linear" if dimension == 3 else "thin_plate_spline"
    theirs = RBFInterpolator(p, q, kernel=kernel, degree=1, smoothing=smoothing / w)
    found = fit(p, q, "thin_plate", weights=w, smoothing=smoothing)
    elsewhere = p.mean(axis=0) + random.uniform(-150, 150, (8, dimension))
    np.testing.assert_allclose(found.map_points(elsewhere), theirs(elsewhere), atol=1e-5)
    assert found.map_points(elsewhere.reshape(2, 4, dimension)).shape == (2, 4, dimension)


@pytest.mark.parametrize("dimension", [2, 3])
def test_more_smoothing_bends_less_until_the_affine_fit_is_left(dimension):
    random = np.random.default_rng(2)
    p, q = noisy(random, "rigid", 10, dimension)
    w = random.uniform(0.2, 3, 10)
    errors = [fit(p, q, "thin_plate", weights=w, smoothing=10.0**power).rms_mm for power in range(-1, 5)]
    assert errors == sorted(errors)
    last, affine = fit(p, q, "thin_plate", weights=w, smoothing=1e9), fit(p, q, "affine", weights=w)
    np.testing.assert_allclose(last.map_points(p), affine.map_points(p), atol=1e-3)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_sampled_spline_is_as_near_to_the_exact_one_as_it_says(dimension):
    random = np.random.default_rng(5)
    p = random.uniform(-80, 80, (12, dimension))
    q = p + random.normal(0, 4, p.shape)
    inside = random.uniform(-110, 110, (2000, dimension))
    told = []
    for nodes in (21, 41, 81):
        found = fit_landmarks(p, q, "thin_plate", like=box(dimension, nodes=nodes))
        off = np.linalg.norm(mapped(found.transform, inside) - found.map_points(inside), axis=1)
        assert off.max() <= found.sampling_error_mm * (1 if dimension == 3 else 1.2)  # in 2-D it has no cusps
        assert np.linalg.norm(mapped(found.transform, p) - q, axis=1).max() <= found.sampling_error_mm + 1e-9
        told.append(found.sampling_error_mm)
    assert told[0] > told[1] > told[2] < told[0] / 2


def test_a_spline_is_sampled_on_the_image_that_is_given_and_affine_outside():
    random = np.random.default_rng(6)
    p = random.uniform(-40, 40, (8, 3))
    q = p * 1.1 + random.normal(0, 2, p.shape)
    image = sitk.Image([20, 22, 24], sitk.sitkUInt8)
    image.SetOrigin((50.0, 45.0, -50.0))
    image.SetSpacing((5.0, 4.5, 4.0))
    image.SetDirection(Rotation.from_euler("z", 170, degrees=True).as_matrix().ravel())
    found = fit_landmarks(p, q, "thin_plate", like=image)
    node = image.TransformIndexToPhysicalPoint((3, 7, 11))
    np.testing.assert_allclose(found.transform.TransformPoint(node), found.map_points(node), atol=1e-9)
    outside = np.array([500.0, 0, 0])
    step = mapped(found.transform, outside + 10 * np.eye(3)) - mapped(found.transform, outside[None])
    plain = fit_landmarks(p, q, "affine")
    assert np.linalg.norm(step - 10 * np.reshape(plain.transform.GetMatrix(), (3, 3)).T) < 3
    assert np.linalg.norm(found.transform.TransformPoint(outside) - plain.map_points(outside)) < 60


def test_landmarks_outside_the_grid_leave_the_sampling_error_unknown():
    p = np.random.default_rng(1).uniform(500, 600, (6, 3))
    assert np.isnan(fit_landmarks(p, p + 1, "thin_plate", like=box(3, nodes=4)).sampling_error_mm)


@pytest.mark.slow
def test_a_spline_is_sampled_with_wider_steps_on_a_grid_that_is_too_large():
    random = np.random.default_rng(3)
    p = random.uniform(-80, 80, (5, 3))
    found = fit_landmarks(p, p + random.normal(0, 3, p.shape), "thin_plate", like=box(3, nodes=400))
    field = sitk.CompositeTransform(found.transform).GetNthTransform(1).Downcast().GetDisplacementField()
    assert np.prod(field.GetSize()) <= 2**23
    corner = field.TransformIndexToPhysicalPoint([n - 1 for n in field.GetSize()])
    np.testing.assert_allclose(corner, (120, 120, 120), atol=1e-9)


# what is refused

LINE = np.outer(np.arange(5), (10.0, 20, 5)) + 3
PLANE = np.array([[0.0, 0, 9], [50, 0, 9], [0, 50, 9], [50, 40, 9], [20, 10, 9]])
BODY = np.array([[0.0, 0, 0], [60, 0, 5], [0, 50, 10], [10, 20, 70], [-30, 10, 20]])
CASES = [
    (BODY[:2], BODY[:2], "rigid", "a rigid fit in 3-D needs at least 3 pairs of points, but there are 2"),
    (
        BODY[:1, :2],
        BODY[:1, :2],
        "similarity",
        "a similarity fit in 2-D needs at least 2 pairs of points, but there is 1",
    ),
    (BODY[:3], BODY[:3], "affine", "an affine fit in 3-D needs at least 4"),
    (BODY[:3], BODY[:3], "thin_plate", "at least 4"),
    (BODY[:0], BODY[:0], "translation", "at least 1 pairs of points, but there are 0"),
    (LINE, BODY, "rigid", "the fixed points lie on one line"),
    (BODY, LINE, "similarity", "the moving points lie on one line"),
    (PLANE, BODY, "affine", "the fixed points lie in one plane"),
    (BODY, PLANE, "affine", "the moving points lie in one plane"),
    (PLANE, PLANE, "thin_plate", "the fixed points lie in one plane"),
    (LINE[:, :2], BODY[:, :2], "affine", "the fixed points lie on one line"),
    (BODY, BODY[:4], "rigid", "5 fixed landmarks in 3-D and 4 moving ones in 3-D"),
    (BODY, BODY[:, :2], "rigid", "5 moving ones in 2-D"),
    (BODY[[0, 1, 2, 1]], BODY[:4], "rigid", "'2' and '4' are at the same place in the fixed volume"),
    (BODY[:4], BODY[[0, 1, 2, 0]], "translation", "'1' and '4' are at the same place in the moving volume"),
    (np.where(BODY == 70, np.nan, BODY), BODY, "rigid", "fixed landmark number 4 of 5 is"),
    (BODY, BODY * (-1, 1, 1), "rigid", "mirror image"),
    (BODY, BODY * (-1, 1, 1), "similarity", "mirror image"),
    (BODY, BODY * (-1, 1, 1), "affine", "mirror image"),
    (BODY, BODY * (-1, 1, 1), "thin_plate", "mirror image"),
    (BODY[:, :2], BODY[:, :2] * (-1, 1), "rigid", "mirror image"),
    (
        np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]),
        np.array([[-1.0, 1], [-1, -1], [1, 1], [1, -1]]),
        "rigid",
        "equally",
    ),
    (BODY, BODY, "projective", "'projective' is not known; choose one of translation, rigid"),
    (BODY[0], BODY[0], "rigid", r"shape \(3,\)"),
    (np.eye(4), np.eye(4), "rigid", r"shape \(4, 4\)"),
    (["a"], BODY, "rigid", "not an array of numbers"),
]


@pytest.mark.parametrize(("p", "q", "model", "told"), CASES)
def test_landmarks_that_do_not_determine_the_model_are_refused_with_the_reason(p, q, model, told):
    with pytest.raises(GeometryError, match=told):
        fit_landmarks(p, q, model, like=box(3, nodes=4))


@pytest.mark.parametrize(
    ("model", "more", "told"),
    [
        ("rigid", {"names": ["a"]}, "1 names for 5 landmarks"),
        ("rigid", {"weights": [1, 2]}, "5 numbers are needed"),
        ("rigid", {"weights": [1, 0, 1, 1, 1], "names": "abcde"}, "weight of landmark 'b' is 0"),
        ("rigid", {"weights": [1, 1, 1, 1, np.nan]}, "weight of landmark '5' is nan"),
        ("rigid", {"smoothing": 1.0}, "smoothing is for the model 'thin_plate'"),
        ("thin_plate", {"smoothing": -1.0, "like": box(3)}, "smoothing is -1.0"),
        ("thin_plate", {}, "give the fixed volume or its grid as like"),
        ("thin_plate", {"like": box(2)}, "3-D"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(model, more, told):
    with pytest.raises(GeometryError, match=told):
        fit_landmarks(BODY, BODY + 1, model, **more)


def test_points_of_other_axes_and_other_models_are_refused_later():
    found = fit_landmarks(BODY, BODY + 1, "affine")
    with pytest.raises(GeometryError, match="3 coordinates"):
        found.map_points((1.0, 2.0))
    with pytest.raises(GeometryError, match="not for 'affine'"):
        found.expected_tre_mm((1.0, 2.0, 3.0))
