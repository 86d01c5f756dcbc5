"""Whether a registration comes out the same from other seeds and other starts: its spread in mm, voxel by voxel."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body import marked
from napari_coreg.core.body_mask import body_mask
from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import find_recipe
from napari_coreg.core.random_motion import random_rigid
from napari_coreg.core.register import register
from napari_coreg.core.slabs import as_image, slab_grid, slabs, thinned
from napari_coreg.core.transforms import compose, displacement_field, invert, to_matrix
from napari_coreg.errors import RecipeError, RegistrationCancelled, RegistrationError, VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.core.slabs import OnFraction

_LAST_SEED = 2**31 - 1
_RUN = 0.95  # of the whole time


@dataclass(frozen=True)
class RepeatedRun:
    """One of the runs.

    Attributes
    ----------
    seed : int
        Of the recipe.
    jitter_degrees, jitter_mm : float
        By how much the moving volume was turned about the centre of its body, and shifted, before the run.
    mean_mm, maximum_mm : float
        Distance of what it found from the mean of all runs, where it counts; NaN where it ended without a transform.
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
        Standard deviation over the N runs that ended with a transform, as a distance: the root of the sum of
        |T_i(p) - mean T(p)|^2 over N - 1, on the fixed grid (thinned where that is large), 32-bit floats; 0 outside of
        where it counts.
    mean_mm, median_mm, p95_mm, maximum_mm : float
        Of the map, where the fixed mask (or else the body in the fixed volume) is.
    rows : tuple of RepeatedRun
        One for each run.
    transforms : tuple of SimpleITK.Transform
        Fixed -> moving, LPS mm, of the runs that ended with one, in order; the jitter is taken back.
    failures : int
        Runs that ended without a transform, or whose verdict is "failed". The latter are in the map.
    """

    map_mm: sitk.Image = field(repr=False)
    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    rows: tuple[RepeatedRun, ...]
    transforms: tuple[sitk.Transform, ...] = field(repr=False)
    failures: int


def repeatability(  # noqa: PLR0913 - all but the first three by keyword
    fixed: sitk.Image,
    moving: sitk.Image,
    recipe: Recipe | str | Path,
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

    Before each run the moving volume is turned about the centre of its body, by `jitter_degrees` about a random axis,
    and shifted by `jitter_mm` in a random direction: by its header, so that no voxel is interpolated. That is taken
    back from the result. An initial transform that is given, or the trust in headers, is then wrong by just that much;
    and a recipe that searches its start has to search it anew. A recipe that always comes out the same may still be
    wrong each time: a small spread is no proof of accuracy, a large one disproves it.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        As for `register`.
    recipe : Recipe, str or path
        As it was run; the seeds of the runs are those after its own. They decide the jitter, too.
    runs : int
        How many; at least two.
    jitter_degrees, jitter_mm : float
        By how much each start is off.
    fixed_mask, moving_mask, initial_transform, threads
        As for `register`. Where there is a fixed mask, the spread counts in it.
    on_fraction : callable, optional
        Called with the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at every iteration.

    Raises
    ------
    GeometryError, VolumeError
        As `register` does.
    RecipeError
        As `register` does; or fewer than two runs, or a negative jitter, are wanted.
    RegistrationError
        Fewer than two runs ended with a transform.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> fixed = sitk.GaussianSource(sitk.sitkFloat32, [40, 40, 40], [9, 7, 5], [19, 20, 21])
    >>> moving = sitk.GaussianSource(sitk.sitkFloat32, [40, 40, 40], [9, 7, 5], [21, 20, 18])
    >>> recipe = find_recipe("translation").model_copy(update={"initialization": "given"})
    >>> found = repeatability(fixed, moving, recipe, runs=2, jitter_degrees=0, jitter_mm=2)
    >>> len(found.rows), found.failures, found.maximum_mm < 0.2
    (2, 0, True)
    """
    recipe = find_recipe(recipe)
    if runs < 2 or min(jitter_degrees, jitter_mm) < 0:
        raise RecipeError(
            f"{runs} runs from starts that are {jitter_degrees:g} degrees and {jitter_mm:g} mm off tell no spread; "
            "choose 2 runs or more, and no negative jitter"
        )
    tell = on_fraction or (lambda _fraction: None)
    centre = _centre(moving)
    rows: list[RepeatedRun] = []
    found: list[sitk.Transform] = []
    for number in range(runs):
        seed = (recipe.seed + 1 + number) % (_LAST_SEED + 1)
        jitter = random_rigid(centre, jitter_degrees, jitter_mm, np.random.default_rng([seed, 1]))
        run = partial(
            register,
            fixed,
            _carried(moving, jitter),
            recipe.model_copy(update={"seed": seed}),
            fixed_mask=fixed_mask,
            moving_mask=None if moving_mask is None else _carried(moving_mask, jitter),
            initial_transform=initial_transform,
            threads=threads,
            on_progress=_share(tell, number, runs),
            is_cancelled=is_cancelled,
        )
        ended, transform = _ended(run)
        rows.append(replace(ended, seed=seed, jitter_degrees=jitter_degrees, jitter_mm=jitter_mm))
        if transform is not None:
            found.append(compose(transform, invert(jitter)))
    if len(found) < 2:
        raise RegistrationError(
            f"only {len(found)} of {runs} runs ended with a transform, so nothing is repeated: {rows[-1].reason}"
        )
    spread = _Spread.of(found, fixed, body_mask(fixed) if fixed_mask is None else fixed_mask, is_cancelled)
    tell(1.0)
    return _told(spread, rows, found)


def _share(tell: OnFraction, number: int, runs: int) -> OnProgress:
    return lambda progress: tell(_RUN * (number + progress.fraction) / runs)


def _ended(run: Callable[[], RegistrationResult]) -> tuple[RepeatedRun, sitk.Transform | None]:
    """Return how a run ended, and its transform if there is one."""
    began = time.perf_counter()
    try:
        result = run()
    except RegistrationCancelled:
        raise
    except RegistrationError as error:
        state, reason, transform = "error", str(error), None
    else:
        state, reason, transform = result.verdict.state, next(iter(result.verdict.reasons), ""), result.transform
    row = RepeatedRun(0, 0.0, 0.0, math.nan, math.nan, state, reason, time.perf_counter() - began)
    return row, transform


def _told(spread: _Spread, rows: list[RepeatedRun], found: list[sitk.Transform]) -> Repeatability:
    told, distances = [], iter(spread.distances_mm)
    for row in rows:
        mean_mm, longest_mm = (math.nan, math.nan) if row.state == "error" else next(distances)
        told.append(replace(row, mean_mm=mean_mm, maximum_mm=longest_mm))
    median, p95 = np.percentile(spread.inside_mm, (50, 95))
    return Repeatability(
        map_mm=spread.map_mm,
        mean_mm=float(spread.inside_mm.mean(dtype=np.float64)),
        median_mm=float(median),
        p95_mm=float(p95),
        maximum_mm=float(spread.inside_mm.max()),
        rows=tuple(told),
        transforms=tuple(found),
        failures=sum(row.state in ("failed", "error") for row in rows),
    )


@dataclass(frozen=True, eq=False)
class _Spread:
    """Map of the spread, its values inside the mask, and mean and largest distance of each transform from the mean."""

    map_mm: sitk.Image
    inside_mm: NDArray[np.float32]
    distances_mm: list[tuple[float, float]]

    @classmethod
    def of(
        cls, transforms: Sequence[sitk.Transform], fixed: sitk.Image, mask: sitk.Image, is_cancelled: IsCancelled | None
    ) -> _Spread:
        """Measure slab by slab, with the sums of all transforms rather than their fields in memory."""
        grid = thinned(Grid.of(fixed))
        inside = marked(mask, grid).T
        if not inside.any():
            raise VolumeError("the mask has no voxel inside the fixed volume; check that both lie in the same place")
        spread = np.zeros(inside.shape, np.float32)
        sums, longest = np.zeros(len(transforms)), np.zeros(len(transforms))
        for start, stop in slabs(grid, None, is_cancelled):
            part, here = slab_grid(grid, start, stop), inside[start:stop]
            if not here.any():
                continue
            mean = np.zeros((np.count_nonzero(here), grid.dimension))
            for transform in transforms:
                mean += _moved(transform, part, here) / len(transforms)
            squares = np.zeros(len(mean))
            for number, transform in enumerate(transforms):
                square = np.square(_moved(transform, part, here) - mean).sum(axis=-1)
                squares += square
                sums[number] += np.sqrt(square).sum()
                longest[number] = max(longest[number], math.sqrt(square.max()))
            spread[start:stop][here] = np.sqrt(squares / (len(transforms) - 1))
        values = spread[inside]
        distances = zip((sums / values.size).tolist(), longest.tolist(), strict=True)
        return cls(as_image(spread, grid), values, list(distances))


def _moved(transform: sitk.Transform, grid: Grid, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    field = displacement_field(transform, grid)  # kept while it is looked at: a view does not keep it
    vectors: NDArray[np.float64] = sitk.GetArrayViewFromImage(field)[inside].astype(float)
    return vectors


def _centre(image: sitk.Image) -> NDArray[np.float64]:
    """Return the centroid of the body, LPS mm; the centre of the grid where none stands out."""
    mask = body_mask(image)
    filled = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    return Grid.of(mask).to_lps(filled.mean(axis=0)) if len(filled) else Grid.of(image).centre_lps


def _carried(image: sitk.Image, rigid: sitk.Transform) -> sitk.Image:
    """Return the same voxels where a rigid motion takes them."""
    n = image.GetDimension()
    turn = to_matrix(rigid)[:n, :n]
    carried = sitk.Image(image)
    carried.SetOrigin(rigid.TransformPoint(image.GetOrigin()))
    carried.SetDirection((turn @ np.reshape(image.GetDirection(), (n, n))).ravel().tolist())
    return carried
