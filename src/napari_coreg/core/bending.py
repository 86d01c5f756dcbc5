"""How much a transform bends space: its bending energy on any grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid


def bending_energy(transform: sitk.Transform, grid: Grid, mask: sitk.Image | None = None) -> float:
    """Return the mean over a grid of the squared second derivatives of a displacement, 1/mm^2.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Normally the fixed image's.
    mask : SimpleITK.Image, optional
        On any grid; only where it is not 0 counts.
    """
    raise NotImplementedError
