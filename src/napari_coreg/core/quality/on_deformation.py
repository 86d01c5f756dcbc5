"""Measures what the transform does to space: folds, swelling, bending, displacement in all and of each structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_coreg.core.bending import bending_energy
from napari_coreg.core.deformation import measure_deformation
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.found import Found
from napari_coreg.core.quality.on_structures import structure_name
from napari_coreg.core.rigid_part import best_rigid, rigid_size
from napari_coreg.core.structure_motion import motion_per_structure
from napari_coreg.core.transforms import is_linear, is_rigid

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk

    from napari_coreg.core.deformation import DeformationMaps
    from napari_coreg.core.folding import Folding
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.rows import Grader
    from napari_coreg.core.quality.subject import Subject

_OF_STRUCTURES = {"structure_displacement_mean": "mean_mm", "structure_displacement_max": "maximum_mm"}


@dataclass(frozen=True, eq=False)
class DeformationFound:
    """What the deformation is.

    Attributes
    ----------
    found : Found
        Rows, remarks and maps.
    folding : Folding
        Over the whole fixed grid.
    rigid_shift_mm, rigid_angle_degrees : float
        Of the rigid part that comes nearest over the body.
    """

    found: Found
    folding: Folding
    rigid_shift_mm: float
    rigid_angle_degrees: float


def measure_motion(
    subject: Subject,
    body: sitk.Image,
    grader: Grader,
    *,
    on_fraction: Callable[[float], None] | None = None,
    is_cancelled: IsCancelled | None = None,
) -> DeformationFound:
    """Return what the transform does over the fixed grid, inside the body and to each structure.

    Parameters
    ----------
    subject : Subject
        What is judged.
    body : SimpleITK.Image
        Where the body is in the fixed volume; on any grid.
    grader : Grader
        Makes the rows.
    on_fraction : callable, optional
        Called with the part that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between two slabs.

    Raises
    ------
    GeometryError
        If the transform has other axes than the fixed volume.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    grid, transform = Grid.of(subject.fixed), subject.transform
    maps = measure_deformation(transform, grid, mask=body, on_fraction=on_fraction, is_cancelled=is_cancelled)
    shift, angle = rigid_size(best_rigid(transform, grid, body))
    rows = [*_jacobian_rows(transform, maps, grader), _bending_row(subject, body, grader, is_cancelled)]
    rows += _length_rows(maps, shift, angle, grader)
    rows += _structure_rows(subject, grader, is_cancelled)
    images = {"displacement_mm": maps.magnitude_mm, "jacobian_determinant": maps.determinant}
    if maps.folded is not None:
        images["folded"] = maps.folded
    found = Found(tuple(rows), _remarks(transform), images)
    return DeformationFound(found, maps.figures.folding, shift, angle)


def _jacobian_rows(transform: sitk.Transform, maps: DeformationMaps, grader: Grader) -> list[Row]:
    everywhere, body = maps.figures, maps.figures_in_mask
    assert body is not None
    is_graded = not is_linear(transform) or everywhere.folding.minimum <= 0
    rows = [
        grader.row("folded_in_body", 100 * body.folding.folded_fraction, region="body", is_graded=is_graded),
        grader.row("folded", 100 * everywhere.folding.folded_fraction, is_graded=is_graded),
    ]
    values = {
        "jacobian_min": body.folding.minimum,
        "jacobian_p01": body.p1_determinant,
        "jacobian_median": body.median_determinant,
        "jacobian_p99": body.p99_determinant,
        "jacobian_max": body.folding.maximum,
    }
    return rows + [grader.row(key, value, region="body") for key, value in values.items()]


def _bending_row(subject: Subject, body: sitk.Image, grader: Grader, is_cancelled: IsCancelled | None) -> Row:
    if is_linear(subject.transform):
        return grader.row("bending_energy", 0.0, region="body")
    energy = bending_energy(subject.transform, Grid.of(subject.fixed), body, is_cancelled=is_cancelled)
    return grader.row("bending_energy", energy, region="body")


def _length_rows(maps: DeformationMaps, shift: float, angle: float, grader: Grader) -> list[Row]:
    figures = maps.figures_in_mask
    assert figures is not None
    values = {
        "displacement_mean": figures.mean_mm,
        "displacement_median": figures.median_mm,
        "displacement_p95": figures.p95_mm,
        "displacement_p99": figures.p99_mm,
        "displacement_max": figures.maximum_mm,
        "rigid_shift": shift,
        "rigid_angle": angle,
    }
    return [grader.row(key, value, region="body") for key, value in values.items()]


def _structure_rows(subject: Subject, grader: Grader, is_cancelled: IsCancelled | None) -> list[Row]:
    if subject.fixed_labels is None:
        return []
    rows = []
    motions = motion_per_structure(subject.transform, subject.fixed_labels, is_cancelled=is_cancelled)
    for label, motion in motions.items():
        name = structure_name(label, subject.label_names)
        rows += [grader.row(key, getattr(motion, field), structure=name) for key, field in _OF_STRUCTURES.items()]
        if not is_linear(subject.transform):
            rows.append(grader.row("structure_folded", 100 * motion.folded / max(1, motion.voxels), structure=name))
    return rows


def _remarks(transform: sitk.Transform) -> tuple[str, ...]:
    if is_rigid(transform):
        return ("the transform is rigid: its Jacobian determinant is 1 by definition, which proves nothing",)
    if is_linear(transform):
        return (
            "the transform is linear: its Jacobian determinant is the same everywhere by definition, so that it cannot "
            "fold locally",
        )
    return ()
