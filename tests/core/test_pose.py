"""Poses: the algebra of moving by hand, against SimpleITK's own transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.pose import STEPS, History, Pose
from napari_coreg.errors import GeometryError

lengths = st.floats(-200, 200)
points = st.tuples(lengths, lengths, lengths)
degrees = st.floats(-179, 179)
factors = st.floats(0.2, 5)
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


@st.composite
def poses(draw: Any) -> Pose:
    """Poses of volumes with axes in any direction, moved in every way."""
    axes = Pose.at((0, 0, 0)).rotated(draw(directions), draw(degrees)).rotation
    pose = Pose.at(draw(points), np.reshape(axes, (3, 3)) @ np.diag([1, 1, draw(st.sampled_from([1, -1]))]))
    pose = pose.rotated(draw(directions), draw(degrees)).translated(draw(points))
    pose = pose.scaled([draw(factors), draw(factors), draw(factors)])
    return pose.flipped(draw(st.integers(0, 2))) if draw(st.booleans()) else pose


def where(pose: Pose, point: Any) -> np.ndarray:
    """Where SimpleITK says that a point of the volume is now."""
    return np.array(pose.to_transform().GetInverse().TransformPoint(np.asarray(point, float).tolist()))


@given(poses(), points, points)
def test_a_translation_shifts_every_point_by_itself(pose: Pose, point: Any, shift: Any) -> None:
    np.testing.assert_allclose(where(pose.translated(shift), point) - where(pose, point), shift, atol=1e-6)


@given(poses(), directions, degrees)
def test_a_rotation_keeps_the_centre_and_is_that_of_sitk(pose: Pose, axis: Any, angle: float) -> None:
    turned = pose.rotated(axis, angle)
    np.testing.assert_allclose(where(turned, pose.centre_lps), pose.place_lps, atol=1e-6)
    truth = sitk.VersorRigid3DTransform()
    truth.SetCenter(pose.place_lps.tolist())
    truth.SetRotation((np.array(axis) / np.linalg.norm(axis)).tolist(), np.radians(angle))
    point = np.add(pose.centre_lps, (10.0, 20.0, 30.0))
    np.testing.assert_allclose(where(turned, point), truth.TransformPoint(where(pose, point).tolist()), atol=1e-6)


@given(poses(), directions, degrees, points)
def test_a_rotation_about_a_chosen_point_keeps_that_point(pose: Pose, axis: Any, angle: float, about: Any) -> None:
    there = pose.to_transform().TransformPoint(about)  # the point of the volume that lies at it
    np.testing.assert_allclose(where(pose.rotated(axis, angle, about), there), about, atol=1e-6)


@given(poses(), st.integers(0, 2), st.tuples(factors, factors, factors), points)
def test_scales_and_flips_about_a_point_keep_that_point(pose: Pose, axis: int, sizes: Any, about: Any) -> None:
    there = pose.to_transform().TransformPoint(about)
    np.testing.assert_allclose(where(pose.scaled(sizes, about), there), about, atol=1e-6)
    np.testing.assert_allclose(where(pose.flipped(axis, about), there), about, atol=1e-6)


@given(poses(), st.integers(0, 2), factors)
def test_a_scale_stretches_along_the_own_axis_of_the_volume(pose: Pose, axis: int, factor: float) -> None:
    sizes = np.ones(3)
    sizes[axis] = factor
    own = np.reshape(pose.axes, (3, 3))
    for index in range(3):
        ends = [pose.centre_lps, np.add(pose.centre_lps, own[:, index])]
        before, after = (np.subtract(*[where(each, end) for end in ends]) for each in (pose, pose.scaled(sizes)))
        np.testing.assert_allclose(after, before * sizes[index], atol=1e-6)


@given(poses(), st.integers(0, 2))
def test_a_flip_changes_the_handedness_and_two_are_none(pose: Pose, axis: int) -> None:
    flipped = pose.flipped(axis)
    assert np.linalg.det(flipped.matrix) * np.linalg.det(pose.matrix) < 0
    assert flipped.flipped(axis) == pose


@given(degrees, degrees, degrees)
def test_angles_come_back_as_they_were_given(x: float, y: float, z: float) -> None:
    pose = Pose.at((1, 2, 3)).with_angles((x, y, z))
    np.testing.assert_allclose(pose.angles((x, y, z)), (x, y, z), atol=1e-5)
    again = pose.with_angles(pose.angles())
    np.testing.assert_allclose(again.rotation, pose.rotation, atol=1e-9)


@given(st.sampled_from([0, 1, 2]), st.sampled_from([-1.0, 1.0]))
def test_angles_do_not_jump_through_a_whole_turn_about_one_axis(axis: int, sign: float) -> None:
    pose, shown = Pose.at((0, 0, 0)), (0.0, 0.0, 0.0)
    for step in range(1, 180):
        pose = pose.rotated(np.eye(3)[axis], sign)
        shown = pose.angles(shown)
        np.testing.assert_allclose(shown, sign * step * np.eye(3)[axis], atol=1e-5)


@given(degrees, st.sampled_from([-90.0, 90.0]))
def test_angles_are_right_where_two_axes_fall_together(x: float, y: float) -> None:
    pose = Pose.at((0, 0, 0)).with_angles((x, y, 20.0))
    np.testing.assert_allclose(pose.with_angles(pose.angles((x, y, 0.0))).rotation, pose.rotation, atol=1e-6)


@given(degrees, degrees)
def test_angles_are_those_of_sitks_euler_transform(x: float, z: float) -> None:
    truth = sitk.Euler3DTransform()
    truth.SetComputeZYX(True)
    truth.SetRotation(np.radians(x), 0.3, np.radians(z))
    pose = Pose.at((0, 0, 0)).with_angles((x, np.degrees(0.3), z))
    np.testing.assert_allclose(pose.rotation, truth.GetMatrix(), atol=1e-9)


@given(st.floats(-100, 100), st.floats(-100, 100), degrees)
def test_in_2_d_it_is_sitks_euler_transform(x: float, y: float, angle: float) -> None:
    pose = Pose.at((x, y)).rotated(None, angle).translated((3, 4))
    truth = sitk.Euler2DTransform((x, y), np.radians(angle), (3, 4))
    np.testing.assert_allclose(where(pose, (5.0, 6.0)), truth.TransformPoint((5.0, 6.0)), atol=1e-6)
    assert pose.angles() == pytest.approx((angle,))


def test_thousands_of_small_turns_leave_it_a_rotation() -> None:
    pose = Pose.at((0, 0, 0))
    for _ in range(3600):
        pose = pose.rotated((1, 2, 3), 0.1)
    np.testing.assert_allclose(np.reshape(pose.rotation, (3, 3)), np.eye(3), atol=1e-9)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(GeometryError, match="positive"):
        Pose.at((0, 0, 0)).scaled(scale)


def shifted(mm: float) -> Pose:
    return Pose.at((0, 0, 0)).translated((mm, 0, 0))


def test_history_goes_back_and_forth() -> None:
    history = History(shifted(0))
    history.add(shifted(1))
    history.add(shifted(2))
    assert history.undo() == shifted(1)
    assert history.undo() == history.undo() == shifted(0)
    assert not history.can_undo
    assert history.redo() == shifted(1)
    history.add(shifted(5))
    assert not history.can_redo
    assert history.redo() == shifted(5)


def test_what_belongs_to_one_step_is_taken_back_at_once() -> None:
    history = History(shifted(0))
    history.add(shifted(1))
    for mm in range(2, 10):
        history.add(shifted(mm), same_step=True)
    assert history.pose == shifted(9)
    assert history.undo() == shifted(0)


def test_the_beginning_is_never_replaced_and_no_change_is_no_step() -> None:
    history = History(shifted(0))
    history.add(shifted(0))
    assert not history.can_undo
    history.add(shifted(1), same_step=True)
    assert history.undo() == shifted(0)


def test_history_forgets_what_is_too_long_ago() -> None:
    history = History(shifted(0))
    for mm in range(1, STEPS + 50):
        history.add(shifted(mm))
    while history.can_undo:
        history.undo()
    assert history.pose == shifted(50)
