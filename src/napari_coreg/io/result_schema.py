"""The schema of result.json, as data: what other programs may rely on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_coreg.core.recipe import Recipe
from napari_coreg.core.result import SCHEMA_VERSION


class _Part(BaseModel):
    """Later versions may add keys, so those that are not known are to be passed over."""

    model_config = ConfigDict(extra="allow")


class _Grid(_Part):
    """Where the voxels of a volume are."""

    size_xyz: list[int]
    spacing_xyz: list[float] = Field(description="mm")
    origin_lps: list[float] = Field(description="Centre of the first voxel, LPS mm.")
    direction: list[float] = Field(description="Row by row; column k is the direction of index axis k.")


class _Level(_Part):
    """One level of one stage, both counted from 0."""

    stage: int
    stage_kind: str
    level: int
    fixed_size_xyz: list[int]
    fixed_shrink_xyz: list[int]
    moving_shrink_xyz: list[int]
    number_of_samples: int
    metric_values: list[float | None]
    stop_reason: str
    seconds: float


class _TransformPart(_Part):
    """One linear transform, by its name and parameters in ITK."""

    kind: str
    dimension: int
    fixed_parameters: list[float]
    parameters: list[float]


class _Start(_Part):
    """The transform where the run began, fixed -> moving, LPS mm; it is also in initial_transform.h5."""

    fingerprint: str | None = Field(description="SHA-256; null in a record of version 1.")
    parts: list[_TransformPart] | None = Field(description="In the order they are applied; null for a deformation.")


class _Origin(_Part):
    """Where a volume, a mask or the start came from; what is not known is null or not there."""

    path: str | None = Field(default=None, description="Absolute; null for what is in no file.")
    relative_path: str | None = Field(default=None, description="The same as seen from the folder of the result.")
    name: str | None = Field(default=None, description="Of the volume in its file.")
    number: int | None = Field(default=None, description="Which volume of the file, from 0.")
    count: int | None = Field(default=None, description="How many volumes the file holds.")
    upright: bool | None = Field(default=None, description="Whether its axes were brought into the world's order.")
    layer: str | None = Field(default=None, description="The layer of napari that it was.")
    source: str | None = Field(default=None, description="Where the start came from, in words.")


class ResultRecord(_Part):
    """A registration, as result.json holds it."""

    schema_version: Literal[2]
    direction: str
    recipe: Recipe
    initialization: str = Field(description="How the start was found.")
    metric_before: float | None
    metric_after: float | None
    folding: dict[str, float] | None
    verdict: Literal["good", "doubtful", "failed"]
    verdict_reasons: list[str]
    verdict_measures: dict[str, float | None]
    findings: list[dict[str, Any]]
    ended_early: str = Field(description="Where the run was ended before its time; such a run cannot be repeated.")
    time_limit: float | None = Field(description="Seconds; null where there was none.")
    check_swap: bool
    initial_transform: _Start | None
    inputs: dict[str, _Origin] = Field(
        description="By role: fixed, moving, fixed_mask, moving_mask, initial_transform; those that are known."
    )
    seconds: float
    threads: int = Field(description="As asked for; 0 is as suits each stage.")
    versions: dict[str, str]
    fingerprints: dict[str, str] = Field(
        description="SHA-256 of grid, pixel type and voxels, by role: fixed, moving, fixed_mask, moving_mask."
    )
    notes: list[str]
    fixed_grid: _Grid
    moving_grid: _Grid
    trace: list[_Level]
    date: str = Field(description="When the run ended, ISO 8601.")
    files: list[str] = Field(description="What the folder holds.")


def result_schema() -> dict[str, Any]:
    """Return the JSON schema of result.json.

    Examples
    --------
    >>> result_schema()["properties"]["schema_version"]["const"]
    2
    """
    schema = ResultRecord.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"result.json of napari-coreg, version {SCHEMA_VERSION}"
    return schema
