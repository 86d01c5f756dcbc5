"""Checks of each volume's axes: how many, how long, at which angles, with which spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.geometry import MINIMUM_VOXELS
from napari_coreg.core.preflight.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_coreg.core.preflight.pair import Pair, Side

RIGHT_ANGLED = 1e-4  # tolerance of the cosines, as registrations have it
ANISOTROPIC, VERY_ANISOTROPIC = 8.0, 20.0  # longest edge of a voxel over its shortest
UNLIKELY_CUBES = 3.0  # longest axis over the shortest, of a volume that says that its voxels are cubes
LARGEST_AT_1_MM = 400  # voxels along an axis
LIKE_THE_OTHER = 2.0  # factor within which the sizes of two volumes agree


def check_dimensions(pair: Pair) -> Iterator[Finding]:
    """Find volumes of other than two or three axes, and pairs of a volume and a slice."""
    for side in pair.sides:
        number = side.image.GetDimension()
        if number not in (2, 3):
            yield Finding(
                "error", "dimension", f"{side.name} is neither 2-D nor 3-D", f"{number} axes", "Pick one frame of it."
            )
    numbers = [side.image.GetDimension() for side in pair.sides]
    if numbers[0] != numbers[1]:
        yield Finding(
            "error",
            "dimensions_differ",
            "the two have different numbers of axes",
            f"{numbers[0]} and {numbers[1]}",
            "Take two volumes, or two 2-D images.",
        )


def check_axis_lengths(pair: Pair) -> Iterator[Finding]:
    """Find axes of too few voxels, above all single slices that say they are volumes."""
    for side in pair.sides:
        size = side.grid.size_xyz
        if len(size) not in (2, 3) or min(size) >= MINIMUM_VOXELS:
            continue
        is_slice = len(size) == 3 and min(size) == 1
        yield Finding(
            "error",
            "thin_axis",
            f"{side.name} is a single slice" if is_slice else f"{side.name} has an axis of too few voxels",
            " x ".join(map(str, size)) + " voxels",
            f"Every axis needs at least {MINIMUM_VOXELS} voxels; take 2-D images for two single slices.",
        )


def check_positions(pair: Pair) -> Iterator[Finding]:
    """Find spacing, origin or direction that place the voxels nowhere."""
    for side in pair.sides:
        if side.image.GetDimension() not in (2, 3) or min(side.grid.size_xyz) < 1 or side.is_placed:
            continue
        grid = side.grid
        yield Finding(
            "error",
            "position",
            f"{side.name} lies nowhere: its header does not hold usable numbers",
            f"spacing {_numbers(grid.spacing_xyz)} mm, origin {_numbers(grid.origin_lps)} mm, direction "
            f"{_numbers(grid.direction)}",
            "Repair the header that it was read from.",
        )


def check_angles(pair: Pair) -> Iterator[Finding]:
    """Find axes that are not at right angles, and left-handed ones."""
    for side in pair.sides:
        if not side.is_placed:
            continue
        n = side.grid.dimension
        axes = np.reshape(side.grid.direction, (n, n))
        if not np.allclose(axes.T @ axes, np.eye(n), atol=RIGHT_ANGLED):
            unit = axes / np.linalg.norm(axes, axis=0)
            lean = float(np.degrees(np.arcsin(min(1.0, np.abs(unit.T @ unit - np.eye(n)).max()))))
            yield Finding(
                "error",
                "sheared",
                f"the axes of {side.name} are not at right angles of unit length, as from a tilted gantry",
                f"{lean:.3g} degrees off",
                "Resample it onto a right-angled grid first, as napari_coreg.read_volume does.",
            )
        elif np.linalg.det(axes) < 0:
            yield Finding(
                "note",
                "left_handed",
                f"the axes of {side.name} are left-handed, which is honoured",
                "determinant -1",
                "Nothing to do, if the file's left and right are true.",
            )


def check_voxel_shape(pair: Pair) -> Iterator[Finding]:
    """Find voxels that are much longer than wide."""
    for side in pair.sides:
        if not side.is_placed:
            continue
        spacing = side.grid.spacing_xyz
        ratio = max(spacing) / min(spacing)
        if ratio > ANISOTROPIC:
            yield Finding(
                "warning" if ratio > VERY_ANISOTROPIC else "note",
                "anisotropic",
                f"the voxels of {side.name} are much longer than wide",
                f"{_numbers(spacing, ' x ')} mm, {ratio:.3g} : 1",
                "Check the spacing in its header; if it is true, expect less accuracy along the long edge.",
            )


def check_spacing_is_known(pair: Pair) -> Iterator[Finding]:
    """Find spacing and position that stand for no header at all, where they are not plausible."""
    if not pair.is_placed:
        return
    for side, other in ((pair.fixed, pair.moving), (pair.moving, pair.fixed)):
        doubts = _doubts_of_1_mm(side, other) if _is_without_header(side) else []
        if doubts:
            yield Finding(
                "warning",
                "no_spacing",
                f"{side.name} seems to have no spacing: every voxel is 1 mm long, at the origin, but {doubts[0]}",
                " x ".join(f"{extent:.4g}" for extent in side.extents_mm) + " mm in all",
                "Set its true voxel size; a rigid registration cannot mend a wrong one.",
            )


def _is_without_header(side: Side) -> bool:
    grid = side.grid
    axes = np.abs(np.reshape(grid.direction, (grid.dimension, grid.dimension)))
    is_at_origin = not np.any(grid.origin_lps) or np.allclose(grid.centre_lps, 0, atol=1e-6)  # NIfTI's is the centre
    is_upright = np.array_equal(axes, np.eye(grid.dimension))
    return set(grid.spacing_xyz) == {1.0} and is_at_origin and is_upright


def _doubts_of_1_mm(side: Side, other: Side) -> list[str]:
    """Return why its voxels cannot well be cubes of 1 mm."""
    size = side.grid.size_xyz
    doubts = []
    if len(size) == 3 and max(size) > UNLIKELY_CUBES * min(size):
        doubts.append("its axes differ so much in length that its voxels are no cubes")
    if len(size) == 3 and max(size) > LARGEST_AT_1_MM:
        doubts.append(f"an axis has {max(size)} voxels")
    ratio = float(side.extents_mm.max() / other.extents_mm.max())
    if not _is_without_header(other) and not 1 / LIKE_THE_OTHER <= ratio <= LIKE_THE_OTHER:
        doubts.append(f"it is {ratio:.2g} times as long as {other.name}")
    return doubts


def _numbers(values: tuple[float, ...], separator: str = ", ") -> str:
    return separator.join(f"{value:.4g}" for value in values)
