"""Refuses what cannot be registered, before anything runs, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import Grid, describe, mask_meets, require_grid, require_scalars, require_values
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import GeometryError, RecipeError, VolumeError

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe


def check_inputs(
    fixed: sitk.Image, moving: sitk.Image, masks: dict[str, sitk.Image], initial_transform: sitk.Transform | None
) -> None:
    """Refuse volumes, masks and an initial transform that cannot be registered together.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        The volumes.
    masks : dict of SimpleITK.Image
        Those there are of "fixed_mask" and "moving_mask".
    initial_transform : SimpleITK.Transform or None
        Fixed -> moving, LPS mm.

    Raises
    ------
    GeometryError
        If a grid or the transform cannot be used, or the numbers of axes differ.
    VolumeError
        If the values of a volume or a mask cannot be used, or a mask marks nothing of its image.
    """
    for image, role in ((fixed, "fixed volume"), (moving, "moving volume")):
        require_grid(image, role)
        require_values(image, role)
    dimension = fixed.GetDimension()
    if moving.GetDimension() != dimension:
        raise GeometryError(
            f"the fixed image has {dimension} axes and the moving image {moving.GetDimension()}: both must be volumes, "
            "or both 2-D images"
        )
    for name, mask in masks.items():
        _check_mask(mask, fixed if name == "fixed_mask" else moving, name.replace("_", " "))
    if initial_transform is not None:
        _check_transform(initial_transform, dimension)


def check_start(recipe: Recipe, initial_transform: sitk.Transform | None) -> None:
    """Refuse a start that the recipe cannot go on from.

    Raises
    ------
    RecipeError
        The recipe is symmetric and the start deformable: there is no start of the way back, nor a half-way between.
    """
    if recipe.symmetric and initial_transform is not None and not is_linear(initial_transform):
        raise RecipeError(
            f"the recipe {recipe.name!r} is symmetric, as no run that starts from a deformation can be; start from "
            "a linear transform, or set symmetric to false"
        )


def _check_mask(mask: sitk.Image, image: sitk.Image, role: str) -> None:
    if mask.GetDimension() != image.GetDimension():
        raise GeometryError(f"{role}: has {mask.GetDimension()} axes, but its image has {image.GetDimension()}")
    require_scalars(mask, role)
    values = sitk.GetArrayViewFromImage(mask)
    if np.issubdtype(values.dtype, np.floating) and np.isnan(values).any():
        raise VolumeError(f"{role}: has NaN among its voxels; make it 0 outside the region to look at, and 1 inside")
    if not values.any():
        raise VolumeError(f"{role}: is empty (all voxels are 0); mark the region to look at, or leave it out")
    if not mask_meets(mask, image):
        raise VolumeError(
            f"{role}: what it marks lies outside its image ({describe(Grid.of(mask))} from {Grid.of(mask).origin_lps}, "
            f"and the image {describe(Grid.of(image))} from {Grid.of(image).origin_lps}); check that it belongs to it"
        )


def _check_transform(transform: sitk.Transform, dimension: int) -> None:
    if transform.GetDimension() != dimension:
        raise GeometryError(
            f"the initial transform is for {transform.GetDimension()} axes, but the images have {dimension}"
        )
    if is_linear(transform):
        matrix = to_matrix(transform)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise GeometryError(
                "the initial transform takes the volume to no place or squeezes it flat (its matrix is "
                f"{matrix.round(4).tolist()}); give another one, or none"
            )
