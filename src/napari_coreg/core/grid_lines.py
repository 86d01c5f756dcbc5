"""A regular grid of lines as a transform bends it, drawn on any box of voxels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.transforms import displacement_field
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid

    FloatArray = NDArray[np.float64]

_WIDTH = 1 / 30  # of the spacing, but never less than a voxel
_FADES, _SHOWS = 0.3, 0.6  # sine of the angle between slice and plane below which a plane is left out, above shown
_NICE = (1.0, 2.0, 5.0)
_CELLS = 16  # along the longest edge


@dataclass(frozen=True, eq=False)
class GridLines:
    """Planes at equal distances in moving space, seen from the fixed voxels that a transform maps onto them.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm. The identity draws straight lines along the axes of `fixed`.
    fixed : Grid
        Along its axes, and from its centre, the planes are counted.
    spacing_mm : float
        From one plane to the next, in moving space; more than 0.

    Raises
    ------
    GeometryError
        The spacing is not more than 0.
    """

    transform: sitk.Transform
    fixed: Grid
    spacing_mm: float

    def __post_init__(self) -> None:
        if not self.spacing_mm > 0:
            raise GeometryError(f"grid lines {self.spacing_mm:g} mm apart cannot be drawn; give more than 0 mm")

    def __call__(self, box: Grid) -> NDArray[np.uint8]:
        """Return the lines on a box of voxels, 0 (none) to 255, smoothed over one voxel.

        Where the box is one slice, each plane that cuts it draws a line, and planes that lie in it are left out. In a
        3-D box the lines are those along which two planes meet.

        Parameters
        ----------
        box : Grid
            Any grid in fixed space; quickest with the direction of `fixed`.

        Returns
        -------
        array
            zyx (yx in 2-D).
        """
        planes, steepness = self._planes(box)
        if len(planes) == 3 and 1 not in box.size_xyz:
            first, second, third = planes
            lines = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third)) ** 2
        else:
            steepest = np.maximum(np.max(steepness, axis=0), 1e-9)
            seen = [
                plane * np.clip((steep / steepest - _FADES) / (_SHOWS - _FADES), 0, 1)
                for plane, steep in zip(planes, steepness, strict=True)
            ]
            lines = np.max(seen, axis=0)
        drawn: NDArray[np.uint8] = np.rint(255 * lines).astype(np.uint8)
        return drawn

    def _planes(self, box: Grid) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Return for each family of planes how much of a voxel it fills, and how steeply it cuts the box."""
        n = box.dimension
        axes = np.reshape(self.fixed.direction, (n, n))
        displacement = sitk.GetArrayFromImage(displacement_field(self.transform, box))
        to_lps = box.index_to_lps
        planes, steepness = [], []
        for k in range(n):
            along = (displacement @ axes[:, k].astype(np.float32)).astype(np.float32)
            slopes = axes[:, k] @ to_lps[:n, :n]
            along += np.float32(axes[:, k] @ (to_lps[:n, n] - self.fixed.centre_lps))
            for axis, slope in enumerate(slopes[::-1]):
                steps = np.arange(box.size_xyz[n - 1 - axis], dtype=np.float32) * np.float32(slope)
                along += steps.reshape([-1 if a == axis else 1 for a in range(n)])
            per_voxel, steep = _gradient(along, box.spacing_xyz[::-1])
            planes.append(self._filled(along, per_voxel))
            steepness.append(steep)
        return planes, steepness

    def _filled(self, along: NDArray[np.float32], per_voxel: NDArray[np.float32]) -> NDArray[np.float32]:
        half = np.float32(self.spacing_mm / 2)
        distance = np.abs((along + half) % np.float32(self.spacing_mm) - half)
        per_voxel = np.maximum(per_voxel, np.float32(1e-6))
        width = np.maximum(per_voxel, np.float32(self.spacing_mm * _WIDTH))
        filled: NDArray[np.float32] = np.clip(((width + per_voxel) / 2 - distance) / per_voxel, 0, 1)
        return filled


def _gradient(
    values: NDArray[np.float32], spacing_zyx: tuple[float, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lengths of the gradient, per voxel and per mm, along the axes that have more than one voxel."""
    per_voxel, per_mm = np.zeros_like(values), np.zeros_like(values)
    for axis, spacing in enumerate(spacing_zyx):
        if values.shape[axis] > 1:
            squared = np.gradient(values, axis=axis) ** 2
            per_voxel += squared
            per_mm += squared / np.float32(spacing**2)
    return np.sqrt(per_voxel), np.sqrt(per_mm)


def nice_spacing_mm(grid: Grid) -> float:
    """Return a round distance for grid lines, with some sixteen cells along the longest edge.

    Examples
    --------
    >>> from napari_coreg.core.geometry import Grid
    >>> nice_spacing_mm(Grid((256, 256), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0)))
    20.0
    """
    wanted = max(size * spacing for size, spacing in zip(grid.size_xyz, grid.spacing_xyz, strict=True)) / _CELLS
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(min((nice * p for p, nice in product((power, 10 * power), _NICE)), key=lambda mm: abs(mm - wanted)))
