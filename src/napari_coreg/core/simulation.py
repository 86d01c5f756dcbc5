"""A registration with a known answer: a volume is moved and changed by known amounts, and a recipe must find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from napari_coreg.core.frozen import FrozenModel

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.core.slabs import OnFraction

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
        Fixed -> moving, LPS mm: what a registration should find.
    """

    moving: sitk.Image
    truth: sitk.Transform


@dataclass(frozen=True)
class ErrorFigures:
    """How far a transform is from the truth, over the voxels that count, mm."""

    mean_mm: float
    median_mm: float
    p95_mm: float
    maximum_mm: float
    voxels: int


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

    map_mm: sitk.Image
    before: ErrorFigures
    after: ErrorFigures
    result: RegistrationResult
    simulated: Simulated
    move: SimulatedMove

    @property
    def truth(self) -> sitk.Transform:
        """Fixed -> moving, LPS mm."""
        return self.simulated.truth


def simulate(volume: sitk.Image, move: SimulatedMove) -> Simulated:
    """Make a moving volume of a fixed one, with the transform between them.

    Parameters
    ----------
    volume : SimpleITK.Image
        The fixed volume or 2-D image, LPS mm; not changed.
    move : SimulatedMove
        What is done to it.
    """
    raise NotImplementedError


def simulated_error(
    volume: sitk.Image,
    recipe: Recipe,
    move: SimulatedMove,
    *,
    mask: sitk.Image | None = None,
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
    recipe : Recipe
        To be tried.
    move : SimulatedMove
        What is done to the volume.
    mask : SimpleITK.Image, optional
        Where the error counts, on any grid; the foreground of the volume where none is given.
    threads : int
        As for `register`.
    on_progress : callable, optional
        Told of every iteration of the run.
    on_fraction : callable, optional
        Called with the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at every iteration.
    """
    raise NotImplementedError
