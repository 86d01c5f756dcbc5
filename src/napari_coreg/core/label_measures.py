"""How well labelled structures lie on each other: overlap, distance of their surfaces, volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from napari_coreg.core.geometry import Grid
from napari_coreg.core.surface_distance import surface_distances, weighted_percentile
from napari_coreg.errors import GeometryError, RegistrationCancelled, VolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

_LARGEST_LABEL = 2**31 - 1
_TABLE = 2**20  # labels up to here are found by a table, which sorting 256^3 voxels takes ten times as long for


@dataclass(frozen=True)
class LabelMeasures:
    """How well one structure, A in the fixed labels and B in the moved ones, lies on itself.

    Distances are between the surfaces of A and B as `surface_distance.surface_distances` describes them: surface
    elements at the corners of voxels, each weighted with its area, as in DeepMind's package surface-distance. Corners
    lie on both sides of the true surface, so distances come out up to half a voxel short. A structure that the edge of
    the volume cuts off has a surface there.

    Attributes
    ----------
    label : int
        Its value.
    dice : float
        2 |A and B| / (|A| + |B|), 0 (apart) to 1 (the same).
    jaccard : float
        |A and B| / |A or B|, 0 to 1; dice / (2 - dice).
    hausdorff_95_mm : float or None
        The larger of two distances, mm: that which 95 % of the surface of A are at most away from the surface of B, and
        the other way round; 0 is best. None where one of the two lacks the structure.
    mean_surface_distance_mm : float or None
        Mean of the distances from both surfaces to each other, mm, over the area of both; 0 is best. Also known as
        average symmetric surface distance, and mean distance to agreement. None where one of the two lacks the
        structure.
    fixed_volume_ml, moved_volume_ml : float
        Number of voxels times the volume of one, ml; 0 where it is missing. In 2-D, of pixels 1 mm thick.
    volume_change : float or None
        (moved - fixed) / fixed volume, -1 or more; 0 is the same. None where the fixed labels lack it.

    References
    ----------
    Dice, "Measures of the amount of ecologic association between species", Ecology 26, 1945; Jaccard, "The distribution
    of the flora in the alpine zone", New Phytologist 11, 1912; Huttenlocher, Klanderman and Rucklidge, "Comparing
    images using the Hausdorff distance", IEEE TPAMI 15, 1993; Heimann et al., "Comparison and evaluation of methods for
    liver segmentation from CT datasets", IEEE TMI 28, 2009; Nikolov et al., "Clinically applicable segmentation of head
    and neck anatomy for radiotherapy", J Med Internet Res 23, 2021 (weighted surface elements).
    """

    label: int
    dice: float
    jaccard: float
    hausdorff_95_mm: float | None
    mean_surface_distance_mm: float | None
    fixed_volume_ml: float
    moved_volume_ml: float
    volume_change: float | None

    @property
    def missing_in(self) -> Literal["fixed", "moved"] | None:
        """Which of the two lacks the structure; None where both have it."""
        if self.fixed_volume_ml == 0:
            return "fixed"
        return "moved" if self.moved_volume_ml == 0 else None


def compare_labels(
    fixed_labels: sitk.Image,
    moved_labels: sitk.Image,
    *,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> dict[int, LabelMeasures]:
    """Measure every label but 0.

    Parameters
    ----------
    fixed_labels, moved_labels : SimpleITK.Image
        Whole numbers, on one grid (resample the moving labels with "nearest" or "label" first).
    on_fraction : callable, optional
        Called with the part that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between two labels.

    Returns
    -------
    dict of int to LabelMeasures
        By rising label; also of labels that only one of the two has.

    Raises
    ------
    GeometryError
        If the grids differ.
    VolumeError
        If the values are not whole numbers, or there is no label but 0.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> labels = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    >>> labels[2:6, 2:6, 2:6] = 1
    >>> moved = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    >>> moved[3:7, 2:6, 2:6] = 1
    >>> found = compare_labels(labels, moved)[1]
    >>> found.dice, found.hausdorff_95_mm, found.fixed_volume_ml
    (0.75, 1.0, 0.064)
    """
    pair = _LabelPair(fixed_labels, moved_labels)
    found = {}
    for done, label in enumerate(pair.labels):
        if is_cancelled is not None and is_cancelled():
            raise RegistrationCancelled("looking at the labels was cancelled")
        found[label] = pair.measure(done + 1)
        if on_fraction is not None:
            on_fraction((done + 1) / len(pair.labels))
    return found


def dice_per_label(fixed_labels: sitk.Image, moved_labels: sitk.Image) -> dict[int, float]:
    """Return Dice's coefficient of every label but 0.

    2 |A and B| / (|A| + |B|), from 0 (apart) to 1 (the same); 0 for a label that only one of the two has.

    Parameters
    ----------
    fixed_labels, moved_labels : SimpleITK.Image
        Whole numbers, on one grid (resample the moving labels with "nearest" or "label" first).

    Returns
    -------
    dict of int to float
        By rising label.

    Raises
    ------
    GeometryError
        If the grids differ.
    VolumeError
        If the values are not whole numbers, or there is no label but 0.

    References
    ----------
    Dice, "Measures of the amount of ecologic association between species", Ecology 26, 1945.
    """
    pair = _LabelPair(fixed_labels, moved_labels)
    return {label: pair.dice(number) for number, label in enumerate(pair.labels, start=1)}


def labels_of(image: sitk.Image, role: str) -> list[int]:
    """Return the labels of a volume but 0, rising.

    Parameters
    ----------
    image : SimpleITK.Image
        Whole numbers.
    role : str
        What to call it in errors: "fixed" or "moving".

    Raises
    ------
    VolumeError
        If the values are not whole numbers.
    """
    found = _values_of(_as_labels(image, role))
    return [int(value) for value in found[found != 0]]


class _LabelPair:
    """Two volumes of labels on one grid, with the labels that either has numbered from 1."""

    def __init__(self, fixed_labels: sitk.Image, moved_labels: sitk.Image) -> None:
        a, b = _as_labels(fixed_labels, "fixed"), _as_labels(moved_labels, "moving")
        if not fixed_labels.IsSameImageGeometryAs(moved_labels):
            raise GeometryError("the fixed and the moved labels lie on different grids; resample one onto the other")
        found = np.union1d(_values_of(a), _values_of(b))
        self.labels: list[int] = found[found != 0].tolist()
        if not self.labels:
            raise VolumeError("neither volume has a label other than 0, so there is no overlap to measure")
        self._a, self._b = _numbered(a, self.labels), _numbered(b, self.labels)
        self._spacing = Grid.of(fixed_labels).spacing_xyz[::-1]
        self._in_a, self._in_b, self._common = _counted(self._a, self._b, len(self.labels) + 1)
        self._boxes: list[list[Any]] | None = None

    def dice(self, number: int) -> float:
        in_both, in_a, in_b = self._counts(number)
        return 2 * in_both / (in_a + in_b)

    def measure(self, number: int) -> LabelMeasures:
        in_both, in_a, in_b = self._counts(number)
        hausdorff_95, mean = self._distances(number) if in_a and in_b else (None, None)
        voxel_ml = float(np.prod(self._spacing)) / 1000
        return LabelMeasures(
            label=self.labels[number - 1],
            dice=self.dice(number),
            jaccard=in_both / (in_a + in_b - in_both),
            hausdorff_95_mm=hausdorff_95,
            mean_surface_distance_mm=mean,
            fixed_volume_ml=in_a * voxel_ml,
            moved_volume_ml=in_b * voxel_ml,
            volume_change=(in_b - in_a) / in_a if in_a else None,
        )

    def _counts(self, number: int) -> tuple[int, int, int]:
        return int(self._common[number]), int(self._in_a[number]), int(self._in_b[number])

    def _distances(self, number: int) -> tuple[float, float]:
        if self._boxes is None:
            self._boxes = [ndimage.find_objects(numbers, len(self.labels)) for numbers in (self._a, self._b)]
        of_a, of_b = (boxes[number - 1] for boxes in self._boxes)
        box = tuple(
            slice(min(one.start, other.start), max(one.stop, other.stop)) for one, other in zip(of_a, of_b, strict=True)
        )
        from_a, areas_a, from_b, areas_b = surface_distances(
            self._a[box] == number, self._b[box] == number, self._spacing
        )
        ends = weighted_percentile(from_a, areas_a, 95), weighted_percentile(from_b, areas_b, 95)
        mean = (from_a @ areas_a + from_b @ areas_b) / (areas_a.sum() + areas_b.sum())
        return max(ends), float(mean)


def _as_labels(image: sitk.Image, role: str) -> NDArray[np.int32]:
    values = sitk.GetArrayViewFromImage(image)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise VolumeError(f"the {role} labels are not whole numbers; give a volume of labels, not of intensities")
    low, high = values.min(), values.max()
    if low < 0 or high > _LARGEST_LABEL:
        raise VolumeError(f"the {role} labels go from {low} to {high}; use 0 to {_LARGEST_LABEL}")
    numbers: NDArray[np.int32] = values.astype(np.int32, copy=False)
    return numbers


def _values_of(values: NDArray[np.int32]) -> NDArray[np.int64]:
    if values.max() < _TABLE:
        from napari_coreg.core.measuring.label_kernels import mark_values  # noqa: PLC0415 - numba takes 0.5 s

        is_there = np.zeros(int(values.max()) + 1, np.bool_)
        mark_values(np.ascontiguousarray(values).reshape(-1), is_there)
        return np.flatnonzero(is_there)
    return np.unique(values).astype(np.int64)


def _counted(a: NDArray[np.int32], b: NDArray[np.int32], numbers: int) -> NDArray[np.int64]:
    """Return how many voxels have each number in a, in b, and in both, shape (3, numbers)."""
    from napari_coreg.core.measuring.label_kernels import count_numbers  # noqa: PLC0415 - numba takes 0.5 s

    counts = np.zeros((3, numbers), np.int64)
    count_numbers(a.reshape(-1), b.reshape(-1), counts)
    return counts


def _numbered(values: NDArray[np.int32], labels: list[int]) -> NDArray[np.int32]:
    """Return the place, from 1, of each value in the rising labels; 0 for 0."""
    if labels[-1] < _TABLE:
        table = np.zeros(labels[-1] + 1, np.int32)
        table[labels] = np.arange(1, len(labels) + 1)
        numbers: NDArray[np.int32] = table[values]
        return numbers
    places = np.searchsorted(labels, values) + 1
    return np.where(values == 0, 0, places).astype(np.int32)
