"""The linear transform on which most of many doubtful point pairs agree (RANSAC)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LinearModel = Literal["rigid", "similarity", "affine"]

SAMPLES = 4000  # of three pairs each
REFINED = 12  # hypotheses with most pairs on their side
ROUNDS = 8  # of fitting anew to the pairs that agree
LOOSE = 2.0  # tolerances within which a hypothesis from few pairs has a pair on its side
STRETCH = 0.25  # by which the sides of a triangle may differ between both images before it is not tried
SCALES = (0.4, 2.5)  # of a similarity


def fit_linear(
    fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64], model: LinearModel
) -> NDArray[np.float64]:
    """Return the least-squares transform of point pairs (Umeyama 1991; lines of an affine one by themselves).

    Parameters
    ----------
    fixed_points, moving_points : array, shape (..., N, D)
        Pairs; leading axes are many fits at once, but for the affine model.
    model : {"rigid", "similarity", "affine"}
        What the transform may do.

    Returns
    -------
    array, shape (..., D + 1, D + 1)
        Homogeneous, fixed -> moving. Points that do not span the space give a transform all the same, one of many.
    """
    n = fixed_points.shape[-1]
    centre, other = fixed_points.mean(axis=-2), moving_points.mean(axis=-2)
    ours, theirs = fixed_points - centre[..., None, :], moving_points - other[..., None, :]
    if model == "affine":
        linear = np.linalg.lstsq(ours, theirs, rcond=None)[0].T
    else:
        u, sizes, vt = np.linalg.svd(np.swapaxes(theirs, -1, -2) @ ours)
        signs = np.ones(sizes.shape)
        signs[..., -1] = np.sign(np.linalg.det(u @ vt))
        linear = (u * signs[..., None, :]) @ vt
        if model == "similarity":
            scale = (sizes * signs).sum(axis=-1) / np.maximum((ours**2).sum(axis=(-1, -2)), 1e-12)
            linear = linear * scale[..., None, None]
    matrix = np.zeros((*linear.shape[:-2], n + 1, n + 1))
    matrix[..., :n, :n] = linear
    matrix[..., :n, n] = other - (linear @ centre[..., None])[..., 0]
    matrix[..., n, n] = 1.0
    return matrix


def residuals(
    matrices: NDArray[np.float64], fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far transforms (..., D + 1, D + 1) take fixed points from the moving ones, shape (..., N)."""
    n = fixed_points.shape[-1]
    mapped = fixed_points @ np.swapaxes(matrices[..., :n, :n], -1, -2) + matrices[..., None, :n, n]
    return np.asarray(np.linalg.norm(mapped - moving_points, axis=-1))


def find_consensus(
    fixed_points: NDArray[np.float64],
    moving_points: NDArray[np.float64],
    model: LinearModel,
    tolerance: float,
    *,
    rng: np.random.Generator,
    guesses: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the transform that most pairs agree on, fitted to all of them, and which they are.

    Parameters
    ----------
    fixed_points, moving_points : array, shape (N, 3)
        Pairs, three at least, many of them wrong.
    model : {"rigid", "similarity", "affine"}
        What the transform may do. An affine one is looked for as a similarity, and fitted as affine.
    tolerance : float
        Largest distance of a pair that agrees, in the unit of the points.
    rng : numpy.random.Generator
        Draws triples of pairs; the same one gives the same result.
    guesses : array, shape (K, 4, 4), optional
        Transforms to try besides those of triples.

    Returns
    -------
    matrix : array, shape (4, 4)
        Fixed -> moving.
    agrees : array of bool, shape (N,)
        Pairs within `tolerance` of it.
    """
    drawn: LinearModel = "rigid" if model == "rigid" else "similarity"
    tried = _from_triples(fixed_points, moving_points, drawn, rng)
    if guesses is not None:
        tried = np.concatenate([guesses, tried])
    votes = (residuals(tried, fixed_points, moving_points) < LOOSE * tolerance).sum(axis=-1)
    best = (np.eye(4), np.zeros(len(fixed_points), bool), 0.0)
    for index in np.argsort(-votes, kind="stable")[:REFINED]:
        matrix, agrees = _grown(tried[index], fixed_points, moving_points, model, tolerance)
        errors = residuals(matrix, fixed_points, moving_points)[agrees]
        score = float((1 - (errors / tolerance) ** 2).sum())
        if score > best[2]:
            best = (matrix, agrees, score)
    return best[:2]


def _grown(
    matrix: NDArray[np.float64],
    fixed_points: NDArray[np.float64],
    moving_points: NDArray[np.float64],
    model: LinearModel,
    tolerance: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fit to the pairs that agree, with a tolerance that shrinks, until they are the same."""
    agrees = residuals(matrix, fixed_points, moving_points) < LOOSE * tolerance
    for part in np.linspace(LOOSE, 1.0, ROUNDS):
        few = np.count_nonzero(agrees) < (8 if model == "affine" else 3)
        if few:
            break
        fitted: LinearModel = "similarity" if model == "affine" and part > (1 + LOOSE) / 2 else model
        matrix = fit_linear(fixed_points[agrees], moving_points[agrees], fitted)
        agrees = residuals(matrix, fixed_points, moving_points) < part * tolerance
    return matrix, residuals(matrix, fixed_points, moving_points) < tolerance


def _from_triples(
    fixed_points: NDArray[np.float64],
    moving_points: NDArray[np.float64],
    model: LinearModel,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return transforms of drawn triples whose triangles are alike in both images."""
    triples = rng.integers(len(fixed_points), size=(SAMPLES, 3))
    triples = triples[[len(set(triple)) == 3 for triple in triples.tolist()]]
    sides = [points[triples] - points[np.roll(triples, 1, axis=1)] for points in (fixed_points, moving_points)]
    ours, theirs = (np.linalg.norm(side, axis=-1) for side in sides)
    ratios = theirs / np.maximum(ours, 1e-9)
    middle = np.ones(len(ratios)) if model == "rigid" else np.median(ratios, axis=1)
    alike = (np.abs(ratios / np.maximum(middle, 1e-9)[:, None] - 1) < STRETCH).all(axis=1)
    alike &= (middle > SCALES[0]) & (middle < SCALES[1])
    kept = triples[alike]
    return fit_linear(fixed_points[kept], moving_points[kept], model)
