"""Pictures of a report: what is on the patient's left is beside the letter L, whatever the grid."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from napari_coreg.core.colour_tables import ON_FIXED, ON_MOVED, Scale, scale_around_one
from napari_coreg.core.geometry import Grid
from napari_coreg.core.pictures import planes
from napari_coreg.core.report_pictures import bar_of, letters_of, maps, outlines, overlays, where_to_look

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)
OBLIQUE = Rotation.from_euler("xyz", (12, -17, 25), degrees=True).as_matrix()
DIRECTIONS = {
    "LPS": np.eye(3),
    "left-handed": np.diag([-1.0, 1.0, 1.0]),
    "oblique": OBLIQUE,
    "oblique, left-handed, sagittal": OBLIQUE @ np.array([[0.0, 0, -1], [1, 0, 0], [0, 1, 0]]),
}
SPACING = (1.0, 1.5, 2.5)


def volume(direction, values_of):
    """A volume of 60 mm about (5, -7, 11) with values of the points in LPS."""
    size = np.rint(60 / np.array(SPACING)).astype(int)
    origin = np.array((5.0, -7.0, 11.0)) - direction @ ((size - 1) / 2 * np.array(SPACING))
    grid = Grid(tuple(size.tolist()), SPACING, tuple(origin.tolist()), tuple(direction.ravel().tolist()))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1)
    image = sitk.GetImageFromArray(np.asarray(values_of(grid.to_lps(index.astype(float)))).T)
    image.SetSpacing(SPACING)
    image.SetOrigin(grid.origin_lps)
    image.SetDirection(grid.direction)
    return image


def ball(direction, centre, radius=5.0, kind=np.uint8):
    return volume(direction, lambda p: (np.linalg.norm(p - np.array(centre), axis=-1) < radius).astype(kind))


def where(figure, colour):
    """Row and column of the middle of what is painted in one colour."""
    rows, columns = np.nonzero((np.abs(figure.pixels / 255 - colour) < 0.01).all(axis=-1))
    assert len(rows) > 0
    return rows.mean(), columns.mean()


def pixel_of(plane, point):
    """Where SimpleITK says that a point lies in a plane: row, column."""
    flat = sitk.Image(list(plane.grid.size_xyz), sitk.sitkUInt8)
    flat.SetSpacing(plane.grid.spacing_xyz)
    flat.SetOrigin(plane.grid.origin_lps)
    flat.SetDirection(plane.grid.direction)
    column, row, _ = flat.TransformPhysicalPointToContinuousIndex([float(x) for x in point])
    return row, column


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_planted_ball_is_at_its_pixel_and_beside_its_letters(direction):
    middle = np.array((5.0, -7.0, 11.0))
    left_anterior_superior = middle + np.array((14.0, -12.0, 13.0))
    labels = ball(direction, left_anterior_superior)
    fixed = volume(direction, lambda p: p[..., 0].astype(np.float32))
    at = planes(Grid.of(fixed), left_anterior_superior, 240)
    nothing = labels * 0
    for plane, figure in zip(at, outlines(fixed, labels, nothing, IDENTITY, at), strict=True):
        row, column = where(figure, ON_FIXED)
        assert (row, column) == pytest.approx(pixel_of(plane, left_anterior_superior), abs=6)  # a voxel is 10 wide
        high, wide = figure.pixels.shape[:2]
        on_left, on_right, on_top, on_bottom = figure.letters
        beside = (on_right if column > wide / 2 else on_left)[0] + (on_bottom if row > high / 2 else on_top)[0]
        assert set(beside) <= set("LAS")


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_moved_labels_are_where_the_transform_puts_them(direction):
    middle = np.array((5.0, -7.0, 11.0))
    fixed = volume(direction, lambda p: p[..., 0].astype(np.float32))
    fixed_labels = ball(direction, middle)
    moving_labels = ball(DIRECTIONS["oblique"], middle + np.array((8.0, 0.0, 0.0)))
    at = planes(Grid.of(fixed), middle, 240)
    before = outlines(fixed, fixed_labels, moving_labels, IDENTITY, at)
    after = outlines(fixed, fixed_labels, moving_labels, sitk.TranslationTransform(3, (8.0, 0.0, 0.0)), at)
    assert where(before[0], ON_MOVED) == pytest.approx(pixel_of(at[0], middle + np.array((8.0, 0.0, 0.0))), abs=8)
    assert where(after[0], ON_MOVED) == pytest.approx(pixel_of(at[0], middle), abs=12)  # 8 mm are 32 pixels


def test_letters_are_those_that_radiologists_expect():
    axial, coronal, sagittal = planes(Grid.of(ball(np.eye(3), (0, 0, 0))), np.zeros(3), 100)
    assert letters_of(axial) == ("R", "L", "A", "P")
    assert letters_of(coronal) == ("R", "L", "S", "I")
    assert letters_of(sagittal) == ("A", "P", "S", "I")


def test_the_scale_bar_is_as_long_as_it_says():
    fixed = volume(np.eye(3), lambda p: p[..., 2].astype(np.float32) * 0 + 1)
    at = planes(Grid.of(fixed), np.zeros(3), 480)
    assert bar_of(at[0]) == 20
    (figure, *_) = maps(fixed, fixed, Scale(0, 1e9), at)
    row = figure.pixels[figure.pixels.shape[0] - 8]  # through the middle of the bar
    white = (row == 255).all(axis=-1)
    assert white.sum() * at[0].grid.spacing_xyz[0] == pytest.approx(20, abs=0.2)


def test_a_map_has_the_colours_of_its_scale_and_shows_the_volume_where_it_has_no_value():
    fixed = volume(np.eye(3), lambda p: np.ones(p.shape[:-1], np.float32))
    values = volume(np.eye(3), lambda p: np.where(p[..., 0] > 5, 2.0, np.nan).astype(np.float32))
    scale = Scale(0, 4)
    at = planes(Grid.of(fixed), np.array((5.0, -7.0, 11.0)), 240)
    axial = maps(fixed, values, scale, at)[0].pixels
    assert axial[60, 200] == pytest.approx(scale.colours(np.array(2.0)) * 255, abs=1)
    assert len(set(axial[60, 60].tolist())) == 1  # grey


def test_one_folded_voxel_is_seen():
    fixed = volume(np.eye(3), lambda p: p[..., 0].astype(np.float32))
    folded = sitk.Image(fixed.GetSize(), sitk.sitkUInt8)
    folded.CopyInformation(fixed)
    folded[20, 20, 12] = 1
    at = planes(Grid.of(fixed), np.array(fixed.TransformIndexToPhysicalPoint((20, 20, 12))), 240)
    for figure in maps(fixed, fixed * 0 + 1, Scale(0.5, 2, around_one=True), at, folded):
        row, column = where(figure, (1.0, 0.88, 0.0))
        assert (row, column) == pytest.approx(
            pixel_of(at[[p.name for p in at].index(figure.plane)], fixed.TransformIndexToPhysicalPoint((20, 20, 12))),
            abs=2,
        )


def test_planes_go_through_the_labels_where_there_are_any():
    direction = DIRECTIONS["oblique"]
    fixed = volume(direction, lambda p: p[..., 0].astype(np.float32))
    centre = np.array((17.0, 3.0, 0.0))
    labels = ball(np.eye(3), centre)
    for plane in where_to_look(fixed, fixed, IDENTITY, labels):
        normal = np.reshape(plane.grid.direction, (3, 3))[:, 2]
        assert abs(np.dot(normal, centre - plane.grid.centre_lps)) < 0.7
    assert len(where_to_look(fixed, fixed, IDENTITY, labels * 0)) == 3


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_pictures_show_all_of_a_body_and_little_of_the_air(direction):
    centre = np.array((5.0, -7.0, 11.0)) + direction @ np.array((10.0, -6.0, 4.0))
    body = ball(direction, centre, radius=9.0, kind=np.float32) + 0.01 * volume(
        direction, lambda p: np.sin(p[..., 0]).astype(np.float32)
    )
    for plane in where_to_look(body, body, IDENTITY):
        wide, high = (n * plane.grid.spacing_xyz[0] for n in plane.grid.size_xyz[:2])
        assert min(wide, high) > 2 * 9 + 10
        assert max(wide, high) < 60
        row, column = pixel_of(plane, centre)
        for at, count in ((column, plane.grid.size_xyz[0]), (row, plane.grid.size_xyz[1])):
            assert 9 / plane.grid.spacing_xyz[0] < at < count - 9 / plane.grid.spacing_xyz[0]


def test_overlays_of_a_2d_image_have_no_letters():
    image = sitk.GaussianSource(sitk.sitkFloat32, [30, 20], [5, 5], [15, 10])
    identity = sitk.Transform(2, sitk.sitkIdentity)
    at = where_to_look(image, image, identity)
    ((board,), (edges,)) = overlays(image, image, identity, at)
    assert board.letters == edges.letters == ()
    assert board.pixels.shape == (320, 480, 3)
    labels = sitk.BinaryThreshold(image, 100, 1e9)
    assert len(outlines(image, labels, labels, identity, at)) == 1


def test_scales_tell_values_apart_and_half_is_as_far_from_one_as_double():
    rising = Scale(0, 10).bar()[0].astype(int)
    assert (np.abs(np.diff(rising[::16], axis=0)).sum(axis=1) > 5).all()
    scale = scale_around_one(np.exp(np.linspace(-0.5, 0.5, 101)))
    assert scale.low == pytest.approx(1 / scale.high)
    assert scale.colours(np.array(1.0)) == pytest.approx([0.93, 0.93, 0.93], abs=0.02)
    shrinks, swells = scale.colours(np.array([1 / 1.3, 1.3]))
    assert shrinks[2] > shrinks[0]
    assert swells[0] > swells[2]
    assert scale.colours(np.array([-3.0, np.nan]))[0] == pytest.approx(scale.colours(np.array(scale.low)))
