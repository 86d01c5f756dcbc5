"""Says what is wrong with a pair of volumes and a recipe before the run, and what would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.preflight.findings import Finding, Fix, Severity

if TYPE_CHECKING:
    from pathlib import Path

    import SimpleITK as sitk

    from napari_coreg.core.recipe import Recipe

__all__ = ["Finding", "Fix", "Severity", "check_pair"]


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
    """Return what is, or may be, wrong, the gravest first; nothing is changed and nothing is raised for bad images."""
    raise NotImplementedError
