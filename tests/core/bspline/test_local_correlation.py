"""The local normalized correlation against SimpleITK's, and against the definition written out in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.bspline.local_correlation import LocalNormalizedCorrelation
from napari_coreg.core.chunks import working_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SHAPE = (6, 9, 8)


def pair(shape: tuple[int, ...] = SHAPE, *, offset: float = 0.0, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    fixed = rng.normal(offset, 20.0, shape).astype(np.float32)
    return fixed, (300 - 2 * fixed + rng.normal(0, 40.0, shape)).astype(np.float32)


def punched(volume: Array, seed: int) -> Array:
    """Return the volume without one corner, some slices' ends and a tenth of its voxels."""
    holes = np.random.default_rng(seed).random(volume.shape) < 0.1
    holes[:3, :4, :3] = True
    holes[seed % 4, -2:] = True
    return np.where(holes, np.float32(np.nan), volume)


def evaluated(fixed: Array, warped: Array, radius: int) -> tuple[float, Array]:
    residual = np.full(fixed.shape, 7, np.float32)
    return LocalNormalizedCorrelation(fixed, radius)(warped, residual), residual


def by_definition(fixed: Array, warped: Array, radius: int) -> float:
    """Return the value, window by window; one is flat where a standard deviation is below 1e-6."""
    f, m = fixed.astype(np.float64), warped.astype(np.float64)
    known = ~np.isnan(f + m)
    total = 0.0
    for centre in np.argwhere(known):
        window = tuple(slice(max(i - radius, 0), i + radius + 1) for i in centre)
        a, b = f[window][known[window]], m[window][known[window]]
        if a.std() > 1e-6 and b.std() > 1e-6:
            a, b = a - a.mean(), b - b.mean()
            total += (a @ b) ** 2 / ((a @ a) * (b @ b))
    return -total / known.sum()


def slopes(fixed: Array, warped: Array, radius: int, voxels: Array, step: float) -> tuple[list[float], list[float]]:
    """Return the first and second derivative at some voxels by differences of the definition."""
    first, second = [], []
    middle = by_definition(fixed, warped, radius)
    for voxel in voxels:
        change = np.zeros(fixed.shape)
        change[tuple(voxel)] = step
        up, down = (by_definition(fixed, warped + sign * change, radius) for sign in (1, -1))
        first.append((up - down) / (2 * step))
        second.append((up - 2 * middle + down) / step**2)
    return first, second


def some_voxels(known: Array, number: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).permutation(np.argwhere(known))[:number]


def itk_value(
    fixed: Array, moving: Array, radius: int, *, mask: Array | None = None, shift_xyz: Any = (0, 0, 0)
) -> float:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsANTSNeighborhoodCorrelation(radius)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(sitk.TranslationTransform(3, [float(s) for s in shift_xyz]))
    if mask is not None:
        method.SetMetricFixedMask(sitk.GetImageFromArray(mask.astype(np.uint8)))
    return method.MetricEvaluate(sitk.GetImageFromArray(fixed), sitk.GetImageFromArray(moving))


class TestValue:
    # Windows at the border count the voxels inside in ITK too, so that nothing but float rounding is between them.
    @pytest.mark.parametrize("radius", [1, 2, 4])
    @pytest.mark.parametrize("shape", [(12, 14, 16), (5, 40, 6)])
    def test_value_is_that_of_itk(self, shape, radius):
        fixed, moving = pair(shape)
        assert evaluated(fixed, moving, radius)[0] == pytest.approx(itk_value(fixed, moving, radius), abs=1e-6)

    def test_value_is_that_of_itk_with_a_mask_and_a_partial_overlap(self):
        fixed, moving = pair((12, 14, 16))
        mask = ~np.isnan(punched(fixed, 1))
        looked_at = np.where(mask, fixed, np.float32(np.nan))
        warped = np.full_like(moving, np.nan)
        warped[:-1, :, :-3] = moving[1:, :, 3:]
        expected = itk_value(fixed, moving, 2, mask=mask, shift_xyz=(3, 0, 1))
        assert evaluated(looked_at, warped, 2)[0] == pytest.approx(expected, abs=1e-6)

    def test_flat_windows_add_nothing_where_itk_counts_them_as_agreement(self):
        fixed, moving = np.zeros((20, 20, 20), np.float32), np.ones((20, 20, 20), np.float32)
        fixed[5:12, 5:12, 5:12], moving[5:12, 5:12, 5:12] = pair((7, 7, 7))
        share_of_flat = 1 - (11 / 20) ** 3
        value, residual = evaluated(fixed, moving, 2)
        assert value == pytest.approx(itk_value(fixed, moving, 2) + share_of_flat, abs=1e-6)
        assert np.isfinite(residual).all()
        assert np.abs(residual[:, :, 16:]).max() <= 1e-12 * np.abs(residual).max()

    @pytest.mark.parametrize("radius", [1, 2, 3, 10])
    def test_value_is_the_definition_where_voxels_are_missing(self, radius):
        fixed, warped = (punched(volume, seed) for seed, volume in enumerate(pair()))
        expected = by_definition(fixed, warped, radius)
        assert evaluated(fixed, warped, radius)[0] == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("shape", [(1, 9, 8), (9, 1, 8), (9, 8, 1)])
    def test_value_is_the_definition_in_a_single_slice(self, shape):
        fixed, warped = pair(shape)
        assert evaluated(fixed, warped, 2)[0] == pytest.approx(by_definition(fixed, warped, 2), abs=1e-12)

    def test_sums_do_not_wear_off_far_from_zero_or_behind_a_bright_spot(self):
        fixed, warped = (volume * np.float32(0.05) for volume in pair((8, 40, 12), offset=20_000.0))
        fixed[4, 5, 6] += 3000
        warped[4, 5, 6] -= 3000
        assert evaluated(fixed, warped, 2)[0] == pytest.approx(by_definition(fixed, warped, 2), abs=1e-9)

    def test_a_linear_change_of_intensity_leaves_the_least_value(self):
        fixed, _ = pair()
        value, residual = evaluated(fixed, (100 - 3 * fixed).astype(np.float32), 2)
        assert value == pytest.approx(-1, abs=1e-6)
        assert np.abs(residual).max() < 1e-3 * np.abs(evaluated(*pair(), 2)[1]).max()

    def test_constant_images_correlate_with_nothing(self):
        fixed, warped = pair()
        constant = np.full_like(fixed, 1234.567)
        for value, residual in (evaluated(fixed, constant, 2), evaluated(constant, warped, 2)):
            assert value == 0
            assert not residual.any()

    def test_images_without_overlap_have_no_finite_value(self):
        fixed, warped = pair()
        value, residual = evaluated(fixed, np.full_like(warped, np.nan), 2)
        assert value == np.inf
        assert not residual.any()


class TestDerivative:
    @pytest.mark.parametrize("radius", [1, 2, 10])
    def test_derivative_is_that_of_the_definition(self, radius):
        fixed, warped = pair()
        voxels = some_voxels(np.ones(SHAPE, bool), 12)
        expected, _ = slopes(fixed, warped, radius, voxels, step=1e-3)
        residual = evaluated(fixed, warped, radius)[1]
        np.testing.assert_allclose(residual[tuple(voxels.T)], expected, rtol=1e-5, atol=1e-6 * np.abs(residual).max())

    def test_derivative_is_that_of_the_definition_where_voxels_are_missing(self):
        fixed, warped = (punched(volume, seed) for seed, volume in enumerate(pair()))
        known = ~np.isnan(fixed + warped)
        voxels = some_voxels(known, 12)
        expected, _ = slopes(fixed, warped, 2, voxels, step=1e-3)
        residual = evaluated(fixed, warped, 2)[1]
        np.testing.assert_allclose(residual[tuple(voxels.T)], expected, rtol=1e-5, atol=1e-6 * np.abs(residual).max())
        assert not residual[~known].any()

    def test_derivative_is_that_of_the_definition_beside_flat_windows(self):
        fixed, warped = pair()
        fixed[:, 4:] = fixed[0, 0, 0]
        voxels = some_voxels(np.ones(SHAPE, bool), 12)
        expected, _ = slopes(fixed, warped, 1, voxels, step=1e-3)
        residual = evaluated(fixed, warped, 1)[1]
        np.testing.assert_allclose(residual[tuple(voxels.T)], expected, rtol=1e-5, atol=1e-6 * np.abs(residual).max())

    def test_another_image_leaves_no_trace_of_the_one_before(self):
        fixed, warped = pair()
        metric = LocalNormalizedCorrelation(fixed, 2)
        residual = np.empty_like(fixed)
        metric(punched(warped, 1), residual)
        value, expected = evaluated(fixed, warped, 2)
        assert metric(warped, residual) == value
        np.testing.assert_array_equal(residual, expected)

    def test_any_number_of_threads_gives_the_same_bits(self):
        fixed, warped = pair((40, 90, 70))  # enough for several strips of rows and chunks of slices
        answers = []
        for number in (1, 2, 3):
            with working_threads(number):
                value, residual = evaluated(fixed, warped, 3)
            answers.append((value, residual.tobytes()))
        assert answers[0] == answers[1] == answers[2]


class TestWeights:
    def test_weights_are_about_the_second_derivative_where_the_images_agree(self):
        fixed, _ = pair()
        warped = 100 - 3 * fixed
        voxels = some_voxels(np.ones(SHAPE, bool), 12)
        _, expected = slopes(fixed, warped, 2, voxels, step=0.1)
        weights = self.weights(fixed, warped)[tuple(voxels.T)]
        assert np.all(weights >= expected)
        np.testing.assert_allclose(weights, expected, rtol=0.25)

    def test_weights_are_never_negative_and_zero_where_an_image_is_not(self):
        fixed, warped = (punched(volume, seed) for seed, volume in enumerate(pair()))
        weights = self.weights(fixed, warped)
        known = ~np.isnan(fixed + warped)
        assert np.all(weights[known] > 0)
        assert not weights[~known].any()

    @staticmethod
    def weights(fixed: Array, warped: Array) -> Array:
        metric = LocalNormalizedCorrelation(fixed, 2)
        weights = np.full(fixed.shape, 7, np.float32)
        metric(warped, np.empty_like(fixed))
        metric.fill_weights(warped, weights)
        return weights
