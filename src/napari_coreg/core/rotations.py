"""Correlation of functions on spheres over all rotations at once, through spherical harmonics."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEGREE = 24  # the highest spherical harmonics; they tell rotations some 360 / 24 / 2 degrees apart
TILTS = 2 * DEGREE  # nodes of the quadrature from pole to pole, and tilts at which rotations are tried
TURNS = 4 * DEGREE  # points on each circle of latitude; rotations about the polar axis that are tried


def sphere_directions() -> NDArray[np.float64]:
    """Return the unit vectors (xyz) at which `rotation_peaks` wants its functions, shape (TILTS, TURNS, 3)."""
    tilt, _ = _quadrature()
    turn = 2 * np.pi * np.arange(TURNS) / TURNS
    tilt, turn = np.meshgrid(tilt, turn, indexing="ij")
    return np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=-1)


def harmonics(values: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the coefficients of even degree of functions on the sphere.

    Parameters
    ----------
    values : array, shape (K, TILTS, TURNS)
        Of K functions, at `sphere_directions`.

    Returns
    -------
    array of complex, shape (K, DEGREE + 1, 2 * DEGREE + 1)
        By degree l and order m + DEGREE; 0 for odd l, which functions that are even (f(-x) = f(x)) do not have.
    """
    orders = np.arange(-DEGREE, DEGREE + 1)
    circles = np.fft.fft(values, axis=-1)[..., orders] / TURNS
    coefficients: NDArray[np.complex128] = np.einsum("ktm,tlm->klm", circles, _analysis(), optimize=True)
    return coefficients


def rotation_peaks(
    fixed: NDArray[np.complex128], moving: NDArray[np.complex128], number: int, apart_degrees: float
) -> list[tuple[float, NDArray[np.float64]]]:
    """Return the rotations under which two sets of functions agree best, best first.

    Parameters
    ----------
    fixed, moving : array of complex, shape (K, DEGREE + 1, 2 * DEGREE + 1)
        From `harmonics`, weighted at will.
    number : int
        How many rotations.
    apart_degrees : float
        How far they are from each other at least.

    Returns
    -------
    list of (float, array of shape (3, 3))
        Correlation, and rotation R with fixed(x) = moving(R x).

    Notes
    -----
    The correlation over all rotations is a sum of Wigner matrices, whose outer angles are Fourier series (Kostelec and
    Rockmore, FFTs on the rotation group, J. Fourier Anal. Appl. 14, 2008).
    """
    series = np.zeros((TILTS, 2 * DEGREE + 1, 2 * DEGREE + 1), complex)
    for degree in range(0, DEGREE + 1, 2):
        inner = slice(DEGREE - degree, DEGREE + degree + 1)
        product = fixed[:, degree, inner].T @ moving[:, degree, inner].conj()
        series[:, inner, inner] += product * _wigner_at_tilts()[:, degree, inner, inner]
    padded = np.zeros((TILTS, TURNS, TURNS), complex)
    orders = np.arange(-DEGREE, DEGREE + 1)
    padded[:, orders[:, None], orders] = series
    correlation = np.fft.ifft2(padded).real * TURNS**2
    highest = ndimage.maximum_filter(correlation, size=3, mode=("nearest", "wrap", "wrap"))
    tops = np.argwhere(correlation == highest)
    tops = tops[np.argsort(-correlation[tuple(tops.T)], kind="stable")]
    least = 1 + 2 * np.cos(np.deg2rad(apart_degrees))  # the trace of a turn that is just far enough
    found: list[tuple[float, NDArray[np.float64]]] = []
    for top in tops:
        rotation = _rotation(correlation, top).T
        if all(np.trace(rotation @ other.T) < least for _, other in found):
            found.append((float(correlation[tuple(top)]), rotation))
        if len(found) == number:
            break
    return found


def _rotation(correlation: NDArray[np.float64], top: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the rotation of a peak, between the points of the grid by a parabola along each angle."""
    tilts, _ = _quadrature()
    exact = []
    for axis, index in enumerate(top):
        neighbours = [top.copy(), top.copy()]
        neighbours[0][axis], neighbours[1][axis] = index - 1, (index + 1) % correlation.shape[axis]
        if axis == 0 and not 0 < index < TILTS - 1:
            exact.append(float(index))
            continue
        low, high = (correlation[tuple(each)] for each in neighbours)
        curvature = low - 2 * correlation[tuple(top)] + high
        exact.append(index + (0.5 * (low - high) / curvature if curvature < 0 else 0.0))
    tilt = float(np.interp(exact[0], np.arange(TILTS), tilts))
    first, last = (2 * np.pi * each / TURNS for each in exact[1:])
    return _about_z(first) @ _about_y(tilt) @ _about_z(last)


def _about_z(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _about_y(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


@lru_cache(maxsize=1)
def _quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the angles from the pole (ascending) and weights of a Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(TILTS)
    return np.arccos(nodes)[::-1], weights[::-1]


@lru_cache(maxsize=1)
def _wigner_at_tilts() -> NDArray[np.float64]:
    """Return Wigner's small d at all tilts, shape (TILTS, DEGREE + 1, 2 * DEGREE + 1, 2 * DEGREE + 1), even l only."""
    tilts, _ = _quadrature()
    table = np.zeros((TILTS, DEGREE + 1, 2 * DEGREE + 1, 2 * DEGREE + 1))
    for degree in range(0, DEGREE + 1, 2):
        inner = slice(DEGREE - degree, DEGREE + degree + 1)
        table[:, degree, inner, inner] = _wigner(degree, tilts)
    return table


@lru_cache(maxsize=1)
def _analysis() -> NDArray[np.float64]:
    """Return what turns Fourier series on circles of latitude to coefficients, (TILTS, DEGREE + 1, 2 DEGREE + 1)."""
    _, weights = _quadrature()
    degrees = np.arange(DEGREE + 1)
    normal = np.sqrt((2 * degrees + 1) / (4 * np.pi))[None, :, None]
    return 2 * np.pi * weights[:, None, None] * normal * _wigner_at_tilts()[..., DEGREE]


def _wigner(degree: int, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d^l(angle) = exp(-i angle J_y), shape (angles, 2 l + 1, 2 l + 1), by the eigenvectors of J_y."""
    m = np.arange(-degree, degree)
    raising = np.sqrt(degree * (degree + 1) - m * (m + 1.0))
    j_y = (np.diag(raising, -1) - np.diag(raising, 1)) / 2j
    values, vectors = np.linalg.eigh(j_y)
    phases = np.exp(-1j * np.outer(angles, np.round(values)))
    matrices: NDArray[np.float64] = np.einsum("ae,te,be->tab", vectors, phases, vectors.conj(), optimize=True).real
    return matrices
