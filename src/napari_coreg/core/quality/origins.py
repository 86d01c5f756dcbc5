"""Records of what is judged: the volumes, the transform, the run it came from, and what measures it."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

import napari_coreg
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.record import InputRecord, TransformRecord, VerdictRecord, VolumeRecord
from napari_coreg.core.register import fingerprint
from napari_coreg.core.transforms import is_identity, is_linear, is_rigid, parts, to_matrix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.core.verdict import Verdict


def volume_record(subject: Subject, role: str) -> VolumeRecord:
    """Return what a volume ("fixed" or "moving") is, with the fingerprint of its voxels."""
    image: sitk.Image = getattr(subject, role)
    origin, grid = subject.inputs.get(role, {}), Grid.of(image)
    return VolumeRecord(
        name=str(origin.get("name") or role),
        path=str(origin.get("path") or ""),
        modality=str(origin.get("modality") or ""),
        size_xyz=grid.size_xyz,
        spacing_xyz=grid.spacing_xyz,
        origin_lps=grid.origin_lps,
        direction=grid.direction,
        fingerprint=fingerprint(image),
    )


def transform_record(subject: Subject, shift_mm: float, angle_degrees: float) -> TransformRecord:
    """Return what the transform is, and how far its rigid part moves the body."""
    origin = subject.inputs.get("transform", {})
    return TransformRecord(
        kind=kind_of(subject.transform),
        source=str(origin.get("path") or origin.get("name") or ""),
        is_linear=is_linear(subject.transform),
        rigid_shift_mm=shift_mm,
        rigid_angle_degrees=angle_degrees,
    )


def input_records(subject: Subject) -> tuple[InputRecord, ...]:
    """Return what was used beside the volumes, with the fingerprints of masks and labels."""
    made = []
    for role, told in subject.inputs.items():
        if role in ("fixed", "moving"):
            continue
        image = getattr(subject, role, None)
        digest = fingerprint(image) if isinstance(image, sitk.Image) else str(told.get("sha256") or "")
        made.append(
            InputRecord(
                role=role, name=str(told.get("name") or ""), path=str(told.get("path") or ""), fingerprint=digest
            )
        )
    return tuple(made)


def kind_of(transform: sitk.Transform) -> str:
    """Return in words what a transform is.

    Examples
    --------
    >>> kind_of(sitk.TranslationTransform(3, (1.0, 0.0, 0.0))), kind_of(sitk.Transform(3, sitk.sitkIdentity))
    ('translation', 'identity')
    """
    if is_linear(transform):
        return _linear_kind(transform)
    names = {sitk.sitkBSplineTransform: "B-spline", sitk.sitkDisplacementField: "displacement field"}
    kinds = [names.get(part.GetTransformEnum()) or _linear_kind(part) for part in parts(transform)]
    return ", then ".join(kind for kind in kinds if kind != "identity")


def verdict_record(verdict: Verdict) -> VerdictRecord:
    """Return a verdict as plain data."""
    return VerdictRecord(state=verdict.state, reasons=verdict.reasons, measures=verdict.measures)


def run_record(subject: Subject) -> dict[str, Any]:
    """Return how the transform was found, where it came with its result."""
    result = subject.result
    if result is None:
        return {}
    return {
        "seed": result.recipe.seed,
        "threads": result.threads,
        "seconds": round(result.seconds, 3),
        "initialization": result.initialization,
        "ended_early": result.ended_early,
        "metric_before": result.metric_before,
        "metric_after": result.metric_after,
        "verdict": result.verdict.state,
        "notes": list(result.notes),
        "versions": dict(result.versions),
    }


def environment() -> dict[str, str]:
    """Return the versions of what measures, and when."""
    return {
        "napari-coreg": napari_coreg.__version__,
        "SimpleITK": sitk.Version.VersionString(),
        "numpy": version("numpy"),
        "scikit-image": version("scikit-image"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _linear_kind(transform: sitk.Transform) -> str:
    if is_identity(transform):
        return "identity"
    matrix = to_matrix(transform)
    n = len(matrix) - 1
    if _is_unit(matrix[:n, :n]):
        return "translation"
    return "rigid" if is_rigid(transform) else "affine"


def _is_unit(linear: NDArray[np.float64]) -> bool:
    return bool(abs(linear - [[float(i == j) for j in range(len(linear))] for i in range(len(linear))]).max() < 1e-12)
