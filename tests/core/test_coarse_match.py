"""The quick match: highest where the volumes truly lie on each other, whatever their grids."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.coarse_match import CoarseMatch, block_means
from napari_coreg.core.geometry import Grid

TURN = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, -0.2, 0.15, (3.0, -2.0, 4.0))


def blobs(spacing: tuple[float, ...], direction: tuple[float, ...] | None = None) -> sitk.Image:
    """A few bright balls about the origin, the same wherever the grid lies."""
    size = [int(60 / step) for step in spacing]
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    if direction is not None:
        image.SetDirection(direction)
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size]))
    image.SetOrigin((-middle).tolist())
    coordinates = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat64, size, image.GetOrigin(), spacing, image.GetDirection()
    )
    points = sitk.GetArrayFromImage(coordinates)
    values = sum(
        height * np.exp(-np.sum((points - centre) ** 2, axis=-1) / (2 * width**2))
        for height, centre, width in ((100, (0, 0, 0), 9), (60, (12, 5, -8), 5), (80, (-10, 8, 10), 4))
    )
    filled = sitk.GetImageFromArray(values.astype(np.float32))
    filled.CopyInformation(image)
    return filled


def match_of(fixed: sitk.Image, moving: sitk.Image) -> CoarseMatch:
    return CoarseMatch(sitk.GetArrayFromImage(fixed), Grid.of(fixed), sitk.GetArrayFromImage(moving), Grid.of(moving))


@pytest.mark.parametrize("direction", [None, tuple(TURN.GetMatrix()), (-1.0, 0, 0, 0, 1, 0, 0, 0, 1)])
def test_the_match_is_highest_where_the_volumes_lie_on_each_other(direction: tuple[float, ...] | None) -> None:
    match = match_of(blobs((1.5, 1.5, 3.0)), blobs((1.2, 2.0, 1.6), direction))
    best = match(sitk.TranslationTransform(3))
    assert best is not None
    assert 1.2 < best <= 2
    for away in (TURN, sitk.TranslationTransform(3, (3.0, 0, 0)), sitk.TranslationTransform(3, (0, 0, -3.0))):
        other = match(away)
        assert other is not None
        assert other < best - 0.02


def test_the_inverse_of_a_move_brings_the_match_back() -> None:
    fixed = blobs((1.5, 1.5, 2.0))
    moved = sitk.Resample(fixed, fixed, TURN)
    match = match_of(fixed, moved)
    assert match(TURN.GetInverse()) > match(sitk.TranslationTransform(3)) + 0.05  # type: ignore[operator]


def test_volumes_that_do_not_overlap_have_no_match() -> None:
    image = blobs((2.0, 2.0, 2.0))
    assert match_of(image, image)(sitk.TranslationTransform(3, (500.0, 0, 0))) is None


def test_block_means_are_those_of_sitk_bin_shrink() -> None:
    values = np.random.default_rng(0).integers(-500, 500, (21, 30, 41)).astype(np.int16)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.0, 2.0))
    image.SetDirection(TURN.GetMatrix())
    image.SetOrigin((5.0, -6.0, 7.0))
    means, grid = block_means(values, Grid.of(image), 3000)
    factors = [round(a / b) for a, b in zip(grid.spacing_xyz, image.GetSpacing(), strict=True)]
    truth = sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), factors)
    np.testing.assert_allclose(means, sitk.GetArrayFromImage(truth), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(grid.origin_lps, truth.GetOrigin(), atol=1e-9)


def test_reading_stops_when_it_is_cancelled() -> None:
    class Watched:
        shape = (40, 4, 4)
        reads = 0

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            self.reads += 1
            return np.zeros(self.shape)[key]

    voxels = Watched()
    grid = Grid((4, 4, 40), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel().tolist()))
    block_means(voxels, grid, 10**6, lambda: voxels.reads >= 3)
    assert voxels.reads == 3
