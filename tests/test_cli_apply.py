"""The command apply, the way back through deformations, and what is made of points."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import read_points, read_surface, read_volume, write_points, write_surface, write_volume
from napari_coreg.cli import main
from napari_coreg.core.warp import Surface

SIZE, SPACING = [32, 28, 30], (1.0, 1.5, 1.2)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])


@pytest.fixture
def blank():
    image = sitk.GaussianSource(sitk.sitkFloat32, SIZE, [8.0] * 3, [14.0, 22.0, 16.0], 100.0, [-3.0, 2.0, 5.0], SPACING)
    image.SetDirection((0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    return image


@pytest.fixture
def spline(blank):
    """A smooth displacement, the same everywhere but for a bend of some mm."""
    bspline = sitk.BSplineTransformInitializer(blank, [3, 3, 3])
    bend = np.random.default_rng(4).normal(0.0, 1.5, len(bspline.GetParameters()))
    bspline.SetParameters(bend.tolist())
    return bspline


@pytest.fixture
def files(blank, spline, tmp_path):
    write_volume(blank, tmp_path / "fixed.nii.gz")
    write_volume(blank, tmp_path / "moving.nii.gz")
    sitk.WriteTransform(spline, str(tmp_path / "bend.h5"))
    return tmp_path


def inner_points(blank, number=12):
    index = np.random.default_rng(1).uniform(8, 20, (number, 3))
    return np.array([blank.TransformContinuousIndexToPhysicalPoint(row) for row in index.tolist()])


def mapped(transform, points):
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def run(*words):
    return main(["apply", *map(str, words)])


def error_of(capsys):
    lines = capsys.readouterr().err.strip().splitlines()
    return lines[-1]


def test_points_come_back_through_a_bare_deformation(files, blank, spline, capsys):
    points = inner_points(blank)
    write_points(mapped(spline, points), files / "there.csv", [str(n) for n in range(len(points))])
    assert run(files / "bend.h5", "--points", files / "there.csv", "-o", files / "back.csv", "--inverse") == 0
    told = capsys.readouterr()
    assert "from the moving volume to the fixed one" in told.out
    assert "inverse accurate to" in told.err
    np.testing.assert_allclose(read_points(files / "back.csv")[0], points, atol=1e-3)


def test_a_volume_goes_there_and_back_and_the_error_is_told(files, capsys):
    there, back = files / "there.nii.gz", files / "back.nii.gz"
    assert run(files / "bend.h5", files / "moving.nii.gz", "--like", files / "fixed.nii.gz", "-o", there) == 0
    capsys.readouterr()
    words = (files / "bend.h5", there, "--like", files / "moving.nii.gz", "-o", back, "--inverse")
    assert run(*words) == 0
    assert "mm (95 %)" in capsys.readouterr().err
    before, after = (sitk.GetArrayFromImage(read_volume(path).image) for path in (files / "moving.nii.gz", back))
    inner = (slice(6, -6),) * 3
    assert np.abs(after - before)[inner].max() < 0.05 * before.max()


def test_labels_keep_their_values_either_way(files, blank):
    rng = np.random.default_rng(0)
    labels = sitk.GetImageFromArray(
        rng.choice([0, 3, 7, 250], sitk.GetArrayViewFromImage(blank).shape).astype(np.uint8)
    )
    labels.CopyInformation(blank)
    write_volume(labels, files / "labels.nii.gz")
    for extra in ([], ["--inverse"], ["--interpolator", "label"]):
        out = files / "moved.nii.gz"
        like = ("--like", files / "fixed.nii.gz", "-o", out, "--labels", *extra)
        assert run(files / "bend.h5", files / "labels.nii.gz", *like) == 0
        assert set(np.unique(sitk.GetArrayFromImage(read_volume(out).image))) <= {0, 3, 7, 250}


@pytest.mark.parametrize("suffix", [".gii", ".vtk", ".ply", ".stl", ".obj", ".white"])
def test_a_surface_goes_there_and_back(files, blank, spline, suffix, capsys):
    vertices = inner_points(blank, 4)
    write_surface(Surface(vertices, FACES), files / f"here{suffix}")
    there, back = files / f"there{suffix}", files / f"back{suffix}"
    assert run(files / "bend.h5", "--surface", files / f"here{suffix}", "-o", there) == 0
    assert "4 vertices and 4 triangles mapped from the fixed volume to the moving one" in capsys.readouterr().out
    moved = read_surface(there)
    np.testing.assert_allclose(moved.vertices_lps[moved.faces], mapped(spline, vertices)[FACES], atol=1e-4)
    assert run(files / "bend.h5", "--surface", there, "-o", back, "--inverse") == 0
    found = read_surface(back)
    np.testing.assert_allclose(found.vertices_lps[found.faces], vertices[FACES], atol=2e-3)


def test_the_frame_of_a_surface_that_does_not_tell_is_asked_for(files, blank, spline):
    vertices = inner_points(blank, 4)
    nib.freesurfer.write_geometry(files / "lh.white", vertices * (-1, -1, 1), FACES)  # without its volume
    words = (files / "bend.h5", "--surface", files / "lh.white", "-o", files / "out.gii")
    assert run(*words) == 2
    assert run(*words, "--frame", "ras") == 0
    np.testing.assert_allclose(read_surface(files / "out.gii").vertices_lps, mapped(spline, vertices), atol=1e-4)


def test_points_that_nothing_maps_to_are_refused_or_taken_on_request(files, blank, capsys):
    shift = sitk.BSplineTransformInitializer(blank, [2, 2, 2])  # 9 mm along x, which ends with the volume
    shift.SetParameters(np.repeat([9.0, 0.0, 0.0], 125).tolist())
    sitk.WriteTransform(shift, str(files / "shift.h5"))
    inside = inner_points(blank, 3)
    gap = np.array([[min(c[0] for c in corners(blank)) + 2.0, *inside[0, 1:]]])
    write_points(np.concatenate([inside, gap]), files / "q.csv", list("abcd"))
    words = (files / "shift.h5", "--points", files / "q.csv", "-o", files / "p.csv", "--inverse")
    assert run(*words) == 2
    assert "1 of 4 points have no counterpart" in error_of(capsys)
    assert not (files / "p.csv").exists()
    assert run(*words, "--inverse-tolerance", 10) == 0
    np.testing.assert_allclose(read_points(files / "p.csv")[0][:3], inside - (9, 0, 0), atol=1e-3)


def corners(image):
    ends = [(-0.5, size - 0.5) for size in image.GetSize()]
    return [image.TransformContinuousIndexToPhysicalPoint((a, b, c)) for a in ends[0] for b in ends[1] for c in ends[2]]


def test_the_inverse_of_a_fold_is_refused_and_taken_on_request(files, blank, capsys):
    fold = sitk.BSplineTransformInitializer(blank, [6, 6, 6])
    inner = np.zeros((3, 9, 9, 9))
    inner[0, 4, 4, 4] = 40.0
    fold.SetParameters(inner.ravel().tolist())
    sitk.WriteTransform(fold, str(files / "fold.h5"))
    like = ("--like", files / "moving.nii.gz", "-o", files / "o.nii.gz", "--inverse")
    assert run(files / "fold.h5", files / "fixed.nii.gz", *like) == 2
    told = error_of(capsys)
    assert "folds space" in told
    assert not (files / "o.nii.gz").exists()
    raised = told.partition("--inverse-tolerance ")[2].split(",")[0]
    assert run(files / "fold.h5", files / "fixed.nii.gz", *like, "--inverse-tolerance", raised) == 0


def test_words_that_contradict_each_other_are_refused(files, capsys):
    like = ("--like", files / "fixed.nii.gz", "-o", files / "o.nii.gz")
    for words, told in (
        ((files / "moving.nii.gz", *like, "--labels", "--interpolator", "linear"), "makes new values"),
        ((files / "moving.nii.gz", *like, "--labels"), "not whole numbers"),
        (("--points", files / "p.csv", "-o", files / "q.csv", "--labels"), "IMAGE holds labels"),
        (("--points", files / "p.csv", "-o", files / "q.csv", "--frame", "ras"), "--surface"),
        (("--surface", files / "s.gii", "-o", files / "q.jpg"), "ends in .gii"),
        (("--surface", files / "s.gii", "-o", files / "q.gii"), "cannot be read"),
    ):
        assert run(files / "bend.h5", *words) == 2
        assert told in error_of(capsys)
