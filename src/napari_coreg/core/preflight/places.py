"""Checks of where the two volumes lie: their sizes in millimetres, and whether they meet where the run starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.preflight.findings import Finding, Fix
from napari_coreg.core.preflight.pair import is_usable
from napari_coreg.core.preflight.words import amount
from napari_coreg.core.transforms import is_linear, to_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.preflight.findings import Severity
    from napari_coreg.core.preflight.pair import Pair

SHORTEST_MM, LONGEST_MM = 2.0, 3000.0  # of a volume's longest axis
UNITS = (("millimetres and metres", 1000.0, 1.25), ("millimetres and centimetres", 10.0, 1.1))  # factor, tolerance
SMALL_OVERLAP = 0.25  # of the smaller volume
OTHER_FIELD_OF_VIEW = 5.0  # ratio of the volumes' sizes
OTHER_RESOLUTION = 4.0  # ratio of the voxels' edges
LATTICE = 16  # points along each axis that stand for a volume


def check_initial_transform(pair: Pair) -> Iterator[Finding]:
    """Find an initial transform that cannot be used."""
    transform, dimension = pair.initial_transform, pair.fixed.image.GetDimension()
    if transform is None or is_usable(transform, dimension):
        return
    other = transform.GetDimension()
    yield Finding(
        "error",
        "initial_transform",
        "the initial transform is for another number of axes"
        if other != dimension
        else "the initial transform takes the volume to no place or squeezes it flat",
        f"{other} axes, the volumes have {dimension}"
        if other != dimension
        else f"matrix {to_matrix(transform).round(4).tolist()}",
        "Give another one, or none.",
    )


def check_overlap(pair: Pair) -> Iterator[Finding]:
    """Find volumes that do not meet, or hardly, where the run starts."""
    if pair.start is None:
        return
    part = overlap_of_the_smaller(pair.fixed.grid, pair.moving.grid, pair.start)
    if part >= SMALL_OVERLAP:
        return
    do_meet = part > 0 or not are_apart(pair.fixed.grid, pair.moving.grid, pair.start)
    value = f"{100 * part:.0f} % of the smaller one" if part > 0 or not do_meet else "less than 1 % of the smaller one"
    where = "through the initial transform" if pair.initial_transform is not None else "by the positions in the headers"
    severity: Severity = "warning" if do_meet else "error"
    key, verb = ("small_overlap", "hardly meet") if do_meet else ("no_overlap", "do not meet")
    what = f"the two volumes {verb} {where}"
    if not pair.trusts_start:
        remedy = f"Nothing to do: initialization '{pair.recipe.initialization}' brings them together by itself."
        yield Finding("note", key, what, value, remedy)
    elif pair.initial_transform is not None:
        remedy = "Give a transform that maps fixed points to moving points (LPS, mm), perhaps its inverse, or none."
        yield Finding(severity, key, what, value, remedy)
    else:
        remedy = "Let the run find the start, or align the volumes by hand first."
        yield Finding(severity, key, what, value, remedy, automatic_start(pair))


def check_extents(pair: Pair) -> Iterator[Finding]:
    """Find volumes whose size speaks for metres, centimetres or micrometres."""
    if not pair.is_placed:
        return
    longest = [float(side.extents_mm.max()) for side in pair.sides]
    ratios = np.sort(pair.fixed.extents_mm)[::-1] / np.sort(pair.moving.extents_mm)[::-1]
    for units, factor, tolerance in UNITS:
        if all(factor / tolerance <= ratio <= factor * tolerance for ratio in np.maximum(ratios, 1 / ratios)):
            yield Finding(
                "warning",
                "units_differ",
                f"one volume is {factor:g} times as long as the other, as if they were in {units}",
                f"{longest[0]:.4g} and {longest[1]:.4g} mm",
                "Bring the spacing and origin of both to millimetres.",
            )
    are_both_odd = all(not SHORTEST_MM <= extent <= LONGEST_MM for extent in longest)
    for side, extent in zip(pair.sides, longest, strict=True):
        if not SHORTEST_MM <= extent <= LONGEST_MM:
            yield Finding(
                "note" if are_both_odd else "warning",
                "size",
                f"{side.name} is very {'small' if extent < SHORTEST_MM else 'large'} for millimetres",
                f"its longest axis is {extent:.4g} mm",
                "Check the unit of its spacing; recipes reckon in millimetres (smoothing, grid spacings).",
            )


def check_fields_of_view(pair: Pair) -> Iterator[Finding]:
    """Find volumes of very different size."""
    if not pair.is_placed:
        return
    sizes = [float(np.prod(side.extents_mm)) for side in pair.sides]
    ratio = max(sizes) / min(sizes)
    if ratio <= OTHER_FIELD_OF_VIEW:
        return
    is_misled = pair.initial_transform is None and pair.recipe.initialization in ("centre", "moments")
    unit, per_unit = ("ml", 1e3) if pair.fixed.grid.dimension == 3 else ("cm²", 1e2)
    yield Finding(
        "warning" if is_misled else "note",
        "field_of_view",
        "the two volumes show regions of very different size"
        + (f", so initialization '{pair.recipe.initialization}' lays other regions on each other" if is_misled else ""),
        f"{amount(sizes[0] / per_unit)} and {amount(sizes[1] / per_unit)} {unit}, {ratio:.3g} : 1",
        "Let the run find the start, or crop the larger one."
        if is_misled
        else "Crop the larger one, or mask it, if the run ends in the wrong place.",
        automatic_start(pair) if is_misled else None,
    )


def check_resolutions(pair: Pair) -> Iterator[Finding]:
    """Find volumes of very different resolution."""
    if not pair.is_placed:
        return
    edges = [side.grid.voxel_edge_mm for side in pair.sides]
    ratio = max(edges) / min(edges)
    if ratio > OTHER_RESOLUTION:
        yield Finding(
            "note",
            "resolution",
            "the two volumes have very different resolutions",
            f"voxels of about {edges[0]:.3g} and {edges[1]:.3g} mm",
            "Nothing to do; expect the accuracy of the coarser one.",
        )


def automatic_start(pair: Pair) -> Fix:
    """Return the remedy that lets the run find its start."""
    recipe = pair.recipe.model_copy(update={"initialization": "auto"})
    return Fix("Find the start automatically", "--initial auto", recipe)


def overlap_of_the_smaller(fixed: Grid, moving: Grid, start: sitk.Transform) -> float:
    """Return about which part of the smaller volume lies on the other one through `start`, 0 to 1.

    Parameters
    ----------
    fixed, moving : Grid
        The two grids, of the same number of axes.
    start : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    """
    if not is_linear(start):
        points = np.array([start.TransformPoint(point) for point in _lattice(fixed).tolist()])
        return _part_on(moving, points)
    matrix = to_matrix(start)
    fixed_size = abs(np.linalg.det(fixed.index_to_lps)) * fixed.number_of_voxels * abs(np.linalg.det(matrix))
    moving_size = abs(np.linalg.det(moving.index_to_lps)) * moving.number_of_voxels
    if fixed_size <= moving_size:
        return _part_on(moving, _mapped(matrix, _lattice(fixed)))
    return _part_on(fixed, _mapped(np.linalg.inv(matrix), _lattice(moving)))


def are_apart(fixed: Grid, moving: Grid, start: sitk.Transform) -> bool:
    """Whether a face of one of the two boxes has all of the other one beyond it; of a deformable start always."""
    if not is_linear(start):
        return True
    to_moving = to_matrix(start)
    boxes = (
        (moving, _mapped(to_moving, fixed.corners_lps)),
        (fixed, _mapped(np.linalg.inv(to_moving), moving.corners_lps)),
    )
    for grid, corners in boxes:
        index = _mapped(np.linalg.inv(grid.index_to_lps), corners)
        if ((index.max(axis=0) <= -0.5) | (index.min(axis=0) >= np.array(grid.size_xyz) - 0.5)).any():
            return True
    return False


def _lattice(grid: Grid) -> NDArray[np.float64]:
    """Return points that are spread evenly over the grid, LPS mm, shape (16**D, D)."""
    n = grid.dimension
    steps = (np.arange(LATTICE) + 0.5) / LATTICE
    lattice = np.stack(np.meshgrid(*[steps] * n, indexing="ij"), axis=-1).reshape(-1, n)
    return grid.to_lps(lattice * grid.size_xyz - 0.5)


def _part_on(grid: Grid, points_lps: NDArray[np.float64]) -> float:
    index = _mapped(np.linalg.inv(grid.index_to_lps), points_lps)
    return float(np.mean(((index > -0.5) & (index < np.array(grid.size_xyz) - 0.5)).all(axis=1)))


def _mapped(matrix: NDArray[np.floating[Any]], points: NDArray[np.float64]) -> NDArray[np.float64]:
    n = points.shape[-1]
    mapped: NDArray[np.float64] = points @ matrix[:n, :n].T + matrix[:n, n]
    return mapped
