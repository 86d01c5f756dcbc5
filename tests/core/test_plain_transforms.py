"""Transforms as plain data: the same to the last bit, also by way of a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from napari_coreg.core.plain_transforms import (
    as_saved,
    from_plain,
    start_to_record,
    to_plain,
    transform_fingerprint,
)
from napari_coreg.core.transforms import from_matrix
from napari_coreg.io.transforms import read_transform, write_transform

POINTS = [(0.0, 0.0, 0.0), (11.0, -7.0, 93.0), (-250.0, 31.0, 4.0)]
angles = st.floats(-3.1, 3.1)
shifts = st.floats(-300.0, 300.0)


def turned(a: float, b: float, c: float, shift: float) -> sitk.Transform:
    euler = sitk.Euler3DTransform((3.0, -4.0, 50.0), a, b, c, (shift, 1.0, -shift))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(euler.GetMatrix(), (3, 3))
    matrix[:3, 3] = euler.TransformPoint((0.0, 0.0, 0.0))
    return from_matrix(matrix, np.array([10.0, 20.0, 30.0]))


def spline() -> sitk.Transform:
    transform = sitk.BSplineTransformInitializer(sitk.Image([12, 11, 10], sitk.sitkUInt8), [2, 2, 2])
    transform.SetParameters(np.random.default_rng(0).normal(size=len(transform.GetParameters())).tolist())
    return transform


def field() -> sitk.Transform:
    values = np.random.default_rng(1).normal(size=(5, 6, 7, 3))
    return sitk.DisplacementFieldTransform(sitk.GetImageFromArray(values, isVector=True))


LINEAR = [
    sitk.TranslationTransform(2, (1.0, 2.0)),
    sitk.Euler2DTransform((1.0, 2.0), 0.3, (4.0, 5.0)),
    sitk.Similarity2DTransform(1.1, 0.3, (4.0, 5.0)),
    turned(0.1, 0.2, 0.3, 5.0),
    sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.1, 0.2, 0.3, (4.0, 5.0, 6.0)),
    sitk.Similarity3DTransform(1.1, (0, 0.6, 0.8), 0.4, (4.0, 5.0, 6.0)),
    sitk.AffineTransform((1, 0.1, 0, 0, 1.2, 0, 0, 0.3, 1), (1, 2, 3), (4, 5, 6)),
    sitk.ScaleTransform(3, (1.0, 2.0, 3.0)),
    sitk.Transform(3, sitk.sitkIdentity),
    sitk.CompositeTransform([sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), sitk.Euler3DTransform((1, 2, 3), 0.4)]),
]


@pytest.mark.parametrize("transform", LINEAR, ids=lambda transform: transform.GetName())
def test_a_linear_transform_comes_back_from_json_to_the_last_bit(transform):
    back = from_plain(json.loads(json.dumps(to_plain(transform))))
    assert transform_fingerprint(back) == transform_fingerprint(transform)
    for point in (point[: transform.GetDimension()] for point in POINTS):
        np.testing.assert_allclose(back.TransformPoint(point), transform.TransformPoint(point), atol=1e-10)


@given(angles, angles, angles, shifts)
def test_a_start_maps_points_as_it_does_when_it_is_read_back_bit_for_bit(tmp_path_factory, a, b, c, shift):
    start = as_saved(turned(a, b, c, shift))
    path = tmp_path_factory.mktemp("start") / "start.h5"
    write_transform(start, path)
    back = read_transform(path)
    assert transform_fingerprint(back) == transform_fingerprint(start)
    assert [back.TransformPoint(point) for point in POINTS] == [start.TransformPoint(point) for point in POINTS]


@pytest.mark.parametrize("transform", [spline(), field(), sitk.CompositeTransform([LINEAR[3], spline()])])
def test_a_deformation_has_a_fingerprint_that_a_file_keeps_and_no_plain_form(transform, tmp_path):
    write_transform(transform, tmp_path / "t.h5")
    assert transform_fingerprint(read_transform(tmp_path / "t.h5")) == transform_fingerprint(transform)
    assert to_plain(transform) is None
    assert as_saved(transform) is transform
    assert start_to_record(transform)["parts"] is None


def test_another_last_bit_is_another_fingerprint():
    first = sitk.TranslationTransform(3, (1.0, 2.0, 3.0))
    second = sitk.TranslationTransform(3, (1.0, 2.0, float(np.nextafter(3.0, 4.0))))
    assert transform_fingerprint(first) != transform_fingerprint(second)
    changed = sitk.DisplacementFieldTransform(field())
    displaced = changed.GetDisplacementField()
    values = sitk.GetArrayFromImage(displaced)
    values[4, 5, 6, 2] = np.nextafter(values[4, 5, 6, 2], 9)
    other = sitk.DisplacementFieldTransform(sitk.GetImageFromArray(values, isVector=True))
    assert transform_fingerprint(other) != transform_fingerprint(field())


def test_the_order_of_parts_counts():
    one, two = sitk.TranslationTransform(3, (1.0, 0, 0)), sitk.Euler3DTransform((0, 0, 0), 0.4)
    assert transform_fingerprint(sitk.CompositeTransform([one, two])) != transform_fingerprint(
        sitk.CompositeTransform([two, one])
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "Transform"},
        {"kind": "ReadTransform"},
        {"kind": "Euler3DTransform", "parameters": [1.0]},
        {"parameters": "xyz"},
        {"dimension": None},
        {"fixed_parameters": None},
    ],
)
def test_what_is_no_transform_is_refused(damage):
    plain = to_plain(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)))
    with pytest.raises(ValueError, match=r"transform|convert"):
        from_plain([{**plain[0], **damage}])
    del plain[0]["parameters"]
    with pytest.raises(ValueError, match="not a readable transform"):
        from_plain(plain)


def test_a_transform_has_at_least_one_part():
    with pytest.raises(ValueError, match="at least one part"):
        from_plain([])
