"""What is judged: two volumes, the transform between them, and what else is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.quality.record import Quality
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The same places in both volumes.

    Attributes
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        LPS mm, in the same order.
    names : tuple of str
        One for each pair.
    """

    fixed_points_lps: NDArray[np.float64]
    moving_points_lps: NDArray[np.float64]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """A registration to judge.

    Attributes
    ----------
    fixed, moving : SimpleITK.Image
        The volumes, LPS mm.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Where to look besides, on any grid.
    fixed_labels, moving_labels : SimpleITK.Image, optional
        The same structures in both, on any grids; `fixed_labels` alone gives the displacements of each structure.
    label_names : mapping of int to str
        Names of structures, where they are known.
    landmarks : Landmarks, optional
        The same places in both.
    backward : SimpleITK.Transform, optional
        Moving -> fixed, found by a registration of its own, for the inverse consistency.
    to_third, from_third : SimpleITK.Transform, optional
        Fixed -> a third volume and that -> moving, each found by a registration of its own, for the transitivity.
    recipe : Recipe, optional
        What made the transform, where that is known; the long checks run it again.
    result : RegistrationResult, optional
        The result that the transform is of, where there is one.
    inputs : mapping
        Where things came from, by role ("fixed", "moving", "transform", "fixed_labels" ...): plain data, with "name",
        "path" and "modality" where they are known.
    notes : tuple of str
        What was seen while it was read, for the remarks.
    """

    fixed: sitk.Image
    moving: sitk.Image
    transform: sitk.Transform
    fixed_mask: sitk.Image | None = None
    moving_mask: sitk.Image | None = None
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    label_names: Mapping[int, str] = field(default_factory=dict)
    landmarks: Landmarks | None = None
    backward: sitk.Transform | None = None
    to_third: sitk.Transform | None = None
    from_third: sitk.Transform | None = None
    recipe: Recipe | None = None
    result: RegistrationResult | None = None
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def initial_transform(self) -> sitk.Transform | None:
        """Fixed -> moving, LPS mm: where the registration was told to start, for the checks that run it again."""
        return None if self.result is None else self.result.initial_transform


@dataclass(frozen=True, eq=False)
class Assessment:
    """What came of it: the numbers, and the maps that they were taken from.

    Attributes
    ----------
    quality : Quality
        The numbers.
    maps : mapping of str to SimpleITK.Image
        Voxel by voxel on the fixed grid (thinned where that is large): "displacement_mm", "jacobian_determinant",
        "folded" (only where there is any), "inverse_consistency_mm", "transitivity_mm",
        "repeatability_mm", "simulated_error_mm" (only where asked for).
    """

    quality: Quality
    maps: Mapping[str, sitk.Image]
