"""Errors at landmarks against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg.core.target_error import target_registration_error
from napari_coreg.errors import GeometryError


def test_target_registration_error_counts_from_where_the_transform_puts_fixed_points():
    p = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    q = np.add(p, [[10, 0, 0], [10, 3, 0], [10, 0, 4], [10, 6, 8]])
    found = target_registration_error(sitk.TranslationTransform(3, (10.0, 0.0, 0.0)), p, q)
    assert found.errors_mm == pytest.approx((0, 3, 4, 10))
    assert (found.mean, found.median, found.maximum) == pytest.approx((4.25, 3.5, 10))
    assert found.p95 == pytest.approx(np.percentile([0, 3, 4, 10], 95))


@pytest.mark.parametrize("shapes", [((2, 3), (3, 3)), ((0, 3), (0, 3)), ((2, 2), (2, 2)), ((3,), (3,))])
def test_target_registration_error_refuses_points_that_do_not_correspond(shapes):
    with pytest.raises(GeometryError, match="same landmarks in the same order"):
        target_registration_error(sitk.TranslationTransform(3), *(np.zeros(shape) for shape in shapes))
