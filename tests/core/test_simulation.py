"""The truth of a simulation is where the moving volume shows what stood in the fixed one, and its size is as asked."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from napari_coreg.core import simulation
from napari_coreg.core.body_mask import body_mask
from napari_coreg.core.geometry import Grid
from napari_coreg.core.presets import load_preset
from napari_coreg.core.rigid_part import rigid_size
from napari_coreg.core.simulation import SimulatedMove, simulate, simulated_error
from napari_coreg.core.transforms import parts
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

OBLIQUE = Rotation.from_euler("xyz", (12.0, -7.0, 31.0), degrees=True).as_matrix()
DIRECTIONS = {"LPS": np.eye(3), "oblique": OBLIQUE, "left-handed": OBLIQUE @ np.diag([1.0, -1.0, 1.0])}
SPACING, SIZE = np.array((2.0, 2.5, 3.5)), np.array((64, 52, 40))
RADII = np.array((45.0, 48.0, 50.0))
AWAY = {"shift_mm": 0.0, "rotation_degrees": 0.0, "deformation_mm": 0.0, "noise": 0.0}
DOTS = np.array(
    [(0, 0, 0), (20, 5, -12), (-25, 10, 8), (4, -27, 15), (12, 18, 24), (-10, -15, -25.0)]
)  # from the middle


def volume_along(direction, dots=(), n=3):
    """A smooth body, and small bright dots in it at places given in mm from the middle, along the axes."""
    grid = Grid(
        tuple(SIZE[:n].tolist()),
        tuple(SPACING[:n].tolist()),
        (-30.0, 12.0, 55.0)[:n],
        tuple(np.ravel(direction).tolist()),
    )
    index = np.indices(grid.size_xyz[::-1]).reshape(n, -1).T[:, ::-1]
    along = (index - (SIZE[:n] - 1) / 2) * SPACING[:n]
    values = 1 / (1 + np.exp(12 * (np.linalg.norm(along / RADII[:n], axis=1) - 1)))
    values *= 100 + 10 * np.sin(along / 9).sum(axis=1)
    for dot in dots:
        values += 400 * np.exp(-0.5 * np.square((along - dot[:n]) / 4.5).sum(axis=1))
    image = sitk.GetImageFromArray(values.reshape(grid.size_xyz[::-1]).astype(np.float32))
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def points_lps(image, dots):
    n = image.GetDimension()
    return [
        image.TransformContinuousIndexToPhysicalPoint(((SIZE[:n] - 1) / 2 + dot[:n] / SPACING[:n]).tolist())
        for dot in dots
    ]


def brightest_near(image, point, radius_mm=14.0):
    """The centroid of what stands out of its surroundings."""
    index = np.array(image.TransformPhysicalPointToContinuousIndex(point))
    reach = radius_mm / np.array(image.GetSpacing())
    first, last = np.maximum(0, np.floor(index - reach)).astype(int), np.ceil(index + reach).astype(int) + 1
    last = np.minimum(last, image.GetSize())
    box = sitk.GetArrayFromImage(image)[tuple(slice(a, b) for a, b in zip(first[::-1], last[::-1], strict=True))]
    weight = np.clip(box - 250, 0, None)
    places = np.indices(box.shape).reshape(box.ndim, -1)[::-1]
    centre = (places * weight.ravel()).sum(axis=1) / weight.sum() + first
    return np.array(image.TransformContinuousIndexToPhysicalPoint(centre.tolist()))


class TestTruth:
    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_leads_to_where_bright_dots_are_in_the_moving_volume(self, direction):
        volume = volume_along(direction, DOTS)
        made = simulate(volume, SimulatedMove(noise=0, deformation_mm=6, smoothness_mm=50, seed=3))
        for point in points_lps(volume, DOTS):
            there = made.truth.TransformPoint(point)
            assert np.linalg.norm(np.subtract(there, point)) > 2
            np.testing.assert_allclose(brightest_near(made.moving, there), there, atol=0.6)  # a dot is bent, too

    @pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
    def test_pulls_the_moving_volume_back_onto_the_fixed_one(self, direction):
        volume = volume_along(direction)
        made = simulate(volume, SimulatedMove(noise=0, deformation_mm=6, smoothness_mm=50, seed=3))
        back = sitk.GetArrayFromImage(sitk.Resample(made.moving, volume, made.truth, sitk.sitkBSpline, -1))
        seen = binary_erosion(back != -1, iterations=2)
        off = np.abs(back - sitk.GetArrayFromImage(volume))[seen]
        assert off.max() < 2  # of 120; some 6 a millimetre
        assert off.mean() < 0.1

    @pytest.mark.parametrize(("deformation", "smoothness"), [(5, 40), (8, 50), (3, 20), (10, 80)])
    def test_is_undone_by_what_the_volume_was_sampled_through_to_a_hundredth_of_a_millimetre(
        self, deformation, smoothness
    ):
        volume = volume_along(OBLIQUE)
        made = simulate(volume, SimulatedMove(deformation_mm=deformation, smoothness_mm=smoothness, seed=1))
        assert 0 < made.sampling_error_mm < 0.01
        index = np.random.default_rng(0).uniform(0, np.array(volume.GetSize()) - 1, (400, 3))
        for point in map(volume.TransformContinuousIndexToPhysicalPoint, index.tolist()):
            back = made.backward.TransformPoint(made.truth.TransformPoint(point))
            assert np.linalg.norm(np.subtract(back, point)) < 0.01

    def test_moves_by_as_much_as_was_asked_for(self):
        volume = volume_along(OBLIQUE)
        move = SimulatedMove(rotation_degrees=7, shift_mm=12, deformation_mm=4, smoothness_mm=50, seed=5)
        spline, rigid = parts(simulate(volume, move).truth)
        assert rigid_size(rigid) == pytest.approx((12, 7), abs=1e-6)
        mask = body_mask(volume)
        inside = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
        points = [mask.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in inside[::7]]
        longest = max(np.linalg.norm(np.subtract(spline.TransformPoint(point), point)) for point in points)
        assert longest == pytest.approx(4, rel=0.06)

    def test_of_no_move_is_none_and_the_volume_is_the_same_on_another_grid(self):
        volume = volume_along(OBLIQUE)
        made = simulate(volume, SimulatedMove(**AWAY))
        assert made.truth.TransformPoint((1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)
        assert not np.allclose(made.moving.GetDirection(), volume.GetDirection(), atol=0.01)
        back = sitk.Resample(made.moving, volume, sitk.Transform(), sitk.sitkBSpline, -1)
        arrays = [sitk.GetArrayFromImage(image) for image in (back, volume)]
        seen = binary_erosion(arrays[0] != -1, iterations=2)
        assert np.abs(arrays[0] - arrays[1])[seen].max() < 2  # of 120: what two interpolations leave

    def test_holds_in_two_dimensions(self):
        dots = np.array([(0, 0), (28, -22), (-25, 24)])
        volume = volume_along(np.reshape((0.6, -0.8, 0.8, 0.6), (2, 2)), dots, n=2)
        made = simulate(volume, SimulatedMove(noise=0, deformation_mm=5, smoothness_mm=50, seed=2))
        for point in points_lps(volume, dots):
            there = made.truth.TransformPoint(point)
            np.testing.assert_allclose(brightest_near(made.moving, there), there, atol=0.4)


class TestSeed:
    def test_the_same_gives_the_same_bit_for_bit(self):
        one, other = (simulate(volume_along(OBLIQUE), SimulatedMove(seed=4, intensity="gamma")) for _ in range(2))
        assert np.array_equal(*(sitk.GetArrayViewFromImage(made.moving) for made in (one, other)))
        assert Grid.of(one.moving) == Grid.of(other.moving)
        assert one.truth.TransformPoint((1.0, 2.0, 3.0)) == other.truth.TransformPoint((1.0, 2.0, 3.0))

    def test_another_gives_another_and_noise_changes_no_geometry(self):
        volume = volume_along(OBLIQUE)
        made = [
            simulate(volume, SimulatedMove(seed=s, noise=n, deformation_mm=0)) for s, n in ((1, 0), (2, 0), (1, 0.1))
        ]
        places = [one.truth.TransformPoint((1.0, 2.0, 3.0)) for one in made]
        assert places[0] != places[1]
        assert places[0] == places[2]
        assert Grid.of(made[0].moving) == Grid.of(made[2].moving)


class TestValues:
    def test_noise_is_as_strong_as_asked_for_and_values_stay_otherwise(self):
        volume = volume_along(OBLIQUE)
        clean, noisy = (simulate(volume, SimulatedMove(**{**AWAY, "noise": noise})).moving for noise in (0, 0.05))
        values = sitk.GetArrayViewFromImage(volume)
        low, high = np.percentile(values, (0.5, 99.5))
        difference = np.subtract(*(sitk.GetArrayFromImage(image) for image in (noisy, clean)))
        assert difference.std() == pytest.approx(0.05 * (high - low), rel=0.02)
        assert abs(difference.mean()) < 0.001 * (high - low)
        found = sitk.GetArrayViewFromImage(clean)
        assert (found.min(), found.max()) == pytest.approx((values.min(), values.max()), abs=0.05 * (high - low))

    def test_a_gamma_keeps_the_order_of_brightness_and_a_remap_does_not(self):
        volume = volume_along(OBLIQUE)
        plain, gamma, remap = (
            sitk.GetArrayFromImage(simulate(volume, SimulatedMove(**AWAY, intensity=kind)).moving).ravel()
            for kind in ("none", "gamma", "remap")
        )
        order = np.argsort(plain)
        assert (np.diff(gamma[order]) >= -1e-3).all()
        assert not np.allclose(gamma, plain, atol=5)
        steps = np.diff(remap[order])
        assert steps.max() > 0 > steps.min()
        assert abs(np.corrcoef(plain[plain > 50], remap[plain > 50])[0, 1]) > 0.3


class TestError:
    @pytest.mark.slow
    def test_is_how_far_the_found_transform_is_from_the_truth_by_simpleitks_own_mapping(self):
        volume = volume_along(OBLIQUE, DOTS)
        outcome = simulated_error(volume, "rigid", SimulatedMove(seed=3, deformation_mm=3, smoothness_mm=50))
        assert outcome.after.mean_mm < 1.5
        assert outcome.before.mean_mm > 5
        assert outcome.map_mm.GetSize() == volume.GetSize()
        for index in ((30, 25, 20), (20, 20, 15), (40, 30, 24)):
            point = volume.TransformIndexToPhysicalPoint(index)
            there = [one.TransformPoint(point) for one in (outcome.result.transform, outcome.truth)]
            assert outcome.map_mm.GetPixel(index) == pytest.approx(np.linalg.norm(np.subtract(*there)), abs=1e-3)
        values = sitk.GetArrayViewFromImage(outcome.map_mm)
        inside = values[values > 0]
        assert outcome.after.maximum_mm == inside.max()
        assert outcome.after.voxels == pytest.approx(inside.size, abs=2)

    def test_is_none_where_the_truth_is_found(self, monkeypatch):
        volume, move = volume_along(OBLIQUE), SimulatedMove(seed=3, deformation_mm=0)
        truth = simulate(volume, move).truth
        real = simulation.register
        recipe = load_preset("translation").model_copy(update={"initialization": "given"})

        def found(*arguments, **named):
            result = real(*arguments, **named)
            return type(result)(**{**vars(result), "transform": truth})

        monkeypatch.setattr(simulation, "register", found)
        outcome = simulated_error(volume, recipe, move)
        assert outcome.after.maximum_mm == 0
        assert outcome.before.maximum_mm > 5

    def test_counts_in_the_mask_only(self):
        volume = volume_along(OBLIQUE, DOTS)
        mask = sitk.Image(volume.GetSize(), sitk.sitkUInt8)
        mask.CopyInformation(volume)
        mask[20:30, 20:30, 10:20] = 1
        move = SimulatedMove(seed=1, deformation_mm=0)
        outcome = simulated_error(volume, "rigid", move, mask=mask)
        assert outcome.before.voxels == outcome.after.voxels == 1000
        assert np.count_nonzero(sitk.GetArrayViewFromImage(outcome.map_mm)) <= 1000

    def test_is_told_on_the_way_and_can_be_cancelled(self):
        volume = volume_along(OBLIQUE, DOTS)
        fractions: list[float] = []
        move = SimulatedMove(deformation_mm=0)
        simulated_error(volume, "rigid", move, on_fraction=fractions.append)
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        with pytest.raises(RegistrationCancelled):
            simulated_error(volume, "rigid", move, is_cancelled=lambda: True)


class TestRefusals:
    @pytest.mark.slow
    def test_of_deformations_that_would_fold(self):
        with pytest.raises(GeometryError, match="press tissue flat"):
            simulate(volume_along(np.eye(3)), SimulatedMove(deformation_mm=40, smoothness_mm=30))

    def test_of_smoothness_too_fine_for_the_volume(self):
        with pytest.raises(GeometryError, match="too fine for a volume of 128 x 130 x 140 mm; choose"):
            simulate(volume_along(np.eye(3)), SimulatedMove(smoothness_mm=1))

    def test_of_volumes_without_anything(self):
        with pytest.raises(VolumeError, match="every voxel is 0"):
            simulate(sitk.Image([20, 20, 20], sitk.sitkFloat32), SimulatedMove())
