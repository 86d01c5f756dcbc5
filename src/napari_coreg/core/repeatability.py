"""Whether a registration comes out the same from other seeds and other starts: its spread in mm, voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.slabs import OnFraction


@dataclass(frozen=True)
class RepeatedRun:
    """One of the runs.

    Attributes
    ----------
    seed : int
        Of the recipe.
    jitter_degrees, jitter_mm : float
        By how much the moving volume was turned about the centre of the body, and shifted, before the run.
    mean_mm, maximum_mm : float
        Distance of what it found from the mean of all runs; NaN where it failed.
    state : {"good", "doubtful", "failed", "error"}
        Its verdict; "error" where it ended without a transform.
    reason : str
        First reason of the verdict, or the error in words.
    seconds : float
        How long it took.
    """

    seed: int
    jitter_degrees: float
    jitter_mm: float
    mean_mm: float
    maximum_mm: float
    state: str
    reason: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Repeatability:
    """How much the runs differ.

    Attributes
    ----------
    map_mm : SimpleITK.Image
        Root mean square distance of T_i(p) from their mean over the runs, on the fixed grid (thinned where that is
        large), 32-bit floats.
    mean_mm, median_mm, p95_mm, maximum_mm : float
        Of the map, where the fixed mask (or the foreground of the fixed volume) is.
    rows : tuple of RepeatedRun
        One for each run.
    transforms : tuple of SimpleITK.Transform
        Fixed -> moving, LPS mm, of the runs that ended with one.
    failures : int
        Runs that ended without a transform, or whose verdict is "failed".
    """

    map_mm: sitk.Image
    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    rows: tuple[RepeatedRun, ...]
    transforms: tuple[sitk.Transform, ...]
    failures: int


def repeatability(
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe,
    *,
    runs: int = 5,
    jitter_degrees: float = 5.0,
    jitter_mm: float = 5.0,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    threads: int = 0,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Repeatability:
    """Run a recipe several times from other seeds and starts, and measure how much the results differ.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        As for `register`.
    recipe : Recipe
        As it was run.
    runs : int
        How many; at least two.
    jitter_degrees, jitter_mm : float
        The longest turn and shift of the start.
    fixed_mask, moving_mask, initial_transform, threads
        As for `register`.
    on_fraction : callable, optional
        Called with the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at every iteration.
    """
    raise NotImplementedError
