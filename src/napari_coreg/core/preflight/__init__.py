"""Says what is wrong with a pair of volumes and a recipe before the run, and what would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.preflight import axes, contrast, masks, needs, places, plans, values
from napari_coreg.core.preflight.findings import Finding, Fix, Severity
from napari_coreg.core.preflight.pair import Pair, Side
from napari_coreg.core.presets import find_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import SimpleITK as sitk

    from napari_coreg.core.recipe import Recipe

__all__ = ["Finding", "Fix", "Severity", "check_pair"]

_CHECKS: tuple[Callable[[Pair], Iterable[Finding]], ...] = (
    axes.check_dimensions,
    axes.check_axis_lengths,
    axes.check_positions,
    axes.check_angles,
    values.check_kind_of_values,
    values.check_numbers,
    values.check_contrast,
    masks.check_masks,
    places.check_initial_transform,
    places.check_overlap,
    axes.check_spacing_is_known,
    places.check_extents,
    axes.check_voxel_shape,
    values.check_same_volume,
    values.check_labels,
    contrast.check_metric,
    contrast.check_padding,
    plans.check_samples,
    plans.check_smoothing,
    plans.check_bspline_grids,
    plans.check_slow_stages,
    plans.check_levels,
    values.check_background,
    places.check_fields_of_view,
    places.check_resolutions,
    needs.check_needs,
)
_GRAVEST_FIRST = {"error": 0, "warning": 1, "note": 2}


def check_pair(
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe | str | Path = "rigid",
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    fixed_modality: str = "",
    moving_modality: str = "",
) -> tuple[Finding, ...]:
    """Return what is, or may be, wrong, the gravest first; nothing is changed and nothing is raised for bad images.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        The volumes (or 2-D images), of any kind, also such as `register` refuses.
    recipe : Recipe, str or path
        What is to be run: a recipe, the name of a preset, or a recipe's JSON file.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        As for `register`.
    initial_transform : SimpleITK.Transform, optional
        Where to start (fixed -> moving, LPS mm).
    fixed_modality, moving_modality : str
        DICOM's codes ("CT", "MR", "PT"), where they are known; else the values tell what they look like.

    Returns
    -------
    tuple of Finding
        Errors, for which the run would be refused or fail; then warnings, then notes.

    Raises
    ------
    RecipeError
        If the recipe is unknown or malformed.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> fixed = sitk.GaussianSource(sitk.sitkFloat32, [32, 32, 32], [6, 5, 4], [15, 16, 17])
    >>> moving = sitk.Image(fixed)
    >>> moving.SetOrigin((900.0, 0.0, 0.0))
    >>> gravest = check_pair(fixed, moving, "bspline")[0]
    >>> gravest.severity, gravest.key, gravest.value, gravest.fix.flag
    ('error', 'no_overlap', '0 % of the smaller one', '--initial auto')
    """
    pair = Pair(
        Side("fixed", fixed, fixed_mask, fixed_modality),
        Side("moving", moving, moving_mask, moving_modality),
        find_recipe(recipe),
        initial_transform,
    )
    with np.errstate(all="ignore"):  # numbers that are none are what is looked for
        found = [finding for check in _CHECKS for finding in check(pair)]
    return tuple(sorted(found, key=lambda finding: _GRAVEST_FIRST[finding.severity]))
