"""Parallel slices, wherever they lie along their normal and in their plane, made into one right-angled volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.io.loaded import plural
from napari_coreg.io.rectify import rounded_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_EVEN = 0.02  # slices closer to an even grid than this part of the spacing count as even,
_ROUNDED_MM = 0.05  # and those closer than this, as positions rounded to 0.1 mm are,
_EVEN_AT_MOST = 0.1  # but never beyond this part of the spacing
_STRAIGHT = 0.1  # in-plane offsets below this part of a pixel count as none
_LISTED = 5  # missing slices named in a note


@dataclass(frozen=True, eq=False)
class StackPlan:
    """How a volume is made of slices.

    Attributes
    ----------
    order : array, shape (N,)
        Slices from the first to the last along the normal.
    below, weight : array, shape (M,)
        Slice k of the volume is (1 - weight[k]) times the sorted slice below[k] plus weight[k] times the next.
    shift_px : array, shape (N, 2)
        In-plane offset (x, y) of each sorted slice from the volume's first column and row, pixels, not negative.
    spacing_xyz, origin_lps, direction
        The volume's grid, mm; direction is (3, 3), orthonormal, right-handed.
    notes : tuple of str
        What had to be filled in or resampled.
    """

    order: NDArray[np.intp]
    below: NDArray[np.intp]
    weight: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    spacing_xyz: NDArray[np.float64]
    origin_lps: NDArray[np.float64]
    direction: NDArray[np.float64]
    notes: tuple[str, ...]


def plan_stack(
    positions_lps: NDArray[np.float64],
    direction: NDArray[np.float64],
    spacing_xy: tuple[float, float],
    thickness: float | None = None,
) -> StackPlan:
    """Decide how slices become a volume.

    Parameters
    ----------
    positions_lps : array, shape (N, 3)
        Centre of each slice's first pixel, LPS mm, in any order; no two may be at the same place along the normal.
    direction : array, shape (3, 3)
        Orthonormal columns: along a row (x), along a column (y), the normal.
    spacing_xy : tuple of float
        Pixel size along x and y, mm.
    thickness : float, optional
        Slice spacing of a single slice, mm; 1 mm without it.

    Returns
    -------
    StackPlan
        A plain stack where slices are even and straight. Missing slices (gaps that are multiples of the spacing) are
        filled linearly, uneven ones resampled linearly to the median gap, and slices that are shifted in their plane
        (a tilted gantry) are moved onto one right-angled grid.
    """
    order = np.argsort(positions_lps @ direction[:, 2], kind="stable")
    along = (positions_lps[order] - positions_lps[order[0]]) @ direction  # x, y, z mm from the first slice
    z = along[:, 2]
    if len(z) == 1:
        below, weight, spacing_z = np.zeros(1, np.intp), np.zeros(1), thickness or 1.0
        notes: tuple[str, ...] = ("There is one slice only; its thickness was taken as the slice spacing.",)
    else:
        below, weight, spacing_z, notes = _plan_normal(z, positions_lps[order])
    spacing = np.array([*spacing_xy, spacing_z])
    offsets = along[:, :2]
    origin = positions_lps[order[0]].astype(float)
    shift = np.zeros((len(z), 2))
    if np.ptp(offsets / spacing[:2], axis=0).max() > _STRAIGHT:
        low = offsets.min(axis=0)
        shift = (offsets - low) / spacing[:2]
        origin = origin + direction[:, :2] @ low
        notes = (_shift_note(z, offsets), *notes)
    return StackPlan(order, below, weight, shift, spacing, origin, direction, notes)


def build_stack(slices: Sequence[NDArray[Any]], plan: StackPlan) -> sitk.Image:
    """Make the volume that `plan` describes of `slices`, 2-D arrays (y, x) of one type in the plan's original order.

    Returns
    -------
    SimpleITK.Image
        Of the slices' type; where a shifted slice leaves no values stands the minimum of all.
    """
    ordered = [slices[i] for i in plan.order]
    if plan.shift_px.any() or plan.weight.any():
        volume = _resampled(ordered, plan)
    else:
        volume = np.stack([ordered[i] for i in plan.below])
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(plan.spacing_xyz.tolist())
    image.SetOrigin(plan.origin_lps.tolist())
    image.SetDirection(plan.direction.ravel().tolist())
    return image


def _plan_normal(
    z: NDArray[np.float64], positions: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], float, tuple[str, ...]]:
    """Return below, weight, spacing and notes for sorted positions `z` along the normal, mm, the first at 0."""
    gaps = np.diff(z)
    steps = _as_multiples(z, float(np.median(gaps)))
    if steps is None and z[-1] < 4 * len(z) * gaps.min():
        steps = _as_multiples(z, float(gaps.min()))
    if steps is None:
        spacing = float(np.median(gaps))
        wanted = np.arange(np.floor(z[-1] / spacing + 1e-6) + 1.0) * spacing
        below, weight = _between(z, wanted)
        return below, weight, spacing, (_uneven_note(gaps, spacing),)
    spacing = float(z[-1] / steps[-1])
    below, weight = _between(steps.astype(float), np.arange(steps[-1] + 1.0))
    missing = np.flatnonzero(weight > 0)
    if not missing.size:
        return below, weight, spacing, ()
    places = [positions[below[k]] * (1 - weight[k]) + positions[below[k] + 1] * weight[k] for k in missing]
    return below, weight, spacing, (_missing_note(missing, places),)


def _as_multiples(z: NDArray[np.float64], spacing: float) -> NDArray[np.int64] | None:
    """Return the positions as whole numbers of slices, None where they do not fit an even grid."""
    steps = np.concatenate([[0], np.cumsum(np.rint(np.diff(z) / spacing))]).astype(np.int64)
    if np.diff(steps).min() < 1:
        return None
    even = steps * (z[-1] / steps[-1])
    allowed = min(max(_EVEN * spacing, _ROUNDED_MM), _EVEN_AT_MOST * spacing)
    return steps if np.abs(z - even).max() <= allowed + 1e-6 else None


def _between(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    below = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    weight = np.clip((wanted - known[below]) / (known[below + 1] - known[below]), 0, 1)
    whole = weight > 1 - 1e-6  # the next slice itself
    last = len(known) - 1
    below, weight = np.where(whole, np.minimum(below + 1, last), below), np.where(whole | (weight < 1e-6), 0, weight)
    return below, weight


def _resampled(ordered: list[NDArray[Any]], plan: StackPlan) -> NDArray[Any]:
    """Return the volume (z, y, x), each slice moved in its plane and mixed with the next as planned."""
    background = float(min(part.min() for part in ordered))
    rows, columns = ordered[0].shape
    extra_x, extra_y = np.ceil(plan.shift_px.max(axis=0) - 1e-6).astype(int)
    shape = (rows + int(extra_y), columns + int(extra_x))
    volume = np.empty((len(plan.below), *shape), ordered[0].dtype)
    moved: dict[int, NDArray[np.float32]] = {}
    for k, (below, weight) in enumerate(zip(plan.below.tolist(), plan.weight.tolist(), strict=True)):
        needed = [below] if weight == 0 else [below, below + 1]
        moved = {i: moved[i] if i in moved else _moved(ordered[i], plan.shift_px[i], shape, background) for i in needed}
        mixed = moved[below] if weight == 0 else (1 - weight) * moved[below] + weight * moved[below + 1]
        volume[k] = rounded_to(mixed, volume.dtype)
    return volume


def _moved(
    values: NDArray[Any], shift_px: NDArray[np.float64], shape: tuple[int, int], background: float
) -> NDArray[np.float32]:
    """Return the slice on a larger canvas, moved by a positive number of pixels (x, y), linearly interpolated."""
    canvas = np.full((shape[0] + 1, shape[1] + 1), background, np.float32)
    (x, part_x), (y, part_y) = [(int(np.floor(s + 1e-6)), s - np.floor(s + 1e-6)) for s in shift_px]
    canvas[y + 1 : y + 1 + values.shape[0], x + 1 : x + 1 + values.shape[1]] = values
    if part_x > 1e-6:
        canvas[:, 1:] = (1 - part_x) * canvas[:, 1:] + part_x * canvas[:, :-1]
    if part_y > 1e-6:
        canvas[1:] = (1 - part_y) * canvas[1:] + part_y * canvas[:-1]
    return canvas[1:, 1:]


def _missing_note(missing: NDArray[np.intp], places: list[NDArray[np.float64]]) -> str:
    named = [f"slice {k} at LPS ({p[0]:.1f}, {p[1]:.1f}, {p[2]:.1f}) mm" for k, p in zip(missing, places, strict=True)]
    more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    are = "is" if len(named) == 1 else "are"
    return (
        f"{plural(len(named), 'slice')} {are} missing and {'was' if are == 'is' else 'were'} filled by linear "
        f"interpolation: {', '.join(named[:_LISTED])}{more}."
    )


def _uneven_note(gaps: NDArray[np.float64], spacing: float) -> str:
    worst = int(np.argmax(np.abs(gaps - spacing)))
    return (
        f"The slices are unevenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm; the worst gap is {gaps[worst]:.2f} "
        f"mm, after slice {worst}): the volume was resampled linearly to the median gap of {spacing:.2f} mm."
    )


def _shift_note(z: NDArray[np.float64], offsets: NDArray[np.float64]) -> str:
    slope = np.linalg.lstsq(z[:, None], offsets, rcond=None)[0][0]
    rest = np.linalg.norm(offsets - z[:, None] * slope, axis=1).max()
    farthest = np.linalg.norm(offsets, axis=1).max()
    if rest > 0.05 * farthest:
        return (
            f"The slices are shifted against each other in their plane by up to {farthest:.1f} mm: they were resampled "
            "onto one right-angled grid by linear interpolation."
        )
    angle = np.degrees(np.arctan(np.linalg.norm(slope)))
    return (
        f"The stack is sheared by {angle:.1f} degrees (a tilted gantry): its slices were moved in their plane onto a "
        "right-angled grid by linear interpolation."
    )
