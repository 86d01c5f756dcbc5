"""Makes the pictures of the documentation from the sample volumes: ./dev pictures [SCENE ...].

Drawings are made here; pictures of napari are taken by the tour.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import tour
from draw_deformation import draw_deformation
from draw_features import draw_features
from draw_landmarks import draw_landmarks
from draw_points import draw_points
from draw_poses import draw_poses
from draw_report import draw_report
from draw_simulation import draw_simulation
from napari_coreg import SimulatedMove, fit_landmarks, load_preset, read_points, read_volume, register, simulated_error
from napari_coreg.io.pictures import save_overlay
from napari_coreg.io.subjects import read_subject
from napari_coreg.samples import SAMPLES, sample_path

if TYPE_CHECKING:
    import SimpleITK as sitk

    from napari_coreg import LandmarkFit
    from napari_coreg.core.quality.subject import Subject
    from napari_coreg.core.simulation import SimulationOutcome
    from napari_coreg.samples import Sample

PICTURES = Path(__file__).parent / "pictures"
SAMPLE = SAMPLES["ct-mr"]
RECIPE = load_preset(SAMPLE.recipe)
DRAWN = ("overlay", "fixed-to-moving", "features-2d", "landmarks", "poses", "deformation", "report", "simulation")


def main(scenes: list[str]) -> int:
    """Draw all pictures; or, where scenes of the tour are named, take only theirs."""
    if not scenes:
        PICTURES.mkdir(exist_ok=True)
        draw()
    return tour.main(scenes)


def draw() -> None:
    fixed, moving = _read(SAMPLE)
    result = register(fixed, moving, RECIPE)
    save_overlay(PICTURES / "overlay.png", fixed, moving, result.transform)
    draw_points(PICTURES / "fixed-to-moving.png", fixed, moving, result.transform)
    draw_features(PICTURES / "features-2d.png", fixed, moving)
    draw_landmarks(PICTURES / "landmarks.png", fixed, moving, fit_as_by_hand())
    draw_poses(PICTURES / "poses.png", *_read(SAMPLES["t1-t2"]))
    fixed, moving = _read(SAMPLES["deformed"])
    start = register(fixed, moving, "rigid-affine").transform
    result = register(fixed, moving, "fast-bspline", initial_transform=start)
    draw_deformation(PICTURES / "deformation.png", fixed, moving, result.transform)
    draw_report(PICTURES / "report.png", _known())
    draw_simulation(PICTURES / "simulation.png", *_simulated())
    for name in DRAWN:
        _shrink(PICTURES / f"{name}.png")


def _read(sample: Sample) -> list[sitk.Image]:
    return [read_volume(sample_path(name)).image for name in sample.files]


def fit_as_by_hand() -> LandmarkFit:
    """Return a fit to landmarks as a person might set them: 1 mm off along each axis, and one of them far off."""
    in_fixed, names = read_points(sample_path("landmarks_ct.csv"))
    in_moving, _ = read_points(sample_path("landmarks_mr_t1.csv"))
    in_moving += np.random.default_rng(1).normal(0, 1, in_moving.shape)
    in_moving[names.index("eye_left")] += (0, 0, 12)
    return fit_landmarks(in_fixed, in_moving, "rigid", names=names)


def _known() -> Subject:
    """Return the sample with all that is known of it: a result, landmarks and labels."""
    folder = Path(tempfile.mkdtemp())
    try:
        fixed, moving = (Path(shutil.copy(sample_path(name), folder)) for name in SAMPLE.files)
        result = register(read_volume(fixed).image, read_volume(moving).image, RECIPE)
        return read_subject(
            fixed,
            moving,
            result.save(folder / "ct-mr"),
            fixed_labels=sample_path("labels_ct.nii.gz"),
            moving_labels=sample_path("labels_mr_t1.nii.gz"),
            label_names=sample_path("labels.csv"),
            fixed_points=sample_path("landmarks_ct.csv"),
            moving_points=sample_path("landmarks_mr_t1.csv"),
        )
    finally:
        shutil.rmtree(folder)


def _simulated() -> tuple[sitk.Image, dict[str, SimulationOutcome]]:
    """Return a head, and how two recipes find out how it was moved."""
    head = read_volume(sample_path("mr_t1.nii.gz")).image
    return head, {
        recipe: simulated_error(head, recipe, SimulatedMove(seed=2)) for recipe in ("rigid", "brain-to-atlas")
    }


def _shrink(path: Path) -> None:
    picture = Image.open(path).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
