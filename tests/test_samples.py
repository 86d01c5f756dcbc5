"""Claims about the sample volumes: they are whole, they lie as documented, and their truth is true."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.errors import FileError
from napari_coreg.sample_volumes import make_sample_volumes
from napari_coreg.samples import SAMPLES, read_truth, sample_path

VOLUMES = ("ct", "mr_t1", "mr_t2", "pet", "mr_t1_deformed")
BONE, BRAIN = (2,), (4, 5, 6, 7, 8, 9, 10)


def read(name: str) -> sitk.Image:
    return sitk.ReadImage(str(sample_path(name)))


def direction(image: sitk.Image) -> np.ndarray:
    return np.reshape(image.GetDirection(), (3, 3))


def points_of(name: str) -> dict[str, tuple[float, ...]]:
    with sample_path(name).open(newline="") as file:
        return {row["name"]: (float(row["x"]), float(row["y"]), float(row["z"])) for row in csv.DictReader(file)}


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.parametrize("key", SAMPLES)
def test_each_sample_has_its_files_and_its_truth(key: str) -> None:
    sample = SAMPLES[key]
    assert sample.key == key
    assert len(sample.files) == 2
    for name in sample.files:
        assert sample_path(name).is_file()
    assert read_truth(key).GetDimension() == 3


def test_all_files_together_are_small() -> None:
    folder = sample_path("ct.nii.gz").parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 6_000_000


def test_the_program_makes_all_files_that_ship_and_no_other() -> None:
    folder = sample_path("ct.nii.gz").parent
    data = {path.name for path in folder.iterdir() if path.suffix in {".gz", ".tfm", ".csv"}}
    assert data == set(make_sample_volumes.FILES)


@pytest.mark.parametrize("name", ["nothing.nii.gz", "../errors.py", ""])
def test_a_missing_file_is_refused_by_name(name: str) -> None:
    with pytest.raises(FileError, match="No sample file"):
        sample_path(name)


def test_the_truth_of_an_unknown_sample_is_refused_by_name() -> None:
    with pytest.raises(FileError, match="'nobody'"):
        read_truth("nobody")


def test_listing_the_samples_loads_no_simpleitk() -> None:
    code = "import sys, napari_coreg.samples; sys.exit('SimpleITK' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_grids_differ_as_documented() -> None:
    images = {name: read(f"{name}.nii.gz") for name in VOLUMES}
    spacings = {name: tuple(np.round(image.GetSpacing(), 3)) for name, image in images.items()}
    assert spacings == {
        "ct": (1.5, 1.5, 2.0),
        "mr_t1": (1.6, 1.6, 1.6),
        "mr_t2": (1.0, 1.0, 4.0),
        "pet": (3.5, 3.5, 3.5),
        "mr_t1_deformed": (1.7, 1.7, 1.7),
    }
    assert all(image.GetPixelID() == sitk.sitkInt16 for image in images.values())
    left_handed = {name for name, image in images.items() if np.linalg.det(direction(image)) < 0}
    assert left_handed == {"mr_t2"}
    oblique = {name for name, image in images.items() if np.abs(direction(image)).max(axis=0).min() < 0.999}
    assert oblique == {"mr_t1", "mr_t2"}
    np.testing.assert_allclose(direction(images["ct"]), np.eye(3), atol=1e-6)
    np.testing.assert_allclose(direction(images["mr_t1_deformed"]), np.diag([-1, -1, 1]), atol=1e-6)
    assert np.abs(direction(images["mr_t1"])[:, 0]).argmax() == 1  # sagittal: the first axis runs front to back


@pytest.mark.parametrize("name", ["ct", "mr_t1", "mr_t1_deformed"])
def test_labels_lie_on_the_grid_of_their_volume(name: str) -> None:
    image, labels = read(f"{name}.nii.gz"), read(f"labels_{name}.nii.gz")
    assert labels.GetPixelID() == sitk.sitkUInt8
    assert labels.GetSize() == image.GetSize()
    np.testing.assert_allclose(labels.GetOrigin(), image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(labels.GetDirection(), image.GetDirection(), atol=1e-6)
    assert set(np.unique(sitk.GetArrayViewFromImage(labels))) == set(range(12))


@pytest.mark.parametrize(
    ("key", "fixed", "moving"), [("ct-mr", "ct", "mr_t1"), ("deformed", "mr_t1_deformed", "mr_t1")]
)
def test_labels_agree_through_the_truth_and_not_without_it(key: str, fixed: str, moving: str) -> None:
    fixed_labels, moving_labels = read(f"labels_{fixed}.nii.gz"), read(f"labels_{moving}.nii.gz")

    def overlap(transform: sitk.Transform, labels: tuple[int, ...]) -> float:
        pulled = sitk.Resample(moving_labels, fixed_labels, transform, sitk.sitkNearestNeighbor)
        return dice(*(np.isin(sitk.GetArrayViewFromImage(image), labels) for image in (fixed_labels, pulled)))

    assert overlap(read_truth(key), BRAIN) > 0.94
    assert overlap(read_truth(key), BONE) > 0.9
    assert overlap(sitk.Transform(), BRAIN) < 0.85
    assert overlap(sitk.Transform(), BONE) < 0.5


def test_landmarks_map_onto_each_other_through_the_truth() -> None:
    fixed, moving, truth = points_of("landmarks_ct.csv"), points_of("landmarks_mr_t1.csv"), read_truth("ct-mr")
    assert list(fixed) == list(moving)
    assert len(fixed) >= 12
    for name, point in fixed.items():
        assert np.linalg.norm(np.subtract(truth.TransformPoint(point), moving[name])) < 0.01


@pytest.mark.parametrize("name", ["ct", "mr_t1"])
@pytest.mark.parametrize(
    ("landmark", "label"),
    [("eye_left", 11), ("eye_right", 11), ("lesion", 10), ("pons", 9), ("fourth_ventricle", 4), ("thalamus_left", 7)],
)
def test_landmarks_lie_in_the_tissue_they_are_called_after(name: str, landmark: str, label: int) -> None:
    labels = read(f"labels_{name}.nii.gz")
    assert labels[labels.TransformPhysicalPointToIndex(points_of(f"landmarks_{name}.csv")[landmark])] == label


def test_left_is_left() -> None:
    points = points_of("landmarks_ct.csv")
    assert points["eye_left"][0] > points["eye_right"][0]  # x grows to the left in LPS
    assert points["nose_tip"][1] < points["occipital_horn_left"][1]
    assert points["frontal_horn_left"][2] > points["pons"][2]


def test_truths_chain() -> None:
    point = (20.0, -30.0, 40.0)
    for through, direct in (("t1-t2", "ct-t2"), ("mr-pet", "ct-pet")):
        chained = read_truth(through).TransformPoint(read_truth("ct-mr").TransformPoint(point))
        np.testing.assert_allclose(chained, read_truth(direct).TransformPoint(point), atol=1e-6)


@pytest.mark.parametrize("key", ["ct-mr", "ct-t2", "ct-pet"])
def test_the_true_moves_are_not_trivial(key: str) -> None:
    truth = sitk.Euler3DTransform(read_truth(key))
    turn = np.degrees(np.arccos((np.trace(np.reshape(truth.GetMatrix(), (3, 3))) - 1) / 2))
    assert 8 < turn < 12
    assert 10 < np.linalg.norm(truth.GetTranslation()) < 15


def test_the_deformation_bends_by_8_mm_and_does_not_fold() -> None:
    image = read("mr_t1_deformed.nii.gz")
    affine, spline = (sitk.CompositeTransform(read_truth("deformed")).GetNthTransform(n) for n in (0, 1))
    assert (affine.GetName(), spline.GetName()) == ("AffineTransform", "BSplineTransform")
    grid = (image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection())
    shifts = sitk.TransformToDisplacementField(spline, sitk.sitkVectorFloat64, *grid)
    longest = np.linalg.norm(sitk.GetArrayViewFromImage(shifts), axis=-1).max()
    assert 7.5 < longest < 10
    whole = sitk.TransformToDisplacementField(read_truth("deformed"), sitk.sitkVectorFloat64, *grid)
    jacobian = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(whole))
    assert jacobian.min() > 0.5


@pytest.mark.parametrize(
    "name",
    ["pet.nii.gz", "labels.csv", "landmarks_mr_t1.csv", "truth_mr_t1_to_pet.tfm", "truth_mr_t1_deformed_to_mr_t1.tfm"],
)
def test_a_file_is_what_its_program_makes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_sample_volumes.main(["--check", name]) == 0
    assert capsys.readouterr().out == f"{name}: as made\n"


def test_two_makings_of_one_file_are_the_same_bytes() -> None:
    name = "landmarks_ct.csv"
    assert make_sample_volumes.FILES[name]() == make_sample_volumes.FILES[name]()


def test_the_check_notices_another_file() -> None:
    made = sample_path("truth_ct_to_mr_t1.tfm").read_bytes()
    other = sample_path("truth_ct_to_mr_t2.tfm").read_bytes()
    assert make_sample_volumes.same(made, made, "truth.tfm")
    assert not make_sample_volumes.same(made, other, "truth.tfm")


@pytest.mark.slow
def test_all_files_are_what_their_program_makes() -> None:
    assert make_sample_volumes.main(["--check"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("key", ["ct-mr", "ct-t2", "mr-pet", "t1-t2"])
@pytest.mark.parametrize("start", ["GEOMETRY", "MOMENTS"])
def test_plain_simpleitk_finds_the_truth_within_a_millimetre(key: str, start: str) -> None:
    fixed, moving = (sitk.Cast(read(name), sitk.sitkFloat32) for name in SAMPLES[key].files)
    if key.startswith("ct"):
        fixed = sitk.Clamp(fixed, sitk.sitkFloat32, -1000, 1000) + 1000
    mode = getattr(sitk.CenteredTransformInitializerFilter, start)
    transform = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), mode)
    for shrink, percentage, step in ((4, 0.5, 2.0), (2, 0.2, 0.5)):
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(50)
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(percentage, 1)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(step, 1e-3, 200)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(transform, True)
        method.MetricUseFixedImageGradientFilterOff()
        method.MetricUseMovingImageGradientFilterOff()
        transform = method.Execute(
            *(sitk.BinShrink(im, [max(1, round(1.6 * shrink / s)) for s in im.GetSpacing()]) for im in (fixed, moving))
        )
    points = list(points_of(f"landmarks_{SAMPLES[key].files[0].removesuffix('.nii.gz')}.csv").values())
    truth = read_truth(key)
    errors = [np.linalg.norm(np.subtract(transform.TransformPoint(p), truth.TransformPoint(p))) for p in points]
    assert np.mean(errors) < 1.0
