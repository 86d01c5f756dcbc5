"""Homographies against scikit-image's, and ECC against known views."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import ProjectiveTransform

from napari_coreg.core.geometry import Grid
from napari_coreg.core.projective import Projective, ecc_refine
from napari_coreg.errors import GeometryError, RegistrationError

VIEW = np.array([[0.95, -0.12, 12.0], [0.1, 1.05, -7.0], [4e-4, -6e-4, 1.0]])
SMALL = st.floats(-1, 1)


def views():
    return st.tuples(*[SMALL] * 8).map(
        lambda p: np.array(
            [
                [1 + 0.3 * p[0], 0.3 * p[1], 40 * p[2]],
                [0.3 * p[3], 1 + 0.3 * p[4], 40 * p[5]],
                [1e-3 * p[6], 1e-3 * p[7], 1],
            ]
        )
    )


@settings(deadline=None, max_examples=50)
@given(matrix=views())
def test_points_go_where_scikit_image_takes_them(matrix):
    points = np.random.default_rng(0).uniform(-100, 100, (50, 2))
    expected = ProjectiveTransform(matrix)(points)
    np.testing.assert_allclose(Projective(matrix * 3.0).map_points(points), expected, atol=1e-8)


@settings(deadline=None, max_examples=50)
@given(matrix=views())
def test_the_inverse_undoes_it(matrix):
    points = np.random.default_rng(0).uniform(-100, 100, (50, 2))
    view = Projective(matrix)
    np.testing.assert_allclose(view.inverse.map_points(view.map_points(points)), points, atol=1e-6)


@pytest.mark.parametrize("left_handed", [False, True])
def test_simpleitk_moves_pixels_and_what_lies_between_them_alike(phantom, left_handed):
    grid = phantom.grid((60, 50), (2.0, 3.0), (0.4,), left_handed=left_handed, centre=(10.0, -20.0))
    transform = Projective(VIEW).to_transform(grid)
    assert transform.GetTransformEnum() == sitk.sitkDisplacementField
    inner = np.random.default_rng(0).uniform(1, 48, (40, 2))
    points = grid.to_lps(inner)
    found = np.array([transform.TransformPoint(point) for point in points.tolist()])
    np.testing.assert_allclose(found, ProjectiveTransform(VIEW)(points), atol=0.02)  # linear between pixels of 3 mm
    on_pixels = grid.to_lps(np.round(inner))
    found = np.array([transform.TransformPoint(point) for point in on_pixels.tolist()])
    np.testing.assert_allclose(found, ProjectiveTransform(VIEW)(on_pixels), atol=1e-6)


def test_what_keeps_parallels_is_a_linear_transform(phantom):
    matrix = VIEW.copy()
    matrix[2, :2] = 0
    transform = Projective(matrix).to_transform(phantom.image(phantom.grid((20, 20), (2.0, 2.0))))
    assert transform.GetTransformEnum() == sitk.sitkAffine
    assert transform.TransformPoint((3.0, 4.0)) == pytest.approx(tuple(matrix[:2, :2] @ (3.0, 4.0) + matrix[:2, 2]))


def test_points_beyond_the_horizon_are_nowhere(phantom):
    view = Projective(np.array([[1.0, 0, 0], [0, 1.0, 0], [-0.1, 0, 1.0]]))
    assert np.isnan(view.map_points(np.array([11.0, 0.0]))).all()
    with pytest.raises(GeometryError, match="beyond the horizon"):
        view.to_transform(phantom.grid((40, 40), (2.0, 2.0)))


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(2), np.diag([1.0, 1.0, 0.0]), np.full((3, 3), np.nan)])
def test_what_is_no_homography_is_refused(matrix):
    with pytest.raises(GeometryError, match="invertible 3 x 3"):
        Projective(matrix)


def seen(phantom, view, grid, gain=1.0):
    """The phantom's plane as `view` (fixed -> moving) shows it on a grid, each pixel computed."""
    columns, rows = np.meshgrid(*[np.arange(n) for n in grid.size_xyz])
    points = grid.to_lps(np.stack([columns, rows], axis=-1))
    image = sitk.GetImageFromArray((phantom.values(view.inverse.map_points(points)) * gain).astype(np.float32))
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def error_mm(found, truth):
    points = np.random.default_rng(1).uniform(-22, 22, (40, 2))
    return np.linalg.norm(found.map_points(points) - truth.map_points(points), axis=1).mean()


TRUTHS = {
    "translation": np.array([[1.0, 0, 3.0], [0, 1.0, -2.0], [0, 0, 1.0]]),
    "rigid": np.array([[np.cos(0.1), -np.sin(0.1), 2.0], [np.sin(0.1), np.cos(0.1), -2.0], [0, 0, 1.0]]),
    "affine": np.array([[1.08, -0.05, 2.0], [0.1, 0.95, -2.0], [0, 0, 1.0]]),
    "projective": np.array([[1.03, -0.05, 2.0], [0.04, 0.97, -2.0], [2e-3, -1e-3, 1.0]]),
}


@pytest.mark.parametrize("gain", [1.0, -3.0])
@pytest.mark.parametrize("model", TRUTHS)
def test_ecc_finds_a_near_view_in_lps_whatever_the_grids(phantom, model, gain):
    pytest.importorskip("cv2", reason="OpenCV is an extra")
    truth = Projective(TRUTHS[model])
    fixed = seen(phantom, Projective(np.eye(3)), phantom.grid((70, 80), (1.2, 1.0), (0.5,), left_handed=True))
    moving = seen(phantom, truth, phantom.grid((100, 90), (0.9, 1.1), (-0.3,), centre=(1.0, 2.0)), gain)
    found, correlation = ecc_refine(fixed, moving, model=model)
    assert error_mm(found, truth) < 0.1 < error_mm(Projective(np.eye(3)), truth)
    assert correlation > 0.99


def test_ecc_corrects_a_far_start_and_keeps_what_its_model_has_not(phantom):
    pytest.importorskip("cv2", reason="OpenCV is an extra")
    truth = Projective(np.array([[-0.02, 1.1, 60.0], [-1.1, 0.03, 25.0], [1e-3, 0, 1.0]]))
    start = Projective(np.array([[1.0, 0, 2.0], [0, 1.0, -1.5], [0, 0, 1.0]]) @ truth.matrix)
    fixed = seen(phantom, Projective(np.eye(3)), phantom.grid((70, 70), (1.2, 1.2)))
    moving = seen(phantom, truth, phantom.grid((100, 100), (1.1, 1.1), centre=(60.0, 25.0)))
    found, _ = ecc_refine(fixed, moving, start, "projective")
    assert error_mm(found, truth) < 0.1
    shifted, _ = ecc_refine(fixed, moving, start, "translation")
    assert error_mm(shifted, truth) < error_mm(start, truth)
    correction = Projective(np.linalg.inv(start.matrix) @ shifted.matrix).matrix
    np.testing.assert_allclose(correction[:, :2], np.eye(3)[:, :2], atol=1e-6)


def test_ecc_of_images_that_lie_apart_is_refused(phantom):
    pytest.importorskip("cv2", reason="OpenCV is an extra")
    image = phantom.image(phantom.grid((40, 40), (2.0, 2.0)))
    away = Projective(np.array([[1.0, 0, 500.0], [0, 1.0, 0], [0, 0, 1.0]]))
    with pytest.raises(RegistrationError, match="covers only 0%"):
        ecc_refine(image, image, away)


def test_ecc_that_does_not_converge_says_so(phantom):
    pytest.importorskip("cv2", reason="OpenCV is an extra")
    rng = np.random.default_rng(0)
    noise = [sitk.GetImageFromArray(rng.normal(size=(60, 60)).astype(np.float32)) for _ in range(2)]
    try:
        _, correlation = ecc_refine(*noise)
    except RegistrationError as error:
        assert "did not converge" in str(error)  # noqa: PT017 - either is right
    else:
        assert correlation < 0.5


def test_ecc_without_opencv_names_the_extra(phantom, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "cv2":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    image = phantom.image(phantom.grid((40, 40), (2.0, 2.0)))
    with pytest.raises(RegistrationError, match=r'pip install "napari-coreg\[opencv\]"'):
        ecc_refine(image, image)


def test_volumes_have_no_homography(phantom):
    with pytest.raises(GeometryError, match="2 axes"):
        Projective(VIEW).to_transform(Grid.of(phantom.image(phantom.grid())))
