"""A 2-D image as computer vision wants it: square pixels, values from 0 to 1, and not mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.body import sampled, shrunk
from napari_coreg.core.geometry import Grid, require_grid, require_values
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

CLIPPED = (0.5, 99.5)  # percentiles that become 0 and 1


@dataclass(frozen=True)
class Picture:
    """A picture and where its pixels lie.

    Attributes
    ----------
    values : array of float32, shape (rows, columns)
        From 0 to 1.
    grid : Grid
        Of square pixels, with right-handed axes: x to the right (columns), y down (rows).
    """

    values: NDArray[np.float32]
    grid: Grid

    @classmethod
    def of(cls, image: sitk.Image, size: int, role: str) -> Picture:
        """Return an image as a picture whose longer side has `size` pixels, or fewer if the image has no more.

        Parameters
        ----------
        image : SimpleITK.Image
            A scalar 2-D image on any grid.
        size : int
            Pixels along the longer side.
        role : str
            What the image is to the user; begins messages.

        Raises
        ------
        GeometryError, VolumeError
            If it is not 2-D, or its grid or values cannot be used.
        """
        if image.GetDimension() != 2:
            raise GeometryError(
                f"{role}: has {image.GetDimension()} axes, but this works on 2-D images; pick one slice"
            )
        require_grid(image, role)
        require_values(image, role)
        grid = Grid.of(image)
        lengths_mm = (np.array(grid.size_xyz) - 1) * grid.spacing_xyz
        pixel_mm = max(float(lengths_mm.max()) / (size - 1), min(grid.spacing_xyz))
        axes = np.reshape(grid.direction, (2, 2)).copy()
        origin = np.array(grid.origin_lps)
        if np.linalg.det(axes) < 0:  # from the other end of the second axis
            origin = origin + axes[:, 1] * lengths_mm[1]
            axes[:, 1] *= -1
        pixels = tuple(int(length / pixel_mm * (1 + 1e-9)) + 1 for length in lengths_mm)
        square = Grid(pixels, (pixel_mm, pixel_mm), tuple(origin.tolist()), tuple(axes.ravel().tolist()))
        values = sampled(shrunk(image, pixel_mm), square).T
        return cls(_stretched(values), square)

    def to_lps(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map pixels (..., 2), column and row, to LPS mm."""
        return self.grid.to_lps(pixels)

    def to_pixels(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map LPS mm (..., 2) to pixels, column and row."""
        to_index = np.linalg.inv(self.grid.index_to_lps)
        return np.asarray(points_lps @ to_index[:2, :2].T + to_index[:2, 2])


def _stretched(values: NDArray[np.float32]) -> NDArray[np.float32]:
    covered = values > -1e38  # shrinking moves the border inwards by a part of a pixel
    low, high = np.percentile(values[covered], CLIPPED)
    if low == high:
        low, high = values[covered].min(), values[covered].max()
    filled = np.where(covered, values, low)
    return np.ascontiguousarray(np.clip((filled - low) / max(high - low, 1e-12), 0, 1), np.float32)
