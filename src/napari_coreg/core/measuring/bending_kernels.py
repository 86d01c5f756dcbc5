"""Compiled sum of the squared second differences of displacements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@compiled
def sum_energies(vectors: Array, spacing: Array, inner: Array, inside: Array) -> float:
    """Return the sum over voxels of all squared second derivatives, by central differences.

    Voxels at the border of the array take the value of their neighbour further in.

    Parameters
    ----------
    vectors : array, shape (nz, ny, nx, D)
        64-bit floats; nz = 1 in 2-D, else 3 or more.
    spacing : array, shape (3,)
        zyx.
    inner : array of int, shape (3, 2)
        Start and stop along z, y, x of the voxels that are summed over.
    inside : array of bool, shape of the inner voxels
        Which of them count.
    """
    nz, ny, nx, n = vectors.shape
    total = 0.0
    xx, yy, zz = 1.0 / spacing[2] ** 4, 1.0 / spacing[1] ** 4, 1.0 / spacing[0] ** 4
    xy = 2.0 / (4.0 * spacing[1] * spacing[2]) ** 2
    xz = 2.0 / (4.0 * spacing[0] * spacing[2]) ** 2
    yz = 2.0 / (4.0 * spacing[0] * spacing[1]) ** 2
    for row_z in range(inner[0, 0], inner[0, 1]):
        z = min(max(row_z, 1), nz - 2) if nz > 1 else 0
        for row_y in range(inner[1, 0], inner[1, 1]):
            y = min(max(row_y, 1), ny - 2)
            for row_x in range(inner[2, 0], inner[2, 1]):
                if not inside[row_z - inner[0, 0], row_y - inner[1, 0], row_x - inner[2, 0]]:
                    continue
                x = min(max(row_x, 1), nx - 2)
                for c in range(n):
                    twice = 2.0 * vectors[z, y, x, c]
                    along_x = vectors[z, y, x + 1, c] + vectors[z, y, x - 1, c] - twice
                    along_y = vectors[z, y + 1, x, c] + vectors[z, y - 1, x, c] - twice
                    mixed = vectors[z, y + 1, x + 1, c] - vectors[z, y + 1, x - 1, c]
                    mixed += vectors[z, y - 1, x - 1, c] - vectors[z, y - 1, x + 1, c]
                    total += xx * along_x * along_x + yy * along_y * along_y + xy * mixed * mixed
                    if nz == 1:
                        continue
                    along_z = vectors[z + 1, y, x, c] + vectors[z - 1, y, x, c] - twice
                    with_x = vectors[z + 1, y, x + 1, c] - vectors[z + 1, y, x - 1, c]
                    with_x += vectors[z - 1, y, x - 1, c] - vectors[z - 1, y, x + 1, c]
                    with_y = vectors[z + 1, y + 1, x, c] - vectors[z + 1, y - 1, x, c]
                    with_y += vectors[z - 1, y - 1, x, c] - vectors[z - 1, y + 1, x, c]
                    total += zz * along_z * along_z + xz * with_x * with_x + yz * with_y * with_y
    return total
