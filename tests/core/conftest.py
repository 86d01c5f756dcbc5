"""A smooth phantom that is known at every point of space, and the grids to sample it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: x, y, z, sigma (mm) and height of each blob; no turn and no mirror takes the whole onto itself.
BLOBS = (
    (0.0, 0.0, 0.0, 19.0, 100.0),
    (12.0, -8.0, 6.0, 6.5, 80.0),
    (-14.0, 10.0, -4.0, 5.5, -60.0),
    (4.0, 15.0, 12.0, 5.0, 90.0),
    (-6.0, -16.0, -10.0, 6.0, 60.0),
)


class Phantom:
    """Volumes of one body that lies in fixed space about the origin, up to some 30 mm from it."""

    @staticmethod
    def values(points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        n = points_lps.shape[-1]
        total = np.zeros(points_lps.shape[:-1])
        for *centre, sigma, height in BLOBS:
            total += height * np.exp(-((points_lps - centre[:n]) ** 2).sum(-1) / (2 * sigma**2))
        return total

    @staticmethod
    def grid(
        size: Sequence[int] = (32, 32, 32),
        spacing: Sequence[float] = (2.5, 2.5, 2.5),
        angles: Sequence[float] = (0.0, 0.0, 0.0),
        *,
        left_handed: bool = False,
        centre: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> Grid:
        """Return a grid that is turned by `angles` (radians; the first alone in 2-D) about its centre."""
        n = len(size)
        turn: Any = sitk.Euler2DTransform() if n == 2 else sitk.Euler3DTransform()
        if n == 2:
            turn.SetAngle(angles[0])
        else:
            turn.SetRotation(*angles)
        axes = np.reshape(turn.GetMatrix(), (n, n))
        if left_handed:
            axes = axes[:, ::-1]
        origin = np.asarray(centre[:n]) - axes @ ((np.asarray(size) - 1) / 2 * np.asarray(spacing))
        return Grid(tuple(size), tuple(spacing), tuple(origin.tolist()), tuple(axes.ravel().tolist()))

    def image(
        self,
        grid: Grid,
        truth: sitk.Transform | None = None,
        *,
        pixel_type: int = sitk.sitkFloat32,
        gain: float = 1.0,
        offset: float = 0.0,
    ) -> sitk.Image:
        """Return the body as `truth` (linear, fixed -> moving) moves it, sampled on `grid`; no voxel is resampled."""
        blank = sitk.Image(list(grid.size_xyz), sitk.sitkUInt8)
        blank.SetSpacing(grid.spacing_xyz)
        blank.SetOrigin(grid.origin_lps)
        blank.SetDirection(grid.direction)
        where = sitk.PhysicalPointSource(
            sitk.sitkVectorFloat64, blank.GetSize(), blank.GetOrigin(), blank.GetSpacing(), blank.GetDirection()
        )
        points = sitk.GetArrayFromImage(where)
        if truth is not None:
            n = len(grid.size_xyz)
            inverse = truth.GetInverse()
            origin = np.array(inverse.TransformPoint([0.0] * n))
            columns = [np.array(inverse.TransformPoint(row.tolist())) - origin for row in np.eye(n)]
            points = points @ np.array(columns) + origin
        image = sitk.GetImageFromArray(self.values(points) * gain + offset)
        image.CopyInformation(blank)
        return sitk.Cast(image, pixel_type)

    @staticmethod
    def points(number: int = 40, dimension: int = 3, radius: float = 22.0) -> list[tuple[float, ...]]:
        """Return points of the body, in fixed space."""
        return [tuple(p) for p in np.random.default_rng(3).uniform(-radius, radius, (number, dimension)).tolist()]

    def error_mm(self, found: sitk.Transform, truth: sitk.Transform) -> float:
        """Return the mean distance, over points of the body, of where both transforms take them."""
        points = self.points(dimension=truth.GetDimension())
        return float(
            np.mean([np.linalg.norm(np.subtract(found.TransformPoint(p), truth.TransformPoint(p))) for p in points])
        )


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    return Phantom()
