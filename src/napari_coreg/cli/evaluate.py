"""The command evaluate: similarity, label overlap, landmark error and folding, before and after a transform."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.cli.terminal import note_volume, say, say_json, table
from napari_coreg.core.folding import folding
from napari_coreg.core.geometry import Grid, require_grid
from napari_coreg.core.label_measures import dice_per_label
from napari_coreg.core.resample import resample
from napari_coreg.core.similarity import overlap_mask, similarity
from napari_coreg.core.target_error import target_registration_error
from napari_coreg.core.transforms import displacement_field, is_linear
from napari_coreg.errors import CoregError, GeometryError
from napari_coreg.io.pictures import require_picture, save_overlay
from napari_coreg.io.point_pairs import read_point_pairs
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_transform
from napari_coreg.io.volumes import read_volume

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

Row = tuple[str, ...]

_SIMILARITY = {
    "root_mean_square": "root mean square difference",
    "correlation": "correlation",
    "mutual_information": "mutual information (nats)",
    "normalized_mutual_information": "normalized mutual information",
    "voxels": "overlapping voxels",
}
_ERROR = {"mean": "mean", "median": "median", "p95": "95th percentile", "maximum": "maximum"}
_FOLDING = {
    "minimum": "Jacobian determinant, minimum",
    "maximum": "Jacobian determinant, maximum",
    "folded_fraction": "folded fraction",
}


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    _require_pairs(options)
    if options.overlay is not None:
        require_picture(options.overlay)
    with quiet_itk():
        transform = None if options.transform is None else load_transform(options.transform)
        fixed = read_volume(options.fixed, options.fixed_volume)
        moving = read_volume(options.moving, options.moving_volume)
        if not options.json:
            note_volume("fixed", fixed)
            note_volume("moving", moving)
        _require_fit(fixed.image, moving.image, transform)
        stages = {"before": sitk.Transform(fixed.image.GetDimension(), sitk.sitkIdentity)}
        if transform is not None:
            stages["after"] = transform
        report = _report(options, fixed.image, moving.image, stages)
        if options.overlay is not None:
            save_overlay(options.overlay, fixed.image, moving.image, stages.get("after", stages["before"]))
    if options.json:
        say_json(report)
    else:
        say(_as_table(report, tuple(stages)))


def _report(
    options: argparse.Namespace, fixed: sitk.Image, moving: sitk.Image, stages: dict[str, sitk.Transform]
) -> dict[str, Any]:
    """Return all measures as plain data, each with one entry for each of `stages`."""

    def each(measure: Callable[[sitk.Transform], Any]) -> dict[str, Any]:
        return {name: measure(transform) for name, transform in stages.items()}

    report: dict[str, Any] = {"similarity": each(lambda transform: _similarity(fixed, moving, transform))}
    if options.fixed_labels is not None:
        labels = _labels(options.fixed_labels), _labels(options.moving_labels)
        report["dice"] = each(lambda transform: _dice(*labels, transform))
    if options.fixed_points is not None:
        pairs = read_point_pairs(options.fixed_points, options.moving_points)
        points = pairs.fixed_points_lps, pairs.moving_points_lps
        report["target_registration_error_mm"] = each(lambda transform: _errors(transform, *points))
    last = list(stages.values())[-1]
    if not is_linear(last):
        report["folding"] = asdict(folding(displacement_field(last, Grid.of(fixed))))
    return report


def _similarity(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> dict[str, Any] | None:
    """Return the similarity where the volumes overlap; None where they do not."""
    grid = Grid.of(fixed)
    mask = overlap_mask(grid, Grid.of(moving), transform)
    if not np.any(sitk.GetArrayViewFromImage(mask)):
        return None
    warped = resample(sitk.Cast(moving, sitk.sitkFloat32), grid, transform)
    return asdict(similarity(fixed, warped, mask))


def _errors(transform: sitk.Transform, fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64]) -> Any:
    found = target_registration_error(transform, fixed_points, moving_points)
    return asdict(found) | {"vectors_lps": found.vectors_lps.tolist()}


def _dice(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> dict[str, Any]:
    moved = resample(moving, Grid.of(fixed), transform, interpolator="nearest", background=0)
    dice = dice_per_label(fixed, moved)
    return {"mean": float(np.mean(list(dice.values()))), "labels": dice}


def _labels(path: Path) -> sitk.Image:
    image = read_volume(path).image
    require_grid(image, str(path))
    return image


def _require_pairs(options: argparse.Namespace) -> None:
    for what in ("labels", "points"):
        given = [getattr(options, f"{role}_{what}") is not None for role in ("fixed", "moving")]
        if any(given) and not all(given):
            raise CoregError(f"give both --fixed-{what} and --moving-{what}, or neither")


def _require_fit(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform | None) -> None:
    require_grid(fixed, "fixed volume")
    require_grid(moving, "moving volume")
    dimensions = [fixed.GetDimension(), moving.GetDimension()]
    dimensions += [] if transform is None else [transform.GetDimension()]
    if len(set(dimensions)) > 1:
        told = ", ".join(str(n) for n in dimensions)
        raise GeometryError(f"fixed volume, moving volume and transform must have the same axes, but they have {told}")


def _as_table(report: dict[str, Any], stages: tuple[str, ...]) -> str:
    rows: list[Row] = [("", *stages)]

    def add(words: str, cells: list[Any]) -> None:
        rows.append((words, *("-" if cell is None else _cell(cell) for cell in cells)))

    for key, words in _SIMILARITY.items():
        add(words, [(report["similarity"][stage] or {}).get(key) for stage in stages])
    if "target_registration_error_mm" in report:
        for key, words in _ERROR.items():
            cells = [report["target_registration_error_mm"][stage][key] for stage in stages]
            add(f"target registration error, {words} (mm)", cells)
    if "folding" in report:
        for key, words in _FOLDING.items():
            add(words, [None] * (len(stages) - 1) + [report["folding"][key]])
    if "dice" in report:
        add("Dice, mean over labels", [report["dice"][stage]["mean"] for stage in stages])
        labels = sorted({label for stage in stages for label in report["dice"][stage]["labels"]})
        for label in labels:
            add(f"Dice, label {label}", [report["dice"][stage]["labels"].get(label) for stage in stages])
    return table(rows)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
