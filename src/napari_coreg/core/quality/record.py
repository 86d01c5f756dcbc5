"""Quality: all that was measured of one registration, as plain data with a schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from napari_coreg.core.frozen import FrozenModel
from napari_coreg.core.quality.limits import Limits, Status

State = Literal["pass", "look", "fail"]


class Row(FrozenModel):
    """One number, as the registration found the volumes and as it left them.

    Attributes
    ----------
    measure : str
        Key of the measure in the catalogue, which holds its name, unit, formula and source.
    group : str
        Under which heading it stands: "Landmarks", "Structures", "Deformation" ...
    name, unit : str
        In words; the unit is empty for a ratio.
    structure : str
        Which structure it is of; empty for the whole.
    region : str
        Where it was measured: "overlap", "mask", "body" ...; empty where that says nothing.
    before, after : float or None
        Without and with the transform; None where there is no such number.
    status : {"pass", "look", "fail", "info"}
        Of `after`; "info" where the measure has no limit, or there is nothing to grade.
    good, bad : float or None
        The limits as they hold for these volumes.
    """

    measure: str
    group: str
    name: str
    unit: str = ""
    structure: str = ""
    region: str = ""
    before: float | None = None
    after: float | None = None
    status: Status = "info"
    good: float | None = None
    bad: float | None = None


class LandmarkRow(FrozenModel):
    """One pair of landmarks: how far apart they are, mm, and along which axes (LPS) after the registration."""

    name: str
    before_mm: float
    after_mm: float
    after_lps: tuple[float, ...]


class VolumeRecord(FrozenModel):
    """What a volume is and where its voxels are, LPS mm."""

    name: str
    path: str = ""
    modality: str = ""
    size_xyz: tuple[int, ...]
    spacing_xyz: tuple[float, ...]
    origin_lps: tuple[float, ...]
    direction: tuple[float, ...]
    fingerprint: str


class InputRecord(FrozenModel):
    """What was used beside the two volumes: the transform, masks, labels, landmarks ...

    Attributes
    ----------
    role : str
        "transform", "fixed_mask", "moving_labels", "fixed_points" ...
    name, path : str
        What it is called, and the file or folder where that is known.
    fingerprint : str
        SHA-256 as "sha256:<hex>": of voxels and geometry where it is a volume, else of the file; empty if not known.
    """

    role: str
    name: str = ""
    path: str = ""
    fingerprint: str = ""


class TransformRecord(FrozenModel):
    """What the transform is: fixed -> moving, LPS mm."""

    kind: str
    source: str = ""
    is_linear: bool
    rigid_shift_mm: float
    rigid_angle_degrees: float


class VerdictRecord(FrozenModel):
    """What can be said of a transform without landmarks or labels, judged anew from the volumes."""

    state: Literal["good", "doubtful", "failed"]
    reasons: tuple[str, ...]
    measures: dict[str, float | None]


class Quality(FrozenModel):
    """All that was measured of a registration.

    Attributes
    ----------
    state : {"pass", "look", "fail"}
        The gravest of all that is graded; "look" at best where nothing that proves accuracy was measured.
    headline : tuple of str
        The first lines of a report: why, the weightiest first.
    rows : tuple of Row
        Every number, group by group.
    landmarks : tuple of LandmarkRow
        Each pair, the worst first; empty where there are none.
    remarks : tuple of str
        What a reader must know to read the numbers right: what was not measured, and why.
    recipe : dict or None
        As run, where the transform came with its result.
    run : dict
        How it was run, where the transform came with its result: seed, threads, seconds, initialization, notes.
    environment : dict of str
        Versions of what measured it, and when.
    inputs : tuple of InputRecord
        What else it was measured with, as far as that is known.
    """

    schema_version: Literal[1] = 1
    state: State
    headline: tuple[str, ...]
    fixed: VolumeRecord
    moving: VolumeRecord
    transform: TransformRecord
    verdict: VerdictRecord
    rows: tuple[Row, ...]
    landmarks: tuple[LandmarkRow, ...] = ()
    remarks: tuple[str, ...] = ()
    limits: Limits
    recipe: dict[str, Any] | None = None
    run: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    inputs: tuple[InputRecord, ...] = ()
