"""The inverse of any transform: closed where there is one, else found numerically, with its error measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction


@dataclass(frozen=True, eq=False)
class Inverse:
    """An inverse S of a transform T, and how well it undoes it.

    Attributes
    ----------
    transform : SimpleITK.Transform
        S: moving -> fixed, LPS mm.
    is_exact : bool
        Whether it is a closed inverse, right everywhere to rounding; else it was found numerically, and holds on the
        grid it was found for.
    mean_mm, p95_mm, maximum_mm : float
        Of the error |T(S(q)) - q|, measured at points q of the grid that are not nodes of S; 0 where it is exact, NaN
        where no point of the grid is reached.
    unreached : float
        Part of the grid's points, 0 to 1, that no point maps to, or none that T is known at; they are left out of the
        error, and S is continued there smoothly.
    """

    transform: sitk.Transform = field(repr=False)
    is_exact: bool
    mean_mm: float
    p95_mm: float
    maximum_mm: float
    unreached: float


def find_inverse(
    transform: sitk.Transform,
    grid: Grid,
    *,
    tolerance_mm: float = 0.1,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Inverse:
    """Return the inverse of any transform (moving -> fixed, LPS mm) over a grid, normally the moving image's."""
    raise NotImplementedError


def invert_points(
    transform: sitk.Transform, points_lps: NDArray[np.float64], *, tolerance_mm: float = 0.001
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points that a transform takes to `points_lps` (N, D), and for each how far it misses, mm (N,)."""
    raise NotImplementedError
