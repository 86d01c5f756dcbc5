"""Index axes in the order of the world axes they run along, as napari needs them to scroll; nothing is resampled."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import SimpleITK as sitk


def upright(image: sitk.Image) -> sitk.Image:
    """Return the same volume with its index axes in the order of the LPS axes they run along; nothing is resampled.

    napari's 2-D view cannot scroll through a layer whose affine swaps axes, as that of a sagittal series does.

    Examples
    --------
    >>> image = sitk.Image([4, 5, 6], sitk.sitkUInt8)
    >>> image.SetDirection([0, 0, 1, 1, 0, 0, 0, 1, 0])
    >>> upright(image).GetSize()
    (6, 4, 5)
    """
    order = upright_order(image.GetDirection())
    return image if order == tuple(range(len(order))) else sitk.PermuteAxes(image, order)


def upright_order(direction: tuple[float, ...]) -> tuple[int, ...]:
    """Return which index axis, xyz, runs along each of the LPS axes; `direction` is a grid's, row-major.

    Examples
    --------
    >>> upright_order((0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    (2, 0, 1)
    """
    n = round(len(direction) ** 0.5)
    along = np.abs(np.reshape(direction, (n, n)))
    return max(permutations(range(n)), key=lambda axes: sum(along[k, axis] for k, axis in enumerate(axes)))
