"""Registrations to report of, small and made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core.deformation import measure_deformation
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.limits import DEFAULT_LIMITS
from napari_coreg.core.quality.record import LandmarkRow, Quality, TransformRecord, VerdictRecord, VolumeRecord
from napari_coreg.core.quality.rows import Grader
from napari_coreg.core.quality.subject import Assessment, Subject

OBLIQUE = Rotation.from_euler("xyz", (3, -5, 8), degrees=True).as_matrix() @ np.diag([-1.0, 1, 1])


def volume(seed: int = 0) -> sitk.Image:
    """Blobs on an oblique, left-handed grid of long voxels."""
    noise = np.random.default_rng(seed).normal(size=(20, 32, 36)).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 3.0)
    image.SetSpacing((2.0, 2.5, 4.0))
    image.SetDirection(OBLIQUE.ravel().tolist())
    image.SetOrigin((30.0, -40.0, 10.0))
    return image


def folding(image: sitk.Image) -> sitk.Transform:
    """A B-spline that folds space in the middle of an image."""
    spline = sitk.BSplineTransformInitializer(image, [5, 5, 5])
    values = np.zeros(len(spline.GetParameters()))
    values[4 * 64 + 4 * 8 + 4] = 90.0  # one of 8 x 8 x 8, along x
    spline.SetParameters(values.tolist())
    return spline


def record_of(image: sitk.Image, name: str) -> VolumeRecord:
    grid = Grid.of(image)
    return VolumeRecord(
        name=name,
        path=f"/data/{name}",
        modality="MR",
        size_xyz=grid.size_xyz,
        spacing_xyz=grid.spacing_xyz,
        origin_lps=grid.origin_lps,
        direction=grid.direction,
        fingerprint="sha256:" + "ab" * 32,
    )


def assessed(subject: Subject, rows=(), state="pass", headline=("all is well",), **more) -> Assessment:
    """The numbers that are given, and the maps as they are."""
    is_linear = subject.transform.GetName() != "BSplineTransform"
    found = measure_deformation(subject.transform, Grid.of(subject.fixed))
    maps = {"displacement_mm": found.magnitude_mm, "jacobian_determinant": found.determinant}
    if found.folded is not None:
        maps["folded"] = found.folded
    quality = Quality(
        **{
            "state": state,
            "headline": headline,
            "fixed": record_of(subject.fixed, "fixed.nii.gz"),
            "moving": record_of(subject.moving, "moving.nii.gz"),
            "transform": TransformRecord(
                kind="rigid" if is_linear else "B-spline", is_linear=is_linear, rigid_shift_mm=5, rigid_angle_degrees=3
            ),
            "verdict": VerdictRecord(state="good", reasons=("nothing speaks against it",), measures={}),
            "rows": tuple(rows),
            "limits": DEFAULT_LIMITS,
            "environment": {"SimpleITK": "2.5"},
            **more,
        }
    )
    return Assessment(quality, maps)


@pytest.fixture(scope="session")
def helpers() -> SimpleNamespace:
    """Functions above, for tests that need other registrations."""
    return SimpleNamespace(assessed=assessed, folding=folding)


@pytest.fixture(scope="session")
def grader() -> Grader:
    return Grader(DEFAULT_LIMITS, 4.0)


@pytest.fixture(scope="session")
def subject() -> Subject:
    image = volume()
    labels = sitk.Cast(image > 0.0, sitk.sitkUInt8) + sitk.Cast(image > 0.05, sitk.sitkUInt8)
    return Subject(
        image,
        volume(1),
        sitk.TranslationTransform(3, (4.0, 0.0, 0.0)),
        fixed_labels=labels,
        moving_labels=labels,
        label_names={1: "rim", 2: "core"},
    )


@pytest.fixture(scope="session")
def good(subject, grader):
    """A registration with rows of every kind and status."""
    rows = (
        grader.row("tre_mean", 1.5, 9.0),
        grader.row("tre_max", 6.0, 12.0),
        grader.row("dice_mean", 0.93, 0.4),
        grader.row("dice", 0.95, 0.6, structure="core"),
        grader.row("mean_surface_distance", 0.4, 3.0, structure="core"),
        grader.row("volume_change", -2.5, structure="core"),
        grader.row("dice", 0.85, 0.5, structure="rim"),
        grader.row("mean_surface_distance", 9.0, 3.0, structure="rim"),
        grader.row("correlation", 0.9, 0.2, region="overlap"),
        grader.row("inverse_consistency_p95", None),
    )
    landmarks = (
        LandmarkRow(name="apex", before_mm=12, after_mm=6, after_lps=(1.0, -5.9, 0.2)),
        LandmarkRow(name="base", before_mm=9, after_mm=1, after_lps=(0.0, 1.0, 0.0)),
    )
    return subject, assessed(
        subject, rows, state="look", headline=("one structure must be looked at",), landmarks=landmarks
    )
