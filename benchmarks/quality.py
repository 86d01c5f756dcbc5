"""How long our measures of a registration take beside outside tools, and whether both find the same.

    python benchmarks/quality.py [--threads 2] [--skip-inverse]

Two brains of 256^3 voxels with their labels, as their headers place them (fsaverage and mne_seeg): Dice, mean surface
distance and Hausdorff 95 of every structure, local and structural similarity, and, of a smooth known field, the
Jacobian determinant and the inverse with the error it reaches. CPU seconds count all threads; each runs once, after
kernels were compiled. "differs" is the largest difference between our numbers and theirs.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
import surface_distance
from skimage.metrics import structural_similarity

from napari_coreg import read_volume
from napari_coreg.core.folding import jacobian_determinant
from napari_coreg.core.geometry import Grid
from napari_coreg.core.inverse import find_inverse, measure_inverse
from napari_coreg.core.label_measures import compare_labels
from napari_coreg.core.measuring.compiling import compile_ahead
from napari_coreg.core.resample import resample
from napari_coreg.core.similarity import similarity
from napari_coreg.core.slabs import as_image

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="of SimpleITK; our kernels take one per core at most")
    parser.add_argument("--skip-inverse", action="store_true")
    arguments = parser.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(arguments.threads)
    compile_ahead(lambda: False)
    fixed, moved, fixed_labels, moved_labels = _brains()
    print(f"{os.cpu_count()} cores, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}")
    print(f"{'measure':34s}{'tool':42s}{'CPU s':>8s}{'ratio':>8s}  differs")
    _structures(fixed_labels, moved_labels)
    _similarities(fixed, moved)
    field = _field(Grid.of(fixed))
    _determinants(field)
    if not arguments.skip_inverse:
        _inverses(field)


def _brains() -> list[sitk.Image]:
    found = [read_volume(DATA / "fsaverage" / name).image for name in ("brain.nii.gz", "aseg.nii.gz")]
    still = sitk.Transform(3, sitk.sitkIdentity)
    for name, interpolator in (("brain.nii.gz", "linear"), ("aseg.nii.gz", "nearest")):
        moving = read_volume(DATA / "mne_seeg" / name).image
        found.append(resample(moving, Grid.of(found[0]), still, interpolator=interpolator))  # type: ignore[arg-type]
    fixed, fixed_labels, moved, moved_labels = found
    return [fixed, sitk.Cast(moved, sitk.sitkFloat32), fixed_labels, moved_labels]


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def _tell(measure: str, tool: str, seconds: float, ours: float, differs: str = "") -> None:
    print(f"{measure:34s}{tool:42s}{seconds:8.2f}{seconds / ours:8.1f}  {differs}", flush=True)


def _structures(fixed: sitk.Image, moved: sitk.Image) -> None:
    ours, our_seconds = _timed(lambda: compare_labels(fixed, moved))
    in_both = [label for label, found in ours.items() if found.missing_in is None]
    name = f"{len(in_both)} structures"
    _tell(name, "napari-coreg: all measures", our_seconds, our_seconds)
    theirs, seconds = _timed(lambda: _by_surface_distance(fixed, moved, in_both))
    pairs = [(found, ours[label]) for label, found in theirs.items()]
    mean = max(abs(one[0] - other.mean_surface_distance_mm) for one, other in pairs)
    hausdorff = max(abs(one[1] - other.hausdorff_95_mm) for one, other in pairs)
    dice = max(abs(one[2] - other.dice) for one, other in pairs)
    told = f"Dice {dice:.1g}, mean distance {mean:.1g} mm, Hausdorff 95 {hausdorff:.1g} mm"
    _tell(name, "surface-distance: Dice, mean, HD95", seconds, our_seconds, told)
    theirs, seconds = _timed(lambda: _by_simpleitk(fixed, moved, in_both))
    dice = max(abs(found[0] - ours[label].dice) for label, found in theirs.items())
    told = f"Dice {dice:.1g}; its distances are between voxels, and the greatest"
    _tell(name, "SimpleITK: overlap, Hausdorff", seconds, our_seconds, told)


def _by_surface_distance(fixed: sitk.Image, moved: sitk.Image, labels: list[int]) -> dict[int, tuple[float, ...]]:
    a, b, spacing = (sitk.GetArrayViewFromImage(fixed), sitk.GetArrayViewFromImage(moved), fixed.GetSpacing()[::-1])
    found = {}
    for label in labels:
        one, other = a == label, b == label
        distances = surface_distance.compute_surface_distances(one, other, spacing)
        ways = [
            (distances["distances_gt_to_pred"], distances["surfel_areas_gt"]),
            (distances["distances_pred_to_gt"], distances["surfel_areas_pred"]),
        ]
        mean = sum(np.sum(far * area) for far, area in ways) / sum(np.sum(area) for _, area in ways)
        hausdorff = surface_distance.compute_robust_hausdorff(distances, 95)
        found[label] = float(mean), float(hausdorff), float(surface_distance.compute_dice_coefficient(one, other))
    return found


def _by_simpleitk(fixed: sitk.Image, moved: sitk.Image, labels: list[int]) -> dict[int, tuple[float, ...]]:
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.Cast(fixed, sitk.sitkInt32), sitk.Cast(moved, sitk.sitkInt32))
    found = {}
    for label in labels:
        hausdorff = sitk.HausdorffDistanceImageFilter()
        hausdorff.Execute(fixed == label, moved == label)
        found[label] = overlap.GetDiceCoefficient(label), hausdorff.GetHausdorffDistance()
    return found


def _similarities(fixed: sitk.Image, moved: sitk.Image) -> None:
    name = "similarity, 256^3"
    ours, our_seconds = _timed(lambda: similarity(fixed, moved))
    _tell(name, "napari-coreg: all seven measures", our_seconds, our_seconds)
    f, w = (sitk.GetArrayFromImage(each).astype(float) for each in (fixed, moved))
    (_, local), seconds = _timed(lambda: structural_similarity(f, w, data_range=np.ptp(f), full=True))
    theirs = float(local[3:-3, 3:-3, 3:-3].mean())
    _tell(name, "scikit-image: SSIM", seconds, our_seconds, f"{abs(theirs - ours.structural_similarity):.1g}")


def _field(grid: Grid) -> sitk.Image:
    """Return a smooth field of some 6 mm at most."""
    points = [np.linspace(0, 2 * np.pi, count, dtype=np.float64) for count in grid.size_xyz[::-1]]
    z, y, x = np.meshgrid(*points, indexing="ij", sparse=True)
    parts = [np.sin(2 * z) * np.cos(y) + 0 * x, np.sin(x + 2 * y) * np.cos(z), np.cos(x) * np.sin(y - z)]
    field = sitk.GetImageFromArray(3.5 * np.stack(parts, axis=-1), isVector=True)
    field.CopyInformation(as_image(np.zeros(grid.size_xyz[::-1], np.uint8), grid))
    return field


def _determinants(field: sitk.Image) -> None:
    name = "Jacobian determinant, 256^3"
    floats = sitk.Cast(field, sitk.sitkVectorFloat32)
    jacobian_determinant(floats[:8, :8, :8])
    ours, our_seconds = _timed(lambda: jacobian_determinant(floats))
    _tell(name, "napari-coreg", our_seconds, our_seconds)
    axes = np.reshape(field.GetDirection(), (3, 3))
    turned = sitk.GetImageFromArray(sitk.GetArrayFromImage(floats) @ axes.astype(np.float32), isVector=True)
    turned.SetSpacing(field.GetSpacing())
    theirs, seconds = _timed(lambda: sitk.DisplacementFieldJacobianDeterminant(turned))
    a, b = (sitk.GetArrayFromImage(each)[1:-1, 1:-1, 1:-1] for each in (ours, theirs))
    _tell(name, "SimpleITK (vectors turned for it)", seconds, our_seconds, f"{np.abs(a - b).max():.1g} inside")


def _inverses(field: sitk.Image) -> None:
    name, grid = "inverse of a field, 256^3", Grid.of(field)
    transform = sitk.DisplacementFieldTransform(sitk.Image(field))
    ours, our_seconds = _timed(lambda: find_inverse(transform, grid))
    _tell(name, "napari-coreg: find_inverse", our_seconds, our_seconds, f"{ours.maximum_mm:.2g} mm off at most")
    solved, seconds = _timed(lambda: find_inverse(transform, grid, at_voxels=True))
    told = f"{solved.maximum_mm:.2g} mm off at most, at the voxels"
    _tell(name, "napari-coreg: at_voxels", seconds, our_seconds, told)
    size, origin, spacing = field.GetSize(), field.GetOrigin(), field.GetSpacing()
    peers = {
        "SimpleITK InvertDisplacementField": lambda: sitk.InvertDisplacementField(
            field, maximumNumberOfIterations=20, maxErrorToleranceThreshold=0.1, meanErrorToleranceThreshold=0.01
        ),
        "SimpleITK IterativeInverse...": lambda: sitk.IterativeInverseDisplacementField(field, numberOfIterations=10),
        "SimpleITK InverseDisplacementField": lambda: sitk.InverseDisplacementField(
            field, size, origin, spacing, subsamplingFactor=16
        ),
    }
    for tool, call in peers.items():
        found, seconds = _timed(call)
        found.CopyInformation(field)
        back = sitk.DisplacementFieldTransform(sitk.Cast(found, sitk.sitkVectorFloat64))
        error = measure_inverse(transform, back, grid)
        told = f"{error.maximum_mm:.2g} mm off at most, 95 % within {error.p95_mm:.2g} mm"
        _tell(name, tool, seconds, our_seconds, told)


if __name__ == "__main__":
    main()
