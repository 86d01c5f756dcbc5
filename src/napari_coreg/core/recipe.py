"""What to do, as frozen data: a Recipe and its stages, each with pyramid, sampling, metric and optimizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.metrics import MattesMutualInformation, Metric
from napari_coreg.core.optimizers import ConjugateGradientLineSearch, Optimizer, RegularStepGradientDescent
from napari_coreg.errors import RecipeError

Initialization = Literal["auto", "search", "given", "centre", "moments"]
Interpolator = Literal["nearest", "linear", "bspline", "windowed_sinc", "label"]


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
        description="Every n-th voxel with a small seeded jitter, voxels drawn at random, or all voxels.",
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

    def _refuse_optimizers(self, kinds: tuple[str, ...], why: str) -> None:
        if self.optimizer.kind in kinds:
            raise ValueError(f"optimizer {self.optimizer.kind!r} {why}; choose another one")


class _TurningStage(_Stage):
    @model_validator(mode="after")
    def _optimizer_scales_parameters(self) -> Self:
        why = "cannot weigh rotations (radians) against shifts (mm), so it does not converge here"
        self._refuse_optimizers(("lbfgsb", "lbfgs2"), why)
        return self


class TranslationStage(_Stage):
    """Shift only."""

    kind: Literal["translation"] = "translation"


class RigidStage(_TurningStage):
    """Rotation and shift: the same head in another position."""

    kind: Literal["rigid"] = "rigid"


class _ScalingStage(_TurningStage):
    @model_validator(mode="after")
    def _metric_bears_scales(self) -> Self:
        if self.metric.kind == "joint_histogram_mutual_information":
            raise ValueError(
                f"metric {self.metric.kind!r} falls without end as the overlap shrinks, so scales would shrink the "
                "volume away; choose mattes_mutual_information"
            )
        return self


class SimilarityStage(_ScalingStage):
    """Rotation, shift and one scale: a wrong or unknown voxel size."""

    kind: Literal["similarity"] = "similarity"


class AffineStage(_ScalingStage):
    """Rotation, shift, three scales and three shears: another person's head, or scanner distortion."""

    kind: Literal["affine"] = "affine"


class BSplineStage(_Stage):
    """Cubic B-spline free-form deformation: soft tissue, or one anatomy onto another.

    Rueckert et al., "Nonrigid registration using free-form deformations", IEEE TMI 18, 1999.
    """

    kind: Literal["bspline"] = "bspline"
    optimizer: Optimizer = Field(
        ConjugateGradientLineSearch(number_of_iterations=20),
        title="Optimizer",
        description="How the best transform is searched.",
    )
    grid_spacings_mm: tuple[Annotated[float, Field(gt=0.1, le=1000)], ...] = Field(
        (80.0, 40.0, 40.0),
        title="Grid spacings (mm)",
        description=(
            "Distance between control points, one per level; each the same as at the level before, or half of it. "
            "It is made a little smaller where needed for a whole number of cells."
        ),
    )

    @model_validator(mode="after")
    def _optimizer_uses_the_gradient(self) -> Self:
        why = "uses no gradient, so it cannot search the thousands of parameters of a B-spline"
        self._refuse_optimizers(("powell", "one_plus_one_evolutionary", "amoeba"), why)
        return self

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


class Preprocessing(FrozenModel):
    """What is done to copies of both images before they are compared; the result is made from the originals."""

    clip_percentiles: tuple[Annotated[float, Field(ge=0, le=100)], Annotated[float, Field(ge=0, le=100)]] = Field(
        (0.0, 100.0),
        title="Clip to percentiles",
        description="Intensities outside these percentiles are clipped; 0, 100 clips nothing.",
    )
    equalize_histogram: bool = Field(
        False, title="Equalize histogram", description="Spread the intensities evenly (rank equalization)."
    )
    smoothing_sigma_mm: float = Field(
        0.0,
        title="Smoothing sigma (mm)",
        description="Gaussian smoothing of both images; 0 for none.",
        ge=0,
        le=50,
    )

    foreground_only: bool = Field(
        False,
        title="Foreground only",
        description=(
            "Sample the fixed image only where it is brighter than the background (Otsu's threshold), with a margin "
            "of 10 mm; a fixed mask that is given goes before."
        ),
    )

    @model_validator(mode="after")
    def _percentiles_rise(self) -> Self:
        low, high = self.clip_percentiles
        if low >= high:
            raise ValueError(f"clip_percentiles is {low:g}, {high:g}: the first must be below the second")
        return self


class Recipe(FrozenModel):
    """All that decides a registration besides the images: the same recipe and seed repeat the same run.

    Examples
    --------
    >>> recipe = Recipe(name="mine", stages=(RigidStage(),))
    >>> Recipe.model_validate_json(recipe.to_json()) == recipe
    True
    """

    name: str = Field(title="Name", description="Short name, as used on the command line.", min_length=1)
    title: str = Field("", title="Title", description="What a person reads in a list of recipes.")
    description: str = Field("", title="Description", description="What it is for and why it is set as it is.")
    references: tuple[str, ...] = Field((), title="References", description="Where the settings come from.")
    seed: int = Field(20_070, title="Seed", description="Seed of all random choices.", ge=0, le=2**31 - 1)
    preprocessing: Preprocessing = Field(
        Preprocessing(),
        title="Preprocessing",
        description="Done to copies of both images before they are compared.",
    )
    initialization: Initialization = Field(
        "auto",
        title="Initialization",
        description=(
            "Where to start: 'given' trusts the positions in the headers (or the initial transform that is given), "
            "'centre' puts the centres of the two grids on each other, 'moments' the centres of intensity, 'auto' "
            "takes the best of the three by the first stage's metric, 'search' also tries every right-angle turn, as "
            "for a specimen that was put in the other way round. An initial transform that is given always wins."
        ),
    )
    stages: tuple[Stage, ...] = Field(
        title="Stages",
        description="Run one after the other, each from where the last one ended.",
        min_length=1,
    )

    def to_json(self) -> str:
        """Return the recipe as indented JSON text."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_mapping(cls, values: Any, source: str = "recipe") -> Recipe:
        """Return the recipe that `values` (parsed JSON) describe.

        Raises
        ------
        RecipeError
            With every wrong or unknown key and what is wrong with it, in one line.
        """
        if not isinstance(values, dict):
            kind = type(values).__name__
            raise RecipeError(f"{source}: holds a {kind}, but a recipe is an object with name and stages")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise RecipeError(f"{source}: {_explain(error)}") from None

    @classmethod
    def from_file(cls, path: str | Path) -> Recipe:
        """Read a recipe from a JSON file (a recipe, or a result.json that holds one under "recipe").

        Raises
        ------
        RecipeError
            If the file is missing, is not JSON or is not a recipe.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RecipeError(f"{path}: not a readable recipe file ({error})") from None
        if isinstance(values, dict) and "stages" not in values and isinstance(values.get("recipe"), dict):
            values = values["recipe"]
        return cls.from_mapping(values, source=str(path))


def _explain(error: ValidationError) -> str:
    """Return pydantic's findings in one line of plain words."""
    findings = []
    found = error.errors()
    for item in found:
        if item["type"] == "too_short" and any(other["loc"][:-1][: len(item["loc"])] == item["loc"] for other in found):
            continue  # only because what it held was left out for its own finding
        where = ".".join(str(part) for part in item["loc"]) or "recipe"
        findings.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(findings)
