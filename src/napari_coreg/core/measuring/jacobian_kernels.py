"""Compiled Jacobian determinants of displacement fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@compiled
def fill_determinants(vectors: Array, axes: Array, determinants: Array) -> None:
    """Fill det(I + du/dp), by central differences, one-sided at the border of the array.

    Parameters
    ----------
    vectors : array of 32-bit floats, shape (nz, ny, nx, D)
        u, LPS mm; nz = 1 in 2-D.
    axes : array, shape (3, 3)
        Row k is the direction of the array's axis x, y or z in LPS, by the spacing along it.
    determinants : array of 32-bit floats, shape (nz, ny, nx)
        Filled.
    """
    nz, ny, nx, n = vectors.shape
    jacobian = np.zeros((3, 3))
    slopes = np.zeros((3, 3))
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                ahead_x, back_x = min(x + 1, nx - 1), max(x - 1, 0)
                ahead_y, back_y = min(y + 1, ny - 1), max(y - 1, 0)
                ahead_z, back_z = min(z + 1, nz - 1), max(z - 1, 0)
                over_x, over_y = 1.0 / (ahead_x - back_x), 1.0 / (ahead_y - back_y)
                over_z = 1.0 / (ahead_z - back_z) if nz > 1 else 0.0
                for i in range(n):
                    slopes[0, i] = (vectors[z, y, ahead_x, i] - vectors[z, y, back_x, i]) * over_x
                    slopes[1, i] = (vectors[z, ahead_y, x, i] - vectors[z, back_y, x, i]) * over_y
                    slopes[2, i] = (vectors[ahead_z, y, x, i] - vectors[back_z, y, x, i]) * over_z
                for i in range(3):
                    for j in range(3):
                        jacobian[i, j] = (1.0 if i == j else 0.0) + (
                            slopes[0, i] * axes[0, j] + slopes[1, i] * axes[1, j] + slopes[2, i] * axes[2, j]
                        )
                a, b, c = jacobian[0], jacobian[1], jacobian[2]
                determinants[z, y, x] = (
                    a[0] * (b[1] * c[2] - b[2] * c[1])
                    - a[1] * (b[0] * c[2] - b[2] * c[0])
                    + a[2] * (b[0] * c[1] - b[1] * c[0])
                )
