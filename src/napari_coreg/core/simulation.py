"""A registration with a known answer: a volume is moved and changed by known amounts, and a recipe must find them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from napari_coreg.core.body import marked
from napari_coreg.core.body_mask import body_mask
from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.geometry import Grid, require_grid, require_values
from napari_coreg.core.random_field import random_field
from napari_coreg.core.random_motion import random_rigid
from napari_coreg.core.register import register
from napari_coreg.core.simulated_scan import change_values, grid_around, sampled_through
from napari_coreg.core.slabs import as_image, coarse_grid, slab_grid, slabs, thinned
from napari_coreg.core.transforms import compose, displacement_field, invert
from napari_coreg.core.warp import warp_points
from napari_coreg.errors import VolumeError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled, OnProgress, Progress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.core.slabs import OnFraction

    Array = NDArray[np.float64]

_BODY_POINTS = 20_000
_MADE, _RUN = 0.1, 0.95  # of the whole time

Intensity = Literal["none", "gamma", "remap"]


class SimulatedMove(FrozenModel):
    """What is done to a volume: the same move and volume give the same moving volume, bit for bit."""

    rotation_degrees: float = Field(5.0, ge=0, le=180, title="Rotation (degrees)", description="About a random axis.")
    shift_mm: float = Field(10.0, ge=0, title="Shift (mm)", description="Length of the shift, in a random direction.")
    deformation_mm: float = Field(
        5.0, ge=0, title="Deformation (mm)", description="Longest displacement of the smooth random deformation."
    )
    smoothness_mm: float = Field(
        40.0, gt=0, title="Smoothness (mm)", description="How far apart places are that move differently."
    )
    noise: float = Field(
        0.02, ge=0, le=1, title="Noise", description="Standard deviation, as part of the range of the values."
    )
    intensity: Intensity = Field(
        "none", title="Intensity", description="How values change: not, by a gamma, or as another modality's would."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Seed of all random choices.")


@dataclass(frozen=True, eq=False)
class Simulated:
    """A moving volume made of a fixed one.

    Attributes
    ----------
    moving : SimpleITK.Image
        The volume as moved, 32-bit floats, on a grid of its own.
    truth : SimpleITK.Transform
        Fixed -> moving, LPS mm: what a registration should find. Exact: a B-spline, then a rigid transform.
    backward : SimpleITK.Transform
        Moving -> fixed, LPS mm: through which the moving volume was sampled.
    sampling_error_mm : float
        How far `backward` is from undoing `truth`, at most, at random points: so well the moving volume shows the
        truth.
    """

    moving: sitk.Image = field(repr=False)
    truth: sitk.Transform = field(repr=False)
    backward: sitk.Transform = field(repr=False)
    sampling_error_mm: float


def simulate(volume: sitk.Image, move: SimulatedMove) -> Simulated:
    """Make a moving volume of a fixed one, with the transform between them.

    The truth is a random smooth deformation that folds nowhere (the flow of a random velocity), then a turn about the
    centre of the body and a shift. It is chosen first, so it is exact; the moving volume is sampled through its
    inverse, once, by cubic B-splines; how exact that inverse is, is told, and it is better than 0.01 mm. The grid of
    the moving volume is not the fixed one's: its axes are tilted by 2 to 6 degrees, its voxels are 5 to 20 % larger
    along each axis, and it is laid around the moved body with random margins, so that neither the interpolation of
    equal grids nor the header tells where the body went. Beyond the volume its border is continued. Values change
    next, and noise comes last.

    It is easier than a real pair: the anatomy is the same in both volumes, and so is the noise that the volume came
    with. A recipe that does well here need not do as well there.

    Parameters
    ----------
    volume : SimpleITK.Image
        The fixed volume or 2-D image, LPS mm; not changed.
    move : SimulatedMove
        What is done to it. The same move and volume give the same moving volume.

    Raises
    ------
    GeometryError, VolumeError
        The volume cannot be registered, or there is no body in it; or the deformation is so rough that it would fold.

    Examples
    --------
    >>> volume = sitk.GaussianSource(sitk.sitkFloat32, [32, 32, 32], [6, 5, 4], [15, 16, 17])
    >>> made = simulate(volume, SimulatedMove(rotation_degrees=0, shift_mm=3, deformation_mm=0))
    >>> round(float(np.linalg.norm(made.truth.TransformPoint((0.0, 0.0, 0.0)))), 6)
    3.0
    """
    require_grid(volume, "volume")
    require_values(volume, "volume")
    grid, body = Grid.of(volume), _body_points(volume)
    for_rigid, for_field, for_grid, for_values = (np.random.default_rng([move.seed, part]) for part in range(4))
    rigid = random_rigid(body.mean(axis=0), move.rotation_degrees, move.shift_mm, for_rigid)
    truth, backward, error = rigid, invert(rigid), 0.0
    if move.deformation_mm > 0:
        made = random_field(grid, body, move.deformation_mm, move.smoothness_mm, for_field)
        truth, backward, error = compose(made.forward, rigid), compose(backward, made.inverse), made.error_mm
    moving = sampled_through(backward, volume, grid_around(warp_points(truth, body), grid, for_grid))
    moving = change_values(moving, volume, move.intensity, move.noise, for_values)
    return Simulated(moving, truth, backward, error)


@dataclass(frozen=True)
class ErrorFigures:
    """How far a transform is from the truth, over the voxels that count, mm."""

    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    voxels: int

    @classmethod
    def of(cls, errors_mm: NDArray[np.floating]) -> ErrorFigures:
        """Return the figures of the errors at some voxels."""
        median, p95 = np.percentile(errors_mm, (50, 95))
        mean = float(errors_mm.mean(dtype=np.float64))
        return cls(mean, float(median), float(p95), float(errors_mm.max()), errors_mm.size)


@dataclass(frozen=True, eq=False)
class SimulationOutcome:
    """How near a recipe came to the truth.

    Attributes
    ----------
    map_mm : SimpleITK.Image
        |T_found(p) - T_true(p)| on the fixed grid (thinned where that is large), 32-bit floats; 0 outside the mask.
    before, after : ErrorFigures
        With the volumes as their headers place them, and with the transform that was found.
    result : RegistrationResult
        Of the recipe.
    simulated : Simulated
        What it was run on.
    move : SimulatedMove
        What was done.
    """

    map_mm: sitk.Image = field(repr=False)
    before: ErrorFigures
    after: ErrorFigures
    result: RegistrationResult = field(repr=False)
    simulated: Simulated = field(repr=False)
    move: SimulatedMove

    @property
    def truth(self) -> sitk.Transform:
        """Fixed -> moving, LPS mm."""
        return self.simulated.truth


def simulated_error(
    volume: sitk.Image,
    recipe: Recipe | str | Path,
    move: SimulatedMove,
    *,
    mask: sitk.Image | None = None,
    fixed_mask: sitk.Image | None = None,
    threads: int = 0,
    on_progress: OnProgress | None = None,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> SimulationOutcome:
    """Run a recipe on a volume and itself moved, and measure how far what it finds is from the truth.

    Parameters
    ----------
    volume : SimpleITK.Image
        The fixed volume, LPS mm.
    recipe : Recipe, str or path
        To be tried; as for `register`.
    move : SimulatedMove
        What is done to the volume.
    mask : SimpleITK.Image, optional
        Where the error counts, on any grid; the body in the volume (`body_mask`) where none is given.
    fixed_mask : SimpleITK.Image, optional
        Given to the run, as for `register`.
    threads : int
        As for `register`.
    on_progress : callable, optional
        Told of every iteration of the run.
    on_fraction : callable, optional
        Called with the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between the parts, and at every iteration.

    Raises
    ------
    GeometryError, VolumeError, RecipeError
        As `simulate` and `register` do; or no voxel of the volume is in the mask.
    RegistrationError
        The recipe found no transform at all.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> from napari_coreg.core.presets import find_recipe
    >>> volume = sitk.GaussianSource(sitk.sitkFloat32, [40, 40, 40], [9, 7, 5], [19, 20, 21])
    >>> move = SimulatedMove(rotation_degrees=0, shift_mm=4, deformation_mm=0, noise=0)
    >>> recipe = find_recipe("translation").model_copy(update={"initialization": "given"})
    >>> outcome = simulated_error(volume, recipe, move)
    >>> round(outcome.before.mean_mm), outcome.after.maximum_mm < 0.2
    (4, True)
    """
    tell = on_fraction or (lambda _fraction: None)
    simulated = simulate(volume, move)
    tell(_MADE)

    def watch(progress: Progress) -> None:
        tell(_MADE + (_RUN - _MADE) * progress.fraction)
        if on_progress is not None:
            on_progress(progress)

    result = register(
        volume,
        simulated.moving,
        recipe,
        fixed_mask=fixed_mask,
        threads=threads,
        on_progress=watch,
        is_cancelled=is_cancelled,
    )
    counts = body_mask(volume) if mask is None else mask
    errors, before = _errors(result.transform, simulated.truth, thinned(Grid.of(volume)), counts, is_cancelled)
    after = sitk.GetArrayViewFromImage(errors)[before.inside]
    tell(1.0)
    return SimulationOutcome(errors, ErrorFigures.of(before.lengths), ErrorFigures.of(after), result, simulated, move)


class _Before(NamedTuple):
    inside: NDArray[np.bool_]
    lengths: NDArray[np.float32]


def _errors(
    found: sitk.Transform, truth: sitk.Transform, grid: Grid, mask: sitk.Image, is_cancelled: IsCancelled | None
) -> tuple[sitk.Image, _Before]:
    """Return the map of errors, 0 outside the mask, and where the mask is, with the displacements of the truth."""
    inside = marked(mask, grid).T
    if not inside.any():
        raise VolumeError("the mask has no voxel inside the volume; check that both lie in the same place")
    errors, lengths = np.zeros(inside.shape, np.float32), []
    for start, stop in slabs(grid, None, is_cancelled):
        part, here = slab_grid(grid, start, stop), inside[start:stop]
        true, other = (sitk.GetArrayFromImage(displacement_field(one, part))[here] for one in (truth, found))
        errors[start:stop][here] = np.linalg.norm(other - true, axis=-1)
        lengths.append(np.linalg.norm(true, axis=-1))
    return as_image(errors, grid), _Before(inside, np.concatenate(lengths))


def _body_points(volume: sitk.Image) -> Array:
    """Return points of the body, LPS mm."""
    coarse, _, _ = coarse_grid(Grid.of(volume), _BODY_POINTS)
    indices_xyz = np.argwhere(marked(body_mask(volume), coarse))
    if len(indices_xyz) < 2:
        raise VolumeError("no body stands out in the volume, so it cannot be told where an error would count")
    return coarse.to_lps(indices_xyz.astype(np.float64))
