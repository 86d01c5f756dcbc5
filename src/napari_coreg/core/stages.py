"""The stages of a recipe, as frozen data: each with pyramid, sampling, metric and optimizer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.metrics import MattesMutualInformation, Metric
from napari_coreg.core.optimizers import LBFGS, ConjugateGradientLineSearch, Optimizer, RegularStepGradientDescent
from napari_coreg.core.refusals import refusals


def _require_length(name: str, values: tuple[float, ...], number_of_levels: int) -> None:
    if len(values) != number_of_levels:
        raise ValueError(
            f"{name} has {len(values)} values, but shrink_factors has {number_of_levels}: give one per level"
        )


class Pyramid(FrozenModel):
    """From coarse to fine: how much both images are shrunk and smoothed at each level."""

    shrink_factors: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (8, 4, 2),
        title="Shrink factors",
        description=(
            "One per level, coarse to fine. At a level, the voxels of both images are about this many times as long "
            "as a voxel of the finer image; axes with thick slices are shrunk less, and none below 16 voxels."
        ),
        min_length=1,
        max_length=8,
    )
    smoothing_sigmas_mm: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(
        (0.0, 0.0, 0.0),
        title="Smoothing sigmas (mm)",
        description="Gaussian sigma in millimetres, one per level, applied after shrinking (which averages blocks).",
    )

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        _require_length("smoothing_sigmas_mm", self.smoothing_sigmas_mm, self.number_of_levels)
        return self

    @property
    def number_of_levels(self) -> int:
        """Levels of the pyramid."""
        return len(self.shrink_factors)


class Sampling(FrozenModel):
    """Which voxels of the fixed image the metric looks at."""

    strategy: Literal["regular", "random", "none"] = Field(
        "regular",
        title="Strategy",
        description="Every n-th voxel (SimpleITK's with a small seeded jitter), voxels drawn at random, or all voxels.",
    )
    percentages: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(
        (50.0, 10.0, 3.0),
        title="Percentages",
        description="Percent of the level's voxels, one per level.",
        min_length=1,
        max_length=8,
    )
    minimum_samples: int = Field(
        8000,
        title="Minimum samples",
        description="On small images the percentage is raised so that each level has at least this many samples.",
        ge=100,
        le=10_000_000,
    )


class _Stage(FrozenModel):
    metric: Metric = Field(
        MattesMutualInformation(), title="Metric", description="What is compared between the two images."
    )
    optimizer: Optimizer = Field(
        RegularStepGradientDescent(), title="Optimizer", description="How the best transform is searched."
    )
    pyramid: Pyramid = Field(Pyramid(), title="Pyramid", description="The levels, coarse to fine.")
    sampling: Sampling = Field(Sampling(), title="Sampling", description="The voxels that enter the metric, per level.")
    interpolator: Literal["nearest", "linear", "bspline"] = Field(
        "linear",
        title="Interpolator",
        description="How the moving image is read between its voxels during the registration.",
    )

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        _require_length("sampling.percentages", self.sampling.percentages, self.pyramid.number_of_levels)
        return self

    @model_validator(mode="after")
    def _parts_suit_the_stage(self) -> Self:
        for refusal in refusals(**self.model_dump(include={"kind", "engine"})):
            value = getattr(self, refusal.field)
            name = getattr(value, "kind", value)
            if name in refusal.values:
                raise ValueError(f"{refusal.field} {name!r} {refusal.why}")
        return self


class TranslationStage(_Stage):
    """Shift only."""

    kind: Literal["translation"] = "translation"


class RigidStage(_Stage):
    """Rotation and shift: the same head in another position."""

    kind: Literal["rigid"] = "rigid"


class SimilarityStage(_Stage):
    """Rotation, shift and one scale: a wrong or unknown voxel size."""

    kind: Literal["similarity"] = "similarity"


class AffineStage(_Stage):
    """Rotation, shift, three scales and three shears: another person's head, or scanner distortion."""

    kind: Literal["affine"] = "affine"


class Regularization(FrozenModel):
    """What a deformation costs besides a worse match; each weight is per unit of the metric."""

    bending_energy_weight: float = Field(
        30.0,
        title="Bending energy (mm²)",
        description=(
            "Weight of the mean squared second derivatives (1/mm²) of the displacement: larger is smoother. It costs "
            "nothing to move, turn or scale."
        ),
        ge=0,
        le=1e9,
    )
    linear_elasticity_weight: float = Field(
        0.0,
        title="Linear elasticity",
        description="Weight of the energy of a linear-elastic body: larger keeps lengths and volumes.",
        ge=0,
        le=1e9,
    )
    log_jacobian_weight: float = Field(
        0.001,
        title="Log-Jacobian",
        description=(
            "Weight of the mean squared logarithm of the Jacobian determinant: larger keeps volumes. Above 0, what is "
            "folded after the last level is unfolded."
        ),
        ge=0,
        le=1e9,
    )


_DEFAULTS_OF_SIMPLEITK = {
    "optimizer": ConjugateGradientLineSearch(number_of_iterations=20),
    "pyramid": Pyramid(),
    "sampling": Sampling(),
    "grid_spacings_mm": (80.0, 40.0, 40.0),
}


class BSplineStage(_Stage):
    """Cubic B-spline free-form deformation: soft tissue, or one anatomy onto another.

    Rueckert et al., "Nonrigid registration using free-form deformations", IEEE TMI 18, 1999.
    """

    kind: Literal["bspline"] = "bspline"
    engine: Literal["coreg", "simpleitk"] = Field(
        "coreg",
        title="Engine",
        description=(
            "What runs the stage: 'coreg', napari-coreg's own, whose time grows with the samples alone, or "
            "'simpleitk', whose time grows with samples times control points."
        ),
    )
    deformation: Literal["displacement", "stationary_velocity"] = Field(
        "displacement",
        title="Deformation",
        description=(
            "What the B-spline holds: the displacement itself, or a velocity whose flow over a unit of time moves the "
            "points: a diffeomorphism, which does not fold and has an inverse (coreg engine only)."
        ),
    )
    regularization: Regularization = Field(
        Regularization(), title="Regularization", description="What a deformation costs (coreg engine only)."
    )
    optimizer: Optimizer = Field(LBFGS(), title="Optimizer", description="How the best transform is searched.")
    pyramid: Pyramid = Field(
        Pyramid(shrink_factors=(4, 2, 1, 1), smoothing_sigmas_mm=(0.0, 0.0, 0.0, 0.0)),
        title="Pyramid",
        description="The levels, coarse to fine.",
    )
    sampling: Sampling = Field(
        Sampling(percentages=(12.5, 12.5, 12.5, 100.0), minimum_samples=1000),
        title="Sampling",
        description="The voxels that enter the metric, per level.",
    )
    grid_spacings_mm: tuple[Annotated[float, Field(gt=0.1, le=1000)], ...] = Field(
        (48.0, 24.0, 12.0, 12.0),
        title="Grid spacings (mm)",
        description=(
            "Distance between control points, one per level; each the same as at the level before, or half of it. "
            "It is made a little smaller where needed for a whole number of cells."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _left_out_is_what_the_engine_takes(cls, values: Any) -> Any:
        """Fill in what suits SimpleITK's engine, which is slow on fine grids; the fields' defaults suit our own."""
        is_of_simpleitk = isinstance(values, dict) and values.get("engine") == "simpleitk"
        return {**_DEFAULTS_OF_SIMPLEITK, **values} if is_of_simpleitk else values

    @model_validator(mode="after")
    def _grid_refines_by_halves(self) -> Self:
        _require_length("grid_spacings_mm", self.grid_spacings_mm, self.pyramid.number_of_levels)
        for coarse, fine in zip(self.grid_spacings_mm, self.grid_spacings_mm[1:], strict=False):
            if not any(abs(coarse / fine - ratio) < 1e-6 for ratio in (1, 2)):
                raise ValueError(
                    f"grid_spacings_mm goes from {coarse:g} to {fine:g}: each level must keep the spacing of the level"
                    " before or halve it"
                )
        return self


LinearStage = TranslationStage | RigidStage | SimilarityStage | AffineStage
Stage = Annotated[LinearStage | BSplineStage, Field(discriminator="kind")]
