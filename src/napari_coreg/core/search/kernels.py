"""The loops of the search, compiled: the score of poses, and its improvement by a simplex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PARAMETERS = 6  # three of rotation and three of translation
FEWEST_SAMPLES = 10  # that must meet, for a histogram to say anything


@compiled
def fill_histogram(points: Array, bins: Array, volume: Array, pose: Array, histogram: Array) -> int:
    """Fill the joint histogram of the samples that meet the volume, and return how many do.

    Parameters
    ----------
    points : float64 array, shape (N, 3)
        Samples of the reference image.
    bins : int64 array, shape (N,)
        The bin of each.
    volume : float32 array, shape (nz, ny, nx)
        The other image in units of bins; negative where it has no say.
    pose : float64 array, shape (3, 4)
        Takes a point to the index (x, y, z) in `volume`.
    histogram : float64 array, shape (B, B)
        Overwritten; rows for the bins of the samples.
    """
    nz, ny, nx = volume.shape
    last = histogram.shape[1] - 2
    histogram[:] = 0.0
    met = 0
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]
        y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]
        z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
        if not (0.0 <= x <= nx - 1.0 and 0.0 <= y <= ny - 1.0 and 0.0 <= z <= nz - 1.0):
            continue
        ix, iy, iz = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
        u, v, w = np.float32(x - ix), np.float32(y - iy), np.float32(z - iz)
        here = volume[iz : iz + 2, iy : iy + 2, ix : ix + 2]
        a = here[0, 0, 0] + u * (here[0, 0, 1] - here[0, 0, 0])
        b = here[0, 1, 0] + u * (here[0, 1, 1] - here[0, 1, 0])
        c = here[1, 0, 0] + u * (here[1, 0, 1] - here[1, 0, 0])
        d = here[1, 1, 0] + u * (here[1, 1, 1] - here[1, 1, 0])
        near, far = a + v * (b - a), c + v * (d - c)
        value = near + w * (far - near)
        if value < 0:
            continue
        column = min(int(value), last)
        part = value - column
        histogram[bins[i], column] += 1.0 - part
        histogram[bins[i], column + 1] += part
        met += 1
    return met


@compiled
def information(histogram: Array, met: int) -> float:
    """Return the mutual information of a joint histogram times its number of samples, nats."""
    rows, columns = histogram.shape
    of_column = np.zeros(columns)
    for row in range(rows):
        for column in range(columns):
            of_column[column] += histogram[row, column]
    total = 0.0
    for row in range(rows):
        of_row = 0.0
        for column in range(columns):
            of_row += histogram[row, column]
        if of_row <= 0.0:
            continue
        for column in range(columns):
            count = histogram[row, column]
            if count > 1e-9:
                total += count * np.log(count * met / (of_row * of_column[column]))
    return total


@compiled
def score(points: Array, bins: Array, volume: Array, pose: Array, histogram: Array) -> float:
    """Return what the samples that meet the volume tell about it, nats per sample of all; more is better.

    A sample that meets nothing tells nothing, so a sliver of overlap cannot win however well it fits.
    """
    met = fill_histogram(points, bins, volume, pose, histogram)
    if met < FEWEST_SAMPLES:
        return 0.0
    return float(information(histogram, met) / points.shape[0])


@compiled
def place(change: Array, rotation: Array, target: Array, to_index: Array, pose: Array) -> None:
    """Fill `pose` with: turn by `rotation`, then by the rotation vector change[:3], shift to target + change[3:].

    Parameters
    ----------
    change : float64 array, shape (6,)
        Rotation vector, rad, and translation, mm.
    rotation : float64 array, shape (3, 3)
        Applied first.
    target : float64 array, shape (3,)
        Where the origin of the points goes, LPS mm.
    to_index : float64 array, shape (3, 4)
        From LPS mm to the index in the volume.
    pose : float64 array, shape (3, 4)
        Overwritten.
    """
    angle = np.sqrt(change[0] ** 2 + change[1] ** 2 + change[2] ** 2)
    turn = np.zeros((3, 3))
    if angle < 1e-12:
        turn[0, 0] = turn[1, 1] = turn[2, 2] = 1.0
    else:  # Rodrigues' formula
        x, y, z = change[0] / angle, change[1] / angle, change[2] / angle
        cosine, sine = np.cos(angle), np.sin(angle)
        rest = 1.0 - cosine
        turn[0, 0], turn[0, 1], turn[0, 2] = cosine + x * x * rest, x * y * rest - z * sine, x * z * rest + y * sine
        turn[1, 0], turn[1, 1], turn[1, 2] = x * y * rest + z * sine, cosine + y * y * rest, y * z * rest - x * sine
        turn[2, 0], turn[2, 1], turn[2, 2] = x * z * rest - y * sine, y * z * rest + x * sine, cosine + z * z * rest
    turned = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                turned[i, j] += turn[i, k] * rotation[k, j]
    for i in range(3):
        pose[i, 3] = to_index[i, 3]
        for j in range(3):
            pose[i, 3] += to_index[i, j] * (target[j] + change[3 + j])
            pose[i, j] = 0.0
            for k in range(3):
                pose[i, j] += to_index[i, k] * turned[k, j]


@compiled
def score_poses(
    points: Array,
    bins: Array,
    volume: Array,
    rotations: Array,
    targets: Array,
    to_index: Array,
    number_of_bins: int,
    scores: Array,
) -> None:
    """Fill `scores` with the score of each of the poses (rotations[i], targets[i]); see `place`."""
    histogram = np.zeros((number_of_bins, number_of_bins))
    pose = np.zeros((3, 4))
    still = np.zeros(PARAMETERS)
    for i in range(rotations.shape[0]):
        place(still, rotations[i], targets[i], to_index, pose)
        scores[i] = score(points, bins, volume, pose, histogram)


@compiled
def refine_pose(
    points: Array,
    bins: Array,
    volume: Array,
    rotation: Array,
    target: Array,
    to_index: Array,
    number_of_bins: int,
    steps: Array,
    smallest: float,
    most_scores: int,
    change: Array,
) -> float:
    """Fill `change` with what improves a pose most, and return the score there.

    The simplex of Nelder and Mead ("A simplex method for function minimization", Computer Journal 7, 1965) in the
    parameters whose step is not 0: one trial point at a time, so that the score is compiled into one place.

    Parameters
    ----------
    points, bins, volume, rotation, target, to_index, number_of_bins
        See `place` and `fill_histogram`.
    steps : float64 array, shape (6,)
        First step of each parameter: rad and mm; 0 keeps it.
    smallest : float
        The simplex stops at this part of its first size.
    most_scores : int
        It stops after so many.
    change : float64 array, shape (6,)
        Overwritten; see `place`.
    """
    free = np.flatnonzero(steps)
    n = len(free)
    corners, values = np.zeros((n + 1, n)), np.full(n + 1, -np.inf)
    for i in range(n):
        corners[i + 1, i] = 1.0
    histogram, pose = np.zeros((number_of_bins, number_of_bins)), np.zeros((3, 4))
    trial, reflected = np.zeros(n), np.zeros(n)
    reflected_value = 0.0
    fill = 0  # the next corner to evaluate; n + 1 once all are known
    phase = 0  # what the trial is: 0 a corner, 1 a reflection, 2 an expansion, 3 a contraction
    for _ in range(most_scores):
        if phase == 0:
            trial[:] = corners[fill]
        change[:] = 0.0
        for i in range(n):
            change[free[i]] = trial[i] * steps[free[i]]
        place(change, rotation, target, to_index, pose)
        value = score(points, bins, volume, pose, histogram)
        if phase == 0:
            values[fill] = value
            fill += 1
            if fill <= n:
                continue
        elif phase == 1:
            reflected[:], reflected_value = trial, value
            if value > values[0]:
                phase = 2
                for i in range(n):
                    trial[i] = _middle(corners, i) + 2.0 * (reflected[i] - _middle(corners, i))
                continue
            if value > values[n - 1]:
                corners[n], values[n] = trial, value
            else:
                phase = 3
                for i in range(n):
                    end = reflected[i] if reflected_value > values[n] else corners[n, i]
                    trial[i] = 0.5 * (_middle(corners, i) + end)
                continue
        elif phase == 2:
            if value > reflected_value:
                corners[n], values[n] = trial, value
            else:
                corners[n], values[n] = reflected, reflected_value
        elif value > max(reflected_value, values[n]):
            corners[n], values[n] = trial, value
        else:
            for i in range(1, n + 1):
                for j in range(n):
                    corners[i, j] = 0.5 * (corners[0, j] + corners[i, j])
            phase, fill = 0, 1
            continue
        _sort(corners, values)
        size = 0.0
        for i in range(1, n + 1):
            for j in range(n):
                size = max(size, abs(corners[i, j] - corners[0, j]))
        if size < smallest:
            break
        phase = 1
        for i in range(n):
            trial[i] = 2.0 * _middle(corners, i) - corners[n, i]
    _sort(corners, values)
    change[:] = 0.0
    for i in range(n):
        change[free[i]] = corners[0, i] * steps[free[i]]
    return float(values[0])


@compiled
def _middle(corners: Array, axis: int) -> float:
    """Return one coordinate of the mean of all corners but the last."""
    total = 0.0
    for i in range(corners.shape[0] - 1):
        total += corners[i, axis]
    return float(total / (corners.shape[0] - 1))


@compiled
def _sort(corners: Array, values: Array) -> None:
    """Put the best corner first; equal ones stay in their order."""
    for i in range(1, len(values)):
        j = i
        while j > 0 and values[j] > values[j - 1]:
            values[j], values[j - 1] = values[j - 1], values[j]
            for k in range(corners.shape[1]):
                corners[j, k], corners[j - 1, k] = corners[j - 1, k], corners[j, k]
            j -= 1
