"""Which views of a deformation there are, how they are to look, and what is known of what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.deformation import DeformationFigures

View = Literal["vectors", "grid", "magnitude", "jacobian"]
VIEWS: tuple[View, ...] = ("vectors", "grid", "magnitude", "jacobian")
QUICK: frozenset[View] = frozenset({"vectors", "grid"})  # without looking at every voxel


@dataclass(frozen=True)
class Look:
    """How the views are to look.

    Attributes
    ----------
    max_vectors : int
        Most arrows.
    spacing_mm : float or None
        Between the lines of the grid; None for a round value that fits the volume.
    relative_to_rigid : bool
        Whether the rigid part of the transform is taken off.
    """

    max_vectors: int = 4000
    spacing_mm: float | None = None
    relative_to_rigid: bool = False

    def key(self, view: View) -> tuple[Any, ...]:
        """Return what of this a view depends on."""
        own = {"vectors": self.max_vectors, "grid": self.spacing_mm}
        return view, own.get(view), self.relative_to_rigid


@dataclass(frozen=True, eq=False)
class Shown:
    """What of a deformation is shown.

    Attributes
    ----------
    transform : SimpleITK.Transform
        The source's, or what is left of it.
    rigid : tuple of float or None
        Shift in mm and turn in degrees of what was taken off.
    """

    transform: sitk.Transform
    rigid: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is known of a deformation once every voxel was looked at.

    Attributes
    ----------
    figures : DeformationFigures
        Over all voxels.
    every_xyz : tuple of int
        As in `DeformationMaps`.
    rigid : tuple of float or None
        As in `Shown`.
    """

    figures: DeformationFigures
    every_xyz: tuple[int, ...]
    rigid: tuple[float, float] | None
