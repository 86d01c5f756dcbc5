"""What to do, as frozen data: a Recipe, its preprocessing and its stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.stages import Stage
from napari_coreg.errors import RecipeError

Initialization = Literal[
    "auto", "given", "centre", "moments", "principal_axes", "phase_correlation", "fourier_mellin", "features"
]
Interpolator = Literal["nearest", "linear", "bspline", "windowed_sinc", "label"]


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
    >>> recipe = Recipe(name="mine", stages=({"kind": "rigid"}, {"kind": "bspline"}))
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
            "'auto' searches all poses, so that it does not matter how the volumes lie. Single guesses: 'centre' puts "
            "the centres of the two grids on each other, 'moments' the centres of intensity, 'principal_axes' also the "
            "axes of inertia; 'phase_correlation' finds a shift and 'fourier_mellin' a turn and a shift from Fourier "
            "spectra; 'features' matches keypoints. An initial transform that is given always wins."
        ),
    )
    symmetric: bool = Field(
        False,
        title="Symmetric",
        description=(
            "Register both ways and take the transform half-way between, so that exchanging fixed and moving gives "
            "exactly the inverse, as follow-up studies ask for. Linear stages only; takes twice the time."
        ),
    )
    stages: tuple[Stage, ...] = Field(
        title="Stages",
        description="Run one after the other, each from where the last one ended.",
        min_length=1,
    )

    @model_validator(mode="after")
    def _symmetric_is_linear(self) -> Self:
        if self.symmetric and any(stage.kind == "bspline" for stage in self.stages):
            raise ValueError(
                "symmetric: a B-spline has no transform half-way between; leave out its stage, or symmetric"
            )
        return self

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
