"""Compiled search for the nearest element of a surface, along rows of voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

NONE = 2**30  # steps to an element of a row that has none


@compiled
def fill_row_steps(is_element: Array, steps: Array) -> None:
    """Fill for each voxel (zyx) how many steps the nearest element of its row along x is away."""
    nz, ny, nx = is_element.shape
    for z in range(nz):
        for y in range(ny):
            away = NONE
            for x in range(nx):
                away = 0 if is_element[z, y, x] else min(away + 1, NONE)
                steps[z, y, x] = away
            away = NONE
            for x in range(nx - 1, -1, -1):
                away = 0 if is_element[z, y, x] else min(away + 1, NONE)
                steps[z, y, x] = min(steps[z, y, x], away)


@compiled
def find_near(places: Array, steps: Array, spacing: Array, reach: float, distances: Array) -> None:
    """Fill the distance to the nearest element, mm, and -1 where there is none within reach.

    Parameters
    ----------
    places : array of int, shape (N, 3)
        Where to look from, zyx.
    steps : array of int, shape (nz, ny, nx)
        As `fill_row_steps` fills it.
    spacing : array, shape (3,)
        Of the rows and the voxels in them, mm, zyx.
    reach : float
        How far to look, mm.
    distances : array, shape (N,)
        Filled.
    """
    nz, ny = steps.shape[:2]
    for n in range(places.shape[0]):
        z, y, x = places[n, 0], places[n, 1], places[n, 2]
        best = reach * reach
        is_found = False
        for dz in range(nz):
            across = dz * spacing[0] * (dz * spacing[0])
            if across > best:
                break
            for side in range(1 if dz == 0 else 2):
                row_z = z - dz if side else z + dz
                if row_z < 0 or row_z >= nz:
                    continue
                for dy in range(ny):
                    square = across + dy * spacing[1] * (dy * spacing[1])
                    if square > best:
                        break
                    for turn in range(1 if dy == 0 else 2):
                        row_y = y - dy if turn else y + dy
                        if row_y < 0 or row_y >= ny:
                            continue
                        along = steps[row_z, row_y, x]
                        if along == NONE:
                            continue
                        found = square + along * spacing[2] * (along * spacing[2])
                        if found <= best:
                            best, is_found = found, True
        distances[n] = np.sqrt(best) if is_found else -1.0
