"""What the checks look at: two volumes with their masks, read once and never changed, a recipe and a start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import is_linear, to_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.recipe import Recipe

VOXELS_PER_AXIS = 64  # that the statistics look at
FARTHEST_MM, SMALLEST_MM = 1e9, 1e-9  # beyond these, positions are no numbers to reckon with
SINGULAR = 1e-12  # determinant of a transform that squeezes the volume flat


@dataclass(frozen=True)
class Side:
    """One volume of the pair.

    Attributes
    ----------
    role : str
        "fixed" or "moving".
    image : SimpleITK.Image
        The volume, of any kind.
    mask : SimpleITK.Image or None
        Where to look, of any kind.
    modality : str
        DICOM's code as it was told; empty where it was not.
    """

    role: str
    image: sitk.Image
    mask: sitk.Image | None
    modality: str

    @property
    def name(self) -> str:
        """What it is in a sentence."""
        return f"the {self.role} volume"

    @cached_property
    def grid(self) -> Grid:
        """Its voxels in space."""
        return Grid.of(self.image)

    @cached_property
    def extents_mm(self) -> NDArray[np.float64]:
        """Length of each axis (xyz), mm."""
        return np.array(self.grid.size_xyz, np.float64) * np.array(self.grid.spacing_xyz, np.float64)

    @property
    def is_placed(self) -> bool:
        """Whether it is a 2-D or 3-D volume of at least one voxel that lies somewhere."""
        return is_placed(self.image)

    @cached_property
    def values(self) -> NDArray[Any] | None:
        """All voxels (zyx), not copied; None where there are none, or they are not one real number each."""
        return scalars(self.image)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Least and greatest of all voxels; NaN where a voxel is NaN, or there is none."""
        if self.values is None:
            return (float("nan"), float("nan"))
        return float(self.values.min()), float(self.values.max())

    @property
    def has_usable_values(self) -> bool:
        """Whether all voxels are numbers that 32-bit floats hold."""
        low, high = self.limits
        return max(-low, high) <= float(np.finfo(np.float32).max)  # False for NaN

    @cached_property
    def some(self) -> NDArray[np.float64]:
        """Every n-th voxel along each axis, at most 64 of each, as a list; empty where the values cannot be used."""
        if self.values is None or not self.has_usable_values:
            return np.empty(0)
        steps = tuple(slice(None, None, -(-size // VOXELS_PER_AXIS)) for size in self.values.shape)
        return self.values[steps].astype(np.float64).ravel()

    @cached_property
    def counts(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The values of `some`, rising, and how often each comes."""
        distinct, numbers = np.unique(self.some, return_counts=True)
        return distinct, numbers

    @cached_property
    def marked_fraction(self) -> float:
        """Part of the volume that its mask marks, by volume, 0 to 1; 1 without a mask that can be used."""
        if self.mask is None or not self.is_placed or not is_placed(self.mask):
            return 1.0
        marked = scalars(self.mask)
        if marked is None or marked.ndim != self.grid.dimension:
            return 1.0
        covered = np.count_nonzero(marked) * Grid.of(self.mask).voxel_edge_mm ** marked.ndim
        return float(min(1.0, covered / np.prod(self.extents_mm)))


@dataclass(frozen=True)
class Pair:
    """All that the checks look at.

    Attributes
    ----------
    fixed, moving : Side
        The volumes.
    recipe : Recipe
        What is to be run.
    initial_transform : SimpleITK.Transform or None
        Where to start (fixed -> moving, LPS mm), as it was given.
    """

    fixed: Side
    moving: Side
    recipe: Recipe
    initial_transform: sitk.Transform | None

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both volumes."""
        return self.fixed, self.moving

    @cached_property
    def is_placed(self) -> bool:
        """Whether both volumes lie somewhere in the same space."""
        same = self.fixed.image.GetDimension() == self.moving.image.GetDimension()
        return same and all(side.is_placed for side in self.sides)

    @cached_property
    def start(self) -> sitk.Transform | None:
        """Where the run starts if nothing else is done: the given transform, or the headers; None where it is no use.

        Fixed -> moving, LPS mm.
        """
        if not self.is_placed:
            return None
        dimension = self.fixed.grid.dimension
        if self.initial_transform is None:
            return sitk.Transform(dimension, sitk.sitkIdentity)
        return self.initial_transform if is_usable(self.initial_transform, dimension) else None

    @property
    def trusts_start(self) -> bool:
        """Whether the run starts there, and looks for nothing better."""
        return self.initial_transform is not None or self.recipe.initialization == "given"


def scalars(image: sitk.Image) -> NDArray[Any] | None:
    """Return the voxels (zyx), not copied; None where there are none, or they are not one real number each."""
    if image.GetNumberOfPixels() == 0 or not has_scalars(image):
        return None
    values: NDArray[Any] = sitk.GetArrayViewFromImage(image)
    return values


def has_scalars(image: sitk.Image) -> bool:
    """Whether each voxel is one real number."""
    kind = image.GetPixelIDTypeAsString()
    return not any(word in kind for word in ("vector", "complex", "label"))


def is_placed(image: sitk.Image) -> bool:
    """Whether this is a 2-D or 3-D image of at least one voxel that lies somewhere."""
    if image.GetDimension() not in (2, 3) or image.GetNumberOfPixels() == 0:
        return False
    grid = Grid.of(image)
    numbers = np.abs([*grid.spacing_xyz, *grid.origin_lps, *grid.direction])
    is_reckonable = min(grid.spacing_xyz) > SMALLEST_MM and (numbers < FARTHEST_MM).all()  # False for NaN
    return bool(is_reckonable and abs(np.linalg.det(grid.index_to_lps)) > SMALLEST_MM**grid.dimension)


def is_usable(transform: sitk.Transform, dimension: int) -> bool:
    """Whether a run can start from this transform."""
    if transform.GetDimension() != dimension:
        return False
    if not is_linear(transform):
        return True
    matrix = to_matrix(transform)
    is_reckonable = np.isfinite(matrix).all() and np.abs(matrix).max() < FARTHEST_MM
    return bool(is_reckonable and abs(np.linalg.det(matrix)) >= SINGULAR)
