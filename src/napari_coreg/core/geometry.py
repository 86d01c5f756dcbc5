"""Where the voxels are: grids in LPS millimetres, and whether a volume can be registered at all."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.errors import GeometryError, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINIMUM_VOXELS = 4  # per axis; ITK's recursive filters need four
_ORTHONORMAL_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Grid:
    """A grid of voxels in space.

    Attributes
    ----------
    size_xyz : tuple of int
        Number of voxels along each axis.
    spacing_xyz : tuple of float
        Distance between voxel centres, mm.
    origin_lps : tuple of float
        Centre of the first voxel, LPS mm.
    direction : tuple of float
        Direction cosines, row-major; column i is the direction of axis i in LPS.

    Examples
    --------
    >>> grid = Grid.of(sitk.Image([4, 5, 6], sitk.sitkUInt8))
    >>> grid.centre_lps
    array([1.5, 2. , 2.5])
    """

    size_xyz: tuple[int, ...]
    spacing_xyz: tuple[float, ...]
    origin_lps: tuple[float, ...]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image) -> Grid:
        """Return the grid of `image`."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def dimension(self) -> int:
        """Number of axes, 2 or 3."""
        return len(self.size_xyz)

    @property
    def number_of_voxels(self) -> int:
        """Voxels in all."""
        return int(np.prod(self.size_xyz))

    @property
    def voxel_edge_mm(self) -> float:
        """Edge of the cube (square) that is as large as one voxel, mm."""
        return float(np.prod(self.spacing_xyz) ** (1 / self.dimension))

    @property
    def index_to_lps(self) -> NDArray[np.float64]:
        """Homogeneous matrix, voxel index (xyz) to LPS mm, shape (D + 1, D + 1)."""
        n = self.dimension
        matrix = np.eye(n + 1)
        matrix[:n, :n] = np.reshape(self.direction, (n, n)) * np.asarray(self.spacing_xyz)
        matrix[:n, n] = self.origin_lps
        return matrix

    @property
    def corners_lps(self) -> NDArray[np.float64]:
        """Outer corners of the grid (half a voxel beyond the centres), LPS mm, shape (2**D, D)."""
        edges = [(-0.5, size - 0.5) for size in self.size_xyz]
        return self.to_lps(np.array(list(itertools.product(*edges))))

    @property
    def centre_lps(self) -> NDArray[np.float64]:
        """Centre of the grid, LPS mm, shape (D,)."""
        return self.to_lps((np.asarray(self.size_xyz, float) - 1) / 2)

    def to_lps(self, index_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map continuous voxel indices (..., D) in xyz order to LPS mm."""
        matrix = self.index_to_lps
        n = self.dimension
        return np.asarray(index_xyz) @ matrix[:n, :n].T + matrix[:n, n]


def as_grid(like: Grid | sitk.Image) -> Grid:
    """Return the grid of an image, and a grid as it is."""
    return Grid.of(like) if isinstance(like, sitk.Image) else like


def describe(grid: Grid) -> str:
    """Return size and spacing in words, for messages.

    Examples
    --------
    >>> describe(Grid.of(sitk.Image([4, 5, 6], sitk.sitkUInt8)))
    '4 x 5 x 6 voxels of 1 x 1 x 1 mm'
    """
    size = " x ".join(str(n) for n in grid.size_xyz)
    spacing = " x ".join(f"{s:.4g}" for s in grid.spacing_xyz)
    return f"{size} voxels of {spacing} mm"


def require_grid(image: sitk.Image, role: str) -> None:
    """Refuse a grid that cannot be registered.

    Parameters
    ----------
    image : SimpleITK.Image
        The volume.
    role : str
        What it is to the user, such as "fixed volume"; begins the message.

    Raises
    ------
    GeometryError
        If the volume is not 2-D or 3-D, has an axis of fewer than four voxels, or axes that are not at right angles, or
        does not lie anywhere (NaN or infinity in spacing, origin or direction).
    VolumeError
        If a voxel holds several values (colour, vectors) or complex numbers.
    """
    if image.GetDimension() not in (2, 3):
        raise GeometryError(f"{role}: has {image.GetDimension()} axes, but a registration needs 2 or 3; pick one frame")
    require_scalars(image, role)
    grid = Grid.of(image)
    if not np.isfinite([*grid.spacing_xyz, *grid.origin_lps, *grid.direction]).all():
        raise GeometryError(
            f"{role}: its spacing {grid.spacing_xyz}, origin {grid.origin_lps} or direction {grid.direction} is not a "
            "number; repair the header it was read from"
        )
    if min(grid.size_xyz) < MINIMUM_VOXELS:
        raise GeometryError(
            f"{role}: {describe(grid)}, but every axis needs at least {MINIMUM_VOXELS} voxels; use a 2-D image for a "
            "single slice"
        )
    n = grid.dimension
    axes = np.reshape(grid.direction, (n, n))
    if not np.allclose(axes.T @ axes, np.eye(n), atol=_ORTHONORMAL_TOLERANCE):
        raise GeometryError(
            f"{role}: its axes are not at right angles (a sheared grid, as from a tilted gantry); resample it onto a "
            "right-angled grid first, as napari_coreg.read_volume does"
        )


def require_scalars(image: sitk.Image, role: str) -> None:
    """Refuse voxels that are not one real number each.

    Raises
    ------
    VolumeError
        Naming `role` and the kind of pixel.
    """
    kind = image.GetPixelIDTypeAsString()
    if any(word in kind for word in ("vector", "complex", "label")):
        raise VolumeError(f"{role}: its voxels are {kind}, but one real number each is needed; take one channel")


def require_values(image: sitk.Image, role: str) -> None:
    """Refuse values that cannot be registered: NaN, infinity, beyond 32-bit floats, or one constant.

    Raises
    ------
    VolumeError
        Naming `role`, the number of bad voxels or the constant.
    """
    values = sitk.GetArrayViewFromImage(image)
    low, high = float(values.min()), float(values.max())  # NaN in, NaN out
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(values.size - np.count_nonzero(np.isfinite(values)))
        raise VolumeError(
            f"{role}: {bad} of {values.size} voxels are NaN or infinite; replace them first, for example with "
            "numpy.nan_to_num"
        )
    largest = max(-low, high)
    if largest > float(np.finfo(np.float32).max):
        raise VolumeError(f"{role}: its values reach {largest:.4g}, which 32-bit floats do not; scale them down")
    if low == high:
        raise VolumeError(f"{role}: every voxel is {low:g}, so there is nothing to align")


def mask_meets(mask: sitk.Image, image: sitk.Image) -> bool:
    """Whether the box of the voxels that are not 0 in `mask` reaches into the grid of `image`; each on its own grid."""
    marked = sitk.GetArrayViewFromImage(mask) != 0
    axes = range(marked.ndim)
    along = [np.flatnonzero(marked.any(axis=tuple(a for a in axes if a != axis))) for axis in reversed(axes)]
    edges = [(found[0] - 0.5, found[-1] + 0.5) for found in along]
    corners = Grid.of(mask).to_lps(np.array(list(itertools.product(*edges))))
    grid, n = Grid.of(image), marked.ndim
    to_index = np.linalg.inv(grid.index_to_lps)
    indices = corners @ to_index[:n, :n].T + to_index[:n, n]
    return bool(((indices.max(axis=0) > -0.5) & (indices.min(axis=0) < np.array(grid.size_xyz) - 0.5)).all())
