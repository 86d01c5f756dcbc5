"""Pairs as folders that any interpreter can read: made once, kept under a work folder, and scored here.

fixed.nii, moving.nii, upright.nii (the fixed image with its axes reordered to run to L, P and S), inside.nii (the head
or brain in the fixed image), and what tells right from wrong: points.npz (points_lps, truth_lps), or fixed_labels.nii
and moving_labels.nii. Where the methods start from an affine transform: affine.json, and moving_at_start.nii, resampled
through it onto upright.nii, for those that cannot start there themselves.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from cases import DATA, deformable_case, found, inside_of, read_head
from napari_coreg import load_preset, register
from napari_coreg.core.folding import jacobian_determinant
from napari_coreg.core.transforms import from_matrix, to_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FIXED_BRAIN, MOVING_BRAIN = DATA / "fsaverage", DATA / "mne_seeg"
BRAIN_RECIPE = "brain-to-atlas"
LINEAR = ("rigid", "affine")


@dataclass(frozen=True)
class Pair:
    """A pair of volumes on disk.

    Attributes
    ----------
    folder : Path
        Where it is.
    name : str
        Of its kind: pairs of one name are averaged.
    seed : int
        Which of its kind.
    remapped : bool
        Whether the two have different contrasts.
    affine : list of list of float or None
        4 x 4, fixed -> moving, LPS mm: where every method starts.
    """

    folder: Path
    name: str
    seed: int
    remapped: bool
    affine: list[list[float]] | None = None


def known_pair(work: Path, head: str, seed: int, *, remapped: bool) -> Pair:
    """Return a head against itself, deformed by a known field; it is made if it is not there."""
    contrast = "remapped" if remapped else "same contrast"
    folder = work / f"{head}-{'remapped' if remapped else 'same'}-{seed}"
    with made_once(folder) as new:
        if new:
            case = deformable_case(read_head(head), seed, remapped=remapped)
            _write_fixed(case.fixed, new)
            sitk.WriteImage(case.moving, str(new / "moving.nii"))
            sitk.WriteImage(inside_of(case.fixed), str(new / "inside.nii"))
            np.savez(new / "points.npz", points_lps=case.points_lps, truth_lps=case.truth_lps)
    return Pair(folder, contrast, seed, remapped)


def brain_pair(work: Path) -> Pair:
    """Return two people's brains with labels, and the affine transform from which every method starts."""
    folder = work / "brains"
    with made_once(folder) as new:
        if new:
            fixed = sitk.ReadImage(str(found(FIXED_BRAIN / "brain.nii.gz")), sitk.sitkFloat32)
            _write_fixed(fixed, new)
            moving = _convert(MOVING_BRAIN / "brain.nii.gz", new / "moving.nii", sitk.sitkFloat32)
            _convert(FIXED_BRAIN / "aseg.nii.gz", new / "fixed_labels.nii", sitk.sitkUInt16)
            _convert(MOVING_BRAIN / "aseg.nii.gz", new / "moving_labels.nii", sitk.sitkUInt16)
            sitk.WriteImage(fixed > 0, str(new / "inside.nii"))
            recipe = load_preset(BRAIN_RECIPE)
            linear = tuple(stage for stage in recipe.stages if stage.kind in LINEAR)
            recipe = recipe.model_copy(update={"stages": linear})
            start = to_matrix(register(fixed, moving, recipe, threads=1).transform)
            _write_at_start(start, new)
    affine = json.loads((folder / "affine.json").read_text())
    return Pair(folder, "brains", 0, remapped=False, affine=affine)


def _write_at_start(start: NDArray[np.float64], folder: Path) -> None:
    """Write the affine transform, and the moving image as it makes it, on the upright grid."""
    upright, moving = (sitk.ReadImage(str(folder / f"{name}.nii")) for name in ("upright", "moving"))
    sitk.WriteImage(sitk.Resample(moving, upright, from_matrix(start)), str(folder / "moving_at_start.nii"))
    (folder / "affine.json").write_text(json.dumps(start.tolist()))


def _write_fixed(image: sitk.Image, folder: Path) -> None:
    sitk.WriteImage(image, str(folder / "fixed.nii"))
    sitk.WriteImage(sitk.DICOMOrient(image, "LPS"), str(folder / "upright.nii"))


def _convert(source: Path, target: Path, pixel_type: int) -> sitk.Image:
    image = sitk.ReadImage(str(found(source)), pixel_type)
    sitk.WriteImage(image, str(target))
    return image


@contextmanager
def made_once(folder: Path) -> Iterator[Path | None]:
    """Give a temporary folder that becomes `folder` when the block ends; None if `folder` is there already."""
    if folder.is_dir():
        yield None
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        yield new
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def scores(pair: Pair, field: sitk.Image) -> dict[str, float]:
    """Return how right a displacement field (LPS mm, on the fixed grid) is, and how it swells and folds space.

    Returns
    -------
    dict
        "mean_mm", "p95_mm" and "max_mm" of the error at the points, or "dice", the mean over the structures that both
        images have; and of the Jacobian determinant inside the head "jacobian_min" and "folded_percent".
    """
    inside = sitk.GetArrayFromImage(_read(pair, "inside")) > 0
    jacobian = sitk.GetArrayFromImage(jacobian_determinant(sitk.Cast(field, sitk.sitkVectorFloat32)))[inside]
    shape = {"jacobian_min": float(jacobian.min()), "folded_percent": 100 * float(np.mean(jacobian <= 0))}
    transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    if (pair.folder / "points.npz").is_file():
        return {**_point_errors(pair, transform), **shape}
    fixed_labels, moving_labels = _read(pair, "fixed_labels"), _read(pair, "moving_labels")
    warped = sitk.Resample(moving_labels, fixed_labels, transform, sitk.sitkNearestNeighbor, 0)
    dice = mean_dice(sitk.GetArrayFromImage(fixed_labels), sitk.GetArrayFromImage(warped), _common_labels(pair))
    return {"dice": dice, **shape}


def start_field(pair: Pair) -> sitk.Image:
    """Return the displacement from which every method starts."""
    grid = _read(pair, "fixed")
    start = sitk.Transform() if pair.affine is None else from_matrix(np.array(pair.affine))
    return sitk.TransformToDisplacementField(
        start, sitk.sitkVectorFloat64, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
    )


def mean_dice(fixed: NDArray[np.integer], warped: NDArray[np.integer], labels: list[int]) -> float:
    """Return the mean Dice coefficient over `labels`."""
    length = max(int(fixed.max()), int(warped.max()), *labels) + 1
    in_fixed, in_warped = (np.bincount(a.ravel(), minlength=length)[labels] for a in (fixed, warped))
    in_both = np.bincount(fixed[fixed == warped], minlength=length)[labels]
    return float(np.mean(2 * in_both / (in_fixed + in_warped)))


def _common_labels(pair: Pair) -> list[int]:
    in_fixed, in_moving = (
        set(np.unique(sitk.GetArrayFromImage(_read(pair, f"{side}_labels")))) for side in ("fixed", "moving")
    )
    return sorted(int(label) for label in in_fixed & in_moving - {0})


def _point_errors(pair: Pair, transform: sitk.Transform) -> dict[str, float]:
    with np.load(pair.folder / "points.npz") as points:
        mapped = np.array([transform.TransformPoint(point) for point in points["points_lps"].tolist()])
        errors = np.linalg.norm(mapped - points["truth_lps"], axis=1)
    return {
        "mean_mm": float(errors.mean()),
        "p95_mm": float(np.percentile(errors, 95)),
        "max_mm": float(errors.max()),
    }


def _read(pair: Pair, name: str) -> sitk.Image:
    return sitk.ReadImage(str(pair.folder / f"{name}.nii"))
